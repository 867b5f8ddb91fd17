"""One streamed request to a provider: server-sent events in, typed errors out."""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from furze.kit import json
from furze.llm.types import (
    ModelContextFull,
    ModelError,
    ModelKeyRefused,
    ModelNotFound,
    ModelOverQuota,
    ModelRejectedRequest,
    ModelUnavailable,
    ModelUnreachable,
    ModelWithoutTools,
)

#: A local model may take minutes to read a long prompt before its first word.
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=300)
_SHOWN = 500
#: No answer is longer; one that is would fill the memory before anybody could look at it.
_LONGEST = 32 << 20
#: How long an answer that is complete may take to end, so that the next one finds its connection open.
_END_SECONDS = 0.1
#: How long a connection is kept for the next request: local model servers close theirs after five seconds.
_KEPT_SECONDS = 4.5


class Provider:
    """An HTTP API that streams JSON objects as server-sent events."""

    def __init__(self, base_url: str, headers: Mapping[str, str], *, timeout: aiohttp.ClientTimeout = _TIMEOUT) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = dict(headers)
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    async def stream(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """The events' data. Raises a `ModelError`; closing the generator closes the connection."""
        try:
            response = await self._post(path, json.dumps(body))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise ModelUnreachable(f"{self._base_url} can't be reached: {error}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ModelUnavailable(f"{self._base_url} can't be reached: {error!r}") from error
        try:
            if response.status != HTTPStatus.OK:
                raise _refusal(response.status, await _text(response))
            incoming = _Incoming()
            while not incoming.is_done and (chunk := await response.content.readany()):
                for event in incoming.receive(chunk):
                    yield event
            for event in incoming.receive(b"\n"):  # the last line of some servers has no end
                yield event
            await _end(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ModelUnavailable(f"{self._base_url} broke off its answer: {error!r}") from error
        finally:
            response.close()

    async def _post(self, path: str, content: bytes) -> aiohttp.ClientResponse:
        try:
            return await self._opened().post(f"{self._base_url}{path}", data=content, allow_redirects=False)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            # A kept connection that the server closed as the request went out: nobody has read it.
            return await self._opened().post(f"{self._base_url}{path}", data=content, allow_redirects=False)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {"content-type": "application/json", "accept": "text/event-stream", **self._headers}
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_SECONDS)
            self._session = aiohttp.ClientSession(
                headers=headers, timeout=self._timeout, connector=connector, proxy=_proxy_for(self._base_url)
            )
        return self._session

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()


def _proxy_for(url: str) -> str | None:
    # aiohttp's own reading of the environment would also take passwords from ~/.netrc and refuse ours.
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


class _Incoming:
    """Server-sent events out of bytes that are cut anywhere."""

    def __init__(self) -> None:
        self.is_done = False
        self._rest = b""
        self._size = 0

    def receive(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        self._size += len(chunk)
        if self._size > _LONGEST:
            raise ModelUnavailable(f"the provider sent more than {_LONGEST >> 20} MiB for one answer")
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            text = line[5:].strip()
            if text == b"[DONE]":
                self.is_done = True
                return
            event = _read(text)
            if isinstance(event, dict):
                yield event


def _read(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ModelUnavailable(f"the provider sent something unreadable: {text[:_SHOWN]!r}") from error


async def _end(response: aiohttp.ClientResponse) -> None:
    """Read to the end of an answer that has said all, so that its connection can be used again."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            while await response.content.readany():
                pass


async def _text(response: aiohttp.ClientResponse) -> str:
    try:
        return (await response.read()).decode(errors="replace")[:_SHOWN]
    except (aiohttp.ClientError, TimeoutError):
        return ""


def _refusal(status: int, text: str) -> ModelError:
    if status in (400, 413, 422):
        return _rejected(text)(f"{status}: {text}")
    if status in (402, 429):
        return ModelOverQuota(f"{status}: {text}")
    if status in (401, 403):
        return ModelKeyRefused(f"{status}: {text}")
    if status == HTTPStatus.NOT_FOUND:
        return ModelNotFound(f"{status}: {text}")
    if status in (408, 409, 425) or status >= 500:
        return ModelUnavailable(f"{status}: {text}")
    return ModelError(f"{status}: {text}")


def _rejected(text: str) -> type[ModelRejectedRequest]:
    """What a provider's words say of a request that it will not take: there is no code for it that all of them use."""
    if re.search(r"(not|n't) support \W*(tool|function)", text, re.IGNORECASE):
        return ModelWithoutTools
    if re.search(r"context|too (long|many tokens)|token limit", text, re.IGNORECASE):
        return ModelContextFull
    return ModelRejectedRequest


def arguments_of(text: str) -> tuple[dict[str, Any], str | None]:
    """A tool call's arguments from the JSON a model wrote, and what is wrong with it."""
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        return {}, f"not valid JSON ({error})"
    if not isinstance(found, dict):
        return {}, f"a JSON object is needed, not {type(found).__name__}"
    return found, None
