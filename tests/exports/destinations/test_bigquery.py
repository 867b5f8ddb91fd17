"""Exports into BigQuery tables, on an emulator of its REST interface: bqemulator, over DuckDB."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.exports.conftest import Exporting
from tests.exports.destinations.conftest import Steps, deliver, failure, repeat
from tests.exports.destinations.stand_ins import python_program

pytestmark = pytest.mark.timeout(400)  # the first run fetches its server

bigquery = pytest.importorskip("google.cloud.bigquery", reason="NOT TESTED: BigQuery needs `furze[bigquery]`")
PROJECT = "project"


@dataclass
class Emulator:
    """A running emulator and a client of it."""

    url: str
    client: Any

    def to(self, dataset: str, **more: Any) -> dict[str, Any]:
        config = {"project_id": PROJECT, "dataset_id": dataset, "endpoint_url": self.url}
        return {"type": "BigQuery", "config": config | more}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.client.query(query).result()]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415

    # It wants an extension of DuckDB, which its package brings along so that none is fetched at run time.
    extension = ("duckdb==1.5.5", "duckdb-extensions", "duckdb-extension-spatial==1.5.5")
    prepare = "from duckdb_extensions import import_extension; import_extension('spatial')"
    program = python_program("bqemulator", "bqemulator==1.4.0", "numpy", *extension, then=prepare)
    ports = []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    command = [str(program), "start", "--rest-port", str(ports[0]), "--grpc-port", str(ports[1]), "--ephemeral"]
    environment = os.environ | {"OTEL_SDK_DISABLED": "true", "PYTHONPATH": ""}
    quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, **quiet) as server:
        _wait_for(ports[0])
        url = f"http://127.0.0.1:{ports[0]}"
        client = bigquery.Client(
            project=PROJECT, credentials=AnonymousCredentials(), client_options={"api_endpoint": url}
        )
        yield Emulator(url, client)
        client.close()
        server.kill()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("bqemulator did not start")


@pytest.fixture
def dataset(emulator: Emulator, unique: str) -> str:
    emulator.client.create_dataset(f"d{unique}")
    return f"d{unique}"


def test_events_arrive_once_and_a_repeat_adds_only_what_is_missing(
    exporting: Exporting, emulator: Emulator, dataset: str, unique: str
) -> None:
    sent = exporting.send(10, event=unique, properties={"plan": "it's"})
    export = deliver(exporting, emulator.to(dataset, include_events=[unique]))
    table = f"`{PROJECT}.{dataset}.events`"
    assert {row[0] for row in emulator.rows(f"SELECT uuid FROM {table}")} == sent
    names = [field.name for field in emulator.client.get_table(f"{PROJECT}.{dataset}.events").schema]
    listed = "uuid event properties elements set set_once distinct_id team_id ip site_url timestamp"
    assert names == [*listed.split(), "bq_ingested_timestamp"]
    emulator.rows(f"DELETE FROM {table} WHERE uuid = '{min(sent)}'")
    assert repeat(exporting, export)["reconciliation"]["matches"]
    assert emulator.rows(f"SELECT COUNT(*), COUNT(DISTINCT uuid) FROM {table}") == [(10, 10)]
    assert [each.table_id for each in emulator.client.list_tables(dataset)] == ["events"]


def test_properties_can_be_json(exporting: Exporting, emulator: Emulator, dataset: str, unique: str) -> None:
    exporting.send(1, event=unique, properties={"plan": "pro"})
    deliver(exporting, emulator.to(dataset, use_json_type=True, include_events=[unique]))
    query = f"SELECT JSON_VALUE(properties, '$.plan') FROM `{PROJECT}.{dataset}.events`"
    assert emulator.rows(query) == [("pro",)]


def test_persons_are_merged_by_their_versions(
    exporting: Exporting, emulator: Emulator, dataset: str, unique: str
) -> None:
    exporting.send(1, event="$identify", distinct_id=unique, properties={"$set": {"plan": "free"}})
    export = deliver(exporting, emulator.to(dataset, table_id="people"), model="persons")
    query = f"SELECT properties FROM `{PROJECT}.{dataset}.people` WHERE distinct_id = '{unique}'"
    assert '"free"' in emulator.rows(query)[0][0]
    exporting.send(1, event="$set", distinct_id=unique, properties={"$set": {"plan": "paid"}})
    assert exporting.backfill(export)["errors"] == []
    assert ['"paid"' in row[0] for row in emulator.rows(query)] == [True]


def test_each_test_step_says_what_to_mend(emulator: Emulator, dataset: str, steps: Steps) -> None:
    assert [step["status"] for step in steps(emulator.to(dataset))] == ["Passed"] * 4
    key = {"private_key": "not-the-private-key", "client_email": "a@b", "token_uri": "http://127.0.0.1:9/"}
    mistakes = [
        (emulator.to("nowhere"), "nowhere"),
        (emulator.to(dataset, endpoint_url="http://127.0.0.1:9"), "refused"),
        (emulator.to(dataset, endpoint_url="http://169.254.169.254"), "metadata"),
        (emulator.to(dataset, **key), "copy the fields of its JSON file whole"),
    ]
    for destination, words in mistakes:
        message = steps(destination)[-1]["message"]
        assert words in message
        assert "not-the-private-key" not in message


def test_a_hopeless_run_fails_at_once(exporting: Exporting, emulator: Emulator, unique: str) -> None:
    exporting.send(1, event=unique)
    assert "nowhere" in failure(exporting, emulator.to("nowhere", include_events=[unique]))
