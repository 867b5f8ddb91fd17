"""Tells a project, and a webhook, how its runs went. Each notice is a job of the transaction that it is about.

A notice is stored as an event of the project. Exports of events leave these events out unless `include_events` names
them: otherwise each run would bring about a row for the next one, and no export would ever have nothing to do.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx2 as httpx
from sqlalchemy import Connection

from furze.events.queue import IngestQueue
from furze.events.types import Event, encode_events
from furze.exports import addresses
from furze.exports.destination import Reject
from furze.exports.engine import NOTICE, WEBHOOK, Exports, Notice, Notify
from furze.exports.types import Export, Run
from furze.jobs import JobContext, Retry
from furze.kit import json

log = logging.getLogger(__name__)

_ERROR_LENGTH = 1000
_TIMEOUT = httpx.Timeout(20, connect=10)
_PATIENCE = timedelta(hours=24)
_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)


@dataclass(frozen=True, slots=True)
class _Answered:
    """How a webhook took a notice."""

    status: int

    @property
    def may_pass(self) -> bool:
        return self.status >= HTTPStatus.INTERNAL_SERVER_ERROR or self.status in _PASSING

    @property
    def is_success(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


def announce(connection: Connection, engine: Exports, export: Export, run: Run, event: str, **more: Any) -> None:
    """Have a notice sent once this transaction is committed; the same one about the same run only once."""
    properties: dict[str, Any] = {
        "batch_export_id": str(export.id),
        "batch_export_run_id": str(run.id),
        "batch_export_name": export.name,
        "data_interval_start": run.window_start.isoformat() if run.window_start else None,
        "data_interval_end": run.window_end.isoformat(),
        "destination_type": export.destination_type,
    } | more
    if "error" in properties:
        properties["error"] = str(properties["error"])[:_ERROR_LENGTH]
    arguments = {
        "project_id": export.project_id,
        "event": event,
        "uuid": str(uuid5(NAMESPACE_URL, f"furze:{run.id}:{event}")),
        "timestamp": engine.clock.now().isoformat(),
        "properties": properties,
    }
    for kind in (NOTICE, WEBHOOK) if engine.webhook_url else (NOTICE,):
        engine.jobs.enqueue(connection, kind, arguments, job_id=f"{run.id}-{event}-{kind}")


def capturing(queue: IngestQueue) -> Notify:
    """Stores notices as events of their project. They are nobody's: no person is made for them."""

    async def capture(notice: Notice) -> None:
        event = Event(
            project_id=notice.project_id,
            uuid=notice.uuid,
            event=notice.event,
            distinct_id=f"team_{notice.project_id}",
            timestamp=notice.timestamp,
            created_at=notice.timestamp,
            properties=dict(notice.properties) | {"$process_person_profile": False},
        )
        await queue.append(notice.project_id, encode_events([event]), 1)

    return capture


async def store(engine: Exports, context: JobContext) -> None:
    """The job that hands a notice to its project."""
    try:
        await engine.notify(_notice(context.job.arguments))
    except Exception as error:
        raise Retry(f"The notice could not be stored: {error}") from error


async def post(engine: Exports, context: JobContext) -> None:
    """The job that posts a notice to the webhook: tried for a day while the receiver is away or too busy."""
    notice, url = _notice(context.job.arguments), engine.webhook_url
    if url is None:
        return
    host = urlsplit(url).hostname or ""
    try:
        await addresses.check_host(host)
        answer = await _post(url, notice)
    except (Reject, httpx.TransportError) as error:
        _later(engine, context, f"the webhook at {host!r} cannot be reached: {error}")
        return
    if not answer.is_success:
        text = f"the webhook at {host!r} answered {answer.status}"
        if answer.may_pass:
            _later(engine, context, text)
        log.error("%s: notice %s is dropped", text, notice.uuid)


def _later(engine: Exports, context: JobContext, reason: str) -> None:
    if engine.clock.now() - context.job.created_at < _PATIENCE:
        raise Retry(reason)
    log.error("%s, for a day: notice %s is dropped", reason, context.job.arguments["uuid"])


async def _post(url: str, notice: Notice) -> _Answered:
    body = {
        "event": notice.event,
        "uuid": str(notice.uuid),
        "project_id": notice.project_id,
        "timestamp": notice.timestamp.isoformat(),
        "properties": dict(notice.properties),
        "text": _sentence(notice),  # what a chat's incoming webhook shows
    }
    headers = {"Content-Type": "application/json"}
    # A redirect could lead to an address that has not been checked.
    async with httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False) as client:
        return _Answered((await client.post(url, content=json.dumps(body), headers=headers)).status_code)


def _sentence(notice: Notice) -> str:
    name, what = notice.properties["batch_export_name"], notice.event.removeprefix("$batch_export_").replace("_", " ")
    error = notice.properties.get("error")
    end = notice.properties["data_interval_end"]
    return f"Batch export {name!r}: {what} (interval until {end})" + (f": {error}" if error else "")


def _notice(arguments: dict[str, Any]) -> Notice:
    return Notice(
        project_id=arguments["project_id"],
        event=arguments["event"],
        uuid=UUID(arguments["uuid"]),
        timestamp=datetime.fromisoformat(arguments["timestamp"]),
        properties=arguments["properties"],
    )
