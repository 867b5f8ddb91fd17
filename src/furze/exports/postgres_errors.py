"""What servers that speak PostgreSQL's protocol say: `Reject` when a person has to mend something, else `Retry`."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg

from furze.exports.destination import Reject
from furze.jobs import Retry

T = TypeVar("T")

# Connection lost, transaction to be repeated, out of resources, shut down, lock not free: may pass.
_PASSING_CLASSES = ("08", "40", "53", "55", "57", "58")
_REFUSED_AT_CONNECT = (
    "password authentication failed",
    "does not exist",
    "no pg_hba.conf entry",
    "does not support SSL",
)
# Redshift gives its own conflicts between transactions the code of an internal error.
_PASSING_WORDS = ("Serializable isolation violation", "conflict with concurrent transaction")


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """The result of work with a connection, done in a thread; its errors translated."""
    try:
        return await asyncio.to_thread(function, *arguments)
    except psycopg.Error as error:
        raise translated(error) from error


def translated(error: psycopg.Error) -> Exception:
    """The error as one of the run engine's two, without the statement's text."""
    if error.sqlstate is None:
        text = str(error).strip().replace("\n", " ")
        # A refused connection has no code: only the server's words tell a wrong password from a server that is away.
        lasting = any(words in text for words in _REFUSED_AT_CONNECT)
        return Reject(text) if lasting else Retry(text)
    text = error.diag.message_primary or type(error).__name__
    if error.sqlstate.startswith(_PASSING_CLASSES) or any(words in text for words in _PASSING_WORDS):
        return Retry(text)
    return Reject(f"{type(error).__name__}: {text}")
