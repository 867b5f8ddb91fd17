"""File downloads: a model's rows over a few days as files that a person fetches from this server.

A download is an export that nobody sees, without a schedule and with one run, so that everything the run engine
promises holds for it too.
"""

import asyncio
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import Connection

from furze.exports import lifecycle, planning, run_store, store, validation
from furze.exports.engine import Exports
from furze.exports.formats import COMPRESSIONS
from furze.exports.store import DOWNLOAD
from furze.exports.types import OPEN, Export, Model, Moment, Run, RunStatus, Window
from furze.kit.ids import uuid7
from furze.platform.auth import Access
from furze.platform.errors import FurzeError, InvalidInput, NotFound
from furze.platform.fields import Answer, Body, Text
from furze.platform.store import record_activity
from furze.platform.types import Actor, Item

_LONGEST = timedelta(days=7)
_KEPT = timedelta(days=1)
_LINK = timedelta(minutes=15)
_NOT_READY = {
    "Starting": "Batch export run is still in progress",
    "Running": "Batch export run is still in progress",
    "Cancelled": "Batch export run was cancelled",
}


class TooManyDownloads(FurzeError):
    """The team already has too many file downloads running."""

    status = 429
    type = "throttled_error"
    code = "too_many_concurrent_file_downloads"


class FileBody(Body):
    """How the files are written. A size of 0 or null means one file."""

    format: Literal["Parquet", "JSONLines", "CSV", "Arrow"] = "Parquet"
    compression: Literal["zstd", "gzip", "brotli", "lz4", "snappy"] | None = None
    max_size_mb: Annotated[int, Field(ge=0)] | None = 1024


class DownloadBody(Body):
    """What a new download takes."""

    model: Model = "events"
    file: FileBody = FileBody()
    data_interval_start: Moment
    data_interval_end: Moment
    include: list[str] = []
    exclude: list[str] = []
    hogql_query: Text | None = None
    hogql_modifiers: dict[str, Any] | None = None


class DownloadCreated(Answer):
    """The id of a new download."""

    id: UUID


class DownloadStatus(Answer):
    """A download in a list, or after a cancel."""

    id: UUID
    status: RunStatus


class DownloadAnswer(DownloadStatus):
    """A download with its files, or the reason it has none."""

    files: list[str]
    records_completed: int | None
    error: str | None


def create(connection: Connection, engine: Exports, access: Access, body: DownloadBody, *, position: int) -> Export:
    """A new download of the rows below `position`; raises `InvalidInput` and `TooManyDownloads`."""
    now = engine.clock.now()
    window = _window(body, now)
    _check_file(body.file)
    rows, _ = store.list_exports(connection, access.project.id, limit=1000, offset=0, downloads=True)
    running = sum(run.status in OPEN for _, run in with_runs(connection, rows))
    if running >= engine.limits.downloads_per_project:
        raise TooManyDownloads(
            f"This team already has {running} file downloads running. "
            "Wait for some to finish or cancel them before creating more."
        )
    download_id = uuid7()
    values = {"query_schema": None} | validation.query_values(body.model_dump(), project_id=access.project.id)
    config: dict[str, Any] = {"path": str(engine.downloads / str(download_id)), "prefix": ""}
    config |= {"file_format": body.file.format, "compression": body.file.compression}
    config |= {"include_events": body.include, "exclude_events": body.exclude}
    if body.file.max_size_mb:
        config["max_file_size_mb"] = body.file.max_size_mb
    values |= {
        "id": download_id,
        "project_id": access.project.id,
        "name": f"{body.model} of {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M}",
        "model": body.model,
        "destination_type": DOWNLOAD,
        "config": config,
        "interval": "hour",
        "timezone": "UTC",
        "paused": True,
        "deleted": False,
        "hogql_modifiers": body.hogql_modifiers,
        "created_by_id": access.user.id,
        "created_at": now,
        "last_updated_at": now,
        "next_start": now,
    }
    download = store.create_export(connection, values=values)
    planning.plan_once(connection, engine, download, window, position=position)
    item = Item("FileDownload", str(download.id), download.name)
    record_activity(connection, by=Actor(access.project.id, access.user.id), item=item, activity="created", now=now)
    return download


def with_runs(connection: Connection, downloads: list[Export]) -> list[tuple[Export, Run]]:
    """Downloads, each with its one run."""
    runs = run_store.latest_runs(connection, [each.id for each in downloads], count=1)
    return [(each, runs[each.id][0]) for each in downloads]


def found(connection: Connection, access: Access, download_id: UUID) -> tuple[Export, Run]:
    """A download of the caller's project; raises `NotFound`."""
    download = store.get_export(connection, access.project.id, download_id, downloads=True)
    if download is None:
        raise NotFound
    return with_runs(connection, [download])[0]


def cancel(connection: Connection, engine: Exports, access: Access, download_id: UUID) -> Run:
    """Stop a download's run; one that has ended stays as it is."""
    _, run = found(connection, access, download_id)
    if run.status in OPEN and lifecycle.stop_run(connection, engine, run, engine.clock.now()):
        return replace(run, status="Cancelled")
    return run


def link_to(engine: Exports, download: Export, run: Run, index: str | None) -> str:
    """The part of a link's path that lets its holder fetch one file for a quarter of an hour."""
    if run.status != "Completed":
        raise InvalidInput(_NOT_READY.get(run.status, "Batch export run has failed"))
    files = fetchable(run)
    number = _number(index, files)
    if number is None:
        raise NotFound(f"No files with index {index or 0}")
    until = int((engine.clock.now() + _LINK).timestamp())
    return engine.secrets.encrypt({"download": str(download.id), "file": files[number], "until": until})


def file_behind(engine: Exports, link: str) -> Path:
    """The file that a link leads to; raises `NotFound` when the link or the file has had its time."""
    try:
        named = engine.secrets.decrypt(link)
        place = engine.downloads / str(UUID(named["download"])) / str(named["file"])
        is_over = named["until"] < engine.clock.now().timestamp()
    except (FurzeError, KeyError, TypeError, ValueError) as error:
        raise NotFound("There is nothing behind this link.") from error
    if is_over or not place.is_file():
        raise NotFound("This link is no longer valid. Ask for the download again.")
    return place


def fetchable(run: Run) -> list[str]:
    """The names of a run's files, without the manifest."""
    return [name for name in run.files or [] if not name.endswith("_manifest.json")]


async def forget_old(engine: Exports) -> None:
    """Remove the files of downloads that were asked for more than a day ago, and the downloads with them."""
    now = engine.clock.now()
    for download in await engine.database.read(store.old_downloads, before=now - _KEPT):
        await asyncio.to_thread(shutil.rmtree, download.config["path"], ignore_errors=True)
        await engine.database.write(_mark_deleted, download.id, now)
    # The folders first: a download that begins meanwhile has its row before its folder.
    folders = await asyncio.to_thread(_folders, engine.downloads)
    known = {str(each) for each in await engine.database.read(store.download_ids)}
    for orphan in folders:
        if orphan.name not in known:  # its project is gone, and its row with it
            await asyncio.to_thread(shutil.rmtree, orphan, ignore_errors=True)


def _folders(folder: Path) -> list[Path]:
    return [each for each in folder.iterdir() if each.is_dir()] if folder.is_dir() else []


def _mark_deleted(connection: Connection, download_id: UUID, now: datetime) -> None:
    store.update_export(connection, download_id, deleted=True, last_updated_at=now)


def _window(body: DownloadBody, now: datetime) -> Window:
    start, end = body.data_interval_start, body.data_interval_end
    for name, instant in (("data_interval_start", start), ("data_interval_end", end)):
        if instant > now:
            raise InvalidInput(f"'{name}' ({instant.isoformat()}) is in the future", attr=name)
    if end <= start:
        raise InvalidInput("'data_interval_end' must occur after 'data_interval_start'", attr="data_interval_end")
    if end - start > _LONGEST:
        raise InvalidInput("data interval range too big. Choose an interval of at most seven days.")
    return Window(start, end)


def _check_file(file: FileBody) -> None:
    allowed = COMPRESSIONS[file.format]
    if file.compression is not None and file.compression not in allowed:
        raise InvalidInput(
            f"Compression {file.compression} is not supported for file format {file.format}. "
            f"Supported compressions are {list(allowed)}",
            attr="file__compression",
        )


def _number(index: str | None, files: list[str]) -> int | None:
    if index in files:
        return files.index(index)
    number = int(index) if index and index.isascii() and index.isdigit() and len(index) < 6 else 0
    return number if (index is None or index.isdigit()) and number < len(files) else None
