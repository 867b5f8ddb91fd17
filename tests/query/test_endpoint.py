"""POST query/: what a client sees."""

import pytest
from tests.conftest import Furze

MOUNTS = ("projects", "environments")


def ask(furze: Furze, query: dict, mount: str = "projects", **more):
    return furze.client.post(furze.api("query/", mount), json={"query": query, **more})


def hogql(furze: Furze, text: str, **more):
    return ask(furze, {"kind": "HogQLQuery", "query": text, **more})


@pytest.mark.parametrize("mount", MOUNTS)
def test_a_hogql_query_answers_rows_columns_and_types(furze, mount):
    answer = ask(furze, {"kind": "HogQLQuery", "query": "select 1 as one, 'a' as letter"}, mount)
    assert answer.status_code == 200
    body = answer.json()
    assert body["results"] == [[1, "a"]]
    assert body["columns"] == ["one", "letter"]
    assert body["types"] == [["one", "UInt8"], ["letter", "String"]]
    assert body["hogql"] == "SELECT 1 AS one, 'a' AS letter LIMIT 100"
    assert (body["limit"], body["offset"], body["hasMore"]) == (100, 0, False)


def test_more_rows_than_the_limit_are_announced(furze):
    body = hogql(furze, "select number from numbers(101)").json()
    assert len(body["results"]) == 100
    assert body["hasMore"] is True


def test_no_query_gets_more_than_50_000_rows(furze):
    body = hogql(furze, "select number from numbers(60000) limit 55000").json()
    assert len(body["results"]) == 50_000
    assert body["hasMore"] is True


def test_values_variables_and_filters_fill_placeholders(furze):
    body = hogql(
        furze,
        "select {word}, {variables.size} from events where {filters} and event = 'no such event' "
        "union all select {word}, {variables.size}",
        values={"word": "it's"},
        variables={"1": {"code_name": "size", "variableId": "1", "value": 7}},
        filters={"dateRange": {"date_from": "-1d"}},
    ).json()
    assert body["results"] == [["it's", 7]]


def test_every_type_has_a_json_form(furze):
    text = """select toDecimal('1.5', 2), toDate('2026-01-02'), toDateTime('2026-01-02 03:04:05'), tuple(1, 'a'),
        map('a', 1), [toDate('2026-01-02')], null, 1 / 0, toUUID('01900000-0000-7000-8000-000000000000')"""
    [row] = hogql(furze, text).json()["results"]
    assert row[:2] == [1.5, "2026-01-02"]
    assert row[2].startswith("2026-01-02T03:04:05.000000")
    assert row[3:] == [[1, "a"], {"a": 1}, ["2026-01-02"], None, None, "01900000-0000-7000-8000-000000000000"]


def test_an_error_says_where_it_is(furze):
    answer = hogql(furze, "select evnt from events")
    assert answer.status_code == 400
    body = answer.json()
    assert body["code"] == "hogql_error"
    assert "Did you mean 'event'" in body["detail"]
    assert body["extra"] == {"start": 7, "end": 11}


@pytest.mark.parametrize(
    "text",
    [
        "select * from file('/etc/passwd')",
        "select * from url('http://localhost', 'CSV')",
        "select * from system.parts",
        "select file('/etc/passwd')",
        "insert into events values (1)",
        "select sleep(3)",
    ],
)
def test_nothing_outside_the_project_can_be_reached(furze, text):
    assert hogql(furze, text).status_code == 400


def test_an_unknown_kind_names_those_that_exist(furze):
    answer = ask(furze, {"kind": "HorseQuery"})
    assert answer.status_code == 400
    assert "TrendsQuery" in answer.json()["detail"]
    assert answer.json()["attr"] == "query__kind"


def test_the_kind_may_stand_in_the_path(furze):
    answer = furze.client.post(furze.api("query/HogQLQuery/"), json={"query": {"query": "select 1"}})
    assert answer.json()["results"] == [[1]]


def test_wrappers_answer_as_their_source(furze):
    source = {"kind": "HogQLQuery", "query": "select 1"}
    body = ask(furze, {"kind": "DataTableNode", "source": {"kind": "DataVisualizationNode", "source": source}}).json()
    assert body["results"] == [[1]]


def test_metadata_tells_what_is_wrong_without_running(furze):
    body = ask(furze, {"kind": "HogQLMetadata", "language": "hogQL", "query": "select foo from events"}).json()
    assert body["isValid"] is False
    assert [(error["start"], error["end"]) for error in body["errors"]] == [(7, 10)]


def test_explain_shows_the_plan(furze):
    assert hogql(furze, "select 1", explain=True).json()["explain"]
