"""Why a database does not answer, when it is nobody's bug."""

from sqlalchemy.exc import OperationalError

# SQLite reports bugs (`no such column`) by the same class, so only its words tell what may pass.
_PASSING = ("disk is full", "disk I/O error", "is locked", "unable to open database file", "readonly database")


def outage(error: OperationalError) -> str | None:
    """The driver's reason when the database is away, locked or out of disk; None when the statement was wrong."""
    reason = str(error.orig).strip().splitlines()[0]
    is_sqlite = type(error.orig).__module__.startswith("sqlite3")
    return reason if not is_sqlite or any(words in reason for words in _PASSING) else None
