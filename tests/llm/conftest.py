"""A provider on loopback that answers with what a test scripted."""

import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route


@dataclass
class Provider:
    """Answers each request with the next script: a status, one with a text, or a stream's chunks; None hangs up."""

    url: str = ""
    scripts: list[Any] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)
    disconnected: threading.Event = field(default_factory=threading.Event)

    async def answer(self, request: Request) -> Response:
        self.requests.append(await request.json())
        self.headers.append(dict(request.headers))
        self.connections.add(request.client)
        script = self.scripts.pop(0)
        if isinstance(script, int):
            return Response("no", status_code=script)
        if isinstance(script, tuple):
            return Response(script[1], status_code=script[0])
        return StreamingResponse(self._stream(script), media_type="text/event-stream")

    async def _stream(self, script: list[Any]) -> AsyncIterator[bytes]:
        import asyncio  # noqa: PLC0415

        try:
            for each in script:
                if each is None:
                    raise ConnectionError("dropped, as scripted")
                if isinstance(each, float):
                    await asyncio.sleep(each)
                else:
                    yield each if isinstance(each, bytes) else f"data: {json.dumps(each)}\n\n".encode()
        except asyncio.CancelledError:
            self.disconnected.set()
            raise


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    paths = ("/v1/chat/completions", "/v1/messages", "/v1beta/models/gemini:streamGenerateContent")
    app = Starlette(routes=[Route(path, made.answer, methods=["POST"]) for path in paths])
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    made.url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    yield made
    server.should_exit = True
    thread.join(10)
    bound.close()
