"""All SQL of the ingest queue: plain functions over a connection, each called inside one transaction.

Positions start at 1 and bounds are exclusive above. `ingest_cursor` has one row, and every transaction that moves
anything locks it first: so positions are gapless and their order is the order of commits, over all processes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    LargeBinary,
    MetaData,
    Row,
    Table,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

from furze.database.schema import UTCDateTime
from furze.events.errors import StaleBatch

metadata = MetaData()

ingest_cursor = Table(
    "ingest_cursor",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("next_position", BigInteger, nullable=False),
    Column("consumed_position", BigInteger, nullable=False),
    Column("batch_end", BigInteger, nullable=True),
    Column("queued_bytes", BigInteger, nullable=False),
    Column("received_at", UTCDateTime, nullable=True),
)
ingest_queue = Table(
    "ingest_queue",
    metadata,
    Column(
        "first_position", BigInteger().with_variant(sqlite.INTEGER(), "sqlite"), primary_key=True, autoincrement=False
    ),
    Column("count", BigInteger, nullable=False),
    Column("project_id", BigInteger, nullable=False),
    Column("received_at", UTCDateTime, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)
ingest_mark = Table(
    "ingest_mark",
    metadata,
    Column("at_minute", UTCDateTime, primary_key=True),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
ingest_seen = Table(
    "ingest_seen",
    metadata,
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("uuid", LargeBinary(16), primary_key=True),
    Column("position", BigInteger, nullable=False),
    Index("ix_ingest_seen_position", "position"),
    sqlite_with_rowid=False,
)

_SEEN_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Append:
    """Events on their way into the queue: `count` of them, encoded in `payload`."""

    project_id: int
    payload: bytes
    count: int


@dataclass(frozen=True, slots=True)
class QueuedPayload:
    """One append as it lies in the queue. Its events have the positions from `first_position` on, one each."""

    first_position: int
    count: int
    project_id: int
    received_at: datetime
    payload: bytes


@dataclass(frozen=True, slots=True)
class Backlog:
    """What was acknowledged and is not yet in the event store."""

    events: int
    payload_bytes: int


def create_tables(connection: Connection) -> None:
    """Make the tables and the cursor if they are not there, whichever process comes first."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("furze ingest queue"))))
    for table in metadata.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            index.create(connection, checkfirst=True)
    start = {"id": 1, "next_position": 1, "consumed_position": 1, "queued_bytes": 0}
    connection.execute(_insert_absent(connection, ingest_cursor), start)


def append(
    connection: Connection, appends: Sequence[Append], now: datetime, *, max_events: int, max_bytes: int
) -> list[int | None]:
    """Each append's first position, or None where the queue has no room for it."""
    cursor = _locked_cursor(connection)
    received_at = max(now, cursor.received_at or now)
    position, queued_bytes = cursor.next_position, cursor.queued_bytes
    positions: list[int | None] = []
    rows: list[dict[str, object]] = []
    for item in appends:
        size = len(item.payload)
        queued_events = position - cursor.consumed_position
        if queued_events and (queued_events + item.count > max_events or queued_bytes + size > max_bytes):
            positions.append(None)
            continue
        positions.append(position)
        content = {"count": item.count, "project_id": item.project_id, "payload": item.payload}
        rows.append({"first_position": position, "received_at": received_at, **content})
        position, queued_bytes = position + item.count, queued_bytes + size
    if rows:
        connection.execute(ingest_queue.insert(), rows)
        minute = received_at.replace(second=0, microsecond=0)
        mark = {"at_minute": minute, "position": cursor.next_position}
        connection.execute(_insert_absent(connection, ingest_mark), mark)
        moved = {"next_position": position, "queued_bytes": queued_bytes, "received_at": received_at}
        connection.execute(update(ingest_cursor).values(moved))
    return positions


def take_batch(
    connection: Connection, now: datetime, *, max_events: int, max_bytes: int, linger_seconds: float
) -> tuple[int, int] | float | None:
    """The next batch's bounds, fixed from now on; or the seconds until it is due; or None if nothing is queued."""
    cursor = _locked_cursor(connection)
    first = cursor.consumed_position
    if cursor.batch_end is not None:
        return first, cursor.batch_end
    if cursor.next_position == first:
        return None
    if cursor.next_position - first < max_events:
        oldest = connection.execute(
            select(ingest_queue.c.received_at).where(ingest_queue.c.first_position == first)
        ).scalar_one()
        remaining = linger_seconds - (now - oldest).total_seconds()
        if remaining > 0:
            return float(min(remaining, linger_seconds))
    end = _batch_end(connection, first, max_events, max_bytes)
    connection.execute(update(ingest_cursor).values(batch_end=end))
    return first, end


def _batch_end(connection: Connection, first: int, max_events: int, max_bytes: int) -> int:
    size = func.length(ingest_queue.c.payload)
    rows = connection.execute(
        select(ingest_queue.c.first_position, ingest_queue.c.count, size)
        .where(ingest_queue.c.first_position >= first)
        .order_by(ingest_queue.c.first_position)
        .limit(max_events)
    )
    end, total_bytes = first, 0
    for position, count, payload_bytes in rows:
        total_bytes += payload_bytes
        if end > first and (position + count - first > max_events or total_bytes > max_bytes):
            break
        end = position + count
    return end


def payloads(connection: Connection, first: int, end: int) -> list[QueuedPayload]:
    """The queue's rows of [first, end), in order."""
    columns = ingest_queue.c
    rows = connection.execute(
        select(columns.first_position, columns.count, columns.project_id, columns.received_at, columns.payload)
        .where(columns.first_position >= first, columns.first_position < end)
        .order_by(columns.first_position)
    )
    return [QueuedPayload(*row) for row in rows]


def complete(connection: Connection, first: int, end: int) -> None:
    """Move the watermark over the batch and drop its rows; raises `StaleBatch` if it has moved already."""
    cursor = _locked_cursor(connection)
    if (cursor.consumed_position, cursor.batch_end) != (first, end):
        raise StaleBatch(f"batch {first}-{end - 1} is not the open one: the watermark is {cursor.consumed_position}")
    inside = (ingest_queue.c.first_position >= first) & (ingest_queue.c.first_position < end)
    freed = connection.execute(select(func.sum(func.length(ingest_queue.c.payload))).where(inside)).scalar_one()
    connection.execute(delete(ingest_queue).where(inside))
    moved = {"consumed_position": end, "batch_end": None, "queued_bytes": cursor.queued_bytes - int(freed or 0)}
    connection.execute(update(ingest_cursor).values(moved))


def watermark(connection: Connection) -> int:
    """The first position that is not yet consumed."""
    return int(connection.execute(select(ingest_cursor.c.consumed_position)).scalar_one())


def next_position(connection: Connection) -> int:
    """The position that the next event will have."""
    return int(connection.execute(select(ingest_cursor.c.next_position)).scalar_one())


def backlog(connection: Connection) -> Backlog:
    """How much waits."""
    cursor = connection.execute(select(ingest_cursor)).one()
    return Backlog(cursor.next_position - cursor.consumed_position, cursor.queued_bytes)


def marked_position(connection: Connection, instant: datetime) -> int | None:
    """The first position acknowledged at or after the instant, if there is one."""
    columns = ingest_mark.c
    statement = select(columns.position).where(columns.at_minute >= instant).order_by(columns.at_minute).limit(1)
    return connection.execute(statement).scalar_one_or_none()


def fixed_position(connection: Connection, instant: datetime) -> int:
    """`marked_position`, or the next position, which then can only be given at or after the instant."""
    cursor = _locked_cursor(connection)
    position = marked_position(connection, instant)
    if position is not None:
        return position
    if cursor.received_at is None or cursor.received_at < instant:
        # Another process's clock may be behind: its next events count as received no earlier than this.
        connection.execute(update(ingest_cursor).values(received_at=instant))
    return int(cursor.next_position)


def duplicates(connection: Connection, project_id: int, events: Sequence[tuple[UUID, int]]) -> set[int]:
    """Remember up to a thousand (uuid, position) pairs; the positions whose uuid was seen at an earlier one."""
    rows = [{"project_id": project_id, "uuid": uuid.bytes, "position": position} for uuid, position in events]
    connection.execute(_insert_absent(connection, ingest_seen), rows)
    columns = ingest_seen.c
    statement = select(columns.uuid, columns.position).where(
        columns.project_id == project_id, columns.uuid.in_(bindparam("uuids", expanding=True))
    )
    found = connection.execute(statement, {"uuids": list({uuid.bytes for uuid, _ in events})})
    seen = {bytes(uuid): position for uuid, position in found}
    return {position for uuid, position in events if seen[uuid.bytes] < position}


def forget_seen(connection: Connection, before: datetime, *, at_most: int) -> None:
    """Drop the oldest uuids that came before the instant, a bounded number at a time."""
    horizon = marked_position(connection, before)
    if horizon is None:
        return
    columns = ingest_seen.c
    oldest = select(columns.position).where(columns.position < horizon).order_by(columns.position).limit(at_most)
    last = connection.execute(select(func.max(oldest.subquery().c.position))).scalar_one()
    if last is not None:
        connection.execute(delete(ingest_seen).where(columns.position <= last))


def chunks(events: Sequence[tuple[UUID, int]]) -> list[Sequence[tuple[UUID, int]]]:
    """The events in pieces that keep the writer only for milliseconds."""
    return [events[start : start + _SEEN_CHUNK] for start in range(0, len(events), _SEEN_CHUNK)]


def _locked_cursor(connection: Connection) -> Row[Any]:
    return connection.execute(select(ingest_cursor).with_for_update()).one()


def _insert_absent(connection: Connection, table: Table) -> Any:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return cast("Any", insert)(table).on_conflict_do_nothing()
