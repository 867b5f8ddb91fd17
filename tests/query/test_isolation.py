"""No query of one project, of whatever kind, meets a row of another."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2 as httpx
import pytest
from tests.conftest import PERSONAL_KEY, PROJECT_KEY, running
from tests.query.world import World

from furze.database import Database
from furze.platform import store
from furze.query import insights, routes
from furze.query.kinds import KINDS
from furze.query.store import Insight, create_insight
from furze.settings import Settings

SECRET = "THEIR-SECRET"
SERIES = [{"kind": "EventsNode", "event": SECRET}]
DECLARED = (*routes.endpoints.declared, *insights.endpoints.declared)
PATHS = sorted({(endpoint.method, endpoint.path) for endpoint in DECLARED})


@pytest.fixture(scope="module")
def theirs(world: World) -> str:
    """The id of a person of project 2."""
    now = datetime.now(UTC) - timedelta(minutes=5)
    properties = {
        "secret": SECRET, "$session_id": SECRET, "$ai_trace_id": SECRET, "company": SECRET,
        "$exception_fingerprint": SECRET, "$current_url": SECRET,
    }  # fmt: skip
    names = (SECRET, "$pageview", "$exception", "$ai_generation")
    return str(world.add(2, *((name, now, SECRET, properties) for name in names))[SECRET])


@pytest.fixture(scope="module")
def client(world: World, theirs: str, tmp_path_factory) -> Iterator[httpx.Client]:
    """A server with project 1, which is ours, and project 2 of an organisation we do not belong to."""
    data: Path = tmp_path_factory.mktemp("isolation")
    settings = Settings(
        data=data, clickhouse_url=world.engine.url, personal_api_key=PERSONAL_KEY, project_api_key=PROJECT_KEY
    )
    headers = {"Authorization": f"Bearer {PERSONAL_KEY}"}
    with running(settings) as url, httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        database = Database(settings.resolved_database_url)
        now = datetime.now(UTC)
        other = database.write_now(store.create_user, email="them@localhost", first_name="Them", now=now)
        organization = database.write_now(store.create_organization, name="Them", owner_id=other.id, now=now)
        project = database.write_now(
            store.create_project, organization_id=organization.id, name="Theirs", api_token="phc_theirs", now=now
        )
        assert project.id == 2
        values = {"name": SECRET, "query": {}, "tags": [], "favorited": False, "saved": True, "description": None}
        client.insight = database.write_now(create_insight, 2, values=values, user_id=other.id, now=now)
        database.close()
        yield client


@pytest.fixture
def their_insight(client: httpx.Client) -> Insight:
    return client.insight


def queries(person: str) -> Iterator[dict]:
    """A query of every kind that would find the other project's rows, were they ours."""
    more = {
        "EventsQuery": {"select": ["*", "person"], "after": "all", "personId": person},
        "ActorsQuery": {"select": ["*"], "search": SECRET},
        "GroupsQuery": {"group_type_index": 0, "search": SECRET},
        "HogQLMetadata": {"query": "select 1"},
        "FunnelsQuery": {"series": [*SERIES, {"kind": "EventsNode", "event": "$pageview"}]},
        "RetentionQuery": {"retentionFilter": {"targetEntity": {"id": SECRET}, "returningEntity": {"id": SECRET}}},
        "PathsQuery": {"pathsFilter": {"startPoint": SECRET}},
        "SessionsTimelineQuery": {"personId": person},
        "UsageMetricsQuery": {"person_id": person},
        "TracesQuery": {"traceId": SECRET},
        "TraceQuery": {"traceId": SECRET},
        "ErrorTrackingQuery": {"personId": person},
        "EventTaxonomyQuery": {"event": SECRET},
    }
    for kind in KINDS:
        yield {"kind": kind, "series": SERIES, **more.get(kind, {})}
    for table in ("events", "persons", "groups", "sessions", "person_distinct_ids"):
        yield {"kind": "HogQLQuery", "query": f"select * from {table}"}
        yield {"kind": "HogQLQuery", "query": f"select count() from {table} as t where true or t.team_id = 2"}
    yield {"kind": "HogQLQuery", "query": "select * from events where team_id = 2 or 1"}
    yield {"kind": "HogQLQuery", "query": f"select * from events where person_id = '{person}'"}
    yield {"kind": "HogQLQuery", "query": "select 1 union all select count() - count() from events union all select 3"}


def test_every_kind_of_query_sees_only_its_own_project(client, world, theirs):
    assert world.results(2, {"kind": "HogQLQuery", "query": "select count() from events"}) == [[4]]
    for query in queries(theirs):
        answer = client.post("/api/projects/1/query/", json={"query": query})
        assert answer.status_code in (200, 400), query
        results = json.dumps(answer.json().get("results"))
        if query["kind"] in ("TrendsQuery", "StickinessQuery", "LifecycleQuery", "FunnelsQuery"):
            assert all(result["count"] == 0 for result in answer.json()["results"])
        else:
            assert SECRET not in results, query


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("mount", ["projects", "environments"])
def test_every_route_is_closed_to_another_projects_key(client, method, path, mount):
    path = path.format(query_id="x", kind="HogQLQuery", insight_id="1")
    answer = client.request(
        method, f"/api/{mount}/2{path}", json={"query": {"kind": "HogQLQuery", "query": "select 1"}}
    )
    assert answer.status_code == 403
    assert answer.json()["detail"] == "You don't have access to the project."


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_every_route_wants_a_key(client, method, path):
    path = path.format(query_id="x", kind="HogQLQuery", insight_id="1")
    answer = httpx.request(method, f"{client.base_url}/api/projects/1{path}")
    assert answer.status_code == 401


def test_a_background_query_belongs_to_its_project(client):
    asked = client.post(
        "/api/projects/1/query/",
        json={"query": {"kind": "HogQLQuery", "query": "select 1"}, "refresh": "force_async", "client_query_id": "own"},
    )
    assert asked.status_code == 202
    assert client.get("/api/projects/2/query/own/").status_code == 403


def test_an_insight_is_not_found_from_another_project(client, their_insight):
    for identity in (their_insight.id, their_insight.short_id):
        assert client.get(f"/api/projects/1/insights/{identity}/").status_code == 404
        assert client.patch(f"/api/projects/1/insights/{identity}/", json={"name": "ours"}).status_code == 404
    assert client.get("/api/projects/1/insights/").json()["count"] == 0
