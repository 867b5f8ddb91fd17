"""furze looked at with furze: the console's own use, captured into a project of its own."""

from typing import Annotated, Final

from sqlalchemy import Connection

from furze.database import Database
from furze.kit.clock import Clock
from furze.platform.auth import AnyCaller, Caller
from furze.platform.fields import Answer
from furze.platform.keys import new_project_token
from furze.platform.routing import Endpoints, provided
from furze.platform.store import create_project, list_organizations, list_projects, lock_organization
from furze.web.health import Instance

endpoints = Endpoints("instance")

NAME: Final = "furze"


class OwnUseAnswer(Answer):
    """Where the console sends what is done with it; no token, nowhere."""

    token: str | None


@endpoints.post("/own_use", scope="project:read", response=OwnUseAnswer, status=200, in_project=False)
async def open_own_use(
    caller: AnyCaller,
    instance: Annotated[Instance, provided(Instance)],
    database: Annotated[Database, provided(Database)],
    clock: Annotated[Clock, provided(Clock)],
) -> OwnUseAnswer:
    """The project that the console's own use is captured into; it is made when the console is used first."""
    if not instance.captures_own_use or not caller.is_session:
        return OwnUseAnswer(token=None)
    return OwnUseAnswer(token=await database.write(_own_project, caller, clock))


def _own_project(connection: Connection, caller: Caller, clock: Clock) -> str | None:
    organizations = list_organizations(connection, caller.user.id)
    if not organizations:
        return None
    organization_id = organizations[0][0].id
    lock_organization(connection, organization_id)  # two tabs may come here at once
    known = [each for each in list_projects(connection, caller.user.id) if each.organization_id == organization_id]
    found = next((each for each in known if each.name == NAME), None)
    found = found or create_project(
        connection, organization_id=organization_id, name=NAME, api_token=new_project_token(), now=clock.now()
    )
    return found.api_token
