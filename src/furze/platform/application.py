"""The HTTP application around the endpoints: errors in one envelope, paths with or without a slash, OpenAPI."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Match

from furze.database import outage
from furze.platform.errors import FurzeError, InvalidInput, MethodNotAllowed, NotFound, Unavailable
from furze.platform.routing import OptionalSlash, body_model

log = logging.getLogger(__name__)


def application(*, title: str, version: str, description: str, lifespan: Any) -> FastAPI:
    """An application without endpoints: give it some with `furze.platform.routing.serve`."""
    app = FastAPI(
        title=title,
        version=version,
        description=description,
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url="/api/schema",
        docs_url="/api/docs",
        redoc_url=None,
    )
    app.state.provided = {}
    app.add_middleware(OptionalSlash)
    app.add_middleware(
        CORSMiddleware,
        allow_origin_regex=".*",
        allow_credentials=True,
        allow_methods=["*"],
        allow_headers=["*"],
    )
    app.add_exception_handler(FurzeError, _furze_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _invalid_parameters)
    app.add_exception_handler(OperationalError, _database_fault)
    app.add_exception_handler(Exception, _unexpected)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


def _answer(error: FurzeError) -> JSONResponse:
    return JSONResponse(error.envelope(), status_code=error.status, headers=error.headers)


async def _furze_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, FurzeError)  # noqa: S101 - registered for this class only
    return _answer(error)


async def _http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    if error.status_code == MethodNotAllowed.status:
        answer = _described(request) if request.method == "OPTIONS" else _refused(request)
        answer.headers["Allow"] = ", ".join(_methods(request))
        return answer
    if error.status_code == NotFound.status:
        return _answer(NotFound())
    return JSONResponse(InvalidInput(str(error.detail)).envelope(), status_code=error.status_code)


def _refused(request: Request) -> JSONResponse:
    return _answer(MethodNotAllowed(f'Method "{request.method}" not allowed.'))


def _described(request: Request) -> JSONResponse:
    """What OPTIONS answers, outside a browser's preflight."""
    parses = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]
    return JSONResponse(
        {
            "name": request.url.path.rstrip("/").rsplit("/", 1)[-1],
            "description": "The methods are in the Allow header, the fields in the OpenAPI document at /api/schema.",
            "renders": ["application/json"],
            "parses": parses,
        }
    )


def _methods(request: Request) -> list[str]:
    """Every method that the path of a request takes: each has a route of its own."""
    found = {"OPTIONS"}
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return sorted(found | {"HEAD"} if "GET" in found else found)


async def _invalid_parameters(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    first = error.errors()[0]
    return _answer(InvalidInput(first["msg"], attr=str(first["loc"][-1])))


async def _database_fault(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OperationalError)  # noqa: S101 - registered for this class only
    if (reason := outage(error)) is None:
        return await _unexpected(request, error)
    log.error("%s %s: the database can't be used: %s", request.method, request.url.path, reason)
    return _answer(Unavailable(f"The database can't be used right now: {reason}. Nothing was changed; try again."))


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _answer(FurzeError())


def _document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            openapi_version="3.1.0",
        )
        components = document.setdefault("components", {})
        components["securitySchemes"] = {"PersonalAPIKey": {"type": "http", "scheme": "bearer"}}
        for route in app.routes:
            model = body_model(getattr(route, "endpoint", None))
            if model is not None:
                components.setdefault("schemas", {}).update(_definitions(model))
        _without_unused_faults(document)
        app.openapi_schema = document
    return app.openapi_schema


def _without_unused_faults(document: dict[str, Any]) -> None:
    """Take out what the framework says about its own validation errors: ours are answered with 400."""
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)


def _definitions(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    definitions: dict[str, Any] = schema.get("$defs", {})
    return definitions
