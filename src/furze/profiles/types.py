"""Customer profile configs: which tiles a person's or a group's page shows, in which order."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from furze.platform.fields import Answer, Body, WireTime

ProfileScope = Literal["person", "group_0", "group_1", "group_2", "group_3", "group_4"]
Layout = dict[str, Any] | list[Any]


@dataclass(frozen=True, slots=True)
class ProfileConfig:
    """A saved layout. `{}` means the default layout, `[]` a layout with every tile switched off."""

    id: UUID
    project_id: int
    scope: str
    content: Layout
    sidebar: Layout
    created_by_id: int | None
    created_at: datetime
    updated_at: datetime


def _layout(field: str) -> BeforeValidator:
    def read(value: Any) -> Any:
        if value is None:
            return {}
        if not isinstance(value, dict | list):
            raise PydanticCustomError("invalid_input", f"Invalid value for field '{field}'")
        if _holds_no_json_number(value):
            raise PydanticCustomError("invalid_input", "Value must be valid JSON.")
        return value

    return BeforeValidator(read)


def _holds_no_json_number(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_no_json_number, value.values()))
    if isinstance(value, list):
        return any(map(_holds_no_json_number, value))
    return isinstance(value, float) and not math.isfinite(value)


class ConfigBody(Body):
    """What POST and PUT take."""

    scope: ProfileScope
    content: Annotated[Layout, _layout("content")] = {}
    sidebar: Annotated[Layout, _layout("sidebar")] = {}


class ConfigChanges(Body):
    """What PATCH takes: only the keys sent are touched."""

    scope: ProfileScope = "person"
    content: Annotated[Layout, _layout("content")] = {}
    sidebar: Annotated[Layout, _layout("sidebar")] = {}


class ConfigAnswer(Answer):
    """A config on the wire."""

    id: UUID
    scope: ProfileScope
    content: Layout
    sidebar: Layout
    pinned_properties: list[str] = []
    created_at: WireTime
    updated_at: WireTime
