"""Exports into Snowflake tables, on fakesnow, an emulator of its wire protocol over DuckDB."""

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

connector = pytest.importorskip("snowflake.connector", reason="NOT TESTED: Snowflake needs `furze[snowflake]`")


@dataclass
class Emulator:
    """A running emulator and a session of it."""

    url: str
    session: Any

    def to(self, schema: str, **more: Any) -> dict[str, Any]:
        config = {"account": "account", "user": "user", "password": "secret-of-snowflake", "warehouse": "W"}
        config |= {"database": "DB", "schema": schema, "endpoint_url": self.url}
        return {"type": "Snowflake", "config": config | more}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return list(self.session.cursor().execute(query).fetchall())


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    program = python_program("fakesnow", "fakesnow[server]==0.12.1", "snowflake-connector-python<5")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [str(program), "-s", "-p", str(port), "--host", "127.0.0.1"]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": ""}, **quiet) as server:
        _wait_for(port)
        place: Any = {"host": "127.0.0.1", "port": port, "protocol": "http", "database": "DB", "schema": "PUBLIC"}
        session = connector.connect(account="account", user="user", password="p", **place)
        yield Emulator(f"http://127.0.0.1:{port}", session)
        session.close()
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
    raise RuntimeError("fakesnow did not start")


@pytest.fixture
def schema(emulator: Emulator, unique: str) -> str:
    name = f"S{unique.upper()}"  # the emulator finds no stage in a schema with small letters
    emulator.rows(f'CREATE SCHEMA DB."{name}"')
    return name


def test_events_arrive_once_and_a_repeat_adds_only_what_is_missing(
    exporting: Exporting, emulator: Emulator, schema: str, unique: str
) -> None:
    sent = exporting.send(10, event=unique, properties={"plan": "it's", "$set": {"a": 1}})
    export = deliver(exporting, emulator.to(schema, include_events=[unique]))
    assert {"user", "password"}.isdisjoint(export["destination"]["config"])
    table = f'DB."{schema}"."events"'
    assert {row[0] for row in emulator.rows(f'SELECT "uuid" FROM {table}')} == sent
    query = f'SELECT DISTINCT "properties":plan::VARCHAR, "people_set":a::INTEGER FROM {table}'
    assert emulator.rows(query) == [("it's", 1)]
    emulator.rows(f"DELETE FROM {table} WHERE \"uuid\" = '{min(sent)}'")
    assert repeat(exporting, export)["reconciliation"]["matches"]
    assert emulator.rows(f'SELECT COUNT(*), COUNT(DISTINCT "uuid") FROM {table}') == [(10, 10)]


def test_persons_are_merged_by_their_versions(
    exporting: Exporting, emulator: Emulator, schema: str, unique: str
) -> None:
    exporting.send(1, event="$identify", distinct_id=unique, properties={"$set": {"plan": "free"}})
    export = deliver(exporting, emulator.to(schema, table_name="people"), model="persons")
    query = f'SELECT "properties":plan::VARCHAR FROM DB."{schema}"."people" WHERE "distinct_id" = \'{unique}\''
    assert emulator.rows(query) == [("free",)]
    exporting.send(1, event="$set", distinct_id=unique, properties={"$set": {"plan": "paid"}})
    assert exporting.backfill(export)["errors"] == []
    assert emulator.rows(query) == [("paid",)]


def test_each_test_step_says_what_to_mend(emulator: Emulator, schema: str, steps: Steps) -> None:
    assert [step["status"] for step in steps(emulator.to(schema))] == ["Passed"] * 5
    key_pair = {"authentication_type": "keypair", "private_key": "not-the-private-key"}
    mistakes = [
        (emulator.to("nowhere"), "nowhere"),
        (emulator.to(schema, database="nowhere"), "nowhere"),
        (emulator.to(schema, endpoint_url="http://169.254.169.254"), "metadata"),
        (emulator.to(schema, **key_pair), "PEM form"),
    ]
    for destination, words in mistakes:
        message = steps(destination)[-1]["message"]
        assert words in message
        assert "not-the-private-key" not in message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": None}, "Password is required if authentication type is password"),
        ({"authentication_type": "keypair"}, "Private key is required if authentication type is key pair"),
    ],
)
def test_the_way_to_sign_in_must_be_whole(
    exporting: Exporting, emulator: Emulator, changes: dict[str, Any], words: str
) -> None:
    body = {"name": "t", "interval": "hour", "destination": emulator.to("S", **changes)}
    answer = exporting.furze.client.post(exporting.furze.api("batch_exports/"), json=body)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


def test_a_hopeless_run_fails_at_once(exporting: Exporting, emulator: Emulator, unique: str) -> None:
    exporting.send(1, event=unique)
    assert "nowhere" in failure(exporting, emulator.to("nowhere", include_events=[unique]))
