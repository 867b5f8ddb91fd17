"""The queries behind the tiles of a profile: sessions, usage metrics, traces, issues."""

from datetime import timedelta
from itertools import count

import pytest
from tests.query.world import NOW, World

from furze.platform.errors import InvalidInput
from furze.query.kinds.usage_metrics import UsageMetric
from furze.query.run import ProjectFacts, QueryRunner

_projects = count(10_000)


@pytest.fixture
def project() -> int:
    return next(_projects)


def minutes_ago(minutes: float):
    return NOW - timedelta(minutes=minutes)


def test_events_are_put_together_by_session_and_else_by_pauses(world: World, project):
    people = world.add(
        project,
        ("loose", minutes_ago(300), "ann", {}),
        ("loose", minutes_ago(280), "ann", {}),
        ("open", minutes_ago(100), "ann", {"$session_id": "s1"}),
        ("loose", minutes_ago(90), "ann", {}),
        ("close", minutes_ago(20), "ann", {"$session_id": "s1"}),
        ("open", minutes_ago(10), "ben", {"$session_id": "s2"}),
    )
    results = world.results(project, {"kind": "SessionsTimelineQuery", "personId": str(people["ann"])})
    found = [(visit["sessionId"], [event["event"] for event in visit["events"]]) for visit in results]
    assert found == [("s1", ["close", "open"]), (None, ["loose"]), (None, ["loose", "loose"])]


def test_a_usage_metric_is_compared_with_the_interval_before(world: World, project):
    people = world.add(
        project,
        ("pay", NOW - timedelta(days=1), "ann", {"amount": 30}),
        ("pay", NOW - timedelta(days=8), "ann", {"amount": 20}),
        ("pay", NOW - timedelta(days=15), "ann", {"amount": 1000}),
        ("pay", NOW - timedelta(days=1), "ben", {"amount": 7}),
        ("see", NOW - timedelta(days=2), "ann", {}),
    )
    filters = {"events": [{"id": "pay"}]}

    async def facts(_project_id: int) -> ProjectFacts:
        return ProjectFacts(
            usage_metrics=(
                UsageMetric("1", "Revenue", "currency", 7, "number", filters, "sum", "amount"),
                UsageMetric("2", "Visits", filters={"events": [{"id": "see"}]}),
            )
        )

    runner = QueryRunner(world.store, world.clock, facts=facts)
    answer = world.now(runner.run(project, {"kind": "UsageMetricsQuery", "person_id": str(people["ann"])}))
    visits, revenue = answer["results"]
    assert (revenue["value"], revenue["previous"], revenue["change_from_previous_pct"]) == (30, 20, 50)
    assert (visits["name"], visits["value"], visits["change_from_previous_pct"]) == ("Visits", 1, None)
    with pytest.raises(InvalidInput):
        world.now(runner.run(project, {"kind": "UsageMetricsQuery"}))


def test_traces_sum_up_what_models_cost(world: World, project):
    world.add(
        project,
        ("$ai_trace", minutes_ago(9), "ann", {"$ai_trace_id": "t1", "$ai_span_name": "chat"}),
        ("$ai_generation", minutes_ago(8), "ann", {
            "$ai_trace_id": "t1", "$ai_input_tokens": 10, "$ai_output_tokens": 5, "$ai_total_cost_usd": 0.5,
            "$ai_latency": 1.5,
        }),
        ("$ai_generation", minutes_ago(7), "ann", {
            "$ai_trace_id": "t1", "$ai_input_tokens": 1, "$ai_output_tokens": 2, "$ai_total_cost_usd": 0.25,
            "$ai_latency": 0.5, "$ai_is_error": True,
        }),
        ("$ai_generation", minutes_ago(3), "ben", {"$ai_trace_id": "t2", "$ai_input_tokens": 7}),
    )  # fmt: skip
    newest, oldest = world.results(project, {"kind": "TracesQuery"})
    assert (newest["id"], newest["inputTokens"], newest["person"]["distinct_id"]) == ("t2", 7, "ben")
    assert (oldest["id"], oldest["traceName"], oldest["errorCount"]) == ("t1", "chat", 1)
    assert (oldest["inputTokens"], oldest["outputTokens"], oldest["totalCost"], oldest["totalLatency"]) == (
        11, 7, 0.75, 2.0,
    )  # fmt: skip
    assert [event["event"] for event in oldest["events"]] == ["$ai_trace", "$ai_generation", "$ai_generation"]
    [one] = world.results(project, {"kind": "TraceQuery", "traceId": "t2"})
    assert one["id"] == "t2"


def test_exceptions_with_one_fingerprint_are_one_issue(world: World, project):
    def crash(kind: str, minutes: float, whose: str, **more):
        content = {"$exception_list": [{"type": kind, "value": "it broke"}], "$session_id": f"s-{whose}", **more}
        return "$exception", minutes_ago(minutes), whose, content

    people = world.add(
        project,
        crash("ValueError", 50, "ann"),
        crash("ValueError", 40, "ann"),
        crash("ValueError", 30, "ben"),
        crash("KeyError", 20, "ben", **{"$exception_fingerprint": "abc"}),
    )
    query = {"kind": "ErrorTrackingQuery", "dateRange": {"date_from": "-1d"}, "volumeResolution": 2}
    newest, oldest = world.results(project, query)
    assert (newest["name"], newest["fingerprint"], newest["description"]) == ("KeyError", "abc", "it broke")
    aggregations = oldest["aggregations"]
    assert (aggregations["occurrences"], aggregations["sessions"], aggregations["users"]) == (3, 2, 2)
    assert sum(aggregations["volumeRange"]) == 3
    [mine] = world.results(project, query | {"personId": str(people["ann"])})
    assert mine["aggregations"]["occurrences"] == 2
    assert [issue["name"] for issue in world.results(project, query | {"searchQuery": "KeyErr"})] == ["KeyError"]
    assert mine["id"] == oldest["id"]


def test_a_group_is_named_by_key_and_type(world: World, project):
    world.add(
        project,
        ("$exception", minutes_ago(5), "ann", {"company": "acme", "$exception_type": "A"}),
        ("$exception", minutes_ago(5), "ben", {"company": "hooli", "$exception_type": "B"}),
    )
    query = {"kind": "ErrorTrackingQuery", "groupKey": "acme", "groupTypeIndex": 0}
    assert [issue["name"] for issue in world.results(project, query)] == ["A"]
    with pytest.raises(InvalidInput, match="type index"):
        world.results(project, {"kind": "ErrorTrackingQuery", "groupKey": "acme"})
