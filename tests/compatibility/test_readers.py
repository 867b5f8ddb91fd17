"""Programs that read a whole project: dlt over its REST source, and Airbyte's connector as its manifest declares it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import PERSONAL_KEY, Furze
from tests.exports.destinations.stand_ins import python_program
from tests.people.clients import Client, event, second_project

PEOPLE, EVENTS = 120, 250

_DLT = """
import json, sys
import dlt
from dlt.sources.rest_api import rest_api_source

url, key, folder = sys.argv[1:]
pages = {"type": "json_link", "next_url_path": "next"}
names = ("persons", "events", "event_definitions", "batch_exports")
asked = {"params": {"limit": 50}, "paginator": pages, "data_selector": "results"}
resources = [{"name": name, "endpoint": {"path": f"{name}/", **asked}} for name in names]
client = {"base_url": url, "auth": {"type": "bearer", "token": key}}
pipeline = dlt.pipeline("read", destination=dlt.destinations.duckdb(f"{folder}/read.duckdb"), dataset_name="d",
                        pipelines_dir=f"{folder}/dlt")
pipeline.run(rest_api_source({"client": client, "resources": resources})).raise_on_failed_jobs()
with pipeline.sql_client() as sql:
    found = {
        "events": [str(row[0]) for row in sql.execute_sql("SELECT id FROM events")],
        "persons": [str(row[0]) for row in sql.execute_sql("SELECT uuid FROM persons")],
        "prices": [row[0] for row in sql.execute_sql("SELECT sum(properties__price) FROM events")],
    }
print(json.dumps(found))
"""


@pytest.fixture
def filled(furze: Furze) -> tuple[Client, list[str]]:
    """A project with events of some people, and the uuids of the events."""
    client = second_project(furze)
    sent = [event("bought", f"person-{number % PEOPLE}", price=number) for number in range(EVENTS)]
    return client, client.capture(sent)


def test_dlt_reads_every_event_and_person_once(filled: tuple[Client, list[str]], tmp_path: Path) -> None:
    client, uuids = filled
    python = python_program("dlt", "dlt[duckdb]>=1.31,<2").with_name("python")
    url = f"{client.furze.url}{client.path('')}"
    command = [str(python), "-W", "ignore", "-c", _DLT, url, PERSONAL_KEY, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert sorted(found["events"]) == sorted(uuids)
    assert len(found["persons"]) == len(set(found["persons"])) == PEOPLE
    assert found["prices"] == [sum(range(EVENTS))]


def by_offset(client: Client, path: str) -> list[dict[str, Any]]:
    """The rows of a list as the connector walks it: pages of a hundred, until one is not full."""
    rows: list[dict[str, Any]] = []
    while True:
        answer = client.furze.client.get(path, params={"limit": 100, "offset": len(rows)})
        assert answer.status_code == 200, answer.text
        page = answer.json()["results"]
        rows += page
        if len(page) < 100:
            return rows


def test_airbytes_requests_read_every_stream(filled: tuple[Client, list[str]]) -> None:
    """The connector is on no package registry; these are the requests that its manifest declares."""
    client, uuids = filled
    assert client.project_id in [each["id"] for each in by_offset(client, "/api/projects")]
    persons = by_offset(client, client.path("persons").rstrip("/"))
    assert len({each["uuid"] for each in persons}) == len(persons) == PEOPLE
    for stream in ("cohorts", "feature_flags", "annotations", "insights"):
        assert by_offset(client, client.path(stream)) == []
    since = {"after": "2020-01-01T00:00:00.000000Z", "before": "2100-01-01T00:00:00.000000Z", "limit": 100}
    answer = client.furze.client.get(client.path("events"), params=since)
    events = answer.json()["results"]
    while answer.json()["next"]:
        answer = client.furze.client.get(answer.json()["next"])
        events += answer.json()["results"]
    assert sorted(each["id"] for each in events) == sorted(uuids)
    assert [each["timestamp"] for each in events] == sorted((each["timestamp"] for each in events), reverse=True)
