"""Property filters, date ranges and `{filters}`."""

from datetime import UTC, datetime

import pytest

from furze.hogql import (
    DateRange,
    HogQLError,
    HogQLFilters,
    ast,
    compile_query,
    filters_to_expression,
    parse_date,
    parse_filter,
    print_hogql,
    property_filter_to_expression,
    resolve_date_range,
)

NOW = datetime(2026, 3, 18, 15, 30, 45, 123456, tzinfo=UTC)


def _count(engine, wire: dict, table: str = "events", **options) -> int:
    condition = property_filter_to_expression(parse_filter(wire), table=table, now=NOW)
    query = ast.SelectQuery((ast.Call("count"),), select_from=ast.JoinExpr(ast.Field((table,))), where=condition)
    [[count]] = engine.ask(query, **options)
    return count


@pytest.mark.parametrize(
    ("wire", "count"),
    [
        ({"key": "$browser", "value": "Chrome"}, 2),
        ({"key": "$browser", "value": ["Chrome", "Safari"], "operator": "exact"}, 3),
        ({"key": "$browser", "value": ["Chrome"], "operator": "is_not"}, 4),
        ({"key": "$browser", "value": ["Chrome", "Safari"], "operator": "is_not"}, 3),
        ({"key": "$browser", "value": ["Chrome"], "operator": "in"}, 2),
        ({"key": "$browser", "value": ["Chrome"], "operator": "not_in"}, 4),
        ({"key": "$browser", "value": "ROM", "operator": "icontains"}, 2),
        ({"key": "$browser", "value": "%", "operator": "icontains"}, 0),
        ({"key": "$browser", "value": "rom", "operator": "not_icontains"}, 4),
        ({"key": "$browser", "value": "^C.*e$", "operator": "regex"}, 2),
        ({"key": "$browser", "value": "^C", "operator": "not_regex"}, 4),
        ({"key": "$browser", "operator": "is_set"}, 4),
        ({"key": "$browser", "value": "is_not_set", "operator": "is_not_set"}, 2),
        ({"key": "price", "value": 20, "operator": "gt"}, 2),
        ({"key": "price", "value": "20", "operator": "gte"}, 3),
        ({"key": "price", "value": 20, "operator": "lt"}, 2),
        ({"key": "price", "value": 20, "operator": "lte"}, 3),
        ({"key": "price", "value": 20, "operator": "min"}, 3),
        ({"key": "price", "value": 20, "operator": "max"}, 3),
        ({"key": "price", "value": [10, 20], "operator": "between"}, 3),
        ({"key": "price", "value": [10, 20], "operator": "not_between"}, 3),
        ({"key": "price", "value": 10}, 1),
        ({"key": "paid", "value": ["true"]}, 2),
        ({"key": "when", "value": "2026-02-01", "operator": "is_date_exact"}, 4),
        ({"key": "when", "value": "-7d", "operator": "is_date_before"}, 4),
        ({"key": "when", "value": "-90d", "operator": "is_date_after"}, 4),
        ({"key": "email", "value": "ann@example.com", "type": "person"}, 4),
        ({"key": "name", "value": "Acme 1", "type": "group", "group_type_index": 0}, 3),
        ({"key": "$session_duration", "value": 0, "operator": "gt", "type": "session"}, 5),
        ({"key": "event", "value": "purchase", "type": "event_metadata"}, 1),
        ({"key": "properties.price > 15", "type": "hogql"}, 3),
        ({"key": "text", "value": ["Buy"], "type": "element"}, 6),
        ({"key": "tag_name", "value": "button", "operator": "is_not", "type": "element"}, 6),
        ({"key": "href", "value": "/x", "operator": "icontains", "type": "element"}, 6),
        ({"type": "OR", "values": [{"key": "price", "value": 10}, {"key": "price", "value": 20}]}, 2),
        ({"type": "AND", "values": []}, 6),
    ],
)
def test_a_property_filter_selects_these_events(engine, wire, count):
    assert _count(engine, wire) == count


def test_a_person_filter_reads_the_persons_table_too(engine):
    assert _count(engine, {"key": "email", "value": "ann@example.com", "type": "person"}, table="persons") == 1
    assert _count(engine, {"key": "seats", "value": 5, "operator": "gt", "type": "group"}, table="groups") == 1
    assert _count(engine, {"key": "$pageview_count", "value": 2, "type": "session"}, table="sessions") == 2


@pytest.mark.parametrize(
    "wire",
    [
        {"key": "id", "value": 1, "type": "cohort"},
        {"key": "x", "value": 1, "operator": "sounds_like"},
        {"key": "x", "value": [1], "operator": "between"},
        {"key": "x", "value": "soon", "operator": "is_date_after"},
        {"key": "x", "value": None, "operator": "gt"},
        {"key": "selector", "value": "a > b", "type": "element"},
        {"value": 1},
    ],
)
def test_a_filter_that_cannot_be_applied_is_refused(wire):
    with pytest.raises(HogQLError):
        property_filter_to_expression(parse_filter(wire), now=NOW)


def test_no_filters_are_true():
    assert print_hogql(filters_to_expression([])) == "true"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-7d", "2026-03-11T15:30:45.123456"),
        ("-24h", "2026-03-17T15:30:45.123456"),
        ("-30M", "2026-03-18T15:00:45.123456"),
        ("-1m", "2026-02-18T15:30:45.123456"),
        ("-1q", "2025-12-18T15:30:45.123456"),
        ("-1y", "2025-03-18T15:30:45.123456"),
        ("dStart", "2026-03-18T00:00:00"),
        ("-1dStart", "2026-03-17T00:00:00"),
        ("-1dEnd", "2026-03-17T23:59:59.999999"),
        ("wStart", "2026-03-16T00:00:00"),
        ("mStart", "2026-03-01T00:00:00"),
        ("-1mStart", "2026-02-01T00:00:00"),
        ("-1mEnd", "2026-02-28T23:59:59.999999"),
        ("qStart", "2026-01-01T00:00:00"),
        ("yStart", "2026-01-01T00:00:00"),
        ("-1yEnd", "2025-12-31T23:59:59.999999"),
        ("hStart", "2026-03-18T15:00:00"),
        ("2026-02-03", "2026-02-03T00:00:00"),
        ("2026-02-03T04:05:06Z", "2026-02-03T04:05:06"),
        ("2026-02-03 04:05:06+02:00", "2026-02-03T02:05:06"),
    ],
)
def test_a_date_is_resolved(text, expected):
    found = parse_date(text, now=NOW, timezone="UTC")
    assert found is not None
    assert found.replace(tzinfo=None).isoformat() == expected


def test_all_and_nothing_are_open():
    assert parse_date("all", now=NOW, timezone="UTC") is None
    assert parse_date(None, now=NOW, timezone="UTC") is None


def test_days_begin_in_the_projects_timezone():
    found = parse_date("dStart", now=datetime(2026, 3, 18, 23, 30, tzinfo=UTC), timezone="Europe/Berlin")
    assert found is not None
    assert found.astimezone(UTC).isoformat() == "2026-03-18T23:00:00+00:00"


def test_a_range_of_days_includes_the_last_day():
    moments = resolve_date_range(DateRange("2026-03-01", "2026-03-02"), now=NOW, timezone="UTC")
    assert moments.end == datetime(2026, 3, 2, 23, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize("text", ["soon", "-d7", "2026-99-01", "-999999y", "7 days"])
def test_what_is_no_date_is_refused(text):
    with pytest.raises(HogQLError):
        parse_date(text, now=NOW, timezone="UTC")


def test_filters_apply_to_the_table_they_stand_in(engine):
    filters = HogQLFilters(DateRange("2026-03-02", "2026-03-04"), (parse_filter({"key": "price", "value": 20}),))
    assert engine.ask("select count() from events where {filters}", filters=filters) == [[1]]
    only_dates = HogQLFilters(DateRange("2026-03-02", "2026-03-04"))
    assert engine.ask("select count() from events e where {filters}", filters=only_dates) == [[3]]
    assert engine.ask("select count() from sessions where {filters}", filters=only_dates) == [[1]]
    assert engine.ask("select count() from events where {filters}") == [[6]]


def test_test_accounts_are_filtered_when_asked(engine):
    accounts = (parse_filter({"key": "email", "value": "ann", "operator": "not_icontains", "type": "person"}),)
    shown = HogQLFilters(test_account_filters=accounts)
    hidden = HogQLFilters(test_account_filters=accounts, filter_test_accounts=True)
    assert engine.ask("select count() from events where {filters}", filters=shown) == [[6]]
    assert engine.ask("select count() from events where {filters}", filters=hidden) == [[2]]


def test_one_end_of_the_range_can_be_used_by_itself(engine):
    ask = (
        "select count() from events where timestamp >= {filters.dateRange.from} and timestamp < {filters.dateRange.to}"
    )
    assert engine.ask(ask, filters=HogQLFilters(DateRange("2026-03-05"))) == [[2]]
    assert engine.ask(ask) == [[6]]


def test_filters_need_a_table_they_know():
    with pytest.raises(HogQLError, match="filters"):
        compile_query("select 1 from (select 1) where {filters}", team_id=1, filters=HogQLFilters(DateRange("-7d")))
