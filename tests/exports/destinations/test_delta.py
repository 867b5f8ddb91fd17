"""Exports into Delta Lake tables, in a folder and on a real S3 server."""

from pathlib import Path
from typing import Any

import pytest
from tests.exports.conftest import Exporting
from tests.exports.destinations.conftest import Steps, deliver, failure, repeat
from tests.exports.seaweed import seaweed

deltalake = pytest.importorskip("deltalake", reason="NOT TESTED: Delta needs `pip install furze[delta]`")


def to(place: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Delta", "config": {"uri": str(place)} | more}


def rows_of(place: Any, *columns: str, **options: str) -> list[tuple[Any, ...]]:
    table = deltalake.DeltaTable(str(place), storage_options=options or None)
    found = table.to_pyarrow_table(columns=list(columns)).to_pylist()
    return [tuple(row.values()) for row in found]


def test_events_arrive_once_and_a_repeat_adds_only_what_is_missing(
    exporting: Exporting, tmp_path: Path, unique: str
) -> None:
    place = tmp_path / "events"
    sent = exporting.send(10, event=unique)
    export = deliver(exporting, to(place, include_events=[unique]))
    assert sorted(row[0] for row in rows_of(place, "uuid")) == sorted(sent)
    assert deltalake.DeltaTable(str(place)).history(1)[0]["furze_run_id"] == export["run"]["id"]
    deltalake.DeltaTable(str(place)).delete(f"uuid = '{min(sent)}'")
    assert repeat(exporting, export)["reconciliation"]["matches"]
    assert sorted(row[0] for row in rows_of(place, "uuid")) == sorted(sent)


def test_persons_are_merged_by_their_versions(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    exporting.send(1, event="$identify", distinct_id=unique, properties={"$set": {"plan": "free"}})
    export = deliver(exporting, to(tmp_path / "people"), model="persons")
    exporting.send(1, event="$set", distinct_id=unique, properties={"$set": {"plan": "paid"}})
    assert exporting.backfill(export)["errors"] == []
    found = [row[1] for row in rows_of(tmp_path / "people", "distinct_id", "properties") if row[0] == unique]
    assert len(found) == 1
    assert '"paid"' in found[0]


def test_a_table_on_s3_is_written_and_its_secrets_are_kept(
    exporting: Exporting, steps: Steps, unique: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sent = exporting.send(20, event=unique)
    with seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        bucket = server.new_bucket("lake")
        keys = {"aws_access_key_id": "ak", "aws_secret_access_key": "secret-of-ak"}
        inputs = keys | {"region": "us-east-1", "endpoint_url": server.endpoint, "include_events": [unique]}
        destination = to(f"s3://{bucket}/events", **inputs)
        assert [step["status"] for step in steps(destination)] == ["Passed"] * 3
        deliver(exporting, destination)
        options = {"AWS_ACCESS_KEY_ID": "ak", "AWS_SECRET_ACCESS_KEY": "secret-of-ak", "AWS_REGION": "us-east-1"}
        options |= {"AWS_ENDPOINT_URL": server.endpoint, "AWS_ALLOW_HTTP": "true"}
        assert sorted(row[0] for row in rows_of(f"s3://{bucket}/events", "uuid", **options)) == sorted(sent)
        wrong = steps(to(f"s3://{bucket}/events", **inputs | {"aws_secret_access_key": "not-the-secret"}))[-1]
        assert wrong["status"] == "Failed"
        assert "not-the-secret" not in wrong["message"]
        elsewhere = steps(to(f"s3://{bucket}/e", **inputs | {"endpoint_url": "http://169.254.169.254"}))[-1]
        assert "metadata" in elsewhere["message"]
        looking = {"aws_access_key_id": "rk", "aws_secret_access_key": "secret-of-rk"}
        assert [step["status"] for step in steps(to(f"s3://{bucket}/e", **inputs | looking))][-1] == "Failed"


def test_a_table_of_other_columns_fails_the_run_at_once(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    import pyarrow as pa  # noqa: PLC0415

    exporting.send(1, event=unique)
    deltalake.write_deltalake(str(tmp_path / "mine"), pa.table({"n": [1]}))
    assert "no column 'uuid'" in failure(exporting, to(tmp_path / "mine", include_events=[unique]))


def test_the_steps_pass_for_a_new_folder(tmp_path: Path, steps: Steps) -> None:
    assert [step["status"] for step in steps(to(tmp_path / "new"))] == ["Passed"] * 3
    assert list((tmp_path / "new").iterdir()) == []
