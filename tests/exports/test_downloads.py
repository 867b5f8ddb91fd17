"""File downloads: up to a week of a model as files that a person fetches from the server."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from pyarrow import parquet
from tests.conftest import Furze
from tests.exports.bench import new_bench, opened
from tests.exports.conftest import Exporting, until

from furze.exports import downloads, store
from furze.exports.downloads import DownloadBody

PATH = "file_download_batch_exports/"


def asked(**more: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    bounds = {"data_interval_start": now - timedelta(hours=2), "data_interval_end": now}
    return {"model": "events"} | {name: instant.isoformat() for name, instant in bounds.items()} | more


def call(furze: Furze, method: str, path: str, **more: Any) -> httpx.Response:
    return furze.client.request(method, furze.api(f"{PATH}{path}"), **more)


def completed(furze: Furze, body: dict[str, Any]) -> dict[str, Any]:
    created = call(furze, "POST", "", json=body)
    assert created.status_code == 202, created.text
    identity = created.json()["id"]

    def ended() -> dict[str, Any] | None:
        answer: dict[str, Any] = call(furze, "GET", f"{identity}/").json()
        return answer if answer["status"] not in ("Starting", "Running") else None

    found: dict[str, Any] = until(ended)
    return found


def test_events_are_fetched_as_a_file_by_a_link_that_needs_no_key(exporting: Exporting, unique: str) -> None:
    sent = exporting.send(20, event=unique)
    furze = exporting.furze
    download = completed(furze, asked(include=[unique]))
    assert (download["status"], download["records_completed"], len(download["files"])) == ("Completed", 20, 1)
    redirect = call(furze, "GET", f"{download['id']}/download/", follow_redirects=False)
    assert redirect.status_code == 302
    assert redirect.headers["Cache-Control"] == "no-store"
    file = httpx.get(f"{furze.url}{redirect.headers['Location']}")
    assert file.headers["Cache-Control"] == "no-store"
    assert ".parquet" in file.headers["Content-Disposition"]
    assert set(parquet.read_table(BytesIO(file.content)).column("uuid").to_pylist()) == sent


def test_a_download_is_a_run_but_no_export_that_anybody_sees(exporting: Exporting, unique: str) -> None:
    download = completed(exporting.furze, asked(include=[unique]))
    assert download["status"] == "Completed"
    assert download["files"] == []
    listed = exporting.call("GET", "?limit=1000")["results"]
    assert download["id"] not in [export["id"] for export in listed]
    assert exporting.furze.client.get(exporting.furze.api(f"batch_exports/{download['id']}/")).status_code == 404
    rows = call(exporting.furze, "GET", "").json()["results"]
    assert {"id": download["id"], "status": "Completed"} in rows
    assert "FileDownload" not in exporting.call("GET", "test/")


def test_files_are_split_named_and_numbered(exporting: Exporting, unique: str) -> None:
    exporting.send(3_000, event=unique, properties={"filler": unique * 20})
    body = asked(include=[unique], file={"format": "JSONLines", "compression": None, "max_size_mb": 1})
    download = completed(exporting.furze, body)
    assert len(download["files"]) >= 2
    lines = 0
    for index in (0, download["files"][1]):
        lines += call(exporting.furze, "GET", f"{download['id']}/download/{index}/", follow_redirects=True).text.count(
            "\n"
        )
    assert 0 < lines <= 3_000
    missing = call(exporting.furze, "GET", f"{download['id']}/download/99/")
    assert (missing.status_code, missing.json()["detail"]) == (404, "No files with index 99")


def test_any_query_can_be_downloaded(exporting: Exporting, unique: str) -> None:
    exporting.send(4, event=unique)
    query = f"SELECT event, count() AS times FROM events WHERE event = '{unique}' GROUP BY event"
    file = {"format": "CSV", "compression": None}
    until(lambda: _rows(exporting.furze, query))
    download = completed(exporting.furze, asked(model="hogql", hogql_query=query, file=file))
    assert download["error"] is None
    text = call(exporting.furze, "GET", f"{download['id']}/download/0/", follow_redirects=True).text
    assert text.replace('"', "").splitlines() == ["event,times", f"{unique},4"]


def _rows(furze: Furze, query: str) -> Any:
    body = {"query": {"kind": "HogQLQuery", "query": query}, "refresh": "force_blocking"}
    return furze.client.post(furze.api("query/"), json=body).json()["results"]


NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"data_interval_end": (NOW + timedelta(days=1)).isoformat()}, "is in the future"),
        (
            {"data_interval_end": (NOW - timedelta(days=1)).isoformat()},
            "'data_interval_end' must occur after 'data_interval_start'",
        ),
        (
            {"data_interval_start": (NOW - timedelta(days=9)).isoformat()},
            "data interval range too big. Choose an interval of at most seven days.",
        ),
        ({"model": "hogql"}, "'hogql_query' is required when 'model' is 'hogql'"),
        ({"file": {"format": "JSONLines", "compression": "snappy"}}, "Compression snappy is not supported"),
        ({"file": {"format": "Excel"}}, "is not a valid choice."),
    ],
)
def test_what_cannot_be_downloaded_is_refused_with_a_reason(furze: Furze, changes: dict[str, Any], detail: str) -> None:
    refused = call(furze, "POST", "", json=asked(**changes))
    assert refused.status_code == 400
    assert detail in refused.json()["detail"]


def test_a_link_that_nobody_gave_out_opens_nothing(furze: Furze) -> None:
    for link in ("nonsense", "gAAAAABm", "..%2Ffurze.db"):
        assert httpx.get(f"{furze.url}/api/file_downloads/{link}").status_code == 404
    assert call(furze, "GET", f"{uuid4()}/").status_code == 404


async def test_a_cancelled_or_running_download_has_no_files_and_old_ones_go_away(tmp_path: Path) -> None:
    async with opened(tmp_path) as engine:
        bench = await new_bench(engine)
        await bench.send(3, age=timedelta(minutes=5))
        now = bench.clock.now()
        body = DownloadBody(data_interval_start=now - timedelta(hours=1), data_interval_end=now)
        position = await engine.queue.head()
        write, access = engine.database.write, bench.access
        first = await write(downloads.create, engine, access, body, position=position)
        second = await write(downloads.create, engine, access, body, position=position)
        with pytest.raises(Exception, match="Batch export run is still in progress"):
            downloads.link_to(engine, *await write(downloads.found, access, first.id), None)
        assert (await write(downloads.cancel, engine, access, second.id)).status == "Cancelled"
        with pytest.raises(Exception, match="Batch export run was cancelled"):
            downloads.link_to(engine, *await write(downloads.found, access, second.id), None)
        await bench.work()
        link = downloads.link_to(engine, *await write(downloads.found, access, first.id), None)
        file = downloads.file_behind(engine, link)
        assert file.is_file()
        bench.clock.advance(minutes=16)
        with pytest.raises(Exception, match="no longer valid"):
            downloads.file_behind(engine, link)
        bench.clock.advance(hours=24)
        orphan = engine.downloads / str(uuid4())  # its project was deleted, and with it its row
        orphan.mkdir()
        await downloads.forget_old(engine)
        assert not file.parent.exists()
        assert not orphan.exists()
        assert await engine.database.read(store.list_exports, access.project.id, limit=9, offset=0, downloads=True) == (
            [],
            0,
        )
