"""The promise: whatever happens, no event is delivered twice, and every promised one is delivered."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.exports.bench import Bench, Killed, new_bench, opened
from tests.exports.conftest import uuids_in
from tests.exports.test_postgres import config_of, rows_of

from furze.exports import lifecycle
from furze.exports.destination import Reject
from furze.exports.destinations import DESTINATIONS
from furze.exports.destinations.duckdb import DuckDB, DuckDBSink
from furze.exports.destinations.local_file import LocalFile
from furze.exports.destinations.postgres import Postgres, PostgresSink
from furze.exports.engine import Exports
from furze.exports.ledger import Region
from furze.exports.types import OPEN, Export, ExportChanges
from furze.jobs import Retry
from furze.platform.errors import FurzeError
from furze.testing.postgres import fresh_database

Step = Literal["open", "write", "before commit", "after commit", "before record"]
Fault = Literal["killed", "retry", "reject"]


@dataclass
class Chaos:
    """Which fault comes next, and where."""

    step: Step | None = None
    fault: Fault = "killed"

    def at(self, step: Step) -> None:
        if self.step != step:
            return
        self.step = None
        if self.fault == "killed":
            raise Killed
        raise Retry("may pass") if self.fault == "retry" else Reject("cannot pass")


chaos = Chaos()


class ChaoticFile(LocalFile):
    """LocalFile, in a process that may die at any step."""

    name = "ChaoticFile"

    async def open(self, config: Any, delivery: Any) -> Any:
        chaos.at("open")
        return ChaoticSink(await super().open(config, delivery))


class ChaoticTable(Postgres):
    """Postgres, from a process that may die at any step."""

    name = "ChaoticTable"

    async def open(self, config: Any, delivery: Any) -> Any:
        chaos.at("open")
        return ChaoticSink(await super().open(config, delivery))


class ChaoticDuckDB(DuckDB):
    """DuckDB, in a process that may die at any step."""

    name = "ChaoticDuckDB"

    async def open(self, config: Any, delivery: Any) -> Any:
        chaos.at("open")
        return ChaoticSink(await super().open(config, delivery))


class ChaoticSink:
    def __init__(self, sink: Any) -> None:
        self._sink, self._dead = sink, False

    async def write(self, batch: Any) -> None:
        await self._sink.write(batch)
        self._maybe("write")

    async def commit(self) -> Any:
        self._maybe("before commit")
        receipt = await self._sink.commit()
        if chaos.fault == "killed":  # an error after a commit that has happened would be a lie
            self._maybe("after commit")
        return receipt

    async def abort(self) -> None:
        if not self._dead:
            await self._sink.abort()
        elif isinstance(self._sink, PostgresSink | DuckDBSink):
            self._sink._connection.close()  # the system closes a dead process's sockets and files

    def _maybe(self, step: Step) -> None:
        try:
            chaos.at(step)
        except Killed:
            self._dead = True
            raise


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def engine(
    request: pytest.FixtureRequest, runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Exports]:
    """The engine, on either database of its own."""
    chaotic = {each.name: each for each in (ChaoticFile(), ChaoticTable(), ChaoticDuckDB())}
    DESTINATIONS.update(chaotic)
    url = fresh_database(request.getfixturevalue("postgres")) if request.param == "postgres" else None
    manager = opened(tmp_path_factory.mktemp("bench"), url)
    yield runner.run(manager.__aenter__())
    runner.run(manager.__aexit__(None, None, None))
    for name in chaotic:
        del DESTINATIONS[name]


faults = st.tuples(
    st.just("fault"),
    st.sampled_from(["open", "write", "before commit", "after commit"]),
    st.sampled_from(["killed", "killed", "retry", "reject"]),
)
operations = st.one_of(
    st.tuples(st.just("send"), st.integers(1, 3), st.sampled_from([0, 0, 20, 70, 130, 400])),
    st.tuples(st.just("wait"), st.sampled_from([7, 30, 60, 90, 150])),
    st.tuples(st.just("work")),
    st.tuples(st.just("step")),
    st.tuples(st.just("pause")),
    st.tuples(st.just("unpause"), st.booleans()),
    st.tuples(st.just("backfill"), st.integers(1, 8), st.integers(0, 6), st.sampled_from([0, 0, 25])),
    st.tuples(st.just("retry"), st.integers(0, 20)),
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("interval"), st.sampled_from(["hour", "every 15 minutes"])),
    faults,
)


many_histories = settings(
    max_examples=int(os.environ.get("FURZE_EXAMPLES", "6")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    derandomize=True,
)
histories = st.lists(operations, min_size=4, max_size=16)


@many_histories
@given(histories, st.sampled_from([None, 1]))
def test_files_hold_each_promised_event_once(
    runner: asyncio.Runner,
    engine: Exports,
    tmp_path: Path,
    history: list[tuple[Any, ...]],
    max_file_size_mb: int | None,
) -> None:
    folder = tmp_path / uuid4().hex
    config = {"path": str(folder), "file_format": "JSONLines", "compression": None}
    if max_file_size_mb:
        config |= {"max_file_size_mb": max_file_size_mb}
    destination = {"type": "ChaoticFile", "config": config}
    runner.run(_live_through(engine, destination, lambda: uuids_in(folder), history))


@many_histories
@given(histories)
def test_a_table_holds_each_promised_event_once(
    runner: asyncio.Runner, engine: Exports, postgres: str, history: list[tuple[Any, ...]]
) -> None:
    table = f"t{uuid4().hex}"

    def uuids() -> list[str]:
        if not rows_of(postgres, f"SELECT 1 FROM pg_tables WHERE tablename = '{table}'"):
            return []
        return [row[0] for row in rows_of(postgres, f"SELECT uuid FROM {table}")]

    destination = {"type": "ChaoticTable", "config": config_of(postgres, table_name=table)}
    runner.run(_live_through(engine, destination, uuids, history))


@many_histories
@given(histories)
def test_a_duckdb_file_holds_each_promised_event_once(
    runner: asyncio.Runner, engine: Exports, tmp_path: Path, history: list[tuple[Any, ...]]
) -> None:
    file = tmp_path / f"{uuid4().hex}.duckdb"

    def uuids() -> list[str]:
        if not file.exists():
            return []
        with duckdb.connect(str(file)) as connection:
            if not connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'events'").fetchall():
                return []
            return [row[0] for row in connection.execute("SELECT uuid FROM events").fetchall()]

    destination = {"type": "ChaoticDuckDB", "config": {"path": str(file)}}
    runner.run(_live_through(engine, destination, uuids, history))


def test_rows_without_a_key_are_not_repeated_by_a_crash_after_the_commit(
    runner: asyncio.Runner, engine: Exports, postgres: str
) -> None:
    table = f"t{uuid4().hex}"
    destination = {"type": "ChaoticTable", "config": config_of(postgres, table_name=table)}

    async def live() -> None:
        bench = await new_bench(engine)
        await bench.send(3)
        query = "SELECT event, count() AS n FROM events GROUP BY event"
        export = await bench.export(destination, model="hogql", hogql_query=query)
        chaos.step, chaos.fault = "after commit", "killed"
        bench.clock.advance(hours=1)
        await bench.tick()
        await bench.work()
        (run,) = await bench.runs(export)
        assert (run.status, run.attempt, run.records_completed) == ("Completed", 2, 1)

    runner.run(live())
    assert rows_of(postgres, f"SELECT event, n FROM {table}") == [("seen", 3)]


async def _live_through(
    engine: Exports, destination: dict[str, Any], uuids: Callable[[], list[str]], history: list[tuple[Any, ...]]
) -> None:
    bench, chaos.step = await new_bench(engine), None
    export = await bench.export(destination)
    for operation in history:
        await _do(bench, export, *operation)
    chaos.step = None
    await bench.work()
    await _check(bench, export, uuids)
    await _do(bench, export, "unpause", True)
    bench.clock.advance(hours=2)
    await bench.tick()
    await bench.work()
    await _check(bench, export, uuids)


async def _do(bench: Bench, export: Export, verb: str, *details: Any) -> None:
    write, engine, access = bench.engine.database.write, bench.engine, bench.access
    if verb == "send":
        await bench.send(details[0], age=timedelta(minutes=details[1]))
    elif verb == "wait":
        bench.clock.advance(minutes=details[0])
        await bench.tick()
    elif verb == "work":
        await bench.work()
    elif verb == "step":
        await bench.step()
    elif verb == "pause":
        await write(lifecycle.pause, engine, access, export.id)
    elif verb == "unpause":
        await write(lifecycle.unpause, engine, access, export.id, catch_up=details[0])
    elif verb == "fault":
        chaos.step, chaos.fault = details
    else:
        await _do_to_runs(bench, await bench.reread(export), verb, *details)


async def _do_to_runs(bench: Bench, export: Export, verb: str, *details: Any) -> None:
    write, engine, access = bench.engine.database.write, bench.engine, bench.access
    try:
        if verb == "backfill":
            hour = bench.clock.now().replace(minute=details[2], second=0)
            start = hour - timedelta(hours=details[0] + details[1])
            await bench.backfill(export, start, hour - timedelta(hours=details[1]))
        elif verb == "interval":
            body = ExportChanges.model_validate({"interval": details[0]})
            await write(lifecycle.change, engine, access, export.id, body, is_whole=False)
        elif verb in ("retry", "cancel") and (runs := await bench.runs(export)):
            run = runs[details[0] % len(runs)]
            act = lifecycle.retry_run if verb == "retry" else lifecycle.cancel_run
            await write(act, engine, access, export.id, run.id)
    except FurzeError:
        pass  # refused: a range in the future, a run that has ended


async def _check(bench: Bench, export: Export, uuids: Callable[[], list[str]]) -> None:
    runs = await bench.runs(export)
    assert not [run for run in runs if run.status in OPEN]
    delivered = Counter(uuids())
    assert [uuid for uuid, count in delivered.items() if count > 1] == []
    completed = [run.region for run in runs if run.status == "Completed"]
    promised = {event.uuid for event in bench.sent if any(_covers(region, event) for region in completed)}
    assert promised - set(delivered) == set()
    assert set(delivered) <= {event.uuid for event in bench.sent}


def _covers(region: Region, event: Any) -> bool:
    return (
        region.from_position <= event.position < region.to_position
        and (region.start is None or region.start <= event.timestamp)
        and (region.end is None or event.timestamp < region.end)
    )
