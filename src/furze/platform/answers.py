"""What the answers about accounts look like, and how they are made of what is stored."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from furze.platform.fields import Answer, WireTime
from furze.platform.types import Organization, PersonalApiKey, Project, User, UserBasic


class ProjectAnswer(Answer):
    """A project, which is also its environment."""

    id: int
    uuid: UUID
    project_id: int
    organization: UUID
    name: str
    api_token: str
    timezone: str
    created_at: WireTime
    updated_at: WireTime


class OrganizationAnswer(Answer):
    """An organisation as its member sees it."""

    id: UUID
    name: str
    slug: str
    created_at: WireTime
    updated_at: WireTime
    membership_level: int
    projects: list[ProjectAnswer]
    teams: list[ProjectAnswer]


class KeyAnswer(Answer):
    """A personal API key, without its value."""

    id: str
    label: str
    mask_value: str
    created_at: WireTime
    last_used_at: WireTime | None
    last_rolled_at: WireTime | None
    user_id: int
    scopes: list[str]
    scoped_teams: list[int]
    scoped_organizations: list[str]


class UserAnswer(UserBasic):
    """The caller."""

    has_password: bool
    team: ProjectAnswer | None
    organization: OrganizationAnswer | None
    organizations: list[OrganizationAnswer]
    date_joined: WireTime


def basic_of(user: User) -> dict[str, Any]:
    """A user in short."""
    return {name: getattr(user, name) for name in UserBasic.model_fields}


def project_of(project: Project) -> dict[str, Any]:
    """A project's answer."""
    return {**asdict(project), "organization": project.organization_id, "project_id": project.id}


def organization_of(organization: Organization, level: int, projects: list[Project]) -> dict[str, Any]:
    """An organisation's answer; of the projects, those count that are its own."""
    own = [project_of(each) for each in projects if each.organization_id == organization.id]
    return {**asdict(organization), "membership_level": level, "projects": own, "teams": own}


def key_of(key: PersonalApiKey) -> dict[str, Any]:
    """A key's answer, without its value."""
    return {**asdict(key), "scoped_teams": list(key.scoped_projects)}
