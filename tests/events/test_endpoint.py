"""The engine's HTTP face as a stranger sees it: clickhouse-connect with its own defaults, and bare HTTP."""

import gzip
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
import urllib3
from clickhouse_connect.driver.exceptions import DatabaseError

from furze.events.embedded import EmbeddedEngine


def connect(engine: EmbeddedEngine, **options: Any) -> Any:
    url = urlsplit(engine.url)
    assert url.hostname
    return clickhouse_connect.get_client(
        host=url.hostname, port=url.port or 0, username="furze", password=url.password or "", **options
    )


@pytest.fixture
def client(engine: EmbeddedEngine) -> Iterator[Any]:
    client = connect(engine)
    yield client
    client.close()


def post(engine: EmbeddedEngine, sql: str | bytes, query: str = "", **headers: str) -> urllib3.BaseHTTPResponse:
    url = urlsplit(engine.url)
    authorization = urllib3.make_headers(basic_auth=f"furze:{url.password}")
    return urllib3.request(
        "POST", f"http://127.0.0.1:{url.port}/?{query}", body=sql, headers=authorization | headers, retries=False
    )


def test_answers_ping_and_nothing_else_without_the_password(engine: EmbeddedEngine) -> None:
    port = urlsplit(engine.url).port

    assert urllib3.request("GET", f"http://127.0.0.1:{port}/ping").data == b"Ok.\n"
    refused = urllib3.request("GET", f"http://127.0.0.1:{port}/?query=SELECT+1")
    assert (refused.status, refused.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
    wrong = urllib3.request("POST", f"http://127.0.0.1:{port}/", body=b"SELECT 1", headers={"X-ClickHouse-Key": "no"})
    assert wrong.status == 403


@pytest.mark.parametrize(
    ("sql", "status", "code", "name"),
    [
        ("SELEC 1", 400, "62", "SYNTAX_ERROR"),
        ("SELECT 1; SELECT 2", 400, "62", "SYNTAX_ERROR"),
        ("SELECT * FROM nothing", 404, "60", "UNKNOWN_TABLE"),
        ("SELECT throwIf(1)", 500, "395", "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("INSERT INTO nothing FORMAT CSV\n1", 404, "60", "UNKNOWN_TABLE"),
    ],
)
def test_errors_come_as_a_server_sends_them(
    engine: EmbeddedEngine, sql: str, status: int, code: str, name: str
) -> None:
    answer = post(engine, sql)

    assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (status, code)
    assert answer.data.startswith(f"Code: {code}. DB::Exception: ".encode())
    assert f"({name})".encode() in answer.data


def test_headers_carry_format_query_id_and_summary(engine: EmbeddedEngine) -> None:
    answer = post(engine, "SHOW DATABASES", "query_id=mine&default_format=JSONEachRow")

    assert answer.headers["X-ClickHouse-Format"] == "JSONEachRow"
    assert answer.headers["X-ClickHouse-Query-Id"] == "mine"
    assert b'{"name":"furze"}' in answer.data
    assert "read_rows" in answer.headers["X-ClickHouse-Summary"]


def test_an_error_in_the_middle_of_a_stream_breaks_the_body(engine: EmbeddedEngine) -> None:
    with pytest.raises(urllib3.exceptions.ProtocolError):
        post(engine, "SELECT throwIf(number = 900000), randomPrintableASCII(50) FROM numbers(1000000) FORMAT TSV")


def test_a_connection_lives_on_after_an_error(engine: EmbeddedEngine) -> None:
    url = urlsplit(engine.url)
    pool = urllib3.HTTPConnectionPool("127.0.0.1", url.port, maxsize=1)
    headers = urllib3.make_headers(basic_auth=f"furze:{url.password}")

    broken = b"INSERT INTO nothing FORMAT CSV\n" + b"1\n" * 2_000_000
    answers = [
        pool.urlopen("POST", "/", body=body, headers=headers | extra)
        for body, extra in (
            (b"oops", {}),
            (broken, {}),
            (b"SELECT 1", {"Content-Encoding": "br"}),
            (b"SELECT 1", {"authorization": "Basic bm86bm8="}),
            (b"SELECT 1", {}),
        )
    ]

    assert [answer.status for answer in answers] == [400, 404, 400, 403, 200]
    assert pool.num_connections == 1
    pool.close()


def test_the_client_reads_what_it_inserts(client: Any, table: str) -> None:
    client.insert(table, [[1, "one"], [2, "zwei ü"]], column_names=["n", "s"])

    assert client.query(f"SELECT n, s FROM {table} ORDER BY n").result_rows == [(1, "one"), (2, "zwei ü")]
    assert client.command(f"SELECT count() FROM {table}") == 2


@pytest.mark.parametrize("compression", ["gzip", "lz4", "zstd", False])
def test_bodies_may_be_compressed(engine: EmbeddedEngine, table: str, compression: Any) -> None:
    with connect(engine, compress=compression) as client:
        client.insert(table, [[n, "x" * 100] for n in range(50_000)], column_names=["n", "s"])

        assert client.command(f"SELECT count(), sum(n) FROM {table}") == ["50000", str(sum(range(50_000)))]


def test_a_gzipped_statement_is_read(engine: EmbeddedEngine) -> None:
    assert post(engine, gzip.compress(b"SELECT 40 + 2"), **{"Content-Encoding": "gzip"}).data == b"42\n"
    refused = post(engine, b"SELECT 1", **{"Content-Encoding": "br"})
    assert (refused.status, b"'br'" in refused.data) == (400, True)
    garbage = post(engine, b"SELECT 1", **{"Content-Encoding": "zstd"})
    assert (garbage.status, b"not zstd" in garbage.data) == (400, True)


def test_an_insert_may_arrive_in_drops(engine: EmbeddedEngine, client: Any, table: str) -> None:
    text = f"INSERT INTO {table} (n, s) FORMAT CSV\n" + "7,seven\n" * 3
    answer = post(engine, (text[n : n + 5].encode() for n in range(0, len(text), 5)))  # type: ignore[arg-type]

    assert (answer.status, answer.data) == (200, b"")
    assert client.query(f"SELECT n, s FROM {table}").result_rows == [(7, "seven")] * 3


def test_parameters_of_any_size_reach_the_server(client: Any) -> None:
    sql = "SELECT {text:String}, length({many:Array(UInt32)})"

    (row,) = client.query(sql, parameters={"text": "it's {a} %s\n\\", "many": list(range(50_000))}).result_rows

    assert row == ("it's {a} %s\n\\", 50_000)


def test_settings_end_with_their_request(client: Any) -> None:
    client.query("SELECT 1", settings={"readonly": 2, "max_result_rows": 5})

    assert client.query("SELECT getSetting('max_result_rows')").result_rows == [(0,)]


def test_a_million_rows_stream_without_being_held(engine: EmbeddedEngine, client: Any) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sql = "SELECT number, randomPrintableASCII(200) FROM numbers(1000000)"

    with client.query_row_block_stream(sql) as blocks:
        rows = sum(len(block) for block in blocks)

    assert rows == 1_000_000
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mb < 150  # the result is 208 MB


def test_a_reader_that_leaves_ends_the_query(engine: EmbeddedEngine, client: Any) -> None:
    stream = client.raw_stream("SELECT number FROM numbers(100000000000)", fmt="TSV", settings={"query_id": "gone"})
    stream.read(10)
    stream.close()

    running = "SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'gone'"
    assert any(client.command(running) == 0 for _ in range(200))


def test_sixteen_clients_at_once_get_their_own_answers(engine: EmbeddedEngine) -> None:
    def ask(number: int) -> list[Any]:
        with connect(engine) as client:
            sql = "SELECT {n:UInt32} + number FROM numbers(3)"
            return [client.query(sql, parameters={"n": number + i}).result_rows for i in range(5)]

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(ask, range(0, 1600, 100)))

    assert answers == [[[(n + i + k,) for k in range(3)] for i in range(5)] for n in range(0, 1600, 100)]


def test_the_client_maps_errors(client: Any) -> None:
    with pytest.raises(DatabaseError) as caught:
        client.query("SELECT nope")

    assert caught.value.code == 47
