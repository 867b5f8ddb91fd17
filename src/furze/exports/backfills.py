"""Backfills: a range of time exported again, up to the position at which it was asked for."""

import re
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import Connection

from furze.events.schema import DATABASE
from furze.exports import planning, run_store, store
from furze.exports.engine import BACKFILL, Exports
from furze.exports.ledger import Region
from furze.exports.schedule import boundary_before, boundary_on
from furze.exports.types import OPEN, Backfill, BackfillBody, Export, Schedule
from furze.jobs import JobContext, Retry
from furze.platform.errors import FurzeError, InvalidInput

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_READABLE_SECONDS = 20.0
#: These keep nothing, so an open end harms nobody.
_OPEN_END_ALLOWED = ("HTTP", "NoOp")


class TooManyBackfills(FurzeError):
    """The team already has too many batch export backfills running."""

    status = 429
    type = "throttled_error"
    code = "too_many_concurrent_backfills"


def asked_range(export: Export, body: BackfillBody, now: datetime) -> tuple[datetime | None, datetime]:
    """The range a caller asks for; raises `InvalidInput` in the words PostHog's clients know."""
    start, end = _bound(export, body.start_at, "start_at"), _bound(export, body.end_at, "end_at")
    if end is None and export.destination_type not in _OPEN_END_ALLOWED:
        raise InvalidInput("Backfilling a BatchExport with no end date is not allowed", attr="end_at")
    end = end or boundary_before(export.schedule, now)
    if start is not None and start >= end:
        raise InvalidInput("The initial backfill datetime 'start_at' must be before 'end_at'", attr="start_at")
    if end > now:
        raise InvalidInput(f"The provided 'end_at' ({end.isoformat()}) is in the future", attr="end_at")
    return start, end


def create(
    connection: Connection,
    engine: Exports,
    export: Export,
    asked: tuple[datetime | None, datetime],
    *,
    position: int,
    is_resend: bool,
) -> Backfill:
    """A new backfill of the rows below `position`; raises `TooManyBackfills`."""
    most, running = (
        engine.limits.backfills_per_project,
        run_store.open_backfills(connection, project_id=export.project_id),
    )
    count = sum(not backfill.is_retry for backfill in running)
    if count >= most:
        raise TooManyBackfills(
            f"This team already has {count} batch export backfills running. "
            "Wait for some to finish or cancel them before creating more."
        )
    values = planning.new_backfill(export, *asked, engine.clock.now())
    values |= {"position": position, "next_start": asked[0], "is_resend": is_resend}
    backfill = run_store.create_backfill(connection, values=values)
    arguments = {"backfill_id": str(backfill.id)}
    engine.jobs.enqueue(connection, BACKFILL, arguments, job_id=str(backfill.id), group=str(export.project_id))
    return backfill


async def begin(engine: Exports, context: JobContext) -> None:
    """Look how much there is, skip the empty time before the first row, and plan the first runs."""
    backfill_id = UUID(context.job.arguments["backfill_id"])
    backfill = await engine.database.read(run_store.get_backfill, backfill_id)
    if backfill is None or backfill.status != "Starting":
        return
    if backfill.position > 0 and not await engine.queue.wait_until_consumed(backfill.position - 1, _READABLE_SECONDS):
        raise Retry("Waits until the events before it can be read", after_seconds=1)
    first = await _first_event(engine, backfill)
    await engine.database.write(_start, engine, backfill_id, first)
    engine.jobs.wake()


async def _first_event(engine: Exports, backfill: Backfill) -> tuple[int, datetime | None]:
    region = Region(0, backfill.position, backfill.start_at, backfill.end_at)
    sql = f"SELECT count(), min(timestamp) FROM {DATABASE}.events WHERE team_id = {backfill.project_id}"
    result = await engine.store.query(f"{sql} AND {region.sql()}", team_id=backfill.project_id)
    count, earliest = result.rows[0]
    assert isinstance(count, int)  # noqa: S101 - a UInt64
    return count, earliest if count and isinstance(earliest, datetime) else None


def _start(connection: Connection, engine: Exports, backfill_id: UUID, first: tuple[int, datetime | None]) -> None:
    backfill = run_store.lock_backfill(connection, backfill_id)
    export = store.lock_export(connection, backfill.export_id)
    if backfill.status != "Starting" or export is None:
        return
    now, (rows, earliest) = engine.clock.now(), first
    values: dict[str, object] = {"status": "Running", "last_updated_at": now}
    if export.model == "events":
        values["total_records_count"] = rows
        if earliest is None:
            values |= {"status": "Completed", "finished_at": now, "total_records_count": 0}
        elif backfill.start_at is not None:
            start = max(backfill.start_at, boundary_before(export.schedule, earliest))
            values |= {"adjusted_start_at": start, "next_start": start}
    backfill = run_store.update_backfill(connection, backfill_id, **values)
    if backfill.status in OPEN and backfill.end_at is not None:
        total = sum(1 for _ in planning.windows_of(export, backfill.next_start, backfill.end_at))
        run_store.update_backfill(connection, backfill_id, total_runs=total)
        planning.advance_backfill(connection, engine, backfill)


def _bound(export: Export, text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    return _from_date(export.schedule, text, name) if export.schedule.is_calendar else _from_instant(text, name)


def _from_instant(text: str, name: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"Input {text} is not a valid ISO formatted datetime.", attr=name) from error
    if instant.tzinfo is None:
        raise InvalidInput(f"Input {text} is naive.", attr=name)
    return instant.astimezone(UTC)


def _from_date(schedule: Schedule, text: str, name: str) -> datetime:
    try:
        day = date.fromisoformat(text) if _ISO_DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        has_time = bool(_ISO_DATE.match(text)) and len(text) > len("YYYY-MM-DD")
        detail = f"Input '{text}' is not a valid ISO formatted date."
        if has_time:
            detail += " Daily or weekly batch export backfills expect only the date component, but a time was included."
        raise InvalidInput(detail, attr=name)
    if schedule.interval == "week" and day.isoweekday() % 7 != schedule.weekday:
        raise InvalidInput(
            f"Input {text} is not on the correct day of the week for this batch export. {text} is a "
            f"{_WEEKDAYS[day.isoweekday() % 7]} but this batch export is configured to run weekly on "
            f"{_WEEKDAYS[schedule.weekday]}.",
            attr=name,
        )
    return boundary_on(schedule, day)
