"""All SQL about conversations, their log and their turns."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from furze.conversations.types import END, Conversation, Entry, NewEntry, Turn
from furze.database import UTCDateTime, json_type, metadata
from furze.platform.store import users
from furze.platform.types import User

conversations = Table(
    "conversation",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", Integer, ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False),
    Column("status", String, nullable=False),
    Column("title", String(250)),
    Column("topic", String),
    Column("type", String, nullable=False),
    Column("is_internal", Boolean),
    Column("slack_thread_key", String),
    Column("slack_workspace_domain", String),
    Column("agent_mode", String),
    Column("is_queue_open", Boolean, nullable=False),
    Column("turn_id", Uuid),
    Column("job_id", String),
    Column("stream_sequence", Integer, nullable=False),
    Column("last_sequence", Integer, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
    Column("deleted_at", UTCDateTime),
    Index("ix_conversation_owner", "project_id", "user_id", "updated_at"),
)

turns = Table(
    "conversation_turn",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("conversation_id", Uuid, ForeignKey("conversation.id", ondelete="CASCADE"), nullable=False),
    Column("trace_id", Uuid, nullable=False),
    Column("start_sequence", Integer, nullable=False),
    Column("options", json_type(), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    UniqueConstraint("conversation_id", "trace_id"),
)

log = Table(
    "conversation_log",
    metadata,
    Column(
        "conversation_id",
        Uuid,
        ForeignKey("conversation.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("turn_id", Uuid),
    Column("event", String, nullable=False),
    Column("payload", json_type(), nullable=False),
    Column("private", json_type()),
    Column("created_at", UTCDateTime, nullable=False),
)

_LISTED_TYPES = ("deep_research", "assistant", "slack")


class TurnOver(Exception):
    """The turn that wants to write has been cancelled or taken over: whatever it does now counts for nothing."""


def get_conversation(connection: Connection, conversation_id: UUID, *, lock: bool = False) -> Conversation | None:
    """A conversation of any project, deleted ones too; `lock` keeps others from changing it in this transaction."""
    query = _joined().where(conversations.c.id == conversation_id)
    if lock:
        query = query.with_for_update(of=conversations)
    row = connection.execute(query).first()
    return _conversation(row) if row else None


def get_shown(connection: Connection, project_id: int, conversation_id: UUID) -> Conversation | None:
    """A conversation that any member of its project may read: titled, of a listed type, not internal."""
    row = connection.execute(_shown(project_id).where(conversations.c.id == conversation_id)).first()
    return _conversation(row) if row else None


def list_shown(
    connection: Connection, project_id: int, user_id: int, *, limit: int, offset: int
) -> tuple[list[Conversation], int]:
    """A page of the user's own conversations, newest change first, and how many there are in all."""
    query = _shown(project_id).where(conversations.c.user_id == user_id)
    rows = connection.execute(
        query.order_by(conversations.c.updated_at.desc(), conversations.c.id).limit(limit).offset(offset)
    )
    count = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    return [_conversation(row) for row in rows], count


def create_conversation(
    connection: Connection, conversation_id: UUID, *, project_id: int, user_id: int, kind: str, now: datetime
) -> bool:
    """A new, idle conversation without a title; False when the id is taken."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(conversations).values(
        id=conversation_id,
        project_id=project_id,
        user_id=user_id,
        status="idle",
        type=kind,
        is_internal=False,
        is_queue_open=True,
        stream_sequence=0,
        last_sequence=0,
        created_at=now,
        updated_at=now,
    )
    made = statement.on_conflict_do_nothing().returning(conversations.c.id)
    return connection.execute(made).first() is not None


def change(connection: Connection, conversation_id: UUID, **values: Any) -> None:
    """Set columns of a conversation."""
    connection.execute(update(conversations).where(conversations.c.id == conversation_id).values(**values))


def start(connection: Connection, conversation_id: UUID, **values: Any) -> bool:
    """From idle to in progress; False when somebody else was faster."""
    idle = (conversations.c.id == conversation_id, conversations.c.status == "idle")
    return connection.execute(update(conversations).where(*idle).values(status="in_progress", **values)).rowcount == 1


def append(
    connection: Connection,
    conversation_id: UUID,
    entries: Sequence[NewEntry],
    *,
    now: datetime,
    turn_id: UUID | None = None,
) -> list[Entry]:
    """Append to the log. With a `turn_id`, only while that turn runs: raises `TurnOver` once it does not."""
    own = conversations.c.id == conversation_id
    if turn_id is not None:
        own &= (conversations.c.turn_id == turn_id) & (conversations.c.status == "in_progress")
    statement = update(conversations).where(own).values(last_sequence=conversations.c.last_sequence + len(entries))
    last = connection.execute(statement.returning(conversations.c.last_sequence)).scalar_one_or_none()
    if last is None:
        raise TurnOver(conversation_id)
    first = last - len(entries) + 1
    stored = [
        Entry(first + index, turn_id, entry.event, entry.payload, entry.private or {})
        for index, entry in enumerate(entries)
    ]
    rows = [
        {
            "conversation_id": conversation_id,
            "sequence": entry.sequence,
            "turn_id": entry.turn_id,
            "event": entry.event,
            "payload": entry.payload,
            "private": entry.private or None,
            "created_at": now,
        }
        for entry in stored
    ]
    connection.execute(insert(log), rows)
    return stored


def finish(connection: Connection, conversation_id: UUID, *, reason: str, now: datetime) -> list[Entry]:
    """Back to idle, with the log entry at which every reader's stream ends."""
    change(connection, conversation_id, status="idle", turn_id=None, updated_at=now)
    return append(connection, conversation_id, [NewEntry(END, {"reason": reason})], now=now)


def entries_after(connection: Connection, conversation_id: UUID, sequence: int) -> tuple[list[Entry], bool]:
    """The log from a position on, and whether more may come by itself: False for a conversation at rest."""
    # The status first: read the other way round, a turn that ends in between would leave its last entries unread.
    status = connection.execute(
        select(conversations.c.status).where(conversations.c.id == conversation_id)
    ).scalar_one_or_none()
    query = select(log).where(log.c.conversation_id == conversation_id, log.c.sequence > sequence)
    entries = [_entry(row) for row in connection.execute(query.order_by(log.c.sequence))]
    return entries, status not in (None, "idle")


def messages_of(connection: Connection, conversation_ids: Collection[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """The messages of conversations, oldest first."""
    found: dict[UUID, list[dict[str, Any]]] = {each: [] for each in conversation_ids}
    query = select(log.c.conversation_id, log.c.payload).where(
        log.c.conversation_id.in_(conversation_ids), log.c.event == "message"
    )
    for row in connection.execute(query.order_by(log.c.conversation_id, log.c.sequence)):
        found[row.conversation_id].append(row.payload)
    return found


def insert_turn(connection: Connection, turn: Turn) -> None:
    """Record a turn."""
    connection.execute(
        insert(turns).values(
            id=turn.id,
            conversation_id=turn.conversation_id,
            trace_id=turn.trace_id,
            start_sequence=turn.start_sequence,
            options=turn.options,
            created_at=turn.created_at,
        )
    )


def get_turn(connection: Connection, turn_id: UUID) -> Turn | None:
    """A turn by its id."""
    row = connection.execute(select(turns).where(turns.c.id == turn_id)).first()
    return _turn(row) if row else None


def get_turn_by_trace(connection: Connection, conversation_id: UUID, trace_id: UUID) -> Turn | None:
    """A turn by the id its client gave it."""
    own = (turns.c.conversation_id == conversation_id, turns.c.trace_id == trace_id)
    row = connection.execute(select(turns).where(*own)).first()
    return _turn(row) if row else None


def _joined() -> Select[Any]:
    columns = [each.label(f"owner_{each.name}") for each in users.c]
    return select(conversations, *columns).join(users, users.c.id == conversations.c.user_id)


def _shown(project_id: int) -> Select[Any]:
    return _joined().where(
        conversations.c.project_id == project_id,
        conversations.c.title.is_not(None),
        conversations.c.type.in_(_LISTED_TYPES),
        conversations.c.is_internal.is_(False),
        conversations.c.deleted_at.is_(None),
    )


def _conversation(row: Row[Any]) -> Conversation:
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's documented mapping view
    names = [name for name in Conversation.__dataclass_fields__ if name != "user"]
    user = User(**{name: values[f"owner_{name}"] for name in User.__dataclass_fields__})
    return Conversation(**{name: values[name] for name in names}, user=user)


def _entry(row: Row[Any]) -> Entry:
    return Entry(row.sequence, row.turn_id, row.event, row.payload, row.private or {})


def _turn(row: Row[Any]) -> Turn:
    return Turn(row.id, row.conversation_id, row.trace_id, row.start_sequence, row.options, row.created_at)
