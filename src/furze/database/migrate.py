"""Brings a database to this release's schema."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from furze.database.connection import Database

_FOLDER = Path(__file__).parent / "migrations"


class SchemaTooNew(Exception):
    """The database was written by a newer furze. Start that version, or restore a backup made before the upgrade."""


def head() -> str:
    """The newest revision this release knows: `0003`."""
    return max(path.name for path in (_FOLDER / "versions").glob("[0-9]*.py")).split("_")[0]


def current(connection: Connection) -> str | None:
    """The revision the database is at, or None when it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def migrate(database: Database) -> str | None:
    """Run the missing migrations, all in one transaction; the revision reached, or None when nothing was missing."""
    revision = database.read_now(current)
    if revision == head():
        return None
    if revision is not None and revision > head():
        raise SchemaTooNew(f"the database is at revision {revision!r}, this furze knows up to {head()!r}")
    database.write_now(_upgrade)
    return head()


def _upgrade(connection: Connection) -> None:
    # Imported when needed: an up-to-date database, the usual start, saves a second.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
