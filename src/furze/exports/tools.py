"""What an assistant can do with batch exports: list them, explain a failure, pause, unpause, test, backfill."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from furze.exports import answers, backfills, checks, integrations, lifecycle, run_store, store, validation
from furze.exports.engine import Exports
from furze.exports.types import BackfillBody, Export, Run
from furze.kit import json
from furze.llm.types import Tool, ToolContext, ToolError, ToolResult
from furze.platform.errors import FurzeError

_READ: Final = "batch_export:read"
_WRITE: Final = "batch_export:write"
_MOST_EXPORTS: Final = 200
_EXPLAINED_RUNS: Final = 10
_EXPLAINED_LINES: Final = 30
_STEPS_SECONDS: Final = 300
_BAD: Final = ("WARNING", "ERROR")

_EXPORT: Final = {"type": "string", "description": "The export's name or id, from list_batch_exports."}
_MOMENT: Final = {"type": "string", "description": "ISO time with a zone; for daily and weekly exports a date."}

_Run = Callable[[Exports, dict[str, Any], ToolContext], Awaitable[Any]]


def tools(exporting: Exports) -> list[Tool]:
    """The tools, over one engine. They answer in JSON; what changes something waits for a person's approval."""
    return [
        _reads(
            exporting,
            "list_batch_exports",
            "Every batch export of the project: destination, interval, whether it is paused, how its latest run went.",
            {},
            _list,
        ),
        _reads(
            exporting,
            "explain_batch_export",
            "One batch export with its latest runs, their errors and the warnings of its log: why it fails.",
            {"export": _EXPORT},
            _explain,
        ),
        _changes(
            exporting,
            "test_batch_export",
            "Run the test steps of a batch export's destination, in order, up to the first that fails.",
            {"export": _EXPORT},
            _test,
            says=lambda arguments: f"Test the destination of the export **{arguments['export']}**.",
        ),
        _changes(
            exporting,
            "pause_batch_export",
            "Pause a batch export: no new runs until it is unpaused.",
            {"export": _EXPORT},
            _pause,
            says=lambda arguments: f"Pause the export **{arguments['export']}**: no new runs until it is unpaused.",
        ),
        _changes(
            exporting,
            "unpause_batch_export",
            "Unpause a batch export; with `catch_up` also export the intervals that ended meanwhile.",
            {"export": _EXPORT, "catch_up": {"type": "boolean"}},
            _unpause,
            says=lambda arguments: (
                f"Unpause the export **{arguments['export']}**"
                f"{' and export what was missed meanwhile' if arguments.get('catch_up') else ''}."
            ),
        ),
        _changes(
            exporting,
            "backfill_batch_export",
            "Export the rows of a past range of time again, but for those delivered already.",
            {"export": _EXPORT, "start_at": _MOMENT, "end_at": _MOMENT},
            _backfill,
            says=lambda arguments: (
                f"Backfill the export **{arguments['export']}** from {arguments.get('start_at', 'the beginning')} "
                f"to {arguments.get('end_at', 'now')}."
            ),
        ),
    ]


def _reads(exporting: Exports, name: str, description: str, properties: Mapping[str, Any], run: _Run) -> Tool:
    return Tool(name, description, _parameters(properties), _running(exporting, run), scope=_READ)


def _changes(
    exporting: Exports,
    name: str,
    description: str,
    properties: Mapping[str, Any],
    run: _Run,
    *,
    says: Callable[[dict[str, Any]], str],
) -> Tool:
    return Tool(
        name,
        description,
        _parameters(properties),
        _running(exporting, run),
        scope=_WRITE,
        is_dangerous=lambda _arguments: True,
        preview=says,
        repeatable=False,
        deadline_seconds=_STEPS_SECONDS,
    )


def _parameters(properties: Mapping[str, Any]) -> dict[str, Any]:
    required = [name for name in properties if name == "export"]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _running(exporting: Exports, run: _Run) -> Callable[[dict[str, Any], ToolContext], Awaitable[ToolResult]]:
    async def told(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        try:
            found = await run(exporting, arguments, context)
        except FurzeError as error:
            raise ToolError(error.detail) from error
        return ToolResult(json.dumps(found).decode())

    return told


async def _list(exporting: Exports, _arguments: dict[str, Any], context: ToolContext) -> dict[str, Any]:
    exports, runs = await exporting.database.read(_exports, context.project.id, count=1)
    return {"exports": [_brief(each, runs[each.id]) for each in exports]}


async def _explain(exporting: Exports, arguments: dict[str, Any], context: ToolContext) -> dict[str, Any]:
    export = await _named(exporting, arguments, context)
    runs, lines = await exporting.database.read(_history, export)
    return {
        **_brief(export, runs),
        "config": export.config,
        "latest_runs": [answers.run_answer(run) for run in runs],
        "warnings": [{"at": each.timestamp, "level": each.level, "message": each.message} for each in lines],
    }


async def _test(exporting: Exports, arguments: dict[str, Any], context: ToolContext) -> dict[str, Any]:
    export = await _named(exporting, arguments, context)
    destination = validation.find_destination(export.destination_type)
    config = await exporting.database.read(integrations.all_inputs, export, exporting.secrets)
    steps: list[Any] = []
    for number, check in enumerate(destination.checks):
        await context.update(f"{export.name}: {check.name}")
        step = await checks.run_step(destination, config, number)
        steps.append(step.model_dump(mode="json"))
        if step.result is None or step.result.status != "Passed":
            break
    return {"export": export.name, "steps": steps}


async def _pause(exporting: Exports, arguments: dict[str, Any], context: ToolContext) -> dict[str, Any]:
    export = await _named(exporting, arguments, context)
    paused = await exporting.database.write(lifecycle.pause, exporting, context.access, export.id)
    return {"export": paused.name, "paused": paused.paused}


async def _unpause(exporting: Exports, arguments: dict[str, Any], context: ToolContext) -> dict[str, Any]:
    export = await _named(exporting, arguments, context)
    catch_up = bool(arguments.get("catch_up"))
    unpaused = await exporting.database.write(
        lifecycle.unpause, exporting, context.access, export.id, catch_up=catch_up
    )
    return {"export": unpaused.name, "paused": unpaused.paused}


async def _backfill(exporting: Exports, arguments: dict[str, Any], context: ToolContext) -> dict[str, Any]:
    export = await _named(exporting, arguments, context)
    body = BackfillBody(start_at=arguments.get("start_at"), end_at=arguments.get("end_at"))
    asked = backfills.asked_range(export, body, exporting.clock.now())
    position = await exporting.queue.head()
    backfill = await exporting.database.write(
        backfills.create, exporting, export, asked, position=position, is_resend=False
    )
    exporting.jobs.wake()
    return {"export": export.name, "backfill": answers.backfill_answer(backfill)}


async def _named(exporting: Exports, arguments: dict[str, Any], context: ToolContext) -> Export:
    """The one export of the project that a name or an id means."""
    exports, _ = await exporting.database.read(_exports, context.project.id, count=0)
    asked = str(arguments["export"]).strip().lower()
    found = [each for each in exports if asked in (each.name.lower(), str(each.id))]
    if len(found) == 1:
        return found[0]
    names = ", ".join(repr(each.name) for each in exports) or "none"
    if found:
        ids = ", ".join(str(each.id) for each in found)
        raise ToolError(f"Several exports are called {arguments['export']!r}: name one by its id, of {ids}.")
    raise ToolError(f"There is no export {arguments['export']!r}. The exports are: {names}.")


def _exports(connection: Connection, project_id: int, *, count: int) -> tuple[list[Export], dict[UUID, list[Run]]]:
    exports, _ = store.list_exports(connection, project_id, limit=_MOST_EXPORTS, offset=0)
    runs = run_store.latest_runs(connection, [each.id for each in exports], count=count) if count else {}
    return exports, runs


def _history(connection: Connection, export: Export) -> tuple[list[Run], list[Any]]:
    runs = run_store.latest_runs(connection, [export.id], count=_EXPLAINED_RUNS)[export.id]
    lines = run_store.list_logs(connection, export.id, levels=_BAD, limit=_EXPLAINED_LINES)
    return runs, list(lines)


def _brief(export: Export, runs: list[Run]) -> dict[str, Any]:
    latest = runs[0] if runs else None
    return {
        "id": export.id,
        "name": export.name,
        "destination": export.destination_type,
        "interval": export.interval,
        "paused": export.paused,
        "latest_status": latest.status if latest else None,
        "latest_error": latest.latest_error if latest else None,
    }
