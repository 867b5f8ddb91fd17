"""A month in the life of a shop, as events: visits, products, carts, orders, errors and a shopping assistant.

Everything is drawn from one seed, so that two runs tell the same story. Times are in the month before `until`.
"""

import math
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

DAYS = 30
HOST = "shop.example.com"

_COUNTRIES = {"DE": 28, "US": 22, "GB": 14, "FR": 12, "NL": 9, "ES": 8, "SE": 7}
_DEVICES = {
    ("Chrome", "Windows", "Desktop"): 30,
    ("Chrome", "Android", "Mobile"): 22,
    ("Mobile Safari", "iOS", "Mobile"): 20,
    ("Safari", "Mac OS X", "Desktop"): 13,
    ("Firefox", "Windows", "Desktop"): 8,
    ("Microsoft Edge", "Windows", "Desktop"): 7,
}
_SOURCES = {
    ("$direct", None, None): 40,
    ("www.google.com", "google", "organic"): 28,
    ("news.example.org", "newsletter", "email"): 16,
    ("social.example.net", "social", "paid"): 16,
}
_PLANS = {"free": 70, "plus": 22, "pro": 8}
_PRODUCTS = {
    "Wool scarf": ("clothing", 39.0),
    "Rain jacket": ("clothing", 129.0),
    "Trail shoes": ("shoes", 110.0),
    "Canvas bag": ("bags", 45.0),
    "Tea pot": ("kitchen", 32.5),
    "Bread knife": ("kitchen", 24.9),
    "Desk lamp": ("home", 59.0),
    "Linen sheets": ("home", 84.0),
}
_ERRORS = {
    ("TypeError", "Cannot read properties of undefined (reading 'price')"): 5,
    ("NetworkError", "The payment service did not answer"): 3,
    ("RangeError", "Invalid quantity"): 2,
}
_FIRST_NAMES = [
    "Ada",
    "Alan",
    "Barbara",
    "Edsger",
    "Grace",
    "Hedy",
    "John",
    "Katherine",
    "Ken",
    "Margaret",
    "Niklaus",
    "Radia",
]
_LAST_NAMES = [
    "Andersen",
    "Bauer",
    "Costa",
    "Dubois",
    "Evans",
    "Fischer",
    "Garcia",
    "Hansen",
    "Ivanov",
    "Jansen",
    "Keller",
    "Lopez",
]
_COMPANIES = ["Acorn", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Gorse", "Hazel", "Ivy", "Juniper", "Larch", "Maple"]
#: How likely a visitor who has reached one step takes the next.
_VIEWS_PRODUCT, _ADDS_TO_CART, _STARTS_CHECKOUT, _ORDERS = 0.72, 0.34, 0.62, 0.71
#: A little under the mean, so that a story is never shorter than asked.
_EVENTS_PER_VISIT = 5.4


@dataclass
class Visitor:
    """One person of the story."""

    number: int
    anonymous_id: str
    email: str
    name: str
    country: str
    device: tuple[str, str, str]
    source: tuple[str, str | None, str | None]
    plan: str
    company: str | None
    signed_up: bool = False
    orders: int = 0

    @property
    def distinct_id(self) -> str:
        """What the shop knows the visitor by."""
        return self.email if self.signed_up else self.anonymous_id


@dataclass
class _Visit:
    """The events of one session, as they happen."""

    visitor: Visitor
    at: datetime
    session_id: str
    random: random.Random
    events: list[dict[str, Any]] = field(default_factory=list)

    def record(self, event: str, *, after_seconds: float = 0, path: str = "/", **properties: Any) -> None:
        """Something happens, some seconds after the last thing."""
        self.at += timedelta(seconds=after_seconds)
        browser, system, device = self.visitor.device
        referrer, source, medium = self.visitor.source
        common: dict[str, Any] = {
            "$session_id": self.session_id,
            "$current_url": f"https://{HOST}{path}",
            "$pathname": path,
            "$host": HOST,
            "$browser": browser,
            "$os": system,
            "$device_type": device,
            "$referring_domain": referrer,
            "$geoip_country_code": self.visitor.country,
            "$lib": "web",
        }
        if source:
            common |= {"utm_source": source, "utm_medium": medium or ""}
        if self.visitor.company:
            common["$groups"] = {"company": self.visitor.company.lower()}
        self.events.append(
            {
                "uuid": _uuid(self.random),
                "event": event,
                "distinct_id": self.visitor.distinct_id,
                "timestamp": self.at.isoformat(),
                "properties": common | properties,
            }
        )


def people_for(events: int) -> int:
    """How many people a story of so many events has."""
    return max(50, round(events / 32))


def month(*, events: int, until: datetime, seed: int = 7) -> Iterator[dict[str, Any]]:
    """At least `events` events of the month before `until`, visit by visit, in order of the visits' starts."""
    chance = random.Random(seed)  # noqa: S311 - a story, not a secret
    visitors = [_visitor(number, chance) for number in range(people_for(events))]
    yield from _companies(chance, until - timedelta(days=DAYS))
    for at in _starts(math.ceil(events / _EVENTS_PER_VISIT), until, chance):
        visit = _Visit(_returning(visitors, chance), at, _uuid(chance), chance)
        _live(visit, chance)
        yield from (each for each in visit.events if datetime.fromisoformat(each["timestamp"]) < until)


def _starts(visits: int, until: datetime, chance: random.Random) -> list[datetime]:
    """When visits begin: more by day than by night, fewer at weekends, growing over the month."""
    begin, starts = until - timedelta(days=DAYS), list[datetime]()
    while len(starts) < visits:
        at = begin + timedelta(days=chance.random() ** 0.85 * DAYS)
        busy = (0.25 if at.hour < 7 else 1.0) * (0.7 if at.weekday() >= 5 else 1.0)
        if chance.random() < busy:
            starts.append(at)
    return sorted(starts)


def _returning(visitors: list[Visitor], chance: random.Random) -> Visitor:
    # A few come often, most come rarely.
    return visitors[int(len(visitors) * chance.random() ** 1.6)]


def _live(visit: _Visit, chance: random.Random) -> None:
    visit.record("$pageview", path="/")
    if chance.random() < 0.5:
        visit.record("$pageview", after_seconds=chance.uniform(5, 60), path="/sale")
    if not visit.visitor.signed_up and chance.random() < 0.22:
        _sign_up(visit, chance)
    if chance.random() < 0.05:
        _ask_the_assistant(visit, chance)
    if chance.random() < _VIEWS_PRODUCT:
        _shop(visit, chance)
    if chance.random() < 0.03:
        _meet_an_error(visit, chance)
    if chance.random() < 0.6:
        visit.record("$pageleave", after_seconds=chance.uniform(5, 120), path="/")


def _shop(visit: _Visit, chance: random.Random) -> None:
    for _ in range(chance.choice((1, 1, 2, 3))):
        product = chance.choice(list(_PRODUCTS))
        category, price = _PRODUCTS[product]
        facts = {"product": product, "category": category, "price": price}
        path = "/products/" + product.lower().replace(" ", "-")
        visit.record("$pageview", after_seconds=chance.uniform(10, 90), path=path)
        visit.record("product viewed", after_seconds=1, path=path, **facts)
    if chance.random() >= _ADDS_TO_CART:
        return
    quantity = chance.choice((1, 1, 1, 2, 3))
    visit.record("product added to cart", after_seconds=chance.uniform(5, 60), path="/cart", quantity=quantity, **facts)
    if chance.random() >= _STARTS_CHECKOUT:
        return
    visit.record("checkout started", after_seconds=chance.uniform(10, 90), path="/checkout")
    if chance.random() >= _ORDERS:
        return
    visit.visitor.orders += 1
    visit.record(
        "order completed",
        after_seconds=chance.uniform(20, 200),
        path="/checkout/done",
        quantity=quantity,
        revenue=round(price * quantity, 2),
        currency="EUR",
        **facts,
        **{"$set": {"orders": visit.visitor.orders}},
    )


def _sign_up(visit: _Visit, chance: random.Random) -> None:
    visitor = visit.visitor
    visit.record("$pageview", after_seconds=chance.uniform(5, 40), path="/signup")
    visitor.signed_up = True
    visit.record(
        "$identify",
        after_seconds=chance.uniform(15, 90),
        path="/signup",
        **{
            "$anon_distinct_id": visitor.anonymous_id,
            "$set": {"email": visitor.email, "name": visitor.name, "plan": visitor.plan},
            "$set_once": {"signed_up_at": visit.at.isoformat(), "first_country": visitor.country},
        },
    )
    visit.record("signed up", after_seconds=1, path="/signup", plan=visitor.plan)


def _ask_the_assistant(visit: _Visit, chance: random.Random) -> None:
    trace_id, latency = _uuid(chance), round(chance.lognormvariate(0.2, 0.5), 3)
    asked, answered = chance.randint(200, 1500), chance.randint(40, 400)
    visit.record(
        "$ai_generation",
        after_seconds=chance.uniform(5, 40),
        path="/help",
        **{
            "$ai_trace_id": trace_id,
            "$ai_model": "shop-helper-1",
            "$ai_provider": "example",
            "$ai_input_tokens": asked,
            "$ai_output_tokens": answered,
            "$ai_input_cost_usd": round(asked * 0.5e-6, 6),
            "$ai_output_cost_usd": round(answered * 1.5e-6, 6),
            "$ai_total_cost_usd": round(asked * 0.5e-6 + answered * 1.5e-6, 6),
            "$ai_latency": latency,
        },
    )
    facts = {"$ai_trace_id": trace_id, "$ai_span_name": "find a gift", "$ai_latency": latency}
    visit.record("$ai_trace", after_seconds=latency, path="/help", **facts)


def _meet_an_error(visit: _Visit, chance: random.Random) -> None:
    kind, message = _drawn(_ERRORS, chance)
    visit.record(
        "$exception",
        after_seconds=chance.uniform(1, 10),
        path="/checkout",
        **{
            "$exception_type": kind,
            "$exception_message": message,
            "$exception_fingerprint": f"{kind}-{zlib.crc32(message.encode()):08x}",
            "$exception_list": [{"type": kind, "value": message}],
        },
    )


def _companies(chance: random.Random, at: datetime) -> Iterator[dict[str, Any]]:
    for name in _COMPANIES:
        yield {
            "uuid": _uuid(chance),
            "event": "$groupidentify",
            "distinct_id": f"$company_{name.lower()}",
            "timestamp": at.isoformat(),
            "properties": {
                "$group_type": "company",
                "$group_key": name.lower(),
                "$group_set": {"name": f"{name} Ltd", "employees": chance.randint(5, 900), "industry": "retail"},
            },
        }


def _visitor(number: int, chance: random.Random) -> Visitor:
    first, last = chance.choice(_FIRST_NAMES), chance.choice(_LAST_NAMES)
    return Visitor(
        number=number,
        anonymous_id=_uuid(chance),
        email=f"{first}.{last}.{number}@example.com".lower(),
        name=f"{first} {last}",
        country=_drawn(_COUNTRIES, chance),
        device=_drawn(_DEVICES, chance),
        source=_drawn(_SOURCES, chance),
        plan=_drawn(_PLANS, chance),
        company=chance.choice(_COMPANIES) if chance.random() < 0.2 else None,
    )


def _drawn(weights: dict[Any, int], chance: random.Random) -> Any:
    return chance.choices(list(weights), list(weights.values()))[0]


def _uuid(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))
