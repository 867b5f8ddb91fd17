"""A server with the conversations slice alone, so that a test decides on the model, the tools and the limits."""

import functools
import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Connection

from furze.conversations import routes
from furze.conversations.throttle import Throttle
from furze.conversations.turns import Conversations
from furze.conversations.types import Limits
from furze.database import Database
from furze.database.migrate import migrate
from furze.jobs import Jobs
from furze.kit.clock import Clock, SystemClock
from furze.llm.types import Model, Tool
from furze.platform import store as platform
from furze.platform.application import application
from furze.platform.auth import Authenticator
from furze.platform.first_start import FirstKeys, ensure_first_project
from furze.platform.keys import hash_key
from furze.platform.routing import serve
from furze.platform.types import PersonalApiKey
from furze.testing import ScriptedModel

KEY, COLLEAGUE_KEY, READER_KEY = "phx_owner", "phx_colleague", "phx_reader"

Event = tuple[str, dict[str, Any], int | None]


def rounds(usual: int) -> int:
    """How often a race is run: `usual`, or as often as FURZE_ROUNDS says for a long look."""
    return int(os.environ.get("FURZE_ROUNDS", usual))


@dataclass
class Chat:
    """A running server and a client that speaks as its first user."""

    url: str
    model: ScriptedModel
    service: Conversations
    client: httpx.Client
    others: list[httpx.Client] = field(default_factory=list)

    def path(self, conversation: str = "", *rest: str, project: object = 1, mount: str = "environments") -> str:
        return "/".join([f"/api/{mount}/{project}/conversations", *filter(None, [conversation, *rest])]) + "/"

    def body(self, content: str | None, conversation: str, **more: Any) -> dict[str, Any]:
        return {"content": content, "conversation": conversation, "trace_id": str(uuid4()), **more}

    def post(self, content: str | None, conversation: str | None = None, **more: Any) -> httpx.Response:
        headers = more.pop("headers", {})
        return self.client.post(
            self.path(), json=self.body(content, conversation or str(uuid4()), **more), headers=headers
        )

    def ask(self, content: str | None, conversation: str, **more: Any) -> list[Event]:
        """The events of a whole stream."""
        response = self.post(content, conversation, **more)
        assert response.status_code in (200, 201), response.text
        return events_of(response.content)

    @contextmanager
    def streaming(self, content: str | None, conversation: str, **more: Any) -> Iterator[Iterator[Event]]:
        """The events of a stream as they come; leaving the block hangs up."""
        headers = more.pop("headers", {})
        body = self.body(content, conversation, **more)
        with (
            httpx.Client(base_url=self.url, headers=dict(self.client.headers), timeout=30) as client,
            client.stream("POST", self.path(), json=body, headers=headers) as response,
        ):
            assert response.status_code in (200, 201), response.read()
            yield read_events(response)

    def get(self, conversation: str) -> dict[str, Any]:
        response = self.client.get(self.path(conversation))
        assert response.status_code == 200, response.text
        return response.json()

    def messages(self, conversation: str) -> list[tuple[str, str]]:
        return [(each["type"], each["content"]) for each in self.get(conversation)["messages"]]

    def as_user(self, key: str) -> "Chat":
        client = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=30)
        self.others.append(client)
        return Chat(self.url, self.model, self.service, client)

    def sql(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self.service.database.write_now(function, *args, **kwargs)

    def is_idle(self, conversation: str, seconds: float = 10) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.get(conversation)["status"] == "idle":
                return True
            time.sleep(0.01)
        return False


def events_of(content: bytes) -> list[Event]:
    return [event for block in content.decode().split("\n\n") if (event := _event(block))]


def read_events(response: httpx.Response) -> Iterator[Event]:
    buffer = b""
    for chunk in response.iter_raw():
        buffer += chunk
        while b"\n\n" in buffer:
            block, buffer = buffer.split(b"\n\n", 1)
            if event := _event(block.decode()):
                yield event


def _event(block: str) -> Event | None:
    fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
    if "event" not in fields:
        return None
    return fields["event"], json.loads(fields["data"]), int(fields["id"]) if "id" in fields else None


def finals(events: Sequence[Event]) -> list[Event]:
    """The events without the partials."""
    return [each for each in events if not str(each[1].get("id", "")).startswith("temp-")]


def said(events: Sequence[Event]) -> list[tuple[str, str]]:
    """Type and content of the complete messages."""
    return [(body["type"], body.get("content", "")) for name, body, _ in finals(events) if name == "message"]


@contextmanager
def serving(
    folder: Path,
    model: Model | None = None,
    *,
    tools: Sequence[Tool] = (),
    limits: Limits | None = None,
    clock: Clock | None = None,
    keepalive_seconds: float = 15,
    database_url: str | None = None,
) -> Iterator[Chat]:
    """A server of its own for one test."""
    made: dict[str, Conversations] = {}
    clock, chosen = clock or SystemClock(), model or ScriptedModel()
    limits = limits or Limits()
    if database_url is None and not (folder / "furze.db").exists():
        (folder / "furze.db").write_bytes(_prepared())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            database = Database(database_url or f"sqlite:///{folder / 'furze.db'}")
            stack.callback(database.close)
            migrate(database)
            await database.write(_people, clock)
            jobs = Jobs(database, clock)
            service = Conversations(
                database, jobs, clock, chosen, tools, limits=limits, keepalive_seconds=keepalive_seconds
            )
            if close := getattr(chosen, "close", None):
                stack.push_async_callback(close)
            await jobs.start()
            stack.push_async_callback(jobs.stop)
            app.state.provided.update(
                {
                    Database: database,
                    Clock: clock,
                    Jobs: jobs,
                    Authenticator: Authenticator(database, clock),
                    Conversations: service,
                    Throttle: Throttle(limits, clock),
                }
            )
            made["service"] = service
            yield

    app = application(title="furze", version="0", description="", lifespan=lifespan)
    serve(app, routes.endpoints)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=1))
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < deadline, "the server did not start in time"
        time.sleep(0.005)
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    try:
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=30) as client:
            chat = Chat(url, chosen, made["service"], client)  # type: ignore[arg-type]
            yield chat
            for other in chat.others:
                other.close()
    finally:
        server.should_exit = True
        thread.join(30)
        bound.close()


@functools.cache
def _prepared() -> bytes:
    """A migrated database with its people in it: making one takes longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "furze.db"
        database = Database(f"sqlite:///{path}")
        migrate(database)
        database.write_now(_people, SystemClock())
        database.close()
        return path.read_bytes()


def _people(connection: Connection, clock: Clock) -> None:
    """The owner and a colleague, both in project 1, and project 2 of the same organisation."""
    if not ensure_first_project(connection, keys=FirstKeys(KEY, "phc_first"), now=clock.now()):
        return
    project = platform.get_project(connection, 1)
    assert project is not None
    platform.create_project(
        connection, organization_id=project.organization_id, name="Two", api_token="phc_two", now=clock.now()
    )
    colleague = platform.create_user(connection, email="colleague@localhost", first_name="Ann", now=clock.now())
    platform.add_member(connection, project.organization_id, colleague.id, level=1, now=clock.now())
    for key, user_id, scopes in ((COLLEAGUE_KEY, colleague.id, ("*",)), (READER_KEY, 1, ("conversation:read",))):
        platform.create_key(
            connection,
            key=PersonalApiKey(key, user_id, key, key, scopes, (), (), clock.now(), None, None),
            secure_value=hash_key(key),
        )


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel()


@pytest.fixture
def chat(tmp_path: Path, model: ScriptedModel) -> Iterator[Chat]:
    with serving(tmp_path, model) as running:
        yield running


@pytest.fixture
def conversation() -> str:
    return str(uuid4())
