"""What capturing costs: events per second and latency over HTTP, beside a route that only reads the body.

    python benchmarks/capture.py [--seconds 3] [--clients 4]

Both routes run in one process of the same server, in turns, so that a busy machine slows both alike: read the ratios.
The last figure is the writer behind the queue: how fast acknowledged events reach the event store.
"""

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx2 as httpx
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from furze.events.queue import IngestQueue
from furze.server import create_app
from furze.settings import Settings
from results import record

KEY = "phc_benchmark"
BATCHES = (1, 20, 100)
PEOPLE = 2000


@dataclass(frozen=True)
class Figure:
    """What one run measured: requests per second, and milliseconds."""

    requests: float
    p50: float
    p99: float


def serve(data: str, descriptor: int) -> None:
    """The server process: furze, with one bare route beside its own."""
    app = create_app(Settings(data=Path(data), project_api_key=KEY, personal_api_key="phx_benchmark"))
    app.router.routes[:0] = [Route("/bare", _bare, methods=["POST"]), Route("/waiting", _waiting)]
    listening = socket.socket(fileno=descriptor)
    asyncio.run(uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).serve([listening]))


async def _bare(request: Request) -> Response:
    await request.body()
    return JSONResponse({"status": "Ok"})


async def _waiting(request: Request) -> Response:
    queue: IngestQueue = request.app.state.provided[IngestQueue]
    return JSONResponse((await queue.backlog()).events)


def body(size: int) -> bytes:
    """A batch of page views."""
    return json.dumps({"api_key": KEY, "batch": [_event() for _ in range(size)]}).encode()


def _event() -> dict[str, object]:
    number = uuid4().int
    person = number % PEOPLE
    properties = {
        "$current_url": f"https://shop.example/products/{number % 977}?ref=mail",
        "$pathname": f"/products/{number % 977}",
        "$host": "shop.example",
        "$browser": "Chrome",
        "$browser_version": 140,
        "$os": "Mac OS X",
        "$device_type": "Desktop",
        "$lib": "web",
        "$lib_version": "1.449.2",
        "$session_id": str(uuid4()),
        "$screen_height": 900,
        "$screen_width": 1440,
        "$referrer": "$direct",
        "price": number % 10_000 / 100,
    }
    if number % 20 == 0:
        properties["$set"] = {"plan": "pro", "seen": number % 1000}
    return {"uuid": str(uuid4()), "event": "$pageview", "distinct_id": f"user-{person}", "properties": properties}


async def measure(client: httpx.AsyncClient, path: str, size: int, *, clients: int, seconds: float) -> Figure:
    """Send for a while from several clients at once."""
    latencies: list[float] = []
    until = time.perf_counter() + seconds

    async def send() -> None:
        while (start := time.perf_counter()) < until:
            content = body(size)
            start = time.perf_counter()
            answer = await client.post(path, content=content)
            assert answer.status_code == 200, answer.text
            latencies.append((time.perf_counter() - start) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(clients)))
    took = time.perf_counter() - began
    latencies.sort()
    return Figure(len(latencies) / took, statistics.median(latencies), latencies[int(len(latencies) * 0.99)])


async def compare(client: httpx.AsyncClient, size: int, *, clients: int, seconds: float) -> dict[str, float]:
    """Capture, the bare route, and the ratio of each figure; medians of three rounds."""
    rounds: list[tuple[Figure, Figure]] = []
    for _ in range(3):
        bare = await measure(client, "/bare", size, clients=clients, seconds=seconds / 3)
        ours = await measure(client, "/batch/", size, clients=clients, seconds=seconds / 3)
        rounds.append((ours, bare))
    ours, bare = (_middle([pair[side] for pair in rounds]) for side in (0, 1))
    return {
        "events_per_second": round(ours.requests * size),
        "bare_events_per_second": round(bare.requests * size),
        "times_slower": round(bare.requests / ours.requests, 2),
        "p50_ms": round(ours.p50, 1),
        "p50_times_bare": round(ours.p50 / bare.p50, 2),
        "p99_ms": round(ours.p99, 1),
        "p99_times_bare": round(ours.p99 / bare.p99, 2),
    }


def _middle(figures: list[Figure]) -> Figure:
    return Figure(*(statistics.median(column) for column in zip(*map(_columns, figures), strict=True)))


def _columns(figure: Figure) -> tuple[float, float, float]:
    return figure.requests, figure.p50, figure.p99


async def drain(client: httpx.AsyncClient, events: int) -> float:
    """Events per second from the queue into the event store, sent first and then waited for."""
    await _until_empty(client)
    began = time.perf_counter()
    for _ in range(events // 500):
        (await client.post("/batch/", content=body(500))).raise_for_status()
    await _until_empty(client)
    return events / (time.perf_counter() - began)


async def _until_empty(client: httpx.AsyncClient) -> None:
    while (await client.get("/waiting")).json():  # noqa: ASYNC110 - the queue is in another process
        await asyncio.sleep(0.05)


async def main(url: str, *, clients: int, seconds: float) -> None:
    """Measure and record."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        await _until_ready(client)
        figures: dict[str, object] = {}
        for size in BATCHES:
            figures[f"batch of {size}"] = await compare(client, size, clients=clients, seconds=seconds)
            await _until_empty(client)
        figures["sent to queryable, events_per_second"] = round(await drain(client, 20_000))
        record("capture", figures)


async def _until_ready(client: httpx.AsyncClient) -> None:
    for _ in range(600):
        try:
            (await client.get("/_readiness")).raise_for_status()
        except httpx.HTTPError:
            await asyncio.sleep(0.1)
        else:
            return
    raise SystemExit("the server is not ready after a minute")


def run(work: Callable[[str], Awaitable[None]]) -> None:
    """Do the work against a server process on a folder of its own."""
    with tempfile.TemporaryDirectory() as data, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        number = str(listening.fileno())
        command = [sys.executable, __file__, "--serve", data, number]
        process = subprocess.Popen(command, pass_fds=[listening.fileno()])
        try:
            asyncio.run(_awaited(work(f"http://127.0.0.1:{listening.getsockname()[1]}")))
        finally:
            process.terminate()
            process.wait(30)


async def _awaited(work: Awaitable[None]) -> None:
    await work


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each line is measured")
    parser.add_argument("--clients", type=int, default=4, help="how many requests are under way at a time")
    parser.add_argument("--serve", nargs=2, metavar=("DATA", "FD"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve(chosen.serve[0], int(chosen.serve[1]))
    else:
        run(lambda url: main(url, clients=chosen.clients, seconds=chosen.seconds))
