"""furze from outside: what the command line and the demo use to talk to a running server, as any client would."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2 as httpx

from furze.kit import json

_TIMEOUT_SECONDS = 120


class RequestRefused(Exception):
    """The server refused a request, or did not answer. The message says which, and why."""


@dataclass(frozen=True)
class Client:
    """One project of a server, with a personal API key."""

    http: httpx.Client
    project: str = "@current"

    @classmethod
    def connect(cls, url: str, personal_api_key: str, *, project: str = "@current") -> "Client":
        """A client of the server at `url`. Nothing is sent yet."""
        headers = {"Authorization": f"Bearer {personal_api_key}"}
        return cls(httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT_SECONDS), project)

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The JSON answer of a project endpoint, None when it has no body; raises `RequestRefused`."""
        url = f"/api/projects/{self.project}/{path}"
        try:
            answer = self.http.request(method, url, **options)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if answer.is_error:
            raise RequestRefused(f"{method} {url} was refused with {answer.status_code}: {_detail(answer)}")
        return answer.json() if answer.content else None

    def query(self, hogql: str) -> dict[str, Any]:
        """The answer to a HogQL query: `columns`, `types`, `results` and more."""
        body = {"query": {"kind": "HogQLQuery", "query": hogql}, "refresh": "force_blocking"}
        answer: dict[str, Any] = self.call("POST", "query/", json=body)
        return answer

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Every row of a list, page by page."""
        page = self.call("GET", path)
        while True:
            yield from page["results"]
            if not page["next"]:
                return
            page = self.http.get(page["next"]).json()

    def ask(self, question: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The server-sent events of the assistant's answer: (event name, payload)."""
        body = {"content": question, "conversation": str(uuid4()), "trace_id": str(uuid4())}
        path = f"/api/projects/{self.project}/conversations/"
        headers = {"Accept": "text/event-stream"}
        try:
            with self.http.stream("POST", path, json=body, headers=headers) as stream:
                if stream.is_error:
                    stream.read()
                    raise RequestRefused(f"POST {path} was refused with {stream.status_code}: {_detail(stream)}")
                yield from server_sent_events(stream.iter_lines())
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: httpx.TransportError) -> RequestRefused:
        return RequestRefused(f"{self.http.base_url} does not answer ({error}). Is furze running there?")


def server_sent_events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of a stream of lines, each with its JSON payload."""
    event = "message"
    for line in lines:
        if line.startswith("event: "):
            event = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield event, json.loads(line.removeprefix("data: "))


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:500]
