"""Field types of request and answer bodies, with the rules and words PostHog's clients expect."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic import BaseModel as PydanticModel
from pydantic_core import PydanticCustomError

from furze.kit.clock import wire_time


class Body(PydanticModel):
    """A request body: unknown keys are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Answer(PydanticModel):
    """A response body."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


def _text(value: Any) -> Any:
    """A number is accepted and becomes text; surrounding blanks go."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else value


def _not_blank(value: str) -> str:
    if not value:
        raise PydanticCustomError("blank", "This field may not be blank.")
    return value


def _no_null_characters(value: str) -> str:
    if "\x00" in value:
        raise PydanticCustomError("null_characters_not_allowed", "Null characters are not allowed.")
    return value


#: Text as a form field gives it: trimmed, numbers accepted, no NUL; may be empty.
Text = Annotated[str, BeforeValidator(_text), AfterValidator(_no_null_characters)]
#: `Text` that may not be empty.
RequiredText = Annotated[Text, AfterValidator(_not_blank)]


def _uuid(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 128:
        return UUID(int=value)
    return value


#: A UUID; the form without dashes and integers are accepted too.
WireUUID = Annotated[UUID, BeforeValidator(_uuid)]

#: An instant, printed in UTC with microseconds and `Z`.
WireTime = Annotated[
    datetime,
    PlainSerializer(wire_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
