"""Who and where: users, organisations, projects, keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from furze.platform.fields import Answer


@dataclass(frozen=True, slots=True)
class User:
    """A person who signs in or owns keys."""

    id: int
    uuid: UUID
    distinct_id: str
    first_name: str
    last_name: str
    email: str
    is_email_verified: bool
    is_active: bool
    role_at_organization: str | None
    hedgehog_config: dict[str, Any] | None
    current_project_id: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Organization:
    """A group of users and the projects they share."""

    id: UUID
    name: str
    slug: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """A user in an organisation; `level` is 1 for a member, 8 for an admin, 15 for an owner."""

    id: UUID
    organization: Organization
    user: User
    level: int
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class Project:
    """A project, which is also its only environment: both mounts use the same integer id."""

    id: int
    uuid: UUID
    organization_id: UUID
    name: str
    api_token: str
    timezone: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PersonalApiKey:
    """A key that acts as its user, within its scopes."""

    id: str
    user_id: int
    label: str
    mask_value: str
    scopes: tuple[str, ...]
    scoped_projects: tuple[int, ...]
    scoped_organizations: tuple[str, ...]
    created_at: datetime
    last_used_at: datetime | None
    last_rolled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something, and where: in a project, or in an organisation as a whole; no user when furze itself did."""

    project_id: int | None
    user_id: int | None
    organization_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """What was acted on, as the activity log names it, with the fields that changed."""

    scope: str
    id: str
    name: str
    changes: tuple[dict[str, Any], ...] = ()


def changed_fields(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """What differs between two states of an object, as `Item.changes` has it."""
    return tuple(
        {"type": kind, "action": "changed", "field": name, "before": before[name], "after": after[name]}
        for name in before
        if before[name] != after[name]
    )


class UserBasic(Answer):
    """The short form of a user that other objects carry."""

    id: int
    uuid: UUID
    distinct_id: str
    first_name: str
    last_name: str
    email: str
    is_email_verified: bool
    hedgehog_config: dict[str, Any] | None
    role_at_organization: str | None
