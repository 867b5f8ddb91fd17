"""Runs, backfills and logs of a batch export over HTTP."""

from datetime import datetime, timedelta
from typing import Annotated, Any, get_args
from uuid import UUID

from fastapi import Depends, Query

from furze.exports import answers, backfills, lifecycle, run_store, store
from furze.exports.engine import Exports
from furze.exports.planning import backfill_name
from furze.exports.types import (
    BackfillAnswer,
    BackfillBody,
    BackfillCreated,
    CancelledAnswer,
    Export,
    LogAnswer,
    LogLine,
    RunAnswer,
    RunStatus,
)
from furze.hogql.dates import parse_date
from furze.hogql.errors import HogQLError
from furze.platform.auth import Access, ProjectAccess
from furze.platform.errors import InvalidInput, NotFound
from furze.platform.pagination import CursorPage, CursorReader, CursorRequest
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints, provided

endpoints = Endpoints("batch_exports")

READ, WRITE = "batch_export:read", "batch_export:write"

Engine = Annotated[Exports, provided(Exports)]
RunPage = Annotated[CursorRequest, Depends(CursorReader(100))]
BackfillPage = Annotated[CursorRequest, Depends(CursorReader(50))]
Statuses = Annotated[list[str] | None, Query()]
Moment = Annotated[str | None, Query(description="An instant, or relative to now: -3d.")]

_RUN = "/batch_exports/{export_id}/runs"
_BACKFILL = "/batch_exports/{export_id}/backfills"
_DEFAULT_SPAN = timedelta(days=7)
_RUN_ORDERS = {"created_at": "created_at", "data_interval_start": "window_start"}
_LEVELS = ("DEBUG", "LOG", "INFO", "WARNING", "WARN", "ERROR")
_MOST_LOGS = 500


@endpoints.get(_RUN, scope=READ, response=CursorPage[RunAnswer])
async def list_runs(  # noqa: PLR0913, PLR0917 - each is a query parameter of its own
    access: ProjectAccess,
    engine: Engine,
    page: RunPage,
    export_id: str,
    ordering: str = "-created_at",
    status: Statuses = None,
    after: Moment = None,
    before: Moment = None,
    start: Moment = None,
    end: Moment = None,
) -> dict[str, Any]:
    """The export's runs. Without a range, those of the last week."""
    export = await _export(engine, access, export_id)
    wrong = [each for each in status or [] if each not in get_args(RunStatus)]
    if wrong:
        raise InvalidInput(f"Select a valid choice. {wrong[0]} is not one of the available choices.", attr="status")
    column = _RUN_ORDERS.get(ordering.lstrip("-"), "created_at")
    bounds = (after, before) if column == "created_at" else (start, end)
    now = engine.clock.now()
    first, last = (moment(access, text, now) for text in bounds)
    rows = await engine.database.read(
        run_store.list_runs,
        export.id,
        order="-" * ordering.startswith("-") + column,
        statuses=status or (),
        between=(column, first or now - _DEFAULT_SPAN, last),
        limit=page.limit + 1,
        offset=page.offset,
    )
    return page.page(rows, answers.run_answer)


@endpoints.get(_RUN + "/{run_id}", scope=READ, response=RunAnswer)
async def get_run(access: ProjectAccess, engine: Engine, export_id: str, run_id: str) -> dict[str, Any]:
    """One run, however old."""
    key = (identity(export_id), identity(run_id))
    return answers.run_answer(await engine.database.read(lifecycle.found_run, access, *key))


@endpoints.post(_RUN + "/{run_id}/retry", scope=WRITE, response=BackfillCreated)
async def retry_run(access: ProjectAccess, engine: Engine, export_id: str, run_id: str) -> BackfillCreated:
    """Export the run's interval again: the same rows, into the same place."""
    key = (identity(export_id), identity(run_id))
    backfill = await engine.database.write(lifecycle.retry_run, engine, access, *key)
    engine.jobs.wake()
    return BackfillCreated(backfill_id=backfill_name(backfill))


@endpoints.post(_RUN + "/{run_id}/cancel", scope=WRITE, response=CancelledAnswer, status=200)
async def cancel_run(access: ProjectAccess, engine: Engine, export_id: str, run_id: str) -> CancelledAnswer:
    """Stop a run that has not ended; the destination shows nothing of it."""
    key = (identity(export_id), identity(run_id))
    run = await engine.database.write(lifecycle.cancel_run, engine, access, *key)
    engine.jobs.interrupt(run.job_id)
    engine.jobs.wake()
    return CancelledAnswer(cancelled=True)


@endpoints.get(_BACKFILL, scope=READ, response=CursorPage[BackfillAnswer])
async def list_backfills(
    access: ProjectAccess, engine: Engine, page: BackfillPage, export_id: str, ordering: str = "-created_at"
) -> dict[str, Any]:
    """The export's backfills."""
    export = await _export(engine, access, export_id)
    order = ordering if ordering.lstrip("-") in ("created_at", "start_at") else "-created_at"
    rows = await engine.database.read(
        run_store.list_backfills, export.id, order=order, limit=page.limit + 1, offset=page.offset
    )
    return page.page(rows, answers.backfill_answer)


@endpoints.post(_BACKFILL, scope=WRITE, response=BackfillCreated)
async def create_backfill(
    access: ProjectAccess,
    engine: Engine,
    export_id: str,
    body: Annotated[BackfillBody, Depends(BodyOf(BackfillBody))],
) -> BackfillCreated:
    """Export the rows of a range of time, but for those that live runs have delivered (`resend` for those too)."""
    export = await _export(engine, access, export_id)
    asked = backfills.asked_range(export, body, engine.clock.now())
    position = await engine.queue.head()
    backfill = await engine.database.write(
        backfills.create, engine, export, asked, position=position, is_resend=body.resend
    )
    engine.jobs.wake()
    return BackfillCreated(backfill_id=str(backfill.id))


@endpoints.post("/batch_exports/{export_id}/backfill", scope=WRITE, response=BackfillCreated)
async def create_backfill_as_action(
    access: ProjectAccess,
    engine: Engine,
    export_id: str,
    body: Annotated[BackfillBody, Depends(BodyOf(BackfillBody))],
) -> BackfillCreated:
    """The same, at the path that PostHog used before."""
    return await create_backfill(access, engine, export_id, body)


@endpoints.get(_BACKFILL + "/{backfill_id}", scope=READ, response=BackfillAnswer)
async def get_backfill(access: ProjectAccess, engine: Engine, export_id: str, backfill_id: str) -> dict[str, Any]:
    """One backfill, with its progress."""
    key = (identity(export_id), identity(backfill_id))
    return answers.backfill_answer(await engine.database.read(lifecycle.found_backfill, access, *key))


@endpoints.post(_BACKFILL + "/{backfill_id}/cancel", scope=WRITE, response=CancelledAnswer, status=200)
async def cancel_backfill(access: ProjectAccess, engine: Engine, export_id: str, backfill_id: str) -> CancelledAnswer:
    """Stop a backfill and its runs; what is delivered stays."""
    key = (identity(export_id), identity(backfill_id))
    for run in await engine.database.write(lifecycle.cancel_backfill, engine, access, *key):
        engine.jobs.interrupt(run.job_id)
    return CancelledAnswer(cancelled=True)


@endpoints.get("/batch_exports/{export_id}/logs", scope=READ, response=list[LogAnswer])
async def list_logs(  # noqa: PLR0913, PLR0917 - each is a query parameter of its own
    access: ProjectAccess,
    engine: Engine,
    export_id: str,
    limit: Annotated[int, Query(ge=1, le=_MOST_LOGS)] = 50,
    after: Moment = None,
    before: Moment = None,
    level: Statuses = None,
    search: str | None = None,
    instance_id: str | None = None,
) -> list[LogLine]:
    """What the export's runs had to tell, newest first."""
    export = await _export(engine, access, export_id)
    now = engine.clock.now()
    return await engine.database.read(
        run_store.list_logs,
        export.id,
        run_id=identity(instance_id) if instance_id else None,
        levels=_levels(level),
        search=search,
        after=moment(access, after, now),
        before=moment(access, before, now),
        limit=limit,
    )


@endpoints.get(_RUN + "/{run_id}/logs", scope=READ, response=list[LogAnswer])
async def list_run_logs(  # noqa: PLR0913, PLR0917 - each is a query parameter of its own
    access: ProjectAccess,
    engine: Engine,
    export_id: str,
    run_id: str,
    limit: Annotated[int, Query(ge=1, le=_MOST_LOGS)] = 50,
    after: Moment = None,
    before: Moment = None,
    level: Statuses = None,
    search: str | None = None,
) -> list[LogLine]:
    """What one run had to tell, newest first."""
    return await list_logs(access, engine, export_id, limit, after, before, level, search, instance_id=run_id)


def identity(text: str) -> UUID:
    """An id of a path; what is none names nothing."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


async def _export(engine: Exports, access: Access, export_id: str) -> Export:
    export = await engine.database.read(store.get_export, access.project.id, identity(export_id))
    if export is None:
        raise NotFound
    return export


def _levels(asked: list[str] | None) -> list[str]:
    levels = [level.upper() for each in asked or [] for level in each.split(",") if level]
    wrong = [level for level in levels if level not in _LEVELS]
    if wrong:
        raise InvalidInput(f"{wrong[0]!r} is not a log level. Known: {', '.join(_LEVELS)}.", attr="level")
    return ["WARNING" if level == "WARN" else level for level in levels]


def moment(access: Access, text: str | None, now: datetime) -> datetime | None:
    """An instant of a query parameter, relative ones from now in the project's timezone."""
    try:
        return parse_date(text, now=now, timezone=access.project.timezone)
    except HogQLError as error:
        raise InvalidInput(str(error)) from error
