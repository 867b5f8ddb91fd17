"""Changes that a caller makes to people and groups: each function is one transaction, and says what it touched.

Versions count up from what is stored; the pipeline's own numbers are always higher, so whatever comes later wins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, delete, insert, select, update

from furze.identity.roster import MAX_PROPERTIES_BYTES
from furze.identity.store import distinct_ids, get_group, get_person, group_types, groups, persons
from furze.identity.types import Group, GroupType, Person
from furze.kit import json
from furze.people.types import Touched, display_name
from furze.platform.errors import InvalidInput, NotFound
from furze.platform.store import record_activity
from furze.platform.types import Actor, Item

_Fields = tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes something, and when."""

    project_id: int
    user_id: int
    now: datetime

    def record(self, connection: Connection, activity: str, item: Item) -> None:
        """Write it into the activity log."""
        record_activity(connection, by=Actor(self.project_id, self.user_id), item=item, activity=activity, now=self.now)


def change_person(
    connection: Connection,
    by: Change,
    identity: int | UUID,
    *,
    to_set: Mapping[str, Any] | None = None,
    to_unset: Sequence[str] = (),
) -> tuple[Person, Touched]:
    """A person with properties set and taken away; raises `NotFound`."""
    person = _locked_person(connection, by.project_id, identity)
    after = {**person.properties, **(to_set or {})}
    for name in to_unset:
        after.pop(name, None)
    if after == person.properties:
        return person, Touched(by.project_id)
    _check_size(after)
    version = person.version + 1
    connection.execute(update(persons).where(persons.c.id == person.id).values(properties=after, version=version))
    _record_person(connection, by, person, "updated", _fields("Person", person.properties, after))
    changed = _found_person(get_person(connection, by.project_id, person.uuid))
    return changed, Touched(by.project_id, persons={str(person.uuid): version})


def delete_persons(
    connection: Connection, by: Change, people: Sequence[Person], *, erase_before: int = 0, keep: bool = False
) -> tuple[int, Touched]:
    """Delete people, with their events before the ingest position `erase_before`; how many were still there.

    With `keep` only the events go.
    """
    gone: list[Person] = []
    for person in people:
        found = get_person(connection, by.project_id, person.uuid)
        if found is not None:
            gone.append(found)
            _record_person(connection, by, found, "deleted")
    erased = [each for person in gone for each in person.distinct_ids] if erase_before else []
    touched = Touched(by.project_id, erased=erased, erased_before=erase_before)
    if not keep:
        touched = Touched(
            by.project_id,
            persons={str(person.uuid): person.version + 1 for person in gone},
            distinct_ids=_dropped_ids(connection, gone),
            erased=erased,
            erased_before=erase_before,
        )
        connection.execute(delete(persons).where(persons.c.id.in_([person.id for person in gone])))
    return len(gone), touched


def split_person(
    connection: Connection, by: Change, identity: int | UUID, main_distinct_id: str | None
) -> tuple[None, Touched]:
    """Make a person of each distinct id but one. Whose the properties are is known only if the main id is named."""
    person = _locked_person(connection, by.project_id, identity)
    main = main_distinct_id or next(iter(person.distinct_ids), "")
    if person.distinct_ids and main not in person.distinct_ids:
        raise InvalidInput(f"{main!r} is no distinct id of this person.", attr="main_distinct_id")
    values: dict[str, Any] = {"version": person.version + 1}
    if main_distinct_id is None:
        values["properties"] = {}
    connection.execute(update(persons).where(persons.c.id == person.id).values(**values))
    people, ids = {str(person.uuid): person.version + 1}, {}
    for each in person.distinct_ids:
        if each != main:
            uuid, version = _split_off(connection, person, each)
            people[uuid], ids[each] = 1, (uuid, version)
    after = {"distinct_ids": list(person.distinct_ids)}
    _record_person(connection, by, person, "split_person", ({"type": "Person", "action": "split", "after": after},))
    return None, Touched(by.project_id, persons=people, distinct_ids=ids)


def create_group(
    connection: Connection, by: Change, group_type_index: int, group_key: str, properties: dict[str, Any]
) -> tuple[Group, Touched]:
    """A new group; raises `InvalidInput` when there is one of this key or no such type."""
    if get_group(connection, by.project_id, group_type_index, group_key) is not None:
        raise InvalidInput("A group with this key already exists", attr="detail")
    get_group_type(connection, by.project_id, group_type_index)
    _check_size(properties)
    connection.execute(
        insert(groups).values(
            project_id=by.project_id,
            group_type_index=group_type_index,
            group_key=group_key,
            group_properties=properties,
            created_at=by.now,
            updated_at=by.now,
            version=1,
        )
    )
    by.record(connection, "create_group", Item("Group", group_key, group_key, _fields("Group", {}, properties)))
    return _group_and_touched(connection, by, group_type_index, group_key)


def change_group(
    connection: Connection,
    by: Change,
    group_type_index: int,
    group_key: str,
    *,
    to_set: Mapping[str, Any] | None = None,
    to_unset: str | None = None,
) -> tuple[Group, Touched]:
    """A group with a property set or taken away; raises `NotFound`, or `InvalidInput` when there is none to take."""
    group = _locked_group(connection, by.project_id, group_type_index, group_key)
    if to_unset is not None and to_unset not in group.group_properties:
        raise InvalidInput(f"Property '{to_unset}' does not exist on this group.", attr="$unset")
    after = {**group.group_properties, **(to_set or {})}
    after.pop(to_unset or "", None)
    _check_size(after)
    connection.execute(
        update(groups)
        .filter_by(project_id=by.project_id, group_type_index=group_type_index, group_key=group_key)
        .values(group_properties=after, updated_at=by.now, version=group.version + 1)
    )
    fields = _fields("Group", group.group_properties, after)
    by.record(connection, "update_property", Item("Group", group_key, group_key, fields))
    return _group_and_touched(connection, by, group_type_index, group_key)


def rename_group_types(connection: Connection, project_id: int, names: Sequence[Mapping[str, Any]]) -> None:
    """Give group types other names; raises `NotFound` for a type that the project has not."""
    for each in names:
        get_group_type(connection, project_id, each["group_type_index"])
        values = {name: each[name] for name in ("name_singular", "name_plural") if name in each}
        if values:
            key = {"project_id": project_id, "group_type_index": each["group_type_index"]}
            connection.execute(update(group_types).filter_by(**key).values(**values))


def get_group_type(connection: Connection, project_id: int, group_type_index: int) -> GroupType:
    """A group type of the project; raises `NotFound`."""
    row = connection.execute(
        select(group_types).filter_by(project_id=project_id, group_type_index=group_type_index)
    ).first()
    if row is None:
        raise NotFound
    return GroupType(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented mapping view


def _locked_person(connection: Connection, project_id: int, identity: int | UUID) -> Person:
    column = persons.c.uuid if isinstance(identity, UUID) else persons.c.id
    chosen = (persons.c.project_id == project_id) & (column == identity)
    connection.execute(select(persons.c.id).where(chosen).with_for_update())
    return _found_person(get_person(connection, project_id, identity))


def _found_person(person: Person | None) -> Person:
    if person is None:
        raise NotFound
    return person


def _locked_group(connection: Connection, project_id: int, group_type_index: int, group_key: str) -> Group:
    key = {"project_id": project_id, "group_type_index": group_type_index, "group_key": group_key}
    connection.execute(select(groups.c.version).filter_by(**key).with_for_update())
    group = get_group(connection, project_id, group_type_index, group_key)
    if group is None:
        raise NotFound
    return group


def _group_and_touched(connection: Connection, by: Change, index: int, key: str) -> tuple[Group, Touched]:
    group = _locked_group(connection, by.project_id, index, key)
    return group, Touched(by.project_id, groups=[(index, key)])


def _dropped_ids(connection: Connection, people: Sequence[Person]) -> dict[str, tuple[str, int]]:
    uuids = {person.id: str(person.uuid) for person in people}
    rows = connection.execute(select(distinct_ids).where(distinct_ids.c.person_id.in_(uuids)))
    return {row.distinct_id: (uuids[row.person_id], row.version + 1) for row in rows}


def _split_off(connection: Connection, person: Person, distinct_id: str) -> tuple[str, int]:
    # Never the uuid that the distinct id stands for by itself: it may be this person's, or that of one merged away.
    uuid = uuid4()
    found = insert(persons).values(
        project_id=person.project_id,
        uuid=uuid,
        properties={},
        created_at=person.created_at,
        last_seen_at=person.last_seen_at,
        is_identified=False,
        version=1,
    )
    person_id = connection.execute(found.returning(persons.c.id)).scalar_one()
    key = {"project_id": person.project_id, "distinct_id": distinct_id}
    moved = update(distinct_ids).filter_by(**key).values(person_id=person_id, version=distinct_ids.c.version + 1)
    return str(uuid), connection.execute(moved.returning(distinct_ids.c.version)).scalar_one()


def _record_person(connection: Connection, by: Change, person: Person, activity: str, fields: _Fields = ()) -> None:
    by.record(connection, activity, Item("Person", str(person.id), display_name(person), fields))


def _fields(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> _Fields:
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return tuple(
        {
            "type": kind,
            "action": "created" if name not in before else "changed" if name in after else "deleted",
            "field": name,
            "before": before.get(name),
            "after": after.get(name),
        }
        for name in names
    )


def _check_size(properties: Mapping[str, Any]) -> None:
    if len(json.dumps(properties)) > MAX_PROPERTIES_BYTES:
        raise InvalidInput(f"The properties are larger than {MAX_PROPERTIES_BYTES} bytes of JSON.", attr="properties")
