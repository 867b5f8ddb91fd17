"""Every query of the corpus parses, compiles, runs on the engine, and survives being printed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from furze.hogql import DateRange, HogQLFilters, PropertyFilter, parse_select, print_hogql


def _corpus() -> list[str]:
    text = Path(__file__).with_name("corpus.sql").read_text(encoding="utf-8")
    queries: list[str] = []
    for line in text.splitlines():
        if line.startswith((" ", "\t")):
            queries[-1] += "\n" + line
        elif line.strip():
            queries.append(line)
    return queries


CORPUS = _corpus()
OPTIONS = {
    "variables": {"event_name": "purchase"},
    "values": {"names": ["$pageview", "x"], "rows": 5},
    "filters": HogQLFilters(DateRange("2026-03-01", "2026-03-31"), (PropertyFilter("$browser", "Chrome"),)),
    "now": datetime(2026, 3, 10, tzinfo=UTC),
}


def test_the_corpus_is_large():
    assert len(CORPUS) >= 120


@pytest.mark.parametrize("query", CORPUS)
def test_a_query_of_the_corpus_runs(engine, query):
    engine.ask(query, **OPTIONS)


@pytest.mark.parametrize("query", CORPUS)
def test_a_query_of_the_corpus_runs_in_another_timezone_with_declared_types(engine, query):
    types = {"event": {"price": "Numeric", "paid": "Boolean", "when": "DateTime", "$browser": "String"}}
    engine.ask(query, timezone="Europe/Berlin", property_types=types, **OPTIONS)


@pytest.mark.parametrize("query", CORPUS)
def test_a_query_of_the_corpus_prints_as_text_that_parses_to_the_same_tree(query):
    tree = parse_select(query)
    assert parse_select(print_hogql(tree)) == tree
