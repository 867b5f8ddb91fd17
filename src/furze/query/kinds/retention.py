"""RetentionQuery: of those who did something in one interval, how many came back in each interval after it."""

from typing import Any, Final, Literal

from pydantic import Field

from furze.hogql import ast
from furze.platform.errors import InvalidInput
from furze.platform.fields import Body
from furze.query.kinds.asker import Asker
from furze.query.kinds.buckets import Buckets, Interval, buckets, shift, start_of
from furze.query.kinds.periods import Period, resolve
from furze.query.kinds.series import (
    InsightQuery,
    PropertyFilters,
    SeriesNode,
    actor_of,
    of_event,
    of_query,
    of_series,
    within,
)
from furze.query.kinds.template import all_of, any_of, constant, expression, select
from furze.query.types import Answer

_INTERVALS: Final[dict[str, Interval]] = {"Hour": "hour", "Day": "day", "Week": "week", "Month": "month"}
_MAX_INTERVALS: Final = 400

_COUNTED: Final = """SELECT start, later, count() FROM (
    SELECT start, arrayJoin({offsets}) AS later FROM (
        SELECT start, arrayConcat([0], arrayFilter(o -> o > 0, arrayMap(r -> r - start, returns))) AS offsets FROM (
            SELECT arrayJoin(starts) AS start, returns FROM {actors}
        )
    )
) GROUP BY start, later"""


class Entity(Body):
    """What counts as starting, or as coming back."""

    id: str | int | None = None
    type: str | None = "events"
    name: str | None = None
    custom_name: str | None = None
    properties: PropertyFilters = None

    @property
    def node(self) -> SeriesNode:
        """The entity as a series."""
        kind: Literal["EventsNode", "ActionsNode"] = "ActionsNode" if self.type == "actions" else "EventsNode"
        event = None if self.id is None else str(self.id)
        return SeriesNode(kind=kind, event=event, properties=self.properties)


class RetentionFilter(Body):
    """`retentionFilter` of a query."""

    period: Literal["Hour", "Day", "Week", "Month"] | None = "Day"
    totalIntervals: int | None = Field(default=8, ge=1, le=_MAX_INTERVALS)
    retentionType: Literal["retention_recurring", "retention_first_time", "retention_first_ever_occurrence"] | None = (
        "retention_first_time"
    )
    targetEntity: Entity | None = None
    returningEntity: Entity | None = None
    cumulative: bool | None = False
    minimumOccurrences: int | None = Field(default=1, ge=1)


class RetentionQuery(InsightQuery):
    """The query."""

    kind: Literal["RetentionQuery"] = "RetentionQuery"
    retentionFilter: RetentionFilter = RetentionFilter()
    breakdownFilter: dict[str, Any] | None = None


async def retention(query: RetentionQuery, asker: Asker) -> Answer:
    """One row for each starting interval; row i has a count for itself and for each interval after it."""
    if query.breakdownFilter and (query.breakdownFilter.get("breakdown") or query.breakdownFilter.get("breakdowns")):
        raise InvalidInput(
            "Retention can't be broken down here. Filter by the property.", attr="query__breakdownFilter"
        )
    options = query.retentionFilter
    cut, period = _intervals(query, asker)
    offsets = "range(toInt64(arrayMax(offsets)) + 1)" if options.cumulative else "offsets"
    statement = select(_COUNTED, offsets=expression(offsets), actors=_actors(query, cut, period, asker))
    found = {(int(start), int(offset)): count for start, offset, count in await asker.tuples(statement)}
    word = options.period or "Day"
    results = [
        {
            "label": f"{word} {row}",
            "date": start.isoformat(),
            "values": [
                {"count": found.get((row, offset), 0), "label": f"{word} {offset}"} for offset in range(cut.count - row)
            ],
        }
        for row, start in enumerate(cut.starts())
    ]
    return {"results": results, "resolved_date_range": period}


def _intervals(query: RetentionQuery, asker: Asker) -> tuple[Buckets, Period]:
    """The last `totalIntervals` intervals up to the end of the date range."""
    interval = _INTERVALS[query.retentionFilter.period or "Day"]
    end = resolve(query.dateRange, asker.now, asker.timezone, interval=interval).end
    last = buckets(end, end, interval, asker.timezone).first
    first = start_of(shift(last, interval, 1 - (query.retentionFilter.totalIntervals or 8)), interval)
    return buckets(first, end, interval, asker.timezone), Period(first, end)


def _actors(query: RetentionQuery, cut: Buckets, period: Period, asker: Asker) -> ast.SelectQuery:
    """Each actor with the intervals in which it started and those in which it came back."""
    options = query.retentionFilter
    target, returning = (options.targetEntity or _PAGEVIEW).node, (options.returningEntity or _PAGEVIEW).node
    is_target, is_returning = of_series(target, asker), of_series(returning, asker)
    first_kind = options.retentionType or "retention_first_time"
    is_recurring = first_kind == "retention_recurring"
    first_of = all_of(of_event(target)) if first_kind == "retention_first_ever_occurrence" else is_target
    ever = Period(period.start.replace(year=1970), period.end)
    return select(
        f"""SELECT actor, {{starts}} AS starts, groupArrayIf(bucket, returned >= {{least}}) AS returns FROM (
            SELECT {{actor}} AS actor, {{bucket}} AS bucket,
                countIf({{is_target}}) AS started, countIf({{is_returning}} AND timestamp >= {{start}}) AS returned,
                {_FIRST} AS first, {_FIRST_MATCH} AS first_match
            FROM events WHERE {{kept}} GROUP BY actor, bucket
        ) GROUP BY actor""",
        starts=expression(_RECURRING_STARTS if is_recurring else _FIRST_STARTS, first=constant(0)),
        least=constant(options.minimumOccurrences or 1),
        actor=actor_of(query.aggregation_group_type_index),
        bucket=cut.expression(ast.Field(("timestamp",))),
        is_target=is_target,
        is_returning=is_returning,
        first_of=first_of,
        start=constant(period.start),
        kept=all_of(any_of([first_of, is_returning]), of_query(query, asker), within(period if is_recurring else ever)),
    )


_PAGEVIEW: Final = Entity(id="$pageview", name="$pageview")
_FIRST: Final = "minIf(timestamp, {first_of})"
_FIRST_MATCH: Final = "minIf(timestamp, {is_target})"
_RECURRING_STARTS: Final = "groupArrayIf(bucket, started > 0)"
# minIf without a match is 1970: rows of intervals without such an event do not count.
_FIRST_STARTS: Final = """if(
    minIf(first, toUnixTimestamp(first) > 0) = minIf(first_match, toUnixTimestamp(first_match) > 0)
        AND minIf(bucket, started > 0) >= {first} AND countIf(started > 0) > 0,
    [minIf(bucket, started > 0)], emptyArrayInt64())"""
