"""`POST /mcp`: streamable HTTP, without sessions. A personal API key lets the caller into one project.

The SDK behind it is imported when the first caller comes: it would weigh on every server, and few are asked.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from furze.llm.types import Tool
from furze.platform.auth import Access, Authenticator
from furze.platform.errors import FurzeError, NotAuthenticated

PATH = "/mcp"
PROJECT_HEADER = "x-posthog-project-id"


@dataclass
class McpServer:
    """What `/mcp` serves: tools, to callers whom `authenticator` knows."""

    authenticator: Authenticator
    tools: Sequence[Tool]
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _serving: Any = None

    async def handle(self, access: Access, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of a caller."""
        async with self._starting:
            if self._serving is None:
                serving = await asyncio.to_thread(_load)
                self._serving = await serving.Serving.start(self.tools)
        await self._serving.handle(access, scope, receive, send)

    async def stop(self) -> None:
        """Break off what still runs."""
        if self._serving is not None:
            await self._serving.stop()


def _load() -> Any:
    from furze.mcp import serving  # noqa: PLC0415 - heavy, and needed by few

    return serving


class _Endpoint:
    """The raw route: who asks is settled here, the protocol is the SDK's."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        provided = scope["app"].state.provided
        server: McpServer = provided[McpServer]
        request = Request(scope, receive)
        try:
            if "authorization" not in request.headers:
                raise NotAuthenticated("Send a personal API key: Authorization: Bearer phx_…")
            project = request.headers.get(PROJECT_HEADER, "@current")
            access = await server.authenticator.access_to(request, project, None)
        except FurzeError as error:
            headers = {**(error.headers or {}), **({"WWW-Authenticate": "Bearer"} if error.status == 401 else {})}
            await JSONResponse(error.envelope(), error.status, headers)(scope, receive, send)
            return
        await server.handle(access, scope, receive, send)


def routes() -> list[Route]:
    """The one route. There is nothing to GET or to DELETE, for no session outlives its request."""
    return [Route(PATH, _Endpoint(), methods=["POST"])]
