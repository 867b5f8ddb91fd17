"""Brings changed people and groups to the event store: a job that may run any number of times."""

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, tuple_

from furze.identity.store import distinct_ids, groups, persons
from furze.jobs import JobContext, Retry
from furze.kit import json
from furze.kit.clock import Clock
from furze.people.engine import MIRROR, People
from furze.people.types import Touched
from furze.platform.errors import TimedOut, Unavailable

_Row = dict[str, Any]


def register(people: People) -> None:
    """Let the engine's jobs mirror changes."""
    people.jobs.register(MIRROR, partial(_mirror, people))


async def _mirror(people: People, context: JobContext) -> None:
    touched = Touched.read(context.job.arguments)
    try:
        rows = await people.database.read(_rows, touched, await people.queue.head(), people.clock)
        for table, changed in rows.items():
            await people.store.insert(table, changed)
        if touched.erased:
            await _erase(people, touched)
    except (Unavailable, TimedOut) as error:
        raise Retry(error.detail) from error


async def _erase(people: People, touched: Touched) -> None:
    if not await people.queue.wait_until_consumed(touched.erased_before - 1, 10):
        raise Retry("events that came before the deletion are still on their way", after_seconds=1)
    await people.store.execute(
        "DELETE FROM events WHERE team_id = {team_id:Int64} AND position < {before:UInt64} "
        "AND distinct_id IN {distinct_ids:Array(String)}",
        {"team_id": touched.project_id, "before": touched.erased_before, "distinct_ids": list(touched.erased)},
    )


def _rows(connection: Connection, touched: Touched, position: int, clock: Clock) -> dict[str, list[_Row]]:
    """What the database says now of all that was touched; whatever it has no longer comes as deleted."""
    return {
        "person": _person_rows(connection, touched, position, clock),
        "person_distinct_id": _distinct_id_rows(connection, touched, position),
        "groups": _group_rows(connection, touched, position),
    }


def _person_rows(connection: Connection, touched: Touched, position: int, clock: Clock) -> list[_Row]:
    wanted = {UUID(text): version for text, version in touched.persons.items()}
    chosen = (persons.c.project_id == touched.project_id) & persons.c.uuid.in_(wanted)
    found = {row.uuid: row for row in connection.execute(select(persons).where(chosen))}
    rows = []
    for uuid, version in wanted.items():
        row = found.get(uuid)
        rows.append(
            {
                "team_id": touched.project_id,
                "id": uuid,
                "properties": json.dumps(row.properties).decode() if row else "{}",
                "created_at": row.created_at if row else clock.now(),
                "last_seen_at": row.last_seen_at if row else clock.now(),
                "is_identified": int(row.is_identified) if row else 0,
                "is_deleted": int(row is None),
                "version": row.version if row else version,
                "position": position,
            }
        )
    return rows


def _distinct_id_rows(connection: Connection, touched: Touched, position: int) -> list[_Row]:
    chosen = (distinct_ids.c.project_id == touched.project_id) & distinct_ids.c.distinct_id.in_(touched.distinct_ids)
    joined = select(distinct_ids, persons.c.uuid).join(persons, persons.c.id == distinct_ids.c.person_id)
    found = {row.distinct_id: row for row in connection.execute(joined.where(chosen))}
    rows = []
    for distinct_id, (uuid, version) in touched.distinct_ids.items():
        row = found.get(distinct_id)
        rows.append(
            {
                "team_id": touched.project_id,
                "distinct_id": distinct_id,
                "person_id": row.uuid if row else UUID(uuid),
                "is_deleted": int(row is None),
                "is_overridden": 1,  # events stored before name whom it belonged to then
                "version": row.version if row else version,
                "position": position,
            }
        )
    return rows


def _group_rows(connection: Connection, touched: Touched, position: int) -> list[_Row]:
    key: Any = tuple_(groups.c.group_type_index, groups.c.group_key)
    wanted: Sequence[Any] = [tuple(each) for each in touched.groups]
    chosen = (groups.c.project_id == touched.project_id) & key.in_(wanted)
    return [
        {
            "team_id": touched.project_id,
            "group_type_index": row.group_type_index,
            "group_key": row.group_key,
            "group_properties": json.dumps(row.group_properties).decode(),
            "created_at": row.created_at,
            "updated_at": row.updated_at,
            "is_deleted": 0,
            "version": row.version,
            "position": position,
        }
        for row in connection.execute(select(groups).where(chosen))
    ]
