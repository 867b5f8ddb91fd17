"""persons, as a client sees them."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.conftest import both_databases
from tests.people.clients import NOT_FOUND, Client, event, eventually, second_project

pytestmark = both_databases


def identified(client: Client, unique: str, **properties: Any) -> dict[str, Any]:
    """A person with properties."""
    client.capture([event("signed up", unique, **{"$set": properties})])
    return client.person(unique)


def test_a_person_is_found_by_distinct_id_number_and_uuid(client: Client, unique: str) -> None:
    person = identified(client, unique, plan="free")
    assert set(person) == {"id", "uuid", "name", "distinct_ids", "properties", "created_at", "last_seen_at"}
    assert (person["distinct_ids"], person["properties"]) == ([unique], {"plan": "free"})
    assert client.get(f"persons/{person['id']}/") == client.get(f"persons/{person['uuid']}/") == person


@pytest.mark.parametrize("email", ["", "ada@example.com"])
def test_the_name_is_the_email_or_the_distinct_id_that_is_no_uuid(client: Client, unique: str, email: str) -> None:
    anonymous, chosen = str(uuid4()), f"user-{unique}"
    first = event("$identify", chosen, **{"$anon_distinct_id": anonymous, "$set": {"email": email}})
    client.capture([first])
    assert client.person(anonymous)["name"] == (email or chosen)


def test_the_list_is_newest_first_and_its_pages_follow_each_other(client: Client, unique: str) -> None:
    emails = [f"{number}@{unique}.io" for number in range(3)]
    minutes = [timedelta(minutes=3 - number) for number in range(3)]
    people = [f"{unique}-{number}" for number in range(3)]
    client.capture(
        [event("x", *at, **{"$set": {"email": email}}) for *at, email in zip(people, minutes, emails, strict=True)]
    )
    page = client.get("persons/", search=unique, limit=2)
    assert (page["count"], page["previous"]) == (3, None)
    following = client.furze.client.get(page["next"]).json()
    assert [each["name"] for each in page["results"] + following["results"]] == emails[::-1]
    assert [each["name"] for each in client.get("persons/", email=emails[1])["results"]] == [emails[1]]


def test_property_filters_choose_persons_with_any_operator(client: Client, unique: str) -> None:
    ages = [(f"{unique}-{number}", age) for number, age in enumerate((17, 35, 70))]
    client.capture([event("x", person, **{"$set": {"age": age, "tribe": unique}}) for person, age in ages])
    tribe = {"key": "tribe", "value": unique, "operator": "exact"}

    def found(*filters: dict[str, Any], **more: Any) -> list[int]:
        page = client.get("persons/", properties=json.dumps([tribe, *filters]), **more)
        assert page["count"] >= len(page["results"])
        return [each["properties"]["age"] for each in page["results"]]

    assert sorted(found()) == [17, 35, 70]
    assert sorted(found({"key": "age", "value": 18, "operator": "gt", "type": "person"})) == [35, 70]
    assert found({"key": "age", "value": ["35"], "operator": "exact"}, distinct_id=f"{unique}-1") == [35]
    assert found({"key": "age", "operator": "is_not_set"}) == []
    assert len(found(limit=2)) == 2


def test_filters_that_are_no_json_list_are_refused(client: Client) -> None:
    answer = client.get("persons/", 400, properties="[{")
    assert answer == {
        "type": "validation_error",
        "code": "invalid_input",
        "detail": "Properties are unparsable!",
        "attr": "properties",
    }


def test_changed_properties_are_read_back_at_once_and_by_queries_soon(client: Client, unique: str) -> None:
    person = identified(client, unique, plan="free", old=1)
    path = f"persons/{person['uuid']}/"
    assert client.send("PATCH", path, {"properties": {"plan": "pro"}})["properties"] == {"plan": "pro", "old": 1}
    assert client.send("PUT", path, {"properties": {"seats": 3}})["properties"]["seats"] == 3
    assert client.post(f"{path}update_property", {"key": "tier", "value": [1]}, 202)["properties"]["tier"] == [1]
    assert client.post(f"{path}delete_property", {"$unset": "old"}) == {"success": True}
    assert client.post(f"{path}delete_property/", {"$unset": ["tier", "never"]}) == {"success": True}
    assert client.get(path)["properties"] == {"plan": "pro", "seats": 3}
    stored = "SELECT properties FROM persons WHERE id = {uuid}"
    eventually(lambda: json.loads(client.query(stored, uuid=person["uuid"])[0][0]) == {"plan": "pro", "seats": 3})


def test_a_change_by_a_caller_and_events_after_it_both_last(client: Client, unique: str) -> None:
    person = identified(client, unique, a=1)
    client.send("PATCH", f"persons/{person['id']}", {"properties": {"b": 1}})
    client.capture([event("x", unique, **{"$set": {"c": 1}})])
    eventually(lambda: client.person(unique)["properties"] == {"a": 1, "b": 1, "c": 1})
    client.send("PATCH", f"persons/{person['id']}", {"properties": {"b": 2}})
    stored = "SELECT properties FROM persons WHERE id = {uuid}"
    expected = {"a": 1, "b": 2, "c": 1}
    eventually(lambda: json.loads(client.query(stored, uuid=person["uuid"])[0][0]) == expected)


REFUSED: list[tuple[str, Any, dict[str, Any]]] = [
    ("update_property", {"value": 1}, {"code": "required", "detail": "This field is required.", "attr": "key"}),
    ("update_property", {"key": "a"}, {"code": "required", "detail": "This field is required.", "attr": "value"}),
    ("delete_property", {}, {"code": "required", "detail": "This field is required.", "attr": "$unset"}),
    (
        "delete_property",
        {"$unset": ["x"] * 1001},
        {"code": "invalid_input", "detail": "You can only pass 1000 properties in one call", "attr": None},
    ),
    (
        "split",
        {"main_distinct_id": "nobody"},
        {
            "code": "invalid_input",
            "detail": "'nobody' is no distinct id of this person.",
            "attr": "main_distinct_id",
        },
    ),
]


def test_a_faulty_change_is_refused(client: Client, unique: str) -> None:
    person = identified(client, unique)
    for action, body, fault in REFUSED:
        answer = client.post(f"persons/{person['id']}/{action}/", body, 400)
        assert answer == {"type": "validation_error", **fault}


def test_a_deleted_person_is_gone_everywhere_but_the_events_stay(client: Client, unique: str) -> None:
    person = identified(client, unique)
    assert client.send("DELETE", f"persons/{person['id']}/", status=204) is None
    assert client.get(f"persons/{person['id']}/", 404) == NOT_FOUND
    eventually(lambda: not client.query("SELECT id FROM persons WHERE id = {id}", id=person["uuid"]))
    gone = "SELECT person_id FROM person_distinct_ids WHERE distinct_id = {id}"
    eventually(lambda: not client.query(gone, id=unique))
    assert client.query("SELECT count() FROM events WHERE distinct_id = {id}", id=unique) == [[1]]


def test_a_person_deleted_with_events_leaves_none_and_may_come_back(client: Client, unique: str) -> None:
    bystander = f"{unique}-2"
    client.capture([event("x", unique, **{"$set": {"secret": "x"}}), event("x", bystander)])
    person = client.person(unique)
    client.send("DELETE", f"persons/{person['uuid']}/", status=204, delete_events="true")
    count = "SELECT count() FROM events WHERE distinct_id = {id}"
    eventually(lambda: client.query(count, id=unique) == [[0]])
    assert client.query(count, id=bystander) == [[1]]
    client.capture([event("back", unique)])
    assert client.person(unique)["properties"] == {}
    eventually(lambda: client.query("SELECT count() FROM persons WHERE id = {id}", id=person["uuid"]) == [[1]])


def test_events_under_way_do_not_bring_a_deleted_person_back(client: Client, unique: str) -> None:
    person = identified(client, unique)
    late = event("late", unique)
    client.furze.client.post("/batch/", json={"api_key": client.token, "batch": [late]})
    client.send("DELETE", f"persons/{person['id']}/", status=204, delete_events="true")
    assert client.get("persons/", distinct_id=unique)["results"] == []
    count = "SELECT count() FROM events WHERE distinct_id = {id}"
    eventually(lambda: client.query(count, id=unique) == [[0]])


def test_a_split_person_keeps_the_main_distinct_id_and_its_properties(client: Client, unique: str) -> None:
    anonymous, chosen = f"anonymous-{unique}", f"chosen-{unique}"
    before = event("viewed", anonymous)
    client.capture([before, event("$identify", chosen, **{"$anon_distinct_id": anonymous, "$set": {"a": 1}})])
    person = client.person(chosen)
    assert set(person["distinct_ids"]) == {anonymous, chosen}
    assert client.post(f"persons/{person['id']}/split/", {"main_distinct_id": chosen}) == {"success": True}
    kept, split = client.person(chosen), client.person(anonymous)
    assert (kept["id"], kept["distinct_ids"], kept["properties"]) == (person["id"], [chosen], {"a": 1})
    assert (split["distinct_ids"], split["properties"]) == ([anonymous], {})
    owner = "SELECT toString(person_id) FROM events WHERE uuid = {uuid}"
    eventually(lambda: client.query(owner, uuid=before["uuid"]) == [[split["uuid"]]])
    eventually(lambda: client.query("SELECT count() FROM persons WHERE id = {id}", id=split["uuid"]) == [[1]])


def test_many_are_deleted_at_once_by_distinct_ids_or_ids(client: Client, unique: str) -> None:
    client.capture([event("x", f"{unique}-{number}") for number in range(3)])
    people = [client.person(f"{unique}-{number}") for number in range(3)]
    answer = client.post("persons/bulk_delete/", {"distinct_ids": [f"{unique}-0", "nobody"]}, 202)
    assert answer == {
        "persons_found": 1,
        "persons_deleted": 1,
        "events_queued_for_deletion": False,
        "recordings_queued_for_deletion": False,
        "deletion_errors": [],
    }
    ids = [people[1]["uuid"], people[2]["id"], str(uuid4()), "x"]
    kept = client.post("persons/bulk_delete/", {"ids": ids, "keep_person": True, "delete_events": True}, 202)
    assert (kept["persons_found"], kept["persons_deleted"]) == (2, 0)
    assert client.post("persons/bulk_delete/", {"ids": ids}, 202)["persons_deleted"] == 2
    assert client.get("persons/", search=unique)["count"] == 0
    count = "SELECT count() FROM events WHERE distinct_id IN {ids}"
    eventually(lambda: client.query(count, ids=[f"{unique}-1", f"{unique}-2"]) == [[0]])


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "You need to specify either distinct_ids or ids"),
        ({"ids": [1] * 1001}, "You can only pass 1000 ids in one call"),
        ({"distinct_ids": ["x"] * 1001}, "You can only pass 1000 distinct_ids in one call"),
    ],
)
def test_a_bulk_deletion_names_one_to_a_thousand(client: Client, body: dict[str, Any], detail: str) -> None:
    answer = client.post("persons/bulk_delete/", body, 400)
    assert answer == {"type": "validation_error", "code": "invalid_input", "detail": detail, "attr": None}


def test_values_for_autocomplete_are_counted(client: Client, unique: str) -> None:
    plans = enumerate(("pro", "pro", "free"))
    client.capture([event("x", f"{unique}-{number}", **{"$set": {f"p {unique}'": plan}}) for number, plan in plans])
    read = lambda **more: client.get("persons/values/", key=f"p {unique}'", **more)  # noqa: E731
    assert read() == [{"name": "pro", "count": 2}, {"name": "free", "count": 1}]
    assert read(value="FR") == [{"name": "free", "count": 1}]
    assert client.get("persons/values/") == []


def test_a_batch_is_looked_up_by_distinct_ids_and_by_uuids(client: Client, unique: str) -> None:
    person = identified(client, unique)
    by_id = client.post("persons/batch_by_distinct_ids/", {"distinct_ids": [unique, "nobody"]}, 200)
    assert by_id == {"results": {unique: person}}
    uuids = [person["uuid"], str(uuid4()), "no uuid"]
    assert client.post("persons/batch_by_uuids/", {"uuids": uuids}, 200) == {"results": {person["uuid"]: person}}


def test_what_callers_did_is_in_the_activity_log(client: Client, unique: str) -> None:
    person = identified(client, unique)
    client.send("PATCH", f"persons/{person['id']}/", {"properties": {"a": 1}})
    log = client.get(f"persons/{person['uuid']}/activity/")
    assert [(each["activity"], each["item_id"]) for each in log["results"]] == [("updated", str(person["id"]))]
    assert log["results"][0]["user"]["email"] == "owner@localhost"
    assert log["results"][0]["detail"]["changes"] == [
        {"type": "Person", "action": "created", "field": "a", "before": None, "after": 1}
    ]
    assert client.get("persons/cohorts/", person_id=person["uuid"]) == {"results": []}


@pytest.mark.parametrize("identity", ["6f1c8ae2-0b52-4b1d-9d0e-3a4f5b6c7d8e", "no-id", "999999999", "9" * 20])
def test_an_unknown_person_is_not_found(client: Client, identity: str) -> None:
    assert client.get(f"persons/{identity}/", 404) == NOT_FOUND
    assert client.send("PATCH", f"persons/{identity}/", {"properties": {}}, 404) == NOT_FOUND
    assert client.send("DELETE", f"persons/{identity}/", status=404) == NOT_FOUND
    assert client.post(f"persons/{identity}/split/", {}, 404) == NOT_FOUND


def test_another_projects_person_is_not_found(client: Client, unique: str) -> None:
    other = second_project(client.furze)
    person = identified(other, unique)
    for identity in (person["id"], person["uuid"]):
        test_an_unknown_person_is_not_found(client, str(identity))
        assert client.post("persons/bulk_delete/", {"ids": [identity]}, 202)["persons_found"] == 0
    assert client.get("persons/", distinct_id=unique)["results"] == []
    assert client.post("persons/batch_by_uuids/", {"uuids": [person["uuid"]]}, 200) == {"results": {}}
    assert other.get(f"persons/{person['id']}/") == person
