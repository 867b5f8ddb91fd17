"""What a project wants its assistant to know: one text, written in conversations, read before each."""

from datetime import datetime
from typing import Final

from sqlalchemy import Column, Connection, ForeignKey, Integer, String, Table, delete, insert, select

from furze.database import UTCDateTime, metadata
from furze.platform.errors import InvalidInput

#: Characters in all. A longer text would crowd the question out of a small model's context.
LONGEST: Final = 10_000
_SHOWN: Final = 5_000

memories = Table(
    "project_memory",
    metadata,
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("text", String, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
)


def read(connection: Connection, project_id: int) -> str:
    """The text; empty when nothing was remembered."""
    query = select(memories.c.text).where(memories.c.project_id == project_id)
    return connection.execute(query).scalar_one_or_none() or ""


def remember(connection: Connection, project_id: int, fact: str, *, now: datetime) -> str:
    """The text with a line more, unless it has that line; raises `InvalidInput` when there is no room."""
    known, line = read(connection, project_id), " ".join(fact.split())
    if line in known.split("\n"):
        return known
    text = f"{known}\n{line}".strip()
    if len(text) > LONGEST:
        room = max(LONGEST - len(known) - 1, 0)
        raise InvalidInput(
            f"The memory holds {LONGEST:,} characters and has room for {room:,} more. Say /forget first."
        )
    replace(connection, project_id, text, now=now)
    return text


def replace(connection: Connection, project_id: int, text: str, *, now: datetime) -> None:
    """Remember this text and nothing else."""
    connection.execute(delete(memories).where(memories.c.project_id == project_id))
    if text:
        connection.execute(insert(memories).values(project_id=project_id, text=text, updated_at=now))


def shown(text: str) -> str:
    """What a model gets to read: of a long text its beginning and its end."""
    half = _SHOWN // 2
    return text if len(text) <= _SHOWN else f"{text[:half]}\n…\n{text[-half:]}"
