"""Reading along while a language model writes: reload, lost connection, queue, stop."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.llm.conftest import Provider, provider

from furze.testing.process import FurzeProcess

__all__ = ["provider"]

pytestmark = [pytest.mark.journey, pytest.mark.timeout(240)]

Open = Callable[..., Any]

WORDS = [f"word{number}" for number in range(12)]


class SlowModel(ThreadingHTTPServer):
    """An OpenAI-compatible endpoint that says `WORDS`, as many of them as it was allowed so far."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.allowed = threading.Semaphore(0)
        self.is_over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def say(self, words: int) -> None:
        """Let some more words out."""
        self.allowed.release(words)


class _Answer(BaseHTTPRequestHandler):
    server: SlowModel

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for word in WORDS:
            while not self.server.allowed.acquire(timeout=0.1):
                if self.server.is_over.is_set():
                    return
            if not self._send({"delta": {"content": f"{word} "}, "finish_reason": None}):
                return
        self._send({"delta": {}, "finish_reason": "stop"})
        self.wfile.write(b"data: [DONE]\n\n")

    def _send(self, choice: dict[str, Any]) -> bool:
        chunk = {"id": "1", "object": "chat.completion.chunk", "choices": [{"index": 0, **choice}]}
        try:
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.flush()
        except OSError:
            return False
        return True

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def model() -> Iterator[SlowModel]:
    with SlowModel() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.is_over.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def furze(chromium: Any, model: SlowModel, tmp_path: Any) -> Iterator[FurzeProcess]:
    settings = {"FURZE_LLM_BASE_URL": model.url, "FURZE_LLM_MODEL": "slow", "FURZE_LLM_API_KEY": "none"}
    with FurzeProcess(tmp_path, **settings) as process:
        yield process


def ask(page: Any, text: str) -> None:
    page.get_by_label("Your question").fill(text)
    page.keyboard.press("Enter")


def test_a_reload_in_the_middle_loses_and_repeats_nothing(
    furze: FurzeProcess, model: SlowModel, open_page: Open
) -> None:
    page = open_page(furze, "/ask")
    page.get_by_text("slow answers").wait_for()
    ask(page, "Tell me something")
    page.wait_for_url(re.compile("/ask/.{36}"))
    model.say(3)
    page.locator(".ai").get_by_text("word2").wait_for()
    page.reload()
    page.locator(".ai").get_by_text("word2").wait_for()
    second = open_page(furze, page.url.removeprefix(furze.url))  # another tab follows the same answer
    second.locator(".ai").get_by_text("word2").wait_for()
    page.context.set_offline(True)
    page.context.set_offline(False)
    model.say(9)
    for each in (page, second):
        each.locator(".ai").get_by_text("word11").wait_for()
        each.get_by_role("button", name="Stop the assistant").wait_for(state="detached")
        assert each.locator(".ai").all_inner_texts() == [" ".join(WORDS)]
        assert each.locator(".human").all_inner_texts() == ["Tell me something"]


def test_a_message_waits_is_changed_and_is_answered_next(
    furze: FurzeProcess, model: SlowModel, open_page: Open
) -> None:
    page = open_page(furze, "/ask")
    ask(page, "First")
    model.say(1)
    page.locator(".ai").get_by_text("word0").wait_for()
    ask(page, "Second")
    waiting = page.get_by_role("list", name="Messages that wait")
    waiting.get_by_text("Second").wait_for()
    ask(page, "Third")
    waiting.get_by_text("Third").wait_for()
    waiting.get_by_role("button", name="Answer “Third” sooner").click()
    waiting.get_by_role("listitem").first.get_by_text("Third").wait_for()
    waiting.get_by_role("button", name="Remove").first.click()
    waiting.get_by_text("Third").wait_for(state="detached")
    waiting.get_by_role("button", name="Edit").click()
    page.get_by_label("Waiting message").fill("Second, but better")
    waiting.get_by_role("button", name="Save").click()
    waiting.get_by_text("Second, but better").wait_for()
    model.say(23)
    page.locator(".human").get_by_text("Second, but better").wait_for()
    page.get_by_role("button", name="Stop the assistant").wait_for(state="detached")
    assert page.locator(".human").all_inner_texts() == ["First", "Second, but better"]
    assert page.locator(".ai").all_inner_texts() == [" ".join(WORDS)] * 2


def test_stop_stops(furze: FurzeProcess, model: SlowModel, open_page: Open) -> None:
    page = open_page(furze, "/ask")
    ask(page, "Go on for ever")
    model.say(2)
    page.locator(".ai").get_by_text("word1").wait_for()
    page.get_by_role("button", name="Stop the assistant").click()
    page.get_by_role("button", name="Stop the assistant").wait_for(state="detached")
    listed = furze.client.get("/api/projects/1/conversations/").json()["results"]
    assert [each["status"] for each in listed] == ["idle"]
    page.get_by_label("Your question").fill("Again")
    assert page.get_by_role("button", name="Send").is_enabled()


def test_a_report_is_read_in_its_parts(chromium: Any, provider: Provider, open_page: Open, tmp_path: Any) -> None:
    chart = {"type": "visualization", "title": "A number", "query": {"kind": "HogQLQuery", "query": "select 6 * 7"}}
    blocks = [{"type": "markdown", "content": "## What is asked\n\nA *number*."}, chart]
    arguments = json.dumps({"title": "The answer", "blocks": blocks})
    call = {"index": 0, "id": "c", "function": {"name": "create_notebook", "arguments": arguments}}
    for delta in ({"tool_calls": [call]}, {"content": "There it is."}):
        provider.scripts.append([{"choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}]}])
    settings = {"FURZE_LLM_BASE_URL": f"{provider.url}/v1", "FURZE_LLM_MODEL": "writer", "FURZE_LLM_API_KEY": "none"}
    with FurzeProcess(tmp_path, **settings) as furze:
        page = open_page(furze, "/ask")
        ask(page, "Write a report")
        report = page.get_by_role("article", name="The answer")
        report.get_by_role("heading", name="What is asked").wait_for()
        report.get_by_role("region", name="A number").get_by_text("42").first.wait_for()
        page.get_by_text("There it is.").wait_for()
        page.reload()
        report.get_by_role("region", name="A number").get_by_text("42").first.wait_for()
