"""What a question counts or computes. Pure."""

import re
from dataclasses import dataclass, replace
from typing import Any

from furze.llm.builtin import lexicon
from furze.llm.builtin.dates import ALL_TIME, Range
from furze.llm.builtin.mentions import Mention
from furze.llm.builtin.narrowing import is_numeric, prefers_property, restore
from furze.llm.builtin.phrases import BUYERS, PEOPLE
from furze.llm.builtin.reading import Question, Unclear, breakdown, find_names, property_of
from furze.llm.builtin.taxonomy import Taxonomy
from furze.llm.builtin.words import stem


@dataclass
class Measure:
    """What is counted or computed, on which events."""

    events: list[str]
    math: str = "total"
    property: str | None = None
    words: str = ""
    group_index: int | None = None
    per: str | None = None

    def series(self) -> list[dict[str, Any]]:
        made = []
        for event in self.events:
            node: dict[str, Any] = {"kind": "EventsNode", "event": event, "name": event, "math": self.math}
            if self.property is not None:
                node |= {"math_hogql" if self.math == "hogql" else "math_property": self.property}
            if self.group_index is not None:
                node |= {"math_group_type_index": self.group_index}
            made.append(node)
        return made


_MATHS: tuple[tuple[str, str, str], ...] = (
    (r"average|avg|mean|typical(?:ly)?|on average", "avg", "average"),
    (r"median", "median", "median"),
    (r"(?:p|the )?90(?:th)? ?(?:percentile|%)?|p90", "p90", "90th percentile of"),
    (r"p95|95th percentile", "p95", "95th percentile of"),
    (r"p99|99th percentile", "p99", "99th percentile of"),
    (r"(?:highest|maximum|max|largest|biggest|most expensive)(?: single)?", "max", "highest"),
    (r"(?:lowest|minimum|min|smallest|cheapest)(?: single)?", "min", "lowest"),
    (r"sum(?: of)?|total|combined", "sum", "sum of"),
)


_HOW_MANY = r"how many|number of|count of|total"


def thresholds_of(question: Question) -> list[tuple[str, float]]:
    found = []
    for pattern, operator in lexicon.THRESHOLDS:
        match = question.take(
            (
                rf"{pattern} (?:€|\$|£)?(\d+(?:\.\d+)?)k?(?: ?(?:€|\$|£|euros?|eur|dollars?|usd"
                rf"|pounds?|bucks))?(?! (?:times|orders|pageviews|purchases|sessions))"
            ),
            "threshold",
        )
        if match:
            found.append((operator, float(match[1])))
    return found


def threshold_filters(
    question: Question, thresholds: list[tuple[str, float]], measure: Measure
) -> list[dict[str, Any]]:
    if not thresholds:
        return []
    numeric = [each for each in question.mentions if any(is_numeric(question, name) for name in each.properties)]
    if numeric:
        name = next(name for name in numeric[0].properties if is_numeric(question, name))
        question.mark(numeric[0], "threshold")
    elif measure.property is not None and measure.math in ("sum", "avg", "median"):
        name = measure.property
    else:
        candidates = ("revenue", "amount", "order_value", "total", "value", "price")
        carried = question.taxonomy.of_event.get(measure.events[0], frozenset())
        name = next((each for each in candidates if each in carried), "")
    if not name or name not in question.taxonomy.of_event.get(measure.events[0], ()):
        raise Unclear("I can't tell which number the limit is about. Name the property.")
    for operator, number in thresholds:
        question.notes.append(f"`{name}` {operator} {number:g}")
    return [{"key": name, "value": number, "operator": operator, "type": "event"} for operator, number in thresholds]


def measure_of(question: Question) -> Measure | None:
    """What to count: money and other numbers first, then people, sessions, groups, events."""
    if question.has(r"sales") and not question.has(
        r"number of sales|how many sales|sales revenue|sales (?:value|amount)"
    ):
        raise Unclear("“Sales” may mean revenue or the number of orders. Say which.")
    question.take(r"sales(?= revenue| value| amount)", "measure")
    unique = question.take(rf"unique|distinct|different|(?:individual|separate)(?= (?:{PEOPLE}))", "unique") is not None
    often = question.take(r"how (?:often|frequently)|how many times|(?:the )?number of times", "count") is not None
    counts = question.take(
        (
            r"how many|number of|count of|(?<!average )(?<!mean )(?<!median )(?<!total "
            r")(?<!the )amount of|no of|# of|what number of"
        ),
        "count",
    )
    named = _named_number(question)
    find_names(question)
    if named is not None:
        return named
    plain = (_variety(question) if unique else None) or _plain_number(question, counts=counts is not None)
    if plain is not None:
        return plain
    return _counted(question, unique=unique, often=often)


def _math(question: Question, default: str) -> tuple[str, str]:
    for pattern, math, words in _MATHS:
        if question.take(pattern, "math"):
            return math, words
    return default, {"sum": "sum of", "avg": "average"}.get(default, default)


def _named_number(question: Question) -> Measure | None:
    """Revenue, order value, units sold, tokens, costs: numbers with names of their own."""
    if question.take(r"(?:spent|spend|spends)(?= · )|(?<=· )(?:spent|spend)|(?:spent|spend|spends)(?= ·)", "measure"):
        chosen = _carrier(question.taxonomy, ("revenue", "amount", "order_value", "total"), ("order",))
        if chosen is not None:
            question.take(r"money", "measure")
            return Measure([chosen[0]], "sum", chosen[1], f"sum of `{chosen[1]}` over `{chosen[0]}`")
    for pattern, names, families in lexicon.MEASURES:
        if not question.has(pattern) or (names[0] == "quantity" and any(t.role == "unique" for t in question.tokens)):
            continue
        mark = [each.role for each in question.tokens]
        question.take(pattern, "measure")
        chosen = _carrier(question.taxonomy, names, families)
        if chosen is None:
            restore(question, mark)
            continue
        event, name = chosen
        is_value = pattern.startswith("(?:order|basket")
        is_latency = "latenc" in pattern
        math, words = _math(question, "avg" if is_value or is_latency else "sum")
        while question.take(
            (
                r"(?:per|from|of|in|for) (?:each |every |all |our |the |completed |an? "
                r")*(?:orders?|purchases?|sales|transactions?)|generated|spent|earned"
            ),
            "measure",
        ):
            pass
        return Measure([event], math, name, f"{words} `{name}` over `{event}`")
    money = question.take(lexicon.MONEY, "measure")
    if money is not None:
        chosen = _carrier(question.taxonomy, ("revenue", "amount", "order_value", "total"), ("order",))
        if chosen is None:
            raise Unclear("I don't see a property that holds money.")
        while question.take(rf"{PEOPLE}|orders?|sales|money|selling|spend|spent|earn(?:ed)?|made|make|sell", "measure"):
            pass
        return Measure([chosen[0]], "sum", chosen[1], f"sum of `{chosen[1]}` over `{chosen[0]}`")
    return None


def _carrier(taxonomy: Taxonomy, names: tuple[str, ...], families: tuple[str, ...]) -> tuple[str, str] | None:
    """The one event, of a family when several carry it, that has one of these numeric properties."""
    for name in names:
        found = taxonomy.event_properties.get(name)
        if found is None or not found.is_numeric:
            continue
        events = [event for event in taxonomy.events if name in taxonomy.of_event.get(event, ())]
        if len(events) > 1:
            kin = [
                event
                for event in events
                if set(families) & {stem(word) for word in re.findall(r"[a-z]+", event.lower())}
            ]
            events = kin if len(kin) == 1 else []
        if events:
            return events[0], name
    return None


def _plain_number(question: Question, *, counts: bool) -> Measure | None:
    """A numeric property under its own name: `average price`, `total quantity of orders`."""
    numeric = [
        each
        for each in question.mentions
        if each.event is None and any(is_numeric(question, name) for name in each.properties)
    ]
    if not numeric or counts or breakdown(question) in numeric:
        return None
    name = next(name for name in numeric[0].properties if is_numeric(question, name))
    math, words = _math(question, "")
    if not math:
        raise Unclear(f"Shall I add up `{name}`, or take its average? Say “total” or “average”.")
    question.mark(numeric[0], "measure")
    events = [each for each in question.mentions if each.event is not None and not prefers_property(question, each)]
    if events:
        event = events[0].event or ""
        question.mark(events[0], "event")
    elif question.take(r"sold|selling", "event"):
        event = _only(question.taxonomy, "order")
    else:
        carriers = [each for each in question.taxonomy.events if name in question.taxonomy.of_event.get(each, ())]
        if len(carriers) != 1:
            raise Unclear(f"Several events carry `{name}`; say of which.")
        event = carriers[0]
    if name not in question.taxonomy.of_event.get(event, ()):
        raise Unclear(f"The event `{event}` does not carry `{name}`.")
    return Measure([event], math, name, f"{words} `{name}` over `{event}`")


def _variety(question: Question) -> Measure | None:
    """How many different values a property has: `different products were ordered`."""
    place = max((index for index, token in enumerate(question.tokens) if token.role == "unique"), default=0) + 1
    word = question.tokens[place].stem if place < len(question.tokens) else ""
    names = question.names.properties.get((word,), ())
    if not names or word in ("person", "session") or word in question.names.groups:
        return None
    covering = next((each for each in question.mentions if each.start <= place < each.end), None)
    if covering is not None:
        question.mark(covering, "measure")
    events = [each for each in question.mentions if each.event is not None]
    event = covering.event if covering is not None and covering.event is not None else None
    if event is None and events:
        event = events[0].event
        question.mark(events[0], "event")
    if event is None and question.take(r"sold|selling", "event"):
        event = _only(question.taxonomy, "order")
    if event is None:
        raise Unclear(f"Different values of `{names[0]}` on which event?")
    name, is_person = property_of(question, Mention(place, place + 1, properties=names), [event])
    access = f"person.properties.`{name}`" if is_person else f"properties.`{name}`"
    return Measure([event], "hogql", f"uniq({access})", f"different values of `{name}` on `{event}`")


def _counted(question: Question, *, unique: bool, often: bool) -> Measure | None:
    taxonomy = question.taxonomy
    buyers = question.take(BUYERS, "people")
    active = question.take(
        r"(?:daily |weekly |monthly )?active (?:people|persons?|users?|visitors?|customers?)|dau|wau|mau", "people"
    )
    newcomers = question.take(rf"(?:new|first[ -]time) (?:{PEOPLE})", "people")
    events = [each for each in question.mentions if each.event is not None and not prefers_property(question, each)]
    people = _people(question, events) or buyers or active or newcomers
    sessions = None if people else question.take(r"(?:user )?sessions?|visits", "sessions")
    visited = (
        question.take(
            r"visit(?:ed|ing|s)?|browsed|came|came by|were (?:on|here)|stopped by|showed up|dropped by", "people"
        )
        if people
        else None
    )
    groups = next(
        (each for each in question.mentions if each.group is not None and breakdown(question) is not each), None
    )
    names = list(dict.fromkeys(each.event or "" for each in events))
    names = names or _met_errors(question)
    people = None if _counts_errors(question) else people
    for each in events:
        question.mark(each, "event")
    if names == ["$exception"]:
        while question.take(lexicon.ERROR_VERBS, "event"):
            pass
    if buyers:
        names = names or [_only(taxonomy, "order")]
    if newcomers:
        return _first_timers(question, names)
    if active and question.times.range is None and question.times.interval is None:
        _set_active_period(question, active[0])
    if not names and (people or sessions):
        return _presence(question, people=people, sessions=sessions, is_visit=bool(active or visited))
    if not names:
        page = _page_views(question) or _carrier_of_value(question)
        if page is None and groups is None:
            return _every_event(question)
        names = [page] if page is not None else []
    return _of_events(
        question, names, people=bool(people) and not often, unique=unique, sessions=bool(sessions), groups=groups
    )


def _every_event(question: Question) -> Measure | None:
    if question.has(_HOW_MANY) and question.take(r"events", "event"):
        return Measure([None], "total", None, "events of every kind")  # type: ignore[list-item]
    return None


def _met_errors(question: Question) -> list[str]:
    """“Who saw a TypeError” is about the error, not about a view."""
    is_error = (
        question.has(rf"{lexicon.ERROR_VERBS}|errors?|exceptions?") and _carrier_of_value(question) == "$exception"
    )
    return ["$exception"] if is_error else []


def _counts_errors(question: Question) -> bool:
    """“How many network errors did users get” counts errors."""
    return question.has(r"(?:how many|number of) (?:[\w·]+ )?(?:\w*errors?|exceptions?)")


def _set_active_period(question: Question, words: str) -> None:
    """Monthly actives are those of the last 30 days, weekly ones of the last 7."""
    if words.startswith(("mau", "monthly")):
        question.times = replace(question.times, range=Range("-30d", None, "the last 30 days"))
    elif words.startswith(("wau", "weekly")):
        question.times = replace(question.times, range=Range("-7d", None, "the last 7 days"))
    elif words.startswith(("dau", "daily")):
        question.times = replace(question.times, interval="day")


def _people(question: Question, events: list[Mention]) -> Any:
    """People as what is counted: they come before the event. After it, they only say who did it."""
    is_subject = question.has(rf"(?:which|what) .* (?:do|did|does) (?:most |our |the )*(?:{PEOPLE})")
    found = question.take(rf"(?:{PEOPLE})", "people")
    if is_subject and events:
        return None
    if found is None:
        return question.take(r"who", "people")
    question.take(r"who", "people")
    place = next(index for index, token in enumerate(question.tokens) if token.role == "people")
    return None if events and events[0].end <= place else found


def _only(taxonomy: Taxonomy, family: str) -> str:
    kin = [each for each in taxonomy.events if family in {stem(word) for word in re.findall(r"[a-z]+", each.lower())}]
    if len(kin) != 1:
        raise Unclear("I can't tell which event makes somebody a buyer.")
    return kin[0]


def _first_timers(question: Question, names: list[str]) -> Measure:
    event = names[0] if len(names) == 1 else question.taxonomy.visit_event
    if event is None or len(names) > 1:
        raise Unclear("Name one event whose first time makes somebody new.")
    return Measure([event], "first_time_for_user", None, f"people whose first `{event}` ever fell in the period")


def _presence(question: Question, *, people: Any, sessions: Any, is_visit: bool) -> Measure | None:
    """People or sessions as such, with no event named."""
    event = question.taxonomy.visit_event
    if sessions:
        if event is None:
            return None
        return Measure([event], "unique_session", None, f"sessions with a `{event}`")
    is_total = (
        question.times.range in (None, ALL_TIME) and question.times.interval is None and not question.times.compares
    )
    says_visitor = "visitor" in people[0] or "shopper" in people[0]
    is_of_persons = all(any(value.is_person for value in each.values) or each.properties for each in question.mentions)
    if is_total and not is_visit and not says_visitor and is_of_persons and breakdown(question) is None:
        return Measure([], "persons", None, "persons of this project")
    if event is None:
        raise Unclear("Say what they did: name an event.")
    by = breakdown(question)
    if (
        is_total
        and by is not None
        and not is_visit
        and not says_visitor
        and by.properties
        and by.properties[0] in question.taxonomy.person_properties
    ):
        raise Unclear("Say what these people did, or in which period they came.")
    return Measure([event], "dau", None, f"different people with a `{event}`")


def _carrier_of_value(question: Question) -> str | None:
    """A value that only one event can have stands for that event: “TypeErrors last week”."""
    for mention in question.mentions:
        for value in mention.values:
            carriers = [
                each for each in question.taxonomy.events if value.property in question.taxonomy.of_event.get(each, ())
            ]
            if not value.is_person and len(carriers) == 1 and len(mention.values) == 1:
                return carriers[0]
    return None


def _page_views(question: Question) -> str | None:
    """A page that was viewed or visited, or a breakdown with nothing else to count: page views."""
    event = question.taxonomy.visit_event
    if event is None:
        return None
    if question.take(r"views?|viewed|visits?|visited|page views?|hits?|opened|seen", "event"):
        question.notes.append(f"counted `{event}` events")
        return event
    return None


def _of_events(
    question: Question, names: list[str], *, people: bool, unique: bool, sessions: bool, groups: Mention | None
) -> Measure | None:
    events = ", ".join(f"`{name}`" for name in names) or "any event"
    if groups is not None:
        index = question.taxonomy.group_types.index(groups.group or "")
        question.mark(groups, "group")
        if not names:
            raise Unclear(f"Say what each {groups.group} did: name an event.")
        return Measure(names, "unique_group", None, f"different {groups.group} groups with {events}", index)
    if question.has(r"per (?:user|person|customer|visitor|buyer|head|capita)") or question.has(
        r"average .* (?:does|do|did|of) (?:a|an|each|every)"
    ):
        question.take(r"average|mean|on average", "math")
        question.take(r"per (?:user|person|customer|visitor|buyer|head|capita)|per", "per")
        return Measure(names, "avg_count_per_actor", None, f"{events} per person who did it, on average")
    if people or (unique and not sessions):
        return Measure(names, "dau", None, f"different people with {events}")
    if sessions:
        return Measure(names, "unique_session", None, f"sessions with {events}")
    return Measure(names, "total", None, f"{events} events")
