"""A first look at what a person or group did lately, at columns that are cheap to read.

Most tiles read whole events, and those of one person lie far apart. So one query that reads no properties tells first
which tiles have anything to show and between which instants, and the tiles read only there.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from furze.hogql import ast, print_hogql
from furze.kit.clock import wire_time
from furze.profiles.entity import Entity

#: How far back a page looks.
DAYS: Final = 90
#: How many of the newest events a page shows.
SHOWN_EVENTS: Final = 100

_INSTANT: Final = timedelta(microseconds=1)

_SURVEY: Final = f"""SELECT count(), arrayReverseSort(groupArray(timestamp))[{SHOWN_EVENTS}],
    countIf(event = '$exception'), minIf(timestamp, event = '$exception'), maxIf(timestamp, event = '$exception'),
    countIf(event LIKE '$ai_%'), minIf(timestamp, event LIKE '$ai_%'), maxIf(timestamp, event LIKE '$ai_%')
FROM events WHERE {{column}} = {{value}} AND {{is_among}} AND timestamp > now() - INTERVAL {DAYS} DAY"""


@dataclass(frozen=True, slots=True)
class Span:
    """How many events of a kind there are, and when the first and the last happened."""

    count: int
    first: datetime
    last: datetime

    @property
    def last_week(self) -> dict[str, str]:
        """The last seven days in which they happened, as a query's `dateRange`."""
        start = max(self.first - _INSTANT, self.last - timedelta(days=7))
        return {"date_from": wire_time(start), "date_to": wire_time(self.last + _INSTANT)}


@dataclass(frozen=True, slots=True)
class Activity:
    """What somebody did in the last days. `shown_since` lies just before the newest `SHOWN_EVENTS` events."""

    events: int
    shown_since: datetime
    exceptions: Span
    calls: Span


async def survey(
    run: Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]], entity: Entity, now: datetime
) -> Activity:
    """What is on the events of a person or group."""
    text = _SURVEY.replace("{column}", print_hogql(ast.Field((entity.column,))))
    text = text.replace("{is_among}", "distinct_id IN {ids}" if entity.distinct_ids else "true")
    values = {"value": entity.id, "ids": entity.distinct_ids}
    answer = await run({"kind": "HogQLQuery", "query": text, "values": values})
    [(count, newest, exceptions, first_one, last_one, calls, first_call, last_call)] = answer["results"]
    shown_since = newest - _INSTANT if count >= SHOWN_EVENTS else now - timedelta(days=DAYS)
    return Activity(count, shown_since, Span(exceptions, first_one, last_one), Span(calls, first_call, last_call))
