"""Profile pages: a layout's tiles, each filled with its data or with the reason it has none, all at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from furze.database import Database
from furze.kit.clock import Clock
from furze.platform.auth import Access
from furze.platform.errors import FurzeError
from furze.platform.scopes import allows
from furze.profiles import store
from furze.profiles.entity import Entity
from furze.profiles.layouts import Node, content_nodes, sidebar_nodes
from furze.profiles.survey import Activity, survey
from furze.profiles.tiles import TILES, NoData, Question

_READ_QUERIES: Final = "query:read"

#: Answers a query of any kind for a project.
Run = Callable[[int, dict[str, Any]], Awaitable[dict[str, Any]]]
#: The people and groups on a person's or a group's events: project, group type index (None for a person), id.
Related = Callable[[int, int | None, str], Awaitable[list[dict[str, Any]]]]


@dataclass(frozen=True, slots=True)
class ProfilePages:
    """What pages are made with."""

    database: Database
    run: Run
    related: Related
    clock: Clock

    async def page(self, access: Access, entity: Entity) -> dict[str, Any]:
        """The page of a person or group."""
        project_id = access.project.id
        saved, _ = await self.database.read(store.list_configs, project_id, scope=entity.scope, limit=1, offset=0)
        config = saved[0] if saved else None
        content = content_nodes(entity.kind, config.content if config else {})
        sidebar = sidebar_nodes(entity.kind, config.sidebar if config else {})
        ask = self._asks(access, entity)
        tiles = await asyncio.gather(*(_tile(ask, entity, node) for node in (*content, *sidebar)))
        return {
            "scope": entity.scope,
            "id": entity.id,
            "config": str(config.id) if config else None,
            "content": tiles[: len(content)],
            "sidebar": tiles[len(content) :],
        }

    def _asks(self, access: Access, entity: Entity) -> Callable[[Node], Question]:
        """What asks the question of each tile; they share one survey, made by the first that needs it."""
        project_id = access.project.id

        async def run(query: Mapping[str, Any]) -> dict[str, Any]:
            if not allows(access.key.scopes, _READ_QUERIES):
                raise NoData(f"The key in use lacks the scope {_READ_QUERIES!r}, which this tile needs.")
            return await self.run(project_id, dict(query))

        async def related() -> list[dict[str, Any]]:
            return await self.related(project_id, entity.group_type_index, entity.id)

        looking: asyncio.Task[Activity] | None = None

        async def activity() -> Activity:
            nonlocal looking
            if looking is None:
                looking = asyncio.ensure_future(survey(run, entity, self.clock.now()))
            return await looking

        return lambda node: Question(entity, node, run, related, activity)


async def _tile(ask: Callable[[Node], Question], entity: Entity, node: Node) -> dict[str, Any]:
    data, reason = None, None
    try:
        fill = TILES.get(node.type)
        if fill is None:
            raise NoData(f"There is nothing to show for {node.type!r} here.")  # noqa: TRY301 - one way to say so
        data = await fill(ask(node))
    except NoData as nothing:
        reason = str(nothing)
    except FurzeError as error:
        reason = error.detail
    return {
        "type": node.type,
        "title": node.title,
        "index": node.index,
        "attrs": {**node.attrs, **entity.attributes(node.type)},
        "data": data,
        "reason": reason,
    }
