from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID, uuid5

import pytest

from furze.database import Database
from furze.events.types import Event
from furze.identity import store
from furze.identity.types import Identity, Person

from .conftest import START, event, new_project, run_batch

Arrive = Callable[[Sequence[Event]], list[Identity]]


def person_of(database: Database, project: int, distinct_id: str) -> Person:
    person = database.read_now(store.get_person_by_distinct_id, project, distinct_id)
    assert person is not None
    return person


def people(database: Database, project: int) -> list[set[str]]:
    found, count = database.read_now(store.list_persons, project, limit=100)
    assert len(found) == count
    return sorted((set(person.distinct_ids) for person in found), key=sorted)


def warnings(database: Database, project: int) -> list[str]:
    return [warning.type for warning in database.read_now(store.list_warnings, project)]


def test_a_first_event_makes_a_person_with_the_uuid_posthog_derives(
    database: Database, project: int, arrive: Arrive
) -> None:
    (found,) = arrive([event(project, "signup", "u1", _set={"email": "a@shop.example"})])
    assert found.person_id == uuid5(UUID("932979b4-65c3-4424-8467-0b66ec27bc22"), f"{project}:u1")
    assert found.person_properties == '{"email":"a@shop.example"}'
    person = person_of(database, project, "u1")
    assert (person.uuid, person.properties) == (found.person_id, {"email": "a@shop.example"})
    assert (person.created_at, person.is_identified) == (START, False)


def test_set_overrides_set_once_keeps_and_unset_removes(database: Database, project: int, arrive: Arrive) -> None:
    arrive([event(project, "a", "u1", 0, _set={"plan": "free", "old": 1}, _set_once={"source": "ads"})])
    arrive([event(project, "b", "u1", 1, _set={"plan": "pro"}, _set_once={"source": "mail"}, _unset=["old"])])
    assert person_of(database, project, "u1").properties == {"plan": "pro", "source": "ads"}
    arrive([event(project, "c", "u1", 2, _unset={"plan": ""}, _set_once={"nothing": None})])
    assert person_of(database, project, "u1").properties == {"source": "ads", "nothing": None}


@pytest.mark.parametrize("name", ["$exception", "$$heatmap"])
def test_a_fault_or_a_heatmap_changes_nobody(database: Database, project: int, arrive: Arrive, name: str) -> None:
    arrive([event(project, name, "u1", _set={"plan": "pro"})])
    assert person_of(database, project, "u1").properties == {}


def test_identify_merges_the_anonymous_person_into_the_identified_one(
    database: Database, project: int, arrive: Arrive
) -> None:
    arrive([event(project, "view", "anon", 0, _set={"plan": "free", "source": "ads"})])
    arrive([event(project, "buy", "u1", 5, _set={"plan": "pro"})])
    (found,) = arrive([event(project, "$identify", "u1", 6, _anon_distinct_id="anon", _set={"name": "Ann"})])
    person = person_of(database, project, "anon")
    assert set(person.distinct_ids) == {"anon", "u1"}
    assert person.uuid == found.person_id == person_of(database, project, "u1").uuid
    assert person.properties == {"plan": "pro", "source": "ads", "name": "Ann"}
    assert (person.created_at, person.is_identified) == (START, True)
    assert people(database, project) == [{"anon", "u1"}]


def test_an_identify_that_arrives_before_earlier_events_comes_to_the_same(
    database: Database, project: int, arrive: Arrive
) -> None:
    identify = event(project, "$identify", "u1", 2, _anon_distinct_id="anon", _set={"step": "late"})
    earlier = event(project, "view", "anon", 1, _set={"step": "early"})
    late, early = arrive([identify, earlier])
    assert people(database, project) == [{"anon", "u1"}]
    assert person_of(database, project, "u1").properties == {"step": "late"}
    assert early.person_properties == '{"step":"early"}'
    assert late.person_properties == '{"step":"late"}'


def test_identify_of_an_unknown_person_joins_the_known_one(database: Database, project: int, arrive: Arrive) -> None:
    (before,) = arrive([event(project, "view", "anon")])
    (after,) = arrive([event(project, "$identify", "u1", 1, _anon_distinct_id="anon")])
    assert after.person_id == before.person_id
    assert people(database, project) == [{"anon", "u1"}]


def test_a_person_identified_already_is_not_merged_away(database: Database, project: int, arrive: Arrive) -> None:
    arrive([event(project, "$identify", "u1", 0, _anon_distinct_id="shared")])
    arrive([event(project, "view", "u2", 1)])
    arrive([event(project, "$identify", "u2", 2, _anon_distinct_id="shared")])
    assert people(database, project) == [{"shared", "u1"}, {"u2"}]
    assert warnings(database, project) == ["cannot_merge_already_identified"]
    assert person_of(database, project, "u2").is_identified


def test_merge_dangerously_merges_all_the_same_and_moves_every_distinct_id(
    database: Database, project: int, arrive: Arrive
) -> None:
    arrive([event(project, "$identify", "u1", 0, _anon_distinct_id="x"), event(project, "view", "u2", 1)])
    arrive([event(project, "$merge_dangerously", "u2", 2, alias="x")])
    assert people(database, project) == [{"u1", "u2", "x"}]
    assert warnings(database, project) == []


def test_an_alias_goes_into_the_events_distinct_id(database: Database, project: int, arrive: Arrive) -> None:
    arrive([event(project, "view", "u1", 0), event(project, "view", "old", 1)])
    arrive([event(project, "$create_alias", "u1", 2, alias="old")])
    person = person_of(database, project, "old")
    assert person.uuid == uuid5(UUID("932979b4-65c3-4424-8467-0b66ec27bc22"), f"{project}:u1")
    assert set(person.distinct_ids) == {"u1", "old"}


@pytest.mark.parametrize(
    "refused",
    [
        *("anonymous", "Guest", "DISTINCT_ID", "undefined", "true", "0", "NaN", "None", "null", "[object Object]"),
        *('"undefined"', "'null'", " ", "", '""'),
    ],
)
def test_an_id_that_broken_code_sends_for_everyone_joins_nobody(
    database: Database, project: int, arrive: Arrive, refused: str
) -> None:
    arrive([event(project, "$identify", "u1", _anon_distinct_id=refused)])
    assert people(database, project) == [{"u1"}]
    assert warnings(database, project) == ["cannot_merge_with_illegal_distinct_id"]
    assert not person_of(database, project, "u1").is_identified


@pytest.mark.parametrize("fine", ["NONE", "none of these", "idle", "0.5", "nan"])
def test_an_id_that_only_resembles_a_refused_one_is_merged(
    database: Database, project: int, arrive: Arrive, fine: str
) -> None:
    arrive([event(project, "$identify", "u1", _anon_distinct_id=fine)])
    assert people(database, project) == [{fine, "u1"}]


def test_a_personless_event_makes_no_person_and_is_adopted_later(
    database: Database, project: int, arrive: Arrive
) -> None:
    (before,) = arrive([event(project, "view", "anon", 0, _process_person_profile=False, _set={"x": 1})])
    assert (before.person_mode, before.person_properties) == ("propertyless", "{}")
    assert people(database, project) == []
    roster, _ = run_batch(database, [event(project, "$identify", "u1", 1, _anon_distinct_id="anon")])
    moved = {key[1]: attachment for key, attachment in roster.attachments.items()}
    assert moved["anon"].is_overridden
    assert not moved["u1"].is_overridden
    (after,) = arrive([event(project, "view", "anon", 9, _process_person_profile=False)])
    assert after.person_id == person_of(database, project, "u1").uuid
    assert (after.person_mode, after.person_properties) == ("force_upgrade", "{}")


def test_a_personless_identify_is_only_a_warning(database: Database, project: int, arrive: Arrive) -> None:
    arrive([event(project, "$identify", "u1", _anon_distinct_id="a", _process_person_profile=False)])
    assert people(database, project) == []
    assert warnings(database, project) == ["invalid_event_when_process_person_profile_is_false"]


def test_groups_are_numbered_by_first_appearance_and_at_most_five(
    database: Database, project: int, arrive: Arrive
) -> None:
    first, second = arrive(
        [
            event(project, "a", "u1", 0, _groups={"company": "acme", "team": 7}),
            event(project, "b", "u1", 1, _groups={"team": "red"}),
        ]
    )
    assert first.groups == ("acme", "7", "", "", "")
    assert second.groups == ("", "red", "", "", "")
    (third,) = arrive([event(project, "c", "u1", 2, _groups={f"type{n}": "x" for n in range(5)})])
    assert third.groups == ("", "", "x", "x", "x")
    assert set(database.read_now(store.group_type_indexes, project).values()) == {0, 1, 2, 3, 4}
    assert warnings(database, project) == ["group_type_limit_exceeded"] * 2


def test_groupidentify_describes_a_group_and_makes_no_person_of_it(
    database: Database, project: int, arrive: Arrive
) -> None:
    named = {"_group_type": "company", "_group_key": "acme"}
    for minute, properties in enumerate(({"name": "Acme", "size": 3}, {"size": 4})):
        arrive([event(project, "$groupidentify", "$company_acme", minute, **named, _group_set=properties)])
    group = database.read_now(store.get_group, project, 0, "acme")
    assert group is not None
    assert group.group_properties == {"name": "Acme", "size": 4}
    assert (group.created_at, group.updated_at) == (START, START + timedelta(minutes=1))
    assert people(database, project) == []
    assert database.read_now(store.list_groups, project, 0, search="ACM", limit=10)[1] == 1


def test_properties_that_outgrow_a_person_are_refused_and_the_old_ones_stay(
    database: Database, project: int, arrive: Arrive
) -> None:
    arrive([event(project, "a", "u1", 0, _set={"plan": "pro"})])
    arrive([event(project, "b", "u1", 1, _set={"note": "x" * 600_000})])
    assert person_of(database, project, "u1").properties == {"plan": "pro"}
    assert warnings(database, project) == ["person_properties_size_violation"]


def test_persons_are_found_by_number_uuid_and_search(database: Database, project: int, arrive: Arrive) -> None:
    arrive([event(project, "a", "u1", 0, _set={"email": "ann@shop.example"}), event(project, "a", "u2", 1)])
    ann = person_of(database, project, "u1")
    assert database.read_now(store.get_person, project, ann.id) == ann
    assert database.read_now(store.get_person, project, ann.uuid) == ann
    assert database.read_now(store.get_person, project + 1, ann.id) is None
    for search in ("ANN@", "u1"):
        assert database.read_now(store.list_persons, project, search=search, limit=10) == ([ann], 1)
    newest, count = database.read_now(store.list_persons, project, limit=1)
    assert (newest[0].distinct_ids, count) == (("u2",), 2)


def test_another_project_has_people_of_its_own(database: Database, project: int, arrive: Arrive) -> None:
    other = database.write_now(new_project)
    here, there = arrive([event(project, "a", "u1", _set={"x": 1}), event(other, "a", "u1")])
    assert here.person_id != there.person_id
    assert person_of(database, other, "u1").properties == {}
