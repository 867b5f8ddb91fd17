"""What a streamed answer costs, beside a bare relay of the same events from the same model, in one run.

    python benchmarks/chat.py [--streams 500] [--tokens 200]

The model is an OpenAI-compatible server of our own that talks at a fixed pace. The relay is the least a server can do
over the same libraries: it passes the model's events on, stores nothing and has one reader. furze also commits the
turn's messages, so that a reader may leave and come back. Model, relay, furze and clients are processes of their own.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import httpx2 as httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from furze.testing.process import PERSONAL_KEY, FurzeProcess
from results import record

MODEL_PORT, RELAY_PORT = 18_223, 18_224
PACE = 20
ROUNDS = 100


def serve_model() -> None:
    """A model: `tokens pace` in the last message say how many tokens come, and how many a second (0: all at once)."""
    left: list[float] = []

    async def complete(request: Request) -> StreamingResponse:
        told = (await request.json())["messages"][-1]["content"].split()
        count, pace = int(told[0]), int(told[1])

        async def tokens():
            try:
                for number in range(count):
                    choice = {"index": 0, "delta": {"content": f"word{number} "}, "finish_reason": None}
                    yield f"data: {json.dumps({'choices': [choice]})}\n\n"
                    if pace:
                        await asyncio.sleep(1 / pace)
                yield 'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
            except asyncio.CancelledError:
                left.append(time.time())
                raise

        return StreamingResponse(tokens(), media_type="text/event-stream")

    async def leavings(_request: Request) -> JSONResponse:
        return JSONResponse(left)

    routes = [Route("/v1/chat/completions", complete, methods=["POST"]), Route("/left", leavings)]
    uvicorn.run(Starlette(routes=routes), port=MODEL_PORT, log_level="error")


def serve_relay() -> None:
    """Passes events on."""
    url = f"http://127.0.0.1:{MODEL_PORT}/v1/chat/completions"

    async def relay(request: Request) -> StreamingResponse:
        body = {"messages": [{"role": "user", "content": (await request.json())["content"]}], "stream": True}

        async def events():
            async with request.app.state.client.post(url, json=body) as answer:
                async for line in answer.content:
                    if line.startswith(b"data: {"):
                        yield b"event: message\n" + line + b"\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as app.state.client:
            yield

    app = Starlette(routes=[Route("/", relay, methods=["POST"])], lifespan=lifespan)
    uvicorn.run(app, port=RELAY_PORT, log_level="error", loop="uvloop")


def cpu_seconds(pid: int) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def ask(client: httpx.AsyncClient, path: str, content: str) -> tuple[float, float, str]:
    """Seconds to the first words of the answer and to its end, and the last words."""
    body = {"content": content, "conversation": str(uuid4()), "trace_id": str(uuid4())}
    began, first, last = time.perf_counter(), 0.0, ""
    async with client.stream("POST", path, json=body, headers={"Accept": "text/event-stream"}) as stream:
        stream.raise_for_status()
        async for line in stream.aiter_lines():
            if "word" in line:
                first, last = first or time.perf_counter() - began, line
    return first, time.perf_counter() - began, last


def client_of(url: str) -> httpx.AsyncClient:
    """A client that opens as many connections as it needs."""
    limits = httpx.Limits(max_connections=2000, max_keepalive_connections=2000)
    headers = {"Authorization": f"Bearer {PERSONAL_KEY}"}
    return httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=180)


async def one_by_one(url: str, path: str, content: str, *, pid: int) -> dict[str, float]:
    """Milliseconds of answers that come one after the other, and of the server's CPU for each."""
    async with client_of(url) as client:
        await ask(client, path, content)
        before = cpu_seconds(pid)
        taken = [await ask(client, path, content) for _ in range(ROUNDS)]
        spent = cpu_seconds(pid) - before
    return {
        "cpu_ms": round(1000 * spent / ROUNDS, 1),
        "first_ms": round(1000 * statistics.median(first for first, _, _ in taken), 1),
        "whole_ms": round(1000 * statistics.median(whole for _, whole, _ in taken), 1),
    }


async def all_at_once(url: str, path: str, *, streams: int, tokens: int, pid: int) -> dict[str, Any]:
    """Many answers at the same time: CPU of the server's process for each token, and whether each came whole."""
    before = cpu_seconds(pid)
    async with client_of(url) as client:
        asked = [ask(client, path, f"{tokens} {PACE}") for _ in range(streams)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
    spent = cpu_seconds(pid) - before
    whole = [each for each in answers if isinstance(each, tuple) and f"word{tokens - 1} " in each[2]]
    return {
        "streams": streams,
        "whole": len(whole),
        "cpu_us_per_token": round(1e6 * spent / (streams * tokens), 1),
        "seconds": round(max((each[1] for each in whole), default=0), 1),
        "seconds_at_the_models_pace": tokens / PACE,
    }


def crowds(url: str, path: str, *, streams: int, tokens: int, pid: int) -> dict[str, Any]:
    """A crowd, and what each further token costs: the difference to a crowd of answers a quarter as long."""
    few = max(1, tokens // 4)
    short = run(all_at_once(url, path, streams=streams, tokens=few, pid=pid))
    long = run(all_at_once(url, path, streams=streams, tokens=tokens, pid=pid))
    further = (tokens * long["cpu_us_per_token"] - few * short["cpu_us_per_token"]) / (tokens - few)
    return long | {"cpu_us_per_further_token": round(further, 1)}


async def cancelled(url: str) -> list[float]:
    """Milliseconds from a cancel to the model's connection being closed."""
    taken = []
    async with client_of(url) as client:
        for _ in range(ROUNDS):
            conversation = str(uuid4())
            path = "/api/projects/1/conversations/"
            body = {"content": f"2000 {PACE}", "conversation": conversation, "trace_id": str(uuid4())}
            async with client.stream("POST", path, json=body, headers={"Accept": "text/event-stream"}) as stream:
                async for line in stream.aiter_lines():
                    if "word3" in line:
                        break
                seen = len((await client.get(f"http://127.0.0.1:{MODEL_PORT}/left")).json())
                began = time.time()
                await client.patch(f"{path}{conversation}/cancel/")
            while len(left := (await client.get(f"http://127.0.0.1:{MODEL_PORT}/left")).json()) == seen:  # noqa: ASYNC110 - the model is another process
                await asyncio.sleep(0.005)
            taken.append(1000 * (left[-1] - began))
    return taken


def run(work: Any) -> Any:
    """The result of a client's work, done in a process of its own."""
    return asyncio.run(work)


def main() -> None:
    """Measure both in turns and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--tokens", type=int, default=200)
    asked = parser.parse_args()
    helpers = [multiprocessing.Process(target=each, daemon=True) for each in (serve_model, serve_relay)]
    for each in helpers:
        each.start()
    settings = {"FURZE_LLM_BASE_URL": f"http://127.0.0.1:{MODEL_PORT}/v1", "FURZE_LLM_MODEL": "steady"}
    path, relay = "/api/projects/1/conversations/", f"http://127.0.0.1:{RELAY_PORT}"
    with tempfile.TemporaryDirectory() as folder, FurzeProcess(Path(folder), **settings) as furze:
        time.sleep(2)
        short = {
            "furze": run(one_by_one(furze.url, path, "1 0", pid=furze.process.pid)),
            "relay": run(one_by_one(relay, "/", "1 0", pid=helpers[1].pid)),
        }
        crowd = {
            "furze": crowds(furze.url, path, streams=asked.streams, tokens=asked.tokens, pid=furze.process.pid),
            "relay": crowds(relay, "/", streams=asked.streams, tokens=asked.tokens, pid=helpers[1].pid),
        }
        cancels = sorted(run(cancelled(furze.url)))
    figures = {
        "one_token": short
        | {"added_first_ms": round(short["furze"]["first_ms"] - short["relay"]["first_ms"], 1)}
        | {"added_whole_ms": round(short["furze"]["whole_ms"] - short["relay"]["whole_ms"], 1)},
        "at_once": crowd,
        "cancel_to_closed_ms": {
            "p50": round(statistics.median(cancels), 1),
            "max": round(cancels[-1], 1),
        },
    }
    record("chat", figures)


if __name__ == "__main__":
    sys.exit(main())
