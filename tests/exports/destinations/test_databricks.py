"""Exports into Databricks tables, on a stand-in that runs their statements in DuckDB (`databricks_server`)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.exports.bench import Killed, new_bench, opened
from tests.exports.conftest import Exporting
from tests.exports.destinations.conftest import Steps, deliver, failure, repeat
from tests.exports.destinations.databricks_server import SECRET, Workspace, workspace

from furze.exports.destinations import DESTINATIONS, databricks
from furze.exports.destinations.databricks import Databricks


@pytest.fixture
def lakehouse(tmp_path: Path) -> Iterator[Workspace]:
    with workspace(tmp_path) as held:
        yield held


@pytest.fixture
def schema(lakehouse: Workspace, unique: str) -> str:
    lakehouse.rows(f"CREATE SCHEMA main_catalog.s{unique}")
    return f"s{unique}"


def test_events_arrive_once_and_a_repeat_adds_only_what_is_missing(
    exporting: Exporting, lakehouse: Workspace, schema: str, unique: str
) -> None:
    sent = exporting.send(10, event=unique, properties={"plan": "it's", "list": [1]})
    export = deliver(exporting, lakehouse.to(schema, include_events=[unique]))
    assert "client_secret" not in export["destination"]["config"]
    table = f"main_catalog.{schema}.events"
    assert {row[0] for row in lakehouse.rows(f"SELECT uuid FROM {table}")} == sent
    names = "uuid event properties distinct_id team_id timestamp person_properties databricks_ingested_timestamp"
    assert [row[0] for row in lakehouse.rows(f"DESCRIBE {table}")] == names.split()
    assert lakehouse.rows(f"SELECT DISTINCT CAST(properties.plan AS VARCHAR), typeof(properties) FROM {table}") == [
        ("it's", "VARIANT")
    ]
    lakehouse.rows(f"DELETE FROM {table} WHERE uuid = '{min(sent)}'")
    assert repeat(exporting, export)["reconciliation"]["matches"]
    assert lakehouse.rows(f"SELECT COUNT(*), COUNT(DISTINCT uuid) FROM {table}") == [(10, 10)]
    assert lakehouse.staged() == []


def test_persons_are_merged_by_their_versions(
    exporting: Exporting, lakehouse: Workspace, schema: str, unique: str
) -> None:
    exporting.send(1, event="$identify", distinct_id=unique, properties={"$set": {"plan": "free"}})
    export = deliver(exporting, lakehouse.to(schema, table_name="people", use_variant_type=False), model="persons")
    query = f"SELECT properties::JSON ->> 'plan' FROM main_catalog.{schema}.people WHERE distinct_id = '{unique}'"
    assert lakehouse.rows(query) == [("free",)]
    exporting.send(1, event="$set", distinct_id=unique, properties={"$set": {"plan": "paid"}})
    assert exporting.backfill(export)["errors"] == []
    assert lakehouse.rows(query) == [("paid",)]


def test_sessions_keep_their_lists(exporting: Exporting, lakehouse: Workspace, schema: str, unique: str) -> None:
    properties = {"$session_id": unique, "$current_url": "https://shop.example/a"}
    exporting.send(2, event="$pageview", properties=properties)
    deliver(exporting, lakehouse.to(schema, table_name="visits"), model="sessions")
    query = f"SELECT urls FROM main_catalog.{schema}.visits WHERE session_id = '{unique}'"
    assert lakehouse.rows(query) == [(["https://shop.example/a"],)]


@pytest.mark.parametrize("evolves", [True, False])
def test_a_table_of_the_users_own_gets_the_columns_it_has_not_if_it_may_change(
    exporting: Exporting, lakehouse: Workspace, schema: str, unique: str, *, evolves: bool
) -> None:
    table = f"main_catalog.{schema}.events"
    lakehouse.rows(f"CREATE TABLE {table} (UUID VARCHAR, Event VARCHAR, mine INTEGER DEFAULT 7)")
    sent = exporting.send(3, event=unique)
    destination = lakehouse.to(schema, use_automatic_schema_evolution=evolves, include_events=[unique])
    export = deliver(exporting, destination)
    repeat(exporting, export)
    assert {row[0] for row in lakehouse.rows(f"SELECT uuid FROM {table} WHERE mine = 7")} == sent
    assert lakehouse.rows(f"SELECT COUNT(*) FROM {table}") == [(3,)]
    held = {row[0] for row in lakehouse.rows(f"DESCRIBE {table}")}
    assert ("distinct_id" in held) is evolves
    logs = exporting.call("GET", f"{export['id']}/logs/", params={"search": "no column"})
    assert ("added" if evolves else "left out") in logs[0]["message"]


def test_rows_of_a_query_without_a_key_are_appended(
    exporting: Exporting, lakehouse: Workspace, schema: str, unique: str
) -> None:
    exporting.send(3, event=unique)
    query = f"SELECT event, count() AS n FROM events WHERE event = '{unique}' GROUP BY event"
    deliver(exporting, lakehouse.to(schema, table_name="counted"), model="hogql", hogql_query=query)
    assert set(lakehouse.rows(f"SELECT event, n FROM main_catalog.{schema}.counted")) == {(unique, 3)}


@pytest.mark.parametrize("fault", ["cut", "503"])
@pytest.mark.parametrize("word", ["MERGE", "CREATE TABLE", "SELECT COUNT"])
def test_an_answer_that_is_lost_doubles_and_loses_nothing(
    exporting: Exporting, lakehouse: Workspace, schema: str, unique: str, word: str, fault: str
) -> None:
    sent = exporting.send(6, event=unique)
    lakehouse.faults[word] = fault
    export = exporting.create(lakehouse.to(schema, include_events=[unique]))
    assert exporting.backfill(export)["status"] == "Completed"
    assert max(run["attempt"] for run in exporting.runs(export)) == 2
    found = [row[0] for row in lakehouse.rows(f"SELECT uuid FROM main_catalog.{schema}.events")]
    assert sorted(found) == sorted(sent)
    assert lakehouse.staged() == []


class Dying(Databricks):
    """Databricks, from a process that dies once, between staging and the statement that takes over."""

    name = "DyingDatabricks"

    async def open(self, config: Any, delivery: Any) -> Any:
        sink: Any = await super().open(config, delivery)
        return sink if delivery.is_repeat else _DyingSink(sink)


class _DyingSink:
    def __init__(self, sink: Any) -> None:
        self._sink = sink

    async def write(self, batch: Any) -> None:
        await self._sink.write(batch)

    async def commit(self) -> Any:
        for _ in range(2):  # more files than the next attempt will stage
            await self._sink._stage()
            self._sink._spool = databricks.Spool("Parquet", "zstd")
            self._sink._spool.write(_stranger(self._sink))
        await self._sink._stage()
        raise Killed

    async def abort(self) -> None:
        await self._sink._workspace.aclose()  # the system closes a dead process's sockets


def _stranger(sink: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    from furze.exports.formats import arrow_schema  # noqa: PLC0415

    schema = arrow_schema(sink._columns)
    values = {"uuid": "a-stranger", "properties": "{}", "person_properties": "{}"}
    return pa.RecordBatch.from_pylist([{field.name: values.get(field.name) for field in schema}], schema=schema)


def test_what_a_killed_process_has_staged_is_not_taken_over(lakehouse: Workspace, schema: str, tmp_path: Path) -> None:
    async def live() -> list[str]:
        async with opened(tmp_path) as engine:
            bench = await new_bench(engine)
            await bench.send(3)
            export = await bench.export(lakehouse.to(schema) | {"type": Dying.name})
            bench.clock.advance(hours=1)
            await bench.tick()
            await bench.step()
            staged = lakehouse.staged()
            await bench.work()
            (run,) = await bench.runs(export)
            assert (run.status, run.attempt, run.records_completed) == ("Completed", 2, 3)
            found = [row[0] for row in lakehouse.rows(f"SELECT uuid FROM main_catalog.{schema}.events")]
            assert sorted(found) == sorted(event.uuid for event in bench.sent)
            return [file for file in staged if file.endswith(".parquet") and "furze_stage" in file]

    DESTINATIONS[Dying.name] = Dying()
    try:
        assert len(asyncio.run(live())) == 3
    finally:
        del DESTINATIONS[Dying.name]
    assert [file for file in lakehouse.staged() if "furze_stage" in file] == []


def test_many_rows_are_staged_in_several_files(
    exporting: Exporting, lakehouse: Workspace, schema: str, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databricks, "_FILE_BYTES", 1)
    sent = exporting.send(9000, event=unique)
    deliver(exporting, lakehouse.to(schema, include_events=[unique]))
    assert {row[0] for row in lakehouse.rows(f"SELECT uuid FROM main_catalog.{schema}.events")} == sent


def test_a_table_is_read_back_to_verify_it(
    exporting: Exporting, lakehouse: Workspace, schema: str, unique: str
) -> None:
    sent = exporting.send(10, event=unique)
    export = deliver(exporting, lakehouse.to(schema, include_events=[unique]))
    assert exporting.call("POST", f"{export['id']}/verify/")["matches"] is True
    table = f"main_catalog.{schema}.events"
    lakehouse.rows(f"DELETE FROM {table} WHERE uuid = '{min(sent)}'")
    lakehouse.rows(f"INSERT INTO {table} SELECT * FROM {table} WHERE uuid = '{max(sent)}'")
    lakehouse.rows(f"INSERT INTO {table} (uuid, team_id) VALUES ('of-another-project', -1)")
    found = exporting.call("POST", f"{export['id']}/verify/")
    assert {name: found[name] for name in ("missing", "extra", "doubled")} == {"missing": 1, "extra": 0, "doubled": 1}


def test_each_test_step_says_what_to_mend(lakehouse: Workspace, schema: str, steps: Steps) -> None:
    assert [step["status"] for step in steps(lakehouse.to(schema))] == ["Passed"] * 5
    assert lakehouse.staged() == []
    assert lakehouse.rows(f"SELECT COUNT(*) FROM duckdb_tables() WHERE schema_name = '{schema}'") == [(0,)]
    warehouse = "/sql/1.0/warehouses/nowhere"
    mistakes: list[tuple[dict[str, Any], set[str], int, str]] = [
        ({"endpoint_url": "", "server_hostname": "nowhere.invalid"}, set(), 1, "not known"),
        ({"endpoint_url": "http://169.254.169.254"}, set(), 1, "metadata"),
        ({"endpoint_url": "http://127.0.0.1:9"}, set(), 1, "Could not reach"),
        ({"client_secret": "not-the-secret"}, set(), 1, "refuses client_id and client_secret"),
        ({"client_id": "someone"}, set(), 1, "refuses client_id and client_secret"),
        ({"http_path": warehouse}, set(), 1, "nowhere is not a valid endpoint id"),
        ({"catalog": "nowhere"}, set(), 2, "USE CATALOG"),
        ({"schema": "nowhere"}, set(), 3, "USE SCHEMA"),
        ({}, {"CREATE TABLE"}, 4, "does not have CREATE TABLE"),
        ({}, {"CREATE VOLUME"}, 5, "does not have CREATE VOLUME"),
        ({}, {"WRITE VOLUME"}, 5, "Grant it to the service principal"),
    ]
    for changes, denied, number, words in mistakes:
        lakehouse.denied = denied
        found = steps(lakehouse.to(schema) | {"config": lakehouse.to(schema)["config"] | changes})
        assert (len(found), found[-1]["status"]) == (number, "Failed"), found
        assert words in found[-1]["message"]
        assert "SQLSTATE" not in found[-1]["message"]
        assert "not-the-secret" not in found[-1]["message"]
        assert SECRET not in found[-1]["message"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"http_path": "/sql/protocolv1/o/1/2"}, "is not that of a SQL warehouse"),
        ({"server_hostname": "host/with/path"}, "is no host name"),
    ],
)
def test_an_address_of_another_kind_is_refused(
    exporting: Exporting, lakehouse: Workspace, changes: dict[str, str], words: str
) -> None:
    body = {"name": "t", "interval": "hour", "destination": lakehouse.to("s", **changes)}
    answer = exporting.furze.client.post(exporting.furze.api("batch_exports/"), json=body)
    assert (answer.status_code, words in answer.json()["detail"]) == (400, True)


def test_a_server_that_is_no_workspace_is_told_from_a_wrong_secret(
    exporting: Exporting, lakehouse: Workspace, schema: str, steps: Steps
) -> None:
    console = str(exporting.furze.client.base_url).rstrip("/")
    assert "no Databricks workspace" in steps(lakehouse.to(schema, endpoint_url=console))[-1]["message"]


def test_hopeless_runs_fail_at_once_with_a_reason(
    exporting: Exporting, lakehouse: Workspace, schema: str, unique: str
) -> None:
    exporting.send(1, event=unique)
    assert "'nowhere' was not found" in failure(
        exporting, lakehouse.to("s", catalog="nowhere", include_events=[unique])
    )
    lakehouse.rows(f"CREATE TABLE main_catalog.{schema}.mine (n INTEGER)")
    destination = lakehouse.to(schema, table_name="mine", include_events=[unique])
    assert "no column 'uuid'" in failure(exporting, destination)
    assert lakehouse.rows(f"DESCRIBE main_catalog.{schema}.mine")[0][0] == "n"
    lakehouse.denied = {"MERGE"}
    assert "does not have MERGE" in failure(exporting, lakehouse.to(schema, include_events=[unique]))
    assert lakehouse.staged() == []


def test_an_integration_holds_the_workspace_and_the_service_principal(
    exporting: Exporting, lakehouse: Workspace, schema: str, unique: str
) -> None:
    names = ("server_hostname", "client_id", "client_secret", "endpoint_url")
    held = {name: lakehouse.to(schema)["config"][name] for name in names}
    client, api = exporting.furze.client, exporting.furze.api
    made = client.post(api("integrations/"), json={"kind": "databricks", "config": held}).json()
    assert SECRET not in str(made)
    rest = {name: value for name, value in lakehouse.to(schema)["config"].items() if name not in held}
    sent = exporting.send(2, event=unique)
    destination = {"type": "Databricks", "config": rest | {"include_events": [unique]}, "integration": made["id"]}
    deliver(exporting, destination)
    assert {row[0] for row in lakehouse.rows(f"SELECT uuid FROM main_catalog.{schema}.events")} == sent
    wrong = client.post(api("integrations/"), json={"kind": "aws-s3", "config": {"aws_access_key_id": "k"}}).json()
    body = {"name": "t", "interval": "hour", "destination": destination | {"integration": wrong["id"]}}
    assert "is not a Databricks integration" in client.post(api("batch_exports/"), json=body).json()["detail"]
