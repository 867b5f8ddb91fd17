"""The assistant's tools over real data."""

import json
from uuid import uuid4

import pytest
from tests.query.world import NOW, World

from furze.llm.types import ToolContext, ToolError, ToolResult
from furze.platform.types import Project
from furze.query.tools import tools


@pytest.fixture
def run(world: World):
    project_id = max(world.projects, key=lambda number: len(world.projects[number]))
    project = Project(project_id, uuid4(), uuid4(), "Shop", "phc", "UTC", NOW, NOW)
    by_name = {tool.name: tool for tool in tools(world.runner)}

    def call(name: str, /, **arguments) -> ToolResult:
        async def update(_text: str) -> None:
            pass

        context = ToolContext(project, None, ("query:read",), uuid4(), "call", "sql", update)  # type: ignore[arg-type]
        return world.now(by_name[name].run(arguments, context))

    call.project_id = project_id
    return call


def test_the_taxonomy_lists_events_with_counts_and_properties_with_types(run, world):
    found = json.loads(run("read_taxonomy").text)
    counts = {each["event"]: each["count"] for each in found["events"]}
    events = world.projects[run.project_id]
    assert counts == {name: sum(event.name == name for event in events) for name in counts}
    assert sum(counts.values()) == len(events)
    assert found["event_properties"]["browser"]["type"] == "text"
    assert set(found["person_properties"]) <= {"plan"}
    assert found["group_types"] == ["company"]


def test_the_values_of_a_property_come_with_their_counts(run, world):
    found = json.loads(run("read_taxonomy", property="browser").text)
    wanted = [event.properties["browser"] for event in world.projects[run.project_id] if "browser" in event.properties]
    assert {each["value"]: each["count"] for each in found["values"]} == {v: wanted.count(v) for v in set(wanted)}


def test_sql_gives_rows_to_the_model_and_a_chart_to_the_page(run, world):
    result = run("execute_sql", query="select count() as n from events", name="Events")
    found = json.loads(result.text)
    assert (found["columns"], found["results"]) == (["n"], [[len(world.projects[run.project_id])]])
    assert result.artifact.content["query"]["query"] == "select count() as n from events"
    assert result.artifact.content["name"] == "Events"


def test_wrong_sql_is_explained_to_the_model(run):
    with pytest.raises(ToolError, match="Did you mean 'event'"):
        run("execute_sql", query="select evnt from events")


def test_an_insight_comes_with_its_numbers_and_period(run, world):
    query = {"kind": "TrendsQuery", "series": [{"event": "A"}], "dateRange": {"date_from": "-30d"}}
    result = run("create_insight", query={"kind": "InsightVizNode", "source": query})
    found = json.loads(result.text)
    [series] = found["results"]
    assert series["count"] == sum(event.name == "A" for event in world.projects[run.project_id])
    assert found["period"]["date_from"] == "2026-02-02T00:00:00.000000Z"
    assert result.artifact.content["query"] == query


def test_what_is_no_chart_is_refused_with_what_is(run):
    with pytest.raises(ToolError, match="FunnelsQuery"):
        run("create_insight", query={"kind": "EventsQuery"})


def test_the_schema_names_tables_and_fields(run):
    found = json.loads(run("read_data", kind="data_warehouse_schema").text)
    assert {"events", "persons", "sessions", "groups"} <= set(found)
    assert "timestamp" in found["events"]
