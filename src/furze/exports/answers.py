"""Exports, runs and backfills as the wire shows them. Pure."""

from collections.abc import Sequence
from typing import Any

from furze.exports.types import OPEN, Backfill, Export, Run


def export_answer(export: Export, runs: Sequence[Run]) -> dict[str, Any]:
    """An export with its newest runs; secrets are not in it, at any depth."""
    names = (
        *("id", "name", "model", "interval", "paused", "created_at", "last_updated_at", "last_paused_at"),
        *("start_at", "end_at", "hogql_query", "filters", "timezone", "offset_day", "offset_hour"),
        *("hogql_modifiers", "primary_key", "version_key", "incremental_mode"),
    )
    return {name: getattr(export, name) for name in names} | {
        "team_id": export.project_id,
        "destination": {"type": export.destination_type, "config": export.config, "integration": export.integration_id},
        "schema": export.query_schema,
        "latest_runs": [run_answer(run) for run in runs],
    }


def run_answer(run: Run) -> dict[str, Any]:
    """A run."""
    names = (
        *("id", "status", "records_completed", "records_failed", "latest_error", "created_at", "finished_at"),
        *("last_updated_at", "records_total_count", "bytes_exported", "attempt", "files", "reconciliation"),
    )
    return {name: getattr(run, name) for name in names} | {
        "data_interval_start": run.window_start,
        "data_interval_end": run.window_end,
        "batch_export": run.export_id,
        "backfill": run.backfill_id,
    }


def backfill_answer(backfill: Backfill) -> dict[str, Any]:
    """A backfill with its progress."""
    names = (
        *("id", "start_at", "end_at", "status", "created_at", "finished_at", "last_updated_at"),
        *("total_records_count", "adjusted_start_at"),
    )
    return {name: getattr(backfill, name) for name in names} | {
        "team": backfill.project_id,
        "batch_export": backfill.export_id,
        "progress": _progress(backfill),
    }


def _progress(backfill: Backfill) -> dict[str, Any] | None:
    total = backfill.total_runs
    if backfill.status == "Completed":
        return {"total_runs": total, "finished_runs": total, "progress": 1.0}
    if backfill.status not in OPEN:
        return None
    done = backfill.finished_runs
    return {"total_runs": total, "finished_runs": done, "progress": round(done / total, 1) if total else 0.0}
