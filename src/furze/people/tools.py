"""What an assistant can do with people: find them."""

from typing import Any, Final

from furze.kit import json
from furze.llm.types import Tool, ToolContext, ToolError, ToolResult
from furze.people.engine import People
from furze.people.search import find_persons
from furze.platform.errors import FurzeError
from furze.platform.pagination import PageRequest

_MOST: Final = 20

_FIND: Final = """Find people by a part of their name, email or distinct id (`search`), or by property filters such as \
[{"key": "plan", "value": "pro", "operator": "exact", "type": "person"}]. The newest 20 and the count."""


def tools(people: People) -> list[Tool]:
    """The tools. They answer in JSON."""

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
    return [Tool("find_people", _FIND, parameters, run, scope="person:read")]
