"""What an assistant can do with insights, dashboards, people and profiles: here asked for over `/mcp`."""

import json
from typing import Any

from tests.conftest import Furze, both_databases
from tests.mcp.test_mcp import call
from tests.people.clients import Client, event

pytestmark = both_databases


def told(furze: Furze, tool: str, /, **arguments: Any) -> Any:
    is_error, text = call(furze, tool, arguments)
    assert not is_error, text
    return json.loads(text)


def counting(name: str) -> dict[str, Any]:
    return {"kind": "HogQLQuery", "query": f"select count() from events where event = '{name}'"}


def test_an_insight_is_saved_found_and_shown_on_a_dashboard(furze: Furze, unique: str) -> None:
    Client(furze).capture([event(unique, "ann"), event(unique, "ben")])
    saved = told(furze, "save_insight", name=f"Count of {unique}", query=counting(unique))
    assert [each["id"] for each in told(furze, "list_insights", search=unique)["insights"]] == [saved["id"]]
    made = told(furze, "upsert_dashboard", name=f"Board {unique}", add_insights=[saved["id"]])
    shown = told(furze, "read_dashboard", id=made["id"])
    assert shown["tiles"][0]["insight"] == saved["id"]
    assert shown["tiles"][0]["answer"]["results"] == [[2]]
    assert [each["id"] for each in told(furze, "list_dashboards", search=unique)["dashboards"]] == [made["id"]]
    assert told(furze, "upsert_dashboard", id=made["id"], remove_tiles=made["tiles"])["tiles"] == []


def test_what_cannot_be_answered_is_not_saved(furze: Furze, unique: str) -> None:
    query = {"kind": "HogQLQuery", "query": "select nonsense from events"}
    is_error, text = call(furze, "save_insight", {"name": unique, "query": query})
    assert is_error
    assert "nonsense" in text
    assert told(furze, "list_insights", search=unique)["count"] == 0


def test_people_are_found_and_their_profiles_read(furze: Furze, unique: str) -> None:
    Client(furze).capture([event("seen", unique, **{"$set": {"email": f"{unique}@example.com", "plan": "pro"}})])
    found = told(furze, "find_people", search=unique)
    assert (found["count"], found["people"][0]["properties"]["plan"]) == (1, "pro")
    filters = [{"key": "email", "value": f"{unique}@example.com", "operator": "exact", "type": "person"}]
    assert told(furze, "find_people", properties=filters)["people"] == found["people"]
    page = told(furze, "read_profile", person=unique)
    properties = next(tile for tile in page["tiles"] if tile["title"] == "Properties")
    assert properties["data"]["email"] == f"{unique}@example.com"
    is_error, text = call(furze, "read_profile", {"person": "nobody at all"})
    assert (is_error, text) == (True, "read_profile failed: Not found.")


def test_the_tiles_of_a_profile_are_arranged_for_everybody(furze: Furze) -> None:
    tiles = ["ph-usage-metrics", "ph-issues"]
    config = told(furze, "arrange_profile", scope="group_4", tiles=tiles)["config"]
    saved = furze.client.get(furze.api(f"customer_profile_configs/{config}/")).json()
    assert [each["type"] for each in saved["content"]] == tiles
    again = told(furze, "arrange_profile", scope="group_4", tiles=tiles[:1])
    assert (again["config"], len(again["content"])) == (config, 1)
    furze.client.delete(furze.api(f"customer_profile_configs/{config}/"))
