"""One furze process: listens, serves until told to stop, and says in one line why it can't start."""

import errno
import logging
import socket
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import uvicorn
import uvloop
from fastapi import FastAPI
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, OperationalError

import furze
from furze.database import Database
from furze.database import migrate as migrations
from furze.events.embedded import EngineStartError
from furze.events.errors import QueueUnavailable
from furze.kit.memory import use_few_arenas
from furze.platform import sessions, users
from furze.platform.errors import InvalidInput
from furze.platform.first_start import FirstKeys
from furze.platform.passwords import check_password, hash_password
from furze.server import FolderInUse, create_app
from furze.settings import Settings

#: How long requests in progress, open streams among them, may take once furze is told to stop.
_GRACE_SECONDS = 3


class StartError(Exception):
    """furze can't start. The message says why and what to do."""


def serve(*, data: Path, host: str, port: int, log_level: str) -> None:
    """Serve until SIGINT or SIGTERM; raises `StartError`."""
    use_few_arenas()
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = Settings(data=data, host=host, port=port)
    try:
        with _listen(settings) as listening:
            uvloop.run(_serve(settings, listening, log_level))
    except (OSError, FolderInUse, EngineStartError, QueueUnavailable, migrations.SchemaTooNew, DatabaseError) as error:
        raise StartError(_reason(settings, error)) from error


def migrate(*, data: Path) -> str:
    """Bring the database to this release's schema; a sentence about what was done."""
    settings = Settings(data=data)
    settings.data.mkdir(parents=True, exist_ok=True)
    database = Database(settings.resolved_database_url)
    try:
        reached = migrations.migrate(database)
    except (OSError, migrations.SchemaTooNew, DatabaseError) as error:
        raise StartError(_reason(settings, error)) from error
    finally:
        database.close()
    return f"The database is now at revision {reached}." if reached else "The database is up to date."


def set_password(*, data: Path, email: str, password: str) -> str:
    """Give an account a password, whatever it had, and sign its browsers out; a sentence about what was done."""
    settings = Settings(data=data)
    if not settings.database_url and not (data / "furze.db").is_file():
        raise StartError(f"no furze was ever started in {str(data)!r}. Name its folder with --data.")
    database = Database(settings.resolved_database_url)
    try:
        migrations.migrate(database)
        check_password(password, email=email)
        database.write_now(_store_password, email, hash_password(password))
    except InvalidInput as error:
        raise StartError(error.detail) from error
    except (OSError, migrations.SchemaTooNew, DatabaseError) as error:
        raise StartError(_reason(settings, error)) from error
    finally:
        database.close()
    return f"{email} signs in with the new password from now on."


def _store_password(connection: Connection, email: str, stored: str) -> None:
    found = users.find_by_email(connection, email)
    if found is None:
        raise StartError(
            f"nobody has the email address {email!r}. The first user's is 'owner@localhost' until changed."
        )
    users.change_user(connection, found[0], {"password_hash": stored}, datetime.now(UTC))
    sessions.end_others(connection, found[0].id, None)


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only for sockets that name TCP; with it every answer waits 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((settings.host, settings.port))
    listening.listen(512)  # who reads "is ready" may connect at once
    return listening


async def _serve(settings: Settings, listening: socket.socket, log_level: str) -> None:
    app = create_app(settings)
    config = uvicorn.Config(
        app, lifespan="off", log_level=log_level, access_log=False, timeout_graceful_shutdown=_GRACE_SECONDS
    )
    async with app.router.lifespan_context(app):
        await _announce(app, settings.host, listening.getsockname()[1])
        await uvicorn.Server(config).serve([listening])


async def _announce(app: FastAPI, host: str, port: int) -> None:
    shown = f"[{host}]" if ":" in host else host
    lines = [f"furze {furze.__version__} is ready at http://{shown}:{port}"]
    if ip_address(socket.gethostbyname(host) if ":" not in host else host).is_loopback:
        # Who reads this terminal owns the server. On other addresses its log may be read by more people than that.
        database: Database = app.state.provided[Database]
        link = await database.write(sessions.make_owner_link, datetime.now(UTC))
        lines.append(f"  Console           http://{shown}:{port}{link}  (signs you in, once)")
    keys: FirstKeys | None = app.state.first_keys
    if keys:
        lines.append(f"  Personal API key  {keys.personal_api_key}  (shown this once: keep it)")
        lines.append(f"  Project API key   {keys.project_api_key}")
    print("\n".join(lines), flush=True)  # noqa: T201 - for the person who started it


def _reason(settings: Settings, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"port {settings.port} on {settings.host} is in use. Start with another --port, or 0 for a free one."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"no space left for the data folder {str(settings.data)!r}. Free some, or start with another --data."
    if isinstance(error, OSError) and error.filename:
        return f"can't use {str(error.filename)!r}: {error.strerror}."
    if isinstance(error, DatabaseError):
        return _database_reason(settings, error)
    if isinstance(error, QueueUnavailable):
        return f"the ingest queue {str(settings.data / 'queue.db')!r} can't be used. {error} Restore a backup of it."
    return str(error)


def _database_reason(settings: Settings, error: DatabaseError) -> str:
    cause = str(error.orig).strip().rstrip(".")
    if settings.database_url:
        return f"the database at FURZE_DATABASE_URL can't be used: {cause}. Check the URL and that its server runs."
    place = str(settings.data / "furze.db")
    if isinstance(error, OperationalError) and "full" in cause:
        return f"no space left to write {place!r}. Free some, or start with another --data."
    return f"the database {place!r} can't be read: {cause}. Restore a backup of it, or start with another --data."
