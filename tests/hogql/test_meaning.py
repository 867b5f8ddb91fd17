"""What queries mean: identity merges, types, NULL, time zones, sessions, limits."""

from datetime import UTC, datetime

import pytest

from furze.events.schema import property_text
from furze.hogql import HogQLError, compile_query, metadata
from furze.hogql.typed import json_text

ANN = "01890000-0000-7000-8000-000000000001"


def test_a_merged_persons_events_carry_the_merged_person(engine):
    assert engine.ask("select distinct person_id from events where distinct_id = 'ann'") == [[ANN]]
    assert engine.ask("select distinct person.id from events where distinct_id = 'ann'") == [[ANN]]
    assert engine.ask(f"select count() from events where person_id = '{ANN}'") == [[4]]


def test_the_merge_table_is_read_only_when_a_person_id_is_asked_for():
    assert "person_distinct_id" not in compile_query("select event, person.properties.email from events", team_id=1).sql
    assert "person_distinct_id" in compile_query("select person_id from events", team_id=1).sql


def test_person_properties_are_those_at_the_time_of_the_event(engine):
    rows = engine.ask("select person.properties.age from events order by timestamp limit 2")
    assert rows == [["31"], ["32"]]
    assert engine.ask("select distinct pdi.person.properties.age from events") == [["40"]]


def test_deleted_persons_and_old_versions_are_not_shown(engine):
    rows = engine.ask("select id, last_seen_at from persons order by id")
    assert [row[0][-1] for row in rows] == ["1", "2"]
    assert all(str(row[1]).startswith("2026-03-06") for row in rows)


def test_a_property_compares_with_a_number_as_a_number(engine):
    assert engine.ask("select count() from events where properties.price > 9") == [[5]]
    assert engine.ask("select count() from events where properties.price = 12.5") == [[1]]
    assert engine.ask("select sum(properties.price), max(toFloat(properties.price)) from events") == [[112.5, 40]]
    assert engine.ask("select count() from events where properties.price in (10, 12.5)") == [[2]]


def test_a_declared_type_decides(engine):
    types = {"event": {"price": "Numeric", "paid": "Boolean", "when": "DateTime"}}
    ask = "select max(properties.price), countIf(properties.paid), min(properties.when) < now() from events"
    assert engine.ask(ask, property_types=types) == [[40, 2, True]]
    assert engine.ask("select count() from events where properties.price = '12.5'", property_types=types) == [[1]]


def test_an_absent_property_is_null_and_differs_from_every_value(engine):
    assert engine.ask("select properties.nothing from events limit 1") == [[None]]
    assert engine.ask("select count() from events where properties.$browser != 'Chrome'") == [[4]]
    assert engine.ask("select count() from events where properties.$browser not in ('Chrome')") == [[4]]
    assert engine.ask("select count() from events where not properties.$browser = 'Chrome'") == [[4]]
    assert engine.ask("select count() from events where properties.$browser not like 'C%'") == [[4]]
    assert engine.ask("select count() from events where properties.$browser = null") == [[2]]
    assert engine.ask("select count() from events where properties.nothing = properties.nada") == [[6]]


def test_a_flag_can_be_a_condition(engine):
    assert engine.ask("select count() from events where properties.paid") == [[2]]
    assert engine.ask("select count() from events where properties.paid = true") == [[2]]
    assert engine.ask("select count() from events where properties.paid = false") == [[2]]
    assert engine.ask("select countIf(properties.paid) from events") == [[2]]


def test_nested_properties_are_read_by_dots_brackets_and_positions(engine):
    assert engine.ask(
        "select properties.nested.a.b, properties['nested'].a, properties.tags[2] from events limit 1"
    ) == [["1", '{"b":1}', "y"]]


def test_properties_are_read_through_subqueries(engine):
    ask = "select p.nested.a.b from (select properties as p from events order by timestamp) limit 1"
    assert engine.ask(ask) == [["1"]]
    assert engine.ask("select count() from (select properties.price as price from events) where price >= 20") == [[3]]


def test_a_materialised_property_is_read_from_its_column():
    sql = compile_query("select properties.$browser from events", team_id=1).sql
    assert "mat_$browser" in sql
    assert "JSONExtract" not in sql


def test_properties_are_extracted_as_the_schema_does_it():
    assert json_text("properties", ("a b", "c'd\\")) == property_text("properties", "a b", "c'd\\")


def test_days_are_the_projects_days(engine):
    ask = "select toDate(timestamp) as day, count() from events group by day order by day desc limit 1"
    assert engine.ask(ask) == [["2026-03-05", 2]]
    assert engine.ask(ask, timezone="Asia/Tokyo") == [["2026-03-06", 1]]
    assert engine.ask("select count() from events where timestamp >= '2026-03-06'", timezone="Asia/Tokyo") == [[1]]
    assert engine.ask("select count() from events where timestamp >= '2026-03-06'") == [[0]]


def test_a_comparison_of_timestamps_can_use_the_tables_order():
    sql = compile_query("select 1 from events where timestamp > '2026-01-01'", team_id=1, timezone="Asia/Tokyo").sql
    assert "greater(`events`.`timestamp`, parseDateTime64BestEffort({hogql_val_0:String}, 6, 'Asia/Tokyo'))" in sql


def test_the_primary_key_is_used_through_the_guard(engine):
    compiled = compile_query(
        "select event from events where timestamp > '2026-03-04' and event = 'purchase'", team_id=1
    )
    plan = str(engine.run("EXPLAIN indexes = 1 " + compiled.sql, compiled.parameters))
    assert "team_id" in plan
    assert "toDate(timestamp)" in plan
    assert "'event'" in plan or "event" in plan


def test_sessions_are_computed_from_events(engine):
    rows = engine.ask(
        "select session_id, $pageview_count, $autocapture_count, $entry_pathname, $exit_pathname, $channel_type "
        "from sessions order by session_id"
    )
    assert rows == [["s1", 2, 0, "/", "/pricing", "Unknown"], ["s2", 2, 1, "/docs", "/signup", "Unknown"]]
    assert engine.ask("select session.$entry_pathname from events order by timestamp limit 1") == [["/"]]
    assert engine.ask("select session.$start_timestamp, session.$is_bounce from events where event = 'purchase'") == [
        [None, None]
    ]


def test_a_groups_properties_join_on_demand(engine):
    rows = engine.ask("select group_0.properties.name, count() as n from events group by 1 order by n desc, 1")
    assert rows == [["Acme 1", 3], [None, 3]]
    by_name = engine.ask("select company.properties.seats from events limit 1", group_types={"company": 0})
    assert by_name == [["7"]]


def test_lag_beyond_the_first_row_is_null(engine):
    rows = engine.ask("select lag(event) over (order by timestamp) from events order by timestamp limit 2")
    assert rows == [[None], ["$pageview"]]


def test_a_query_without_a_limit_gets_one_and_a_large_one_is_capped():
    assert compile_query("select event from events", team_id=1).limit == 100
    assert compile_query("select event from events limit 99999999", team_id=1).limit == 50_000
    compiled = compile_query("select event from events limit 10 offset 20", team_id=1, probe_more=True)
    assert (compiled.limit, compiled.offset) == (10, 20)
    assert compiled.sql.endswith("LIMIT 20, 11")
    assert compiled.hogql.endswith("LIMIT 10 OFFSET 20")


def test_a_union_is_capped_too(engine):
    rows = engine.ask("select number from numbers(80) union all select number from numbers(80)", limit_max=100)
    assert len(rows) == 100


def test_columns_are_named_by_alias_field_or_expression():
    compiled = compile_query(
        "select event as e, properties.$browser, count(), person.properties.email from events", team_id=1
    )
    assert compiled.columns == ("e", "$browser", "count()", "email")
    assert compiled.tables == ("events",)


def test_an_error_points_at_the_words_it_is_about():
    text = "select event, fooBar(1) from events"
    with pytest.raises(HogQLError, match=r"fooBar") as caught:
        compile_query(text, team_id=1)
    assert text[caught.value.start : caught.value.end] == "fooBar(1)"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select evnt from events", "Did you mean 'event'"),
        ("select browser from events", "properties.browser"),
        ("select * from event", "Did you mean 'events'"),
        ("select toStartOfMonht(timestamp) from events", "Did you mean 'toStartOfMonth'"),
        ("select toStartOfDay() from events", "expects 1 to 2 arguments, found 0"),
        ("select id from persons p join (select 1 as id) x on p.id = x.id", "Ambiguous field 'id'"),
        ("select event from events where timestamp > 'yesterday'", "'yesterday' is no date"),
        ("select dateTrunc('fortnight', timestamp) from events", "no unit of time"),
        ("select", "the end of the query"),
        ("select event from events where event = 'x", "does not end"),
        ("select event from events where (event = 'x'", "expected ')'"),
        ("select {nothing}", "{nothing} has no value"),
        ("select row_number() from events", "needs OVER"),
        ("select 1 over x", "expected the end"),
        ("select a from (select 1 as a union all select 1, 2)", "1 and 2 columns"),
        ("select 5 from values (1, 2), (3)", "same number of columns"),
        ("select sum(1) over nothing from events", "no window called"),
    ],
)
def test_an_error_says_what_to_do(query, message):
    with pytest.raises(HogQLError) as caught:
        compile_query(query, team_id=1)
    assert message in caught.value.message
    assert caught.value.start is not None


@pytest.mark.parametrize(
    "text",
    [
        "(" * 500 + "1" + ")" * 500,
        "[" * 500,
        "1" + "+1" * 5000,
        "not " * 5000 + "1",
        "-" * 1 + "- " * 5000 + "1",
        "if(1, 2, " * 300 + "1" + ")" * 300,
        "x -> " * 3000 + "1",
        "a ? " * 1000 + "1",
        "f'{" * 200 + "1" + "}'" * 200,
        "a" + ".b" * 20000,
        "a" + "[1]" * 10000,
        "a" + "::Int" * 5000,
        "case when 1 then " * 200 + "1" + " end" * 200,
        "(select " * 200 + "1" + ")" * 200,
        "countIf" + "If" * 10000 + "(1)",
        "'" * 60001,
        "/*" * 20000,
        "x" * 70000,
    ],
)
def test_deep_or_long_text_is_an_error_and_never_a_crash(text):
    with pytest.raises(HogQLError):
        compile_query(f"select {text}", team_id=1)


def test_a_with_that_multiplies_itself_is_stopped():
    steps = ", ".join(f"a{i + 1} as (select * from a{i} union all select * from a{i})" for i in range(30))
    query = f"with a0 as (select 1 as x), {steps} select * from a30"
    assert len(compile_query(query, team_id=1).sql) < 20_000


def test_a_condition_of_two_thousand_parts_compiles():
    condition = " or ".join(f"event = 'e{i}'" for i in range(2000))
    assert len(compile_query(f"select count() from events where {condition}", team_id=1).parameters) == 2000


def test_metadata_tells_whether_a_text_compiles():
    good = metadata("select event from events")
    assert (good.is_valid, good.table_names) == (True, ("events",))
    large = metadata("select event from events final limit 1000000")
    assert [warning.message[:5] for warning in large.warnings] == ["FINAL", "At mo"]
    bad = metadata("select nope( from events")
    assert not bad.is_valid
    assert bad.errors[0].start == len("select nope( ")
    assert metadata("properties.$browser = 'x'", is_expression=True).is_valid
    assert not metadata("properties.$browser = ", is_expression=True).is_valid


def test_placeholders_take_values_lists_dates_and_trees(engine):
    values = {"events": ["purchase"], "since": datetime(2026, 3, 1, tzinfo=UTC), "missing": None}
    ask = "select count() from events where event in {events} and timestamp > {since} and properties.x = {missing}"
    assert engine.ask(ask, values=values) == [[1]]
