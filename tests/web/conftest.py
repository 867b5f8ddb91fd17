"""A browser as a person uses it: a page of the real server, which fails a test for whatever went wrong on it."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from furze.testing.process import PROJECT_KEY, FurzeProcess

_CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
_BUILT = Path(__file__).parents[2] / "src" / "furze" / "web" / "static" / "index.html"
_SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _missing() -> str:
    if not _CHROMIUM:
        return "NO BROWSER JOURNEYS: there is no chromium on the PATH. Install Debian's package `chromium`."
    if not _BUILT.is_file():
        return "NO BROWSER JOURNEYS: the console is not built. Run `make console`."
    return ""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser's program."""
    if reason := _missing():
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is a browser

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_SWITCHES)
        yield browser
        browser.close()


@dataclass
class Watched:
    """What went wrong on a page: errors of its console, exceptions, requests to elsewhere."""

    origin: str
    faults: list[str] = field(default_factory=list)

    def watch(self, page: Any) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        page.on("request", self._asked)

    def _said(self, message: Any) -> None:
        # Chromium itself notes each refused request; what the page makes of a refusal is what the tests look at.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(f"console: {message.text}")

    def _asked(self, request: Any) -> None:
        if urlsplit(request.url).scheme in ("http", "https") and not request.url.startswith(self.origin):
            self.faults.append(f"request to elsewhere: {request.url}")


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page of a server, signed in by the link that its start printed unless told otherwise."""
    contexts, watched = [], []

    def open_it(furze: FurzeProcess, path: str = "/", *, signed_in: bool = True, **options: Any) -> Any:
        context = chromium.new_context(
            base_url=furze.url, viewport={"width": 1280, "height": 900}, timezone_id="UTC", locale="en", **options
        )
        context.set_default_timeout(40_000)
        contexts.append(context)
        page = context.new_page()
        watched.append(Watched(furze.url))
        watched[-1].watch(page)
        if signed_in:
            answer = furze.client.post("/api/sign_in_links/")
            page.goto(answer.json()["path"])
            page.wait_for_url(furze.url + "/")
        page.goto(path)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert [fault for each in watched for fault in each.faults] == []


def capture(furze: FurzeProcess, events: list[dict[str, Any]]) -> None:
    """Send events and wait until queries see them."""
    assert furze.client.post("/batch/", json={"api_key": PROJECT_KEY, "batch": events}).status_code == 200
    query = {"kind": "HogQLQuery", "query": "SELECT count() FROM events"}
    for _ in range(200):
        body = {"query": query, "refresh": "force_blocking"}
        if furze.client.post("/api/projects/1/query/", json=body).json()["results"][0][0] >= len(events):
            return
    raise AssertionError("the events did not become readable")


def week_of_a_shop() -> list[dict[str, Any]]:
    """A week in which twenty people view, fifteen sign up, and ten order; of several plans."""
    now = datetime.now(UTC)
    events = []
    for person in range(20):
        names = ["product viewed", "signed up", "order completed"][: 3 if person < 10 else 2 if person < 15 else 1]
        for step, name in enumerate(names):
            properties = {"plan": ["free", "pro"][person % 2], "$pathname": f"/{step}", "$session_id": f"s-{person}"}
            if name == "signed up":
                properties["$set"] = {"name": f"Person {person}", "email": f"p{person}@example.com"}
            moment = now - timedelta(days=1 + person % 6, minutes=30 - step)
            event = {"event": name, "distinct_id": f"p{person}", "properties": properties}
            events.append(event | {"timestamp": moment.isoformat()})
    return events
