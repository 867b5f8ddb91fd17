"""The server is killed in the middle of a turn and started again on the same folder."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from uuid import uuid4

import httpx2 as httpx
import pytest
from tests.conversations.conftest import rounds

from furze.testing.postgres import fresh_database

KEY = "phx_owner"
_SERVER = """
import asyncio, sys, time
from pathlib import Path
from furze.llm.types import Finished, TextDelta, Tool, ToolCall, ToolResult
from tests.conversations.conftest import serving

folder, database = Path(sys.argv[1]), sys.argv[2] or None


class Worker:
    name = "worker"
    is_language_model = True

    async def stream(self, request):
        results = sum(message.role == "tool" for message in request.messages)
        await asyncio.sleep(0.02)
        if results < 4:
            yield TextDelta(f"step {results} ")
            await asyncio.sleep(0.02)
            yield ToolCall(f"call-{results}", "write", {"n": results})
            yield Finished("tool_calls")
        else:
            yield TextDelta("all done")
            yield Finished("stop")


async def write(arguments, context):
    await asyncio.sleep(0.02)
    with (folder / "effects").open("a") as file:
        file.write(f"{arguments['n']}\\n")
    await asyncio.sleep(0.02)
    return ToolResult(f"wrote {arguments['n']}")


tool = Tool("write", "Writes.", {"type": "object"}, write, repeatable=False)
with serving(folder, Worker(), tools=[tool], database_url=database) as chat:
    (folder / "url.new").write_text(chat.url)
    (folder / "url.new").rename(folder / "url")
    time.sleep(120)
"""


def _start(folder: Path, database: str) -> tuple[subprocess.Popen[bytes], str]:
    url = folder / "url"
    url.unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(folder), database], env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )
    deadline = time.monotonic() + 30
    while not url.exists():
        assert process.poll() is None, "the server did not start"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process, url.read_text()


@pytest.mark.journey
@pytest.mark.parametrize("place", ["sqlite", "postgres"])
def test_a_killed_turn_ends_after_the_restart_without_repeating_a_finished_effect(
    request: pytest.FixtureRequest, tmp_path: Path, place: str
) -> None:
    database = fresh_database(request.getfixturevalue("postgres")) if place == "postgres" else ""
    chance = random.Random(11)
    process, url = _start(tmp_path, database)
    conversations = []
    for _ in range(rounds(3)):
        conversation = str(uuid4())
        conversations.append(conversation)
        (tmp_path / "effects").write_text("")
        headers = {"Authorization": f"Bearer {KEY}", "Accept": "application/json"}
        body = {"content": "work", "conversation": conversation, "trace_id": str(uuid4())}
        with httpx.Client(base_url=url, headers=headers, timeout=10) as client:
            assert client.post("/api/projects/1/conversations/", json=body).status_code == 201
        time.sleep(chance.uniform(0, 0.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process, url = _start(tmp_path, database)
        with httpx.Client(base_url=url, headers=headers, timeout=10) as client:
            deadline = time.monotonic() + 10
            while (shown := client.get(f"/api/projects/1/conversations/{conversation}/").json())["status"] != "idle":
                assert time.monotonic() < deadline, "the turn did not end within ten seconds of the restart"
                time.sleep(0.02)
        kinds = [each["type"] for each in shown["messages"]]
        assert kinds[0] == "human"
        assert kinds.count("human") == 1
        assert shown["messages"][-1]["content"] == "all done"
        results = [each["tool_call_id"] for each in shown["messages"] if each["type"] == "tool"]
        assert results == [f"call-{n}" for n in range(4)]
        effects = Counter((tmp_path / "effects").read_text().split())
        assert max(effects.values(), default=0) == 1, "no effect happened twice"
    process.kill()
    process.wait()
