"""Follows what arrives and keeps the definitions of events and properties.

Definitions are maintained, not computed when asked: their list must be complete, with every property ever sent, and a
query that finds that out reads every event. Instead the observer goes along the ingest positions in steps, each read
once, aggregated inside the event store, and saved in one transaction with the position reached. So a crash repeats a
step without effect, an idle server does nothing, and whoever asks has at most the newest step to wait for. The types
of a property's values are united as bits, which gives the same answer in whatever order events come.
"""

import logging
from typing import Any, Final

from furze.events.types import Limits
from furze.kit.backoff import backoff_seconds
from furze.people import definition_store as store
from furze.people.definition_store import Seen, SeenEvent, SeenProperty
from furze.people.engine import People

logger = logging.getLogger(__name__)

_STEP: Final = 50_000
_EVERY_SECONDS: Final = 5.0
_STEPS_WHEN_ASKED: Final = 4
_LIMITS: Final = Limits(seconds=60, memory_bytes=1 << 30, result_rows=200_000)
_MOST_NAME_CHARACTERS: Final = 400

# 1 number, 2 boolean, 4 date, 8 text, 16 anything else, 0 null.
_KIND: Final = r"""multiIf(
    value = 'null', 0,
    startsWith(name, 'utm_') OR startsWith(name, '$feature/'), 8,
    value IN ('true', 'false', '"true"', '"false"'), 2,
    match(value, '^1[0-9]{9}([0-9]{3})?([.][0-9]+)?$') AND positionCaseInsensitive(name, 'timestamp') > 0, 4,
    match(value, '^-?[0-9]'), 1,
    match(value, '^"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?)?(Z|[+-][0-9:]+)?"$'), 4,
    startsWith(value, '"'), 8,
    16)"""

_RANGE: Final = "position >= {first:UInt64} AND position < {end:UInt64}"

_EVENTS: Final = f"SELECT team_id, event, min(timestamp), max(timestamp) FROM events WHERE {_RANGE} GROUP BY ALL"


def _properties(columns: str, json: str, table: str) -> str:
    return f"""SELECT {columns}, name, groupBitOr({_KIND}) FROM (
        SELECT {columns}, pair.1 AS name, pair.2 AS value FROM (
            SELECT {columns}, arrayJoin(JSONExtractKeysAndValuesRaw({json})) AS pair FROM {table} WHERE {_RANGE}
        )
    ) GROUP BY ALL LIMIT 200000"""


_EVENT_PROPERTIES: Final = _properties("team_id, event", "properties", "events")
_PERSON_PROPERTIES: Final = _properties("team_id", "properties", "person")
_GROUP_PROPERTIES: Final = _properties("team_id, group_type_index", "group_properties", "groups")


async def run_forever(people: People) -> None:
    """Keep the definitions up to date."""
    attempt = 0
    while True:
        try:
            while await observe_next(people):
                pass
            attempt = 0
        except Exception:
            attempt += 1
            logger.exception("definitions stay behind: attempt %d failed", attempt)
        await people.clock.sleep(max(_EVERY_SECONDS, backoff_seconds(attempt) if attempt else 0))


async def catch_up(people: People) -> None:
    """Bring the definitions up to date, unless that would take long: after an import the loop does the rest."""
    for _ in range(_STEPS_WHEN_ASKED):
        if not await observe_next(people):
            return


async def observe_next(people: People) -> bool:
    """Take one step; whether there was one to take."""
    first = await people.database.read(store.position)
    end = min(await people.queue.watermark(), first + _STEP)
    if end <= first:
        return False
    await people.database.write(store.save, await _look(people, first, end), first, end)
    return True


async def _look(people: People, first: int, end: int) -> Seen:
    async def rows(sql: str) -> Any:
        found = await people.store.query(sql, {"first": first, "end": end}, limits=_LIMITS)
        return [row for row in found.rows if all(map(_is_storable, row))]

    events = [SeenEvent(*row) for row in await rows(_EVENTS)]
    properties = [
        SeenProperty(team, "event", name, kinds, event=event)
        for team, event, name, kinds in await rows(_EVENT_PROPERTIES)
    ]
    properties += [SeenProperty(team, "person", name, kinds) for team, name, kinds in await rows(_PERSON_PROPERTIES)]
    properties += [
        SeenProperty(team, "group", name, kinds, index) for team, index, name, kinds in await rows(_GROUP_PROPERTIES)
    ]
    return Seen(events, properties)


def _is_storable(value: object) -> bool:
    return not isinstance(value, str) or (0 < len(value) <= _MOST_NAME_CHARACTERS and "\x00" not in value)
