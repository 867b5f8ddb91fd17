"""Endpoints, declared once: `@endpoints.get("/configs/{config_id}", scope="config:read")` above a typed function.

Each project endpoint is served under `/api/projects/{project_id}` and `/api/environments/{project_id}`, with and
without a trailing slash, behind authentication and its scope (unless `is_open`), and appears in the OpenAPI document.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args

from fastapi import Depends, FastAPI, Request, params
from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from furze.platform.auth import require_access, require_caller
from furze.platform.errors import ErrorAnswer
from furze.platform.pagination import CursorReader, page_request
from furze.platform.requests import BodyOf

Handler = Callable[..., Awaitable[Any]]
H = TypeVar("H", bound=Handler)
T = TypeVar("T")

MOUNTS = ("/api/projects/{project_id}", "/api/environments/{project_id}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One declared endpoint."""

    method: str
    path: str
    handler: Handler
    scope: str | None
    status: int
    response: Any
    in_project: bool
    is_open: bool
    guards: tuple[params.Depends, ...]
    also: Mapping[int, Any]


@dataclass
class Endpoints:
    """The endpoints of one slice."""

    tag: str
    declared: list[Endpoint] = field(default_factory=list)

    def get(self, path: str, *, scope: str | None, response: Any = None, **more: Any) -> Callable[[H], H]:
        """A decorator that declares a GET endpoint."""
        return self._declare("GET", path, scope=scope, response=response, **more)

    def post(self, path: str, *, scope: str | None, response: Any = None, **more: Any) -> Callable[[H], H]:
        """A decorator that declares a POST endpoint; `status` is 201 unless said otherwise."""
        return self._declare("POST", path, scope=scope, response=response, **{"status": 201, **more})

    def put(self, path: str, *, scope: str | None, response: Any = None, **more: Any) -> Callable[[H], H]:
        """A decorator that declares a PUT endpoint."""
        return self._declare("PUT", path, scope=scope, response=response, **more)

    def patch(self, path: str, *, scope: str | None, response: Any = None, **more: Any) -> Callable[[H], H]:
        """A decorator that declares a PATCH endpoint."""
        return self._declare("PATCH", path, scope=scope, response=response, **more)

    def delete(self, path: str, *, scope: str | None, response: Any = None, **more: Any) -> Callable[[H], H]:
        """A decorator that declares a DELETE endpoint; `status` is 204 unless said otherwise."""
        return self._declare("DELETE", path, scope=scope, response=response, **{"status": 204, **more})

    def _declare(  # noqa: PLR0913 - what an endpoint may say of itself
        self,
        method: str,
        path: str,
        *,
        scope: str | None,
        response: Any,
        status: int = 200,
        in_project: bool = True,
        is_open: bool = False,
        guards: Sequence[params.Depends] = (),
        also: Mapping[int, Any] | None = None,
    ) -> Callable[[H], H]:
        """`also` are further answers by status, each with its model or None: 202 beside 200, for instance."""

        def declare(handler: H) -> H:
            self.declared.append(
                Endpoint(method, path, handler, scope, status, response, in_project, is_open, tuple(guards), also or {})
            )
            return handler

        return declare


def serve(app: FastAPI, endpoints: Endpoints) -> None:
    """Add a slice's endpoints to the application, under both mounts."""
    for endpoint in endpoints.declared:
        access = [] if endpoint.is_open else [require_access if endpoint.in_project else require_caller]
        for mount in MOUNTS if endpoint.in_project else ("/api",):
            app.add_api_route(
                mount + endpoint.path,
                endpoint.handler,
                methods=[endpoint.method],
                status_code=endpoint.status,
                response_model=endpoint.response,
                dependencies=[*access, *endpoint.guards],
                tags=[endpoints.tag],
                operation_id=_operation_id(endpoint, mount),
                responses=_responses(endpoint),
                openapi_extra=_openapi_extra(endpoint),
            )


def provided(kind: type[T]) -> Any:
    """What the composition root made of a `kind`, as the annotation of a parameter that wants it."""

    async def find(request: Request) -> T:
        found: T = request.app.state.provided[kind]
        return found

    return Depends(find)


def body_model(handler: Handler | None) -> type[BaseModel] | None:
    """The model that a handler reads its body as, if it reads one."""
    if handler is None:
        return None
    for parameter in inspect.signature(handler).parameters.values():
        for mark in get_args(parameter.annotation)[1:]:
            if isinstance(mark, params.Depends) and isinstance(mark.dependency, BodyOf):
                model: type[BaseModel] = mark.dependency.model
                return model
    return None


def _operation_id(endpoint: Endpoint, mount: str) -> str:
    place = mount.split("/")[2] if endpoint.in_project else endpoint.path.split("/")[1]
    return f"{place}_{endpoint.handler.__module__.split('.')[-2]}_{endpoint.handler.__name__}"


_EVERYWHERE = {
    400: "The input is not valid; `attr` names the field.",
    401: "No key or session was sent, or it is not valid.",
    403: "The key lacks the scope, or the project is not the caller's.",
    404: "There is no such object in this project.",
    503: "The server can't answer right now; try again.",
    504: "The query took too long.",
}
_CHANGING = {
    402: "A limit of the organisation is reached.",
    405: "The object does not take this method.",
    406: "The `Accept` header allows no form that the server has.",
    409: "The object is not in a state that allows this.",
    413: "The body is larger than 20 MiB.",
    415: "The body is of a type the server does not read.",
    429: "Too many requests; `Retry-After` says when to try again.",
}


def _responses(endpoint: Endpoint) -> dict[int | str, dict[str, Any]]:
    faults = _EVERYWHERE if endpoint.method == "GET" else {**_EVERYWHERE, **_CHANGING}
    answers: dict[int | str, dict[str, Any]] = {
        status: {"description": text, "model": ErrorAnswer} for status, text in faults.items()
    }
    for status, model in endpoint.also.items():
        answers[status] = {"description": "Another answer", **({} if model is None else {"model": model})}
    return answers


_PROJECT = {
    "name": "project_id",
    "in": "path",
    "required": True,
    "description": "A project's id, or `@current`: the caller's current project.",
    "schema": {"type": "string", "pattern": "^([0-9]{1,9}|@current)$"},
}


def _openapi_extra(endpoint: Endpoint) -> dict[str, Any]:
    scope = endpoint.scope
    extra: dict[str, Any] = {
        "x-required-scope": scope,
        "security": [] if endpoint.is_open else [{"PersonalAPIKey": [scope] if scope else []}],
        "parameters": [*([_PROJECT] if endpoint.in_project else []), *_page_parameters(endpoint.handler)],
    }
    model = body_model(endpoint.handler)
    if model is not None:
        body = model.model_json_schema(ref_template="#/components/schemas/{model}")
        body.pop("$defs", None)  # they join the document's own components
        schema = {"schema": body}
        extra["requestBody"] = {
            "content": dict.fromkeys(
                ("application/json", "application/x-www-form-urlencoded", "multipart/form-data"), schema
            )
        }
    return extra


def _page_parameters(handler: Handler) -> list[dict[str, Any]]:
    """The parameters that page readers take from the request themselves. Any text is allowed: bad ones mean none."""
    for parameter in inspect.signature(handler).parameters.values():
        for mark in get_args(parameter.annotation)[1:]:
            reader = getattr(mark, "dependency", None)
            if reader is page_request or isinstance(reader, CursorReader):
                place = "offset" if reader is page_request else "cursor"
                return [
                    {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
                    for name in ("limit", place)
                ]
    return []


class OptionalSlash:
    """Serves `/path/` and `/path` alike, without a redirect, and HEAD wherever there is a GET.

    The caller's own path stays in `furze_path`. The HTTP server leaves the body out of an answer to HEAD.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the slash off, and make a HEAD a GET, before routing."""
        if scope["type"] == "http":
            path = scope["path"]
            scope = {**scope, "furze_path": path}
            if len(path) > 1 and path.endswith("/"):
                scope["path"] = path.rstrip("/") or "/"
            if scope["method"] == "HEAD":
                scope["method"] = "GET"
        await self._app(scope, receive, send)
