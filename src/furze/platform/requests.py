"""Reads a request body once, lazily, whatever its type: JSON, urlencoded form or multipart form."""

import json as stdlib_json
from typing import Any, Generic, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message

from furze.kit import json
from furze.platform.errors import (
    FurzeError,
    InvalidInput,
    TooLarge,
    UnreadableBody,
    UnsupportedMediaType,
    invalid_input,
)

MAX_BODY_BYTES = 20 * 1024 * 1024
MAX_DEPTH = 200

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

Model = TypeVar("Model", bound=BaseModel)


class BodyOf(Generic[Model]):
    """A dependency that reads the body as `model`: `body: Annotated[Config, Depends(BodyOf(Config))]`."""

    def __init__(self, model: type[Model]) -> None:
        self.model = model

    async def __call__(self, request: Request) -> Model:
        """The body, validated; raises `InvalidInput` for its first fault."""
        return validate(self.model, await read_mapping(request))


class OptionalBodyOf(BodyOf[Model]):
    """`BodyOf` for a verb that can do without: a body that can't be read, as the API pages print it, is no body."""

    async def __call__(self, request: Request) -> Model:
        """The body, or the model's defaults; raises `InvalidInput` for a fault in a body that can be read."""
        try:
            body = await read_mapping(request)
        except FurzeError:
            body = {}
        return validate(self.model, body)


def validate(model: type[Model], data: object) -> Model:
    """`data` as `model`; raises `InvalidInput` for the first fault, in field order."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise invalid_input(error) from error


async def read_mapping(request: Request) -> dict[str, Any]:
    """The body as a mapping; an empty body is an empty mapping."""
    body = await read_body(request)
    if body is None:
        raise InvalidInput("No data provided", code="null")
    if not isinstance(body, dict):
        raise InvalidInput(f"Invalid data. Expected a dictionary, but got {type(body).__name__}.")
    return body


async def read_body(request: Request) -> Any:
    """The body's value. Read and parsed once per request, its faults too, however many dependencies ask."""
    if not hasattr(request.state, "body_value"):
        try:
            request.state.body_value = await _parse(request)
        except FurzeError as error:
            request.state.body_value = error
    value = request.state.body_value
    if isinstance(value, FurzeError):
        raise value
    return value


async def _parse(request: Request) -> Any:
    if int(request.headers.get("content-length") or 0) > MAX_BODY_BYTES:
        raise TooLarge(f"The request body is larger than {MAX_BODY_BYTES} bytes. Send it in parts.")
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type in _FORMS:
        return await _parse_form(request)
    text = await _limited_body(request)
    if not text:
        return {}
    if media_type == "application/json" or media_type.endswith("+json"):
        return _parse_json(text)
    raise UnsupportedMediaType(f'Unsupported media type "{media_type}" in request. Send application/json or a form.')


async def _limited_body(request: Request) -> bytes:
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise TooLarge(f"The request body is larger than {MAX_BODY_BYTES} bytes. Send it in parts.")
            chunks.append(chunk)
    except ClientDisconnect as error:
        raise UnreadableBody("The client went away before the body had come.") from error
    return b"".join(chunks)


def _parse_json(text: bytes) -> Any:
    try:
        return _shallow(json.loads(text))
    except stdlib_json.JSONDecodeError as error:
        raise UnreadableBody(
            f"JSON parse error - {error}. Send a JSON object, or leave out the JSON Content-Type to send a form."
        ) from error


def _shallow(value: Any) -> Any:
    if json.is_deeper(value, MAX_DEPTH):
        raise UnreadableBody(f"JSON parse error - values lie deeper than {MAX_DEPTH} levels in each other.")
    return value


async def _parse_form(request: Request) -> dict[str, Any]:
    # The form parser reads any number of bytes; what is read here is what it gets.
    body = await _limited_body(request)

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    try:
        async with Request(request.scope, receive).form() as form:
            return _form_values(form)
    except HTTPException as error:
        raise UnreadableBody(f"Form parse error - {error.detail}") from error


def _form_values(form: FormData) -> dict[str, Any]:
    return {name: _form_value(value) for name, value in form.items() if not isinstance(value, UploadFile)}


def _form_value(text: str) -> Any:
    # A form carries objects and lists as JSON text; a plain word stays the text it is.
    if text[:1] in ("{", "["):
        try:
            return _shallow(json.loads(text))
        except stdlib_json.JSONDecodeError:
            return text
    return text
