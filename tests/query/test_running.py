"""Queries that are cached, run in the background, are cancelled, or take too much; on a store that tests can watch."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx2 as httpx
import pytest
from tests.conftest import PERSONAL_KEY, PROJECT_KEY, running
from tests.query.world import World

from furze.events.errors import QueryMemoryExceeded
from furze.kit.ids import uuid7
from furze.platform.errors import TimedOut
from furze.query.run import QueryRunner
from furze.query.types import QueryLimits
from furze.settings import Settings

ENDLESS = "select max(cityHash64(a.number, b.number)) from numbers(10000000) a cross join numbers(100000) b"
URL = "/api/projects/1/query/"


@pytest.fixture(scope="module")
def client(world: World, tmp_path_factory) -> Iterator[httpx.Client]:
    """A server of its own over the world's store, as its first user."""
    settings = Settings(
        data=tmp_path_factory.mktemp("server"),
        clickhouse_url=world.engine.url,
        personal_api_key=PERSONAL_KEY,
        project_api_key=PROJECT_KEY,
        query_timeout_seconds=20,
    )
    headers = {"Authorization": f"Bearer {PERSONAL_KEY}"}
    with running(settings) as url, httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
def marked() -> str:
    """A text no other test has used, to find a query by."""
    return uuid7().hex


def hogql(text: str) -> dict[str, str]:
    return {"kind": "HogQLQuery", "query": text}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 15 seconds"
        time.sleep(0.05)


def is_running(world: World, marked: str) -> bool:
    statement = "SELECT count() FROM system.processes WHERE query LIKE {text:String} AND query NOT LIKE '%processes%'"
    return world.now(world.store.query(statement, {"text": f"%{marked}%"})).rows[0][0] > 0


def test_an_answer_is_taken_from_the_cache_until_something_is_stored(world, client, marked):
    query = hogql(f"select count() from events where event = '{marked}'")

    def ask(**more):
        return client.post(URL, json={"query": query, **more}).json()

    first = ask()
    assert (first["results"], first["is_cached"]) == ([[0]], False)
    until(lambda: ask()["is_cached"])
    assert ask()["cache_key"] == first["cache_key"]
    assert ask(refresh="force_blocking")["is_cached"] is False
    world.add(1, (marked, datetime.now(UTC) - timedelta(minutes=1), "ann", {}))
    assert ask(refresh="force_cache")["results"] == [[0]]
    fresh = ask()
    assert (fresh["results"], fresh["is_cached"]) == ([[1]], False)


def test_only_the_cache_is_asked_when_the_caller_wants_nothing_computed(client, marked):
    body = client.post(URL, json={"query": hogql(f"select '{marked}'"), "refresh": "force_cache"}).json()
    assert "results" not in body
    assert body["cache_key"].startswith("cache_")


def test_an_async_query_is_fetched_when_it_is_done(client, marked):
    asked = client.post(URL, json={"query": hogql(f"select '{marked}'"), "refresh": "force_async"})
    assert asked.status_code == 202
    status = asked.json()["query_status"]
    assert (status["team_id"], status["query_async"], status["complete"]) == (1, True, False)
    until(lambda: client.get(f"{URL}{status['id']}/").status_code == 200)
    done = client.get(f"{URL}{status['id']}/").json()["query_status"]
    assert (done["complete"], done["error"]) == (True, False)
    assert done["results"]["results"] == [[marked]]


def test_an_async_query_that_fails_says_so(client):
    asked = client.post(URL, json={"query": hogql("select evnt from events"), "async": True})
    query_id = asked.json()["query_status"]["id"]
    until(lambda: client.get(f"{URL}{query_id}/").status_code != 202)
    found = client.get(f"{URL}{query_id}/")
    assert found.status_code == 400
    assert "evnt" in found.json()["query_status"]["error_message"]


def test_an_unknown_query_is_not_found(client):
    assert client.get(f"{URL}nothing/").status_code == 404
    assert client.delete(f"{URL}nothing/").status_code == 404


@pytest.mark.parametrize("refresh", ["force_async", "force_blocking"])
def test_a_query_is_cancelled_by_its_id(world, client, marked, refresh):
    body = {"query": hogql(f"{ENDLESS} where '{marked}' != ''"), "refresh": refresh, "client_query_id": marked}
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.append(client.post(URL, json=body)))
    asking.start()
    until(lambda: is_running(world, marked))
    assert client.delete(f"{URL}{marked}/").status_code == 200
    until(lambda: not is_running(world, marked))
    asking.join(15)
    assert answers[0].status_code == (202 if refresh == "force_async" else 400)


def test_a_query_ends_when_its_caller_hangs_up(world, client, marked):
    body = {"query": hogql(f"{ENDLESS} where '{marked}' != ''")}
    with pytest.raises(httpx.ReadTimeout):
        client.post(URL, json=body, timeout=httpx.Timeout(10, read=2))
    until(lambda: not is_running(world, marked))


def test_a_query_that_takes_too_long_is_ended(world):
    runner = QueryRunner(world.store, world.clock, limits=QueryLimits(seconds=1))
    with pytest.raises(TimedOut):
        world.now(runner.run_hogql(1, ENDLESS))


def test_a_query_that_needs_too_much_memory_is_refused(world):
    runner = QueryRunner(world.store, world.clock, limits=QueryLimits(memory_bytes=50_000_000))
    with pytest.raises(QueryMemoryExceeded):
        world.now(runner.run_hogql(1, "select length(groupArray(toString(number))) from numbers(10000000)"))


def test_values_of_run_hogql_fill_placeholders(world):
    answer = world.now(world.runner.run_hogql(1, "select {name}", values={"name": "x' or 1"}))
    assert answer["results"] == [["x' or 1"]]
