"""The loop that turns due windows into runs, and the handlers that run them."""

import asyncio
import logging
from datetime import datetime, timedelta
from functools import partial

import pyarrow as pa

from furze.exports import backfills, downloads, notices, planning, run, run_store, store
from furze.exports.engine import BACKFILL, NOTICE, RUN, WEBHOOK, Exports
from furze.exports.types import Export

log = logging.getLogger(__name__)

_TICK_SECONDS = 1.0
_EXPORTS_AT_ONCE = 200
_KEEP_LOGS = timedelta(days=30)


def register(engine: Exports) -> None:
    """Let this process run exports: call it before the jobs start."""
    # Arrow's own pool keeps what the largest run has needed.
    pa.set_memory_pool(pa.system_memory_pool())
    engine.jobs.register(RUN, partial(run.execute, engine), group_limit=engine.limits.runs_per_project)
    engine.jobs.register(BACKFILL, partial(backfills.begin, engine))
    engine.jobs.register(NOTICE, partial(notices.store, engine))
    engine.jobs.register(WEBHOOK, partial(notices.post, engine))


async def run_forever(engine: Exports) -> None:
    """Plan what is due, for ever; any number of processes may do so."""
    cleaned_at = engine.clock.now()
    while True:
        try:
            while await tick(engine) == _EXPORTS_AT_ONCE:
                continue
            if engine.clock.now() - cleaned_at > timedelta(hours=1):
                cleaned_at = engine.clock.now()
                await engine.database.write(run_store.forget_logs, before=cleaned_at - _KEEP_LOGS)
                await downloads.forget_old(engine)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("exports could not be planned; they will be at the next tick")
        await engine.clock.sleep(_TICK_SECONDS)


async def tick(engine: Exports) -> int:
    """Plan a run for each window that has ended; how many exports were due."""
    now = engine.clock.now()
    due = await engine.database.read(store.due_exports, now=now, limit=_EXPORTS_AT_ONCE)
    if due:
        positions = {instant: await engine.queue.position_at(instant) for instant in sorted(_boundaries(due, now))}
        await engine.database.write(planning.plan_live_runs, engine, due, positions)
        engine.jobs.wake()
    return len(due)


def _boundaries(due: list[Export], now: datetime) -> set[datetime]:
    instants = {window.end for export in due for window in planning.due_windows(export, now)}
    return instants | {export.next_start for export in due if export.position is None}
