"""query: ask, look at a query that runs in the background, cancel it."""

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Response

from furze.kit import json
from furze.kit.clock import wire_time
from furze.platform.auth import ProjectAccess
from furze.platform.errors import InvalidInput, NotFound
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints, provided
from furze.query.background import BackgroundQueries
from furze.query.run import QueryRunner, with_overrides
from furze.query.types import Answer, QueryMapping, QueryRequest

endpoints = Endpoints("query")

READ: Final = "query:read"

Runner = Annotated[QueryRunner, provided(QueryRunner)]
Background = Annotated[BackgroundQueries, provided(BackgroundQueries)]
Asked = Annotated[QueryRequest, Depends(BodyOf(QueryRequest))]

# The query goes on in the background; its status says how far it is.
_LATER: Final = {202: None}

_ALWAYS_ASYNC: Final = frozenset({"force_async"})
_ASYNC: Final = frozenset({"async", "lazy_async", "force_async", "async_except_on_cache_miss"})
_FRESH_IF_KEPT: Final = frozenset({"blocking", "async", "async_except_on_cache_miss"})
_ANY_AGE: Final = frozenset({"lazy_async", "force_cache"})


@endpoints.post("/query", scope=READ, status=200, also=_LATER)
async def ask(access: ProjectAccess, runner: Runner, background: Background, request: Request, body: Asked) -> Response:
    """The answer to a query of any kind, or 202 with the status of a query that goes on in the background."""
    return await _answered(access.project.id, runner, background, request, body)


@endpoints.post("/query/upgrade", scope=READ, status=200)
async def upgrade(access: ProjectAccess, body: Asked) -> Response:  # noqa: ARG001 - a caller with access
    """The query in its newest form: as it is."""
    return _json({"query": body.query})


@endpoints.post("/query/check_auth_for_async", scope=READ, status=200)
async def check_auth(access: ProjectAccess) -> Response:  # noqa: ARG001 - a caller with access
    """Whether the caller may ask."""
    return _json({"user": "ok"})


@endpoints.post("/query/{kind}", scope=READ, status=200, also=_LATER)
async def ask_kind(
    access: ProjectAccess, runner: Runner, background: Background, request: Request, body: Asked, kind: str
) -> Response:
    """The answer to a query of the kind that the path names."""
    if body.query.get("kind", kind) != kind:
        raise InvalidInput(f"The path asks for {kind!r}, the query is a {body.query['kind']!r}.", attr="query__kind")
    body = body.model_copy(update={"query": {**body.query, "kind": kind}})
    return await _answered(access.project.id, runner, background, request, body)


@endpoints.get("/query/{query_id}", scope=READ, also=_LATER)
async def status(access: ProjectAccess, background: Background, query_id: str) -> Response:
    """How far a query in the background is: 202 while it runs, 200 with its answer, or the status of its error."""
    found = background.status(access.project.id, query_id)
    if found is None:
        raise NotFound(f"Query {query_id} not found.")
    code = found.error_status if found.error else 200 if found.complete else 202
    return _json({"query_status": found.wire()}, code)


@endpoints.get("/query/{query_id}/log", scope=READ)
async def log(access: ProjectAccess, background: Background, query_id: str) -> Response:
    """What is known of a query that ran in the background."""
    found = background.status(access.project.id, query_id)
    if found is None:
        raise NotFound(f"Query {query_id} not found.")
    return _json({**found.wire(), "results": None})


@endpoints.delete("/query/{query_id}", scope=READ, status=200)
async def cancel(access: ProjectAccess, background: Background, query_id: str) -> Response:
    """Stop a query, in the background or not."""
    if not background.cancel(access.project.id, query_id):
        raise NotFound(f"Query {query_id} not found.")
    return _json({"message": "Query cancelled"})


async def _answered(
    project_id: int, runner: QueryRunner, background: BackgroundQueries, request: Request, body: QueryRequest
) -> Response:
    query = with_overrides(body.query, body.filters_override, body.variables_override)
    mode = _mode(body)
    key = await runner.key(project_id, query)
    if kept := await _kept(runner, key, mode):
        return _json(kept)
    if mode == "force_cache":
        return _json({"cache_key": key, "cache_target_age": None, "query_status": None, "is_cached": False})
    work = _compute(runner, project_id, query, key)
    if mode in _ASYNC and not (mode == "async_except_on_cache_miss" and runner.cache.get(key) is None):
        started = background.start(project_id, body.client_query_id, work)
        return _json({"query_status": started.wire(), **({} if mode in _ALWAYS_ASYNC else {"cache_key": key})}, 202)
    attended = background.attended(project_id, body.client_query_id, work)
    return _json(await _while_connected(request, attended))


def _mode(body: QueryRequest) -> str:
    if body.refresh is True:
        return "force_async" if body.is_async else "force_blocking"
    if isinstance(body.refresh, str):
        return body.refresh
    return "async" if body.is_async else "blocking"


async def _kept(runner: QueryRunner, key: str, mode: str) -> Answer | None:
    kept = runner.cache.get(key)
    if kept is None:
        return None
    is_usable = mode in _ANY_AGE or (mode in _FRESH_IF_KEPT and await runner.is_fresh(kept))
    return {**kept.answer, "is_cached": True, "last_refresh": wire_time(kept.at)} if is_usable else None


async def _compute(runner: QueryRunner, project_id: int, query: QueryMapping, key: str) -> Answer:
    begun = runner.clock.now()
    answer = await runner.run(project_id, query)
    runner.cache.put(key, answer, begun)
    return answer


async def _while_connected(request: Request, work: Awaitable[Answer]) -> Answer:
    """The result of `work`, which is cancelled when the caller hangs up."""
    task = asyncio.ensure_future(work)
    gone = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
        return await task
    finally:
        gone.cancel()
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _json(content: Any, status_code: int = 200) -> Response:
    return Response(json.dumps(content), status_code=status_code, media_type="application/json")
