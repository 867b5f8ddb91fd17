"""Properties of the parser and printer over generated queries."""

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from furze.hogql import HogQLError, ast, compile_query, parse_expression, parse_select, print_hogql
from furze.hogql.functions import FUNCTIONS
from furze.hogql.printer import print_statement

names = st.one_of(
    st.sampled_from(
        ["event", "properties", "$browser", "a", "select", "from", "interval", "case", "not", "f", "null", "x y"]
    ),
    st.text(string.ascii_letters + "$_`'\\ .{}-\n☂", min_size=1, max_size=6),
)
texts = st.text(max_size=8)
constants = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False, allow_infinity=False), texts
).map(ast.Constant)
fields = st.lists(names, min_size=1, max_size=3).map(lambda parts: ast.Field(tuple(parts)))
operators = st.sampled_from(
    ["=", "!=", "<", ">=", "like", "not ilike", "in", "not in", "=~", "!~*", "is distinct from"]
)


def _compound(inner: st.SearchStrategy) -> st.SearchStrategy:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    any_number = st.lists(inner, max_size=3).map(tuple)
    order = st.builds(ast.OrderExpr, inner, st.sampled_from(["ASC", "DESC"]), st.sampled_from([None, "FIRST", "LAST"]))
    orders = st.lists(order, max_size=2).map(tuple)
    window = st.builds(ast.WindowExpr, any_number, orders)
    call = st.builds(
        ast.Call,
        st.sampled_from(["count", "if", "left", "any", "concat", "my func"]),
        any_number,
        st.none() | any_number,
    )
    select = st.builds(
        ast.SelectQuery,
        select=st.lists(inner | st.builds(ast.Alias, names, inner), min_size=1, max_size=3).map(tuple),
        distinct=st.booleans(),
        select_from=st.none() | st.builds(ast.JoinExpr, fields, alias=st.none() | names),
        where=st.none() | inner,
        group_by=any_number,
        having=st.none() | inner,
        order_by=orders,
        limit=st.none() | st.integers(0, 9).map(ast.Constant),
        offset=st.none() | st.integers(0, 9).map(ast.Constant),
    )
    return st.one_of(
        st.builds(ast.ArithmeticOperation, inner, inner, st.sampled_from(["+", "-", "*", "/", "%"])),
        st.builds(ast.CompareOperation, inner, inner, operators),
        several.map(ast.And),
        several.map(ast.Or),
        st.builds(ast.Not, inner),
        st.builds(ast.BetweenExpr, inner, inner, inner, st.booleans()),
        any_number.map(ast.Tuple),
        any_number.map(ast.Array),
        st.lists(st.tuples(inner, inner), max_size=2).map(tuple).map(ast.Dict),
        st.builds(ast.Lambda, st.lists(names, max_size=2).map(tuple), inner),
        st.builds(ast.TupleAccess, inner, st.integers(1, 9)),
        st.builds(ast.ArrayAccess, inner, inner),
        st.builds(ast.TypeCast, inner, st.sampled_from(["Int", "Nullable(String)", "DateTime64(6, 'UTC')"])),
        st.builds(ast.Case, st.lists(st.tuples(inner, inner), min_size=1, max_size=2).map(tuple), st.none() | inner),
        inner.map(ast.Placeholder),
        call,
        st.builds(ast.WindowFunction, call, window),
        select,
    )


expressions = st.recursive(constants | fields, _compound, max_leaves=12)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(expressions)
def test_what_is_printed_parses_and_prints_the_same_again(tree):
    # The generated tree may say `a['b']` where the parser says `a.b`: the parsed tree is the one that lasts.
    parsed = parse_expression(print_hogql(tree))
    printed = print_hogql(parsed)
    assert parse_expression(printed) == parsed
    assert print_hogql(parse_expression(printed)) == printed


_WORDS = [
    "select", "from", "where", "group by", "order by", "limit", "with", "as", "union all", "join", "on", "events",
    "persons", "sessions", "event", "properties", "timestamp", "person", ".", ",", "(", ")", "[", "]", "{", "}", "*",
    "=", "in", "not", "and", "or", "is null", "between", "case", "when", "then", "else", "end", "interval", "1", "1.5",
    "'x'", "f'{", "}'", "`a`", "count", "sum", "toDate", "over", "partition by", "->", "?", ":", "::", "Int", "??", "-",
    "distinct", "array join", "sample", "using", "filters", "variables", "x", ";", "settings", "columns", "except",
]  # fmt: skip


def _check(error: HogQLError, text: str) -> None:
    assert error.message
    assert error.start is None or 0 <= error.start <= error.end <= len(text)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(_WORDS), max_size=25).map(" ".join))
def test_any_sequence_of_words_compiles_or_is_an_error_with_a_message(words):
    for text in (words, f"select {words}", f"select event from events where {words}"):
        try:
            compile_query(text, team_id=1)
        except HogQLError as error:
            _check(error, text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_parses_or_is_an_error(text):
    for parse in (parse_select, parse_expression):
        try:
            parse(text)
        except HogQLError as error:
            _check(error, text)


@pytest.mark.parametrize("order", [range(400), reversed(range(400))])
def test_a_chain_of_aliases_compiles_or_is_an_error(order):
    aliases = ", ".join(f"a{i + 1} + 1 as a{i}" for i in order)
    try:
        compile_query(f"select 1 as a400, {aliases}", team_id=1)
    except HogQLError as error:
        _check(error, "")


def test_every_function_of_the_whitelist_exists_in_the_engine(engine):
    rows = engine.run("SELECT name, lower(name), case_insensitive FROM system.functions")
    known = {name for name, _, _ in rows} | {lower for _, lower, folded in rows if folded}
    used = {function.engine_name for function in FUNCTIONS.values()} - {
        "toInt", "toFloat", "toDecimal", "toDateTimeUS", "dateAdd", "date_add", "dateSub", "date_sub", "sortableSemVer",
        "sparkline", "recordingButton", "exists", "current_date", "timestampAdd", "timestampSub",
    }  # fmt: skip
    assert sorted(name for name in used if name not in known and name.lower() not in known) == []


def test_a_statement_prints_without_parentheses():
    assert print_statement(parse_select("select 1")) == "SELECT 1"
