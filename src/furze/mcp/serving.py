"""The protocol: lists the tools that a key allows and carries out their calls. Imports the SDK, so import it late."""

import asyncio
import contextlib
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

import mcp_types as wire
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Receive, Scope, Send

import furze
from furze.llm.running import misuse, run_tool
from furze.llm.types import Tool, ToolContext, ToolError
from furze.platform.auth import Access
from furze.platform.scopes import allows

_INSTRUCTIONS = """\
The data of one furze project. Look up the names of events and properties with read_taxonomy before you query; \
queries are HogQL (ClickHouse SQL), read-only. State only numbers that a tool returned, with the period they cover."""

_access: ContextVar[Access] = ContextVar("access")

_Context = ServerRequestContext[Any]


class Serving:
    """A running protocol server. Each request is on its own: any process can answer the next one."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        server: Server[Any] = Server(
            "furze",
            version=furze.__version__,
            instructions=_INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
        )
        self._manager = StreamableHTTPSessionManager(server, stateless=True)
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, tools: Sequence[Tool]) -> "Serving":
        """A server that is ready to handle requests."""
        serving, ready = cls(tools), asyncio.Event()
        serving._task = asyncio.create_task(serving._run(ready))
        await ready.wait()
        return serving

    async def _run(self, ready: asyncio.Event) -> None:
        # The SDK's tasks must be begun and ended by one task.
        async with self._manager.run():
            ready.set()
            await asyncio.Event().wait()

    async def stop(self) -> None:
        """Cancel what runs."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def handle(self, access: Access, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request on behalf of a caller."""
        _access.set(access)  # the tasks that the SDK starts for this request inherit it
        await self._manager.handle_request(scope, receive, send)

    async def _list_tools(self, _context: _Context, _asked: object) -> wire.ListToolsResult:
        scopes = _access.get().key.scopes
        allowed = [each for each in self._tools.values() if each.scope is None or allows(scopes, each.scope)]
        return wire.ListToolsResult(tools=[_described(each) for each in allowed])

    async def _call_tool(self, context: _Context, asked: wire.CallToolRequestParams) -> wire.CallToolResult:
        access, arguments = _access.get(), asked.arguments or {}
        tool = self._tools.get(asked.name)
        if tool is None:
            return _failed(f"There is no tool {asked.name!r}. The tools are {', '.join(self._tools)}.")
        if tool.scope is not None and not allows(access.key.scopes, tool.scope):
            return _failed(f"The key lacks the scope {tool.scope!r} that {tool.name} needs.")
        if (wrong := misuse(tool, arguments)) is not None:
            return _failed(wrong)
        try:
            result = await run_tool(tool, arguments, _tool_context(access, context))
        except ToolError as error:
            return _failed(str(error))
        return wire.CallToolResult(content=[wire.TextContent(text=result.text)])


def _failed(text: str) -> wire.CallToolResult:
    return wire.CallToolResult(content=[wire.TextContent(text=text)], is_error=True)


def _described(tool: Tool) -> wire.Tool:
    reads = tool.scope is None or tool.scope.endswith(":read")
    return wire.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=dict(tool.parameters),
        annotations=wire.ToolAnnotations(
            read_only_hint=reads, destructive_hint=not reads, idempotent_hint=tool.repeatable, open_world_hint=False
        ),
    )


def _tool_context(access: Access, context: _Context) -> ToolContext:
    shown = 0

    async def update(text: str) -> None:
        nonlocal shown
        shown += 1
        await context.session.report_progress(shown, message=text)

    return ToolContext(
        project=access.project,
        user=access.user,
        scopes=access.key.scopes,
        conversation_id=uuid4(),
        tool_call_id=str(context.request_id),
        agent_mode="product_analytics",
        update=update,
    )
