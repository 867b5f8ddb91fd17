"""Batch exports over HTTP: exports and their test steps. Runs, backfills and logs are in `run_routes`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from sqlalchemy import Connection

from furze.exports import (
    addresses,
    answers,
    checks,
    integrations,
    lifecycle,
    preview,
    run_store,
    store,
    validation,
    verify,
)
from furze.exports.engine import Exports
from furze.exports.run_routes import READ, WRITE, Engine, Moment, identity, moment
from furze.exports.run_routes import endpoints as run_endpoints
from furze.exports.types import (
    CountAnswer,
    DestinationKind,
    Export,
    ExportAnswer,
    ExportBody,
    ExportChanges,
    PausedAnswer,
    PreviewAnswer,
    PreviewBody,
    Run,
    StepAnswer,
    TestStepBody,
    TestStepChanges,
    UnpauseBody,
    Verification,
)
from furze.platform.auth import AnyCaller, ProjectAccess
from furze.platform.errors import NotFound
from furze.platform.pagination import AskedPage, Page, PageRequest
from furze.platform.requests import BodyOf, OptionalBodyOf
from furze.platform.routing import Endpoints
from furze.platform.store import list_projects

endpoints = Endpoints("batch_exports")

_LATEST_RUNS = 10


@endpoints.get("/batch_exports", scope=READ, response=Page[ExportAnswer])
async def list_exports(access: ProjectAccess, engine: Engine, page: AskedPage) -> dict[str, Any]:
    """The project's exports, newest first, each with its latest runs."""
    return await _page(engine, page, access.project.id)


@endpoints.get(
    "/organizations/{organization_id}/batch_exports", scope=READ, response=Page[ExportAnswer], in_project=False
)
async def list_organization_exports(
    caller: AnyCaller, engine: Engine, page: AskedPage, organization_id: str
) -> dict[str, Any]:
    """The exports of every project of an organisation that the caller may see, newest first."""
    projects = await engine.database.read(list_projects, caller.user.id)
    seen = [each.id for each in projects if str(each.organization_id) == organization_id and caller.may_see(each)]
    if not seen:
        raise NotFound
    return await _page(engine, page, *seen)


@endpoints.post("/batch_exports", scope=WRITE, response=ExportAnswer)
async def create_export(
    access: ProjectAccess, engine: Engine, body: Annotated[ExportBody, Depends(BodyOf(ExportBody))]
) -> dict[str, Any]:
    """A new export: its first run comes when the interval that goes on now has ended."""
    export = await engine.database.write(lifecycle.create, engine, access, body)
    return answers.export_answer(export, [])


# The paths without an id come before those with one, which would take their last word for an id.
@endpoints.get("/batch_exports/test", scope=READ)
async def list_test_steps(
    access: ProjectAccess,  # noqa: ARG001 - asks for a key that may see the project
    destination: Annotated[str | None, Query(description="A destination's type; none lists all.")] = None,
) -> dict[str, Any]:
    """The test steps of a destination, in the order in which to run them."""
    return checks.listed(destination)


@endpoints.get("/batch_exports/destinations", scope=READ, response=list[DestinationKind])
async def list_destinations(
    access: ProjectAccess,  # noqa: ARG001 - asks for a key that may see the project
) -> list[DestinationKind]:
    """Every type of destination with its inputs as a JSON schema: what a form to make an export is drawn from."""
    return checks.kinds()


@endpoints.post("/batch_exports/run_test_step_new", scope=WRITE, response=StepAnswer, status=200)
async def run_test_step_new(
    access: ProjectAccess,
    engine: Engine,
    body: Annotated[TestStepBody, Depends(BodyOf(TestStepBody))],
) -> StepAnswer:
    """Run one test step of an export that is not stored yet."""
    project_id = access.project.id
    integration = await engine.database.read(integrations.asked_for, project_id, body.destination, None)
    validation.created_values(body, engine.secrets, project_id=project_id, integration=integration)
    config = integrations.joined(integration, body.destination.config, engine.secrets)
    with addresses.limited(engine.reach):
        return await checks.run_step(validation.find_destination(body.destination.type), config, body.step)


@endpoints.post("/batch_exports/count_rows", scope=READ, response=CountAnswer, status=200)
async def count_rows(
    access: ProjectAccess, engine: Engine, body: Annotated[PreviewBody, Depends(BodyOf(PreviewBody))]
) -> CountAnswer:
    """How many rows an export like this would bring for a range of time."""
    return CountAnswer(count=await preview.count_rows(engine, body, project_id=access.project.id))


@endpoints.post("/batch_exports/preview", scope=READ, response=PreviewAnswer, status=200)
async def preview_rows(
    access: ProjectAccess, engine: Engine, body: Annotated[PreviewBody, Depends(BodyOf(PreviewBody))]
) -> PreviewAnswer:
    """How many rows an export like this would bring for a range of time, and the first of them."""
    return await preview.preview(engine, body, project_id=access.project.id)


@endpoints.get("/batch_exports/{export_id}", scope=READ, response=ExportAnswer)
async def get_export(access: ProjectAccess, engine: Engine, export_id: str) -> dict[str, Any]:
    """One export, with its latest runs."""
    return answers.export_answer(*await engine.database.read(_with_runs, access.project.id, identity(export_id)))


@endpoints.put("/batch_exports/{export_id}", scope=WRITE, response=ExportAnswer)
async def replace_export(
    access: ProjectAccess,
    engine: Engine,
    export_id: str,
    body: Annotated[ExportBody, Depends(BodyOf(ExportBody))],
) -> dict[str, Any]:
    """The export with every value given. Inputs of the destination that are left out stay, secrets above all."""
    return await _change(access, engine, export_id, body, is_whole=True)


@endpoints.patch("/batch_exports/{export_id}", scope=WRITE, response=ExportAnswer)
async def change_export(
    access: ProjectAccess,
    engine: Engine,
    export_id: str,
    body: Annotated[ExportChanges, Depends(BodyOf(ExportChanges))],
) -> dict[str, Any]:
    """The export with the values sent; the others stay."""
    return await _change(access, engine, export_id, body, is_whole=False)


@endpoints.delete("/batch_exports/{export_id}", scope=WRITE)
async def delete_export(access: ProjectAccess, engine: Engine, export_id: str) -> None:
    """Delete an export; its runs and backfills in progress are cancelled."""
    stopped = await engine.database.write(lifecycle.delete, engine, access, identity(export_id))
    for run in stopped:
        engine.jobs.interrupt(run.job_id)


@endpoints.post("/batch_exports/{export_id}/pause", scope=WRITE, response=PausedAnswer, status=200)
async def pause_export(access: ProjectAccess, engine: Engine, export_id: str) -> PausedAnswer:
    """Plan no more runs; those in progress go on."""
    await engine.database.write(lifecycle.pause, engine, access, identity(export_id))
    return PausedAnswer(paused=True)


@endpoints.post("/batch_exports/{export_id}/unpause", scope=WRITE, response=PausedAnswer, status=200)
async def unpause_export(
    access: ProjectAccess,
    engine: Engine,
    export_id: str,
    body: Annotated[UnpauseBody, Depends(OptionalBodyOf(UnpauseBody))],
) -> PausedAnswer:
    """Plan runs again; with `backfill`, also for the intervals that ended meanwhile."""
    await engine.database.write(lifecycle.unpause, engine, access, identity(export_id), catch_up=body.backfill)
    return PausedAnswer(paused=False)


@endpoints.post("/batch_exports/{export_id}/run_test_step", scope=WRITE, response=StepAnswer, status=200)
async def run_test_step(
    access: ProjectAccess,
    engine: Engine,
    export_id: str,
    body: Annotated[TestStepChanges, Depends(BodyOf(TestStepChanges))],
) -> StepAnswer:
    """Run one test step of a stored export, with its secrets and whatever inputs are sent over the stored ones."""
    export, _ = await engine.database.read(_with_runs, access.project.id, identity(export_id))
    validation.check_same_destination(export, body.destination.type)
    config = await engine.database.read(integrations.all_inputs, export, engine.secrets, body.destination)
    with addresses.limited(engine.reach):
        return await checks.run_step(validation.find_destination(export.destination_type), config, body.step)


@endpoints.post("/batch_exports/{export_id}/verify", scope=READ, response=Verification, status=200)
async def verify_export(
    access: ProjectAccess, engine: Engine, export_id: str, start: Moment = None, end: Moment = None
) -> Verification:
    """Read the destination again: which rows of the completed runs are missing, surplus or doubled there."""
    export, _ = await engine.database.read(_with_runs, access.project.id, identity(export_id))
    now = engine.clock.now()
    with addresses.limited(engine.reach):
        return await verify.verify(engine, export, start=moment(access, start, now), end=moment(access, end, now))


async def _page(engine: Exports, page: PageRequest, *project_ids: int) -> dict[str, Any]:
    rows, count = await engine.database.read(store.list_exports, *project_ids, limit=page.limit, offset=page.offset)
    runs = await engine.database.read(run_store.latest_runs, [export.id for export in rows], count=_LATEST_RUNS)
    return page.page([answers.export_answer(export, runs[export.id]) for export in rows], count)


async def _change(
    access: ProjectAccess, engine: Exports, export_id: str, body: ExportBody, *, is_whole: bool
) -> dict[str, Any]:
    key = identity(export_id)
    await engine.database.write(lifecycle.change, engine, access, key, body, is_whole=is_whole)
    return answers.export_answer(*await engine.database.read(_with_runs, access.project.id, key))


def _with_runs(connection: Connection, project_id: int, export_id: UUID) -> tuple[Export, list[Run]]:
    export = store.get_export(connection, project_id, export_id)
    if export is None:
        raise NotFound
    return export, run_store.latest_runs(connection, [export_id], count=_LATEST_RUNS)[export_id]


endpoints.declared.extend(run_endpoints.declared)
