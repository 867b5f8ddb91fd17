"""A second set of questions, phrased by somebody who had not seen the first nor what the query reader knows."""

from collections.abc import Callable
from statistics import median

from evaluation.judging import Gold, number, rows, says, sequence
from evaluation.story import Story

VIEW, PRODUCT, CART = "$pageview", "product viewed", "product added to cart"
CHECKOUT, ORDER, SIGNUP, ERROR = "checkout started", "order completed", "signed up", "$exception"

Asked = list[tuple[str, Callable[[Story], Gold]]]


def _funnel(s: Story, *names: str, **options: object) -> Gold:
    steps = s.steps(*names, **options)  # type: ignore[arg-type]
    return number(round(100 * steps[-1] / steps[0], 1), steps[-1], steps[0])


def _returned(s: Story, start: str, back: str, unit: str, count: int) -> Gold:
    whole, returned = s.came_back(start, back, unit, count)
    return number(round(100 * returned / whole, 1), returned, whole)


def _weekly(start: str, back: str) -> Callable[[Story], Gold]:
    return lambda s: _returned(s, start, back, "week", 8)


def _daily(start: str, back: str) -> Callable[[Story], Gold]:
    return lambda s: _returned(s, start, back, "day", 11)


def _against(s: Story, unit: str, name: str, **where: object) -> Gold:
    return number(s.count(name, s.this(unit), **where), s.count(name, s.so_far_before(unit), **where))


def _rolling(s: Story, days: int, count: Callable[[tuple], float]) -> Gold:  # type: ignore[type-arg]
    now = s.last(days - 1)  # today is one of them, so that the two periods are of one length
    return number(count(now), count((s.last(2 * days - 1)[0], now[0])))


def _emails(s: Story, best: dict[str, float], top: int) -> Gold:
    return rows({str(s.people[who].get("email") or who): value for who, value in best.items()}, top=top)


_COUNTS: Asked = [
    ("how often was a product viewed in the past three days", lambda s: number(s.count(PRODUCT, s.last(3)))),
    ("Orders placed since Monday?", lambda s: number(s.count(ORDER, s.this("week")))),
    ("what's the number of pageviews so far today", lambda s: number(s.count(VIEW, s.this("day")))),
    ("how mnay signups in the last fortnight?", lambda s: number(s.count(SIGNUP, s.last(14)))),
    ("Tell me how many checkouts were started yesterday", lambda s: number(s.count(CHECKOUT, s.day(1)))),
    ("# of orders over the last 5 days", lambda s: number(s.count(ORDER, s.last(5)))),
    (
        "How many orders did French customers place last week?",
        lambda s: number(s.count(ORDER, s.whole("week"), country="FR")),
    ),
    (
        "total number of page views on firefox during the past 10 days",
        lambda s: number(s.count(VIEW, s.last(10), browser="Firefox")),
    ),
    (
        "how many times was the tea pot added to a cart in the last 14 days",
        lambda s: number(s.count(CART, s.last(14), product="Tea pot")),
    ),
    (
        "in the last 7 days, how many purchases came from the newsletter?",
        lambda s: number(s.count(ORDER, s.last(7), source="newsletter")),
    ),
    ("how many orders were for 3 units", lambda s: number(s.count(ORDER, quantity=3))),
    ("How many visits to /sale were there last week?", lambda s: number(s.count(VIEW, s.whole("week"), path="/sale"))),
    ("count the sign-ups on iOS in the last month", lambda s: number(s.count(SIGNUP, s.last(30), os="iOS"))),
    (
        "how many orders above 200 euros in the last 30 days?",
        lambda s: number(s.count(ORDER, s.last(30), revenue=lambda v: v > 200)),
    ),
]

_UNIQUES: Asked = [
    ("How many distinct people visited the site last week?", lambda s: number(s.heads(VIEW, s.whole("week")))),
    ("unique buyers in the last 10 days", lambda s: number(s.heads(ORDER, s.last(10)))),
    ("how many different customers purchased something yesterday", lambda s: number(s.heads(ORDER, s.day(1)))),
    ("how many uniqe visitors did we have in the past 14 days?", lambda s: number(s.heads(VIEW, s.last(14)))),
    (
        "How many individuals added something to their basket in the last 7 days?",
        lambda s: number(s.heads(CART, s.last(7))),
    ),
    ("number of unique users who started a checkout this month", lambda s: number(s.heads(CHECKOUT, s.this("month")))),
    (
        "how many people from Sweden visited us in the last 20 days",
        lambda s: number(s.heads(VIEW, s.last(20), country="SE")),
    ),
    (
        "distinct users viewing products last week on desktop",
        lambda s: number(s.heads(PRODUCT, s.whole("week"), device="Desktop")),
    ),
    (
        "How many persons looked at the Wool scarf in the last two weeks?",
        lambda s: number(s.heads(PRODUCT, s.last(14), product="Wool scarf")),
    ),
    ("how many people bought shoes this month", lambda s: number(s.heads(ORDER, s.this("month"), category="shoes"))),
    ("DAU yesterday", lambda s: number(s.heads(VIEW, s.day(1)))),
    ("how many shoppers used safari in the last 7 days", lambda s: number(s.heads(VIEW, s.last(7), browser="Safari"))),
    (
        "How many separate visitors opened the signup page in the last 7 days?",
        lambda s: number(s.heads(VIEW, s.last(7), path="/signup")),
    ),
]

_TRENDS: Asked = [
    (
        "orders day by day over the last 10 days",
        lambda s: sequence(s.per("day", s.last(10), lambda t: s.count(ORDER, t))),
    ),
    (
        "Plot signups per day for the past week",
        lambda s: sequence(s.per("day", s.last(7), lambda t: s.count(SIGNUP, t))),
    ),
    (
        "give me the daily number of unique visitors in the last 14 days",
        lambda s: sequence(s.per("day", s.last(14), lambda t: s.heads(VIEW, t))),
    ),
    ("hourly page views yesterday", lambda s: sequence(s.per("hour", s.day(1), lambda t: s.count(VIEW, t)))),
    (
        "trend of checkouts started over the last two weeks",
        lambda s: sequence(s.per("day", s.last(14), lambda t: s.count(CHECKOUT, t))),
    ),
    (
        "revenue per day in the last 7 days",
        lambda s: sequence(s.per("day", s.last(7), lambda t: s.total(ORDER, "revenue", t))),
    ),
    (
        "how did the number of orders change from day to day last week",
        lambda s: sequence(s.per("day", s.whole("week"), lambda t: s.count(ORDER, t))),
    ),
    (
        "show the evolution of product views on mobile in the last 8 days",
        lambda s: sequence(s.per("day", s.last(8), lambda t: s.count(PRODUCT, t, device="Mobile"))),
    ),
    ("daily buyers for the past 10 days", lambda s: sequence(s.per("day", s.last(10), lambda t: s.heads(ORDER, t)))),
    ("errors each day this week", lambda s: sequence(s.per("day", s.this("week"), lambda t: s.count(ERROR, t)))),
    (
        "pageviews over time, last 12 days, by day",
        lambda s: sequence(s.per("day", s.last(12), lambda t: s.count(VIEW, t))),
    ),
    (
        "average order value per day in the last 7 days",
        lambda s: sequence(
            [round(s.mean(ORDER, "revenue", t), 2) for t in s.units("day", s.last(7)) if s.count(ORDER, t)]
        ),
    ),
    (
        "how many people signed up every day in the last 5 days?",
        lambda s: sequence(s.per("day", s.last(5), lambda t: s.heads(SIGNUP, t))),
    ),
]

_BREAKDOWNS: Asked = [
    ("signups per country for the last 14 days", lambda s: rows(s.by(SIGNUP, "country", s.last(14)))),
    ("Break orders down by device in the last month", lambda s: rows(s.by(ORDER, "device", s.last(30)))),
    ("how do our orders distribute over product categories?", lambda s: rows(s.by(ORDER, "category"))),
    ("visitors by operating system last week", lambda s: rows(s.heads_by(VIEW, "os", s.whole("week")))),
    (
        "what share of visits comes from which refering site in the last 7 days",
        lambda s: rows(s.by(VIEW, "referrer", s.last(7))),
    ),
    ("pageviews split by utm medium in the past 10 days", lambda s: rows(s.by(VIEW, "medium", s.last(10)))),
    ("revenue per browser this month", lambda s: rows(s.total_by(ORDER, "revenue", "browser", s.this("month")))),
    ("number of buyers for each plan", lambda s: rows(s.heads_by(ORDER, "who_plan"))),
    (
        "for each product, how many times was it added to the cart in the last 7 days?",
        lambda s: rows(s.by(CART, "product", s.last(7))),
    ),
    ("checkouts grouped by country yesterday", lambda s: rows(s.by(CHECKOUT, "country", s.day(1)))),
    ("Where do our visitors come from?", lambda s: rows(s.heads_by(VIEW, "country"))),
    ("orders by quantity", lambda s: rows(s.by(ORDER, "quantity"))),
    (
        "mobile orders by operating system in the last 30 days",
        lambda s: rows(s.by(ORDER, "os", s.last(30), device="Mobile")),
    ),
]

_COMPARISONS: Asked = [
    ("Are orders up or down versus last week?", lambda s: _against(s, "week", ORDER)),
    ("compare pageviews this week to the week before", lambda s: _against(s, "week", VIEW)),
    ("signups in the last 14 days vs the 14 days before that", lambda s: _rolling(s, 14, lambda t: s.count(SIGNUP, t))),
    ("how does today's number of orders compare to yesterday?", lambda s: _against(s, "day", ORDER)),
    (
        "did we have more visitors in the last 7 days than in the 7 days before?",
        lambda s: _rolling(s, 7, lambda t: s.heads(VIEW, t)),
    ),
    (
        "revenue in the last 10 days compared with the prior 10 days",
        lambda s: _rolling(s, 10, lambda t: s.total(ORDER, "revenue", t)),
    ),
    (
        "mobile orders in the last 7 days against the previous 7 days",
        lambda s: _rolling(s, 7, lambda t: s.count(ORDER, t, device="Mobile")),
    ),
    ("by how much did checkouts change this week relative to last week", lambda s: _against(s, "week", CHECKOUT)),
    (
        "have errors gone down in the last 7 days compared to the week before?",
        lambda s: _rolling(s, 7, lambda t: s.count(ERROR, t)),
    ),
    (
        "orders last week vs the week before last",
        lambda s: number(
            s.count(ORDER, s.whole("week")),
            s.count(ORDER, (s.whole("week")[0] - (s.whole("week")[1] - s.whole("week")[0]), s.whole("week")[0])),
        ),
    ),
    (
        "page views yesterday compared to the day before",
        lambda s: number(s.count(VIEW, s.day(1)), s.count(VIEW, s.day(2))),
    ),
    ("growth of signups this month vs previous month", lambda s: _against(s, "month", SIGNUP)),
    (
        "are more people adding to cart this week than last week?",
        lambda s: number(s.heads(CART, s.this("week")), s.heads(CART, s.so_far_before("week"))),
    ),
]

_FUNNELS: Asked = [
    ("What fraction of people who view a product end up buying?", lambda s: _funnel(s, PRODUCT, ORDER)),
    (
        "conversion from add to cart to checkout over the last 14 days",
        lambda s: _funnel(s, CART, CHECKOUT, span=s.last(14)),
    ),
    ("what % of visitors sign up?", lambda s: _funnel(s, VIEW, SIGNUP)),
    (
        "how many people who started a checkout completed an order in the last 10 days",
        lambda s: _funnel(s, CHECKOUT, ORDER, span=s.last(10)),
    ),
    ("funnel from page view to product view to add to cart to order", lambda s: _funnel(s, VIEW, PRODUCT, CART, ORDER)),
    ("checkout conversion rate on mobile", lambda s: _funnel(s, CHECKOUT, ORDER, device="Mobile")),
    (
        "of those who added a product to their cart last week, how many ordered?",
        lambda s: _funnel(s, CART, ORDER, span=s.whole("week")),
    ),
    ("conversion rate from visit to purchase for German users", lambda s: _funnel(s, VIEW, ORDER, country="DE")),
    ("what is the drop off between checkout and order?", lambda s: _funnel(s, CHECKOUT, ORDER)),
    (
        "how does the purchase funnel look: viewed product -> added to cart -> started checkout -> completed order",
        lambda s: _funnel(s, PRODUCT, CART, CHECKOUT, ORDER),
    ),
    ("conversion rate from product view to order within 1 day", lambda s: _funnel(s, PRODUCT, ORDER, days=1)),
    ("percent of people that go from sign up to an order", lambda s: _funnel(s, SIGNUP, ORDER)),
    (
        "how well do chrome users convert from cart to purchase in the last 2 weeks",
        lambda s: _funnel(s, CART, ORDER, span=s.last(14), browser="Chrome"),
    ),
]

_RETENTION: Asked = [
    ("how many users return after a week?", _weekly(VIEW, VIEW)),
    ("weekly user retention", _weekly(VIEW, VIEW)),
    ("what's our day 1 retention?", _daily(VIEW, VIEW)),
    ("Do visitors come back the following day?", _daily(VIEW, VIEW)),
    ("how many of our customers buy again in the following week", _weekly(ORDER, ORDER)),
    ("repeat purchase rate by week", _weekly(ORDER, ORDER)),
    ("retention of new signups week over week", _weekly(SIGNUP, VIEW)),
    ("share of people who return the week after their first visit", _weekly(VIEW, VIEW)),
    ("are people who signed up still visiting the week after?", _weekly(SIGNUP, VIEW)),
    ("show me cohort retention by week", _weekly(VIEW, VIEW)),
    ("daily retention of people who ordered", _daily(ORDER, VIEW)),
    ("what percent of new users come back on the next day?", _daily(VIEW, VIEW)),
    ("how sticky are we: weekly retention of buyers?", _weekly(ORDER, ORDER)),
]

_TOP: Asked = [
    ("which 3 products sold best in the last 30 days?", lambda s: rows(s.by(ORDER, "product", s.last(30)), top=3)),
    ("top five countries by visitors", lambda s: rows(s.heads_by(VIEW, "country"), top=5)),
    ("what page gets the most views?", lambda s: rows(s.by(VIEW, "path"), top=1)),
    ("best selling categories in the last 14 days", lambda s: rows(s.by(ORDER, "category", s.last(14)))),
    ("rank browsers by number of orders", lambda s: rows(s.by(ORDER, "browser"))),
    ("the 4 most visited pages in the past week", lambda s: rows(s.by(VIEW, "path", s.last(7)), top=4)),
    (
        "least popular product by orders in the last 30 days",
        lambda s: rows(s.by(ORDER, "product", s.last(30)), top=1, least=True),
    ),
    ("which utm source brings the most signups?", lambda s: rows(s.by(SIGNUP, "source"), top=1)),
    (
        "top 2 product categories by revenue last week",
        lambda s: rows(s.total_by(ORDER, "revenue", "category", s.whole("week")), top=2),
    ),
    ("which products are viewed most in Spain?", lambda s: rows(s.by(PRODUCT, "product", country="ES"), top=1)),
    (
        "which referrer sends the most visitors in the last 14 days",
        lambda s: rows(s.heads_by(VIEW, "referrer", s.last(14)), top=1),
    ),
    ("most used device type last week", lambda s: rows(s.heads_by(VIEW, "device", s.whole("week")), top=1)),
    ("which country spends the most money?", lambda s: rows(s.total_by(ORDER, "revenue", "country"), top=1)),
]

_PERSONS: Asked = [
    ("list our 3 biggest spenders", lambda s: _emails(s, s.best(ORDER, summed="revenue"), 3)),
    ("which customer ordered most often?", lambda s: sequence([max(s.best(ORDER).values())])),
    (
        "How many of our users have the plus plan?",
        lambda s: number(sum(p.get("plan") == "plus" for p in s.people.values())),
    ),
    (
        "users per plan",
        lambda s: rows({p: sum(each.get("plan") == p for each in s.people.values()) for p in ("free", "plus", "pro")}),
    ),
    ("how many people have an email address", lambda s: number(sum(bool(p.get("email")) for p in s.people.values()))),
    ("top 5 people by number of page views", lambda s: sequence(sorted(s.best(VIEW).values(), reverse=True)[:5])),
    (
        "who spent the most in the last 14 days?",
        lambda s: sequence(sorted(s.best(ORDER, s.last(14), summed="revenue").values(), reverse=True)[:1]),
    ),
    ("how many pro users ordered in the last 30 days", lambda s: number(s.heads(ORDER, s.last(30), who_plan="pro"))),
    ("how many customers placed more than one order?", lambda s: number(sum(v > 1 for v in s.best(ORDER).values()))),
    ("how many people have ordered at least 3 times", lambda s: number(sum(v >= 3 for v in s.best(ORDER).values()))),
    ("orders of free plan users last week", lambda s: number(s.count(ORDER, s.whole("week"), who_plan="free"))),
    ("how many orders does the average customer place?", lambda s: number(round(s.count(ORDER) / s.heads(ORDER), 2))),
    ("who are the people with the most errors", lambda s: sequence(sorted(s.best(ERROR).values(), reverse=True)[:3])),
]

_REVENUE: Asked = [
    ("how much revenue did we make in the last 7 days?", lambda s: number(s.total(ORDER, "revenue", s.last(7)))),
    ("total sales in euros last week", lambda s: number(s.total(ORDER, "revenue", s.whole("week")))),
    ("What was our turnover yesterday?", lambda s: number(s.total(ORDER, "revenue", s.day(1)))),
    ("average order value in the last 14 days", lambda s: number(s.mean(ORDER, "revenue", s.last(14)))),
    ("whats the median order value this month", lambda s: number(median(s.values(ORDER, "revenue", s.this("month"))))),
    ("biggest order in the last 30 days", lambda s: number(max(s.values(ORDER, "revenue", s.last(30))))),
    ("revenue from the US in the last 20 days", lambda s: number(s.total(ORDER, "revenue", s.last(20), country="US"))),
    (
        "how much did we earn with linen sheets this month?",
        lambda s: number(s.total(ORDER, "revenue", s.this("month"), product="Linen sheets")),
    ),
    ("revenue by categroy in the last 10 days", lambda s: rows(s.total_by(ORDER, "revenue", "category", s.last(10)))),
    (
        "revenue per customer in the last 30 days",
        lambda s: number(round(s.total(ORDER, "revenue", s.last(30)) / s.heads(ORDER, s.last(30)), 2)),
    ),
    ("how many items were sold last week", lambda s: number(s.total(ORDER, "quantity", s.whole("week")))),
    (
        "income on mobile devices in the last seven days",
        lambda s: number(s.total(ORDER, "revenue", s.last(7), device="Mobile")),
    ),
    ("smallest order value last week?", lambda s: number(min(s.values(ORDER, "revenue", s.whole("week"))))),
]

_ERRORS: Asked = [
    ("how many exceptions occurred in the last 3 days", lambda s: number(s.count(ERROR, s.last(3)))),
    ("How many users ran into errors last week?", lambda s: number(s.heads(ERROR, s.whole("week")))),
    ("exceptions grouped by type", lambda s: rows(s.by(ERROR, "error"))),
    ("top 2 error types in the last 14 days", lambda s: rows(s.by(ERROR, "error", s.last(14)), top=2)),
    ("number of RangeErrors in the last 30 days", lambda s: number(s.count(ERROR, s.last(30), error="RangeError"))),
    ("errors per operating system in the past month", lambda s: rows(s.by(ERROR, "os", s.last(30)))),
    (
        "how many network errors did Chrome users get in the last 10 days?",
        lambda s: number(s.count(ERROR, s.last(10), error="NetworkError", browser="Chrome")),
    ),
    ("which error affects the most people?", lambda s: rows(s.heads_by(ERROR, "error"), top=1)),
    ("any errors today?", lambda s: number(s.count(ERROR, s.this("day")))),
    ("errors in Germany in the last 14 days", lambda s: number(s.count(ERROR, s.last(14), country="DE"))),
    ("most frequent error message", lambda s: rows(s.by(ERROR, "$exception_message"), top=1)),
    ("on which device do errors happen most", lambda s: rows(s.by(ERROR, "device"), top=1)),
    (
        "how many erorrs happend on the checkout page in the last 14 days",
        lambda s: number(s.count(ERROR, s.last(14), path="/checkout")),
    ),
]

_EXPORTS: Asked = [
    ("how many batch exports are set up?", lambda _s: number(3)),
    ("show all exports", lambda _s: says("nightly files", "hourly table", "old archive")),
    ("which export is broken?", lambda _s: says("hourly table")),
    ("what went wrong with the hourly table export", lambda _s: says("hourly table", "refused")),
    ("is the old archive paused?", lambda _s: says("old archive", "paused")),
    ("which of our exports are paused right now?", lambda _s: says("old archive")),
    ("what's the schedule of the hourly table export?", lambda _s: says("hourly table", "hour")),
    ("where does nightly files go?", lambda _s: says("nightly files", "LocalFile")),
    ("did the exports succeed", lambda _s: says("hourly table")),
    ("are there failed exports?", lambda _s: says("hourly table")),
    ("export status please", lambda _s: says("nightly files", "hourly table", "old archive")),
    ("why is the hourly table failing?", lambda _s: says("hourly table", "refused")),
    ("tell me about the nightly files export", lambda _s: says("nightly files", "day")),
]

TOPICS: dict[str, Asked] = {
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
