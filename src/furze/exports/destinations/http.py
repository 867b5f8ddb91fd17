"""HTTP: events sent on to a capture endpoint, in the shape of PostHog's batch API."""

import asyncio
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import httpx2 as httpx
import orjson
import pyarrow as pa
from pydantic import Field, SecretStr, field_validator

from furze.exports import addresses
from furze.exports.destination import PASSED, Check, Config, Delivery, Outcome, Receipt, Reject, Sink, failed
from furze.jobs import Retry
from furze.kit import json
from furze.kit.backoff import backoff_seconds

# PostHog's own exports put as many events and up to 50 MB into one request; capture endpoints, PostHog's and ours,
# take 20 MB.
_MAX_EVENTS = 5000
_MAX_BYTES = 20 * 1000 * 1000
_FRAME_BYTES = 16  # what a request holds besides its head and its events
_TIMEOUT = httpx.Timeout(60, connect=10)
_ATTEMPTS = 5
_LONGEST_WAIT_SECONDS = 30.0
_ANSWER_LENGTH = 300
# Too early, too many or too slow: the same request may be taken later.
_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
_NOT_HERE = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE)
_NOT_YOU = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class HTTPConfig(Config):
    """The inputs of an HTTP destination."""

    url: str = Field(description="The batch endpoint, such as `https://us.i.posthog.com/batch/`.")
    token: SecretStr = Field(description="The project token of the receiving project.")

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"Invalid destination URL: {url!r}. Give one like 'https://us.i.posthog.com/batch/'.")
        if parts.username or parts.password:
            raise ValueError("Invalid destination URL: it may not hold a user or password. Use 'token'.")
        return url


def event_texts(batch: pa.RecordBatch) -> Iterator[bytes]:
    """Each row as an event of a batch request; stored properties go in as they are."""
    names = ("uuid", "distinct_id", "event", "timestamp", "properties", "elements_chain")
    columns = (batch.column(name).to_pylist() for name in names)
    for uuid, distinct_id, event, timestamp, properties, elements in zip(*columns, strict=True):
        # The receiver must not place the event where this server is.
        added: dict[str, Any] = {"$geoip_disable": True}
        if elements:
            added["$elements_chain"] = elements
        yield json.dumps(
            {
                "uuid": uuid,
                "distinct_id": distinct_id,
                "timestamp": timestamp,
                "event": event,
                "properties": orjson.Fragment(_with(properties or "{}", added)),
            }
        )


def _with(stored: str, added: dict[str, Any]) -> bytes:
    rest = stored.encode().lstrip()[1:].lstrip()
    # Of two members of one name readers take the last: a stored value keeps its place.
    return json.dumps(added)[:-1] + (b"" if rest.startswith(b"}") else b",") + rest


class HTTPSink:
    """Sends requests as they fill. What is sent twice is one event to the receiver, which knows it by its uuid."""

    def __init__(self, client: httpx.AsyncClient, config: HTTPConfig) -> None:
        self._client, self._config = client, config
        self._head = json.dumps({"api_key": config.token.get_secret_value(), "historical_migration": True})[:-1]
        self._events: list[bytes] = []
        self._size = self._rows = self._bytes = 0

    async def write(self, batch: pa.RecordBatch) -> None:
        """Send what fills requests."""
        for text in await asyncio.to_thread(list, event_texts(batch)):
            if (
                len(self._events) >= _MAX_EVENTS
                or self._size + len(text) + 1 > _MAX_BYTES - len(self._head) - _FRAME_BYTES
            ):
                await self._send()
            self._events.append(text)
            self._size += len(text) + 1

    async def commit(self) -> Receipt:
        """Send the rest."""
        if self._events:
            await self._send()
        await self._client.aclose()
        return Receipt(self._rows, self._bytes)

    async def abort(self) -> None:
        """What has been sent stays: the next attempt sends the same events by the same uuids."""
        await self._client.aclose()

    async def _send(self) -> None:
        body = self._head + b',"batch":[' + b",".join(self._events) + b"]}"
        await _accepted(self._client, self._config, body)
        self._rows += len(self._events)
        self._bytes += len(body)
        self._events, self._size = [], 0


async def _accepted(client: httpx.AsyncClient, config: HTTPConfig, body: bytes) -> None:
    """Return once a request has been taken; raises `Reject` when it never will be, `Retry` when not for now."""
    for attempt in range(1, _ATTEMPTS + 1):
        wait = backoff_seconds(attempt, first=0.5, cap=_LONGEST_WAIT_SECONDS)
        try:
            answer = await _post(client, config, body)
        except Retry:
            if attempt == _ATTEMPTS:
                raise
        else:
            if answer.is_success:
                return
            asked = _asked_wait(answer)
            if not _may_pass(answer.status_code):
                raise Reject(_refusal(answer))
            if attempt == _ATTEMPTS or asked > _LONGEST_WAIT_SECONDS:
                raise Retry(_refusal(answer), after_seconds=asked or None)
            wait = max(wait, asked)
        await asyncio.sleep(wait)


async def _post(client: httpx.AsyncClient, config: HTTPConfig, body: bytes) -> httpx.Response:
    try:
        return await client.post(config.url, content=body, headers={"Content-Type": "application/json"})
    except httpx.TransportError as error:
        text = str(error) or type(error).__name__
        if "CERTIFICATE" in text.upper():
            raise Reject(f"{_host(config)} shows a certificate that is not trusted: {text}") from error
        raise Retry(f"Could not reach {_host(config)}: {text}") from error


def _may_pass(status: int) -> bool:
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING


def _asked_wait(answer: httpx.Response) -> float:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0


def _refusal(answer: httpx.Response) -> str:
    said = " ".join(answer.text.split())[:_ANSWER_LENGTH]
    hint = ""
    if answer.is_redirect:
        hint = f" It redirects to {answer.headers.get('Location')!r}: give the final address."
    elif answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        hint = " Let the receiver take requests of up to 20 MB."
    return f"The endpoint answered {answer.status_code} {answer.reason_phrase}: {said!r}.{hint}"


def _host(config: HTTPConfig) -> str:
    return repr(urlsplit(config.url).netloc)


def _client() -> httpx.AsyncClient:
    # A redirect could lead to an address that has not been checked.
    return httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False)


async def _check_endpoint(config: HTTPConfig) -> Outcome:
    body = json.dumps({"api_key": config.token.get_secret_value(), "historical_migration": True, "batch": []})
    await addresses.check_host(str(urlsplit(config.url).hostname))
    async with _client() as client:
        answer = await _post(client, config, body)
    if answer.status_code in _NOT_YOU:
        return failed(f"The endpoint refuses the token. {_refusal(answer)}")
    if answer.status_code in _NOT_HERE or answer.is_redirect:
        return failed(f"There is no batch endpoint at this path. {_refusal(answer)}")
    if _may_pass(answer.status_code):
        return failed(_refusal(answer))
    return PASSED  # some receivers refuse a batch of nothing with 400, which says that they read it


class HTTP:
    """Events sent on to PostHog, to another furze, or to anything that takes PostHog's batches."""

    name: ClassVar[str] = "HTTP"
    config: ClassVar[type[Config]] = HTTPConfig
    is_keyed: ClassVar[bool] = True
    layout: ClassVar[Literal["file", "table"]] = "file"
    models: ClassVar[tuple[str, ...]] = ("events",)
    checks: ClassVar[Sequence[Check]] = (
        Check("Reach endpoint", "Sends a batch of no events with the token.", _check_endpoint),
    )

    def rendering(self, config: HTTPConfig) -> Literal["columns", "lines"]:  # noqa: ARG002
        """Columns."""
        return "columns"

    async def open(self, config: HTTPConfig, delivery: Delivery) -> Sink:  # noqa: ARG002
        """A sink on a client of its own."""
        await addresses.check_host(str(urlsplit(config.url).hostname))
        return HTTPSink(_client(), config)
