"""What an assistant can do with profiles: read one, and arrange the tiles of all."""

from typing import Any, Final

from sqlalchemy import Connection

from furze.kit import json
from furze.llm.types import Tool, ToolContext, ToolError, ToolResult
from furze.platform.auth import Access
from furze.platform.errors import FurzeError
from furze.profiles import page_routes, routes, store
from furze.profiles.pages import ProfilePages
from furze.profiles.tiles import TILES
from furze.profiles.types import ConfigBody, ProfileConfig

_TEXT: Final = {"type": "string"}
#: Where the layout of profiles is at hand.
_ARRANGING: Final = frozenset(("product_analytics", "customer_analytics", "plan", "execution"))
_SCOPES: Final = ("person", "group_0", "group_1", "group_2", "group_3", "group_4")


def tools(pages: ProfilePages) -> list[Tool]:
    """The tools. They answer in JSON."""
    return [_read_profile(pages), _read_profile_layout(pages), _arrange_profile(pages)]


def _read_profile(pages: ProfilePages) -> Tool:
    async def run(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        project_id = context.project.id
        try:
            if "person" in arguments:
                entity = await pages.database.read(page_routes.find_person, project_id, arguments["person"])
            elif "group_key" in arguments:
                index, key = str(arguments.get("group_type_index", 0)), arguments["group_key"]
                entity = await pages.database.read(page_routes.find_group, project_id, index, key)
            else:
                raise ToolError("Name a `person` (id or distinct id) or a `group_key` with its `group_type_index`.")
            page = await pages.page(context.access, entity)
        except FurzeError as error:
            raise ToolError(error.detail) from error
        tiles = [
            {
                "title": tile["title"],
                **({"data": tile["data"]} if tile["reason"] is None else {"reason": tile["reason"]}),
            }
            for tile in (*page["sidebar"], *page["content"])
        ]
        return ToolResult(json.dumps({"id": page["id"], "tiles": tiles}).decode())

    properties = {"person": _TEXT, "group_key": _TEXT, "group_type_index": {"type": "integer"}}
    return Tool(
        "read_profile",
        "The profile page of one person or group: properties, metrics, sessions, exceptions, calls of language models.",
        {"type": "object", "properties": properties, "additionalProperties": False},
        run,
        scope="person:read",
    )


def _read_profile_layout(pages: ProfilePages) -> Tool:
    async def run(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        found = await pages.database.read(_saved, context.project.id, arguments["scope"])
        layout = found.content if found else None
        saved = [each["type"] for each in layout] if isinstance(layout, list) else None
        return ToolResult(json.dumps({"tiles": saved, "tiles_there_are": sorted(TILES)}).decode())

    return Tool(
        "read_profile_layout",
        "Which tiles the profile pages of a scope show, in their order; null where the usual ones are shown.",
        {
            "type": "object",
            "properties": {"scope": {"type": "string", "enum": list(_SCOPES)}},
            "required": ["scope"],
            "additionalProperties": False,
        },
        run,
        scope="customer_profile_config:read",
        modes=_ARRANGING,
    )


def _arrange_profile(pages: ProfilePages) -> Tool:
    async def run(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        try:
            saved = await pages.database.write(_arrange, pages, context.access, arguments)
        except FurzeError as error:
            raise ToolError(error.detail) from error
        return ToolResult(json.dumps({"config": str(saved.id), "content": saved.content}).decode())

    return Tool(
        "arrange_profile",
        "Choose which tiles the profile pages of a scope show, in this order. It changes the page for everybody.",
        {
            "type": "object",
            "properties": {
                "scope": {"type": "string", "enum": list(_SCOPES)},
                "tiles": {"type": "array", "items": {"type": "string", "enum": sorted(TILES)}},
            },
            "required": ["scope", "tiles"],
            "additionalProperties": False,
        },
        run,
        scope="customer_profile_config:write",
        is_dangerous=lambda _arguments: True,
        preview=lambda arguments: (
            f"Show on each {arguments['scope']} profile: {', '.join(arguments['tiles']) or 'nothing'}"
        ),
        repeatable=False,
        modes=_ARRANGING - {"plan"},
    )


def _arrange(connection: Connection, pages: ProfilePages, access: Access, arguments: dict[str, Any]) -> ProfileConfig:
    tiles = [{"type": kind, "index": index} for index, kind in enumerate(arguments["tiles"])]
    found = _saved(connection, access.project.id, arguments["scope"])
    if found is not None:
        return routes.update(connection, access, found.id, {"content": tiles}, pages.clock)
    body = ConfigBody.model_validate({"scope": arguments["scope"], "content": tiles})
    return routes.create(connection, access, body, pages.clock)


def _saved(connection: Connection, project_id: int, scope: str) -> ProfileConfig | None:
    found, _ = store.list_configs(connection, project_id, scope=scope, limit=1, offset=0)
    return found[0] if found else None
