"""How a run ends, recorded: its row, the ledger, its backfill, the log, the auto-pause, and who is told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from furze.exports import planning, run_store, store
from furze.exports.destination import Receipt
from furze.exports.engine import Exports
from furze.exports.ledger import Entry
from furze.exports.notices import announce
from furze.exports.types import Export, Run

#: How many of the newest runs are looked at before an export that keeps failing is paused.
_PAUSE_WINDOW = {"hour": 24, "day": 7, "week": 4, "every 5 minutes": 12, "every 15 minutes": 4}


async def completed(
    engine: Exports, export: Export, run: Run, receipt: Receipt, reconciliation: dict[str, Any]
) -> None:
    """The destination holds the run's rows."""
    await engine.database.write(_complete, engine, export, run, receipt, reconciliation)
    engine.jobs.wake()


async def failed(engine: Exports, export: Export, run: Run, reason: str, status: str = "Failed") -> None:
    """The run has ended without a delivery."""
    await engine.database.write(_fail, engine, export, run, reason, status)
    engine.jobs.wake()


def begin_commit(connection: Connection, run_id: UUID, now: datetime) -> Run | None:
    """From here on the run cannot be cancelled; None when it has been."""
    return run_store.update_open_run(connection, run_id, commit_started_at=now, last_updated_at=now)


def retrying(connection: Connection, run: Run, reason: str, now: datetime) -> None:
    """The attempt failed, and there will be another."""
    run_store.update_open_run(connection, run.id, latest_error=reason, last_updated_at=now)
    note(connection, run, "WARNING", f"Attempt {run.attempt} failed and will be repeated: {reason}", now)


def note(connection: Connection, run: Run, level: str, message: str, now: datetime) -> None:
    """One line in the export's log."""
    line = {"export_id": run.export_id, "run_id": run.id, "timestamp": now, "level": level, "message": message}
    run_store.add_logs(connection, [line])


def _complete(
    connection: Connection,
    engine: Exports,
    export: Export,
    run: Run,
    receipt: Receipt,
    reconciliation: dict[str, Any],
) -> None:
    now = engine.clock.now()
    run_store.update_run(
        connection,
        run.id,
        status="Completed",
        records_completed=receipt.rows,
        records_total_count=reconciliation["source_rows"],
        records_failed=max(0, reconciliation["carried_rows"] - receipt.rows),
        bytes_exported=receipt.bytes,
        files=list(receipt.files),
        reconciliation=reconciliation,
        latest_error=None,
        finished_at=now,
        last_updated_at=now,
    )
    if export.model == "events" and not run.is_resend:
        run_store.enter_delivery(connection, export.id, Entry(run.owner, run.region))
    for text in receipt.notes:
        note(connection, run, "INFO", text, now)
    note(connection, run, "INFO", f"Completed: {receipt.rows} rows, {receipt.bytes} bytes", now)
    announce(connection, engine, export, run, "$batch_export_run_completed", rows_exported=receipt.rows)
    _advance(connection, engine, run)


def _fail(connection: Connection, engine: Exports, export: Export, run: Run, reason: str, status: str) -> None:
    now = engine.clock.now()
    values = {"status": status, "latest_error": reason, "finished_at": now, "last_updated_at": now}
    if run_store.update_open_run(connection, run.id, **values) is None:
        return
    note(connection, run, "ERROR", f"{status}: {reason}", now)
    announce(connection, engine, export, run, "$batch_export_run_failed", error=reason)
    if _pause_if_hopeless(connection, export, run, now):
        announce(connection, engine, export, run, "$batch_export_paused", error=reason)
    _advance(connection, engine, run)


def _pause_if_hopeless(connection: Connection, export: Export, run: Run, now: datetime) -> bool:
    window = _PAUSE_WINDOW[export.interval]
    threshold = max(3, window * 2 // 5)
    failures = run_store.last_statuses(connection, export.id, count=window).count("Failed")
    current = store.lock_export(connection, export.id)
    if failures < threshold or current is None or current.paused:
        return False
    store.update_export(connection, export.id, paused=True, last_paused_at=now, last_updated_at=now, due_at=None)
    note(connection, run, "ERROR", f"Paused: {failures} of the last {window} runs failed", now)
    return True


def _advance(connection: Connection, engine: Exports, run: Run) -> None:
    backfill = run_store.get_backfill(connection, run.backfill_id) if run.backfill_id else None
    if backfill is not None:
        planning.advance_backfill(connection, engine, backfill)
