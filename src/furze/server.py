"""The composition root: settings, engines, slices, one application and its background loops."""

import asyncio
import fcntl
from collections.abc import AsyncIterator, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from sqlalchemy import Connection

import furze
from furze.capture import routes as capture_routes
from furze.capture import warnings as capture_warnings
from furze.capture.pipeline import Pipeline
from furze.capture.routes import Capture
from furze.conversations import model_routes
from furze.conversations import routes as conversation_routes
from furze.conversations.models import Models
from furze.conversations.throttle import Throttle
from furze.conversations.turns import Conversations
from furze.conversations.types import Limits
from furze.database import Database
from furze.database.migrate import migrate
from furze.events.clickhouse import ClickHouse
from furze.events.embedded import EmbeddedEngine
from furze.events.queue import IngestQueue
from furze.exports import download_routes, integration_routes
from furze.exports import routes as export_routes
from furze.exports import ticker as exports
from furze.exports import tools as export_tools
from furze.exports.addresses import Reach
from furze.exports.engine import Exports
from furze.exports.notices import capturing
from furze.identity.store import group_type_indexes
from furze.jobs import Jobs
from furze.kit.clock import Clock, SystemClock
from furze.llm.builtin import BuiltInAssistant
from furze.llm.configured import configured_model
from furze.llm.types import Tool
from furze.mcp import routes as mcp_routes
from furze.mcp.routes import McpServer
from furze.people import erasure as people_erasure
from furze.people import mirror as people_mirror
from furze.people import observe
from furze.people import routes as people_routes
from furze.people import tools as people_tools
from furze.people.engine import People
from furze.people.metrics import list_metrics
from furze.people.related import related
from furze.platform import account_routes, invite_routes, organization_routes, project_routes, sign_in_routes
from furze.platform import routes as platform_routes
from furze.platform.application import application
from furze.platform.auth import Authenticator
from furze.platform.first_start import FirstKeys, ensure_first_project
from furze.platform.keys import new_personal_key, new_project_token
from furze.platform.passwords import Passwords
from furze.platform.projects import Eraser
from furze.platform.routing import serve
from furze.platform.secrets import SecretBox, secret_key
from furze.platform.store import get_project
from furze.profiles import page_routes as profile_page_routes
from furze.profiles import routes as profile_routes
from furze.profiles import tools as profile_tools
from furze.profiles.pages import ProfilePages
from furze.query import annotations as annotation_routes
from furze.query import dashboards as dashboard_routes
from furze.query import diagnosis_tools, insight_tools
from furze.query import insights as insight_routes
from furze.query import routes as query_routes
from furze.query import tools as query_tools
from furze.query.background import BackgroundQueries
from furze.query.kinds.usage_metrics import UsageMetric
from furze.query.run import ProjectFacts, QueryRunner
from furze.query.types import QueryLimits
from furze.settings import Settings
from furze.web import health, own_use
from furze.web import routes as web_routes
from furze.web.health import Instance

_DESCRIPTION = "Capture events, ask questions, export them anywhere, chat with an assistant: the PostHog API."

#: Every slice's endpoints, in the order in which the reference lists them.
SLICES = tuple(
    each.endpoints
    for each in (
        platform_routes,
        sign_in_routes,
        organization_routes,
        invite_routes,
        project_routes,
        account_routes,
        query_routes,
        insight_routes,
        dashboard_routes,
        annotation_routes,
        export_routes,
        download_routes,
        integration_routes,
        conversation_routes,
        model_routes,
        people_routes,
        profile_routes,
        profile_page_routes,
        capture_warnings,
        health,
        own_use,
    )
)


# The loop's own pool has a few threads per core, meant for computing. Ours mostly wait: for a host that does not
# answer, a name that is not resolved. Eight of those held up every export of a small machine.
_WAITING_THREADS = 64


class FolderInUse(Exception):
    """Another furze process holds the data folder."""


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """The application. Its lifespan opens the engines, runs the loops, and answers `/_readiness` once all is up."""
    clock = clock or SystemClock()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await _open(app, settings, clock, stack)
            yield

    app = application(title="furze", version=furze.__version__, description=_DESCRIPTION, lifespan=lifespan)
    app.add_route("/_readiness", _ready)
    app.add_route("/_liveness", _ready)
    for endpoints in SLICES:
        serve(app, endpoints)
    app.router.routes.extend([*mcp_routes.routes(), *web_routes.routes()])
    # First: routes are tried in turn, and trying the two hundred others costs more than capturing an event.
    app.router.routes[:0] = capture_routes.routes()
    return app


@dataclass(frozen=True, slots=True)
class _Engines:
    """What every slice stands on."""

    settings: Settings
    clock: Clock
    database: Database
    store: ClickHouse
    queue: IngestQueue
    jobs: Jobs
    secrets: SecretBox


async def _open(app: FastAPI, settings: Settings, clock: Clock, stack: AsyncExitStack) -> None:
    pool = ThreadPoolExecutor(_WAITING_THREADS, thread_name_prefix="work")
    asyncio.get_running_loop().set_default_executor(pool)
    engines = await _open_engines(settings, clock, stack)
    app.state.first_keys = await _first_keys(engines)
    runner = _query_runner(engines)
    background = BackgroundQueries(clock)
    stack.push_async_callback(background.stop)
    pipeline = Pipeline(engines.queue, engines.database, engines.store, clock)
    people = _people(engines, runner, pipeline)
    exporting = _exports(engines)
    authenticator = Authenticator(engines.database, clock)
    pages = ProfilePages(engines.database, runner.run, partial(related, people), clock)
    tools = [
        *query_tools.tools(runner),
        *insight_tools.tools(engines.database, runner),
        *diagnosis_tools.tools(runner),
        *people_tools.tools(people),
        *profile_tools.tools(pages),
        *export_tools.tools(exporting),
    ]
    conversing = _conversations(engines, tools)
    stack.push_async_callback(conversing[1].close)
    mcp = McpServer(authenticator, tools)
    stack.push_async_callback(mcp.stop)
    made = (
        *(engines.database, engines.store, engines.queue, engines.jobs),
        *(authenticator, Passwords(clock), mcp),
        Eraser(partial(people_erasure.enqueue, people)),
        Capture(engines.queue, engines.database, clock),
        *(runner, background, people, exporting),
        pages,
        *conversing,
    )
    app.state.provided[Clock] = clock
    app.state.provided.update((type(each), each) for each in made)
    await engines.jobs.start()
    stack.push_async_callback(engines.jobs.stop)
    for loop in (exports.run_forever(exporting), pipeline.run_forever(), observe.run_forever(people)):
        _run(stack, loop)


async def _open_engines(settings: Settings, clock: Clock, stack: AsyncExitStack) -> _Engines:
    settings.data.mkdir(parents=True, exist_ok=True)
    stack.enter_context(_lock(settings.data))
    database = Database(settings.resolved_database_url)
    stack.callback(database.close)
    migrate(database)
    store = await _open_store(settings, stack)
    queue = await stack.enter_async_context(IngestQueue(settings.queue_url, now=clock.now))
    secrets = SecretBox(secret_key(settings.data, settings.secret_key))
    return _Engines(settings, clock, database, store, queue, Jobs(database, clock), secrets)


async def _open_store(settings: Settings, stack: AsyncExitStack) -> ClickHouse:
    url = settings.clickhouse_url
    if url is None:
        engine = await stack.enter_async_context(EmbeddedEngine(settings.data / "events"))
        url = engine.url
    store = ClickHouse(url)
    stack.push_async_callback(store.close)
    await store.ensure_schema()
    return store


async def _first_keys(engines: _Engines) -> FirstKeys | None:
    settings = engines.settings
    keys = FirstKeys(settings.personal_api_key or new_personal_key(), settings.project_api_key or new_project_token())
    made = await engines.database.write(ensure_first_project, keys=keys, now=engines.clock.now())
    return keys if made else None


def _exports(engines: _Engines) -> Exports:
    exporting = Exports(
        *(engines.database, engines.store, engines.queue, engines.jobs, engines.clock, engines.secrets),
        notify=capturing(engines.queue),
        webhook_url=engines.settings.export_webhook_url,
        reach=Reach(engines.settings.export_private_addresses, engines.settings.export_folders),
        downloads=engines.settings.data.resolve() / "downloads",
    )
    exports.register(exporting)
    return exporting


def _people(engines: _Engines, runner: QueryRunner, pipeline: Pipeline) -> People:
    people = People(
        *(engines.database, engines.store, engines.queue, engines.jobs, engines.clock),
        *(runner.run, pipeline.turn, runner.forget_facts),
    )
    people_mirror.register(people)
    people_erasure.register(people)
    return people


def _conversations(engines: _Engines, tools: Sequence[Tool]) -> tuple[Conversations, Models, Throttle, Instance]:
    settings, limits = engines.settings, Limits()
    model = configured_model(
        engines.clock,
        base_url=settings.llm_base_url,
        api_key=settings.llm_api_key,
        model=settings.llm_model,
        anthropic_api_key=settings.anthropic_api_key,
        google_api_key=settings.google_api_key,
    )
    models = Models(engines.database, engines.secrets, model, settings.export_private_addresses)
    conversing = Conversations(
        *(engines.database, engines.jobs, engines.clock, model, tools), limits=limits, model_of=models.of
    )
    instance = Instance(
        version=furze.__version__,
        model=None if isinstance(model, BuiltInAssistant) else model.name,
        data=settings.data,
        database="PostgreSQL" if settings.database_url else "SQLite",
        event_store="ClickHouse" if settings.clickhouse_url else "embedded",
        captures_own_use=settings.capture_own_use,
    )
    return conversing, models, Throttle(limits, engines.clock), instance


def _query_runner(engines: _Engines) -> QueryRunner:
    async def facts(project_id: int) -> ProjectFacts:
        return await engines.database.read(_project_facts, project_id)

    limits = QueryLimits(engines.settings.query_timeout_seconds, engines.settings.query_memory_bytes)
    return QueryRunner(engines.store, engines.clock, facts=facts, limits=limits)


def _project_facts(connection: Connection, project_id: int) -> ProjectFacts:
    project = get_project(connection, project_id)
    group_types = group_type_indexes(connection, project_id)
    metrics = [
        UsageMetric(
            str(each.id),
            each.name,
            cast("Any", each.format),
            each.interval,
            cast("Any", each.display),
            each.filters,
            cast("Any", each.math),
            each.math_property,
        )
        for each in list_metrics(connection, project_id)
    ]
    timezone = project.timezone if project else "UTC"
    return ProjectFacts(timezone=timezone, group_types=group_types, usage_metrics=metrics)


def _run(stack: AsyncExitStack, loop: Coroutine[Any, Any, None]) -> None:
    """Run a background loop until the server stops."""
    task = asyncio.create_task(loop)

    async def stop() -> None:
        task.cancel()
        await asyncio.wait([task])

    stack.push_async_callback(stop)


def _lock(folder: Path) -> IO[str]:
    """Hold the data folder for this process; the system lets go of it however the process ends."""
    file = (folder / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise FolderInUse(
            f"{str(folder)!r} is in use by another furze process. Stop it, or start with another --data."
        ) from error
    return file


async def _ready(_request: object) -> PlainTextResponse:
    return PlainTextResponse("ok")
