"""A batch of events against the database: load what it touches in a few queries, write what it changed in a few more.

Nothing is written between the two, so a batch whose rows are stored elsewhere first may be begun again after a crash
and comes to the same result.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, delete, insert, select, tuple_, update

from furze.events.types import Event
from furze.identity.merge import MERGE_EVENTS, identified_group, merge_partner
from furze.identity.roster import Attachment, GroupProfile, Key, Profile, Roster, person_uuid
from furze.identity.store import add_warnings, distinct_ids, group_types, groups, persons, progress

T = TypeVar("T")

#: Below the parameter limits of SQLite (32,766) and PostgreSQL (65,535).
_CHUNK = 10_000
_LANE = "events"


def done_token(connection: Connection) -> str | None:
    """The token of the last batch whose changes are saved."""
    return connection.execute(select(progress.c.token).where(progress.c.lane == _LANE)).scalar_one_or_none()


def load(connection: Connection, events: Sequence[Event]) -> Roster:
    """The people and groups that the events touch."""
    roster = Roster()
    touched: set[Key] = set()
    merging: set[Key] = set()
    for event in events:
        touched.add((event.project_id, event.distinct_id))
        partner = merge_partner(event) if event.event in MERGE_EVENTS else None
        if partner is not None:
            merging.update(((event.project_id, event.distinct_id), (event.project_id, partner)))
    _load_people(connection, roster, touched | merging)
    _load_whole(connection, roster, merging)
    _load_groups(connection, roster, events)
    return roster


def save(connection: Connection, roster: Roster, token: str) -> None:
    """Write what changed, and that the batch `token` is done."""
    _save_persons(connection, roster)
    _save_distinct_ids(connection, roster)
    # Last, for their distinct ids have moved by now and would go with them otherwise.
    for chunk in _chunks(profile.id for profile in roster.gone if profile.id is not None):
        connection.execute(delete(persons).where(persons.c.id.in_(chunk)))
    _save_groups(connection, roster)
    add_warnings(connection, roster.warnings)
    connection.execute(delete(progress).where(progress.c.lane == _LANE))
    connection.execute(insert(progress).values(lane=_LANE, token=token))


def mirror_rows(roster: Roster, *, position: int) -> dict[str, list[dict[str, Any]]]:
    """What changed, as rows of the event store's tables by the table's name; whoever is gone comes as deleted."""
    changed = [profile for profile in roster.profiles() if profile.is_changed]
    return {
        "person": [_person_row(profile, position, is_deleted=0) for profile in changed]
        + [_person_row(profile, position, is_deleted=1) for profile in roster.gone if profile.id is not None],
        "person_distinct_id": [
            {
                "team_id": project_id,
                "distinct_id": distinct_id,
                "person_id": attachment.profile.uuid,
                "is_deleted": 0,
                "is_overridden": int(attachment.is_overridden),
                "version": attachment.version,
                "position": position,
            }
            for (project_id, distinct_id), attachment in roster.attachments.items()
            if attachment.is_changed
        ],
        "groups": [
            {
                "team_id": project_id,
                "group_type_index": index,
                "group_key": group_key,
                "group_properties": group.properties_text,
                "created_at": group.created_at,
                "updated_at": group.updated_at,
                "is_deleted": 0,
                "version": group.version,
                "position": position,
            }
            for (project_id, index, group_key), group in roster.groups.items()
            if group.is_changed
        ],
    }


def _person_row(profile: Profile, position: int, *, is_deleted: int) -> dict[str, Any]:
    return {
        "team_id": profile.project_id,
        "id": profile.uuid,
        "properties": "{}" if is_deleted else profile.properties_text,
        "created_at": profile.created_at,
        "last_seen_at": profile.last_seen_at,
        "is_identified": int(profile.is_identified),
        "is_deleted": is_deleted,
        "version": profile.version,
        "position": position,
    }


def _load_people(connection: Connection, roster: Roster, keys: set[Key]) -> None:
    profiles: dict[int, Profile] = {}
    columns = (distinct_ids.c.distinct_id, distinct_ids.c.version.label("attachment_version"))
    joined = select(persons, *columns).join(distinct_ids, distinct_ids.c.person_id == persons.c.id)
    for project_id, wanted in _by_project(keys):
        for chunk in _chunks(wanted):
            chosen = (distinct_ids.c.project_id == project_id) & distinct_ids.c.distinct_id.in_(chunk)
            for row in connection.execute(joined.where(chosen)):
                profile = profiles.get(row.id) or profiles.setdefault(row.id, _profile(row))
                _load_attachment(roster, profile, row.distinct_id, row.attachment_version)


def _load_whole(connection: Connection, roster: Roster, keys: set[Key]) -> None:
    # Whoever may be merged away takes all distinct ids along, not only those that the batch names.
    found = (roster.find(*key) for key in keys)
    merging = {profile.id: profile for profile in found if profile is not None}
    for chunk in _chunks(merging):
        for row in connection.execute(select(distinct_ids).where(distinct_ids.c.person_id.in_(chunk))):
            _load_attachment(roster, merging[row.person_id], row.distinct_id, row.version)


def _load_attachment(roster: Roster, profile: Profile, distinct_id: str, version: int) -> None:
    key = (profile.project_id, distinct_id)
    is_overridden = profile.uuid != person_uuid(*key)
    roster.attachments[key] = Attachment(profile, version, is_stored=True, is_overridden=is_overridden)
    profile.distinct_ids.add(distinct_id)


def _profile(row: Any) -> Profile:
    return Profile(
        id=row.id,
        project_id=row.project_id,
        uuid=row.uuid,
        properties=row.properties,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        is_identified=row.is_identified,
        version=row.version,
    )


def _load_groups(connection: Connection, roster: Roster, events: Sequence[Event]) -> None:
    projects = {event.project_id for event in events}
    for row in connection.execute(select(group_types).where(group_types.c.project_id.in_(projects))):
        roster.group_types[row.project_id, row.group_type] = row.group_type_index
    wanted = set()
    for event in events:
        named = identified_group(event)
        if named is not None and (event.project_id, named[0]) in roster.group_types:
            wanted.add((event.project_id, roster.group_types[event.project_id, named[0]], named[1]))
    key = tuple_(groups.c.project_id, groups.c.group_type_index, groups.c.group_key)
    for chunk in _chunks(wanted):
        for row in connection.execute(select(groups).where(key.in_(chunk))):
            roster.groups[row.project_id, row.group_type_index, row.group_key] = GroupProfile(
                row.created_at, row.updated_at, row.group_properties, row.version, is_stored=True
            )


def _save_persons(connection: Connection, roster: Roster) -> None:
    changed = [profile for profile in roster.profiles() if profile.is_changed]
    new = {(profile.project_id, profile.uuid): profile for profile in changed if profile.id is None}
    if new:
        rows = [{"project_id": each.project_id, "uuid": each.uuid, **_values(each)} for each in new.values()]
        statement = insert(persons).returning(persons.c.id, persons.c.project_id, persons.c.uuid)
        for row in connection.execute(statement, rows):
            new[row.project_id, row.uuid].id = row.id
    old = [{"key": each.id, **_values(each)} for each in changed if (each.project_id, each.uuid) not in new]
    if old:
        connection.execute(update(persons).where(persons.c.id == bindparam("key")), old)


def _values(profile: Profile) -> dict[str, Any]:
    return {
        "properties": profile.properties,
        "created_at": profile.created_at,
        "last_seen_at": profile.last_seen_at,
        "is_identified": profile.is_identified,
        "version": profile.version,
    }


def _save_distinct_ids(connection: Connection, roster: Roster) -> None:
    new, moved = [], []
    for (project_id, distinct_id), attachment in roster.attachments.items():
        if attachment.is_changed:
            values = {"person_id": attachment.profile.id, "version": attachment.version}
            if attachment.is_stored:
                moved.append({"key_project": project_id, "key": distinct_id, **values})
            else:
                new.append({"project_id": project_id, "distinct_id": distinct_id, **values})
    if new:
        connection.execute(insert(distinct_ids), new)
    if moved:
        named = (distinct_ids.c.project_id == bindparam("key_project")) & (
            distinct_ids.c.distinct_id == bindparam("key")
        )
        connection.execute(update(distinct_ids).where(named), moved)


def _save_groups(connection: Connection, roster: Roster) -> None:
    if roster.new_group_types:
        names = ("project_id", "group_type_index", "group_type", "created_at")
        rows = [{name: getattr(each, name) for name in names} for each in roster.new_group_types]
        connection.execute(insert(group_types), rows)
    changed = [(key, group) for key, group in roster.groups.items() if group.is_changed]
    for (project_id, index, group_key), group in changed:
        values = {
            "group_properties": group.properties,
            "created_at": group.created_at,
            "updated_at": group.updated_at,
            "version": group.version,
        }
        key = {"project_id": project_id, "group_type_index": index, "group_key": group_key}
        if group.is_stored:
            connection.execute(update(groups).filter_by(**key).values(**values))
        else:
            connection.execute(insert(groups).values(**key, **values))


def _by_project(keys: Iterable[Key]) -> Iterator[tuple[int, list[str]]]:
    found: dict[int, list[str]] = defaultdict(list)
    for project_id, distinct_id in keys:
        found[project_id].append(distinct_id)
    yield from found.items()


def _chunks(values: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
