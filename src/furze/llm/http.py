"""One streamed request to a provider: server-sent events in, typed errors out."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

import httpx2 as httpx

from furze.kit import json
from furze.llm.types import (
    ModelError,
    ModelKeyRefused,
    ModelNotFound,
    ModelOverQuota,
    ModelRejectedRequest,
    ModelUnavailable,
    ModelUnreachable,
)

#: A local model may take minutes to read a long prompt before its first word.
_TIMEOUT = httpx.Timeout(connect=10, read=300, write=60, pool=10)
_SHOWN = 500
#: No answer is longer; one that is would fill the memory before anybody could look at it.
_LONGEST = 32 << 20


class Provider:
    """An HTTP API that streams JSON objects as server-sent events."""

    def __init__(self, base_url: str, headers: Mapping[str, str], *, timeout: httpx.Timeout = _TIMEOUT) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = dict(headers)
        self._timeout = timeout
        self._client: httpx.AsyncClient | None = None

    async def stream(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """The events' data. Raises a `ModelError`; closing the generator closes the connection."""
        client = self._opened()
        request = client.build_request("POST", f"{self._base_url}{path}", content=json.dumps(body))
        try:
            response = await client.send(request, stream=True)
        except httpx.ConnectError as error:
            raise ModelUnreachable(f"{self._base_url} can't be reached: {error}") from error
        except httpx.HTTPError as error:
            raise ModelUnavailable(f"{self._base_url} can't be reached: {error}") from error
        try:
            if response.status_code != httpx.codes.OK:
                raise _refusal(response.status_code, await _text(response))
            async with contextlib.aclosing(_events(response)) as events:
                async for event in events:
                    yield event
        except httpx.HTTPError as error:
            raise ModelUnavailable(f"{self._base_url} broke off its answer: {error!r}") from error
        finally:
            await response.aclose()

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            headers = {"content-type": "application/json", "accept": "text/event-stream", **self._headers}
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
            self._client = httpx.AsyncClient(headers=headers, timeout=self._timeout, limits=limits)
        return self._client

    async def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            await self._client.aclose()


async def _events(response: httpx.Response) -> AsyncGenerator[dict[str, Any]]:
    async for line in _lines(response.aiter_raw()):
        if not line.startswith(b"data:"):
            continue
        text = line[5:].strip()
        if text == b"[DONE]":
            return
        try:
            event = json.loads(text)
        except ValueError as error:
            raise ModelUnavailable(f"the provider sent something unreadable: {text[:_SHOWN]!r}") from error
        if isinstance(event, dict):
            yield event


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest, size = b"", 0
    async for chunk in chunks:
        size += len(chunk)
        if size > _LONGEST:
            raise ModelUnavailable(f"the provider sent more than {_LONGEST >> 20} MiB for one answer")
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
    if rest:
        yield rest


async def _text(response: httpx.Response) -> str:
    try:
        return (await response.aread()).decode(errors="replace")[:_SHOWN]
    except httpx.HTTPError:
        return ""


def _refusal(status: int, text: str) -> ModelError:
    if status in (400, 413, 422):
        return ModelRejectedRequest(f"{status}: {text}")
    if status in (402, 429):
        return ModelOverQuota(f"{status}: {text}")
    if status in (401, 403):
        return ModelKeyRefused(f"{status}: {text}")
    if status == httpx.codes.NOT_FOUND:
        return ModelNotFound(f"{status}: {text}")
    if status in (408, 409, 425) or status >= 500:
        return ModelUnavailable(f"{status}: {text}")
    return ModelError(f"{status}: {text}")


def arguments_of(text: str) -> tuple[dict[str, Any], str | None]:
    """A tool call's arguments from the JSON a model wrote, and what is wrong with it."""
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        return {}, f"not valid JSON ({error})"
    if not isinstance(found, dict):
        return {}, f"a JSON object is needed, not {type(found).__name__}"
    return found, None
