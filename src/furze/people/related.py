"""Who belongs together: people and groups that occur on the same events."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from furze.identity import store as identities
from furze.identity.types import MAX_GROUP_TYPES
from furze.people.engine import People
from furze.people.types import group_answer, person_answer, person_identity

#: How many people, and how many groups of each type, are told at most.
_MOST: Final = 100

_GROUP_KEYS: Final = ", ".join(
    f"arraySlice(arrayFilter(key -> key != '', groupUniqArray($group_{index})), 1, {_MOST})"
    for index in range(MAX_GROUP_TYPES)
)


#: How far back the same events are looked for.
RELATED_FOR: Final = timedelta(days=90)


async def related(people: People, project_id: int, group_type_index: int | None, id_: str) -> list[dict[str, Any]]:
    """The people and groups that occur on the same events in the last 90 days as a group, or as a person."""
    since = people.now() - RELATED_FOR
    if group_type_index is None:
        return await related_to_person(people, project_id, id_, since)
    return await related_to_group(people, project_id, group_type_index, id_, since)


async def related_to_person(people: People, project_id: int, person_id: str, since: datetime) -> list[dict[str, Any]]:
    """The groups on a person's events since an instant; an unknown person has none."""
    person = await people.database.read(identities.get_person, project_id, person_identity(person_id))
    if person is None:
        return []
    rows = await people.rows(
        project_id,
        f"SELECT {_GROUP_KEYS} FROM events WHERE person_id = {{person}} AND distinct_id IN {{ids}} "
        "AND timestamp > {since}",
        {"person": str(person.uuid), "ids": list(person.distinct_ids), "since": since},
    )
    return await people.database.read(_groups, project_id, _keys(rows))


async def related_to_group(
    people: People, project_id: int, group_type_index: int, group_key: str, since: datetime
) -> list[dict[str, Any]]:
    """The people and the other groups on a group's events since an instant."""
    if group_type_index >= MAX_GROUP_TYPES:
        return []
    rows = await people.rows(
        project_id,
        f"SELECT {_GROUP_KEYS}, arraySlice(groupUniqArray(person_id), 1, {_MOST}) FROM events "
        f"WHERE $group_{group_type_index} = {{key}} AND timestamp > {{since}}",
        {"key": group_key, "since": since},
    )
    keys = {index: found for index, found in _keys(rows).items() if index != group_type_index}
    uuids = [UUID(str(each)) for each in rows[0][-1]]
    return await people.database.read(_persons_and_groups, project_id, uuids, keys)


def _keys(rows: Sequence[Sequence[Any]]) -> dict[int, list[str]]:
    return {index: list(rows[0][index]) for index in range(MAX_GROUP_TYPES)}


def _persons_and_groups(
    connection: Connection, project_id: int, uuids: Sequence[UUID], keys: Mapping[int, Sequence[str]]
) -> list[dict[str, Any]]:
    found = identities.persons_by_uuid(connection, project_id, uuids)
    people = [{"type": "person", **person_answer(found[uuid])} for uuid in uuids if uuid in found]
    return people + _groups(connection, project_id, keys)


def _groups(connection: Connection, project_id: int, keys: Mapping[int, Sequence[str]]) -> list[dict[str, Any]]:
    related: list[dict[str, Any]] = []
    for index, wanted in keys.items():
        for key in sorted(wanted):
            group = identities.get_group(connection, project_id, index, key)
            bare = {"group_type_index": index, "group_key": key, "group_properties": {}, "created_at": None}
            related.append({"type": "group", **(group_answer(group) if group else bare)})
    return related
