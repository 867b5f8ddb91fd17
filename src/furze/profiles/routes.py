"""customer_profile_configs: list, create, retrieve, replace, change, delete."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends
from sqlalchemy import Connection

from furze.database import Database
from furze.kit.clock import Clock
from furze.platform.auth import Access, ProjectAccess
from furze.platform.errors import NotFound
from furze.platform.pagination import AskedPage, Page
from furze.platform.requests import BodyOf
from furze.platform.routing import Endpoints, provided
from furze.platform.store import record_activity
from furze.platform.types import Actor, Item
from furze.profiles import store
from furze.profiles.types import ConfigAnswer, ConfigBody, ConfigChanges, ProfileConfig

endpoints = Endpoints("customer_profile_configs")

READ, WRITE = "customer_profile_config:read", "customer_profile_config:write"

Configs = Annotated[Database, provided(Database)]
Now = Annotated[Clock, provided(Clock)]


@endpoints.get("/customer_profile_configs", scope=READ, response=Page[ConfigAnswer])
async def list_configs(
    access: ProjectAccess, database: Configs, page: AskedPage, scope: str | None = None
) -> dict[str, Any]:
    """The project's configs, oldest first; `scope` narrows them to one kind of page."""
    rows, count = await database.read(
        store.list_configs, access.project.id, scope=scope, limit=page.limit, offset=page.offset
    )
    return page.page(rows, count)


@endpoints.post("/customer_profile_configs", scope=WRITE, response=ConfigAnswer)
async def create_config(
    access: ProjectAccess, database: Configs, clock: Now, body: Annotated[ConfigBody, Depends(BodyOf(ConfigBody))]
) -> ProfileConfig:
    """A new config."""
    return await database.write(create, access, body, clock)


@endpoints.get("/customer_profile_configs/{config_id}", scope=READ, response=ConfigAnswer)
async def get_config(access: ProjectAccess, database: Configs, config_id: str) -> ProfileConfig:
    """One config."""
    return _found(await database.read(store.get_config, access.project.id, _identity(config_id)))


@endpoints.put("/customer_profile_configs/{config_id}", scope=WRITE, response=ConfigAnswer)
async def replace_config(
    access: ProjectAccess,
    database: Configs,
    clock: Now,
    config_id: str,
    body: Annotated[ConfigBody, Depends(BodyOf(ConfigBody))],
) -> ProfileConfig:
    """The config with every value given; `scope` is required again."""
    return await database.write(update, access, _identity(config_id), body.model_dump(exclude_unset=True), clock)


@endpoints.patch("/customer_profile_configs/{config_id}", scope=WRITE, response=ConfigAnswer)
async def change_config(
    access: ProjectAccess,
    database: Configs,
    clock: Now,
    config_id: str,
    body: Annotated[ConfigChanges, Depends(BodyOf(ConfigChanges))],
) -> ProfileConfig:
    """The config with the values sent; the others stay."""
    return await database.write(update, access, _identity(config_id), body.model_dump(exclude_unset=True), clock)


@endpoints.delete("/customer_profile_configs/{config_id}", scope=WRITE)
async def delete_config(access: ProjectAccess, database: Configs, clock: Now, config_id: str) -> None:
    """Delete a config for good."""
    await database.write(_delete, access, _identity(config_id), clock)


def create(connection: Connection, access: Access, body: ConfigBody, clock: Clock) -> ProfileConfig:
    """A new config."""
    values, user_id = body.model_dump(), access.user.id
    config = store.create_config(connection, access.project.id, values=values, user_id=user_id, now=clock.now())
    _record(connection, access, config, "created", clock)
    return config


def update(
    connection: Connection, access: Access, config_id: UUID, values: dict[str, Any], clock: Clock
) -> ProfileConfig:
    """The config with some values; raises `NotFound`."""
    before = asdict(_found(store.get_config(connection, access.project.id, config_id)))
    config = _found(store.update_config(connection, access.project.id, config_id, values=values, now=clock.now()))
    changes = tuple(
        {"type": "CustomerProfileConfig", "action": "changed", "field": name, "before": before[name], "after": value}
        for name, value in values.items()
        if before[name] != value
    )
    _record(connection, access, config, "updated", clock, changes)
    return config


def _delete(connection: Connection, access: Access, config_id: UUID, clock: Clock) -> None:
    config = _found(store.delete_config(connection, access.project.id, config_id))
    _record(connection, access, config, "deleted", clock)


def _record(
    connection: Connection,
    access: Access,
    config: ProfileConfig,
    activity: str,
    clock: Clock,
    changes: tuple[dict[str, Any], ...] = (),
) -> None:
    item = Item("CustomerProfileConfig", str(config.id), f"{config.scope} profile", changes)
    actor = Actor(access.project.id, access.user.id)
    record_activity(connection, by=actor, item=item, activity=activity, now=clock.now())


def _found(config: ProfileConfig | None) -> ProfileConfig:
    if config is None:
        raise NotFound
    return config


def _identity(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
