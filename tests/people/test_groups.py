"""groups, groups_types and usage metrics, as a client sees them."""

from typing import Any
from uuid import uuid4

import pytest
from tests.conftest import both_databases
from tests.people.clients import NOT_FOUND, Client, event, eventually, second_project

pytestmark = both_databases


@pytest.fixture
def client(furze: Any) -> Client:
    """A client of a project of its own: group types are few per project."""
    return second_project(furze)


def grouped(key: str, group_type: str = "company", **properties: Any) -> dict[str, Any]:
    sent = {"$group_type": group_type, "$group_key": key, "$group_set": properties}
    return event("$groupidentify", f"${group_type}_{key}", **sent)


def test_groups_are_listed_by_type_newest_first_and_found_by_key(client: Client) -> None:
    client.capture([grouped(f"c{number}", name=f"Company {number}") for number in range(3)])
    first = eventually(lambda: client.get("groups/", group_type_index=0, limit=2))
    assert set(first) == {"next", "previous", "results"}
    second = client.furze.client.get(first["next"]).json()
    assert second["next"] is None
    keys = [each["group_key"] for each in first["results"] + second["results"]]
    assert sorted(keys) == ["c0", "c1", "c2"]
    found = client.get("groups/find/", group_type_index=0, group_key="c1")
    assert set(found) == {"group_type_index", "group_key", "group_properties", "created_at"}
    assert (found["group_key"], found["group_properties"]) == ("c1", {"name": "Company 1"})
    assert [each["group_key"] for each in client.get("groups/", group_type_index=0, search="any 2")["results"]] == [
        "c2"
    ]
    assert client.get("groups/find/", 404, group_type_index=0, group_key="none") == NOT_FOUND


def test_a_group_can_be_created_and_changed_and_queries_see_it(client: Client) -> None:
    client.capture([grouped("first")])
    body = {"group_type_index": 0, "group_key": "made", "group_properties": {"plan": "free", "old": 1}}
    made = client.post("groups/", body)
    assert (made["group_key"], made["group_properties"]) == ("made", body["group_properties"])
    of = {"group_type_index": 0, "group_key": "made"}
    client.post("groups/update_property/", {"key": "plan", "value": "pro"}, 200, **of)
    client.post("groups/delete_property/", {"$unset": "old"}, 200, **of)
    assert client.get("groups/find/", **of)["group_properties"] == {"plan": "pro"}
    stored = "SELECT properties FROM groups WHERE key = 'made'"
    eventually(lambda: client.query(stored) == [['{"plan":"pro"}']])
    client.capture([grouped("made", seats=3)])
    eventually(lambda: client.get("groups/find/", **of)["group_properties"] == {"plan": "pro", "seats": 3})
    assert client.get("groups/property_definitions/") == {
        "0": [{"name": "plan", "count": 1}, {"name": "seats", "count": 1}]
    }
    assert client.get("groups/property_values/", group_type_index=0, key="plan") == [{"name": "pro", "count": 1}]


def refusal(code: str, detail: str, attr: str | None) -> dict[str, Any]:
    return {"type": "validation_error", "code": code, "detail": detail, "attr": attr}


def test_faulty_group_requests_are_refused(client: Client) -> None:
    client.capture([grouped("g", a=1)])
    listed = client.get("groups/", 400)
    assert listed["attr"] == "group_type_index"
    assert listed["detail"].startswith("You must pass ?group_type_index= in this URL.")
    assert client.get("groups/", 400, group_type_index="x")["detail"] == "A valid integer is required."
    assert client.get("groups/find/", 400, group_type_index=0) == refusal(
        "invalid_input", "This query parameter is required.", "group_key"
    )
    again = client.post("groups/", {"group_type_index": 0, "group_key": "g"}, 400)
    assert again["detail"] == "A group with this key already exists"
    assert client.post("groups/", {"group_type_index": 3, "group_key": "g"}, 404) == NOT_FOUND
    of = {"group_type_index": 0, "group_key": "g"}
    unset = client.post("groups/delete_property/", {"$unset": "b"}, 400, **of)
    assert unset == refusal("invalid_input", "Property 'b' does not exist on this group.", "$unset")
    number = client.post("groups/delete_property/", {"$unset": 1}, 400, **of)
    assert number["detail"] == "This field is required and must be a string (the property name to delete)."
    assert client.post("groups/update_property/", {"key": "a"}, 400, **of)["attr"] == "value"


def test_related_are_those_on_the_same_events(client: Client, unique: str) -> None:
    groups = {"company": "acme", "team": "red"}
    client.capture(
        [
            event("x", unique, **{"$groups": groups}),
            event("x", f"{unique}-2", **{"$groups": {"company": "acme"}}),
            event("x", f"{unique}-3", **{"$groups": {"company": "other"}}),
            grouped("acme", name="Acme"),
        ]
    )
    person = client.person(unique)
    of_person = client.get("groups/related/", id=person["uuid"])
    assert {(each["group_key"], str(each["group_properties"])) for each in of_person} == {
        ("acme", "{'name': 'Acme'}"),
        ("red", "{}"),
    }
    index = {each["group_type"]: each["group_type_index"] for each in client.get("groups_types/")}
    of_group = client.get("groups/related/", id="acme", group_type_index=index["company"])
    assert {each["distinct_ids"][0] for each in of_group if each["type"] == "person"} == {unique, f"{unique}-2"}
    assert [each["group_key"] for each in of_group if each["type"] == "group"] == ["red"]
    assert client.get("groups/related/", id=str(uuid4())) == []


def test_group_types_are_listed_and_renamed(client: Client) -> None:
    client.capture([grouped("a"), grouped("b", "team")])
    types = eventually(lambda: client.get("groups_types/"))
    assert [set(each) for each in types] == [
        {
            "group_type",
            "group_type_index",
            "name_singular",
            "name_plural",
            "detail_dashboard",
            "default_columns",
            "created_at",
        }
    ] * 2
    names = [{"group_type_index": 1, "name_singular": "Team", "name_plural": "Teams"}]
    renamed = client.send("PATCH", "groups_types/update_metadata/", names)
    assert [(each["name_singular"], each["name_plural"]) for each in renamed] == [(None, None), ("Team", "Teams")]
    assert client.send("PATCH", "groups_types/update_metadata/", [{"group_type_index": 4}], 404) == NOT_FOUND
    assert client.send("PATCH", "groups_types/update_metadata/", {}, 400)["code"] == "not_a_list"


METRICS = "groups_types/0/metrics/"


def test_usage_metrics_are_created_read_changed_and_deleted(client: Client) -> None:
    made = client.post(METRICS, {"name": "Views", "filters": {"events": [{"id": "$pageview"}]}})
    assert made == {
        "id": made["id"],
        "name": "Views",
        "format": "numeric",
        "interval": 7,
        "display": "number",
        "filters": {"events": [{"id": "$pageview"}]},
        "math": "count",
        "math_property": None,
    }
    path = f"{METRICS}{made['id']}/"
    assert client.get(path) == client.get(path.replace("/0/", "/1/")) == made
    changed = client.send("PATCH", path, {"math": "sum", "math_property": "price", "interval": 30})
    assert changed == {**made, "math": "sum", "math_property": "price", "interval": 30}
    replaced = client.send("PUT", path, {"name": "Renamed"})
    assert replaced == {**made, "name": "Renamed", "filters": {}}
    assert client.get(METRICS)["results"] == [replaced]
    assert client.send("DELETE", path, status=204) is None
    assert client.get(path, 404) == NOT_FOUND


def test_faulty_usage_metrics_are_refused(client: Client) -> None:
    client.post(METRICS, {"name": "Taken"})
    other = client.post(METRICS, {"name": "Other"})
    refused = [
        ({}, refusal("required", "This field is required.", "name")),
        ({"name": ""}, refusal("blank", "This field may not be blank.", "name")),
        ({"name": "x" * 256}, refusal("max_length", "Ensure this field has no more than 255 characters.", "name")),
        ({"name": "Taken"}, refusal("unique", "A usage metric with this name already exists.", "name")),
        ({"name": "a", "math": "avg"}, refusal("invalid_choice", '"avg" is not a valid choice.', "math")),
        (
            {"name": "a", "math": "sum"},
            refusal("invalid_input", "math_property is required when math is 'sum'.", "math_property"),
        ),
    ]
    for body, answer in refused:
        assert client.post(METRICS, body, 400) == answer
    assert client.send("PATCH", f"{METRICS}{other['id']}", {"name": "Taken"}, 400)["code"] == "unique"


def test_another_projects_groups_and_metrics_are_not_found(client: Client) -> None:
    client.capture([grouped("secret", a=1)])
    metric = client.post(METRICS, {"name": "Mine"})
    stranger = second_project(client.furze)
    assert stranger.get("groups/", group_type_index=0)["results"] == []
    assert stranger.get("groups_types/") == []
    of = {"group_type_index": 0, "group_key": "secret"}
    assert stranger.get("groups/find/", 404, **of) == NOT_FOUND
    assert stranger.post("groups/update_property/", {"key": "a", "value": 2}, 404, **of) == NOT_FOUND
    assert stranger.get("groups/related/", id="secret", group_type_index=0) == []
    for method in ("GET", "PATCH", "DELETE"):
        assert stranger.send(method, f"{METRICS}{metric['id']}/", {}, 404) == NOT_FOUND
    assert stranger.get(METRICS)["results"] == []
