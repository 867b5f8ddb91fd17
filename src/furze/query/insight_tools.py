"""What an assistant can do with insights and dashboards: find them, read them, save them, arrange them."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from furze.database import Database
from furze.kit import json
from furze.llm.types import Tool, ToolContext, ToolError, ToolResult
from furze.platform.errors import FurzeError
from furze.query import dashboards, insights
from furze.query.dashboards import DashboardBody, DashboardChanges, TileBody
from furze.query.insights import InsightBody
from furze.query.run import QueryRunner
from furze.query.store import Wanted
from furze.query.tools import compact, innermost, shown
from furze.query.types import Answer

_MOST: Final = 50
_TEXT: Final = {"type": "string"}
_IDS: Final = {"type": "array", "items": {"type": "integer"}}
_ONE: Final = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
_SEARCH: Final = {"type": "object", "properties": {"search": _TEXT}, "additionalProperties": False}
#: Where something that lasts may be made.
_MAKING: Final = frozenset(("product_analytics", "customer_analytics", "sql", "execution"))

_Work = Callable[[dict[str, Any], ToolContext], Awaitable[Any]]


def tools(database: Database, runner: QueryRunner) -> list[Tool]:
    """The tools. They answer in JSON."""
    return [
        Tool(
            "list_insights",
            "The project's saved insights, the latest changed first; `search` looks in names and descriptions.",
            _SEARCH,
            _told(partial(_list_insights, database)),
            scope="insight:read",
        ),
        Tool(
            "read_insight",
            "A saved insight, by its `id`: runs its query and shows the chart.",
            _ONE,
            partial(_read_insight, database, runner),
            scope="insight:read",
        ),
        Tool(
            "delete_insight",
            "Delete a saved insight, by its `id`: it also leaves the dashboards that show it.",
            _ONE,
            _told(partial(_delete_insight, database, runner)),
            scope="insight:write",
            is_dangerous=lambda _arguments: True,
            preview=lambda arguments: f"Delete insight {arguments['id']}",
            repeatable=False,
            modes=_MAKING,
        ),
        Tool(
            "save_insight",
            "Save a query as an insight under a name, as create_insight showed it; `dashboards` are ids to show it on.",
            {
                "type": "object",
                "properties": {
                    "name": _TEXT,
                    "description": _TEXT,
                    "query": {"type": "object", "properties": {"kind": _TEXT}, "required": ["kind"]},
                    "dashboards": _IDS,
                },
                "required": ["name", "query"],
                "additionalProperties": False,
            },
            _told(partial(_save_insight, database, runner)),
            scope="insight:write",
            repeatable=False,
            modes=_MAKING,
        ),
        Tool(
            "list_dashboards",
            "The project's dashboards, pinned ones first; `search` looks in names.",
            _SEARCH,
            _told(partial(_list_dashboards, database)),
            scope="dashboard:read",
        ),
        Tool(
            "read_dashboard",
            "A dashboard, by its `id`, with the answer of each of its insights.",
            _ONE,
            _told(partial(_read_dashboard, database, runner)),
            scope="dashboard:read",
        ),
        Tool(
            "upsert_dashboard",
            "Make a dashboard (without `id`) or change one: its name, insights to add, tiles to remove by their ids.",
            {
                "type": "object",
                "properties": {
                    "id": {"type": "integer"},
                    "name": _TEXT,
                    "description": _TEXT,
                    "add_insights": _IDS,
                    "remove_tiles": _IDS,
                },
                "additionalProperties": False,
            },
            _told(partial(_upsert_dashboard, database, runner)),
            scope="dashboard:write",
            is_dangerous=lambda arguments: bool(arguments.get("remove_tiles")),
            preview=lambda arguments: (
                f"Remove {len(arguments['remove_tiles'])} tiles of dashboard {arguments.get('id')}"
            ),
            repeatable=False,
            modes=_MAKING,
        ),
        Tool(
            "delete_dashboard",
            "Delete a dashboard, by its `id`; its insights stay.",
            _ONE,
            _told(partial(_delete_dashboard, database, runner)),
            scope="dashboard:write",
            is_dangerous=lambda _arguments: True,
            preview=lambda arguments: f"Delete dashboard {arguments['id']}",
            repeatable=False,
            modes=_MAKING,
        ),
    ]


def _told(work: _Work) -> Callable[[dict[str, Any], ToolContext], Awaitable[ToolResult]]:
    async def run(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        try:
            return ToolResult(json.dumps(await work(arguments, context)).decode())
        except FurzeError as error:
            raise ToolError(error.detail) from error

    return run


async def _list_insights(database: Database, arguments: dict[str, Any], context: ToolContext) -> Answer:
    wanted = Wanted(arguments.get("search"), None, None, None, None)
    rows, count = await database.read(insights.found_page, context.project.id, wanted, _MOST, 0)
    names = ("id", "name", "description", "query", "dashboards", "last_modified_at")
    return {"insights": [{name: row[name] for name in names} for row in rows], "count": count}


async def _read_insight(
    database: Database, runner: QueryRunner, arguments: dict[str, Any], context: ToolContext
) -> ToolResult:
    try:
        insight, _ = await database.read(insights.read, context.project.id, arguments["id"])
    except FurzeError as error:
        raise ToolError(error.detail) from error
    if insight.deleted:
        raise ToolError(f"Insight {arguments['id']} has been deleted.")
    return await shown(runner, innermost(insight.query), {"name": insight.name}, context)


async def _delete_insight(
    database: Database, runner: QueryRunner, arguments: dict[str, Any], context: ToolContext
) -> Answer:
    gone = {"deleted": True}
    found = await database.write(insights.change, context.access, arguments["id"], gone, runner.clock)
    return {"deleted": found["id"], "name": found["name"]}


async def _delete_dashboard(
    database: Database, runner: QueryRunner, arguments: dict[str, Any], context: ToolContext
) -> Answer:
    gone = DashboardChanges(deleted=True)
    found = await database.write(dashboards.change, context.access, arguments["id"], gone, runner.clock)
    return {"deleted": found["id"], "name": found["name"]}


async def _save_insight(
    database: Database, runner: QueryRunner, arguments: dict[str, Any], context: ToolContext
) -> Answer:
    await runner.run(context.project.id, arguments["query"])  # one that can't be answered is not worth saving
    body = InsightBody.model_validate({**arguments, "saved": True})
    saved = await database.write(insights.create, context.access, body, runner.clock)
    return {name: saved[name] for name in ("id", "short_id", "name", "dashboards")}


async def _list_dashboards(database: Database, arguments: dict[str, Any], context: ToolContext) -> Answer:
    search = arguments.get("search")
    rows, count = await database.read(
        dashboards.found_page, context.project.id, search=search, pinned=None, limit=_MOST, offset=0
    )
    names = ("id", "name", "description", "pinned")
    return {"dashboards": [{name: row[name] for name in names} for row in rows], "count": count}


async def _read_dashboard(
    database: Database, runner: QueryRunner, arguments: dict[str, Any], context: ToolContext
) -> Answer:
    found = await dashboards.answered(context.access, database, runner, arguments["id"], "blocking")
    return {"id": found["id"], "name": found["name"], "tiles": [_tile(tile) for tile in found["tiles"]]}


def _tile(tile: Answer) -> Answer:
    insight = tile["insight"]
    if insight is None:
        return {"id": tile["id"], "text": tile["text"]["body"]}
    answer = compact(insight["query"], {**insight, "results": insight["result"]})
    return {"id": tile["id"], "insight": insight["id"], "name": insight["name"], "answer": answer}


async def _upsert_dashboard(
    database: Database, runner: QueryRunner, arguments: dict[str, Any], context: ToolContext
) -> Answer:
    tiles = [TileBody(insight=each) for each in arguments.get("add_insights", ())]
    tiles += [TileBody(id=each, deleted=True) for each in arguments.get("remove_tiles", ())]
    given = {name: arguments[name] for name in ("name", "description") if name in arguments}
    if "id" in arguments:
        changes = DashboardChanges.model_validate({**given, "tiles": tiles})
        made = await database.write(dashboards.change, context.access, arguments["id"], changes, runner.clock)
    else:
        body = DashboardBody.model_validate({**given, "tiles": tiles})
        made = await database.write(dashboards.create, context.access, body, runner.clock)
    return {"id": made["id"], "name": made["name"], "tiles": [tile["id"] for tile in made["tiles"]]}
