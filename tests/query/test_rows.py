"""EventsQuery, ActorsQuery and GroupsQuery over the shared store."""

from datetime import timedelta
from itertools import count

import pytest
from tests.query.world import NOW, World

from furze.platform.errors import InvalidInput

_projects = count(20_000)


@pytest.fixture
def project(world: World) -> int:
    number = next(_projects)
    world.people = world.add(
        number,
        ("see", NOW - timedelta(minutes=3), "ann", {"browser": "Chrome", "company": "acme"}),
        ("buy", NOW - timedelta(minutes=2), "ann", {"price": 5}),
        ("see", NOW - timedelta(minutes=1), "ben", {"browser": "Safari"}),
        ("old", NOW - timedelta(days=3), "ann", {}),
    )
    return number


def names(world: World, project: int, **query) -> list[str]:
    query = {"kind": "EventsQuery", "select": ["event"], **query}
    return [row[0] for row in world.results(project, query)]


def test_events_of_the_last_day_come_newest_first(world, project):
    assert names(world, project) == ["see", "buy", "see"]
    assert names(world, project, after="all") == ["see", "buy", "see", "old"]
    assert names(world, project, after="-10d", before="-1d") == ["old"]


def test_events_are_narrowed_by_name_person_condition_and_property(world, project):
    assert names(world, project, event="buy") == ["buy"]
    assert names(world, project, personId=str(world.people["ben"])) == ["see"]
    assert names(world, project, where=["properties.price > 4", "event != 'see'"]) == ["buy"]
    assert names(world, project, properties=[{"key": "browser", "value": "Safari", "type": "event"}]) == ["see"]
    group = {"key": "$group_key", "value": "acme", "type": "group", "group_type_index": 0}
    assert names(world, project, where=["$group_0 = 'acme'"], event="see") == ["see"]
    assert group["type"] == "group"


def test_a_star_is_an_event_object_and_person_a_person_object(world, project):
    query = {"kind": "EventsQuery", "select": ["*", "person", "properties.price -- Price"], "event": "buy"}
    answer = world.ask(project, query)
    [[event, person, price]] = answer["results"]
    assert (event["event"], event["properties"]["price"], event["distinct_id"]) == ("buy", 5, "ann")
    assert person["distinct_id"] == "ann"
    assert price == "5"
    assert answer["columns"] == query["select"]
    assert len(answer["types"]) == 3


def test_aggregations_group_by_the_other_columns(world, project):
    query = {"kind": "EventsQuery", "select": ["event", "count()"]}
    assert world.results(project, query) == [["see", 2], ["buy", 1]]
    assert world.results(project, query | {"where": ["count() < 2"]}) == [["buy", 1]]


def test_pages_follow_one_another(world, project):
    first = world.ask(project, {"kind": "EventsQuery", "select": ["event"], "limit": 2})
    assert (len(first["results"]), first["hasMore"], first["limit"], first["offset"]) == (2, True, 2, 0)
    assert names(world, project, limit=2, offset=2) == ["see"]


def test_rows_are_ordered_as_asked(world, project):
    assert names(world, project, orderBy=["event ASC", "timestamp"]) == ["buy", "see", "see"]


def test_what_is_not_supported_is_said(world, project):
    with pytest.raises(InvalidInput, match="actionId"):
        names(world, project, actionId=1)


def test_people_are_listed_searched_and_filtered(world):
    [project] = [number for number in world.projects if number == 101]
    answer = world.ask(project, {"kind": "ActorsQuery", "select": ["person", "id"], "orderBy": ["id"]})
    assert len(answer["results"]) == 6
    person, identity = answer["results"][0]
    assert person["id"] == identity
    found = world.results(project, {"kind": "ActorsQuery", "select": ["id"], "search": str(identity)})
    assert found == [[identity]]
    pro = [{"key": "plan", "value": "pro", "operator": "exact", "type": "person"}]
    some = world.results(project, {"kind": "ActorsQuery", "select": ["person"], "properties": pro})
    assert all(row[0]["properties"] == {"plan": "pro"} for row in some)
    source = {"kind": "HogQLQuery", "query": "select person_id from events"}
    behind = world.results(project, {"kind": "ActorsQuery", "select": ["id"], "source": source})
    assert {row[0] for row in behind} <= {event.person for event in world.projects[project]}
