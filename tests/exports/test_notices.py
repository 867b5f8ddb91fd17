"""What exports tell: events of the project, and a webhook."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.exports.bench import Bench, new_bench, opened
from tests.exports.conftest import Exporting, until, uuids_in

from furze.exports import lifecycle, ticker
from furze.exports.engine import Notice


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with opened(tmp_path) as engine:
        yield await new_bench(engine)


def told_about(exporting: Exporting, export: dict[str, Any]) -> list[list[Any]]:
    query = f"""SELECT event, distinct_id, properties.rows_exported, properties.batch_export_name FROM events
    WHERE event LIKE '$batch_export_%' AND properties.batch_export_id = '{export["id"]}' ORDER BY timestamp"""
    body = {"query": {"kind": "HogQLQuery", "query": query}, "refresh": "force_blocking"}
    answer = exporting.furze.client.post(exporting.furze.api("query/"), json=body)
    assert answer.status_code == 200, answer.text
    found: list[list[Any]] = answer.json()["results"]
    return found


def test_a_completed_run_is_an_event_of_the_project_that_exports_leave_out(
    exporting: Exporting, tmp_path: Path
) -> None:
    (sent,) = exporting.send(1)
    export = exporting.create({"type": "LocalFile", "config": {"path": str(tmp_path / "all")}})
    exporting.backfill(export, hours=1)
    events = until(lambda: told_about(exporting, export))
    assert {(event, distinct_id, name) for event, distinct_id, _, name in events} == {
        ("$batch_export_run_completed", "team_1", "test")
    }
    again = exporting.create({"type": "LocalFile", "config": {"path": str(tmp_path / "again")}})
    exporting.backfill(again, hours=1)
    assert set(uuids_in(tmp_path / "all")) <= set(uuids_in(tmp_path / "again"))
    assert sent in uuids_in(tmp_path / "again")
    wanted = {"path": str(tmp_path / "asked"), "include_events": ["$batch_export_run_completed"]}
    asked = exporting.create({"type": "LocalFile", "config": wanted})
    exporting.backfill(asked, hours=1)
    assert uuids_in(tmp_path / "asked")
    assert not set(uuids_in(tmp_path / "asked")) & set(uuids_in(tmp_path / "again"))


async def test_each_cancelled_run_is_told_once(bench: Bench) -> None:
    told: list[Notice] = []

    async def tell(notice: Notice) -> None:
        told.append(notice)

    engine = replace(bench.engine, notify=tell)
    ticker.register(engine)
    export = await bench.export({"type": "NoOp"})
    bench.clock.advance(hours=1)
    await bench.tick()
    (run,) = await bench.runs(export)
    await engine.database.write(lifecycle.cancel_run, engine, bench.access, export.id, run.id)
    await bench.work()
    assert [notice.event for notice in told] == ["$batch_export_run_cancelled"]
    assert told[0].properties["batch_export_run_id"] == str(run.id)


class _Receiver(BaseHTTPRequestHandler):
    answers: list[int]
    received: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = type(self).answers.pop(0)
        if status < 300:
            type(self).received.append(json.loads(body))
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[tuple[str, type[_Receiver]]]:
    class Receiver(_Receiver):
        answers: list[int] = []
        received: list[dict[str, Any]] = []

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/hook", Receiver
        server.shutdown()
        thread.join()


async def test_a_webhook_that_is_busy_gets_its_notice_later(
    bench: Bench, receiver: tuple[str, type[_Receiver]]
) -> None:
    url, hook = receiver
    hook.answers = [503, 429, 200]
    engine = replace(bench.engine, webhook_url=url)
    ticker.register(engine)
    await bench.export({"type": "NoOp"})
    bench.clock.advance(hours=1)
    await ticker.tick(engine)
    await bench.work()
    assert hook.answers == []
    (notice,) = hook.received
    assert notice["event"] == "$batch_export_run_completed"
    assert notice["properties"]["rows_exported"] == 0
    assert notice["text"].startswith("Batch export 't': run completed")


async def test_a_webhook_that_stays_away_is_given_up_after_a_day(
    bench: Bench, receiver: tuple[str, type[_Receiver]]
) -> None:
    url, hook = receiver
    hook.answers = [503, 503]
    ticker.register(replace(bench.engine, webhook_url=url))
    engine = replace(bench.engine, webhook_url=url)
    await bench.export({"type": "NoOp"}, interval="week")
    bench.clock.advance(days=7)
    await ticker.tick(engine)
    await bench.step()
    await bench.step()
    bench.clock.advance(hours=25)
    await bench.work()
    assert hook.answers == []
