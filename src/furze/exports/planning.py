"""Turns due windows and asked-for ranges into runs, each with the rows that go with it. Called in a transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from furze.exports import run_store, store
from furze.exports.engine import RUN, Exports
from furze.exports.files import instant
from furze.exports.ledger import LIVE
from furze.exports.schedule import boundary_after, boundary_before, windows_covering, windows_until
from furze.exports.types import OPEN, Backfill, Export, Run, Window
from furze.kit.ids import uuid7

#: How many windows of one export a tick plans: an export that was away for a month catches up in a few ticks.
_WINDOWS_AT_ONCE = 100


def due_at(export: Export) -> datetime | None:
    """When the next window of an export ends; None when none will."""
    if export.paused or export.deleted:
        return None
    end = boundary_after(export.schedule, export.next_start)
    return None if export.end_at is not None and end > export.end_at else end


def first_start(export: Export, now: datetime) -> datetime:
    """Where the first window begins: it is the one that goes on now, or the one that holds `start_at`."""
    return boundary_before(export.schedule, max(now, export.start_at or now))


def due_windows(export: Export, now: datetime) -> list[Window]:
    """The windows that have ended and have no run yet, oldest first."""
    until = min(now, export.end_at or now)
    return list(islice(windows_until(export.schedule, export.next_start, until), _WINDOWS_AT_ONCE))


def plan_live_runs(
    connection: Connection, engine: Exports, exports: Iterable[Export], positions: Mapping[datetime, int]
) -> int:
    """A run for each due window of each export. `positions` holds the position at each boundary."""
    now, planned = engine.clock.now(), 0
    for seen in exports:
        export = store.lock_export(connection, seen.id)
        if export is None or (export.next_start, export.due_at) != (seen.next_start, seen.due_at):
            continue  # another process, or a change of the schedule, was first
        position = export.position
        for window in due_windows(export, now):
            start = window.start or export.next_start
            position = positions[start] if position is None else position
            _plan_live_run(connection, engine, export, window, (position, positions[window.end]))
            export = replace(export, next_start=window.end)
            position, planned = positions[window.end], planned + 1
        store.update_export(
            connection, export.id, next_start=export.next_start, due_at=due_at(export), position=position
        )
    return planned


def _plan_live_run(
    connection: Connection, engine: Exports, export: Export, window: Window, rows: tuple[int, int]
) -> None:
    values = {
        "window_start": window.start,
        "window_end": window.end,
        "from_position": rows[0],
        "to_position": max(rows),
        "by_time": False,
        "stem": _stem(window),
        "owner": LIVE,
    }
    _create(connection, engine, export, values, job_id=f"{export.id}-{window.end:%Y-%m-%dT%H:%M:%SZ}")


def plan_once(connection: Connection, engine: Exports, export: Export, window: Window, *, position: int) -> None:
    """One run over the timestamps of a window, of the rows below a position."""
    stem = _stem(window)
    values = {
        "window_start": window.start,
        "window_end": window.end,
        "from_position": 0,
        "to_position": position,
        "by_time": True,
        "stem": stem,
        "owner": stem,
    }
    _create(connection, engine, export, values, job_id=str(export.id))


def plan_retry(connection: Connection, engine: Exports, run: Run, *, now: datetime) -> Backfill:
    """The same run again: the same rows, into the same files."""
    export = store.lock_export(connection, run.export_id)
    assert export is not None  # noqa: S101 - a run has an export
    start_at, end_at = run.window_start, run.window_end
    backfill = run_store.create_backfill(
        connection,
        values=new_backfill(export, start_at, end_at, now)
        | {"status": "Running", "is_retry": True, "total_runs": 1, "position": run.to_position, "next_start": None},
    )
    names = ("window_start", "window_end", "from_position", "to_position", "by_time", "stem", "owner", "is_resend")
    values = {name: getattr(run, name) for name in names} | {"is_repeat": True, "backfill_id": backfill.id}
    _create(connection, engine, export, values, job_id=f"{backfill_name(backfill)}-{backfill.id}")
    return backfill


def new_backfill(export: Export, start_at: datetime | None, end_at: datetime | None, now: datetime) -> dict[str, Any]:
    """The values that every new backfill has."""
    return {
        "id": uuid7(),
        "export_id": export.id,
        "project_id": export.project_id,
        "start_at": start_at,
        "end_at": end_at,
        "status": "Starting",
        "is_retry": False,
        "is_resend": False,
        "total_runs": 0,
        "finished_runs": 0,
        "created_at": now,
        "last_updated_at": now,
    }


def backfill_name(backfill: Backfill) -> str:
    """A backfill's name as PostHog's engine gives it."""
    bounds = (
        f"{backfill.start_at:%Y-%m-%dT%H:%M:%SZ}" if backfill.start_at else "START",
        f"{backfill.end_at:%Y-%m-%dT%H:%M:%SZ}" if backfill.end_at else "END",
    )
    return f"{backfill.export_id}-Backfill-{bounds[0]}-{bounds[1]}"


def windows_of(export: Export, start: datetime | None, end: datetime) -> Iterable[Window]:
    """The windows of a backfill; from the beginning of time it is one."""
    return [Window(None, end)] if start is None else windows_covering(export.schedule, start, end)


def advance_backfill(connection: Connection, engine: Exports, backfill: Backfill) -> Backfill:
    """Plan the next runs of a backfill while there is room, or end it when all have ended."""
    backfill = run_store.lock_backfill(connection, backfill.id)
    if backfill.status not in OPEN:
        return backfill
    export = store.lock_export(connection, backfill.export_id)
    assert export is not None  # noqa: S101 - a backfill has an export
    waiting, finished, failed, rows = run_store.backfill_counts(connection, backfill.id)
    room, next_start = engine.limits.runs_per_backfill - waiting, backfill.next_start
    for window in islice(_windows_left(export, backfill), max(room, 0)):
        _plan_backfill_run(connection, engine, export, backfill, window)
        next_start, waiting = window.end, waiting + 1
    now = engine.clock.now()
    values: dict[str, Any] = {"finished_runs": finished, "next_start": next_start, "last_updated_at": now}
    if waiting == 0:
        status = "Failed" if failed else "Completed"
        values |= {"status": status, "finished_at": now, "total_records_count": rows}
    return run_store.update_backfill(connection, backfill.id, **values)


def _windows_left(export: Export, backfill: Backfill) -> Iterable[Window]:
    if backfill.end_at is None or backfill.is_retry:
        return ()
    if backfill.start_at is None:
        return windows_of(export, None, backfill.end_at) if backfill.next_start is None else ()
    return windows_of(export, backfill.next_start, backfill.end_at)


def _plan_backfill_run(
    connection: Connection, engine: Exports, export: Export, backfill: Backfill, window: Window
) -> None:
    kind = f"resend-{backfill.id.hex[-12:]}" if backfill.is_resend else "backfill"
    stem = f"{_stem(window)}-{kind}"
    values = {
        "backfill_id": backfill.id,
        "window_start": window.start,
        "window_end": window.end,
        "from_position": 0,
        "to_position": backfill.position,
        "by_time": True,
        "stem": stem,
        "owner": stem,
        "is_resend": backfill.is_resend,
        "is_repeat": run_store.has_run_for(connection, export.id, stem),
    }
    name = f"{backfill.id}-{window.end:%Y-%m-%dT%H:%M:%SZ}"
    _create(connection, engine, export, values, job_id=name)


def _create(connection: Connection, engine: Exports, export: Export, values: dict[str, Any], *, job_id: str) -> None:
    run_id, group = uuid7(), str(export.project_id)
    arguments = {"run_id": str(run_id)}
    if not engine.jobs.enqueue(connection, RUN, arguments, job_id=job_id, group=group):
        job_id = f"{job_id}-{run_id}"
        engine.jobs.enqueue(connection, RUN, arguments, job_id=job_id, group=group)
    owner = {"id": run_id, "job_id": job_id, "export_id": export.id, "project_id": export.project_id}
    run_store.create_run(connection, values=owner | {"created_at": engine.clock.now()} | values)


def _stem(window: Window) -> str:
    return f"{instant(window.start)}-{instant(window.end)}"
