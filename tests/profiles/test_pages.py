"""Profile pages, as a client sees them."""

from typing import Any
from uuid import uuid4

import pytest
from tests.conftest import Furze, both_databases
from tests.people.clients import NOT_FOUND, Client, event, eventually, second_project

pytestmark = both_databases


@pytest.fixture
def client(furze: Furze) -> Client:
    """A client of a project of its own."""
    return second_project(furze)


def tiles(page: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {tile["type"]: tile for tile in [*page["content"], *page["sidebar"]]}


def types(page: dict[str, Any]) -> tuple[list[str], list[str]]:
    return [tile["type"] for tile in page["content"]], [tile["type"] for tile in page["sidebar"]]


EXCEPTION = {"$exception_list": [{"type": "ValueError", "value": "too small"}]}
GENERATION = {"$ai_trace_id": "trace-1", "$ai_input_tokens": 10, "$ai_output_tokens": 5, "$ai_latency": 1.5}
ACME = {"$groups": {"company": "acme"}}


def active(client: Client, unique: str) -> dict[str, Any]:
    """A person of the company acme who did a bit of everything."""
    described = {"$group_type": "company", "$group_key": "acme", "$group_set": {"name": "Acme"}}
    client.capture(
        [
            event("$groupidentify", unique, **described),
            event("$pageview", unique, **ACME, **{"$set": {"email": "ada@acme.io"}, "$session_id": "s-1"}),
            event("$pageview", f"{unique}-2", **ACME),
            event("$exception", unique, **ACME, **EXCEPTION),
            event("$ai_generation", unique, **ACME, **GENERATION),
        ]
    )
    client.post("groups_types/0/metrics/", {"name": "Views", "filters": {"events": [{"id": "$pageview"}]}})
    return client.person(unique)


def test_a_persons_page_has_the_default_layout_with_everything_filled(client: Client, unique: str) -> None:
    person = active(client, unique)
    page = client.get(f"customer_profiles/person/{person['uuid']}/")
    assert (page["scope"], page["id"], page["config"]) == ("person", person["uuid"], None)
    assert types(page) == (
        [
            "ph-usage-metrics",
            "ph-customer-journey",
            "ph-person-feed",
            "ph-llm-trace",
            "ph-support-tickets",
            "ph-zendesk-tickets",
            "ph-issues",
        ],
        ["ph-person", "ph-related-groups", "ph-person-properties"],
    )
    found = tiles(page)
    [views] = found["ph-usage-metrics"]["data"]["results"]
    assert (views["name"], views["value"], views["previous"]) == ("Views", 1, 0)
    visits = found["ph-person-feed"]["data"]["results"]
    assert "s-1" in [visit["sessionId"] for visit in visits]
    assert sum(len(visit["events"]) for visit in visits) == 4
    [trace] = found["ph-llm-trace"]["data"]["results"]
    assert (trace["id"], trace["inputTokens"], trace["outputTokens"]) == ("trace-1", 10, 5)
    [issue] = found["ph-issues"]["data"]["results"]
    assert (issue["name"], issue["description"]) == ("ValueError", "too small")
    assert found["ph-person"]["data"]["distinct_ids"] == [unique]
    assert found["ph-person-properties"]["data"] == {"email": "ada@acme.io"}
    assert [each["group_key"] for each in found["ph-related-groups"]["data"]] == ["acme"]
    assert found["ph-person-feed"]["attrs"]["nodeId"] == f"ph-person-feed-{person['uuid']}"
    for identity in (person["id"], unique):
        assert client.get(f"customer_profiles/person/{identity}/")["id"] == person["uuid"]


def test_a_tile_has_data_or_the_reason_why_not(client: Client, unique: str) -> None:
    client.capture([event("x", unique)])
    page = client.get(f"customer_profiles/person/{client.person(unique)['uuid']}/")
    for tile in tiles(page).values():
        assert (tile["data"] is None) is bool(tile["reason"]), tile
    reasons = {kind: tile["reason"] for kind, tile in tiles(page).items() if tile["reason"]}
    assert reasons == {
        "ph-usage-metrics": "No usage metrics are defined. Create them at groups_types/0/metrics/.",
        "ph-customer-journey": "No customer journey is saved. Give the tile a FunnelsQuery as attrs.query.",
        "ph-llm-trace": "No calls of language models in the last 90 days.",
        "ph-support-tickets": "No support desk is connected.",
        "ph-zendesk-tickets": "Zendesk is not connected.",
        "ph-issues": "No exceptions in the last 90 days.",
        "ph-related-groups": "Nobody else was on the same events in the last 90 days.",
        "ph-person-properties": "No properties were set.",
    }


def test_a_groups_page_has_the_default_layout_with_everything_filled(client: Client, unique: str) -> None:
    active(client, unique)
    page = client.get("customer_profiles/group/0/acme/")
    assert (page["scope"], page["id"]) == ("group_0", "acme")
    found = tiles(page)
    events = found["ph-query"]["data"]
    assert sorted(row[1] for row in events["results"]) == ["$ai_generation", "$exception", "$pageview", "$pageview"]
    assert found["ph-usage-metrics"]["data"]["results"][0]["value"] == 2
    assert len(found["ph-issues"]["data"]["results"]) == len(found["ph-llm-trace"]["data"]["results"]) == 1
    assert found["ph-group"]["data"]["group_type"] == "company"
    assert found["ph-group-properties"]["data"] == {"name": "Acme"}
    assert found["ph-related-groups"]["title"] == "Related people"
    related = {each["distinct_ids"][0] for each in found["ph-related-groups"]["data"]}
    assert related == {unique, f"{unique}-2"}
    assert found["ph-query"]["attrs"]["nodeId"] == "ph-query-acme-0"


def config(client: Client, **body: Any) -> dict[str, Any]:
    return client.post("customer_profile_configs/", {"scope": "person", **body})


def test_a_saved_layout_decides_which_tiles_there_are_and_in_which_order(client: Client, unique: str) -> None:
    client.capture([event("x", unique)])
    path = f"customer_profiles/person/{client.person(unique)['uuid']}/"
    content = [
        {"type": "ph-issues", "title": "Faults", "index": 2},
        {"type": "ph-node-foo", "title": "Foo", "index": 1},
        "no node",
    ]
    first = config(client, content=content, sidebar=[{"type": "ph-map", "attrs": {"title": "Where"}}])
    config(client, content=[])
    page = client.get(path)
    assert page["config"] == first["id"]
    assert [(tile["type"], tile["title"]) for tile in page["content"]] == [
        ("ph-node-foo", "Foo"),
        ("ph-issues", "Faults"),
        ("no node", ""),
    ]
    assert page["content"][0]["reason"] == "There is nothing to show for 'ph-node-foo' here."
    assert [(tile["title"], tile["reason"]) for tile in page["sidebar"]] == [("Where", "Where this is isn't known.")]
    client.send("PATCH", f"customer_profile_configs/{first['id']}/", {"content": [], "sidebar": {}})
    assert types(client.get(path)) == ([], ["ph-person", "ph-related-groups", "ph-person-properties"])


def test_a_customer_journey_shows_how_far_a_person_came_in_a_funnel(client: Client, unique: str) -> None:
    client.capture([event("one", unique), event("two", f"{unique}-2"), event("one", f"{unique}-2")])
    series = [{"kind": "EventsNode", "event": name} for name in ("one", "two")]
    funnel = {"kind": "FunnelsQuery", "series": series, "funnelsFilter": {"funnelOrderType": "unordered"}}
    node = {"type": "ph-customer-journey", "attrs": {"query": {"kind": "InsightVizNode", "source": funnel}}}
    config(client, content=[node])

    def steps(distinct_id: str) -> list[str]:
        page = client.get(f"customer_profiles/person/{client.person(distinct_id)['uuid']}/")
        return [step["status"] for step in page["content"][0]["data"]["steps"]]

    assert steps(unique) == ["completed", "not_completed"]
    assert steps(f"{unique}-2") == ["completed", "completed"]


def test_a_query_that_fails_is_a_reason_in_its_tile_only(client: Client, unique: str) -> None:
    client.capture([event("x", unique)])
    broken = {"type": "ph-query", "attrs": {"query": {"kind": "EventsQuery", "select": ["nonsense("]}}}
    config(client, content=[broken, {"type": "ph-person-feed"}])
    page = client.get(f"customer_profiles/person/{client.person(unique)['uuid']}/")
    assert page["content"][0]["data"] is None
    assert page["content"][0]["reason"]
    assert page["content"][1]["data"]["results"]


def test_an_unknown_profile_is_not_found(client: Client, unique: str) -> None:
    stranger = second_project(client.furze)
    person = active(stranger, unique)
    for identity in (person["uuid"], person["id"], unique, str(uuid4())):
        assert client.get(f"customer_profiles/person/{identity}/", 404) == NOT_FOUND
    assert client.get("customer_profiles/group/0/acme/", 404) == NOT_FOUND
    assert client.get("customer_profiles/group/x/acme/", 404) == NOT_FOUND


def test_a_group_key_may_hold_slashes(client: Client) -> None:
    client.capture([event("$groupidentify", "x", **{"$group_type": "site", "$group_key": "a.io/b/c"})])
    path = client.path("customer_profiles/group/0/a.io/b/c/")
    page = eventually(lambda: (answer := client.furze.client.get(path)).status_code == 200 and answer)
    assert page.json()["id"] == "a.io/b/c"
