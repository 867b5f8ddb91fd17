"""The migrations, and what a database looks like after them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

import furze.server
from furze.database import Database, metadata
from furze.database.migrate import SchemaTooNew, current, head, migrate
from furze.testing.postgres import fresh_database

assert furze.server  # imports every slice, and so every table


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each kind."""
    on_postgres = request.param == "postgres"
    opened = Database(
        fresh_database(request.getfixturevalue("postgres")) if on_postgres else f"sqlite:///{tmp_path / 'furze.db'}"
    )
    yield opened
    opened.close()


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return compare_metadata(context, metadata)


def test_the_migrations_make_exactly_the_tables_the_code_declares(database: Database) -> None:
    assert migrate(database) == head()
    assert database.read_now(_differences) == []


def test_a_database_that_is_up_to_date_is_left_alone(database: Database) -> None:
    migrate(database)
    assert migrate(database) is None
    assert database.read_now(current) == head()


def test_a_database_of_a_newer_release_is_refused_by_its_revision(database: Database) -> None:
    migrate(database)
    database.write_now(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(SchemaTooNew, match="'9999'"):
        migrate(database)
