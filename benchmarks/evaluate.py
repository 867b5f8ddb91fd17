"""Whether the assistant's numbers are right: questions with known answers, asked of a whole server over HTTP.

    python benchmarks/evaluate.py [--events 20000] [--topic funnels] [--show]

Without a model configured this asks the built-in query reader; `FURZE_LLM_MODEL`, `FURZE_LLM_BASE_URL`,
`FURZE_LLM_API_KEY` or `FURZE_ANTHROPIC_API_KEY` make it ask a model. Gold answers are plain Python over the generated
events (`evaluation/story.py`): nothing of the server takes part in them.
"""

import argparse
import json
import os
import re
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx

import furze
from evaluation.judging import judge
from evaluation.questions import QUESTIONS, Question
from evaluation.story import Story
from furze.demo import shop
from furze.testing.process import PROJECT_KEY, FurzeProcess
from results import record

_CHUNK = 500
#: No data is so fresh that it still moves over an edge of a rolling period while the questions are asked.
_QUIET_SECONDS = 0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--events", type=int, default=20_000)
    options.add_argument("--topic")
    options.add_argument("--show", action="store_true", help="print every answer that is not right")
    asked = options.parse_args()
    questions = [each for each in QUESTIONS if asked.topic in (None, each.topic)]
    until = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=_QUIET_SECONDS)
    raw = list(shop.month(events=asked.events, until=until))
    given = {name: value for name, value in os.environ.items() if name.startswith("FURZE_")}
    with tempfile.TemporaryDirectory() as folder, FurzeProcess(Path(folder) / "data", **given) as server:
        _fill(server, raw, Path(folder))
        model = server.client.get("/api/instance").json()["model"]
        figures = _run(server.client, Story(raw, until), questions, show=asked.show)
    if asked.topic is None:
        name = f"evaluation-{re.sub(r'[^A-Za-z0-9.]+', '-', model)}" if model else "evaluation"
        asked_of = model or "built-in query reader"
        record(name, {"model": asked_of, "furze": furze.__version__, "events": len(raw), **figures})


def _run(client: httpx.Client, story: Story, questions: list[Question], *, show: bool) -> dict[str, Any]:
    topics: dict[str, Counter[str]] = defaultdict(Counter)
    seconds = []
    missed: dict[str, list[str]] = {"wrong": [], "declined": []}
    for question in questions:
        conversation = str(uuid4())
        for earlier in question.after:
            ask(client, earlier, conversation)
        story.now = datetime.now(UTC)
        began = time.perf_counter()
        answer = ask(client, question.text, conversation)
        seconds.append(time.perf_counter() - began)
        verdict = judge(answer, gold := question.gold(story))
        topics[question.topic][verdict] += 1
        if verdict != "right":
            missed[verdict].append(question.text)
            if show:
                print(f"--- {verdict}: {question.text}\n{answer}\n    gold: {gold}\n", flush=True)
    total = sum(topics.values(), Counter[str]())
    return {
        "questions": len(questions),
        **{verdict: total[verdict] for verdict in ("right", "declined", "wrong")},
        "seconds_p50": round(statistics.median(seconds), 3),
        "seconds_max": round(max(seconds), 3),
        "topics": {topic: dict(counts) for topic, counts in topics.items()},
        "missed": missed,
    }


def ask(client: httpx.Client, text: str, conversation: str) -> str:
    """The final text of the answer to a question."""
    body = {"content": text, "conversation": conversation, "trace_id": str(uuid4())}
    response = client.post("/api/projects/1/conversations/", json=body)
    response.raise_for_status()
    said = ""
    for block in response.text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if lines.get("event") != "message":
            continue
        message = json.loads(lines["data"])
        if message["type"] in ("ai", "ai/failure") and not message["id"].startswith("temp-"):
            said = message.get("content") or ""
    return said


def _fill(server: FurzeProcess, raw: list[dict[str, Any]], folder: Path) -> None:
    client = server.client
    for start in range(0, len(raw), _CHUNK):
        batch = {"api_key": PROJECT_KEY, "historical_migration": True, "batch": raw[start : start + _CHUNK]}
        client.post("/batch/", json=batch).raise_for_status()
    _wait(lambda: _scalar(client, "SELECT count() FROM events") == len(raw))
    people = len(Story(raw, datetime.now(UTC)).people)
    _wait(lambda: _scalar(client, "SELECT count(DISTINCT person_id) FROM events") == people, seconds=30)
    _make_exports(server, folder)


def _make_exports(server: FurzeProcess, folder: Path) -> None:
    """One that works, one whose database refuses, one that is paused."""
    client, path = server.client, "/api/projects/1/batch_exports/"
    files = {"type": "LocalFile", "config": {"path": str(folder / "files")}}
    config = {"host": "127.0.0.1", "port": 9, "user": "u", "password": "p", "database": "d", "schema": "public"}
    table = {"type": "Postgres", "config": {**config, "table_name": "events", "has_self_signed_cert": False}}
    made = {}
    for name, interval, destination in (
        ("nightly files", "day", files),
        ("hourly table", "hour", table),
        ("old archive", "week", files),
    ):
        body = {"name": name, "interval": interval, "model": "events", "destination": destination}
        response = client.post(path, json=body)
        assert response.status_code == 201, response.text
        made[name] = response.json()["id"]
    client.post(f"{path}{made['old archive']}/pause/").raise_for_status()
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    asked = {"start_at": (end - timedelta(hours=1)).isoformat(), "end_at": end.isoformat()}
    client.post(f"{path}{made['hourly table']}/backfills/", json=asked).raise_for_status()
    _wait(lambda: _has_error(client, f"{path}{made['hourly table']}/"), seconds=60)


def _has_error(client: httpx.Client, path: str) -> bool:
    runs = client.get(path).json()["latest_runs"]
    return bool(runs and runs[0]["latest_error"])


def _scalar(client: httpx.Client, sql: str) -> Any:
    body = {"query": {"kind": "HogQLQuery", "query": sql}, "refresh": "force_blocking"}
    return client.post("/api/projects/1/query/", json=body).json()["results"][0][0]


def _wait(is_so: Any, *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("the events or the exports did not settle")
        time.sleep(0.2)


if __name__ == "__main__":
    main()
