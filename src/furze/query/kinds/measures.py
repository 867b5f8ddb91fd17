"""What a series counts: events, people, sums of a property, people active in the last week, first times, …"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, TypeAlias

from furze.hogql import ast
from furze.hogql.parser import parse_expression
from furze.platform.errors import InvalidInput
from furze.query.kinds.asker import Asker
from furze.query.kinds.breakdown import Values
from furze.query.kinds.buckets import Buckets, buckets
from furze.query.kinds.periods import Period
from furze.query.kinds.series import (
    InsightQuery,
    SeriesNode,
    actor_exists,
    actor_of,
    of_event,
    of_query,
    of_series,
    within,
)
from furze.query.kinds.template import all_of, constant, expression, select

#: Numbers by breakdown value (None without a breakdown) and by bucket.
Key: TypeAlias = tuple[str, ...] | None
Measured: TypeAlias = dict[Key, dict[int, float]]

_NUMBERS: Final = {
    "sum": "sum({number})",
    "avg": "avg({number})",
    "min": "min({number})",
    "max": "max({number})",
    "median": "quantile(0.5)({number})",
    "p75": "quantile(0.75)({number})",
    "p90": "quantile(0.9)({number})",
    "p95": "quantile(0.95)({number})",
    "p99": "quantile(0.99)({number})",
}
_PER_ACTOR: Final = "_count_per_actor"
_ACTIVE_DAYS: Final = {"weekly_active": 7, "monthly_active": 30}
_FIRST_TIMES: Final = frozenset({"first_time_for_user", "first_matching_event_for_user"})
_DISTINCT: Final = frozenset({"dau", "unique_group", "unique_session"})
_SHORT: Final = frozenset({"second", "minute", "hour"})


@dataclass(frozen=True, slots=True)
class Measurement:
    """One series to be measured over one period. With `top`, other breakdown values are put together."""

    query: InsightQuery
    node: SeriesNode
    period: Period
    buckets: Buckets
    asker: Asker
    values: Values | None = None
    top: list[tuple[str, ...]] | None = None
    is_total: bool = False
    is_cumulative: bool = False

    @property
    def math(self) -> str:
        """What is counted."""
        return self.node.math or "total"

    @property
    def group_type_index(self) -> int | None:
        """The kind of group that is counted; None for persons."""
        if self.math == "unique_group":
            return self.node.math_group_type_index or 0
        return self.query.aggregation_group_type_index

    def bucket(self, time: ast.Expr | None = None) -> ast.Expr:
        """The number of the bucket an event falls into."""
        return constant(0) if self.is_total else self.buckets.expression(time or ast.Field(("timestamp",)))

    @property
    def key(self) -> ast.Expr:
        """The breakdown value of an event."""
        if self.values is None:
            return constant("")
        return self.values.expr if self.top is None else self.values.limited(self.top)

    def where(self, period: Period | None = None) -> ast.Expr:
        """The condition on an event to count."""
        return all_of(
            of_series(self.node, self.asker),
            of_query(self.query, self.asker),
            actor_exists(self.group_type_index),
            within(period or self.period),
        )


async def measure(wanted: Measurement) -> Measured:
    """The numbers of one series."""
    statement = _statement(wanted)
    measured: Measured = {}
    for bucket, key, number in await wanted.asker.tuples(statement):
        is_number = number is not None and number == number  # noqa: PLR0124 - NaN: an average of nothing
        measured.setdefault(tuple(key) if key else None, {})[int(bucket)] = number if is_number else 0
    return measured


async def top_values(wanted: Measurement, *, limit: int) -> list[tuple[str, ...]]:
    """The breakdown values of a series with the largest numbers over the whole period."""
    math = _aggregate(wanted) if _is_plain(wanted.math) else expression("count()")
    statement = select(
        "SELECT {key} AS key, {math} AS total FROM events WHERE {kept} GROUP BY key ORDER BY total DESC, key ASC",
        key=wanted.key,
        math=math,
        kept=wanted.where(),
    )
    return [tuple(key) for key, _ in await wanted.asker.tuples(statement, limit=limit)]


def _statement(wanted: Measurement) -> ast.SelectQuery:
    days = _ACTIVE_DAYS.get(wanted.math)
    if days is not None and _looks_back(wanted, days):
        return _active(wanted, days)
    if wanted.math in _FIRST_TIMES:
        return _first_times(wanted)
    if wanted.math.endswith(_PER_ACTOR):
        return _per_actor(wanted)
    if wanted.is_cumulative and wanted.math in _DISTINCT:
        return _first_appearances(wanted)
    return select(
        "SELECT {bucket} AS bucket, {key} AS key, {math} AS total FROM events WHERE {kept} GROUP BY bucket, key",
        bucket=wanted.bucket(),
        key=wanted.key,
        math=_aggregate(wanted),
        kept=wanted.where(),
    )


def _is_plain(math: str) -> bool:
    return not (math in _ACTIVE_DAYS or math in _FIRST_TIMES or math.endswith(_PER_ACTOR))


def _aggregate(wanted: Measurement) -> ast.Expr:
    math = wanted.math
    if math == "total":
        return expression("count()")
    if math in _DISTINCT or math in _ACTIVE_DAYS:
        return expression("count(DISTINCT {what})", what=_distinct(wanted))
    if math == "hogql":
        if not wanted.node.math_hogql:
            raise InvalidInput("The math 'hogql' needs 'math_hogql'.", attr="query__series")
        return parse_expression(wanted.node.math_hogql)
    if math in _NUMBERS:
        return expression(_NUMBERS[math], number=_number(wanted.node))
    raise InvalidInput(f"{math!r} is no math that a series can have.", code="invalid_choice", attr="query__series")


def _distinct(wanted: Measurement) -> ast.Expr:
    if wanted.math == "unique_session":
        return ast.Field(("$session_id",))
    return actor_of(wanted.group_type_index)


def _number(node: SeriesNode) -> ast.Expr:
    name = node.math_property
    if not name:
        raise InvalidInput(f"The math {node.math!r} needs 'math_property'.", attr="query__series")
    kind = (node.math_property_type or "event_properties").removesuffix("_properties")
    if name == "$session_duration" or kind == "session":
        return expression("toFloat({value})", value=ast.Field(("session", name)))
    chain = ("person", "properties", name) if kind == "person" else ("properties", name)
    return expression("toFloat({value})", value=ast.Field(chain))


def _per_actor(wanted: Measurement) -> ast.SelectQuery:
    math = wanted.math.removesuffix(_PER_ACTOR)
    if math not in _NUMBERS:
        raise InvalidInput(f"{wanted.math!r} is no math.", code="invalid_choice", attr="query__series")
    return select(
        """SELECT bucket, key, {math} AS total FROM (
            SELECT {bucket} AS bucket, {key} AS key, {actor} AS actor, count() AS number
            FROM events WHERE {kept} GROUP BY bucket, key, actor
        ) GROUP BY bucket, key""",
        math=expression(_NUMBERS[math], number=ast.Field(("number",))),
        bucket=wanted.bucket(),
        key=wanted.key,
        actor=actor_of(wanted.group_type_index),
        kept=wanted.where(),
    )


def _first_appearances(wanted: Measurement) -> ast.SelectQuery:
    return select(
        """SELECT bucket, key, count() AS total FROM (
            SELECT min({bucket}) AS bucket, {key} AS key, {actor} AS actor
            FROM events WHERE {kept} GROUP BY key, actor
        ) WHERE actor IS NOT NULL GROUP BY bucket, key""",
        bucket=wanted.bucket(),
        key=wanted.key,
        actor=_distinct(wanted),
        kept=wanted.where(),
    )


def _first_times(wanted: Measurement) -> ast.SelectQuery:
    """Actors by the time of their first event of this name ever, if it also passes the series' filters."""
    filters = all_of(wanted.asker.condition(wanted.node.properties), of_query(wanted.query, wanted.asker))
    is_any_matching = wanted.math == "first_matching_event_for_user"
    ever = Period(wanted.period.start.replace(year=1970, month=1, day=1), wanted.period.end)
    return select(
        """SELECT {bucket} AS bucket, key, count() AS total FROM (
            SELECT {actor} AS actor, min(timestamp) AS first_time, minIf(timestamp, {filters}) AS first_match,
                argMinIf({key}, timestamp, {filters}) AS key
            FROM events WHERE {kept} GROUP BY actor
        ) WHERE first_time = first_match AND first_time >= {start} GROUP BY bucket, key""",
        bucket=wanted.bucket(ast.Field(("first_time",))),
        key=wanted.key,
        actor=actor_of(wanted.group_type_index),
        filters=constant(True) if is_any_matching else filters,
        kept=all_of(
            of_event(wanted.node),
            filters if is_any_matching else None,
            actor_exists(wanted.group_type_index),
            within(ever),
        ),
        start=constant(wanted.period.start),
    )


def _looks_back(wanted: Measurement, days: int) -> bool:
    """Whether the days looked back on are more than a bucket itself holds."""
    return wanted.is_total or not (
        wanted.buckets.interval in ("month", "quarter", "year") or (wanted.buckets.interval == "week" and days == 7)
    )


def _active(wanted: Measurement, days: int) -> ast.SelectQuery:
    """Who was active in the `days` up to the end of each bucket: one event counts in many buckets."""
    reach = timedelta(days=days)
    looked_at = replace(wanted.period, start=wanted.period.start - reach - timedelta(days=1))
    if not wanted.is_total and wanted.buckets.interval in _SHORT:
        time, ends, span = _by_second(wanted.buckets, reach)
    else:
        time, ends, span = _by_day(wanted, days)
    return select(
        """SELECT arrayJoin(arrayFilter(
            bucket -> ({ends}[bucket + 1] - {span} < time) AND (time <= {ends}[bucket + 1]), range({count})
        )) AS bucket, key, count(DISTINCT actor) AS total FROM (
            SELECT DISTINCT {time} AS time, {key} AS key, {actor} AS actor FROM events WHERE {kept}
        ) GROUP BY bucket, key""",
        ends=constant(ends),
        span=constant(span),
        count=constant(len(ends)),
        time=time,
        key=wanted.key,
        actor=actor_of(wanted.group_type_index),
        kept=wanted.where(looked_at),
    )


def _by_second(cut: Buckets, reach: timedelta) -> tuple[ast.Expr, list[int], int]:
    time = expression("toUnixTimestamp(timestamp)")
    ends = [int(cut.start(index + 1).timestamp()) - 1 for index in range(cut.count)]
    return time, ends, int(reach.total_seconds())


def _by_day(wanted: Measurement, days: int) -> tuple[ast.Expr, list[int], int]:
    cut = wanted.buckets
    by_day = buckets(wanted.period.start, wanted.period.end, "day", cut.timezone)
    last = by_day.count - 1
    ends = [last] if wanted.is_total else [by_day.index(cut.start(index + 1)) - 1 for index in range(cut.count)]
    return by_day.expression(ast.Field(("timestamp",))), ends, days
