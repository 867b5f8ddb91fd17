"""A Databricks workspace over its REST interfaces: signing in, SQL statements on a warehouse, files in volumes."""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2 as httpx
import pyarrow as pa

from furze.exports import addresses
from furze.exports.destination import Reject
from furze.jobs import Retry
from furze.kit.backoff import backoff_seconds

_TIMEOUT = httpx.Timeout(120, connect=10)
_STATEMENT_SECONDS = 3600
_WAIT_TIMEOUT = "30s"
_POLL_SECONDS = 5.0
_LOST_POLLS = 6
_CHUNK_BYTES = 1 << 20
_MESSAGE_LENGTH = 400
_TOKEN_MARGIN_SECONDS = 120

_PASSING_STATUS = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
_PASSING_CODES = (
    *("ABORTED", "CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL_ERROR", "IO_ERROR", "RESOURCE_EXHAUSTED"),
    *("SERVICE_UNDER_MAINTENANCE", "TEMPORARILY_UNAVAILABLE", "WORKSPACE_TEMPORARILY_UNAVAILABLE"),
)
# A statement that met another one on the same table carries the code of a bad request.
_PASSING_WORDS = ("[DELTA_CONCURRENT_", "[DELTA_METADATA_CHANGED", "ConcurrentAppendException")
_HINTS = {
    "NO_SUCH_CATALOG": "Check the catalog's name, and grant the service principal USE CATALOG on it.",
    "SCHEMA_NOT_FOUND": "Check the schema's name, and grant the service principal USE SCHEMA on it.",
    "INSUFFICIENT_PERMISSIONS": "Grant it to the service principal.",
    "PERMISSION_DENIED": "Grant it to the service principal.",
}
_TRAILER = re.compile(r"\s*SQLSTATE: \w{5}.*$", re.DOTALL)


class Workspace:
    """A workspace as a service principal sees it, and one SQL warehouse in it.

    Every call raises `Reject` when a person has to mend something, else `Retry`.
    """

    def __init__(self, url: str, *, client_id: str, client_secret: str, warehouse_id: str) -> None:
        self._host = urlsplit(url).netloc
        self._login = (client_id, client_secret)
        self._warehouse_id = warehouse_id
        # A redirect could lead to an address that has not been checked.
        self._client = httpx.AsyncClient(base_url=url, timeout=_TIMEOUT, follow_redirects=False)
        self._token, self._expires = "", 0.0

    async def aclose(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def execute(self, statement: str) -> list[list[str | None]]:
        """Run a statement to its end; its rows, every value as text."""
        answer = await self._run(statement, disposition="INLINE", format="JSON_ARRAY")
        return [row async for chunk in self._chunks(answer) for row in chunk.get("data_array") or ()]

    async def stream(self, statement: str) -> AsyncGenerator[pa.RecordBatch, None]:
        """Run a query; its rows as they come, however many there are."""
        answer = await self._run(statement, disposition="EXTERNAL_LINKS", format="ARROW_STREAM")
        async for chunk in self._chunks(answer):
            for link in chunk.get("external_links") or ():
                for batch in pa.ipc.open_stream(await self._linked(link["external_link"])):
                    yield batch

    async def upload(self, path: str, file: Path) -> None:
        """Put a file of this machine into a volume, over what is there."""
        size = (await asyncio.to_thread(file.stat)).st_size
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        place = f"/api/2.0/fs/files{quote(path)}?overwrite=true"
        await self._asked("PUT", place, content=_bytes_of(file), headers=headers)

    async def make_folder(self, path: str) -> None:
        """Make a folder of a volume, and those above it; it may be there."""
        await self._asked("PUT", f"/api/2.0/fs/directories{quote(path)}")

    async def remove_folder(self, path: str) -> None:
        """Delete a folder of a volume with the files in it; it may be gone."""
        for file in await self._files(path):
            await self._asked("DELETE", f"/api/2.0/fs/files{quote(file)}", may_miss=True)
        await self._asked("DELETE", f"/api/2.0/fs/directories{quote(path)}", may_miss=True)

    async def _files(self, path: str) -> list[str]:
        found: list[str] = []
        token = ""
        while True:
            query = f"?page_token={quote(token, safe='')}" if token else ""
            page = await self._asked("GET", f"/api/2.0/fs/directories{quote(path)}{query}", may_miss=True)
            found += [each["path"] for each in page.get("contents", ()) if not each.get("is_directory")]
            token = page.get("next_page_token") or ""
            if not token:
                return found

    async def _run(self, statement: str, **form: str) -> dict[str, Any]:
        asked = {"warehouse_id": self._warehouse_id, "statement": statement, "wait_timeout": _WAIT_TIMEOUT}
        answer = await self._asked(
            "POST", "/api/2.0/sql/statements/", json=asked | {"on_wait_timeout": "CONTINUE"} | form
        )
        try:
            ended = await self._ended(answer)
        except BaseException:
            await self._cancel(answer["statement_id"])
            raise
        return _succeeded(ended)

    async def _ended(self, answer: dict[str, Any]) -> dict[str, Any]:
        deadline, polls, lost = time.monotonic() + _STATEMENT_SECONDS, 0, 0
        place = f"/api/2.0/sql/statements/{answer['statement_id']}"
        while answer["status"]["state"] in ("PENDING", "RUNNING"):
            if time.monotonic() > deadline:
                raise Retry(f"The statement has not ended after {_STATEMENT_SECONDS} s")
            polls += 1
            await asyncio.sleep(backoff_seconds(polls, first=0.2, cap=_POLL_SECONDS))
            try:
                answer, lost = await self._asked("GET", place), 0
            except Retry:  # the statement goes on meanwhile
                lost += 1
                if lost > _LOST_POLLS:
                    raise
        return answer

    async def _cancel(self, statement_id: str) -> None:
        """Stop a statement that nobody waits for any more; one that has ended does not mind."""
        with suppress(Reject, Retry):
            await self._asked("POST", f"/api/2.0/sql/statements/{statement_id}/cancel")

    async def _chunks(self, answer: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        chunk: dict[str, Any] = answer.get("result") or {}
        while True:
            yield chunk
            holder = next(reversed(chunk.get("external_links") or ()), chunk)
            if not (place := holder.get("next_chunk_internal_link")):
                return
            chunk = await self._asked("GET", str(place))

    async def _linked(self, link: str) -> bytes:
        """What is behind a signed address, which takes no token."""
        await addresses.check_host(urlsplit(link).hostname or "")
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False) as client:
                answer = await client.get(link)
        except httpx.TransportError as error:
            raise Retry(f"Could not fetch a part of the result: {type(error).__name__}") from error
        if not answer.is_success:
            raise Retry(f"Could not fetch a part of the result: {answer.status_code} {answer.reason_phrase}")
        return answer.content

    async def _asked(self, method: str, path: str, *, may_miss: bool = False, **more: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {await self._signed_in()}"} | more.pop("headers", {})
        answer = await self._sent(method, path, headers=headers, **more)
        if answer.status_code == HTTPStatus.NOT_FOUND and may_miss:
            return {}
        if not answer.is_success:
            raise _refused(answer, "Databricks")
        return _object(answer)

    async def _signed_in(self) -> str:
        if time.monotonic() >= self._expires:
            form = {"grant_type": "client_credentials", "scope": "all-apis"}
            answer = await self._sent("POST", "/oidc/v1/token", data=form, auth=self._login)
            found = _object(answer)
            if not answer.is_success or "access_token" not in found:
                raise self._not_signed_in(answer)
            self._token = str(found["access_token"])
            self._expires = time.monotonic() + float(found.get("expires_in", 0)) - _TOKEN_MARGIN_SECONDS
        return self._token

    def _not_signed_in(self, answer: httpx.Response) -> Exception:
        found = _object(answer)
        if found.get("error") or answer.status_code == HTTPStatus.UNAUTHORIZED:
            said = found.get("error_description") or found.get("error") or answer.reason_phrase
            return Reject(
                f"Databricks refuses client_id and client_secret: {str(said)[:_MESSAGE_LENGTH]}. "
                "Use a secret of a service principal that is in this workspace."
            )
        if answer.status_code in (HTTPStatus.OK, HTTPStatus.NOT_FOUND) or answer.is_redirect:
            return Reject(f"{self._host!r} is no Databricks workspace. Check server_hostname.")
        return _refused(answer, "Signing in to Databricks")

    async def _sent(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            return await self._client.request(method, path, **more)
        except httpx.TransportError as error:
            text = str(error) or type(error).__name__
            if "CERTIFICATE" in text.upper():
                raise Reject(f"{self._host!r} shows a certificate that is not trusted: {text}") from error
            raise Retry(f"Could not reach {self._host!r}: {text}") from error


def _succeeded(answer: dict[str, Any]) -> dict[str, Any]:
    status = answer["status"]
    if status["state"] == "SUCCEEDED":
        return answer
    error = status.get("error") or {}
    text = str(error.get("message") or f"The statement ended as {status['state']}")
    is_passing = status["state"] != "FAILED" or error.get("error_code") in _PASSING_CODES
    if is_passing or any(words in text for words in _PASSING_WORDS):
        raise Retry(_told(text))
    raise Reject(_told(text))


def _refused(answer: httpx.Response, who: str) -> Exception:
    found = _object(answer)
    said = str(found.get("message") or answer.reason_phrase)
    code = str(found.get("error_code") or answer.status_code)
    text = _told(f"{who} answered {code}: {said}")
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status_code in _PASSING_STATUS:
        asked = answer.headers.get("Retry-After", "")
        return Retry(text, after_seconds=float(asked) if asked.isdigit() else None)
    return Reject(text)


def _told(text: str) -> str:
    """A message on one line, and what to do about it if that is known."""
    plain = " ".join(_TRAILER.sub("", text).split())[:_MESSAGE_LENGTH]
    return " ".join([plain, *(hint for word, hint in _HINTS.items() if word in text)])


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json() if answer.content else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


async def _bytes_of(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as opened:
        while chunk := await asyncio.to_thread(opened.read, _CHUNK_BYTES):
            yield chunk
