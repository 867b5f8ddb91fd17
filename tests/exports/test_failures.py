"""What goes wrong at a destination: a person is told, nothing partial is seen, no secret is, and what can pass does."""

import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import obstore
import pytest
from tests.conftest import Furze, both_databases
from tests.exports.conftest import Exporting, until, uuids_in
from tests.exports.cutting import Wire
from tests.exports.seaweed import Seaweed, seaweed
from tests.exports.test_postgres import config_of, rows_of

from furze.testing.postgres import fresh_database

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    with seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that accepts connections and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield server


def begin(exporting: Exporting, export: dict[str, Any]) -> str:
    """Ask for a backfill of this hour; where to read about it."""
    now = datetime.now(UTC)
    body = {"start_at": (now - timedelta(hours=1)).isoformat(), "end_at": now.isoformat()}
    asked = exporting.call("POST", f"{export['id']}/backfills/", json=body)["backfill_id"]
    return f"{export['id']}/backfills/{asked}/"


def trouble(exporting: Exporting, export: dict[str, Any]) -> str:
    """What a run that is tried again says about its last attempt."""

    def found() -> str | None:
        errors = [run["latest_error"] for run in exporting.runs(export) if run["latest_error"]]
        return errors[0] if errors else None

    text: str = until(found, 60)
    return text


def first_failure(exporting: Exporting, kind: str, config: dict[str, Any]) -> str:
    """The message of the first test step that fails."""
    body = {"name": "t", "interval": "hour", "destination": {"type": kind, "config": config}}
    for step in range(3):
        result = exporting.call("POST", "run_test_step_new/", json=body | {"step": step})["result"]
        if result["status"] == "Failed":
            message: str = result["message"]
            return message
    raise AssertionError("no step fails")


def test_a_destination_that_never_answers_holds_up_no_other_export(
    exporting: Exporting, silent: socket.socket, tmp_path: Path, unique: str
) -> None:
    config = {"host": "127.0.0.1", "port": silent.getsockname()[1], "database": "d", "user": "u", "password": "p"}
    body = {"name": "t", "interval": "hour", "step": 0, "destination": {"type": "Postgres", "config": config}}
    sent = exporting.send(3, event=unique)
    export = exporting.create({"type": "LocalFile", "config": {"path": str(tmp_path), "include_events": [unique]}})
    with ThreadPoolExecutor(16) as askers:
        waiting = [askers.submit(exporting.call, "POST", "run_test_step_new/", json=body) for _ in range(16)]
        assert exporting.backfill(export)["status"] == "Completed"
        assert not any(each.done() for each in waiting)
        silent.close()  # what waits is told at once
    assert sorted(uuids_in(tmp_path)) == sorted(sent)
    assert {each.result()["result"]["status"] for each in waiting} == {"Failed"}


def test_an_upload_that_is_cut_shows_nothing_and_is_made_again(
    exporting: Exporting, s3: Seaweed, tmp_path: Path, unique: str
) -> None:
    bucket, place = s3.new_bucket(f"b{unique[-12:]}"), urlsplit(s3.endpoint)
    sent = exporting.send(8_000, event=unique, properties={"filler": unique * 60})
    with Wire((place.hostname or "", place.port or 0), allowed=9 * MEGABYTE) as wire:
        endpoint = f"http://127.0.0.1:{wire.port}"
        config = s3.config(bucket, endpoint_url=endpoint, file_format="JSONLines", compression=None)
        export = exporting.create({"type": "S3", "config": config | {"include_events": [unique]}})
        backfill = begin(exporting, export)
        assert "127.0.0.1" in trouble(exporting, export)
        assert list(obstore.list(s3.store(bucket))) == []
        wire.mend()
        assert exporting.ended(backfill, 90)["status"] == "Completed"
    assert sorted(uuids_in(s3.download(bucket, tmp_path))) == sorted(sent)


def test_a_copy_that_is_cut_shows_nothing_and_is_made_again(exporting: Exporting, postgres: str, unique: str) -> None:
    database = fresh_database(postgres)
    config = config_of(database, include_events=[unique])
    sent = exporting.send(3_000, event=unique, properties={"filler": unique * 60})
    with Wire((config["host"], int(config["port"])), allowed=2 * MEGABYTE) as wire:
        through = config | {"host": "127.0.0.1", "port": wire.port}
        export = exporting.create({"type": "Postgres", "config": through})
        backfill = begin(exporting, export)
        assert "connection" in trouble(exporting, export)
        assert rows_of(database, "SELECT count(*) FROM events") == [(0,)]
        wire.mend()
        assert exporting.ended(backfill, 90)["status"] == "Completed"
    assert sorted(uuid for (uuid,) in rows_of(database, "SELECT uuid FROM events")) == sorted(sent)


def test_a_full_disk_is_said_shows_nothing_and_passes(exporting: Exporting, tmp_path: Path, unique: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("A FULL DISK IS NOT TESTED: mounting a small tmpfs needs root")
    try:
        sent = exporting.send(1_500, event=unique, properties={"filler": unique * 60})
        config = {"path": str(disk), "file_format": "JSONLines", "compression": None, "include_events": [unique]}
        export = exporting.create({"type": "LocalFile", "config": config})
        backfill = begin(exporting, export)
        assert "No space left on device" in trouble(exporting, export)
        until(lambda: not any(file.is_file() for file in disk.rglob("*")), 60)
        subprocess.run([*mount[:3], "-o", "remount,size=32m", *mount[5:]], check=True)
        assert exporting.ended(backfill, 90)["status"] == "Completed"
        assert sorted(uuids_in(disk)) == sorted(sent)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def test_steps_say_what_to_mend_when_a_server_is_unknown_away_or_without_tls(
    exporting: Exporting, s3: Seaweed, postgres: str
) -> None:
    table, bucket = config_of(fresh_database(postgres)), s3.config("a-bucket")
    with Wire((table["host"], int(table["port"])), allowed=MEGABYTE) as wire:
        plain = table | {"host": "127.0.0.1", "port": wire.port, "ssl_mode": "require"}
        assert "SSL" in first_failure(exporting, "Postgres", plain)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        away = plain | {"port": gone.getsockname()[1]}
    assert "Connection refused" in first_failure(exporting, "Postgres", away)
    unknown = bucket | {"endpoint_url": "https://nowhere.invalid"}
    assert "'nowhere.invalid' is not known" in first_failure(exporting, "S3", unknown)
    encrypted = bucket | {"endpoint_url": s3.endpoint.replace("http:", "https:")}
    assert "TLS failed: the server speaks plain HTTP there" in first_failure(exporting, "S3", encrypted)
    nobody = bucket | {"endpoint_url": f"http://127.0.0.1:{away['port']}"}
    assert "Connection refused" in first_failure(exporting, "S3", nobody)


def test_a_user_who_may_not_write_is_told_by_a_step_and_by_a_run(
    exporting: Exporting, postgres: str, unique: str
) -> None:
    database = fresh_database(postgres)
    user = f"reader_{unique[-12:]}"
    rows_of(database, f"CREATE ROLE {user} LOGIN PASSWORD 'p'")
    config = config_of(database, include_events=[unique]) | {"user": user, "password": "p"}
    assert "permission denied for schema public" in first_failure(exporting, "Postgres", config)
    exporting.send(1, event=unique)
    export = exporting.create({"type": "Postgres", "config": config})
    assert exporting.backfill(export, hours=1)["status"] == "Failed"
    assert "permission denied for schema public" in trouble(exporting, export)


@both_databases
def test_secrets_are_in_no_answer_log_or_database(
    furze: Furze, s3: Seaweed, postgres: str, unique: str, caplog: pytest.LogCaptureFixture
) -> None:
    exporting, secret = Exporting(furze), f"secret{unique}"
    exporting.send(2, event=unique)
    table = config_of(fresh_database(postgres)) | {"user": f"user{secret}", "password": secret}
    bucket = s3.config("no-such-bucket", aws_access_key_id=f"key{secret}", aws_secret_access_key=secret)
    told = [first_failure(exporting, "Postgres", table), first_failure(exporting, "S3", bucket)]
    for kind, config in (("Postgres", table), ("S3", bucket)):
        export = exporting.create({"type": kind, "config": config | {"include_events": [unique]}})
        exporting.backfill(export, hours=1)
        pages = ("", "runs/", "backfills/", "logs/")
        told += [str(export), *(str(exporting.call("GET", f"{export['id']}/{page}")) for page in pages)]
    assert [text for text in told if secret in text] == []
    assert secret not in caplog.text
    kept = b"".join(file.read_bytes() for file in furze.settings.data.rglob("*") if file.is_file())
    assert secret.encode() not in kept
    if url := furze.settings.database_url:
        assert secret not in dump(url)


def dump(url: str) -> str:
    """Every row of every table."""
    tables = rows_of(url, "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
    assert len(tables) > 5
    return "".join(str(rows_of(url, f"SELECT * FROM {table}")) for (table,) in tables)
