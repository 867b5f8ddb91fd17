"""One run: read its rows, hand them to the destination, commit, record.

Each step may be repeated after a crash. The rows are fixed by positions on the run's row; the destination shows
nothing before its commit; and what a commit that nobody recorded has left is replaced by the next attempt's.
"""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import pyarrow as pa
from pyarrow import compute
from sqlalchemy import Connection

from furze.events.types import Limits
from furze.exports import addresses, integrations, outcomes, run_store, store
from furze.exports.configuration import read_config, redacted, split
from furze.exports.datasets import Dataset
from furze.exports.destination import Config, Delivery, Destination, Receipt, Reject, Sink
from furze.exports.destinations import DESTINATIONS, INTERNAL
from furze.exports.engine import Exports
from furze.exports.formats import arrow_schema
from furze.exports.ledger import Entry
from furze.exports.selection import SETTINGS, dataset_of, positions_between, span_of
from furze.exports.types import OPEN, Export, Run
from furze.jobs import JobCancelled, JobContext, Retry
from furze.kit.ahead import read_ahead
from furze.platform.errors import FurzeError

log = logging.getLogger(__name__)
T = TypeVar("T")

_READABLE_SECONDS = 20.0
_BATCH_ROWS = 8_192
# A row group of Parquet is encoded at once; meanwhile the engine goes on to the next one.
_BATCHES_AHEAD = 4
_READ_SECONDS = 6 * 3600

#: How long a run is tried before it counts as timed out.
_PATIENCE = {
    "hour": timedelta(hours=6),
    "day": timedelta(days=1),
    "week": timedelta(days=3),
    "every 5 minutes": timedelta(minutes=20),
    "every 15 minutes": timedelta(minutes=20),
}


@dataclass(frozen=True, slots=True)
class _Work:
    """A run that this process has claimed, and all it needs."""

    export: Export
    run: Run
    entries: tuple[Entry, ...]
    destination: Destination
    config: Config
    secrets: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Sums:
    rows: int
    checksum: int

    def __str__(self) -> str:
        return f"{self.rows} rows with checksum {self.checksum:016x}"


async def execute(engine: Exports, context: JobContext) -> None:
    """Run the run that a job names, to its end; does nothing when it has ended already."""
    run_id = UUID(context.job.arguments["run_id"])
    run = await engine.database.read(run_store.get_run, run_id)
    if run is None or run.status not in OPEN:
        return
    if run.to_position > 0 and not await engine.queue.wait_until_consumed(run.to_position - 1, _READABLE_SECONDS):
        raise Retry("Waits until the events of its window can be read", after_seconds=1)
    claimed = await engine.database.write(_claim, engine, run_id)
    if claimed is None:
        return
    with addresses.limited(engine.reach):
        await _attempt(engine, context, *claimed)


async def _attempt(engine: Exports, context: JobContext, export: Export, run: Run, entries: tuple[Entry, ...]) -> None:
    secrets: Mapping[str, Any] = {}
    try:
        destination = (DESTINATIONS | INTERNAL)[export.destination_type]
        inputs = await engine.database.read(integrations.all_inputs, export, engine.secrets)
        _, secrets = split(destination.config, inputs)
        config = read_config(destination.config, inputs, known=frozenset(inputs))
        work = _Work(export, run, entries, destination, config, secrets)
        await _deliver(engine, context, work)
    except Retry as error:
        await _try_later(engine, export, run, redacted(str(error), secrets), error)
    except Reject as error:
        await outcomes.failed(engine, export, run, redacted(str(error), secrets))
    except FurzeError as error:
        if error.status >= FurzeError.status:
            await _try_later(engine, export, run, redacted(error.detail, secrets), Retry(error.detail))
        else:
            await outcomes.failed(engine, export, run, redacted(error.detail, secrets))
    except JobCancelled:
        raise
    except Exception as error:
        log.exception("run %s of export %s met a bug", run.id, export.id)
        text = f"Unexpected {type(error).__name__}: {error}. This is a fault of furze; its log has the details."
        await outcomes.failed(engine, export, run, redacted(text, secrets))


def _claim(connection: Connection, engine: Exports, run_id: UUID) -> tuple[Export, Run, tuple[Entry, ...]] | None:
    """Take the run on, alone among the runs of its export that could carry the same rows."""
    run = run_store.get_run(connection, run_id)
    export = store.lock_export(connection, run.export_id) if run else None
    if run is None or export is None or run.status not in OPEN:
        return None
    for other in run_store.claimed_beside(connection, run):
        if other.stem == run.stem or (export.model == "events" and other.region.meets(run.region)):
            raise Retry(f"Waits for run {other.id}, which carries some of the same rows", after_seconds=1)
    now = engine.clock.now()
    run = run_store.update_run(
        connection, run_id, status="Running", attempt=run.attempt + 1, claimed_at=now, last_updated_at=now
    )
    outcomes.note(connection, run, "INFO", f"Attempt {run.attempt} of {_interval_text(run)} begins", now)
    entries = run_store.entries_meeting(connection, export.id, run.region) if not run.is_resend else []
    return export, run, tuple(entries)


async def _deliver(engine: Exports, context: JobContext, work: _Work) -> None:
    run = work.run
    changed = run.region
    if run.by_time:
        changed = await positions_between(engine, run.window_start, run.window_end, run.to_position)
    span = span_of(run.window_start, run.window_end, run.region, changed=changed, owner=run.owner, entries=work.entries)
    dataset = await dataset_of(engine, work.export, work.destination, work.config, span)
    expected = await _expected(engine, work, dataset)
    if expected == _Sums(0, 0) and not _is_repeat(work.run):
        await outcomes.completed(engine, work.export, work.run, Receipt(0, 0), _reconciled(expected, expected, 0))
        return
    sink = await work.destination.open(work.config, _delivery(work.run, work.export, dataset))
    try:
        carried = await _carry(engine, work, dataset, sink)
        if expected is not None and carried != expected:
            raise Retry(f"Read {carried} where the event store counts {expected}")  # noqa: TRY301
        context.raise_if_cancelled()
        if await engine.database.write(outcomes.begin_commit, work.run.id, engine.clock.now()) is None:
            raise JobCancelled(str(work.run.id))  # noqa: TRY301
        await _to_the_end(_commit(engine, work, sink, expected, carried))
    except BaseException:
        await _to_the_end(_abort(sink))
        raise


async def _commit(engine: Exports, work: _Work, sink: Sink, expected: _Sums | None, carried: _Sums) -> None:
    receipt = await sink.commit()
    reconciled = _reconciled(expected, carried, receipt.rows)
    await outcomes.completed(engine, work.export, work.run, receipt, reconciled)


async def _expected(engine: Exports, work: _Work, dataset: Dataset) -> _Sums | None:
    if not dataset.is_fixed:
        return None
    result = await engine.store.query(
        dataset.count_sql(),
        dataset.parameters,
        team_id=work.export.project_id,
        limits=_limits(engine),
        settings=SETTINGS,
    )
    rows, checksum = result.rows[0]
    return _Sums(_whole(rows), _whole(checksum))


async def _carry(engine: Exports, work: _Work, dataset: Dataset, sink: Sink) -> _Sums:
    is_lines = work.destination.rendering(work.config) == "lines"
    schema = pa.schema([("line", pa.string())]) if is_lines else arrow_schema(dataset.columns)
    rows = checksum = 0
    batches = engine.store.stream_arrow(
        dataset.lines_sql() if is_lines else dataset.columns_sql(),
        dataset.parameters,
        team_id=work.export.project_id,
        limits=_limits(engine),
        settings=dict(SETTINGS) | {"max_block_size": _BATCH_ROWS},
    )
    async with aclosing(read_ahead(batches, _BATCHES_AHEAD)) as coming:
        async for batch in coming:
            shaped, part = await asyncio.to_thread(_shaped, batch, schema)
            rows, checksum = rows + part.rows, (checksum + part.checksum) % (1 << 64)
            if shaped.num_rows:
                await sink.write(shaped)
    return _Sums(rows, checksum)


def _shaped(batch: pa.RecordBatch, schema: pa.Schema) -> tuple[pa.RecordBatch, _Sums]:
    """The batch with its types as declared and without the checksums, and their sum."""
    total = compute.sum(batch.column(batch.num_columns - 1)).as_py() or 0
    columns = [column.cast(field.type) for column, field in zip(batch.columns[:-1], schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema), _Sums(batch.num_rows, total % (1 << 64))


def _reconciled(expected: _Sums | None, carried: _Sums | None, delivered: int) -> dict[str, Any]:
    """What the source had, what was carried, what the destination counts."""
    source = expected or carried or _Sums(0, 0)
    read = carried or source
    return {
        "source_rows": source.rows,
        "source_checksum": f"{source.checksum:016x}",
        "carried_rows": read.rows,
        "carried_checksum": f"{read.checksum:016x}",
        "destination_rows": delivered,
        "matches": source == read and delivered == read.rows,
    }


async def _try_later(engine: Exports, export: Export, run: Run, reason: str, error: Retry) -> None:
    """Let the job come back, unless the run has been tried for long enough."""
    if engine.clock.now() - run.created_at > _PATIENCE[export.interval]:
        await outcomes.failed(engine, export, run, f"Given up after {run.attempt} attempts: {reason}", "TimedOut")
        return
    await engine.database.write(outcomes.retrying, run, reason, engine.clock.now())
    raise Retry(reason, after_seconds=error.after_seconds) from error


async def _abort(sink: Sink) -> None:
    try:
        await sink.abort()
    except Exception:
        log.warning("an aborted run could not clean up after itself", exc_info=True)


async def _to_the_end(work: Awaitable[T]) -> T:
    """The result of work that is not broken off in the middle when the job is."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _delivery(run: Run, export: Export, dataset: Dataset) -> Delivery:
    return Delivery(
        run_id=str(run.id),
        project_id=run.project_id,
        table=export.model,
        stem=run.stem,
        start=run.window_start,
        end=run.window_end,
        columns=dataset.columns,
        key=dataset.key,
        versions=dataset.versions,
        is_repeat=_is_repeat(run),
    )


def _is_repeat(run: Run) -> bool:
    return run.is_repeat or run.is_resend or run.attempt > 1


def _limits(engine: Exports) -> Limits:
    return Limits(seconds=_READ_SECONDS, memory_bytes=engine.limits.read_memory_bytes, result_rows=0)


def _whole(value: object) -> int:
    assert isinstance(value, int)  # noqa: S101 - both columns are UInt64
    return value


def _interval_text(run: Run) -> str:
    return f"{run.window_start.isoformat() if run.window_start else 'the beginning'} to {run.window_end.isoformat()}"
