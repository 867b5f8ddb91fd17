"""All SQL about runs, backfills, the ledger of what was delivered, and logs."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    Uuid,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from furze.database import UTCDateTime, json_type, metadata
from furze.exports import ledger
from furze.exports.ledger import LIVE, Entry, Region
from furze.exports.types import OPEN, Backfill, LogLine, Run

_EXPORT = "batch_export.id"

runs = Table(
    "batch_export_run",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("export_id", Uuid, ForeignKey(_EXPORT, ondelete="CASCADE"), nullable=False),
    Column("project_id", Integer, nullable=False),
    Column("backfill_id", Uuid, index=True),
    Column("job_id", String, nullable=False),
    Column("status", String, nullable=False),
    Column("window_start", UTCDateTime),
    Column("window_end", UTCDateTime, nullable=False),
    Column("from_position", BigInteger, nullable=False),
    Column("to_position", BigInteger, nullable=False),
    Column("by_time", Boolean, nullable=False),
    Column("stem", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("is_repeat", Boolean, nullable=False),
    Column("is_resend", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("claimed_at", UTCDateTime),
    Column("commit_started_at", UTCDateTime),
    Column("records_completed", BigInteger),
    Column("records_total_count", BigInteger),
    Column("records_failed", BigInteger, nullable=False),
    Column("bytes_exported", BigInteger),
    Column("latest_error", String),
    Column("files", json_type()),
    Column("reconciliation", json_type()),
    Column("created_at", UTCDateTime, nullable=False),
    Column("last_updated_at", UTCDateTime, nullable=False),
    Column("finished_at", UTCDateTime),
    Index("ix_batch_export_run_created", "export_id", "created_at"),
    Index("ix_batch_export_run_window", "export_id", "window_start"),
    Index("ix_batch_export_run_status", "export_id", "status"),
)

backfills = Table(
    "batch_export_backfill",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("export_id", Uuid, ForeignKey(_EXPORT, ondelete="CASCADE"), nullable=False),
    Column("project_id", Integer, nullable=False),
    Column("start_at", UTCDateTime),
    Column("end_at", UTCDateTime),
    Column("status", String, nullable=False),
    Column("is_retry", Boolean, nullable=False),
    Column("is_resend", Boolean, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("next_start", UTCDateTime),
    Column("adjusted_start_at", UTCDateTime),
    Column("total_records_count", BigInteger),
    Column("total_runs", Integer, nullable=False),
    Column("finished_runs", Integer, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("last_updated_at", UTCDateTime, nullable=False),
    Column("finished_at", UTCDateTime),
    Index("ix_batch_export_backfill_created", "export_id", "created_at"),
    Index("ix_batch_export_backfill_status", "project_id", "status"),
)

deliveries = Table(
    "batch_export_delivery",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("export_id", Uuid, ForeignKey(_EXPORT, ondelete="CASCADE"), nullable=False, index=True),
    Column("owner", String, nullable=False),
    Column("from_position", BigInteger, nullable=False),
    Column("to_position", BigInteger, nullable=False),
    Column("start_at", UTCDateTime),
    Column("end_at", UTCDateTime),
)

logs = Table(
    "batch_export_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("export_id", Uuid, ForeignKey(_EXPORT, ondelete="CASCADE"), nullable=False),
    Column("run_id", Uuid, index=True),
    Column("timestamp", UTCDateTime, nullable=False),
    Column("level", String, nullable=False),
    Column("message", String, nullable=False),
    Index("ix_batch_export_log_export", "export_id", "timestamp"),
)

_TAIL = 64


def create_run(connection: Connection, *, values: dict[str, Any]) -> Run:
    """A new run, waiting to be started."""
    waiting = {
        "status": "Starting",
        "attempt": 0,
        "records_failed": 0,
        "is_repeat": False,
        "is_resend": False,
        "backfill_id": None,
        "last_updated_at": values["created_at"],
    }
    return _run(connection.execute(insert(runs).values(**waiting | values).returning(*runs.c)).one())


def get_run(connection: Connection, run_id: UUID) -> Run | None:
    """A run by id."""
    row = connection.execute(select(runs).where(runs.c.id == run_id)).first()
    return _run(row) if row else None


def list_runs(
    connection: Connection,
    export_id: UUID,
    *,
    order: str = "-created_at",
    statuses: Collection[str] = (),
    between: tuple[str, datetime | None, datetime | None] | None = None,
    limit: int,
    offset: int = 0,
) -> list[Run]:
    """Runs of an export, `between` two instants of a column, in the order of a column (`-` for falling)."""
    column = runs.c[order.lstrip("-")]
    query = select(runs).where(runs.c.export_id == export_id)
    if statuses:
        query = query.where(runs.c.status.in_(statuses))
    if between is not None:
        name, after, before = between
        query = query.where(runs.c[name] >= after) if after is not None else query
        query = query.where(runs.c[name] < before) if before is not None else query
    sorting = (column.desc(), runs.c.id.desc()) if order.startswith("-") else (column, runs.c.id)
    return [_run(row) for row in connection.execute(query.order_by(*sorting).limit(limit).offset(offset))]


def latest_runs(connection: Connection, export_ids: Collection[UUID], *, count: int) -> dict[UUID, list[Run]]:
    """The newest runs of each export, newest first."""
    rank = func.row_number().over(partition_by=runs.c.export_id, order_by=(runs.c.created_at.desc(), runs.c.id.desc()))
    ranked = select(runs, rank.label("rank")).where(runs.c.export_id.in_(export_ids)).subquery()
    names = [column.name for column in runs.c]
    query = select(*(ranked.c[name] for name in names)).where(ranked.c.rank <= count).order_by(ranked.c.rank)
    found: dict[UUID, list[Run]] = {export_id: [] for export_id in export_ids}
    for row in connection.execute(query):
        found[row.export_id].append(_run(row))
    return found


def open_runs(connection: Connection, export_id: UUID, *, backfill_id: UUID | None = None) -> list[Run]:
    """The runs of an export, or of one of its backfills, that still have work to do."""
    query = select(runs).where(runs.c.export_id == export_id, runs.c.status.in_(OPEN))
    if backfill_id is not None:
        query = query.where(runs.c.backfill_id == backfill_id)
    return [_run(row) for row in connection.execute(query.order_by(runs.c.created_at))]


def update_run(connection: Connection, run_id: UUID, **values: Any) -> Run:
    """The run with new values."""
    return _run(connection.execute(update(runs).where(runs.c.id == run_id).values(**values).returning(*runs.c)).one())


def update_open_run(connection: Connection, run_id: UUID, **values: Any) -> Run | None:
    """The run with new values, or None when it has ended already."""
    statement = update(runs).where(runs.c.id == run_id, runs.c.status.in_(OPEN)).values(**values)
    row = connection.execute(statement.returning(*runs.c)).first()
    return _run(row) if row else None


def claimed_beside(connection: Connection, run: Run) -> list[Run]:
    """The other runs of the same export that are writing, or were when their process died."""
    others = (runs.c.export_id == run.export_id, runs.c.id != run.id, runs.c.status.in_(OPEN))
    return [_run(row) for row in connection.execute(select(runs).where(*others, runs.c.claimed_at.is_not(None)))]


def last_statuses(connection: Connection, export_id: UUID, *, count: int) -> list[str]:
    """How the newest ended runs of an export went."""
    ended = (runs.c.export_id == export_id, runs.c.status.not_in(OPEN))
    return list(
        connection.execute(
            select(runs.c.status).where(*ended).order_by(runs.c.finished_at.desc()).limit(count)
        ).scalars()
    )


def has_run_for(connection: Connection, export_id: UUID, stem: str) -> bool:
    """Whether a run with this stem exists."""
    return (
        connection.execute(select(runs.c.id).where(runs.c.export_id == export_id, runs.c.stem == stem)).first()
        is not None
    )


def entries_meeting(connection: Connection, export_id: UUID, region: Region) -> list[Entry]:
    """The ledger's entries that may share rows with a region, in their order."""
    meets = [deliveries.c.export_id == export_id, deliveries.c.to_position > region.from_position]
    meets.append(deliveries.c.from_position < region.to_position)
    if region.start is not None:
        meets.append(or_(deliveries.c.end_at.is_(None), deliveries.c.end_at > region.start))
    if region.end is not None:
        meets.append(or_(deliveries.c.start_at.is_(None), deliveries.c.start_at < region.end))
    rows = connection.execute(select(deliveries).where(*meets).order_by(deliveries.c.id))
    return [Entry(row.owner, Region(row.from_position, row.to_position, row.start_at, row.end_at)) for row in rows]


def enter_delivery(connection: Connection, export_id: UUID, entry: Entry) -> None:
    """Note what a completed run has delivered, after everything noted before."""
    known = entries_meeting(connection, export_id, entry.region)
    if any(old.owner == entry.owner and old.region.holds(entry.region) for old in known):
        return
    region = entry.region
    if entry.owner == LIVE:
        tail = _live_tail(connection, export_id)
        region, swallowed = ledger.merged_tail([region for _, region in tail], region)
        ids = [tail[index][0] for index in swallowed]
        connection.execute(delete(deliveries).where(deliveries.c.id.in_(ids)))
    connection.execute(
        insert(deliveries).values(
            export_id=export_id,
            owner=entry.owner,
            from_position=region.from_position,
            to_position=region.to_position,
            start_at=region.start,
            end_at=region.end,
        )
    )


def _live_tail(connection: Connection, export_id: UUID) -> list[tuple[int, Region]]:
    """The live entries since the last backfill's: only among those may the order change."""
    newest = select(deliveries).where(deliveries.c.export_id == export_id).order_by(deliveries.c.id.desc()).limit(_TAIL)
    tail = []
    for row in connection.execute(newest):
        if row.owner != LIVE:
            break
        tail.append((row.id, Region(row.from_position, row.to_position)))
    return tail


def create_backfill(connection: Connection, *, values: dict[str, Any]) -> Backfill:
    """A new backfill."""
    row = connection.execute(insert(backfills).values(**values).returning(*backfills.c)).one()
    return _backfill(row)


def get_backfill(connection: Connection, backfill_id: UUID) -> Backfill | None:
    """A backfill by id."""
    row = connection.execute(select(backfills).where(backfills.c.id == backfill_id)).first()
    return _backfill(row) if row else None


def lock_backfill(connection: Connection, backfill_id: UUID) -> Backfill:
    """A backfill that nobody else changes until this transaction ends."""
    return _backfill(connection.execute(select(backfills).where(backfills.c.id == backfill_id).with_for_update()).one())


def list_backfills(connection: Connection, export_id: UUID, *, order: str, limit: int, offset: int) -> list[Backfill]:
    """Backfills of an export in the order of a column (`-` for falling). Retries of single runs are left out."""
    column = backfills.c[order.lstrip("-")]
    sorting = (column.desc(), backfills.c.id.desc()) if order.startswith("-") else (column, backfills.c.id)
    query = select(backfills).where(backfills.c.export_id == export_id)
    return [_backfill(row) for row in connection.execute(query.order_by(*sorting).limit(limit).offset(offset))]


def open_backfills(
    connection: Connection, *, export_id: UUID | None = None, project_id: int | None = None
) -> list[Backfill]:
    """The backfills of an export, or of a project, that still have work to do."""
    query = select(backfills).where(backfills.c.status.in_(OPEN))
    query = query.where(backfills.c.export_id == export_id) if export_id is not None else query
    query = query.where(backfills.c.project_id == project_id) if project_id is not None else query
    return [_backfill(row) for row in connection.execute(query)]


def update_backfill(connection: Connection, backfill_id: UUID, **values: Any) -> Backfill:
    """The backfill with new values."""
    statement = update(backfills).where(backfills.c.id == backfill_id).values(**values).returning(*backfills.c)
    return _backfill(connection.execute(statement).one())


def backfill_counts(connection: Connection, backfill_id: UUID) -> tuple[int, int, int, int]:
    """Of a backfill's runs: how many are open, completed or failed, not completed; and the rows completed."""
    is_open = case((runs.c.status.in_(OPEN), 1), else_=0)
    is_finished = case((runs.c.status.in_(("Completed", "Failed")), 1), else_=0)
    is_failed = case((runs.c.status.not_in((*OPEN, "Completed")), 1), else_=0)
    sums = [func.coalesce(func.sum(each), 0) for each in (is_open, is_finished, is_failed, runs.c.records_completed)]
    row = connection.execute(select(*sums).where(runs.c.backfill_id == backfill_id)).one()
    return int(row[0]), int(row[1]), int(row[2]), int(row[3])


def add_logs(connection: Connection, lines: Sequence[dict[str, Any]]) -> None:
    """Some more log lines: `export_id`, `run_id`, `timestamp`, `level`, `message`."""
    connection.execute(insert(logs), list(lines))


def list_logs(
    connection: Connection,
    export_id: UUID,
    *,
    run_id: UUID | None = None,
    levels: Collection[str] = (),
    search: str | None = None,
    after: datetime | None = None,
    before: datetime | None = None,
    limit: int,
) -> list[LogLine]:
    """Log lines of an export, or of one of its runs, newest first."""
    query = select(logs).where(logs.c.export_id == export_id)
    query = query.where(logs.c.run_id == run_id) if run_id is not None else query
    query = query.where(logs.c.level.in_(levels)) if levels else query
    query = query.where(logs.c.message.icontains(search, autoescape=True)) if search else query
    query = query.where(logs.c.timestamp >= after) if after is not None else query
    query = query.where(logs.c.timestamp < before) if before is not None else query
    rows = connection.execute(query.order_by(logs.c.timestamp.desc(), logs.c.id.desc()).limit(limit))
    return [LogLine(str(row.export_id), str(row.run_id or ""), row.timestamp, row.level, row.message) for row in rows]


def forget_logs(connection: Connection, *, before: datetime) -> None:
    """Delete log lines older than an instant."""
    connection.execute(delete(logs).where(logs.c.timestamp < before))


def _run(row: Row[Any]) -> Run:
    return Run(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented mapping view


def _backfill(row: Row[Any]) -> Backfill:
    return Backfill(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented mapping view
