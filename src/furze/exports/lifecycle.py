"""What happens to an export and its runs when somebody asks: each function is one transaction."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from furze.exports import integrations, planning, run_store, store, validation
from furze.exports.engine import Exports
from furze.exports.notices import announce
from furze.exports.outcomes import note
from furze.exports.schedule import boundary_before
from furze.exports.types import OPEN, Backfill, Export, ExportBody, Run
from furze.kit.ids import uuid7
from furze.platform.auth import Access
from furze.platform.errors import InvalidInput, NotFound
from furze.platform.store import record_activity
from furze.platform.types import Actor, Item

_SCHEDULE = ("interval", "timezone", "interval_offset", "start_at", "end_at")


def found(connection: Connection, access: Access, export_id: UUID) -> Export:
    """An export of the caller's project, held until the transaction ends; raises `NotFound`."""
    export = store.get_export(connection, access.project.id, export_id)
    if export is None:
        raise NotFound
    return store.lock_export(connection, export_id) or export


def found_run(connection: Connection, access: Access, export_id: UUID, run_id: UUID) -> Run:
    """A run of an export of the caller's project; raises `NotFound`."""
    export = store.get_export(connection, access.project.id, export_id)
    run = run_store.get_run(connection, run_id)
    if export is None or run is None or run.export_id != export.id:
        raise NotFound
    return run


def found_backfill(connection: Connection, access: Access, export_id: UUID, backfill_id: UUID) -> Backfill:
    """A backfill of an export of the caller's project; raises `NotFound`."""
    export = store.get_export(connection, access.project.id, export_id)
    backfill = run_store.get_backfill(connection, backfill_id)
    if export is None or backfill is None or backfill.export_id != export.id:
        raise NotFound
    return backfill


def create(connection: Connection, engine: Exports, access: Access, body: ExportBody) -> Export:
    """A new export, with its schedule."""
    now = engine.clock.now()
    project_id = access.project.id
    integration = integrations.asked_for(connection, project_id, body.destination, None)
    values = {"query_schema": None} | validation.created_values(
        body, engine.secrets, project_id=project_id, integration=integration
    )
    values |= {
        "id": uuid7(),
        "project_id": project_id,
        "created_by_id": access.user.id,
        "created_at": now,
        "last_updated_at": now,
        "last_paused_at": now if body.paused else body.last_paused_at,
        "deleted": False,
        "next_start": now,
    }
    export = store.create_export(connection, values=values)
    export = _scheduled(connection, replace(export, next_start=planning.first_start(export, now)))
    _record(connection, access, export, "created", now)
    return export


def change(
    connection: Connection, engine: Exports, access: Access, export_id: UUID, body: ExportBody, *, is_whole: bool
) -> Export:
    """The export with the values sent; a change of `paused` is a pause or an unpause."""
    export, now = found(connection, access, export_id), engine.clock.now()
    integration = integrations.asked_for(connection, export.project_id, body.destination, export.integration_id)
    values = validation.changed_values(export, body, engine.secrets, is_whole=is_whole, integration=integration)
    changed = {name: value for name, value in values.items() if getattr(export, name) != value}
    updated = store.update_export(connection, export.id, **values, last_updated_at=now)
    if any(name in changed for name in _SCHEDULE):
        updated = _rescheduled(connection, updated, now)
    _record(connection, access, updated, "updated", now, _changes(export, changed))
    if "paused" in body.model_fields_set and body.paused != updated.paused:
        return (
            pause(connection, engine, access, export_id)
            if body.paused
            else unpause(connection, engine, access, export_id, catch_up=False)
        )
    return updated


def pause(connection: Connection, engine: Exports, access: Access, export_id: UUID) -> Export:
    """The export, planned no more; runs in progress go on. Nothing changes when it is paused already."""
    export, now = found(connection, access, export_id), engine.clock.now()
    if export.paused:
        return export
    values: dict[str, Any] = {"paused": True, "last_paused_at": now, "last_updated_at": now, "due_at": None}
    export = store.update_export(connection, export.id, **values)
    _record(connection, access, export, "updated", now, ({"field": "paused", "before": False, "after": True},))
    return export


def unpause(connection: Connection, engine: Exports, access: Access, export_id: UUID, *, catch_up: bool) -> Export:
    """The export, planned again: from where it was (`catch_up`), or from the window that goes on now."""
    export, now = found(connection, access, export_id), engine.clock.now()
    if not export.paused:
        return export
    current = boundary_before(export.schedule, now)
    if not catch_up and current > export.next_start:
        _log(connection, export, f"Skipped {export.next_start.isoformat()} to {current.isoformat()}: paused", now)
        export = store.update_export(connection, export.id, next_start=current, position=None)
    export = store.update_export(connection, export.id, paused=False, last_updated_at=now)
    _record(connection, access, export, "updated", now, ({"field": "paused", "before": True, "after": False},))
    return _scheduled(connection, export)


def delete(connection: Connection, engine: Exports, access: Access, export_id: UUID) -> list[Run]:
    """Delete an export, its backfills and its runs in progress; the runs to interrupt."""
    export, now = found(connection, access, export_id), engine.clock.now()
    for backfill in run_store.open_backfills(connection, export_id=export.id):
        _end_backfill(connection, backfill, now)
    stopped = [run for run in run_store.open_runs(connection, export.id) if stop_run(connection, engine, run, now)]
    store.update_export(
        connection,
        export.id,
        deleted=True,
        paused=True,
        due_at=None,
        secrets=None,
        integration_id=None,
        last_updated_at=now,
    )
    _record(connection, access, export, "deleted", now)
    return stopped


def retry_run(connection: Connection, engine: Exports, access: Access, export_id: UUID, run_id: UUID) -> Backfill:
    """The run again, with the same rows."""
    run = found_run(connection, access, export_id, run_id)
    if run.status in OPEN:
        raise InvalidInput(f"Cannot retry a run that is in '{run.status}' status")
    return planning.plan_retry(connection, engine, run, now=engine.clock.now())


def cancel_run(connection: Connection, engine: Exports, access: Access, export_id: UUID, run_id: UUID) -> Run:
    """Stop a run."""
    run, now = found_run(connection, access, export_id, run_id), engine.clock.now()
    if run.status not in OPEN:
        raise InvalidInput(f"Cannot cancel a run that is in '{run.status}' status")
    if not stop_run(connection, engine, run, now):
        raise InvalidInput("Cannot cancel a run that is committing: its rows are being made visible")
    backfill = run_store.get_backfill(connection, run.backfill_id) if run.backfill_id else None
    if backfill is not None:
        planning.advance_backfill(connection, engine, backfill)
    return run


def cancel_backfill(
    connection: Connection, engine: Exports, access: Access, export_id: UUID, backfill_id: UUID
) -> list[Run]:
    """Stop a backfill and its runs; the runs to interrupt."""
    backfill, now = found_backfill(connection, access, export_id, backfill_id), engine.clock.now()
    if backfill.status not in OPEN:
        raise InvalidInput(f"Cannot cancel a backfill that is in '{backfill.status}' status")
    _end_backfill(connection, backfill, now)
    engine.jobs.request_cancel(connection, str(backfill.id))
    runs = run_store.open_runs(connection, backfill.export_id, backfill_id=backfill.id)
    return [run for run in runs if stop_run(connection, engine, run, now)]


def stop_run(connection: Connection, engine: Exports, run: Run, now: datetime) -> bool:
    """Cancel an open run, unless it is committing: then its rows may be visible, and only its end tells."""
    if run.commit_started_at is not None:
        return False
    values: dict[str, Any] = {"status": "Cancelled", "finished_at": now, "last_updated_at": now}
    run_store.update_open_run(connection, run.id, **values)
    engine.jobs.request_cancel(connection, run.job_id)
    note(connection, run, "WARNING", "Cancelled", now)
    export = store.lock_export(connection, run.export_id)
    assert export is not None  # noqa: S101 - a run has an export
    announce(connection, engine, export, run, "$batch_export_run_cancelled")
    return True


def _end_backfill(connection: Connection, backfill: Backfill, now: datetime) -> None:
    values: dict[str, Any] = {"status": "Cancelled", "finished_at": now, "last_updated_at": now}
    run_store.update_backfill(connection, backfill.id, **values)


def _rescheduled(connection: Connection, export: Export, now: datetime) -> Export:
    """The next window under a new schedule. It goes on from where the old one was, unless `start_at` is later."""
    start = planning.first_start(export, now)
    if export.start_at is not None and export.start_at > now and start > export.next_start:
        export = replace(export, next_start=start, position=None)
    return _scheduled(connection, export)


def _scheduled(connection: Connection, export: Export) -> Export:
    return store.update_export(
        connection,
        export.id,
        next_start=export.next_start,
        position=export.position,
        due_at=planning.due_at(export),
    )


def _log(connection: Connection, export: Export, message: str, now: datetime) -> None:
    line = {"export_id": export.id, "run_id": None, "timestamp": now, "level": "INFO", "message": message}
    run_store.add_logs(connection, [line])


def _changes(before: Export, changed: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    # A config may be long and secrets are secret: that they changed is enough.
    brief = {"config", "secrets"}
    return tuple(
        {"field": name} if name in brief else {"field": name, "before": getattr(before, name), "after": value}
        for name, value in changed.items()
    )


def _record(
    connection: Connection,
    access: Access,
    export: Export,
    activity: str,
    now: datetime,
    changes: tuple[dict[str, Any], ...] = (),
) -> None:
    shaped = tuple({"type": "BatchExport", "action": "changed"} | change for change in changes)
    item = Item("BatchExport", str(export.id), export.name, shaped)
    actor = Actor(access.project.id, access.user.id)
    record_activity(connection, by=actor, item=item, activity=activity, now=now)
