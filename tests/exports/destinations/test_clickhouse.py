"""Exports into ClickHouse tables, on the embedded engine's HTTP interface."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from tests.exports.conftest import Exporting
from tests.exports.destinations.conftest import Steps, deliver, failure, repeat

from furze.exports.destination import Reject
from furze.exports.destinations.clickhouse import translated
from furze.jobs import Retry

PASSWORD = "secret-of-the-engine"


@dataclass
class Server:
    """A running server and a client of it."""

    port: int
    client: Any

    def to(self, database: str, **more: Any) -> dict[str, Any]:
        config = {"host": "127.0.0.1", "port": self.port, "user": "furze", "password": PASSWORD, "secure": False}
        return {"type": "ClickHouse", "config": config | {"database": database} | more}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.client.query(query).result_rows]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("clickhouse")
    command = [sys.executable, "-m", "furze.events.engine", "--path", str(folder), "--port", "0"]
    command += ["--memory-bytes", str(1 << 30)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"FURZE_ENGINE_PASSWORD": PASSWORD},
    ) as engine:
        assert engine.stdout is not None
        port = json.loads(engine.stdout.readline())["port"]
        client = clickhouse_connect.get_client(
            host="127.0.0.1", port=port, username="furze", password=PASSWORD, autogenerate_session_id=False
        )
        yield Server(port, client)
        client.close()
        engine.terminate()


@pytest.fixture
def database(server: Server, unique: str) -> str:
    server.client.command(f"CREATE DATABASE d{unique}")
    return f"d{unique}"


def test_events_arrive_once_with_the_run_that_brought_them(
    exporting: Exporting, server: Server, database: str, unique: str
) -> None:
    sent = exporting.send(40, event=unique, properties={"plan": "pro"})
    export = deliver(exporting, server.to(database, include_events=[unique]))
    assert {"user", "password"}.isdisjoint(export["destination"]["config"])
    assert {row[0] for row in server.rows(f"SELECT uuid FROM {database}.events")} == sent
    query = f"SELECT DISTINCT JSONExtractString(properties, 'plan'), _furze_run_id FROM {database}.events"
    assert server.rows(query) == [("pro", export["run"]["id"])]
    assert server.rows(f"SELECT name FROM system.tables WHERE database = '{database}'") == [("events",)]


def test_a_run_that_is_repeated_adds_only_what_is_missing(
    exporting: Exporting, server: Server, database: str, unique: str
) -> None:
    sent = exporting.send(10, event=unique)
    export = deliver(exporting, server.to(database, include_events=[unique]))
    server.client.command(f"DELETE FROM {database}.events WHERE uuid = '{min(sent)}'")
    assert repeat(exporting, export)["reconciliation"]["matches"]
    query = f"SELECT count(), uniqExact(uuid), uniqExact(_furze_run_id) FROM {database}.events"
    assert server.rows(query) == [(10, 10, 2)]


def test_a_table_of_the_users_own_takes_the_columns_it_has(
    exporting: Exporting, server: Server, database: str, unique: str
) -> None:
    server.client.command(
        f"CREATE TABLE {database}.mine (uuid UUID, timestamp DateTime, event LowCardinality(String), "
        "extra UInt8 DEFAULT 7) ENGINE = MergeTree ORDER BY uuid"
    )
    sent = exporting.send(5, event=unique)
    export = deliver(exporting, server.to(database, table_name="mine", include_events=[unique]))
    repeat(exporting, export)
    assert {str(row[0]) for row in server.rows(f"SELECT uuid FROM {database}.mine WHERE extra = 7")} == sent
    assert server.rows(f"SELECT count() FROM {database}.mine") == [(5,)]
    logs = exporting.call("GET", f"{export['id']}/logs/", params={"search": "no column"})
    assert "distinct_id" in logs[0]["message"]


def test_persons_are_replaced_by_their_newer_versions(
    exporting: Exporting, server: Server, database: str, unique: str
) -> None:
    exporting.send(1, event="$identify", distinct_id=unique, properties={"$set": {"plan": "free"}})
    export = deliver(exporting, server.to(database, table_name="people"), model="persons")
    query = f"""SELECT JSONExtractString(properties, 'plan') FROM {database}.people FINAL
        WHERE distinct_id = '{unique}'"""
    assert server.rows(query) == [("free",)]
    exporting.send(1, event="$set", distinct_id=unique, properties={"$set": {"plan": "paid"}})
    assert exporting.backfill(export)["errors"] == []
    assert server.rows(query) == [("paid",)]


def test_a_query_of_ones_own_keeps_its_nulls(exporting: Exporting, server: Server, database: str, unique: str) -> None:
    exporting.send(3, event=unique)
    columns = "uuid, nullIf(toInt(properties.n), 1) AS n, properties.$none AS none"
    asked = {"hogql_query": f"SELECT {columns} FROM events WHERE event = '{unique}'"}
    merged = {"model": "hogql", "incremental_mode": "MERGE", "primary_key": ["uuid"]}
    deliver(exporting, server.to(database, table_name="asked"), **asked, **merged)
    found = server.rows(f"SELECT count(), count(n), count(none) FROM {database}.asked")
    assert found == [(3, 2, 0)]


def test_each_test_step_says_what_to_mend(server: Server, database: str, steps: Steps) -> None:
    assert [step["status"] for step in steps(server.to(database))] == ["Passed", "Passed"]
    assert server.rows(f"SELECT count() FROM system.tables WHERE database = '{database}'") == [(0,)]
    mistakes = [
        ({"password": "not-the-secret"}, "user or the password"),
        ({"database": "nowhere"}, "nowhere"),
        ({"host": "nowhere.invalid"}, "not known"),
        ({"host": "169.254.169.254"}, "metadata"),
        ({"port": 9}, "Could not reach"),
        ({"secure": True}, "Could not reach"),
    ]
    for changes, words in mistakes:
        step = steps(server.to(**{"database": database} | changes))[-1]
        assert step["status"] == "Failed"
        assert words in step["message"]
        assert "not-the-secret" not in step["message"]
    server.client.command(f"CREATE TABLE {database}.events (uuid String) ENGINE = Memory")
    last = steps(server.to(database))[-1]
    assert last["status"] == "Passed"
    assert "Memory" in last["message"]


def test_a_hopeless_run_fails_at_once_with_a_reason(
    exporting: Exporting, server: Server, database: str, unique: str
) -> None:
    exporting.send(1, event=unique)
    server.client.command(f"CREATE TABLE {database}.mine (n UInt8) ENGINE = Memory")
    destination = server.to(database, table_name="mine", include_events=[unique])
    assert "no column 'uuid'" in failure(exporting, destination)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Code: 252. DB::Exception: Too many parts (300). (TOO_MANY_PARTS)", Retry),
        ("HTTPSConnectionPool(host='h', port=1): Max retries exceeded", Retry),
        ("Code: 497. DB::Exception: Not enough privileges. (ACCESS_DENIED)", Reject),
        ("SSL: CERTIFICATE_VERIFY_FAILED", Reject),
    ],
)
def test_only_what_may_pass_is_tried_again(text: str, kind: type[Exception]) -> None:
    assert isinstance(translated(text), kind)
