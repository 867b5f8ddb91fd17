"""Frozen data about persons and groups."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

PersonMode = Literal["full", "propertyless", "force_upgrade"]

#: At most this many types of groups per project; they are numbered by first appearance.
MAX_GROUP_TYPES = 5


@dataclass(frozen=True, slots=True)
class Person:
    """Someone with a profile. `id` is the number PostHog's API shows, `uuid` what events carry."""

    id: int
    project_id: int
    uuid: UUID
    properties: Mapping[str, Any]
    created_at: datetime
    last_seen_at: datetime
    is_identified: bool
    version: int
    distinct_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupType:
    """A kind of group, such as `company`, and the number of the event column that holds its keys."""

    project_id: int
    group_type_index: int
    group_type: str
    name_singular: str | None
    name_plural: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Group:
    """A group, such as one company, with what is known about it."""

    project_id: int
    group_type_index: int
    group_key: str
    group_properties: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class IngestionWarning:
    """Something in the sent data that could not be done: `type` is PostHog's name for it."""

    project_id: int
    type: str
    timestamp: datetime
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose an event is, as it is stored with the event; `groups` are the keys for `$group_0` … `$group_4`."""

    person_id: UUID
    person_properties: str
    person_created_at: datetime
    person_mode: PersonMode
    groups: tuple[str, ...]
