"""Exports into Redshift tables, on PostgreSQL, which speaks the protocol and most of the dialect."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import sqlalchemy
from tests.exports.conftest import Exporting
from tests.exports.destinations.conftest import Steps, deliver, failure, repeat
from tests.exports.seaweed import seaweed

from furze.exports.destinations.redshift import CopyInputs, Credentials, copy_statement, literal
from furze.testing.postgres import fresh_database


@pytest.fixture
def database(postgres: str) -> str:
    return fresh_database(postgres)


def to(url: str, **more: Any) -> dict[str, Any]:
    parts = sqlalchemy.make_url(url)
    host = parts.host or parts.query.get("host")
    config = {"host": host, "port": parts.port or 5432, "database": parts.database, "user": parts.username}
    config |= {"password": parts.password or "secret-of-redshift", "ssl_mode": "prefer"}
    return {"type": "Redshift", "config": config | more}


def rows_of(url: str, query: Any, *values: Any) -> list[tuple[Any, ...]]:
    text = sqlalchemy.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(text) as connection:
        cursor = connection.execute(query, values or None)
        return cursor.fetchall() if cursor.description else []


def test_events_arrive_once_in_posthogs_columns(exporting: Exporting, database: str, unique: str) -> None:
    sent = exporting.send(40, event=unique, properties={"text": "it's a\\b é\n", "n": 1})
    export = deliver(exporting, to(database, include_events=[unique]))
    assert {"user", "password"}.isdisjoint(export["destination"]["config"])
    assert {row[0] for row in rows_of(database, "SELECT uuid FROM events")} == sent
    query = "SELECT DISTINCT properties::jsonb->>'text', team_id FROM events"
    assert rows_of(database, query) == [("it's a\\b é\n", 1)]
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'events' ORDER BY ordinal_position"
    names = "uuid event properties elements set set_once distinct_id team_id ip site_url timestamp"
    assert [row[0] for row in rows_of(database, columns)] == names.split()


def test_a_run_that_is_repeated_adds_only_what_is_missing(exporting: Exporting, database: str, unique: str) -> None:
    exporting.send(10, event=unique)
    export = deliver(exporting, to(database, include_events=[unique]))
    rows_of(database, "DELETE FROM events WHERE properties::jsonb->>'n' IN ('1', '2')")
    assert repeat(exporting, export)["reconciliation"]["matches"]
    assert rows_of(database, "SELECT count(*), count(DISTINCT uuid) FROM events") == [(10, 10)]


def test_properties_can_be_super(exporting: Exporting, database: str, unique: str) -> None:
    rows_of(database, "CREATE DOMAIN super AS jsonb")
    rows_of(database, "CREATE FUNCTION json_parse(text) RETURNS jsonb LANGUAGE sql AS 'SELECT $1::jsonb'")
    exporting.send(2, event=unique, properties={"plan": "pro"})
    deliver(exporting, to(database, properties_data_type="super", include_events=[unique]))
    assert rows_of(database, "SELECT DISTINCT properties->>'plan' FROM events") == [("pro",)]


def test_a_row_too_long_for_redshift_is_left_out_and_told(exporting: Exporting, database: str, unique: str) -> None:
    sent = exporting.send(2, event=unique)
    exporting.send(1, event=unique, properties={"long": "é" * 40_000})
    export = exporting.create(to(database, include_events=[unique]))
    assert exporting.backfill(export)["status"] == "Completed"
    assert {row[0] for row in rows_of(database, "SELECT uuid FROM events")} == sent
    run = next(run for run in exporting.runs(export) if run["records_completed"])
    assert (run["records_completed"], run["records_failed"]) == (2, 1)
    assert exporting.call("GET", f"{export['id']}/logs/", params={"search": "longer than its column"})


def test_persons_are_merged_by_their_versions(exporting: Exporting, database: str, unique: str) -> None:
    exporting.send(1, event="$identify", distinct_id=unique, properties={"$set": {"plan": "free"}})
    export = deliver(exporting, to(database, table_name="people"), model="persons")
    query = f"SELECT properties::jsonb->>'plan' FROM people WHERE distinct_id = '{unique}'"
    assert rows_of(database, query) == [("free",)]
    exporting.send(1, event="$set", distinct_id=unique, properties={"$set": {"plan": "paid"}})
    assert exporting.backfill(export)["errors"] == []
    assert rows_of(database, query) == [("paid",)]


def test_each_test_step_says_what_to_mend(database: str, steps: Steps) -> None:
    assert [step["status"] for step in steps(to(database))] == ["Passed", "Passed", "Passed", "Skipped"]
    assert "nowhere" in steps(to(database, database="nowhere"))[-1]["message"]
    assert "Create it" in steps(to(database, schema="nowhere"))[-1]["message"]
    assert "not known" in steps(to(database, host="nowhere.invalid"))[-1]["message"]
    assert "metadata" in steps(to(database, host="169.254.169.254"))[-1]["message"]
    rows_of(database, "CREATE ROLE looker LOGIN" if not _has_role(database) else "SELECT 1")
    refused = steps(to(database, user="looker"))[-1]
    assert "permission denied" in refused["message"]


def _has_role(database: str) -> bool:
    return bool(rows_of(database, "SELECT 1 FROM pg_roles WHERE rolname = 'looker'"))


def test_a_hopeless_run_fails_at_once(exporting: Exporting, database: str, unique: str) -> None:
    exporting.send(1, event=unique)
    assert "nowhere" in failure(exporting, to(database, schema="nowhere", include_events=[unique]))
    rows_of(database, "CREATE TABLE mine (n int)")
    assert "no column 'uuid'" in failure(exporting, to(database, table_name="mine", include_events=[unique]))


KEYS = {"aws_access_key_id": "ak", "aws_secret_access_key": "secret-of-ak"}
COPY = {
    "s3_bucket": "b",
    "region_name": "us-east-1",
    "authorization": "arn:aws:iam::1:role/r",
    "bucket_credentials": KEYS,
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (None, "Missing required inputs for 'COPY'"),
        ({"s3_bucket": ""}, "Missing required input for 'COPY'"),
        ({"bucket_credentials": None}, "Missing required bucket credentials for 'COPY'"),
        ({"authorization": {"aws_access_key_id": "a"}}, "Missing required credentials for 'COPY'"),
        ({"authorization": None}, "Missing required IAM role for 'COPY'"),
        ({"authorization": "me"}, "Authorization for 'COPY' must be"),
    ],
)
def test_copy_asks_for_what_it_needs(exporting: Exporting, database: str, changes: Any, words: str) -> None:
    inputs = {} if changes is None else {"copy_inputs": COPY | changes}
    body = {"name": "t", "interval": "hour", "destination": to(database, mode="COPY", **inputs)}
    answer = exporting.furze.client.post(exporting.furze.api("batch_exports/"), json=body)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


def test_copy_leaves_no_file_behind_and_tells_no_key(
    exporting: Exporting, database: str, unique: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    exporting.send(3, event=unique)
    with seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        bucket = server.new_bucket("staging")
        inputs = COPY | {"s3_bucket": bucket, "endpoint_url": server.endpoint, "authorization": KEYS}
        destination = to(database, mode="COPY", copy_inputs=inputs, include_events=[unique])
        # PostgreSQL has no COPY from S3: it refuses the statement once the file is in its place.
        error = failure(exporting, destination)
        assert "syntax error" in error
        assert "secret-of-ak" not in error
        assert not list(server.download(bucket, tmp_path_factory.mktemp("left")).rglob("*.gz"))


def test_the_copy_statement_names_role_or_keys() -> None:
    inputs = CopyInputs.model_validate(COPY)
    text = copy_statement(inputs, "p/furze-1/", ["uuid", "set"]).as_string(None)
    assert text == (
        """COPY "furze_stage" ("uuid", "set") FROM 's3://b/p/furze-1/' IAM_ROLE 'arn:aws:iam::1:role/r' """
        """REGION 'us-east-1' FORMAT AS JSON 'auto' GZIP TIMEFORMAT 'auto'"""
    )
    keys = inputs.model_copy(update={"authorization": Credentials.model_validate(KEYS)})
    assert "ACCESS_KEY_ID 'ak' SECRET_ACCESS_KEY 'secret-of-ak'" in copy_statement(keys, "p/", ["a"]).as_string(None)


def test_values_in_a_statement_mean_what_they_are(database: str) -> None:
    values = ["it's", "a\\b'c\\", "", None, True, -5, 1.5, datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)]
    types = ["text", "text", "text", "text", "boolean", "bigint", "double precision", "timestamptz"]
    selected = ", ".join(f"{literal(value)}::{kind}" for value, kind in zip(values, types, strict=True))
    assert list(rows_of(database, f"SELECT {selected}".encode())[0]) == values
