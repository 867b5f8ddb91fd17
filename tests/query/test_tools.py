"""The assistant's tools over real data."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from tests.query.world import NOW, World

from furze.llm.types import ToolContext, ToolError, ToolResult
from furze.platform.types import Project
from furze.query.tools import query_tools


@pytest.fixture
def run(world: World):
    project_id = max(world.projects, key=lambda number: len(world.projects[number]))
    project = Project(project_id, uuid4(), uuid4(), "Shop", "phc", "UTC", NOW, NOW)
    tools = {tool.name: tool for tool in query_tools(world.runner)}

    def call(name: str, /, **arguments) -> ToolResult:
        async def update(_text: str) -> None:
            pass

        context = ToolContext(project, None, ("query:read",), uuid4(), "call", "sql", update)  # type: ignore[arg-type]
        return world.now(tools[name].run(arguments, context))

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


def test_sql_gives_a_table_to_the_model_and_a_chart_to_the_page(run, world):
    result = run("execute_sql", query="select count() as n from events", name="Events")
    assert result.text == f"n\n{len(world.projects[run.project_id])}"
    assert result.artifact.content["query"]["source"]["query"] == "select count() as n from events"
    assert result.artifact.content["name"] == "Events"


def test_wrong_sql_is_explained_to_the_model(run):
    with pytest.raises(ToolError, match="Did you mean 'event'"):
        run("execute_sql", query="select evnt from events")


def test_an_insight_is_described_with_its_numbers(run, world):
    query = {"kind": "TrendsQuery", "series": [{"event": "A"}], "dateRange": {"date_from": "-30d"}}
    result = run("create_insight", query=query)
    count = sum(event.name == "A" for event in world.projects[run.project_id])
    assert f"A: total {count};" in result.text
    assert result.artifact.content["query"] == {"kind": "InsightVizNode", "source": query}


def test_the_schema_names_tables_and_fields(run):
    found = json.loads(run("read_data", kind="data_warehouse_schema").text)
    assert {"events", "persons", "sessions", "groups"} <= set(found)
    assert "timestamp" in found["events"]


def test_dates_in_a_table_are_readable(run):
    text = run("execute_sql", query="select toDateTime('2026-01-02 03:04:05') as t").text
    assert datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).isoformat()[:19] in text
