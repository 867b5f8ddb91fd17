"""The released posthog-python, unmodified."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from posthog import Posthog
from tests.capture.site import Site
from tests.conftest import PROJECT_KEY

from furze.identity import store as identities
from furze.identity.types import Person


@pytest.fixture(params=["v0", "v0 gzip", "v1"])
def sdk(server: Site, request: pytest.FixtureRequest) -> Iterator[tuple[Posthog, list[Any]]]:
    """A client, and the failures it reports."""
    failures: list[Any] = []
    client = Posthog(
        PROJECT_KEY,
        host=server.url,
        on_error=lambda error, batch: failures.append((error, batch)),
        gzip="gzip" in request.param,
        capture_mode=request.param.split(" ")[0],
        debug=False,
    )
    yield client, failures
    client.shutdown()


def person_of(server: Site, distinct_id: str) -> Person:
    person = server.database.read_now(identities.get_person_by_distinct_id, 1, distinct_id)
    assert person is not None
    return person


def test_what_python_captures_comes_back(server: Site, unique: str, sdk: tuple[Posthog, list[Any]]) -> None:
    client, failures = sdk
    anon, user, other = (f"{name}-{unique}" for name in ("anon", "user", "other"))
    bought_at = datetime.now(UTC) - timedelta(days=2)
    client.capture("view", distinct_id=anon, properties={"page": "/", "nested": {"list": [1, "zwei", None]}})
    client.capture("buy", distinct_id=user, properties={"price": 9.5}, timestamp=bought_at, groups={"company": unique})
    client.set(distinct_id=user, properties={"email": "ann@shop.example"})
    client.set_once(distinct_id=user, properties={"source": "ads"})
    client.alias(previous_id=anon, distinct_id=user)
    client.group_identify("company", unique, {"name": "Acme"})
    client.capture("personless", distinct_id=other, properties={"$process_person_profile": False})
    client.capture_exception(ValueError("out of stock"), distinct_id=user)
    client.flush()

    (view,) = server.events(anon, 1)[:1]
    properties = json.loads(view["properties"])
    assert properties["page"] == "/"
    assert properties["nested"] == {"list": [1, "zwei", None]}
    assert properties["$lib"] == "posthog-python"
    events = {event["event"]: event for event in server.events(user, 4)}
    assert {"buy", "$set", "$exception"} <= set(events)
    assert abs(events["buy"]["timestamp"] - bought_at) < timedelta(seconds=30)
    server.events(other, 1)
    person = person_of(server, anon)
    assert set(person.distinct_ids) == {anon, user}
    assert person.properties == {"email": "ann@shop.example", "source": "ads"}
    group = server.await_rows("SELECT group_properties FROM groups FINAL WHERE group_key = {key:String}", 1, key=unique)
    assert json.loads(group[0][0]) == {"name": "Acme"}
    assert server.database.read_now(identities.get_person_by_distinct_id, 1, other) is None
    assert failures == []
    asked = server.ask(
        "SELECT DISTINCT person_id, person.properties.email FROM events WHERE event IN ('view', 'buy') AND "
        "distinct_id IN {ids}",
        ids=[anon, user],
    )
    assert {row[0] for row in asked} == {str(person.uuid)}
    assert server.ask("SELECT properties.email FROM persons WHERE id = {id}", id=str(person.uuid)) == [
        ["ann@shop.example"]
    ]


def test_python_finds_no_flags_and_no_fault(
    server: Site, unique: str, sdk: tuple[Posthog, list[Any]], caplog: pytest.LogCaptureFixture
) -> None:
    client, failures = sdk
    with caplog.at_level(logging.WARNING):
        assert client.get_all_flags(unique) == {}
    assert failures == []
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_python_hears_of_a_mistyped_key(server: Site) -> None:
    failures: list[Any] = []
    client = Posthog("phc_mistyped", host=server.url, on_error=lambda error, _batch: failures.append(error))
    client.capture("view", distinct_id="u")
    client.flush()
    client.shutdown()
    assert len(failures) == 1
    assert failures[0].status == 401
