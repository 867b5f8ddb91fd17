"""Messages that wait for the running turn to end: at most a few, in order, open or closed together with the status."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Column, Connection, ForeignKey, Integer, Row, String, Table, Uuid, delete, func, insert, select
from sqlalchemy import update as update_rows

from furze.conversations.errors import QueueIsFull
from furze.conversations.types import QueuedMessage
from furze.database import UTCDateTime, json_type, metadata
from furze.kit.clock import wire_time

messages = Table(
    "conversation_queue",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("conversation_id", Uuid, ForeignKey("conversation.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("place", Integer, nullable=False),
    Column("content", String, nullable=False),
    Column("options", json_type(), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
)

OPTIONS = ("contextual_tools", "ui_context", "billing_context", "agent_mode", "session_id")


def listed(connection: Connection, conversation_id: UUID) -> list[QueuedMessage]:
    """The waiting messages, first come first."""
    query = select(messages).where(messages.c.conversation_id == conversation_id).order_by(messages.c.place)
    return [_message(row) for row in connection.execute(query)]


def add(
    connection: Connection, conversation_id: UUID, *, content: str, options: dict[str, Any], limit: int, now: datetime
) -> None:
    """Add a message at the end; raises `QueueIsFull`. The caller holds the conversation's lock."""
    own = messages.c.conversation_id == conversation_id
    count, last = connection.execute(select(func.count(), func.max(messages.c.place)).where(own)).one()
    if count >= limit:
        raise QueueIsFull
    connection.execute(
        insert(messages).values(
            id=uuid4(),
            conversation_id=conversation_id,
            place=(last or 0) + 1,
            content=content,
            options=options,
            created_at=now,
        )
    )


def edit(connection: Connection, conversation_id: UUID, message_id: UUID, content: str) -> bool:
    """Change a waiting message's text; False when it no longer waits."""
    own = (messages.c.conversation_id == conversation_id, messages.c.id == message_id)
    return connection.execute(update_rows(messages).where(*own).values(content=content)).rowcount == 1


def move(connection: Connection, conversation_id: UUID, message_id: UUID, position: int) -> None:
    """Put a waiting message at a position, counted from 0; beyond the end it is the last. The caller holds the lock."""
    order = [message.id for message in listed(connection, conversation_id) if message.id != message_id]
    order.insert(min(position, len(order)), message_id)
    for place, each in enumerate(order, start=1):
        own = (messages.c.conversation_id == conversation_id, messages.c.id == each)
        connection.execute(update_rows(messages).where(*own).values(place=place))


def remove(connection: Connection, conversation_id: UUID, message_id: UUID) -> bool:
    """Take a waiting message out; False when it no longer waits."""
    own = (messages.c.conversation_id == conversation_id, messages.c.id == message_id)
    return connection.execute(delete(messages).where(*own)).rowcount == 1


def clear(connection: Connection, conversation_id: UUID) -> None:
    """Take out every waiting message."""
    connection.execute(delete(messages).where(messages.c.conversation_id == conversation_id))


def pop(connection: Connection, conversation_id: UUID) -> QueuedMessage | None:
    """Take out the first waiting message."""
    waiting = listed(connection, conversation_id)
    if not waiting:
        return None
    remove(connection, conversation_id, waiting[0].id)
    return waiting[0]


def wire(message: QueuedMessage) -> dict[str, Any]:
    """A waiting message on the wire: every key present, null when unset."""
    options = {name: message.options.get(name) for name in OPTIONS}
    return {
        "id": str(message.id),
        "content": message.content,
        "created_at": wire_time(message.created_at),
        **options,
    }


def _message(row: Row[Any]) -> QueuedMessage:
    return QueuedMessage(row.id, row.content, row.options, row.created_at)
