"""Every error a caller can meet, by what the caller should do about it: mend the input, ask for access, or try again.

The wire form is PostHog's envelope `{"type", "code", "detail", "attr"}`; only the first fault is reported.
"""

import math
from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel
from pydantic import ValidationError as PydanticError
from pydantic_core import ErrorDetails


class FurzeError(Exception):
    """A server error occurred."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code: str = "error"

    def __init__(self, detail: str | None = None, *, code: str | None = None, attr: str | None = None) -> None:
        self.detail = detail or type(self).__doc__ or ""
        self.code = code or self.code
        self.attr = attr
        super().__init__(self.detail)

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to the answer."""
        return {}

    def envelope(self) -> dict[str, object]:
        """The JSON body of the answer."""
        return {"type": self.type, "code": self.code, "detail": self.detail, "attr": self.attr}


class InvalidInput(FurzeError):
    """Invalid input."""

    status = 400
    type = "validation_error"
    code = "invalid_input"


class UnreadableBody(FurzeError):
    """Malformed request."""

    status = 400
    type = "invalid_request"
    code = "parse_error"


class NotAuthenticated(FurzeError):
    """Authentication credentials were not provided."""

    status = 401
    type = "authentication_error"
    code = "not_authenticated"


class AuthenticationFailed(FurzeError):
    """Incorrect authentication credentials."""

    status = 401
    type = "authentication_error"
    code = "authentication_failed"


class QuotaExceeded(FurzeError):
    """Your organization reached its usage limit."""

    status = 402
    code = "quota_limit_exceeded"


class PermissionDenied(FurzeError):
    """You do not have permission to perform this action."""

    status = 403
    type = "authentication_error"
    code = "permission_denied"


class NotFound(FurzeError):
    """Not found."""

    status = 404
    type = "invalid_request"
    code = "not_found"


class MethodNotAllowed(FurzeError):
    """Method not allowed."""

    status = 405
    type = "invalid_request"
    code = "method_not_allowed"


class NotAcceptable(FurzeError):
    """Could not satisfy the request Accept header."""

    status = 406
    type = "invalid_request"
    code = "not_acceptable"


class Conflict(FurzeError):
    """The request conflicts with the current state."""

    status = 409
    code = "conflict"


class TooLarge(FurzeError):
    """The request body is too large."""

    status = 413
    type = "invalid_request"
    code = "request_too_large"


class UnsupportedMediaType(FurzeError):
    """Unsupported media type in request."""

    status = 415
    type = "invalid_request"
    code = "unsupported_media_type"


class Throttled(FurzeError):
    """Request was throttled."""

    status = 429
    type = "throttled_error"
    code = "throttled"

    def __init__(self, detail: str | None = None, *, wait_seconds: float, code: str | None = None) -> None:
        self.wait_seconds = math.ceil(wait_seconds)
        text = f"{detail or 'Request was throttled.'} Expected available in {self.wait_seconds} seconds."
        super().__init__(text, code=code)

    @property
    def headers(self) -> dict[str, str]:
        """`Retry-After`, whole seconds."""
        return {"Retry-After": str(self.wait_seconds)}


class Unavailable(FurzeError):
    """The server can't answer this right now. Try again."""

    status = 503
    code = "unavailable"

    @property
    def headers(self) -> dict[str, str]:
        """`Retry-After`, whole seconds."""
        return {"Retry-After": "5"}


class TimedOut(FurzeError):
    """The query took too long. Narrow its date range or select fewer rows."""

    status = 504
    code = "timeout"


class ErrorAnswer(BaseModel):
    """The body of every answer that reports an error."""

    type: str
    code: str
    detail: str
    attr: str | None


def invalid_input(error: PydanticError) -> InvalidInput:
    """The first fault of a pydantic validation, in the words PostHog's clients know."""
    first = error.errors(include_url=False)[0]
    attr = "__".join(str(part) for part in first["loc"]) or None
    code, detail = _wording(first)
    return InvalidInput(detail, code=code, attr=attr)


_WORDINGS: Mapping[str, tuple[str, str]] = {
    "missing": ("required", "This field is required."),
    "string_type": ("invalid_input", "Not a valid string."),
    "uuid_parsing": ("invalid_input", "Must be a valid UUID."),
    "uuid_type": ("invalid_input", "Must be a valid UUID."),
    "int_parsing": ("invalid_input", "A valid integer is required."),
    "int_type": ("invalid_input", "A valid integer is required."),
    "int_from_float": ("invalid_input", "A valid integer is required."),
    "float_parsing": ("invalid_input", "A valid number is required."),
    "bool_parsing": ("invalid_input", "Must be a valid boolean."),
    "bool_type": ("invalid_input", "Must be a valid boolean."),
}

_TEMPLATES: Mapping[str, tuple[str, str]] = {
    "string_too_long": ("max_length", "Ensure this field has no more than {max_length} characters."),
    "enum": ("invalid_choice", '"{value}" is not a valid choice.'),
    "literal_error": ("invalid_choice", '"{value}" is not a valid choice.'),
    "dict_type": ("not_a_dict", 'Expected a dictionary of items but got type "{name}".'),
    "list_type": ("not_a_list", 'Expected a list of items but got type "{name}".'),
    "less_than_equal": ("max_value", "Ensure this value is less than or equal to {le}."),
    "greater_than_equal": ("min_value", "Ensure this value is greater than or equal to {ge}."),
}


_DATETIME_FORMATS = (
    "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
)


def _wording(fault: ErrorDetails) -> tuple[str, str]:
    kind, value, context = fault["type"], fault["input"], fault.get("ctx", {})
    if value is None and kind != "missing":
        return "null", "This field may not be null."
    if kind in _WORDINGS:
        return _WORDINGS[kind]
    if kind in _TEMPLATES:
        code, template = _TEMPLATES[kind]
        return code, template.format(**context, value=value, name=type(value).__name__)
    if kind.startswith(("datetime", "date_", "timezone")):
        return "invalid_input", _DATETIME_FORMATS
    if kind == "value_error":
        return "invalid_input", str(context.get("error", fault["msg"]))
    return kind, fault["msg"]
