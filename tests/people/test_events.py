"""events, event definitions and property definitions, as a client sees them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.conftest import Furze, both_databases
from tests.people.clients import NOT_FOUND, Client, Event, event, second_project

pytestmark = both_databases

DAY = timedelta(days=1)


class PatientClient(Client):
    """Goes on once the definitions of what it captured are known as well."""

    def capture(self, events: Sequence[Event]) -> list[str]:
        uuids = super().capture(events)
        self.settle()
        return uuids


@pytest.fixture
def client(furze: Furze) -> Client:
    """A client of a project of its own."""
    project = second_project(furze)
    return PatientClient(furze, project.project_id, project.token)


def test_an_event_is_read_back_whole(client: Client, unique: str) -> None:
    [uuid] = client.capture([event("bought", unique, price=3, **{"$set": {"plan": "pro"}})])
    found = client.get(f"events/{uuid}/")
    assert set(found) == {
        "id",
        "distinct_id",
        "properties",
        "event",
        "timestamp",
        "person",
        "elements",
        "elements_chain",
    }
    assert (found["id"], found["event"], found["properties"]["price"]) == (uuid, "bought", 3)
    assert found["person"] == {"is_identified": False, "distinct_ids": [unique], "properties": {"plan": "pro"}}
    assert client.get("events/")["results"] == [found]


def test_events_come_newest_first_however_old_they_are(client: Client, unique: str) -> None:
    ages = [timedelta(hours=1), 2 * DAY, 40 * DAY, 400 * DAY]
    uuids = client.capture([event("x", unique, age) for age in ages])
    page = client.get("events/")
    assert ([each["id"] for each in page["results"]], page["next"]) == (uuids, None)
    assert [each["id"] for each in client.get("events/", limit=1)["results"]] == uuids[:1]
    oldest = client.get("events/", orderBy='["timestamp"]', limit=2)
    assert [each["id"] for each in oldest["results"]] == uuids[:1:-1]
    following = client.furze.client.get(oldest["next"]).json()
    assert [each["id"] for each in following["results"]] == uuids[1::-1]


def test_pages_lose_no_event_of_one_instant(client: Client, unique: str) -> None:
    at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    uuids = client.capture([{**event("x", unique), "timestamp": at} for _ in range(7)] + [event("x", unique)])
    page = client.get("events/", limit=3)
    seen = [each["id"] for each in page["results"]]
    while page["next"]:
        page = client.furze.client.get(page["next"]).json()
        seen += [each["id"] for each in page["results"]]
    assert sorted(seen) == sorted(uuids)


def test_events_are_narrowed_by_what_the_caller_names(client: Client, unique: str) -> None:
    one, two, three = client.capture(
        [event("a", unique, 3 * DAY, color="red"), event("b", unique, 2 * DAY), event("a", f"{unique}-2", DAY)]
    )
    person = client.person(unique)

    def ids(**parameters: Any) -> list[str]:
        return [each["id"] for each in client.get("events/", **parameters)["results"]]

    now = datetime.now(UTC)
    assert ids(event="a") == [three, one]
    assert ids(distinct_id=unique) == ids(person_id=person["uuid"]) == [two, one]
    assert ids(after=(now - 2.5 * DAY).isoformat()) == [three, two]
    assert ids(before=(now - 1.5 * DAY).isoformat()) == [two, one]
    assert ids(properties=json.dumps([{"key": "color", "value": "red", "operator": "exact", "type": "event"}])) == [one]
    assert client.get("events/", 400, person_id="x")["detail"] == "Must be a valid UUID."
    assert client.get("events/", 400, properties="{")["detail"] == "Properties are unparsable!"
    assert client.get("events/", 400, after="whenever")["attr"] == "after"


def test_event_values_are_counted(client: Client, unique: str) -> None:
    client.capture([event("x", unique, plan=plan) for plan in ("pro", "pro", "free")] + [event("y", unique, plan="z")])
    assert client.get("events/values/", key="plan", value="R") == [
        {"name": "pro", "count": 2},
        {"name": "free", "count": 1},
    ]
    assert client.get("events/values/", key="plan", event_name="y") == [{"name": "z", "count": 1}]


@pytest.mark.parametrize("identity", ["6f1c8ae2-0b52-4b1d-9d0e-3a4f5b6c7d8e", "no-uuid"])
def test_an_unknown_event_is_not_found(client: Client, identity: str) -> None:
    assert client.get(f"events/{identity}/", 404) == NOT_FOUND


def test_event_definitions_list_what_arrived(client: Client, unique: str) -> None:
    client.capture([event("signed up", unique, 2 * DAY), event("signed up", unique, DAY), event("$pageview", unique)])
    page = client.get("event_definitions/")
    assert [each["name"] for each in page["results"]] == ["$pageview", "signed up"]
    known = page["results"][1]
    assert known["last_seen_at"] > (datetime.now(UTC) - 1.5 * DAY).isoformat()
    assert (known["verified"], known["hidden"], known["tags"], known["description"]) == (False, False, [], "")
    names = lambda **more: [each["name"] for each in client.get("event_definitions/", **more)["results"]]  # noqa: E731
    assert names(search="SIGN up") == ["signed up"]
    assert names(event_type="event_posthog") == ["$pageview"]
    assert names(event_type="event_custom") == ["signed up"]
    assert names(ordering="-last_seen_at", limit=1) == ["$pageview"]
    assert client.get("event_definitions/by_name/", name="signed up") == known
    assert client.get("event_definitions/by_name/", 404, name="never") == NOT_FOUND
    assert client.get(f"event_definitions/{known['id']}/") == known


def test_what_callers_say_of_an_event_lasts_when_it_arrives_again(client: Client, unique: str) -> None:
    client.capture([event("x", unique, 2 * DAY)])
    known = client.get("event_definitions/by_name/", name="x")
    said = {"description": "An x.", "tags": ["a"], "verified": True, "hidden": True}
    path = f"event_definitions/{known['id']}/"
    assert client.send("PATCH", path, said) == {**known, **said}
    client.capture([event("x", unique)])
    again = client.get("event_definitions/by_name/", name="x")
    assert again == {**known, **said, "last_seen_at": again["last_seen_at"]}
    assert again["last_seen_at"] > known["last_seen_at"]
    assert client.get("event_definitions/", exclude_hidden="true")["results"] == []
    assert client.send("DELETE", path, status=204) is None
    assert client.get(path, 404) == NOT_FOUND


def properties(client: Client, **parameters: Any) -> dict[str, Any]:
    page = client.get("property_definitions/", **parameters)
    return {each["name"]: each["property_type"] for each in page["results"]}


def test_property_types_are_those_of_all_values_in_any_order(client: Client, unique: str) -> None:
    client.capture(
        [
            event("x", unique, n=1, b=True, s="text", d="2026-01-02T03:04:05Z", mixed=1, o={"a": 1}, nothing=None),
            event("x", unique, n=-2.5, b="false", s="1", d="2026-01-02", mixed="one", utm_source="7"),
            event("y", unique, timestamp_ms=1767322800000, n=None),
        ]
    )
    found = properties(client)
    expected = {
        "n": "Numeric",
        "b": "Boolean",
        "s": "String",
        "d": "DateTime",
        "mixed": "String",
        "o": None,
        "nothing": None,
        "utm_source": "String",
        "timestamp_ms": "DateTime",
    }
    assert expected.items() <= found.items()
    client.capture([event("x", unique, n="now a text")])
    assert properties(client)["n"] == "String"


def test_property_definitions_are_narrowed_and_changed(client: Client, unique: str) -> None:
    client.capture([event("x", unique, price=1, color="red"), event("y", unique, color="blue", **{"$feature/a": "on"})])
    page = client.get("property_definitions/", event_names='["x"]', properties="price,$feature/a")
    assert [(each["name"], each["is_seen_on_filtered_events"]) for each in page["results"]] == [
        ("price", True),
        ("$feature/a", False),
    ]
    assert set(properties(client, event_names='["y"]', filter_by_event_names="true", search="o")) == {"color"}
    assert properties(client, is_numerical="true") == {"price": "Numeric"}
    assert properties(client, is_feature_flag="true") == {"$feature/a": "String"}
    assert "price" not in properties(client, excluded_properties='["price"]')
    price = page["results"][0]
    assert price["is_numerical"] is True
    path = f"property_definitions/{price['id']}/"
    changed = client.send(
        "PATCH", path, {"property_type": "String", "description": "What it costs.", "tags": ["money"]}
    )
    assert (changed["property_type"], changed["is_numerical"], changed["tags"]) == ("String", False, ["money"])
    assert client.get(path)["description"] == "What it costs."


def test_properties_of_people_groups_and_sessions_have_definitions(client: Client, unique: str) -> None:
    company = {"$group_type": "company", "$group_key": "acme", "$group_set": {"seats": 3}}
    client.capture([event("x", unique, **{"$set": {"age": 3}}), event("$groupidentify", unique, **company)])
    assert properties(client, type="person") == {"age": "Numeric"}
    assert properties(client, type="group", group_type_index=0) == {"seats": "Numeric"}
    sessions = properties(client, type="session", search="duration")
    assert sessions == {"$session_duration": "Numeric"}
    assert client.get("property_definitions/", 400, type="group")["attr"] == "group_type_index"
    assert client.get("property_definitions/", 400, type="dog")["detail"] == '"dog" is not a valid choice.'


def test_another_projects_events_and_definitions_are_not_found(client: Client, unique: str) -> None:
    [uuid] = client.capture([event("mine", unique, color="red")])
    definition = client.get("event_definitions/by_name/", name="mine")
    of_property = client.get("property_definitions/", search="color")["results"][0]
    stranger = second_project(client.furze)
    assert stranger.get(f"events/{uuid}/", 404) == NOT_FOUND
    assert stranger.get("events/")["results"] == []
    assert stranger.get("events/values/", key="color") == []
    for path in (f"event_definitions/{definition['id']}/", f"property_definitions/{of_property['id']}/"):
        for method in ("GET", "PATCH", "DELETE"):
            assert stranger.send(method, path, {}, 404) == NOT_FOUND
    assert stranger.get("event_definitions/")["count"] == stranger.get("property_definitions/")["count"] == 0
