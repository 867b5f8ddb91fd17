"""File downloads over HTTP."""

from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import FileResponse, RedirectResponse

from furze.exports import downloads, store
from furze.exports.downloads import DownloadAnswer, DownloadBody, DownloadCreated, DownloadStatus
from furze.exports.run_routes import READ, WRITE, Engine, identity
from furze.exports.types import Export, Run
from furze.platform.auth import ProjectAccess
from furze.platform.pagination import AskedPage, Page
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints

endpoints = Endpoints("file_download_batch_exports")

_DOWNLOADS = "/file_download_batch_exports"
_ONE = f"{_DOWNLOADS}/{{download_id}}"


@endpoints.post(_DOWNLOADS, scope=WRITE, response=DownloadCreated, status=202)
async def create_download(
    access: ProjectAccess, engine: Engine, body: Annotated[DownloadBody, Depends(BodyOf(DownloadBody))]
) -> DownloadCreated:
    """Write up to seven days of a model into files to fetch; they are kept for a day."""
    position = await engine.queue.head()
    download = await engine.database.write(downloads.create, engine, access, body, position=position)
    engine.jobs.wake()
    return DownloadCreated(id=download.id)


@endpoints.get(_DOWNLOADS, scope=READ, response=Page[DownloadStatus])
async def list_downloads(access: ProjectAccess, engine: Engine, page: AskedPage) -> dict[str, Any]:
    """The project's downloads of the last day, newest first."""
    rows, count = await engine.database.read(
        store.list_exports, access.project.id, limit=page.limit, offset=page.offset, downloads=True
    )
    found = await engine.database.read(downloads.with_runs, rows)
    return page.page([DownloadStatus(id=each.id, status=run.status) for each, run in found], count)


@endpoints.get(_ONE, scope=READ, response=DownloadAnswer)
async def get_download(access: ProjectAccess, engine: Engine, download_id: str) -> DownloadAnswer:
    """How far a download is; once it is complete, its files."""
    return _answer(*await engine.database.read(downloads.found, access, identity(download_id)))


@endpoints.get(f"{_ONE}/download", scope=READ, status=302)
async def download_first(access: ProjectAccess, engine: Engine, download_id: str) -> RedirectResponse:
    """To the first file, by a link that needs no key for a quarter of an hour."""
    return await _redirect(access, engine, download_id, None)


@endpoints.get(f"{_ONE}/download/{{index}}", scope=READ, status=302)
async def download_one(access: ProjectAccess, engine: Engine, download_id: str, index: str) -> RedirectResponse:
    """To one file, by its number or its name."""
    return await _redirect(access, engine, download_id, index)


@endpoints.post(f"{_ONE}/cancel", scope=WRITE, response=DownloadStatus, status=200)
async def cancel_download(access: ProjectAccess, engine: Engine, download_id: str) -> DownloadStatus:
    """Stop a download that has not ended."""
    run = await engine.database.write(downloads.cancel, engine, access, identity(download_id))
    engine.jobs.interrupt(run.job_id)
    return DownloadStatus(id=run.export_id, status=run.status)


@endpoints.get("/file_downloads/{link}", scope=None, in_project=False, is_open=True)
async def fetch_file(engine: Engine, link: str) -> FileResponse:
    """A file, by a link that a download has given out."""
    place = downloads.file_behind(engine, link)
    return FileResponse(place, filename=place.name, headers={"Cache-Control": "no-store"})


async def _redirect(access: ProjectAccess, engine: Engine, download_id: str, index: str | None) -> RedirectResponse:
    found = await engine.database.read(downloads.found, access, identity(download_id))
    link = downloads.link_to(engine, *found, index)
    return RedirectResponse(f"/api/file_downloads/{link}", 302, {"Cache-Control": "no-store"})


def _answer(download: Export, run: Run) -> DownloadAnswer:
    return DownloadAnswer(
        id=download.id,
        status=run.status,
        files=downloads.fetchable(run) if run.status == "Completed" else [],
        records_completed=run.records_completed,
        error=run.latest_error,
    )
