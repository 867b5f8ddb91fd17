"""HTTP: events posted to another server that speaks PostHog's capture API, such as another furze."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import pyarrow as pa
from pydantic import Field, SecretStr, field_validator

from furze.exports import addresses
from furze.exports.destination import PASSED, Check, Config, Delivery, Outcome, Receipt, Reject, Sink, failed
from furze.jobs import Retry
from furze.kit import json

_BATCH_EVENTS = 1000
_TIMEOUT = timedelta(seconds=60)
_TOO_MANY_REQUESTS, _TIMED_OUT, _SERVER_ERROR = 429, 408, 500


class HTTPConfig(Config):
    """The inputs of an HTTP destination."""

    url: str = Field(description="Where to post to, such as https://us.i.posthog.com/batch/.")
    token: SecretStr = Field(description="The project API key of the other server.")

    @field_validator("url")
    @classmethod
    def _is_url(cls, url: str) -> str:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError(f"Invalid destination URL: {url!r}")
        return url


class HTTPSink:
    """Posts batches. What is posted stays posted: the other side knows an event again by its uuid."""

    def __init__(self, client: Any, config: HTTPConfig) -> None:
        self._client, self._config = client, config
        self._rows = self._bytes = 0

    async def write(self, batch: pa.RecordBatch) -> None:
        """Post some events."""
        for start in range(0, batch.num_rows, _BATCH_EVENTS):
            rows = batch.slice(start, _BATCH_EVENTS).to_pylist()
            await self._post([_event(row) for row in rows])
            self._rows += len(rows)

    async def commit(self) -> Receipt:
        """Everything has been posted."""
        await self._client.aclose()
        return Receipt(self._rows, self._bytes)

    async def abort(self) -> None:
        """Nothing can be taken back."""
        await self._client.aclose()

    async def _post(self, events: list[dict[str, Any]]) -> None:
        token = self._config.token.get_secret_value()
        body = json.dumps({"api_key": token, "historical_migration": True, "batch": events})
        answer = await _posted(self._client, self._config.url, body)
        self._bytes += len(body)
        if answer.status_code in (_TOO_MANY_REQUESTS, _TIMED_OUT) or answer.status_code >= _SERVER_ERROR:
            raise Retry(f"{self._config.url} answers {answer.status_code}")
        if answer.is_error:
            raise Reject(f"{self._config.url} answers {answer.status_code}: {answer.text[:200]}")


def _event(row: dict[str, Any]) -> dict[str, Any]:
    properties = json.loads(row["properties"]) | {"$geoip_disable": True}
    if row["event"] == "$autocapture" and row["elements_chain"]:
        properties["$elements_chain"] = row["elements_chain"]
    kept = {name: row[name] for name in ("uuid", "event", "distinct_id", "timestamp")}
    return kept | {"properties": properties}


async def _posted(client: Any, url: str, body: bytes) -> Any:
    import httpx2 as httpx  # noqa: PLC0415

    try:
        return await client.post(url, content=body, headers={"Content-Type": "application/json"})
    except httpx.TransportError as error:
        raise Retry(f"{url} cannot be reached: {error or type(error).__name__}") from error


async def _check_reachable(config: HTTPConfig) -> Outcome:
    try:
        client = await _client(config)
        async with client:
            token = config.token.get_secret_value()
            answer = await _posted(client, config.url, json.dumps({"api_key": token, "batch": []}))
    except (Reject, Retry) as error:
        return failed(str(error))
    # Nothing was sent, which a server may well refuse; what matters is that it knows the path and the key.
    if answer.status_code in (401, 403, 404, 405) or answer.status_code >= _SERVER_ERROR:
        return failed(f"{config.url} answers {answer.status_code}. Check the URL and the token.")
    return PASSED


async def _client(config: HTTPConfig) -> Any:
    import httpx2 as httpx  # noqa: PLC0415

    await addresses.check_host(urlsplit(config.url).hostname or "")
    return httpx.AsyncClient(timeout=_TIMEOUT.total_seconds(), follow_redirects=False)


class HTTP:
    """Events at another server."""

    name: ClassVar[str] = "HTTP"
    config: ClassVar[type[Config]] = HTTPConfig
    is_keyed: ClassVar[bool] = True
    layout: ClassVar[Literal["file", "table"]] = "file"
    models: ClassVar[tuple[str, ...]] = ("events",)
    checks: ClassVar[Sequence[Check]] = (
        Check("Reach the endpoint", "Posts an empty batch with the token.", _check_reachable),
    )

    def rendering(self, config: HTTPConfig) -> Literal["columns", "lines"]:  # noqa: ARG002
        """Columns."""
        return "columns"

    async def open(self, config: HTTPConfig, delivery: Delivery) -> Sink:  # noqa: ARG002 - posts are the same for each run
        """A sink on a connection pool of its own."""
        return HTTPSink(await _client(config), config)
