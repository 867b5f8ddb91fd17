"""Exports into PostgreSQL tables."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import sqlalchemy
from tests.exports.conftest import Exporting

from furze.exports.destination import Column, Delivery, Reject
from furze.exports.destinations.postgres import Postgres, PostgresConfig
from furze.testing.postgres import fresh_database


@pytest.fixture
def database(postgres: str) -> str:
    """The URL of an empty database."""
    return fresh_database(postgres)


def config_of(url: str, **more: Any) -> dict[str, Any]:
    parts = sqlalchemy.make_url(url)
    host = parts.host or parts.query.get("host")
    found = {"host": host, "port": parts.port or 5432, "database": parts.database, "user": parts.username}
    if parts.password:
        found["password"] = parts.password
    return found | more


def rows_of(url: str, query: str) -> list[tuple[Any, ...]]:
    text = sqlalchemy.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(text) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else []


def delivery(number: int) -> Delivery:
    columns = (Column("distinct_id", "distinct_id", "text"), Column("version", "version", "integer"))
    end = datetime(2026, 1, 1, tzinfo=UTC)
    names = {"table": "persons", "stem": "s", "columns": columns, "key": ("distinct_id",), "versions": ("version",)}
    return Delivery(run_id=str(number), project_id=1, start=None, end=end, is_repeat=False, **names)


def test_events_arrive_once_in_a_table_made_for_them(exporting: Exporting, database: str, unique: str) -> None:
    sent = exporting.send(40, event=unique, properties={"text": "a\u0000b", "n": 1})
    export = exporting.create({"type": "Postgres", "config": config_of(database, include_events=[unique])})
    assert "password" not in export["destination"]["config"]
    assert "user" not in export["destination"]["config"]
    assert exporting.backfill(export)["status"] == "Completed"
    assert {row[0] for row in rows_of(database, "SELECT uuid FROM events")} == sent
    assert rows_of(database, "SELECT DISTINCT properties->>'n', team_id FROM events") == [("1", 1)]


def test_a_run_that_is_repeated_adds_only_what_is_missing(exporting: Exporting, database: str, unique: str) -> None:
    exporting.send(10, event=unique)
    export = exporting.create({"type": "Postgres", "config": config_of(database, include_events=[unique])})
    exporting.backfill(export, hours=1)
    rows_of(database, "DELETE FROM events WHERE properties->>'n' IN ('1', '2')")
    run = next(run for run in exporting.runs(export) if run["records_completed"])
    exporting.call("POST", f"{export['id']}/runs/{run['id']}/retry/")
    exporting.ended(f"{export['id']}/runs/{exporting.runs(export)[0]['id']}/")
    assert rows_of(database, "SELECT count(*), count(DISTINCT uuid) FROM events") == [(10, 10)]


def test_a_table_with_other_columns_takes_those_it_has(exporting: Exporting, database: str, unique: str) -> None:
    rows_of(database, "CREATE TABLE mine (uuid uuid, event varchar(200), properties text)")
    sent = exporting.send(5, event=unique)
    config = config_of(database, table_name="mine", include_events=[unique])
    export = exporting.create({"type": "Postgres", "config": config})
    assert exporting.backfill(export)["status"] == "Completed"
    assert {str(row[0]) for row in rows_of(database, "SELECT uuid FROM mine")} == sent
    logs = exporting.call("GET", f"{export['id']}/logs/", params={"search": "no column"})
    assert "distinct_id" in logs[0]["message"]


def test_persons_are_merged_by_their_versions(exporting: Exporting, database: str, unique: str) -> None:
    exporting.send(1, event="$identify", distinct_id=unique, properties={"$set": {"plan": "free"}})
    destination = {"type": "Postgres", "config": config_of(database, table_name="people")}
    export = exporting.create(destination, model="persons")
    assert exporting.backfill(export)["errors"] == []
    query = f"SELECT properties->>'plan' FROM people WHERE distinct_id = '{unique}'"
    assert rows_of(database, query) == [("free",)]
    exporting.send(1, event="$set", distinct_id=unique, properties={"$set": {"plan": "paid"}})
    assert exporting.backfill(export)["status"] == "Completed"
    assert rows_of(database, query) == [("paid",)]


async def test_runs_side_by_side_make_their_table_once(database: str) -> None:
    for round_number in range(10):
        config = PostgresConfig(**config_of(database, table_name=f"people_{round_number}"))
        sinks = await asyncio.gather(*(Postgres().open(config, delivery(number)) for number in range(6)))
        assert [(await sink.commit()).rows for sink in sinks] == [0] * 6


async def test_a_table_whose_name_is_taken_by_a_type_is_refused(database: str) -> None:
    rows_of(database, "CREATE TYPE people AS (n int)")
    with pytest.raises(Reject, match=r"'public\.people' can't be made: something else has its name"):
        await Postgres().open(PostgresConfig(**config_of(database, table_name="people")), delivery(1))


def test_each_test_step_says_what_to_mend(exporting: Exporting, database: str) -> None:
    def steps(**changes: Any) -> list[dict[str, Any]]:
        body = {"name": "t", "interval": "hour", "destination": {"type": "Postgres"}}
        body["destination"]["config"] = config_of(database) | changes  # type: ignore[index]
        found = []
        for number in range(3):
            found.append(exporting.call("POST", "run_test_step_new/", json=body | {"step": number})["result"])
            if found[-1]["status"] == "Failed":
                break
        return found

    assert [step["status"] for step in steps()] == ["Passed"] * 3
    assert "nowhere" in steps(database="nowhere")[-1]["message"]
    assert "Create it" in steps(schema="nowhere")[-1]["message"]
    assert "not known" in steps(host="nowhere.invalid")[-1]["message"]
    assert "metadata" in steps(host="169.254.169.254")[-1]["message"]
    assert rows_of(database, "SELECT count(*) FROM information_schema.tables WHERE table_name = 'events'") == [(0,)]


def test_a_hopeless_run_fails_at_once_with_a_reason(exporting: Exporting, database: str, unique: str) -> None:
    exporting.send(1, event=unique)
    config = config_of(database, schema="nowhere", include_events=[unique])
    export = exporting.create({"type": "Postgres", "config": config})
    assert exporting.backfill(export, hours=1)["status"] == "Failed"
    failed = next(run for run in exporting.runs(export) if run["status"] == "Failed")
    assert "nowhere" in failed["latest_error"]
    assert failed["attempt"] == 1


def test_rows_that_are_there_already_are_told_apart_by_a_unique_index(
    exporting: Exporting, database: str, unique: str
) -> None:
    sent = exporting.send(5, event=unique)
    config = config_of(database, include_events=[unique])
    exporting.backfill(exporting.create({"type": "Postgres", "config": config}))
    second = exporting.create({"type": "Postgres", "config": config})
    assert exporting.backfill(second)["status"] == "Completed"
    assert sorted(row[0] for row in rows_of(database, "SELECT uuid FROM events")) == sorted(sent)
