"""The public endpoints that SDKs call: raw routes, for a framework's validation per event would cost the most of all.

An answer of 200 means that the events are on disk. Errors are plain text, as PostHog's capture service sends them.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from furze.capture import flags, v1, wire
from furze.capture.encoding import Encoded
from furze.capture.types import Arrival
from furze.database import Database
from furze.events.queue import IngestQueue
from furze.events.types import Event, encode_events
from furze.kit.clock import Clock
from furze.kit.ids import uuid7
from furze.platform.errors import AuthenticationFailed, FurzeError, TooLarge, Unavailable
from furze.platform.store import get_project_by_token

MAX_BATCH_BYTES = 20 * 1024 * 1024
MAX_EVENT_BYTES = 2 * 1024 * 1024

#: The paths of the older protocol, each with how many bytes it takes.
CAPTURE_PATHS: Mapping[str, int] = {
    "/batch": MAX_BATCH_BYTES,
    "/e": MAX_EVENT_BYTES,
    "/i/v0/e": MAX_EVENT_BYTES,
    "/capture": MAX_EVENT_BYTES,
    "/track": MAX_EVENT_BYTES,
    "/engage": MAX_EVENT_BYTES,
}

_CACHE_SECONDS = 5.0
_CACHED_TOKENS = 10_000
# Parsing a body this small takes less time than handing it to a thread.
_PARSE_INLINE_BYTES = 64 * 1024

Handler = Callable[[Request], Awaitable[Response]]


@dataclass
class Capture:
    """Where events are handed in.

    `accepts_unknown_tokens` answers 200 to a well-formed token that no project has, and drops its events, as PostHog
    did for years. By default such a request is refused with 401: an SDK pointed at us with a mistyped key should say
    so in its log, for silence loses data.
    """

    queue: IngestQueue
    database: Database
    clock: Clock
    accepts_unknown_tokens: bool = False
    _projects: dict[str, tuple[float, int | None]] = field(default_factory=dict)

    async def project_of(self, token: str) -> int | None:
        """The project with this token; None if there is none and that is to be passed over."""
        now = time.monotonic()
        remembered = self._projects.get(token)
        if remembered is None or remembered[0] < now:
            project = await self.database.read(get_project_by_token, token)
            if len(self._projects) >= _CACHED_TOKENS:
                self._projects.clear()
            remembered = self._projects[token] = (now + _CACHE_SECONDS, project.id if project else None)
        if remembered[1] is None and not self.accepts_unknown_tokens:
            raise AuthenticationFailed(
                f"API key is not valid: no project has the key {token!r}. Copy it from the project's settings."
            )
        return remembered[1]

    async def accept(self, project_id: int, events: Sequence[Event]) -> None:
        """Write events down; returned means they survive a crash."""
        if events:
            await self.queue.append(project_id, encode_events(events), len(events))


def routes() -> list[Route]:
    """Every route of capture. Paths have no trailing slash: the application takes it off. `Capture` is provided."""
    older = [
        Route(path, _answering(_Receiver(path, limit)), methods=["GET", "POST", "OPTIONS"])
        for path, limit in CAPTURE_PATHS.items()
    ]
    newer = Route("/i/v1/analytics/events", _answering(_receive_v1), methods=["POST", "OPTIONS"])
    return [*older, newer, *flags.routes()]


async def read_body(request: Request, limit: int) -> bytes:
    """The body, not decoded; raises `TooLarge` beyond `limit` bytes, before reading them if their number was sent."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and len(length) < 19 and int(length) > limit:
        raise _too_large(limit)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"maximum event size exceeded: this path takes {limit} bytes, send the events in smaller parts")


def _answering(handle: Handler) -> Handler:
    async def answer(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": "GET, POST, OPTIONS"})
        try:
            return await handle(request)
        except Unavailable as error:
            text = f"transient error, please retry: {error.detail}"
            return PlainTextResponse(text, error.status, headers=error.headers)
        except FurzeError as error:
            return PlainTextResponse(error.detail, error.status, headers=error.headers)
        except ClientDisconnect:
            return PlainTextResponse("failed to read request: the client went away", 400)

    return answer


@dataclass(frozen=True, slots=True)
class _Receiver:
    """The older protocol, on one path."""

    path: str
    limit: int

    async def __call__(self, request: Request) -> Response:
        capture = _capture(request)
        body = await read_body(request, self.limit)
        query = request.query_params
        encoded = Encoded(
            body,
            compression=query.get("compression", ""),
            encoding=request.headers.get("content-encoding", ""),
            query=dict(query),
        )
        nameless = "$identify" if self.path == "/engage" else None
        submission = await _parsed(len(body), wire.read, encoded, nameless_event=nameless)
        project_id = await capture.project_of(submission.token)
        if project_id is not None:
            arrival = Arrival(capture.clock.now(), _address(request))
            events = await _parsed(len(body), wire.events, submission, project_id, arrival)
            await capture.accept(project_id, events)
        if query.get("beacon") == "1":
            return Response(status_code=204)
        return JSONResponse({"status": "Ok"})


async def _receive_v1(request: Request) -> Response:
    capture, headers = _capture(request), request.headers
    scheme, _, token = headers.get("authorization", "").partition(" ")
    token = wire.check_token(token if scheme.lower() == "bearer" else None)
    body = await read_body(request, MAX_BATCH_BYTES)
    batch = await _parsed(len(body), v1.read_v1, body, encoding=headers.get("content-encoding", ""))
    project_id = await capture.project_of(token)
    outcome = await _parsed(
        len(body),
        v1.settle_v1,
        batch,
        project_id or 0,
        Arrival(capture.clock.now(), _address(request)),
        sdk=headers.get("posthog-sdk-info", ""),
        sent_at=headers.get("posthog-request-timestamp", ""),
    )
    if project_id is not None:
        await capture.accept(project_id, outcome.events)
    request_id = headers.get("posthog-request-id") or str(uuid7())
    return JSONResponse({"results": outcome.results}, headers={"PostHog-Request-Id": request_id})


def _capture(request: Request) -> Capture:
    capture: Capture = request.app.state.provided[Capture]
    return capture


async def _parsed(size: int, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    # A large body would keep every other request waiting.
    if size <= _PARSE_INLINE_BYTES:
        return function(*arguments, **options)
    return await asyncio.to_thread(function, *arguments, **options)


def _address(request: Request) -> str:
    forwarded = request.headers.get("x-forwarded-for", "").split(",")[0].strip()
    return forwarded or (request.client.host if request.client else "")
