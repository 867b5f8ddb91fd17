"""What an assistant can do with people and groups: find them."""

from typing import Any, Final

from sqlalchemy import Connection

from furze.identity import store as identities
from furze.kit import json
from furze.llm.types import Tool, ToolContext, ToolError, ToolResult
from furze.people.engine import People
from furze.people.search import find_persons
from furze.platform.errors import FurzeError
from furze.platform.pagination import PageRequest

_MOST: Final = 20

_FIND: Final = """Find people by a part of their name, email or distinct id (`search`), or by property filters such as \
[{"key": "plan", "value": "pro", "operator": "exact", "type": "person"}]. The newest 20 and the count."""

_FIND_GROUPS: Final = """Find groups of one type, such as companies, by a part of their key or name (`search`). \
The newest 20 and the count; read_profile shows one of them whole."""


def tools(people: People) -> list[Tool]:
    """The tools. They answer in JSON."""
    return [_find_people(people), _find_groups(people)]


def _find_people(people: People) -> Tool:
    async def run(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        page = PageRequest(_MOST, 0, "", ())
        filters = list(arguments.get("properties", ()))
        search = arguments.get("search")
        try:
            found, count = await find_persons(
                people, context.project.id, filters, page, distinct_id=None, email=None, search=search
            )
        except FurzeError as error:
            raise ToolError(error.detail) from error
        shown = [
            {
                "id": str(each.uuid),
                "distinct_ids": each.distinct_ids[:5],
                "properties": each.properties,
                "created_at": each.created_at,
                "last_seen_at": each.last_seen_at,
            }
            for each in found
        ]
        return ToolResult(json.dumps({"people": shown, "count": count}).decode())

    parameters = {
        "type": "object",
        "properties": {"search": {"type": "string"}, "properties": {"type": "array", "items": {"type": "object"}}},
        "additionalProperties": False,
    }
    return Tool("find_people", _FIND, parameters, run, scope="person:read")


def _find_groups(people: People) -> Tool:
    async def run(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        kind, search = arguments["group_type"], arguments.get("search")
        return ToolResult(json.dumps(await people.database.read(_groups, context.project.id, kind, search)).decode())

    parameters = {
        "type": "object",
        "properties": {"group_type": {"type": "string"}, "search": {"type": "string"}},
        "required": ["group_type"],
        "additionalProperties": False,
    }
    return Tool("find_groups", _FIND_GROUPS, parameters, run, scope="group:read")


def _groups(connection: Connection, project_id: int, kind: str, search: str | None) -> dict[str, Any]:
    index = identities.group_type_indexes(connection, project_id).get(kind)
    if index is None:
        known = ", ".join(identities.group_type_indexes(connection, project_id)) or "none"
        raise ToolError(f"There is no group type {kind!r}. The project has {known}.")
    found, count = identities.list_groups(connection, project_id, index, search=search, limit=_MOST, offset=0)
    names = ("group_key", "group_properties", "created_at")
    shown = [{name: getattr(each, name) for name in names} for each in found]
    return {"groups": shown, "group_type_index": index, "count": count}
