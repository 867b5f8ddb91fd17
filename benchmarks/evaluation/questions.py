"""The questions: thirteen or so in each of twelve topics, as people phrase them, each with its own arithmetic."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from evaluation import strangers
from evaluation.judging import Gold, number, rows, says, sequence
from evaluation.story import Story

VIEW, PRODUCT, CART = "$pageview", "product viewed", "product added to cart"
CHECKOUT, ORDER, SIGNUP, ERROR = "checkout started", "order completed", "signed up", "$exception"


@dataclass(frozen=True)
class Question:
    """A question and how its answer is computed. `after` are the questions asked before it in its conversation."""

    topic: str
    text: str
    gold: Callable[[Story], Gold]
    after: tuple[str, ...] = ()


def _rate(steps: list[int]) -> float:
    return round(100 * steps[-1] / steps[0], 1)


def _funnel(s: Story, *names: str, **options: object) -> Gold:
    steps = s.steps(*names, **options)  # type: ignore[arg-type]
    return number(_rate(steps), steps[-1], steps[0])


def _returned(s: Story, start: str, back: str, unit: str, count: int) -> Gold:
    whole, returned = s.came_back(start, back, unit, count)
    return number(round(100 * returned / whole, 1), returned, whole)


_COUNTS = [
    ("How many page views were there yesterday?", lambda s: number(s.count(VIEW, s.day(1)))),
    ("how many pageveiws did we get in the last 7 days", lambda s: number(s.count(VIEW, s.last(7)))),
    ("Number of orders this month", lambda s: number(s.count(ORDER, s.this("month")))),
    ("total orders last week", lambda s: number(s.count(ORDER, s.whole("week")))),
    ("how many times did someone start checkout in the past 14 days?", lambda s: number(s.count(CHECKOUT, s.last(14)))),
    ("count of add to carts in the last 10 days", lambda s: number(s.count(CART, s.last(10)))),
    ("how many signups did we have last week?", lambda s: number(s.count(SIGNUP, s.whole("week")))),
    ("How many products were viewed the day before yesterday?", lambda s: number(s.count(PRODUCT, s.day(2)))),
    (
        "how many orders came from Germany in the last two weeks",
        lambda s: number(s.count(ORDER, s.last(14), country="DE")),
    ),
    (
        "how many purchases were made on mobile this month?",
        lambda s: number(s.count(ORDER, s.this("month"), device="Mobile")),
    ),
    (
        "number of checkouts on Chrome in the last 30 days",
        lambda s: number(s.count(CHECKOUT, s.last(30), browser="Chrome")),
    ),
    (
        "how many rain jackets were ordered in the last 20 days",
        lambda s: number(s.count(ORDER, s.last(20), product="Rain jacket")),
    ),
    ("How many orders so far today?", lambda s: number(s.count(ORDER, s.this("day")))),
    (
        "how many events did we capture yesterday",
        lambda s: number(sum(s.day(1)[0] <= e.at < s.day(1)[1] for e in s.events)),
    ),
]
_UNIQUES = [
    ("How many unique visitors did we have last week?", lambda s: number(s.heads(VIEW, s.whole("week")))),
    ("how many different people bought something this month", lambda s: number(s.heads(ORDER, s.this("month")))),
    ("unique vistors yesterday", lambda s: number(s.heads(VIEW, s.day(1)))),
    ("number of distinct customers who ordered in the past 30 days", lambda s: number(s.heads(ORDER, s.last(30)))),
    ("how many users added a product to their cart in the last week?", lambda s: number(s.heads(CART, s.last(7)))),
    (
        "how many people viewed a product on Firefox in the last 14 days",
        lambda s: number(s.heads(PRODUCT, s.last(14), browser="Firefox")),
    ),
    ("how many individual users started a checkout last month?", lambda s: number(s.heads(CHECKOUT, s.whole("month")))),
    (
        "How many people from France visited the site in the last 7 days?",
        lambda s: number(s.heads(VIEW, s.last(7), country="FR")),
    ),
    ("how many shoppers visited today", lambda s: number(s.heads(VIEW, s.this("day")))),
    (
        "how many sessions did we have in the last 7 days",
        lambda s: number(
            len(
                {
                    e.facts["$session_id"]
                    for e in s.events
                    if "$session_id" in e.facts and s.last(7)[0] <= e.at < s.last(7)[1]
                }
            )
        ),
    ),
    ("how many unique buyers were there in the past week", lambda s: number(s.heads(ORDER, s.last(7)))),
    ("number of unique users with a purchase in the last 3 days", lambda s: number(s.heads(ORDER, s.last(3)))),
    (
        "how many visitors came from the newsletter this month?",
        lambda s: number(s.heads(VIEW, s.this("month"), source="newsletter")),
    ),
    (
        "how many companies placed an order in the last 30 days",
        lambda s: number(
            len({e.facts["$groups"]["company"] for e in s.of(ORDER, s.last(30)) if e.facts.get("$groups")})
        ),
    ),
]
_TRENDS = [
    (
        "Show me orders per day for the last 7 days",
        lambda s: sequence(s.per("day", s.last(7), lambda t: s.count(ORDER, t))),
    ),
    (
        "daily page views in the last two weeks",
        lambda s: sequence(s.per("day", s.last(14), lambda t: s.count(VIEW, t))),
    ),
    (
        "weekly orders over the past 4 weeks",
        lambda s: sequence(s.per("week", s.last(28), lambda t: s.count(ORDER, t))[1:]),
    ),
    (
        "How did signups develop over the last 10 days?",
        lambda s: sequence(s.per("day", s.last(10), lambda t: s.count(SIGNUP, t))),
    ),
    (
        "plot unique visitors by day for the last week",
        lambda s: sequence(s.per("day", s.last(7), lambda t: s.heads(VIEW, t))),
    ),
    (
        "revenue by day in the last 5 days",
        lambda s: sequence(s.per("day", s.last(5), lambda t: s.total(ORDER, "revenue", t))),
    ),
    (
        "trend of checkouts this month",
        lambda s: sequence(s.per("day", s.this("month"), lambda t: s.count(CHECKOUT, t))),
    ),
    (
        "how many people ordered each day in the last 6 days?",
        lambda s: sequence(s.per("day", s.last(6), lambda t: s.heads(ORDER, t))),
    ),
    ("hourly pageviews yesterday", lambda s: sequence(s.per("hour", s.day(1), lambda t: s.count(VIEW, t)))),
    ("errors per day over the last 7 days", lambda s: sequence(s.per("day", s.last(7), lambda t: s.count(ERROR, t)))),
    (
        "chart the daily revnue from mobile for the last 7 days",
        lambda s: sequence(s.per("day", s.last(7), lambda t: s.total(ORDER, "revenue", t, device="Mobile"))),
    ),
    (
        "product views per day since last week",
        lambda s: sequence(s.per("day", (s.whole("week")[0], s.now), lambda t: s.count(PRODUCT, t))),
    ),
    ("add to carts by day in the past 5 days", lambda s: sequence(s.per("day", s.last(5), lambda t: s.count(CART, t)))),
]
_BREAKDOWNS = [
    ("Orders by country in the last 30 days", lambda s: rows(s.by(ORDER, "country", s.last(30)))),
    ("page views by browser last week", lambda s: rows(s.by(VIEW, "browser", s.whole("week")))),
    ("break down signups by plan", lambda s: rows(s.by(SIGNUP, "plan"))),
    ("how many visitors per device type this month?", lambda s: rows(s.heads_by(VIEW, "device", s.this("month")))),
    ("orders split by product", lambda s: rows(s.by(ORDER, "product"))),
    ("purchases by operating system in the past 14 days", lambda s: rows(s.by(ORDER, "os", s.last(14)))),
    ("which countries do our buyers come from?", lambda s: rows(s.heads_by(ORDER, "country"))),
    ("product views per categorie in the last 7 days", lambda s: rows(s.by(PRODUCT, "category", s.last(7)))),
    ("add to cart by product category last week", lambda s: rows(s.by(CART, "category", s.whole("week")))),
    ("checkouts by utm source this month", lambda s: rows(s.by(CHECKOUT, "source", s.this("month")))),
    ("pageviews for each referrer in the last 10 days", lambda s: rows(s.by(VIEW, "referrer", s.last(10)))),
    ("orders from Germany by browser", lambda s: rows(s.by(ORDER, "browser", country="DE"))),
    ("orders by plan of the customer in the last 30 days", lambda s: rows(s.by(ORDER, "who_plan", s.last(30)))),
    ("unique users by country yesterday", lambda s: rows(s.heads_by(VIEW, "country", s.day(1)))),
]
_COMPARISONS = [
    (
        "How many orders in the last 7 days compared to the previous 7 days?",
        lambda s: number(s.count(ORDER, s.last(6)), s.count(ORDER, (s.last(13)[0], s.last(6)[0]))),
    ),
    (
        "orders this month vs last month",
        lambda s: number(s.count(ORDER, s.this("month")), s.count(ORDER, s.so_far_before("month"))),
    ),
    (
        "page views today compared with yesterday",
        lambda s: number(s.count(VIEW, s.this("day")), s.count(VIEW, s.so_far_before("day"))),
    ),
    (
        "did signups go up this week compared to last week?",
        lambda s: number(s.count(SIGNUP, s.this("week")), s.count(SIGNUP, s.so_far_before("week"))),
    ),
    (
        "visitors this month versus the previous month",
        lambda s: number(s.heads(VIEW, s.this("month")), s.heads(VIEW, s.so_far_before("month"))),
    ),
    (
        "has revenue increased this month compared to last month?",
        lambda s: number(
            s.total(ORDER, "revenue", s.this("month")), s.total(ORDER, "revenue", s.so_far_before("month"))
        ),
    ),
    (
        "how do checkouts this month compare to last month",
        lambda s: number(s.count(CHECKOUT, s.this("month")), s.count(CHECKOUT, s.so_far_before("month"))),
    ),
    (
        "errors today vs yesterday",
        lambda s: number(s.count(ERROR, s.this("day")), s.count(ERROR, s.so_far_before("day"))),
    ),
    (
        "orders yesterday compared to the day before",
        lambda s: number(s.count(ORDER, s.day(1)), s.count(ORDER, s.day(2))),
    ),
    (
        "page views last week vs the week before",
        lambda s: number(
            s.count(VIEW, s.whole("week")),
            s.count(VIEW, (s.whole("week")[0] - (s.whole("week")[1] - s.whole("week")[0]), s.whole("week")[0])),
        ),
    ),
    (
        "how did mobile orders change this month versus last month",
        lambda s: number(
            s.count(ORDER, s.this("month"), device="Mobile"), s.count(ORDER, s.so_far_before("month"), device="Mobile")
        ),
    ),
    (
        "month over month change in product views",
        lambda s: number(s.count(PRODUCT, s.this("month")), s.count(PRODUCT, s.so_far_before("month"))),
    ),
    (
        "did we sell more last week than the week before?",
        lambda s: number(
            s.count(ORDER, s.whole("week")),
            s.count(ORDER, (s.whole("week")[0] - (s.whole("week")[1] - s.whole("week")[0]), s.whole("week")[0])),
        ),
    ),
]
_FUNNELS = [
    ("What is the conversion from product view to order?", lambda s: _funnel(s, PRODUCT, ORDER)),
    (
        "funnel: product viewed, product added to cart, checkout started, order completed",
        lambda s: _funnel(s, PRODUCT, CART, CHECKOUT, ORDER),
    ),
    (
        "conversion rate from checkout to purchase in the last 14 days",
        lambda s: _funnel(s, CHECKOUT, ORDER, span=s.last(14)),
    ),
    ("what percentage of visitors place an order?", lambda s: _funnel(s, VIEW, ORDER)),
    ("how many of the people who added to cart went on to buy", lambda s: _funnel(s, CART, ORDER)),
    (
        "what share of people who started checkout finished their order last week?",
        lambda s: _funnel(s, CHECKOUT, ORDER, span=s.whole("week")),
    ),
    (
        "where do we lose people between viewing a product, adding it to the cart and ordering",
        lambda s: _funnel(s, PRODUCT, CART, ORDER),
    ),
    ("convertion from sign up to purchase", lambda s: _funnel(s, SIGNUP, ORDER)),
    ("conversion from product view to cart on mobile", lambda s: _funnel(s, PRODUCT, CART, device="Mobile")),
    (
        "show the funnel from page view to signup in the last 30 days",
        lambda s: _funnel(s, VIEW, SIGNUP, span=s.last(30)),
    ),
    ("how many users who viewed a product ordered within 1 day?", lambda s: _funnel(s, PRODUCT, ORDER, days=1)),
    ("checkout to order conversion for German visitors", lambda s: _funnel(s, CHECKOUT, ORDER, country="DE")),
    ("drop-off from add to cart to checkout this month", lambda s: _funnel(s, CART, CHECKOUT, span=s.this("month"))),
]
_RETENTION = [
    ("What is our weekly retention?", lambda s: _returned(s, VIEW, VIEW, "week", 8)),
    ("how many visitors come back the next week", lambda s: _returned(s, VIEW, VIEW, "week", 8)),
    ("day over day retention", lambda s: _returned(s, VIEW, VIEW, "day", 11)),
    ("daily retention of visitors", lambda s: _returned(s, VIEW, VIEW, "day", 11)),
    ("Do people who sign up return in the following weeks?", lambda s: _returned(s, SIGNUP, VIEW, "week", 8)),
    ("retention of buyers: do they buy again?", lambda s: _returned(s, ORDER, ORDER, "week", 8)),
    ("how well do we retain users week by week", lambda s: _returned(s, VIEW, VIEW, "week", 8)),
    ("show the weekly retention of people who signed up", lambda s: _returned(s, SIGNUP, VIEW, "week", 8)),
    ("user retention per week", lambda s: _returned(s, VIEW, VIEW, "week", 8)),
    (
        "how many customers order again the week after their first order?",
        lambda s: _returned(s, ORDER, ORDER, "week", 8),
    ),
    ("what percentage of users return each week?", lambda s: _returned(s, VIEW, VIEW, "week", 8)),
    ("retention curve by day", lambda s: _returned(s, VIEW, VIEW, "day", 11)),
    ("are people coming back day after day?", lambda s: _returned(s, VIEW, VIEW, "day", 11)),
]
_TOP = [
    ("top 5 products by orders", lambda s: rows(s.by(ORDER, "product"), top=5)),
    ("What are the top 3 countries by revenue?", lambda s: rows(s.total_by(ORDER, "revenue", "country"), top=3)),
    ("most popular product in the last 7 days", lambda s: rows(s.by(ORDER, "product", s.last(7)), top=1)),
    ("the ten most viewed pages last week", lambda s: rows(s.by(VIEW, "path", s.whole("week")), top=10)),
    ("which browser is used the most?", lambda s: rows(s.heads_by(VIEW, "browser"), top=1)),
    (
        "top three categories by revenue this month",
        lambda s: rows(s.total_by(ORDER, "revenue", "category", s.this("month")), top=3),
    ),
    ("which product is added to the cart most often?", lambda s: rows(s.by(CART, "product"), top=1)),
    (
        "which country has the fewest orders in the last 30 days",
        lambda s: rows(s.by(ORDER, "country", s.last(30)), top=1, least=True),
    ),
    ("best selling products in the last two weeks", lambda s: rows(s.by(ORDER, "product", s.last(14)), top=3)),
    ("top 4 utm sources by signups", lambda s: rows(s.by(SIGNUP, "source"), top=4)),
    ("which 2 operating systems have the most visitors?", lambda s: rows(s.heads_by(VIEW, "os"), top=2)),
    (
        "top 5 refering domains by page views in the last 30 days",
        lambda s: rows(s.by(VIEW, "referrer", s.last(30)), top=5),
    ),
    ("least viewed product", lambda s: rows(s.by(PRODUCT, "product"), top=1, least=True)),
    (
        "on which day did we get the most orders in the last 2 weeks?",
        lambda s: number(max(s.per("day", s.last(14), lambda t: s.count(ORDER, t)))),
    ),
]
_PERSONS = [
    (
        "who are our top 5 customers by revenue?",
        lambda s: rows(
            {str(s.people[p].get("email") or ""): a for p, a in s.best(ORDER, summed="revenue").items()}, top=5
        ),
    ),
    ("which 3 users placed the most orders?", lambda s: sequence(sorted(s.best(ORDER).values(), reverse=True)[:3])),
    (
        "Who bought the most in the last 7 days?",
        lambda s: sequence(sorted(s.best(ORDER, s.last(7)).values(), reverse=True)[:5]),
    ),
    ("how many users are on the pro plan?", lambda s: number(sum(p.get("plan") == "pro" for p in s.people.values()))),
    ("how many people are on the free plan", lambda s: number(sum(p.get("plan") == "free" for p in s.people.values()))),
    (
        "list the ten visitors with the most page views",
        lambda s: sequence(sorted(s.best(VIEW).values(), reverse=True)[:10]),
    ),
    (
        "how many pro users ordered something this month?",
        lambda s: number(s.heads(ORDER, s.this("month"), who_plan="pro")),
    ),
    (
        "orders by customers on the plus plan in the last 14 days",
        lambda s: number(s.count(ORDER, s.last(14), who_plan="plus")),
    ),
    (
        "which customers spent the most last week?",
        lambda s: sequence(sorted(s.best(ORDER, s.whole("week"), summed="revenue").values(), reverse=True)[:5]),
    ),
    ("top 10 buyers", lambda s: sequence(sorted(s.best(ORDER).values(), reverse=True)[:10])),
    ("who had the most errors?", lambda s: sequence(sorted(s.best(ERROR).values(), reverse=True)[:3])),
    (
        "how many free plan users viewed a product yesterday",
        lambda s: number(s.heads(PRODUCT, s.day(1), who_plan="free")),
    ),
    (
        "who added the most products to their cart this month",
        lambda s: sequence(sorted(s.best(CART, s.this("month")).values(), reverse=True)[:5]),
    ),
]
_REVENUE = [
    ("What was our revenue last week?", lambda s: number(s.total(ORDER, "revenue", s.whole("week")))),
    ("how much money did we make this month?", lambda s: number(s.total(ORDER, "revenue", s.this("month")))),
    ("total revenue in the last 30 days", lambda s: number(s.total(ORDER, "revenue", s.last(30)))),
    ("average order value in the last two weeks", lambda s: number(s.mean(ORDER, "revenue", s.last(14)))),
    ("revenue by category this month", lambda s: rows(s.total_by(ORDER, "revenue", "category", s.this("month")))),
    (
        "How much did customers from the US spend in the last 14 days?",
        lambda s: number(s.total(ORDER, "revenue", s.last(14), country="US")),
    ),
    ("what is the median order revenue?", lambda s: number(median(s.values(ORDER, "revenue")))),
    ("turnover yesterday", lambda s: number(s.total(ORDER, "revenue", s.day(1)))),
    ("highest order revenue this month", lambda s: number(max(s.values(ORDER, "revenue", s.this("month"))))),
    (
        "how much revenue came from the newsletter in the last 30 days?",
        lambda s: number(s.total(ORDER, "revenue", s.last(30), source="newsletter")),
    ),
    ("sum of quantity sold in the last 7 days", lambda s: number(s.total(ORDER, "quantity", s.last(7)))),
    ("revenue per product in the last 10 days", lambda s: rows(s.total_by(ORDER, "revenue", "product", s.last(10)))),
    (
        "what did we earn with trail shoes in the last 30 days",
        lambda s: number(s.total(ORDER, "revenue", s.last(30), product="Trail shoes")),
    ),
    (
        "how many orders over 100 euros did we have this month",
        lambda s: number(s.count(ORDER, s.this("month"), revenue=lambda v: v > 100)),
    ),
]
_ERRORS = [
    ("How many errors did we have last week?", lambda s: number(s.count(ERROR, s.whole("week")))),
    ("errors by type in the last 30 days", lambda s: rows(s.by(ERROR, "error", s.last(30)))),
    ("what is the most common error?", lambda s: rows(s.by(ERROR, "error"), top=1)),
    ("how many people were affected by errors this month?", lambda s: number(s.heads(ERROR, s.this("month")))),
    (
        "how many TypeErrors happened in the past 14 days",
        lambda s: number(s.count(ERROR, s.last(14), error="TypeError")),
    ),
    ("number of execptions yesterday", lambda s: number(s.count(ERROR, s.day(1)))),
    ("errors by browser in the last 2 weeks", lambda s: rows(s.by(ERROR, "browser", s.last(14)))),
    ("which browser has the most errors?", lambda s: rows(s.by(ERROR, "browser"), top=1)),
    ("crashes on mobile in the last 7 days", lambda s: number(s.count(ERROR, s.last(7), device="Mobile"))),
    (
        "how many users saw a NetworkError in the last 30 days?",
        lambda s: number(s.heads(ERROR, s.last(30), error="NetworkError")),
    ),
    ("exceptions by operating system this month", lambda s: rows(s.by(ERROR, "os", s.this("month")))),
    ("top error types in the last 10 days", lambda s: rows(s.by(ERROR, "error", s.last(10)))),
    (
        "did errors increase today compared to yesterday?",
        lambda s: number(s.count(ERROR, s.this("day")), s.count(ERROR, s.so_far_before("day"))),
    ),
]
_EXPORTS = [
    ("Which exports do we have?", lambda _s: says("nightly files", "hourly table")),
    ("which exports failed?", lambda _s: says("hourly table", "Failed")),
    ("are any batch exports paused?", lambda _s: says("paused", "old archive")),
    ("what is the status of our exports", lambda _s: says("nightly files", "hourly table", "old archive")),
    ("list all batch exports", lambda _s: says("nightly files", "hourly table", "old archive")),
    ("why did the last export fail?", lambda _s: says("hourly table", "refused")),
    ("is the nightly files export running?", lambda _s: says("nightly files", "running")),
    ("how are my exports doing?", lambda _s: says("nightly files", "hourly table")),
    ("where is our data exported to?", lambda _s: says("LocalFile", "Postgres")),
    ("did any export fail recently", lambda _s: says("hourly table")),
    ("show me failing exports", lambda _s: says("hourly table")),
    ("how often does the nightly files export run?", lambda _s: says("nightly files", "day")),
    ("are the exports working", lambda _s: says("hourly table")),
]
_FOLLOW_UPS = [
    ("How many orders last week?", "and this month?", lambda s: number(s.count(ORDER, s.this("month")))),
    ("how many page views in the last 7 days", "what about yesterday", lambda s: number(s.count(VIEW, s.day(1)))),
    (
        "revenue in the last 30 days",
        "and by country?",
        lambda s: rows(s.total_by(ORDER, "revenue", "country", s.last(30))),
    ),
    (
        "how many signups this month",
        "how about in Germany?",
        lambda s: number(s.count(SIGNUP, s.this("month"), country="DE")),
    ),
    (
        "orders on mobile in the last 14 days",
        "and on desktop?",
        lambda s: number(s.count(ORDER, s.last(14), device="Desktop")),
    ),
    ("unique visitors last week", "same for yesterday", lambda s: number(s.heads(VIEW, s.day(1)))),
]

_TOPICS = {
    "counts": _COUNTS,
    "uniques": _UNIQUES,
    "trends": _TRENDS,
    "breakdowns": _BREAKDOWNS,
    "comparisons": _COMPARISONS,
    "funnels": _FUNNELS,
    "retention": _RETENTION,
    "top": _TOP,
    "persons": _PERSONS,
    "revenue": _REVENUE,
    "errors": _ERRORS,
    "exports": _EXPORTS,
}

QUESTIONS = [
    *(Question(topic, text, gold) for topic, pairs in strangers.TOPICS.items() for text, gold in pairs),
    *(Question(topic, text, gold) for topic, pairs in _TOPICS.items() for text, gold in pairs),
    *(Question("follow-ups", text, gold, (first,)) for first, text, gold in _FOLLOW_UPS),
]
