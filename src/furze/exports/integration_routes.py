"""Integrations over HTTP: connections that a project's exports share."""

from typing import Annotated, Any

from fastapi import Depends, Query
from sqlalchemy import Connection

from furze.exports import integration_store, integrations
from furze.exports.configuration import IN_INTEGRATION, merge, read_config, split
from furze.exports.engine import Exports
from furze.exports.integrations import KINDS, inputs_model
from furze.exports.types import Integration
from furze.platform import store as platform_store
from furze.platform.auth import Access, ProjectAccess
from furze.platform.errors import Conflict, InvalidInput, NotFound
from furze.platform.fields import Answer, Body, RequiredText, Text, WireTime
from furze.platform.pagination import AskedPage, Page
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints, provided
from furze.platform.types import Actor, Item, UserBasic

endpoints = Endpoints("integrations")

READ, WRITE = "integration:read", "integration:write"

Engine = Annotated[Exports, provided(Exports)]


class IntegrationBody(Body):
    """What POST takes. `config` are the inputs of its kind, secrets among them."""

    kind: Text
    config: dict[str, Any]
    display_name: RequiredText | None = None


class IntegrationChanges(Body):
    """What PATCH takes: only the inputs sent are touched."""

    config: dict[str, Any] = {}
    display_name: RequiredText | None = None


class IntegrationAnswer(Answer):
    """An integration, without its secrets."""

    id: int
    kind: str
    display_name: str
    config: dict[str, Any]
    created_at: WireTime
    created_by: UserBasic | None
    errors: str = ""


class IntegrationKind(Answer):
    """A kind: which destinations it serves, and its inputs as a JSON schema."""

    kind: str
    title: str
    destinations: list[str]
    inputs: dict[str, Any]


@endpoints.get("/integrations", scope=READ, response=Page[IntegrationAnswer])
async def list_integrations(
    access: ProjectAccess, engine: Engine, page: AskedPage, kind: Annotated[str | None, Query()] = None
) -> dict[str, Any]:
    """The project's integrations, newest first."""
    rows, count = await engine.database.read(_answers, access, kind, page.limit, page.offset)
    return page.page(rows, count)


@endpoints.get("/integrations/kinds", scope=READ, response=list[IntegrationKind])
async def list_kinds(
    access: ProjectAccess,  # noqa: ARG001 - asks for a key that may see the project
) -> list[IntegrationKind]:
    """Every kind with its inputs: what a form to make one is drawn from."""
    return [
        IntegrationKind(
            kind=name,
            title=kind.title,
            destinations=list(kind.destinations),
            inputs=inputs_model(name).model_json_schema(),
        )
        for name, kind in KINDS.items()
    ]


@endpoints.post("/integrations", scope=WRITE, response=IntegrationAnswer)
async def create_integration(
    access: ProjectAccess, engine: Engine, body: Annotated[IntegrationBody, Depends(BodyOf(IntegrationBody))]
) -> dict[str, Any]:
    """A new integration."""
    return await engine.database.write(_create, engine, access, body)


@endpoints.get("/integrations/{integration_id}", scope=READ, response=IntegrationAnswer)
async def get_integration(access: ProjectAccess, engine: Engine, integration_id: str) -> dict[str, Any]:
    """One integration."""
    return await engine.database.read(_get, access, integration_id)


@endpoints.patch("/integrations/{integration_id}", scope=WRITE, response=IntegrationAnswer)
async def change_integration(
    access: ProjectAccess,
    engine: Engine,
    integration_id: str,
    body: Annotated[IntegrationChanges, Depends(BodyOf(IntegrationChanges))],
) -> dict[str, Any]:
    """The integration with the inputs sent; its exports use them from their next run on."""
    return await engine.database.write(_change, engine, access, integration_id, body)


@endpoints.delete("/integrations/{integration_id}", scope=WRITE)
async def delete_integration(access: ProjectAccess, engine: Engine, integration_id: str) -> None:
    """Delete an integration that no export uses."""
    await engine.database.write(_delete, engine, access, integration_id)


def _answers(
    connection: Connection, access: Access, kind: str | None, limit: int, offset: int
) -> tuple[list[dict[str, Any]], int]:
    rows, count = integration_store.page(connection, access.project.id, kind=kind, limit=limit, offset=offset)
    return [_answer(connection, row) for row in rows], count


def _get(connection: Connection, access: Access, integration_id: str) -> dict[str, Any]:
    return _answer(connection, _found(connection, access, integration_id))


def _create(connection: Connection, engine: Exports, access: Access, body: IntegrationBody) -> dict[str, Any]:
    if body.kind not in KINDS:
        raise InvalidInput(f'"{body.kind}" is not a valid choice.', code="invalid_choice", attr="kind")
    model = inputs_model(body.kind)
    read_config(model, body.config, attr=IN_INTEGRATION)
    public, secrets = split(model, body.config)
    integration = integration_store.create(
        connection,
        project_id=access.project.id,
        kind=body.kind,
        display_name=body.display_name or KINDS[body.kind].title,
        config=public,
        secrets=engine.secrets.encrypt(secrets) if secrets else None,
        created_by_id=access.user.id,
        created_at=engine.clock.now(),
    )
    _record(connection, engine, access, integration, "created")
    return _answer(connection, integration)


def _change(
    connection: Connection, engine: Exports, access: Access, integration_id: str, body: IntegrationChanges
) -> dict[str, Any]:
    integration = _found(connection, access, integration_id)
    integrations.check_stays(integration, engine.secrets, body.config)
    model, inputs = inputs_model(integration.kind), merge(integrations.held(integration, engine.secrets), body.config)
    read_config(model, inputs, attr=IN_INTEGRATION)
    public, secrets = split(model, inputs)
    integration = integration_store.change(
        connection,
        integration.id,
        display_name=body.display_name or integration.display_name,
        config=public,
        secrets=engine.secrets.encrypt(secrets) if secrets else None,
    )
    _record(connection, engine, access, integration, "updated")
    return _answer(connection, integration)


def _delete(connection: Connection, engine: Exports, access: Access, integration_id: str) -> None:
    integration = _found(connection, access, integration_id)
    users = integration_store.used_by(connection, integration.id)
    if users:
        listed = ", ".join(repr(name) for name in users[:5])
        raise Conflict(f"{len(users)} batch exports use this integration: {listed}. Give them another one first.")
    integration_store.remove(connection, integration.id)
    _record(connection, engine, access, integration, "deleted")


def _found(connection: Connection, access: Access, integration_id: str) -> Integration:
    is_number = integration_id.isascii() and integration_id.isdigit() and len(integration_id) < 10
    found = integration_store.get(connection, access.project.id, int(integration_id)) if is_number else None
    if found is None:
        raise NotFound
    return found


def _record(connection: Connection, engine: Exports, access: Access, integration: Integration, activity: str) -> None:
    platform_store.record_activity(
        connection,
        by=Actor(access.project.id, access.user.id),
        item=Item("Integration", str(integration.id), integration.display_name),
        activity=activity,
        now=engine.clock.now(),
    )


def _answer(connection: Connection, integration: Integration) -> dict[str, Any]:
    user = integration.created_by_id and platform_store.get_user(connection, integration.created_by_id)
    names = ("id", "kind", "display_name", "config", "created_at")
    return {name: getattr(integration, name) for name in names} | {
        "created_by": UserBasic.model_validate(user) if user else None
    }
