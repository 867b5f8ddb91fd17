"""How exports behave over time: catching up, pausing, failing, cancelling; on a clock that the test turns."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.exports.bench import Bench, new_bench, opened
from tests.exports.conftest import uuids_in

from furze.exports import lifecycle, store, ticker
from furze.exports.engine import Exports, Notice
from furze.platform.errors import InvalidInput


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with opened(tmp_path) as engine:
        yield await new_bench(engine)


def folder(path: Path) -> dict[str, Any]:
    return {"type": "LocalFile", "config": {"path": str(path), "file_format": "JSONLines", "compression": None}}


async def later(bench: Bench, **duration: float) -> None:
    bench.clock.advance(**duration)
    await bench.tick()
    await bench.work()


async def test_a_late_event_goes_with_the_run_in_which_it_arrives(bench: Bench, tmp_path: Path) -> None:
    export = await bench.export(folder(tmp_path / "out"))
    await bench.send(1)
    await later(bench, hours=1)
    await bench.send(1, age=timedelta(days=30))
    await later(bench, hours=1)
    runs = await bench.runs(export)
    assert [(run.status, run.records_completed) for run in runs] == [("Completed", 1), ("Completed", 1)]
    assert [run.window_end - (run.window_start or run.window_end) for run in runs] == [timedelta(hours=1)] * 2
    assert sorted(uuids_in(tmp_path / "out")) == sorted(event.uuid for event in bench.sent)


async def test_a_server_that_was_away_catches_up_window_by_window(bench: Bench) -> None:
    export = await bench.export({"type": "NoOp"}, interval="every 5 minutes")
    await later(bench, minutes=31)
    runs = await bench.runs(export)
    assert len(runs) == 6
    assert all(left.to_position == right.from_position for left, right in pairwise(runs))


async def test_start_and_end_bound_the_schedule(bench: Bench) -> None:
    now = bench.clock.now()
    bounds = {"start_at": now + timedelta(hours=2), "end_at": now + timedelta(hours=4)}
    export = await bench.export({"type": "NoOp"}, **{name: at.isoformat() for name, at in bounds.items()})
    await later(bench, hours=9)
    runs = await bench.runs(export)
    assert (runs[0].window_start, runs[-1].window_end, len(runs)) == (bounds["start_at"], bounds["end_at"], 2)
    assert (await bench.reread(export)).due_at is None


async def test_what_a_pause_skipped_a_backfill_brings(bench: Bench, tmp_path: Path) -> None:
    write, engine, access = bench.engine.database.write, bench.engine, bench.access
    export = await bench.export(folder(tmp_path / "out"))
    await write(lifecycle.pause, engine, access, export.id)
    await bench.send(2)
    await later(bench, hours=2)
    await write(lifecycle.unpause, engine, access, export.id, catch_up=False)
    await later(bench, hours=2)
    assert uuids_in(tmp_path / "out") == []
    now = bench.clock.now()
    await bench.backfill(export, now - timedelta(hours=6), now)
    await bench.work()
    assert sorted(uuids_in(tmp_path / "out")) == sorted(event.uuid for event in bench.sent)


async def test_an_export_that_keeps_failing_is_paused_and_told(bench: Bench, tmp_path: Path) -> None:
    told: list[Notice] = []

    async def tell(notice: Notice) -> None:
        told.append(notice)

    told_engine: Exports = replace(bench.engine, notify=tell)

    ticker.register(told_engine)
    (tmp_path / "file").write_text("not a folder")
    export = await bench.export(folder(tmp_path / "file" / "out"), interval="every 15 minutes")
    for _ in range(5):
        await bench.send(1)
        await later(bench, minutes=15)
    runs = await bench.runs(export)
    assert [run.status for run in runs] == ["Failed"] * 3
    assert "Not a directory" in (runs[0].latest_error or "")
    assert (await bench.reread(export)).paused
    events = [notice.event for notice in told]
    assert events.count("$batch_export_run_failed") == 3
    assert events.count("$batch_export_paused") == 1
    assert told[0].properties["batch_export_id"] == str(export.id)


async def test_a_cancelled_run_delivers_nothing_and_can_be_repeated(bench: Bench, tmp_path: Path) -> None:
    write, engine, access = bench.engine.database.write, bench.engine, bench.access
    export = await bench.export(folder(tmp_path / "out"))
    await bench.send(2)
    bench.clock.advance(hours=1)
    await bench.tick()
    (run,) = await bench.runs(export)
    await write(lifecycle.cancel_run, engine, access, export.id, run.id)
    await bench.work()
    assert uuids_in(tmp_path / "out") == []
    await write(lifecycle.retry_run, engine, access, export.id, run.id)
    await bench.work()
    assert len(uuids_in(tmp_path / "out")) == 2
    with pytest.raises(InvalidInput, match="Cannot cancel a run that is in 'Cancelled' status"):
        await write(lifecycle.cancel_run, engine, access, export.id, run.id)


async def test_rows_can_be_asked_for_again_under_keys_of_their_own(bench: Bench, tmp_path: Path) -> None:
    export = await bench.export(folder(tmp_path / "out"))
    await bench.send(2)
    await later(bench, hours=1)
    now = bench.clock.now()
    await bench.backfill(export, now - timedelta(hours=2), now, resend=True)
    await bench.work()
    assert len(uuids_in(tmp_path / "out")) == 4
    assert any("-resend-" in file.name for file in (tmp_path / "out").iterdir())


async def test_a_tick_over_many_exports_is_cheap(bench: Bench) -> None:
    for _ in range(50):
        await bench.export({"type": "NoOp"})
    await asyncio.gather(*(bench.tick() for _ in range(3)))
    bench.clock.advance(hours=1)
    await asyncio.gather(bench.tick(), bench.tick(), bench.tick())  # whoever plans first, each window has one run
    await bench.work()
    read = bench.engine.database.read

    exports, _ = await read(store.list_exports, bench.access.project.id, limit=100, offset=0)
    assert [len(await bench.runs(export)) for export in exports] == [1] * 50


async def test_fifty_exports_that_are_due_at_once_all_deliver(bench: Bench, tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(50)]
    exports = [
        await bench.export({"type": "LocalFile", "config": {"path": str(folder), "file_format": "JSONLines"}})
        for folder in folders
    ]
    await bench.send(3)
    bench.clock.advance(hours=2)
    await bench.tick()
    await bench.work()
    sent = sorted(event.uuid for event in bench.sent)
    assert [sorted(uuids_in(folder)) for folder in folders] == [sent] * 50
    runs = [run for export in exports for run in await bench.runs(export)]
    assert {run.status for run in runs} == {"Completed"}
