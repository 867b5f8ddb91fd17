"""The engine child's life and deaths."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from furze.events.clickhouse import ClickHouse
from furze.events.embedded import EmbeddedEngine, StoreCorrupt, StoreLocked

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedEngine]:
    path = tmp_path_factory.mktemp("fragile") / "events"
    async with EmbeddedEngine(path, deadline_seconds=0.9, ping_seconds=0.2) as engine:
        yield engine


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(engine: EmbeddedEngine) -> AsyncIterator[ClickHouse]:
    store = ClickHouse(engine.url)
    await store.ensure_schema()
    await store.execute("CREATE TABLE furze.kept (n Int64) ENGINE = MergeTree ORDER BY n")
    await store.insert("kept", [{"n": n} for n in range(1000)])
    yield store
    await store.close()


def is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


async def until_dead(pid: int, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while is_alive(pid):  # noqa: ASYNC110 -- another process's state
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP, signal.SIGTERM])
async def test_a_child_that_dies_or_hangs_is_replaced_and_queries_go_on(
    engine: EmbeddedEngine, store: ClickHouse, number: signal.Signals
) -> None:
    restarts, pid = engine.restarts, engine.pid
    assert pid

    os.kill(pid, number)
    started = time.monotonic()

    assert (await store.query("SELECT count() FROM furze.kept")).rows == [(1000,)]
    assert time.monotonic() - started < 8
    async with asyncio.timeout(5):
        while engine.restarts == restarts:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert not is_alive(pid)


async def test_a_query_in_flight_is_run_again_on_the_new_child(engine: EmbeddedEngine, store: ClickHouse) -> None:
    task = asyncio.create_task(store.query("SELECT count(), max(sleepEachRow(0.01)) FROM numbers(60)"))
    await asyncio.sleep(0.4)
    assert engine.pid

    os.kill(engine.pid, signal.SIGKILL)

    assert (await task).rows == [(60, 0)]


async def test_inserts_through_a_kill_are_stored_exactly_once(engine: EmbeddedEngine, store: ClickHouse) -> None:
    await store.execute(
        "CREATE TABLE furze.once (n Int64) ENGINE = MergeTree ORDER BY n "
        "SETTINGS non_replicated_deduplication_window = 1000"
    )

    async def insert() -> None:
        for start in range(0, 4000, 100):
            rows = [{"n": n} for n in range(start, start + 100)]
            await store.insert("once", rows, deduplication_token=f"{start}")

    task = asyncio.create_task(insert())
    for _ in range(2):
        await asyncio.sleep(0.15)
        if engine.pid:
            os.kill(engine.pid, signal.SIGKILL)
    await task

    assert (await store.query("SELECT count(), uniqExact(n) FROM furze.once")).rows == [(4000, 4000)]


async def test_a_blocked_server_does_not_kill_its_healthy_child(engine: EmbeddedEngine) -> None:
    restarts, pid = engine.restarts, engine.pid

    time.sleep(1.0)  # noqa: ASYNC251 -- longer than the deadline, on purpose
    await asyncio.sleep(0.3)

    assert (engine.restarts, engine.pid) == (restarts, pid)


async def test_a_second_process_is_told_that_the_store_is_open_elsewhere(engine: EmbeddedEngine) -> None:
    with pytest.raises(StoreLocked, match=r"events' is open in another process\. Stop"):
        async with EmbeddedEngine(engine.path):
            pass


async def test_a_store_that_cannot_be_read_says_so_and_what_to_do(tmp_path: Path) -> None:
    async with EmbeddedEngine(tmp_path / "store"):
        pass
    (tmp_path / "store/metadata/furze.sql").write_text("garbage")

    with pytest.raises(StoreCorrupt, match="restore the directory from a backup"):
        async with EmbeddedEngine(tmp_path / "store"):
            pass


async def test_broken_data_parts_are_reported_at_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with EmbeddedEngine(tmp_path / "store") as engine:
        store = ClickHouse(engine.url)
        await store.ensure_schema()
        await store.execute("INSERT INTO furze.groups (team_id) VALUES (1)")
        await store.close()
    for part in (tmp_path / "store/store").rglob("columns.txt"):
        part.write_bytes(b"garbage")

    async with EmbeddedEngine(tmp_path / "store"):
        pass

    assert "1 unreadable data parts" in caplog.text


async def test_data_written_before_a_stop_is_there_after_a_start(tmp_path: Path) -> None:
    for expected in range(3):
        async with EmbeddedEngine(tmp_path) as engine:
            store = ClickHouse(engine.url)
            await store.ensure_schema()
            assert (await store.query("SELECT count() FROM furze.groups")).rows == [(expected,)]
            await store.insert("groups", [{"team_id": 1, "group_key": str(expected)}])
            await store.close()
            pid = engine.pid
        assert pid
        assert not is_alive(pid)


async def test_stopping_twice_and_stopping_under_a_query_is_quick(tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path)
    await engine.start()
    store = ClickHouse(engine.url)
    task = asyncio.create_task(store.query("SELECT sum(sipHash64(number)) FROM numbers(100000000000)"))
    await asyncio.sleep(0.3)

    started = time.monotonic()
    await store.close()
    await engine.stop()
    await engine.stop()
    await asyncio.gather(task, return_exceptions=True)

    assert time.monotonic() - started < 4


@pytest.mark.parametrize("stopped", [False, True])
async def test_the_child_does_not_outlive_its_parent(tmp_path: Path, *, stopped: bool) -> None:
    parent = subprocess.Popen(  # noqa: ASYNC220
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                """
                import asyncio, sys
                from pathlib import Path
                from furze.events.embedded import EmbeddedEngine

                async def main():
                    async with EmbeddedEngine(Path(sys.argv[1])) as engine:
                        print(engine.pid, flush=True)
                        await asyncio.sleep(60)

                asyncio.run(main())
                """
            ),
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
    )
    assert parent.stdout
    with parent.stdout:
        pid = int(await asyncio.to_thread(parent.stdout.readline))
    if stopped:
        os.kill(pid, signal.SIGSTOP)

    parent.kill()
    parent.wait()

    await until_dead(pid, 5)
    shutil.rmtree(tmp_path)


def command_line(pid: int | None) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


async def test_a_stranger_cannot_read_the_password_from_the_command_line(engine: EmbeddedEngine) -> None:
    password = engine.url.split(":")[2].split("@")[0]

    assert password not in command_line(engine.pid)
