"""The ingest queue, on SQLite and on PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from furze.events.errors import QueueFull, QueueUnavailable, StaleBatch
from furze.events.queue import Backlog, Batch, IngestQueue
from furze.testing.postgres import fresh_database

from .conftest import Clock


async def drain(queue: IngestQueue, **options: int) -> list[Batch]:
    batches = []
    while (await queue.backlog()).events:
        batches.append(await queue.next_batch(linger_seconds=0, **options))
        await queue.complete(batches[-1])
    return batches


async def test_concurrent_appends_get_gapless_positions(queue: IngestQueue) -> None:
    counts = [1 + n % 3 for n in range(300)]

    firsts = await asyncio.gather(*(queue.append(1, b"%d" % n, count) for n, count in enumerate(counts)))

    taken = sorted(
        position for first, count in zip(firsts, counts, strict=True) for position in range(first, first + count)
    )
    assert taken == list(range(1, sum(counts) + 1))


async def test_a_batch_holds_what_was_appended_in_order(queue: IngestQueue, clock: Clock) -> None:
    for project_id, payload in ((1, b"a"), (2, b"b\x00\xff"), (1, b"")):
        await queue.append(project_id, payload, 2)

    batch = await queue.next_batch(linger_seconds=0)

    assert (batch.first, batch.end, batch.token) == (1, 7, "1-6")
    rows = [(row.first_position, row.count, row.project_id, row.received_at, row.payload) for row in batch.payloads]
    assert rows == [(1, 2, 1, clock(), b"a"), (3, 2, 2, clock(), b"b\x00\xff"), (5, 2, 1, clock(), b"")]


async def test_batches_respect_their_size_and_never_divide_an_append(queue: IngestQueue) -> None:
    for count in (3, 3, 3, 20, 1):
        await queue.append(1, b"x", count)

    sizes = [batch.end - batch.first for batch in await drain(queue, max_events=7)]

    assert sizes == [6, 3, 20, 1]


async def test_a_batch_comes_again_until_it_is_completed(queue_url: str, clock: Clock) -> None:
    async with IngestQueue(queue_url, now=clock) as queue:
        await queue.append(1, b"one", 1)
        batch = await queue.next_batch(linger_seconds=0)
        await queue.append(1, b"two", 1)
        assert await queue.next_batch() == batch

    async with IngestQueue(queue_url, now=clock) as queue:
        assert await queue.next_batch(max_events=1) == batch
        await queue.complete(batch)
        with pytest.raises(StaleBatch, match="batch 1-1 is not the open one"):
            await queue.complete(batch)
        assert (await queue.next_batch(linger_seconds=0)).token == "2-2"


async def test_a_batch_waits_for_company_but_not_for_ever(queue: IngestQueue, clock: Clock) -> None:
    await queue.append(1, b"x", 1)
    waiting = asyncio.create_task(queue.next_batch(max_events=100, linger_seconds=0.3))
    await asyncio.sleep(0.1)
    assert not waiting.done()

    clock.turn(0.3)
    assert (await waiting).end == 2


async def test_a_full_batch_does_not_wait(queue: IngestQueue) -> None:
    await queue.append(1, b"x", 100)

    async with asyncio.timeout(5):
        assert (await queue.next_batch(max_events=100, linger_seconds=3600)).end == 101


async def test_an_empty_queue_waits_for_the_first_append(queue: IngestQueue) -> None:
    waiting = asyncio.create_task(queue.next_batch(linger_seconds=0))
    await asyncio.sleep(0.05)
    assert not waiting.done()

    await queue.append(1, b"x", 1)

    async with asyncio.timeout(5):
        assert (await waiting).token == "1-1"


async def test_events_whose_sender_left_before_the_answer_are_found_all_the_same(queue: IngestQueue) -> None:
    waiting = asyncio.create_task(queue.next_batch(linger_seconds=0))
    await asyncio.sleep(0.05)
    sender = asyncio.create_task(queue.append(1, b"x", 1))
    await asyncio.sleep(0)

    sender.cancel()

    assert (await asyncio.wait_for(waiting, 60)).payloads[0].payload == b"x"


async def test_the_watermark_moves_with_completed_batches(queue: IngestQueue) -> None:
    assert await queue.watermark() == 1
    await queue.append(1, b"x", 5)
    assert not await queue.wait_until_consumed(5, 0.05)
    waiting = asyncio.create_task(queue.wait_until_consumed(5, 5))

    await drain(queue)

    assert await waiting
    assert await queue.watermark() == 6
    assert await queue.wait_until_consumed(5, 0.05)
    assert not await queue.wait_until_consumed(6, 0.05)


async def test_a_full_queue_refuses_and_accepts_again_when_it_has_room(queue_url: str) -> None:
    async with IngestQueue(queue_url, max_events=10, max_bytes=1000) as queue:
        await queue.append(1, b"x" * 10, 8)
        with pytest.raises(QueueFull) as full:
            await queue.append(1, b"x", 3)
        with pytest.raises(QueueFull):
            await queue.append(1, b"x" * 1000, 1)
        assert (full.value.status, "Retry-After" in full.value.headers) == (503, True)
        assert await queue.append(1, b"x", 2) == 9
        assert await queue.backlog() == Backlog(10, 11)

        await drain(queue)

        assert await queue.backlog() == Backlog(0, 0)
        assert await queue.append(1, b"x" * 2000, 50) == 11, "one append that alone is too large must not wait for ever"


async def test_a_duplicate_is_an_event_whose_uuid_has_an_earlier_position(queue: IngestQueue) -> None:
    one, two, three = uuid4(), uuid4(), uuid4()

    assert await queue.find_duplicates(1, [(one, 1), (two, 2), (one, 3)]) == {3}
    assert await queue.find_duplicates(1, [(one, 1), (two, 2), (one, 3)]) == {3}, "a batch that is redone"
    assert await queue.find_duplicates(1, [(two, 4), (three, 5)]) == {4}
    assert await queue.find_duplicates(2, [(two, 6)]) == set(), "another project's uuids are its own"
    many = [(uuid4(), 7 + n) for n in range(2500)]
    assert await queue.find_duplicates(1, [*many, (many[0][0], 3000), (many[2400][0], 3001)]) == {3000, 3001}


async def test_uuids_are_forgotten_after_their_time(queue_url: str, clock: Clock) -> None:
    uuid = uuid4()
    async with IngestQueue(queue_url, now=clock, remember_for=timedelta(days=7)) as queue:
        for days, expected in ((0, set()), (6, {2}), (2, set())):
            clock.turn(days * 86_400)
            position = await queue.append(1, b"x", 1)
            found = await queue.find_duplicates(1, [(uuid, position)])
            batch = await queue.next_batch(linger_seconds=0)
            await queue.complete(batch)
            if days == 2:
                # Eight days after the first: the pruning of this batch frees the uuid.
                found = await queue.find_duplicates(1, [(uuid, position + 1)])
            assert found == expected


async def test_position_at_an_instant_is_the_first_position_received_from_then_on(
    queue: IngestQueue, clock: Clock
) -> None:
    start = clock().replace(second=0)  # 12:00; the clock says 12:00:30
    assert await queue.position_at(start) == 1
    await queue.append(1, b"x", 3)  # 1-3 at 12:00:30
    clock.turn(150)
    await queue.append(1, b"x", 2)  # 4-5 at 12:03:00
    clock.turn(59)
    await queue.append(1, b"x", 1)  # 6 at 12:03:59
    clock.turn(1)

    minutes = [await queue.position_at(start + timedelta(minutes=n)) for n in (-1000, 0, 1, 2, 3, 4)]
    assert minutes == [1, 1, 4, 4, 4, 7]
    await drain(queue)
    assert await queue.position_at(start + timedelta(minutes=2)) == 4
    for odd in (start + timedelta(seconds=1), start + timedelta(minutes=5)):
        with pytest.raises(ValueError, match=r"whole minute|future"):
            await queue.position_at(odd)


async def test_an_answered_position_stays_right_when_the_clock_runs_back(queue: IngestQueue, clock: Clock) -> None:
    clock.turn(30)
    noon_one = clock()
    assert await queue.position_at(noon_one) == 1

    clock.turn(-3600)
    await queue.append(1, b"x", 1)

    clock.turn(7200)
    assert await queue.position_at(noon_one) == 1
    (batch,) = await drain(queue)
    assert batch.payloads[0].received_at == noon_one, "received no earlier than the answer that was given"


async def test_an_append_without_events_is_refused(queue: IngestQueue) -> None:
    with pytest.raises(ValueError, match="count=0"):
        await queue.append(1, b"x", 0)


async def test_a_closing_queue_finishes_what_it_took(queue_url: str) -> None:
    async with IngestQueue(queue_url) as queue:
        appends = [asyncio.create_task(queue.append(1, b"x", 1)) for _ in range(100)]
        await asyncio.sleep(0)
    assert sorted(await asyncio.gather(*appends)) == list(range(1, 101))

    async with IngestQueue(queue_url) as queue:
        assert (await queue.backlog()).events == 100


async def test_two_servers_share_a_queue_on_postgresql(postgres: str, clock: Clock) -> None:
    url = fresh_database(postgres)
    async with IngestQueue(url, now=clock) as one, IngestQueue(url, now=clock) as two:
        waiting = asyncio.create_task(two.wait_until_consumed(400, 10))
        firsts = await asyncio.gather(*((one, two)[n % 2].append(1, b"x", 1) for n in range(400)))
        assert sorted(firsts) == list(range(1, 401))

        ours, theirs = await asyncio.gather(one.next_batch(linger_seconds=0), two.next_batch(linger_seconds=0))
        assert ours == theirs, "both would store the same rows under the same token"
        await one.complete(ours)
        with pytest.raises(StaleBatch):
            await two.complete(theirs)
        assert await waiting == (ours.end == 401)


async def test_a_full_disk_accepts_nothing_and_recovers(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = await asyncio.create_subprocess_exec("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk))
    if await mount.wait():
        pytest.skip("A FULL DISK IS NOT TESTED: mounting a small tmpfs needs root")
    try:
        async with IngestQueue(f"sqlite:///{disk}/queue.db") as queue:
            await queue.append(1, b"first", 1)
            (disk / "ballast").write_bytes(b"x" * (1 << 20))
            with pytest.raises(QueueUnavailable, match="full"):
                await queue.append(1, b"y" * (2 << 20), 1)
            assert (await queue.backlog()).events == 1

            (disk / "ballast").unlink()

            assert await queue.append(1, b"second", 1) == 2
            (batch,) = await drain(queue)
            assert [row.payload for row in batch.payloads] == [b"first", b"second"]
    finally:
        await (await asyncio.create_subprocess_exec("umount", "-l", str(disk))).wait()


async def test_a_database_that_is_away_is_unavailable() -> None:
    with pytest.raises(QueueUnavailable, match="cannot be written down right now"):
        async with IngestQueue("postgresql://nobody@127.0.0.1:1/none"):
            pass


async def test_instants_are_utc(queue: IngestQueue) -> None:
    await queue.append(1, b"x", 1)
    (batch,) = await drain(queue)

    assert batch.payloads[0].received_at == datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
