"""However events are cut into batches, and however often a batch is begun again, the people come out the same."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from furze.database import Database
from furze.events.types import Event
from furze.identity import batch, store
from furze.identity.merge import identify
from furze.identity.roster import person_uuid
from furze.identity.types import Identity

from .conftest import event, new_project, run_batch

IDS = ("a", "b", "c", "d", "null")
properties = st.dictionaries(st.sampled_from(["x", "y"]), st.integers(0, 2), max_size=2)


@dataclass(frozen=True)
class Step:
    """What one event does, before it has a project."""

    name: str
    distinct_id: str
    properties: dict[str, Any]


plain = st.builds(
    lambda distinct_id, values, once, personless: Step(
        "view",
        distinct_id,
        {"$set": values, "$set_once": once, **({"$process_person_profile": False} if personless else {})},
    ),
    st.sampled_from(IDS),
    properties,
    properties,
    st.booleans(),
)
merging = st.builds(
    lambda name, distinct_id, other, values: Step(
        name, distinct_id, {"$anon_distinct_id": other, "alias": other, "$set": values}
    ),
    st.sampled_from(["$identify", "$create_alias", "$merge_dangerously"]),
    st.sampled_from(IDS),
    st.sampled_from(IDS),
    properties,
)
grouping = st.builds(
    lambda distinct_id, kind, key, values: Step(
        "$groupidentify",
        distinct_id,
        {"$group_type": kind, "$group_key": key, "$group_set": values, "$groups": {kind: key}},
    ),
    st.sampled_from(IDS),
    st.sampled_from(["company", "team"]),
    st.sampled_from(["k1", "k2"]),
    properties,
)
steps = st.lists(st.one_of(plain, merging, grouping), min_size=1, max_size=14)
within_a_second = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def as_events(project: int, sequence: Sequence[Step]) -> list[Event]:
    return [event(project, step.name, step.distinct_id, minute * 7) for minute, step in enumerate(sequence)]


def events_of(project: int, sequence: Sequence[Step]) -> list[Event]:
    plain_events = as_events(project, sequence)
    return [replace(each, properties=step.properties) for each, step in zip(plain_events, sequence, strict=True)]


def outcome(database: Database, project: int) -> object:
    """Everybody and every group, without what differs from project to project."""
    people, _ = database.read_now(store.list_persons, project, limit=100)
    names = {person_uuid(project, name): name for name in IDS}
    groups = [database.read_now(store.list_groups, project, index, limit=100)[0] for index in range(5)]
    return (
        sorted(
            (
                names[person.uuid],
                sorted(person.distinct_ids),
                sorted(person.properties.items()),
                person.created_at,
                person.last_seen_at,
                person.is_identified,
            )
            for person in people
        ),
        [[(group.group_key, group.group_properties, group.updated_at) for group in kind] for kind in groups],
        database.read_now(store.group_type_indexes, project),
        [warning.type for warning in database.read_now(store.list_warnings, project)],
    )


# PostgreSQL keeps an object's keys in an order of its own: properties are compared as values.
def named(identities: Sequence[Identity], project: int) -> list[tuple[object, ...]]:
    names = {person_uuid(project, name): name for name in IDS}
    return [
        (
            names[each.person_id],
            json.loads(each.person_properties),
            each.person_created_at,
            each.person_mode,
            each.groups,
        )
        for each in identities
    ]


@within_a_second
@given(sequence=steps, cuts=st.sets(st.integers(1, 13)))
def test_people_do_not_depend_on_where_batches_end(database: Database, sequence: list[Step], cuts: set[int]) -> None:
    whole, cut = database.write_now(new_project), database.write_now(new_project)
    _, at_once = run_batch(database, events_of(whole, sequence))
    pieces = events_of(cut, sequence)
    piecewise: list[Identity] = []
    for start, end in zip((0, *sorted(cuts)), (*sorted(cuts), len(pieces)), strict=True):
        if pieces[start:end]:
            piecewise += run_batch(database, pieces[start:end])[1]
    assert named(at_once, whole) == named(piecewise, cut)
    assert outcome(database, whole) == outcome(database, cut)


@within_a_second
@given(sequence=steps, known=st.integers(0, 13))
def test_a_batch_begun_again_comes_to_the_same_rows(database: Database, sequence: list[Step], known: int) -> None:
    project = database.write_now(new_project)
    events = events_of(project, sequence)
    if events[:known]:
        run_batch(database, events[:known])
    rest = events[known:]

    def rows(connection: Connection) -> object:
        roster = batch.load(connection, rest)
        found = identify(roster, rest)
        roster.number_versions(7 << 16)
        return found, batch.mirror_rows(roster, position=7)

    def unordered(result: Any) -> object:
        found, mirrors = result
        return found, {table: sorted(map(repr, rows)) for table, rows in mirrors.items()}

    assert unordered(database.read_now(rows)) == unordered(database.read_now(rows))


@within_a_second
@given(sequence=steps)
def test_every_distinct_id_has_one_person_and_versions_only_rise(database: Database, sequence: list[Step]) -> None:
    project = database.write_now(new_project)
    versions: dict[str, int] = {}
    for each in events_of(project, sequence):
        roster, _ = run_batch(database, [each])
        for (_, distinct_id), attachment in roster.attachments.items():
            if attachment.is_changed:
                assert attachment.version > versions.get(distinct_id, 0)
                versions[distinct_id] = attachment.version
    people, _ = database.read_now(store.list_persons, project, limit=100)
    ids = [distinct_id for person in people for distinct_id in person.distinct_ids]
    assert sorted(ids) == sorted(set(ids)) == sorted(versions)


@within_a_second
@given(pairs=st.lists(st.tuples(st.sampled_from(IDS[:4]), st.sampled_from(IDS[:4])), max_size=6), data=st.data())
def test_whom_merges_join_does_not_depend_on_their_order(
    database: Database, pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    joined: list[list[list[str]]] = []
    for order in (pairs, data.draw(st.permutations(pairs))):
        project = database.write_now(new_project)
        seen = [Step("view", name, {}) for name in IDS[:4]]
        merges = [Step("$merge_dangerously", into, {"alias": other}) for into, other in order]
        run_batch(database, events_of(project, [*seen, *merges]))
        people, _ = database.read_now(store.list_persons, project, limit=100)
        joined.append(sorted(sorted(person.distinct_ids) for person in people))
    assert joined[0] == joined[1]


def test_the_token_of_the_last_saved_batch_is_known(database: Database, project: int) -> None:
    for token in ("1-5", "6-9"):
        run_batch(database, [event(project, "a", "u1")], token)
        assert database.read_now(batch.done_token) == token
