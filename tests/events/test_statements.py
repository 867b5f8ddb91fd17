import pytest

from furze.events.engine import statements
from furze.events.engine.arrow import END_OF_STREAM, ArrowJoiner


@pytest.mark.parametrize(
    ("sql", "head", "name", "data"),
    [
        (b"INSERT INTO t FORMAT CSV\n1,2", "INSERT INTO t ", "CSV", b"1,2"),
        (b"insert into t (a, `format`) format JSONEachRow {}", "insert into t (a, `format`) ", "JSONEachRow", b"{}"),
        (b"-- why\nINSERT INTO t (format) FORMAT TSV\r\n1", "-- why\nINSERT INTO t (format) ", "TSV", b"1"),
        (
            b"INSERT INTO t SETTINGS x='FORMAT Y' FORMAT Native \n\x00\xff",
            "INSERT INTO t SETTINGS x='FORMAT Y' ",
            "Native",
            b"\x00\xff",
        ),
    ],
)
def test_an_insert_is_cut_where_its_data_begins(sql: bytes, head: str, name: str, data: bytes) -> None:
    insert = statements.parse_insert(sql)

    assert insert is not None
    assert (insert.head, insert.format, sql[insert.data_offset :]) == (head, name, data)


@pytest.mark.parametrize(
    "sql",
    [
        b"SELECT 1 FORMAT CSV",
        b"INSERT INTO t VALUES (1)",
        b"INSERT INTO t FORMAT Values (1)",
        b"INSERT INTO t SELECT 1 FORMAT CSV",
        b"INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x",
        b"",
    ],
)
def test_a_statement_that_brings_no_formatted_data_is_left_whole(sql: bytes) -> None:
    assert statements.parse_insert(sql) is None


@pytest.mark.parametrize(
    ("sql", "word"),
    [(b"select 1", "SELECT"), (b"/* a */ -- b\n ((SELECT 1))", "SELECT"), (b"", ""), (b"-- only", "")],
)
def test_the_first_word_is_found_past_comments_and_parentheses(sql: bytes, word: str) -> None:
    assert statements.first_word(sql) == word


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT 1 FORMAT JSON", "JSON"),
        ("SELECT 1\n format Native ;\n", "Native"),
        ("SELECT 1 FORMAT CSV SETTINGS max_threads = 1", "CSV"),
        ("SELECT 'FORMAT CSV'", "TSV"),
        ("SELECT format FROM t", "TSV"),
    ],
)
def test_the_output_format_is_read_from_the_end(sql: str, name: str) -> None:
    assert statements.output_format(sql, "TSV") == name


def test_settings_are_quoted_and_transport_parameters_left_out() -> None:
    sent = {"query": "x", "database": "d", "param_a": "1", "query_id": "q", "max_threads": "2", "s": "it's \\"}

    assert statements.settings_statement(sent, query_id="q") == (
        "SET log_comment='q', max_threads='2', s='it\\'s \\\\'"
    )
    with pytest.raises(ValueError, match="a=1; DROP"):
        statements.settings_statement({"a=1; DROP": "1"}, query_id="q")


def test_kill_speaks_of_the_callers_query_id() -> None:
    assert statements.rewrite_kill("KILL QUERY WHERE query_id = 'a' ASYNC\n FORMAT TSV") == (
        "KILL QUERY WHERE Settings['log_comment'] = 'a' ASYNC\n FORMAT TSV"
    )
    assert statements.rewrite_kill("SELECT query_id = 'a'") == "SELECT query_id = 'a'"


def test_arrow_chunks_become_one_stream() -> None:
    schema = b"\xff\xff\xff\xff\x08\x00\x00\x00" + b"s" * 8
    joiner = ArrowJoiner()

    joined = joiner.add(schema + b"one" + END_OF_STREAM) + joiner.add(schema + b"two" + END_OF_STREAM)

    assert joined + joiner.add(b"") + joiner.end() == schema + b"onetwo" + END_OF_STREAM
