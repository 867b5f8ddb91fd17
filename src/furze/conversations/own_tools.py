"""What an assistant can do in any conversation: keep a list, ask the person, change its mode, remember."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from furze.conversations import memory, store
from furze.conversations.approvals import form_answers
from furze.database import Database
from furze.kit import json
from furze.kit.clock import Clock
from furze.llm.types import Artifact, Tool, ToolContext, ToolError, ToolResult
from furze.platform.errors import FurzeError

#: The modes that differ here, each with what a model is told of it; any other is like the first.
MODES: Final = {
    "product_analytics": "Answer with charts; save what the person wants to keep.",
    "sql": "Answer with SQL, and show it.",
    "customer_analytics": "Look at people and groups, their profiles and what they did.",
    "error_tracking": "Look at `$exception` events: which errors, since when, whom they hit.",
    "llm_analytics": "Look at `$ai_…` events: cost, latency, tokens and errors of language models.",
    "plan": "Look, and change nothing. Work out a plan, then present it with finalize_plan.",
    "execution": "Carry out the plan that was approved, step by step.",
    "research": "Research in depth: plan, try several queries, check each surprising number a second way, then report.",
}
DEFAULT_MODE: Final = "product_analytics"
#: A mode in which nothing is changed.
READ_ONLY: Final = "plan"

_TEXT: Final = {"type": "string"}


def usable(tool: Tool, mode: str) -> bool:
    """Whether a tool may be used in a mode: its own ones, and in a plan only those that read."""
    mode = mode if mode in MODES else DEFAULT_MODE
    writes = tool.scope is not None and tool.scope.endswith(":write")
    return (tool.modes is None or mode in tool.modes) and not (writes and mode == READ_ONLY)


def tools(database: Database, clock: Clock) -> list[Tool]:
    """The tools."""
    return [
        _todo_write(),
        _create_form(),
        _create_notebook(),
        _switch_mode(database),
        _finalize_plan(database),
        _remember(database, clock),
    ]


def _todo_write() -> Tool:
    async def run(arguments: dict[str, Any], _context: ToolContext) -> ToolResult:
        todos = arguments["todos"]
        done = sum(each["status"] == "completed" for each in todos)
        return ToolResult(f"The list has {len(todos)} steps, {done} of them done.", ui_payload={"todos": todos})

    todo = {
        "type": "object",
        "properties": {
            "id": _TEXT,
            "content": _TEXT,
            "status": {"type": "string", "enum": ["pending", "in_progress", "completed"]},
        },
        "required": ["id", "content", "status"],
    }
    return Tool(
        "todo_write",
        "Write down the steps of a longer task, and how far each is; send the whole list each time.",
        {"type": "object", "properties": {"todos": {"type": "array", "items": todo}}, "required": ["todos"]},
        run,
    )


def _create_form() -> Tool:
    async def run(_arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        answers = form_answers(context)
        if answers is None:
            return ToolResult("The person dismissed the form. Go on without their answers, or ask in words.")
        return ToolResult(json.dumps({"answers": answers}).decode())

    question = {
        "type": "object",
        "properties": {
            "id": _TEXT,
            "question": _TEXT,
            "options": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"value": _TEXT, "description": _TEXT},
                    "required": ["value"],
                },
            },
            "allow_custom_answer": {"type": "boolean"},
        },
        "required": ["id", "question"],
    }
    return Tool(
        "create_form",
        "Ask the person one to four questions with the answers they can choose from, and wait for them.",
        {
            "type": "object",
            "properties": {"questions": {"type": "array", "items": question, "minItems": 1, "maxItems": 4}},
            "required": ["questions"],
        },
        run,
    )


def _create_notebook() -> Tool:
    async def run(arguments: dict[str, Any], _context: ToolContext) -> ToolResult:
        content = {"content_type": "notebook", "title": arguments["title"], "blocks": arguments["blocks"]}
        return ToolResult("The document is shown to the person.", Artifact(content))

    block = {
        "type": "object",
        "properties": {
            "type": {"type": "string", "enum": ["markdown", "visualization"]},
            "content": {"type": "string", "description": "The text of a markdown block."},
            "title": _TEXT,
            "query": {"type": "object", "description": "The query of a visualization, as create_insight takes it."},
        },
        "required": ["type"],
    }
    return Tool(
        "create_notebook",
        "Show a report of several parts: texts in Markdown, and charts that are run when one opens it.",
        {
            "type": "object",
            "properties": {"title": _TEXT, "blocks": {"type": "array", "items": block, "minItems": 1}},
            "required": ["title", "blocks"],
        },
        run,
        said=lambda arguments: "\n\n".join(str(each.get("content", "")) for each in arguments["blocks"]),
        modes=frozenset(MODES) - {READ_ONLY},
    )


def _switch_mode(database: Database) -> Tool:
    async def run(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        mode = arguments["new_mode"]
        await database.write(_change_mode, context.conversation_id, mode)
        return ToolResult(f"The mode is {mode} from now on. {MODES[mode]}")

    listed = "\n".join(f"- {name}: {text}" for name, text in MODES.items())
    modes = [name for name in MODES if name not in (READ_ONLY, "execution")]
    return Tool(
        "switch_mode",
        f"Change the mode, and with it the tools at hand:\n{listed}",
        {"type": "object", "properties": {"new_mode": {"type": "string", "enum": modes}}, "required": ["new_mode"]},
        run,
        modes=frozenset(MODES) - {READ_ONLY},
    )


def _change_mode(connection: Connection, conversation_id: UUID, mode: str) -> None:
    store.change(connection, conversation_id, agent_mode=mode)


def _finalize_plan(database: Database) -> Tool:
    async def run(_arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        await database.write(_change_mode, context.conversation_id, "execution")
        return ToolResult("The plan is approved. Carry it out now.")

    return Tool(
        "finalize_plan",
        "Present the plan, in Markdown, to the person; once approved it is carried out.",
        {"type": "object", "properties": {"plan": _TEXT}, "required": ["plan"]},
        run,
        is_dangerous=lambda _arguments: True,
        preview=lambda arguments: str(arguments["plan"]),
        modes=frozenset((READ_ONLY,)),
    )


def _remember(database: Database, clock: Clock) -> Tool:
    async def run(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        try:
            await database.write(memory.remember, context.project.id, arguments["fact"], now=clock.now())
        except FurzeError as error:
            raise ToolError(error.detail) from error
        return ToolResult("Remembered.")

    return Tool(
        "manage_memories",
        "Remember a fact about this project or its people's wishes for every later conversation, in one sentence.",
        {"type": "object", "properties": {"fact": _TEXT}, "required": ["fact"]},
        run,
        scope="conversation:write",
    )
