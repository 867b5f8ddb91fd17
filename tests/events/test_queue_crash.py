"""What survives a kill, and what any sequence of appends, batches and restarts must keep true."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from furze.events.clickhouse import ClickHouse
from furze.events.embedded import EmbeddedEngine
from furze.events.queue import IngestQueue

APPENDER = textwrap.dedent(
    """
    import asyncio, os, sys
    from furze.events.queue import IngestQueue

    async def client(queue, name):
        for n in range(100000):
            text = f"{name}-{n}"
            position = await queue.append(1, text.encode(), 1)
            os.write(1, f"{position} {text}\\n".encode())

    async def main():
        async with IngestQueue(sys.argv[1]) as queue:
            await asyncio.gather(*(client(queue, f"{os.getpid()}-{n}") for n in range(20)))

    asyncio.run(main())
    """
)


async def test_everything_acknowledged_before_a_kill_is_there_exactly_once(queue_url: str) -> None:
    acknowledged: dict[int, str] = {}
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", APPENDER, queue_url], stdout=subprocess.PIPE)  # noqa: ASYNC220
        assert process.stdout
        with process.stdout:
            lines = [await asyncio.to_thread(process.stdout.readline) for _ in range(300)]
            os.kill(process.pid, signal.SIGKILL)
            lines += await asyncio.to_thread(process.stdout.readlines)
        process.wait()
        acknowledged |= {int(p): t for p, t in (line.decode().split() for line in lines if line.endswith(b"\n"))}

    async with IngestQueue(queue_url) as queue:
        kept: dict[int, str] = {}
        while (await queue.backlog()).events:
            batch = await queue.next_batch(linger_seconds=0)
            kept |= {row.first_position: row.payload.decode() for row in batch.payloads}
            await queue.complete(batch)

    assert list(kept) == list(range(1, len(kept) + 1))
    assert acknowledged.items() <= kept.items()
    assert len(set(kept.values())) == len(kept)


@pytest.mark.asyncio(loop_scope="session")
async def test_a_crash_between_insert_and_complete_stores_the_batch_once(
    store: ClickHouse, engine: EmbeddedEngine, table: str, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/queue.db"

    async def move(queue: IngestQueue) -> None:
        batch = await queue.next_batch(linger_seconds=0)
        rows = [{"n": row.first_position, "s": row.payload.decode()} for row in batch.payloads]
        await store.insert(table, rows, deduplication_token=batch.token)

    async with IngestQueue(url) as queue:
        await asyncio.gather(*(queue.append(1, b"%d" % n, 1) for n in range(50)))
        await move(queue)  # and here the process ends, before `complete`
        assert engine.pid
        os.kill(engine.pid, signal.SIGKILL)

    async with IngestQueue(url) as queue:
        await queue.append(1, b"later", 1)
        await move(queue)
        await queue.complete(await queue.next_batch())
        await move(queue)

    assert (await store.query(f"SELECT count(), uniqExact(n), max(n) FROM {table}")).rows == [(51, 51, 51)]


class Model:
    """What the queue should be: a plain list of (position, received_at) and a watermark."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)
        self.received: list[datetime] = []
        self.watermark = 1
        self.open_batch: Any = None
        self.answers: dict[datetime, int] = {}

    def position_at(self, instant: datetime) -> int:
        return 1 + sum(received < instant for received in self.received)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(st.integers(1, 4), min_size=1, max_size=5)),
        st.tuples(st.just("turn"), st.integers(-100, 400)),
        st.tuples(st.just("batch"), st.integers(1, 10)),
        st.tuples(st.just("complete"), st.just(0)),
        st.tuples(st.just("reopen"), st.just(0)),
        st.tuples(st.just("position_at"), st.integers(0, 15)),
    ),
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_positions_batches_and_windows_hold_for_any_history(steps: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_replay(f"sqlite:///{folder}/queue.db", steps))


async def _replay(url: str, steps: list[tuple[str, Any]]) -> None:
    model = Model()
    queue = IngestQueue(url, now=lambda: model.now)
    await queue.open()
    actions: dict[str, Callable[[IngestQueue, Model, Any], Awaitable[None]]] = {
        "append": _append,
        "turn": _turn,
        "batch": _batch,
        "complete": _complete,
        "position_at": _position_at,
    }
    for name, argument in steps:
        if name == "reopen":
            await queue.close()
            queue = IngestQueue(url, now=lambda: model.now)
            await queue.open()
        else:
            await actions[name](queue, model, argument)
        assert await queue.watermark() == model.watermark
    for instant, position in model.answers.items():
        assert model.position_at(instant) == position, "what was answered once is still true"
    await queue.close()


async def _append(queue: IngestQueue, model: Model, counts: list[int]) -> None:
    firsts = await asyncio.gather(*(queue.append(1, b"x", count) for count in counts))
    assert firsts == [len(model.received) + 1 + sum(counts[:n]) for n in range(len(counts))]
    received_at = max([model.now, *model.received, *model.answers])
    model.received += [received_at] * sum(counts)


async def _turn(_queue: IngestQueue, model: Model, seconds: int) -> None:
    model.now += timedelta(seconds=seconds)


async def _batch(queue: IngestQueue, model: Model, max_events: int) -> None:
    if model.watermark > len(model.received):
        return
    batch = await queue.next_batch(max_events=max_events, linger_seconds=-1e9)
    assert batch.first == model.watermark
    assert batch.first + sum(row.count for row in batch.payloads) == batch.end
    starts = [row.first_position for row in batch.payloads]
    assert [model.received[start - 1] for start in starts] == [row.received_at for row in batch.payloads]
    assert model.open_batch in (None, batch), "an open batch is redone as it was"
    model.open_batch = batch


async def _complete(queue: IngestQueue, model: Model, _: int) -> None:
    if model.open_batch:
        await queue.complete(model.open_batch)
        model.watermark, model.open_batch = model.open_batch.end, None


async def _position_at(queue: IngestQueue, model: Model, minutes_ago: int) -> None:
    instant = model.now.replace(second=0) - timedelta(minutes=minutes_ago)
    position = await queue.position_at(instant)
    assert position == model.position_at(instant)
    assert model.answers.setdefault(instant, position) == position
