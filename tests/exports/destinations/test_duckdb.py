"""Exports into DuckDB files, by the real engine."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.exports.conftest import Exporting
from tests.exports.destinations.conftest import Steps, deliver, failure, repeat

duckdb = pytest.importorskip("duckdb", reason="NOT TESTED: DuckDB needs `pip install furze[duckdb]`")


def to(file: Path, **more: Any) -> dict[str, Any]:
    return {"type": "DuckDB", "config": {"path": str(file)} | more}


def rows_of(file: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file), config={"memory_limit": "512MB", "threads": 2}) as connection:
        found: list[tuple[Any, ...]] = connection.execute(query).fetchall()
        return found


def test_events_arrive_once_with_the_run_that_brought_them(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    sent = exporting.send(40, event=unique, properties={"plan": "pro"})
    export = deliver(exporting, to(tmp_path / "a.duckdb", include_events=[unique]))
    assert {row[0] for row in rows_of(tmp_path / "a.duckdb", "SELECT uuid FROM events")} == sent
    query = "SELECT DISTINCT properties->>'plan', _furze_run_id FROM events"
    assert rows_of(tmp_path / "a.duckdb", query) == [("pro", export["run"]["id"])]


def test_a_run_that_is_repeated_adds_only_what_is_missing(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    sent = exporting.send(10, event=unique)
    export = deliver(exporting, to(tmp_path / "a.duckdb", include_events=[unique]))
    rows_of(tmp_path / "a.duckdb", f"DELETE FROM events WHERE uuid = '{min(sent)}'")
    assert repeat(exporting, export)["reconciliation"]["matches"]
    query = "SELECT count(*), count(DISTINCT uuid), count(DISTINCT _furze_run_id) FROM events"
    assert rows_of(tmp_path / "a.duckdb", query) == [(10, 10, 2)]


def test_a_table_of_the_users_own_takes_the_columns_it_has(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    rows_of(tmp_path / "a.duckdb", "CREATE TABLE mine (uuid UUID, event VARCHAR, timestamp TIMESTAMP, extra INT)")
    sent = exporting.send(5, event=unique)
    export = deliver(exporting, to(tmp_path / "a.duckdb", table_name="mine", include_events=[unique]))
    assert {str(row[0]) for row in rows_of(tmp_path / "a.duckdb", "SELECT uuid FROM mine")} == sent
    logs = exporting.call("GET", f"{export['id']}/logs/", params={"search": "no column"})
    assert "distinct_id" in logs[0]["message"]


def test_persons_are_merged_by_their_versions(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    exporting.send(1, event="$identify", distinct_id=unique, properties={"$set": {"plan": "free"}})
    export = deliver(exporting, to(tmp_path / "a.duckdb", table_name="people"), model="persons")
    query = f"SELECT properties->>'plan' FROM people WHERE distinct_id = '{unique}'"
    assert rows_of(tmp_path / "a.duckdb", query) == [("free",)]
    exporting.send(1, event="$set", distinct_id=unique, properties={"$set": {"plan": "paid"}})
    assert exporting.backfill(export)["errors"] == []
    assert rows_of(tmp_path / "a.duckdb", query) == [("paid",)]


def test_each_test_step_says_what_to_mend(tmp_path: Path, steps: Steps) -> None:
    assert [step["status"] for step in steps(to(tmp_path / "a.duckdb"))] == ["Passed", "Passed"]
    (tmp_path / "other.txt").write_text("not a database, but long enough to be read as the head of one" * 100)
    mistakes = [
        (to(tmp_path / "nowhere" / "a.duckdb"), "nowhere"),
        (to(tmp_path / "other.txt"), "not a valid DuckDB database"),
        (to(tmp_path / "a.duckdb", schema="absent"), "absent"),
    ]
    for destination, words in mistakes:
        assert words in steps(destination)[-1]["message"]
    program = f"import duckdb, sys; c = duckdb.connect({str(tmp_path / 'b.duckdb')!r}); print(1, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert "lock" in steps(to(tmp_path / "b.duckdb"))[-1]["message"]
        holder.communicate(b"\n")


def test_a_hopeless_run_fails_at_once(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    exporting.send(1, event=unique)
    rows_of(tmp_path / "a.duckdb", "CREATE TABLE mine (n INT)")
    error = failure(exporting, to(tmp_path / "a.duckdb", table_name="mine", include_events=[unique]))
    assert "no column 'uuid'" in error
