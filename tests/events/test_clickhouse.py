"""The adapter over the embedded engine."""

import asyncio
import resource
import time
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from furze.events import errors
from furze.events.clickhouse import ClickHouse
from furze.events.embedded import EmbeddedEngine
from furze.events.schema import materialized_column
from furze.events.types import Limits, QueryResult

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def running(store: ClickHouse, query_id: str) -> bool:
    sql = "SELECT count() FROM system.processes WHERE Settings['log_comment'] = {id:String}"
    return (await store.query(sql, {"id": query_id})).rows[0] == (1,)


async def until(store: ClickHouse, query_id: str, *, runs: bool) -> None:
    async with asyncio.timeout(5):
        while await running(store, query_id) is not runs:  # noqa: ASYNC110 -- another process's state
            await asyncio.sleep(0.02)


ENDLESS = "SELECT sum(sipHash64(number)) FROM numbers(100000000000)"


async def test_values_come_back_as_python_values(store: ClickHouse) -> None:
    instant = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
    uuid = uuid4()

    result = await store.query(
        "SELECT {t:DateTime64(6)} AS t, {u:UUID} AS u, {a:Array(String)} AS a, {n:Nullable(Int32)} AS n, "
        "toDateTime('2026-01-02 03:04:05') AS plain, toUInt64(18446744073709551615) AS big",
        {"t": instant, "u": uuid, "a": ["it's", "%s {x}"], "n": None},
    )

    assert result.columns == ("t", "u", "a", "n", "plain", "big")
    assert result.types == ("DateTime64(6)", "UUID", "Array(String)", "Nullable(Int32)", "DateTime", "UInt64")
    plain = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert list(result.rows) == [(instant, uuid, ["it's", "%s {x}"], None, plain, 2**64 - 1)]


async def test_an_empty_result_still_has_columns(store: ClickHouse) -> None:
    sql = "SELECT toInt64(1) AS a, {b:String} AS b WHERE 0;"

    assert await store.query(sql, {"b": "x"}) == QueryResult(("a", "b"), ("Int64", "String"), ())


async def test_percent_signs_are_just_text(store: ClickHouse) -> None:
    assert (await store.query("SELECT '100%s' LIKE '%s'", {"unused": 1})).rows == [(1,)]


@pytest.mark.parametrize(
    ("sql", "limits", "error", "text"),
    [
        ("SELEC 1", Limits(), errors.QueryError, "Syntax error"),
        ("SELECT nope", Limits(), errors.QueryError, "`nope`"),
        ("DROP TABLE furze.events", Limits(), errors.QueryError, "readonly"),
        ("SELECT number FROM numbers(1000)", Limits(result_rows=10), errors.ResultTooLarge, "LIMIT"),
        (ENDLESS, Limits(seconds=0.5), errors.QueryTimeout, "too long"),
        (
            "SELECT groupArray(number) FROM numbers(100000000)",
            Limits(memory_bytes=50 << 20),
            errors.QueryMemoryExceeded,
            "memory",
        ),
    ],
)
async def test_faults_have_types_and_clean_words(
    store: ClickHouse, sql: str, limits: Limits, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text) as caught:
        await store.query(sql, limits=limits)

    for noise in ("DB::Exception", "version 2", "http://", "127.0.0.1"):
        assert noise not in str(caught.value)


async def test_a_grouping_that_does_not_fit_goes_to_disk(store: ClickHouse) -> None:
    sql = "SELECT count() FROM (SELECT number, count() FROM numbers(3000000) GROUP BY number)"

    assert (await store.query(sql, limits=Limits(memory_bytes=150 << 20))).rows == [(3_000_000,)]


async def test_a_fenced_read_sees_one_project(store: ClickHouse) -> None:
    rows = [_event(team_id=team, distinct_id="fence") for team in (71, 71, 72)]
    await store.insert("events", rows)

    for name in ("furze.events", "events", "events AS e", "(SELECT * FROM furze.events)"):
        sql = f"SELECT count() FROM {name} WHERE distinct_id = 'fence'"
        assert (await store.query(sql, team_id=71)).rows == [(2,)]
        assert (await store.query(sql)).rows == [(3,)]


async def test_inserted_events_have_their_materialized_properties(store: ClickHouse) -> None:
    instant = datetime(2031, 1, 1, 12, tzinfo=UTC)
    await store.insert("events", [_event(team_id=73, timestamp=instant, properties='{"$browser":"Füchs","$os":null}')])

    sql = f"SELECT timestamp, `{materialized_column('$browser')}`, `{materialized_column('$os')}` FROM events"
    assert (await store.query(sql, team_id=73)).rows == [(instant, "Füchs", None)]


async def test_an_insert_repeated_under_its_token_is_one_insert(store: ClickHouse, table: str) -> None:
    for token in ("1-2", "1-2", "3-4"):
        await store.insert(table, [{"n": 1}, {"n": 2}], deduplication_token=token)

    assert (await store.query(f"SELECT count() FROM {table}")).rows == [(4,)]


async def test_an_insert_that_stopped_halfway_is_completed_by_its_repetition(store: ClickHouse) -> None:
    january, june = (_event(team_id=75, timestamp=datetime(2024, month, 1, tzinfo=UTC)) for month in (1, 6))
    await store.insert("events", [january], deduplication_token="halfway")

    await store.insert("events", [january, june], deduplication_token="halfway")

    assert (await store.query("SELECT toMonth(timestamp) FROM events ORDER BY 1", team_id=75)).rows == [(1,), (6,)]


async def test_events_of_a_hundred_and_ten_months_fit_one_insert(store: ClickHouse) -> None:
    start = datetime(2000, 1, 15, tzinfo=UTC)
    rows = [_event(team_id=74, timestamp=start + timedelta(days=30 * n)) for n in range(110)]

    for _ in range(2):
        await store.insert("events", rows, deduplication_token="months")

    assert (await store.query("SELECT count() FROM events", team_id=74)).rows == [(110,)]


async def test_a_refused_insert_is_our_failure_not_the_users(store: ClickHouse, table: str) -> None:
    with pytest.raises(errors.StoreFailed, match="nope"):
        await store.insert(table, [{"nope": 1}])
    with pytest.raises(errors.StoreFailed):
        await store.execute("CREATE TABLE oops")


async def test_a_stream_is_complete_and_bounded(store: ClickHouse) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = 0

    sql = "SELECT number, randomPrintableASCII(200) AS text FROM numbers(1000000)"
    async for piece in store.stream(sql, format="JSONEachRow"):
        lines += piece.count(b"\n")

    assert lines == 1_000_000
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 120


async def test_arrow_batches_have_the_schema_even_of_nothing(store: ClickHouse) -> None:
    sql = "SELECT number AS n, toString(number) AS s FROM numbers(200000)"
    batches = [batch async for batch in store.stream_arrow(sql, settings={"max_block_size": 8192})]

    assert sum(batch.num_rows for batch in batches) == 200_000
    assert max(batch.num_rows for batch in batches) <= 8192
    assert {str(field.type) for field in batches[0].schema} == {"uint64", "string"}
    assert [batch async for batch in store.stream_arrow(f"SELECT * FROM ({sql}) WHERE n > 1000000")] == []


@pytest.mark.parametrize("output", ["TSV", "ArrowStream"])
async def test_a_stream_that_fails_midway_raises_and_gives_no_error_text_as_data(
    store: ClickHouse, output: str
) -> None:
    received = bytearray()
    sql = "SELECT throwIf(number = 900000) AS a, randomPrintableASCII(50) AS b FROM numbers(1000000)"

    async def read() -> None:
        async for piece in store.stream(sql, format=output):
            received.extend(piece)

    with pytest.raises(errors.QueryError, match="throwIf"):
        await read()

    assert received
    assert b"DB::Exception" not in received


async def test_an_arrow_stream_that_fails_midway_raises_the_engines_error(store: ClickHouse) -> None:
    sql = "SELECT throwIf(number = 900000) AS a, randomPrintableASCII(50) AS b FROM numbers(1000000)"
    with pytest.raises(errors.QueryError, match="throwIf"):
        assert [batch.num_rows async for batch in store.stream_arrow(sql)]


async def test_leaving_a_stream_ends_its_query(store: ClickHouse) -> None:
    async with aclosing(
        store.stream("SELECT number FROM numbers(100000000000)", format="TSV", query_id="left")
    ) as pieces:
        async for _ in pieces:
            break

    await until(store, "left", runs=False)


async def test_leaving_a_stream_that_has_given_nothing_yet_ends_its_query(store: ClickHouse) -> None:
    task = asyncio.create_task(anext(store.stream(ENDLESS, format="TSV", query_id="silent")))
    await until(store, "silent", runs=True)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await until(store, "silent", runs=False)


async def test_a_killed_query_says_so(store: ClickHouse) -> None:
    task = asyncio.create_task(store.query(ENDLESS, query_id="endless"))
    await until(store, "endless", runs=True)

    assert await store.kill("endless")
    with pytest.raises(errors.QueryCancelled):
        await task
    assert not await store.kill("endless")


async def test_a_cancelled_task_takes_its_query_along(store: ClickHouse) -> None:
    task = asyncio.create_task(store.query(ENDLESS, query_id="dropped"))
    await until(store, "dropped", runs=True)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(store, "dropped", runs=False)


async def test_inserts_and_kills_do_not_wait_behind_slow_queries(store: ClickHouse, table: str) -> None:
    slow = [asyncio.create_task(store.query(ENDLESS, query_id=f"slow{n}")) for n in range(10)]
    await asyncio.sleep(0.3)  # the query pool is full: asking how many run would wait in it

    started = time.monotonic()
    await store.insert(table, [{"n": 1}])
    taken = time.monotonic() - started

    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)
    assert taken < 3


async def test_a_missing_server_is_unavailable_and_bad_credentials_say_so(engine: EmbeddedEngine) -> None:
    nobody = ClickHouse("http://a:b@127.0.0.1:1/furze", patience_seconds=0.2)
    with pytest.raises(errors.StoreUnavailable, match="does not answer"):
        await nobody.health()
    with pytest.raises(errors.StoreUnavailable):
        await nobody.query("SELECT 1")
    await nobody.close()

    stranger = ClickHouse(engine.url.replace("furze:", "furze:not"))
    with pytest.raises(errors.StoreUnavailable, match="user and password"):
        await stranger.health()
    await stranger.close()


async def test_health_is_the_version(store: ClickHouse) -> None:
    assert (await store.health()).startswith("2")


async def test_the_loop_keeps_turning_while_a_long_query_runs(store: ClickHouse) -> None:
    task = asyncio.create_task(store.query(ENDLESS, limits=Limits(seconds=1)))
    lags = []
    while not task.done():
        before = time.monotonic()
        await asyncio.sleep(0.005)
        lags.append(time.monotonic() - before - 0.005)

    with pytest.raises(errors.QueryTimeout):
        await task
    assert sorted(lags)[int(len(lags) * 0.95)] < 0.1


async def test_large_results_do_not_hold_the_loop_for_long(store: ClickHouse) -> None:
    result = await store.query("SELECT number, toString(number) FROM numbers(100000)")

    assert len(result.rows) == 100_000
    assert result.rows[99_999] == (99_999, "99999")


def _event(**columns: object) -> dict[str, object]:
    now = datetime.now(UTC)
    row: dict[str, object] = {
        "team_id": 1,
        "uuid": uuid4(),
        "event": "e",
        "distinct_id": "d",
        "person_id": UUID(int=1),
        "timestamp": now,
        "created_at": now,
        "position": 1,
        "properties": "{}",
        "person_properties": "{}",
        "person_created_at": now,
        "elements_chain": "",
    }
    return row | columns


async def test_the_store_directory_is_for_its_owner_only(engine: EmbeddedEngine) -> None:
    assert engine.path.stat().st_mode & 0o077 == 0
