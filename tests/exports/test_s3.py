"""Exports into buckets, on a real S3 server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
import pytest
from tests.exports.conftest import Exporting, uuids_in
from tests.exports.seaweed import Seaweed, seaweed


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    with seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture
def bucket(s3: Seaweed, unique: str) -> str:
    return s3.new_bucket(f"b{unique[-12:]}")


@pytest.mark.parametrize(
    ("file_format", "ending"), [("Parquet", ".parquet"), ("JSONLines", ".jsonl.gz")], ids=["parquet", "jsonlines"]
)
@pytest.mark.parametrize("kind", ["S3", "S3Compatible"])
def test_each_event_is_in_the_bucket_once(
    exporting: Exporting,
    s3: Seaweed,
    bucket: str,
    unique: str,
    tmp_path: Path,
    *,
    kind: str,
    file_format: str,
    ending: str,
) -> None:
    sent = exporting.send(60, event=unique)
    config = s3.config(bucket, prefix="{table}/{year}/", file_format=file_format, include_events=[unique])
    export = exporting.create({"type": kind, "config": config})
    assert exporting.backfill(export)["status"] == "Completed"
    files = s3.download(bucket, tmp_path)
    assert sorted(uuids_in(files)) == sorted(sent)
    names = [str(file.relative_to(files)) for file in files.rglob("*") if file.is_file()]
    assert all(name.startswith("events/20") and name.endswith(ending) for name in names)


def test_a_split_run_ends_with_a_manifest_and_a_repeat_removes_stale_parts(
    exporting: Exporting, s3: Seaweed, bucket: str, unique: str, tmp_path: Path
) -> None:
    sent = exporting.send(3000, event=unique, properties={"filler": unique * 60})
    config = s3.config(bucket, file_format="JSONLines", compression=None, max_file_size_mb=1, include_events=[unique])
    export = exporting.create({"type": "S3", "config": config})
    assert exporting.backfill(export)["status"] == "Completed"
    run = next(run for run in exporting.runs(export) if run["records_completed"])
    store, manifest = s3.store(bucket), run["files"][-1]
    listed = json.loads(bytes(obstore.get(store, manifest).bytes()))["files"]
    assert listed == run["files"][:-1]
    assert len(listed) > 2
    stale = listed[0].replace("-0.jsonl", "-77.jsonl")
    obstore.put(store, stale, b"{}")
    exporting.call("POST", f"{export['id']}/runs/{run['id']}/retry/")
    exporting.ended(f"{export['id']}/runs/{exporting.runs(export)[0]['id']}/")
    files = s3.download(bucket, tmp_path)
    assert not (files / stale).exists()
    assert sorted(uuids_in(files)) == sorted(sent)


def steps(exporting: Exporting, config: dict[str, Any]) -> list[dict[str, Any]]:
    body = {"name": "t", "interval": "hour", "destination": {"type": "S3", "config": config}}
    return [exporting.call("POST", "run_test_step_new/", json=body | {"step": n})["result"] for n in range(2)]


def test_each_test_step_says_what_to_mend(exporting: Exporting, s3: Seaweed, bucket: str) -> None:
    assert [step["status"] for step in steps(exporting, s3.config(bucket))] == ["Passed", "Passed"]
    missing = steps(exporting, s3.config("no-such-bucket"))
    assert missing[0]["status"] == "Failed"
    assert "no-such-bucket" in missing[0]["message"]
    wrong = steps(exporting, s3.config(bucket, aws_secret_access_key="not-the-secret"))[0]
    assert wrong["status"] == "Failed"
    assert "not-the-secret" not in wrong["message"]
    metadata = steps(exporting, s3.config(bucket, endpoint_url="http://169.254.169.254"))[0]
    assert "metadata" in metadata["message"]
    looking = s3.config(bucket, aws_access_key_id="rk", aws_secret_access_key="secret-of-rk")
    assert [step["status"] for step in steps(exporting, looking)] == ["Passed", "Failed"]


def test_a_run_into_a_missing_bucket_fails_at_once(exporting: Exporting, s3: Seaweed, unique: str) -> None:
    exporting.send(1, event=unique)
    export = exporting.create({"type": "S3", "config": s3.config("no-such-bucket", include_events=[unique])})
    assert exporting.backfill(export, hours=1)["status"] == "Failed"
    failed = next(run for run in exporting.runs(export) if run["status"] == "Failed")
    assert failed["attempt"] == 1
    assert "no-such-bucket" in failed["latest_error"]
