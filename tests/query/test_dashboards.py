"""Dashboards and annotations over HTTP."""

from typing import Any

import pytest
from tests.conftest import Furze

QUERY = {"kind": "InsightVizNode", "source": {"kind": "HogQLQuery", "query": "select 41 + 1 as answer"}}


def call(furze: Furze, method: str, path: str, status: int = 200, mount: str = "projects", **more: Any) -> Any:
    answer = furze.client.request(method, furze.api(path, mount), **more)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


@pytest.fixture
def insight(furze: Furze, unique: str) -> dict[str, Any]:
    made: dict[str, Any] = call(furze, "POST", "insights/", 201, json={"name": f"Visits {unique}", "query": QUERY})
    return made


@pytest.fixture
def dashboard(furze: Furze, insight: dict[str, Any], unique: str) -> dict[str, Any]:
    tiles = [{"insight": {"id": insight["id"]}, "layouts": {"sm": {"x": 0}}}, {"text": {"body": "**Read** this"}}]
    made: dict[str, Any] = call(furze, "POST", "dashboards/", 201, json={"name": f"Shop {unique}", "tiles": tiles})
    return made


@pytest.mark.parametrize("mount", ["projects", "environments"])
def test_a_dashboard_comes_with_the_answers_of_its_tiles(furze: Furze, dashboard: dict[str, Any], mount: str) -> None:
    path = f"dashboards/{dashboard['id']}/"
    shown, text = call(furze, "GET", path, mount=mount, params={"refresh": "blocking"})["tiles"]
    assert shown["insight"]["result"] == [[42]]
    assert shown["layouts"] == {"sm": {"x": 0}}
    assert (text["insight"], text["text"]) == (None, {"body": "**Read** this"})
    assert call(furze, "POST", path + "run/", mount=mount)["tiles"][0]["insight"]["result"] == [[42]]


def test_an_insight_knows_its_dashboards_and_may_be_put_on_others(
    furze: Furze, dashboard: dict[str, Any], insight: dict[str, Any]
) -> None:
    path = f"insights/{insight['id']}/"
    assert call(furze, "GET", path)["dashboards"] == [dashboard["id"]]
    other = call(furze, "POST", "dashboards/", 201, json={"name": "Other"})["id"]
    assert call(furze, "PATCH", path, json={"dashboards": [other]})["dashboards"] == [other]
    assert [tile["text"] for tile in call(furze, "GET", f"dashboards/{dashboard['id']}/")["tiles"]] == [
        {"body": "**Read** this"}
    ]
    refused = call(furze, "PATCH", path, 400, json={"dashboards": [999_999]})
    assert refused["detail"] == "There is no dashboard 999999 in this project."


def test_tiles_are_moved_changed_and_taken_off_one_by_one(furze: Furze, dashboard: dict[str, Any]) -> None:
    first, second = (tile["id"] for tile in dashboard["tiles"])
    path = f"dashboards/{dashboard['id']}/"
    tiles = [{"id": first, "color": "blue"}, {"id": second, "deleted": True}]
    changed = call(furze, "PATCH", path, json={"tiles": tiles})
    assert [(tile["id"], tile["color"], tile["layouts"]) for tile in changed["tiles"]] == [
        (first, "blue", {"sm": {"x": 0}})
    ]
    assert "no tile 999" in call(furze, "PATCH", path, 400, json={"tiles": [{"id": 999, "color": "x"}]})["detail"]
    assert "either" in call(furze, "PATCH", path, 400, json={"tiles": [{"color": "x"}]})["detail"]
    assert "no insight 999999" in call(furze, "PATCH", path, 400, json={"tiles": [{"insight": 999_999}]})["detail"]


def test_the_filters_of_a_dashboard_are_laid_over_its_tiles(furze: Furze, unique: str) -> None:
    events = [{"event": unique, "distinct_id": "p", "timestamp": f"2026-01-0{day}T12:00:00Z"} for day in (1, 2, 3)]
    furze.client.post("/batch/", json={"api_key": "phc_test_project_key", "batch": events})
    source = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": unique}]}
    query = {"kind": "InsightVizNode", "source": source | {"dateRange": {"date_from": "2026-01-01"}}}
    insight = call(furze, "POST", "insights/", 201, json={"query": query})["id"]
    filters = {"date_from": "2026-01-02", "date_to": "2026-01-03"}
    dashboard = call(furze, "POST", "dashboards/", 201, json={"filters": filters, "tiles": [{"insight": insight}]})
    for _ in range(100):
        (tile,) = call(furze, "POST", f"dashboards/{dashboard['id']}/run/")["tiles"]
        if (series := tile["insight"]["result"][0])["count"] == 2:
            break
    assert (series["count"], series["days"]) == (2, ["2026-01-02", "2026-01-03"])


def test_a_deleted_dashboard_leaves_the_list_and_its_insights_stay(
    furze: Furze, dashboard: dict[str, Any], insight: dict[str, Any], unique: str
) -> None:
    path = f"dashboards/{dashboard['id']}/"
    assert call(furze, "GET", "dashboards/", params={"search": unique})["count"] == 1
    call(furze, "DELETE", path, 405)
    call(furze, "PATCH", path, json={"deleted": True})
    assert call(furze, "GET", "dashboards/", params={"search": unique})["count"] == 0
    assert call(furze, "GET", f"insights/{insight['id']}/")["dashboards"] == []
    assert call(furze, "PATCH", path, json={"deleted": False})["tiles"] != []


def test_pinned_dashboards_come_first(furze: Furze, unique: str) -> None:
    for name, pinned in (("a", False), ("b", True)):
        call(furze, "POST", "dashboards/", 201, json={"name": f"{name} {unique}", "pinned": pinned})
    names = [each["name"][0] for each in call(furze, "GET", "dashboards/", params={"search": unique})["results"]]
    assert names == ["b", "a"]


def test_annotations_are_made_changed_and_deleted_softly(furze: Furze, unique: str) -> None:
    body = {"content": f"Launch {unique}", "date_marker": "2026-01-02T03:04:05Z", "scope": "project"}
    made = call(furze, "POST", "annotations/", 201, json=body)
    assert (made["date_marker"], made["created_by"]["email"]) == ("2026-01-02T03:04:05.000000Z", "owner@localhost")
    path = f"annotations/{made['id']}/"
    assert call(furze, "PATCH", path, json={"content": f"Moved {unique}"})["date_marker"] == made["date_marker"]
    assert call(furze, "GET", "annotations/", params={"search": unique})["results"][0]["content"] == f"Moved {unique}"
    call(furze, "DELETE", path, 405)
    call(furze, "PATCH", path, json={"deleted": True})
    assert call(furze, "GET", "annotations/", params={"search": unique})["count"] == 0
    assert call(furze, "POST", "annotations/", 400, json={"scope": "moon"})["attr"] == "scope"


@pytest.mark.parametrize("path", ["cohorts/", "feature_flags/"])
def test_what_does_not_exist_here_is_an_empty_list(furze: Furze, path: str) -> None:
    assert call(furze, "GET", path) == {"count": 0, "next": None, "previous": None, "results": []}
