"""What a query costs beside the bare engine: the same SQL through `POST query/` and straight to the engine, in turns.

    python benchmarks/query.py [--events 500000] [--rounds 15]

The engine is one child process that both sides ask over HTTP, so a busy machine slows both alike: read the overhead
(median of the differences within a round) and the ratio. The bare side sends the SQL that furze itself compiled.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx2 as httpx

from furze.events.clickhouse import ClickHouse
from furze.events.embedded import EmbeddedEngine
from furze.hogql import compile_query
from furze.testing.process import PERSONAL_KEY, FurzeProcess
from results import record

QUERIES = {
    "one": "select 1",
    "count by event": "select event, count() from events group by event order by event",
    "daily people": "select toDate(timestamp) as day, count(distinct person_id) from events group by day order by day",
    "by a stored property": "select properties.$browser as b, count() from events group by b order by b",
    "by another property": "select properties.plan as plan, count() from events group by plan order by plan",
    "latest hundred": "select uuid, event, timestamp, properties from events order by timestamp desc limit 100",
}
SERIES = [{"kind": "EventsNode", "event": name} for name in ("e1", "e2", "e3")]
INSIGHTS = {
    "trends by day": {"kind": "TrendsQuery", "series": SERIES[:1], "dateRange": {"date_from": "-30d"}},
    "trends of people by browser": {
        "kind": "TrendsQuery",
        "series": [SERIES[0] | {"math": "dau"}],
        "dateRange": {"date_from": "-30d"},
        "breakdownFilter": {"breakdown": "$browser"},
    },
    "funnel of three steps": {"kind": "FunnelsQuery", "series": SERIES, "dateRange": {"date_from": "-30d"}},
    "weekly retention": {
        "kind": "RetentionQuery",
        "retentionFilter": {"period": "Week", "targetEntity": {"id": "e1"}, "returningEntity": {"id": "e2"}},
    },
    "paths": {"kind": "PathsQuery", "dateRange": {"date_from": "-7d"}},
}

_CHUNK = 500_000

FILL = """
INSERT INTO furze.events (team_id, uuid, event, distinct_id, person_id, timestamp, created_at, position, properties)
SELECT 1, generateUUIDv4(), concat('e', toString(number % 10)), concat('u', toString(cityHash64(number) % 50000)),
    toUUID(concat('00000000-0000-0000-0000-', leftPad(toString(cityHash64(number) % 50000), 12, '0'))),
    now64(6) - toIntervalSecond(cityHash64(number, 1) % (30 * 86400)), now64(6), number + 1,
    concat('{"$browser":"', ['Chrome', 'Safari', 'Firefox'][number % 3 + 1],
        '","plan":"', ['free', 'pro'][number % 2 + 1], '","price":', toString(number % 100), '}')
FROM numbers({first}, {count})"""


def timed(call: Callable[[], object]) -> float:
    """Milliseconds that a call takes."""
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1000


def compared(bare: Callable[[], object], ours: Callable[[], object], rounds: int) -> dict[str, float]:
    """Both in turns, the first of a round by turns as well."""
    bare(), ours()
    pairs = []
    for number in range(rounds):
        if number % 2:
            mine = timed(ours)
            pairs.append((timed(bare), mine))
        else:
            theirs = timed(bare)
            pairs.append((theirs, timed(ours)))
    bare_p50, ours_p50 = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    return {
        "bare_ms_p50": round(bare_p50, 1),
        "furze_ms_p50": round(ours_p50, 1),
        "overhead_ms_p50": round(statistics.median(ours - bare for bare, ours in pairs), 1),
        "ratio": round(ours_p50 / bare_p50, 2),
    }


def asks_engine(client: httpx.Client, url: str, sql: str, parameters: dict[str, object]) -> Callable[[], object]:
    """A call of the bare engine with what furze would send."""
    parts = urlsplit(url)
    settings = {"readonly": 2, "default_format": "JSONCompact", "database": parts.path.strip("/")}
    sent = settings | {f"param_{name}": str(value) for name, value in parameters.items()}
    auth = (parts.username or "", parts.password or "")

    def ask() -> object:
        answer = client.post(f"{parts.scheme}://{parts.hostname}:{parts.port}/", params=sent, content=sql, auth=auth)
        answer.raise_for_status()
        return answer.json()

    return ask


def asks_furze(client: httpx.Client, query: dict[str, object]) -> Callable[[], object]:
    """A call of the query endpoint that computes."""

    def ask() -> object:
        answer = client.post("/api/projects/1/query/", json={"query": query, "refresh": "force_blocking"})
        answer.raise_for_status()
        return answer.json()

    return ask


async def measure(events: int, rounds: int) -> dict[str, object]:
    """All figures."""
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedEngine(Path(folder) / "events") as engine:
            store = ClickHouse(engine.url)
            await store.ensure_schema()
            for first in range(0, events, _CHUNK):
                count = min(_CHUNK, events - first)
                await store.execute(FILL.replace("{first}", str(first)).replace("{count}", str(count)))
            figures = await asyncio.to_thread(_measure_all, engine.url, Path(folder), rounds)
            await store.close()
    return {"events": events, **figures}


def _measure_all(engine_url: str, folder: Path, rounds: int) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {PERSONAL_KEY}"}
    with (
        FurzeProcess(folder / "server", FURZE_CLICKHOUSE_URL=engine_url) as furze,
        httpx.Client(base_url=furze.url, headers=headers, timeout=120) as client,
        httpx.Client(timeout=120) as direct,
    ):
        overhead = {}
        for name, text in QUERIES.items():
            compiled = compile_query(text, team_id=1, probe_more=True)
            bare = asks_engine(direct, engine_url, compiled.sql, compiled.parameters)
            overhead[name] = compared(bare, asks_furze(client, {"kind": "HogQLQuery", "query": text}), rounds)
        insights = {}
        for name, query in INSIGHTS.items():
            ask = asks_furze(client, query)
            ask()
            insights[name] = round(statistics.median(timed(ask) for _ in range(max(3, rounds // 3))), 1)
    return {"overhead": overhead, "insight_ms_p50": insights}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    record("query", asyncio.run(measure(options.events, options.rounds)))
