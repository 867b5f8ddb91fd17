"""What an assistant can do with insights, dashboards, people and profiles: here asked for over `/mcp`."""

import json
from typing import Any

from tests.conftest import Furze, both_databases
from tests.mcp.test_mcp import call
from tests.people.clients import Client, event, second_project

pytestmark = both_databases


def told(asker: Furze | Client, tool: str, /, **arguments: Any) -> Any:
    furze, headers = (asker, {}) if isinstance(asker, Furze) else (asker.furze, in_project(asker))
    is_error, text = call(furze, tool, arguments, **headers)
    assert not is_error, text
    return json.loads(text)


def in_project(client: Client) -> dict[str, str]:
    return {"x-posthog-project-id": str(client.project_id)}


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
    client = second_project(furze)  # whose profiles nobody has arranged
    client.capture([event("seen", unique, **{"$set": {"email": f"{unique}@example.com", "plan": "pro"}})])
    found = told(client, "find_people", search=unique)
    assert (found["count"], found["people"][0]["properties"]["plan"]) == (1, "pro")
    filters = [{"key": "email", "value": f"{unique}@example.com", "operator": "exact", "type": "person"}]
    assert told(client, "find_people", properties=filters)["people"] == found["people"]
    page = told(client, "read_profile", person=unique)
    properties = next(tile for tile in page["tiles"] if tile["title"] == "Properties")
    assert properties["data"]["email"] == f"{unique}@example.com"
    is_error, text = call(furze, "read_profile", {"person": "nobody at all"}, **in_project(client))
    assert (is_error, text) == (True, "read_profile failed: Not found.")


def test_the_tiles_of_a_profile_are_arranged_for_everybody(furze: Furze) -> None:
    tiles = ["ph-usage-metrics", "ph-issues"]
    config = told(furze, "arrange_profile", scope="group_4", tiles=tiles)["config"]
    saved = furze.client.get(furze.api(f"customer_profile_configs/{config}/")).json()
    assert [each["type"] for each in saved["content"]] == tiles
    again = told(furze, "arrange_profile", scope="group_4", tiles=tiles[:1])
    assert (again["config"], len(again["content"])) == (config, 1)
    furze.client.delete(furze.api(f"customer_profile_configs/{config}/"))


def test_a_saved_insight_is_read_again_and_deleted(furze: Furze, unique: str) -> None:
    Client(furze).capture([event(unique, "ann")])
    saved = told(furze, "save_insight", name=f"Count of {unique}", query=counting(unique))
    assert told(furze, "read_insight", id=saved["id"])["results"] == [[1]]
    board = told(furze, "upsert_dashboard", name=unique, add_insights=[saved["id"]])
    assert told(furze, "delete_insight", id=saved["id"])["deleted"] == saved["id"]
    assert told(furze, "list_insights", search=unique)["count"] == 0
    assert told(furze, "delete_dashboard", id=board["id"])["name"] == unique
    assert told(furze, "list_dashboards", search=unique)["count"] == 0
    is_error, text = call(furze, "read_insight", {"id": saved["id"]})
    assert is_error
    assert "has been deleted" in text


def test_groups_are_found_by_their_type(furze: Furze, unique: str) -> None:
    Client(furze).capture(
        [event("$groupidentify", "ann", **{"$group_type": "company", "$group_key": unique, "$group_set": {"size": 7}})]
    )
    found = told(furze, "find_groups", group_type="company", search=unique)
    assert [(each["group_key"], each["group_properties"]["size"]) for each in found["groups"]] == [(unique, 7)]
    is_error, text = call(furze, "find_groups", {"group_type": "galaxy"})
    assert is_error
    assert "no group type 'galaxy'" in text
    assert "company" in text


def test_the_layout_of_profiles_is_read(furze: Furze) -> None:
    assert told(furze, "read_profile_layout", scope="group_3")["tiles"] is None
    config = told(furze, "arrange_profile", scope="group_3", tiles=["ph-issues"])["config"]
    assert told(furze, "read_profile_layout", scope="group_3")["tiles"] == ["ph-issues"]
    furze.client.delete(furze.api(f"customer_profile_configs/{config}/"))


def test_exceptions_are_found_as_issues_and_one_is_read_day_by_day(furze: Furze, unique: str) -> None:
    def crash(person: str) -> dict[str, Any]:
        stack = [{"type": unique, "value": "it broke", "stacktrace": {"frames": [{"function": "pay"}]}}]
        return event("$exception", person, **{"$exception_list": stack, "$current_url": "https://shop.example/pay"})

    Client(furze).capture([crash("ann"), crash("ann"), crash("ben")])
    [issue] = told(furze, "search_error_tracking_issues", search=unique)["results"]
    assert (issue["name"], issue["aggregations"]["occurrences"], issue["aggregations"]["users"]) == (unique, 3, 2)
    read = told(furze, "read_error_tracking_issue", fingerprint=issue["fingerprint"])
    [day] = [dict(zip(read["columns"], row, strict=True)) for row in read["results"]]
    assert (day["occurrences"], day["users"], day["latest_url"]) == (3, 2, "https://shop.example/pay")
    assert "pay" in day["latest_stack"]


def test_calls_of_language_models_are_found_read_and_summed_up(furze: Furze, unique: str) -> None:
    def generation(person: str, cost: float, **more: Any) -> dict[str, Any]:
        used = {"$ai_trace_id": unique, "$ai_model": unique, "$ai_total_cost_usd": cost, "$ai_latency": 1.5}
        return event("$ai_generation", person, **used, **{"$ai_input_tokens": 10, "$ai_output_tokens": 5}, **more)

    Client(furze).capture([generation("ann", 0.25), generation("ann", 0.5, **{"$ai_is_error": True})])
    mine = [{"key": "$ai_model", "value": unique, "operator": "exact", "type": "event"}]
    [trace] = told(furze, "search_llm_traces", properties=mine)["results"]
    assert (trace["id"], trace["calls"], trace["totalCost"], trace["inputTokens"]) == (unique, 2, 0.75, 20)
    [whole] = told(furze, "read_llm_trace", trace_id=unique)["results"]
    assert [each["event"] for each in whole["events"]] == ["$ai_generation", "$ai_generation"]
    summary = told(furze, "summarize_llm_usage", by="model")
    [row] = [dict(zip(summary["columns"], row, strict=True)) for row in summary["results"] if row[0] == unique]
    assert (row["calls"], row["cost_usd"], row["errors"], row["median_seconds"]) == (2, 0.75, 1, 1.5)
    for by in ("provider", "person", "day"):
        assert told(furze, "summarize_llm_usage", by=by)["results"]
