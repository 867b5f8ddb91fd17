"""Whether one process keeps its promise to capture beside 200 streamed answers and a query of ten seconds.

Baseline, in the same run: the same captures on the idle server. The model is a small OpenAI-compatible server that
sends 20 tokens a second; streams, model and captures each run in a process of their own.
"""

import asyncio
import http.client
import json
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2 as httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from furze.testing.process import PERSONAL_KEY, PROJECT_KEY, FurzeProcess
from results import record

STREAMS, SECONDS, TOKENS_A_SECOND = 200, 12, 20
# Keeps two cores busy for some ten seconds.
LONG_QUERY = "SELECT count() FROM numbers(10000000) WHERE length(arrayMap(x -> cityHash64(x, number), range(120))) > 1"


def serve_model(port: int) -> None:
    """A model that talks slowly, for ever the same."""

    async def complete(_request: Request) -> StreamingResponse:
        async def tokens():
            for number in range(SECONDS * TOKENS_A_SECOND):
                choice = {"index": 0, "delta": {"content": f"word{number} "}, "finish_reason": None}
                yield f"data: {json.dumps({'choices': [choice]})}\n\n"
                await asyncio.sleep(1 / TOKENS_A_SECOND)
            yield 'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'

        return StreamingResponse(tokens(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])
    uvicorn.run(app, port=port, log_level="error")


def follow_streams(url: str, finished: multiprocessing.Queue) -> None:
    """Ask `STREAMS` questions at once and read every answer to its end."""

    async def follow(client: httpx.AsyncClient) -> int:
        body = {"content": "Talk.", "conversation": str(uuid4()), "trace_id": str(uuid4())}
        path = "/api/projects/1/conversations/"
        async with client.stream("POST", path, json=body, headers={"Accept": "text/event-stream"}) as stream:
            stream.raise_for_status()
            return sum([line.startswith("event: message") async for line in stream.aiter_lines()])

    async def main() -> None:
        limits = httpx.Limits(max_connections=STREAMS, max_keepalive_connections=STREAMS)
        headers = {"Authorization": f"Bearer {PERSONAL_KEY}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=120) as client:
            finished.put(await asyncio.gather(*(follow(client) for _ in range(STREAMS)), return_exceptions=True))

    asyncio.run(main())


def capture_latencies(url: str, seconds: float) -> list[float]:
    """Milliseconds of one capture after the other, on one connection, 50 a second."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
    taken, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        body = json.dumps({"api_key": PROJECT_KEY, "event": "probe", "distinct_id": "probe", "uuid": str(uuid4())})
        began = time.perf_counter()
        connection.request("POST", "/i/v0/e/", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        taken.append((time.perf_counter() - began) * 1000)
        time.sleep(0.02)
    return taken


def shown(latencies: list[float]) -> dict[str, float]:
    """Percentiles, in milliseconds."""
    cuts = statistics.quantiles(latencies, n=100)
    return {"captures": len(latencies), "p50_ms": round(cuts[49], 1), "p99_ms": round(cuts[98], 1)}


def main() -> None:
    """Measure idle, then under load, and record both."""
    port = 18_123
    model = multiprocessing.Process(target=serve_model, args=(port,), daemon=True)
    model.start()
    settings = {"FURZE_LLM_BASE_URL": f"http://127.0.0.1:{port}/v1", "FURZE_LLM_MODEL": "slow"}
    with tempfile.TemporaryDirectory() as folder, FurzeProcess(Path(folder), **settings) as furze:
        idle = capture_latencies(furze.url, 5)
        finished: multiprocessing.Queue = multiprocessing.Queue()
        streams = multiprocessing.Process(target=follow_streams, args=(furze.url, finished), daemon=True)
        streams.start()
        query_seconds: list[float] = []
        query = threading.Thread(target=long_query, args=(furze, query_seconds))
        query.start()
        time.sleep(1)
        loaded = capture_latencies(furze.url, SECONDS - 2)
        answers = finished.get(timeout=120)
        query.join()
    broken = [each for each in answers if not isinstance(each, int)]
    figures = {
        "idle": shown(idle),
        "loaded": shown(loaded),
        "added_p99_ms": round(shown(loaded)["p99_ms"] - shown(idle)["p99_ms"], 1),
        "query_seconds": [round(each, 1) for each in query_seconds],
        "streams": len(answers),
        "streams_broken": [repr(each) for each in broken[:3]],
        "messages_per_stream": round(statistics.mean(each for each in answers if isinstance(each, int)), 1),
    }
    record("event_loop", figures)


def long_query(furze: FurzeProcess, seconds: list[float]) -> None:
    """Run the long query and note how long it took."""
    began = time.monotonic()
    body = {"query": {"kind": "HogQLQuery", "query": LONG_QUERY}}
    answer = furze.client.post("/api/projects/1/query/", json=body)
    assert answer.status_code == 200, answer.text
    seconds.append(time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
