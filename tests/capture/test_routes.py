import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx2 as httpx
import pytest
from starlette.applications import Starlette
from tests.capture.site import Site
from tests.conftest import PERSONAL_KEY, PROJECT_KEY

from furze.capture.routes import Capture, routes
from furze.events.queue import IngestQueue
from furze.kit.clock import SystemClock

CAPTURE_PATHS = ["/batch", "/e", "/i/v0/e", "/capture", "/track", "/engage"]


def test_an_event_sent_to_any_capture_path_is_stored(server: Site, unique: str) -> None:
    paths = [path + slash for path in CAPTURE_PATHS for slash in ("", "/")]
    for path in paths:
        answer = server.post(path, {"api_key": PROJECT_KEY, "event": path, "distinct_id": unique})
        assert (answer.status_code, answer.json()) == (200, {"status": "Ok"})
    events = server.events(unique, len(paths))
    assert sorted(event["event"] for event in events) == sorted(paths)
    assert json.loads(events[0]["properties"]) == {"$ip": "127.0.0.1"}


def test_what_posthog_js_sends_is_stored(server: Site, unique: str) -> None:
    body = {"event": "$pageview", "properties": {"token": PROJECT_KEY, "distinct_id": unique, "$browser": "Chrome"}}
    packed = gzip.compress(json.dumps(body).encode())
    answer = server.client.post(
        "/e/?ip=0&_=1772618400000&ver=1.2", content=packed, headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 200
    assert server.events(unique, 1)[0]["event"] == "$pageview"
    beacon = {"data": json.dumps({**body, "event": "$pageleave"})}
    assert server.client.post("/e/?beacon=1", data=beacon).status_code == 204
    by_get = {"data": json.dumps({**body, "event": "later"})}
    assert server.client.get("/e/", params=by_get).json() == {"status": "Ok"}
    assert {event["event"] for event in server.events(unique, 3)} == {"$pageview", "$pageleave", "later"}


def test_an_event_sent_twice_is_stored_once(server: Site, unique: str) -> None:
    event = {"event": "buy", "distinct_id": unique, "uuid": str(uuid4())}
    for _ in range(2):
        assert server.post("/batch/", {"api_key": PROJECT_KEY, "batch": [event, event]}).status_code == 200
    server.post("/batch/", {"api_key": PROJECT_KEY, "batch": [{"event": "end", "distinct_id": unique}]})
    assert [event["event"] for event in server.events(unique, 2)] == ["buy", "end"]
    assert len(server.rows("SELECT uuid FROM events WHERE distinct_id = {id:String}", id=unique)) == 2


@pytest.mark.parametrize("path", ["/e/", "/batch/"])
def test_a_key_that_no_project_has_is_refused(server: Site, path: str) -> None:
    answer = server.post(path, {"api_key": "phc_mistyped", "event": "a", "distinct_id": "u"})
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith("text/plain")
    assert "no project has the key 'phc_mistyped'" in answer.text


def test_errors_are_plain_text(server: Site) -> None:
    answer = server.post("/batch/", {"api_key": PROJECT_KEY, "batch": []})
    assert (answer.status_code, answer.text) == (400, "request holds no event")
    broken = server.client.post("/e/", content=b"\x1f\x8b\x08 broken")
    assert broken.status_code == 400
    assert broken.text.startswith("failed to decode request: ")


@pytest.mark.parametrize(("path", "megabytes"), [("/e/", 3), ("/batch/", 21)])
def test_a_body_larger_than_the_path_takes_is_refused(server: Site, path: str, megabytes: int) -> None:
    body = b" " * (megabytes << 20)
    assert server.client.post(path, content=body).status_code == 413
    chunks = (body[start : start + 65536] for start in range(0, len(body), 65536))
    assert server.client.post(path, content=chunks).status_code == 413


def test_a_batch_may_be_larger_than_an_event(server: Site, unique: str) -> None:
    batch = [{"event": "big", "distinct_id": unique, "properties": {"text": "x" * 100_000}} for _ in range(40)]
    assert server.post("/batch/", {"api_key": PROJECT_KEY, "batch": batch}).status_code == 200
    assert len(server.events(unique, 40)) == 40


def test_a_browser_on_another_site_may_send(server: Site) -> None:
    headers = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-custom",
    }
    preflight = server.client.options("/e/", headers=headers)
    assert preflight.is_success
    assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
    assert preflight.headers["access-control-allow-credentials"] == "true"
    assert "x-custom" in preflight.headers["access-control-allow-headers"]
    refused = server.post("/e/", {"event": "a"}, headers={"Origin": "https://shop.example"})
    assert refused.headers["access-control-allow-origin"] == "https://shop.example"
    assert server.client.options("/e/").status_code == 204


def test_events_of_any_age_are_stored_in_one_batch(server: Site, unique: str) -> None:
    start = datetime(1999, 1, 1, tzinfo=UTC)
    batch = [
        {"event": "old", "distinct_id": unique, "timestamp": (start + timedelta(days=31 * month)).isoformat()}
        for month in range(110)
    ]
    sent = {"api_key": PROJECT_KEY, "historical_migration": True, "batch": batch}
    assert server.post("/batch/", sent).status_code == 200
    events = server.events(unique, 110)
    assert events[0]["timestamp"] == start


def test_identify_over_http_leaves_one_person_whose_events_follow(server: Site, unique: str) -> None:
    anon, user = f"anon-{unique}", f"user-{unique}"
    group = {"$group_type": "company", "$group_key": unique, "$group_set": {"name": "Acme"}}
    for batch in (
        [{"event": "view", "distinct_id": anon}, {"event": "view", "distinct_id": user}],
        [
            {
                "event": "$identify",
                "distinct_id": user,
                "$set": {"plan": "pro"},
                "properties": {"$anon_distinct_id": anon},
            }
        ],
        [{"event": "$groupidentify", "distinct_id": f"$company_{unique}", "properties": group}],
    ):
        assert server.post("/batch/", {"api_key": PROJECT_KEY, "batch": batch}).status_code == 200
        server.events(batch[-1]["distinct_id"], 1)
    ids = "SELECT person_id, is_overridden FROM person_distinct_id FINAL WHERE distinct_id = {id:String}"
    server.events(user, 2)
    server.await_rows("SELECT 1 FROM groups FINAL WHERE group_key = {key:String}", 1, key=unique)
    (of_anon,), (of_user,) = server.rows(ids, id=anon), server.rows(ids, id=user)
    assert of_anon == (of_user[0], 1)
    assert of_user[1] == 0
    persons = "SELECT properties, is_identified, is_deleted FROM person FINAL WHERE id = {id:UUID}"
    ((properties, is_identified, is_deleted),) = server.rows(persons, id=of_user[0])
    assert (json.loads(properties), is_identified, is_deleted) == ({"plan": "pro"}, 1, 0)
    gone = server.rows(persons, id=server.events(anon, 1)[0]["person_id"])
    assert gone == [("{}", 0, 1)]


def test_v1_answers_for_every_event(server: Site, unique: str) -> None:
    good, bad = str(uuid4()), str(uuid4())
    now = datetime.now(UTC)
    event = {
        "event": "signup",
        "uuid": good,
        "distinct_id": unique,
        "timestamp": (now + timedelta(hours=2)).isoformat(),
        "session_id": "s1",
        "options": {"process_person_profile": False},
        "properties": {"plan": "pro"},
    }
    headers = {
        "Authorization": f"Bearer {PROJECT_KEY}",
        "PostHog-Sdk-Info": "posthog-python/7.91.1",
        "PostHog-Request-Id": "r-1",
        "PostHog-Request-Timestamp": (now + timedelta(hours=2)).isoformat(),
    }
    body = {"created_at": now.isoformat(), "batch": [event, {**event, "uuid": bad, "timestamp": "yesterday"}]}
    answer = server.client.post(
        "/i/v1/analytics/events",
        content=gzip.compress(json.dumps(body).encode()),
        headers={**headers, "Content-Encoding": "gzip"},
    )
    assert answer.status_code == 200
    assert answer.headers["PostHog-Request-Id"] == "r-1"
    results = answer.json()["results"]
    assert results[good] == {"result": "ok"}
    assert results[bad]["result"] == "drop"
    assert "timestamp" in results[bad]["details"]
    (stored,) = server.events(unique, 1)
    assert abs(stored["timestamp"] - now) < timedelta(minutes=1)
    assert stored["person_mode"] == "propertyless"
    assert json.loads(stored["properties"]) == {
        "$lib": "posthog-python",
        "$lib_version": "7.91.1",
        "$session_id": "s1",
        "$process_person_profile": False,
        "$ip": "127.0.0.1",
        "plan": "pro",
    }


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [({}, {}, 401), ({"Authorization": "Bearer phc_mistyped"}, {"batch": [{}]}, 401)],
)
def test_v1_refuses_a_request_without_a_known_key(
    server: Site, headers: dict[str, str], body: object, status: int
) -> None:
    assert server.client.post("/i/v1/analytics/events", json=body, headers=headers).status_code == status


@pytest.mark.parametrize("body", [{}, {"batch": []}, {"batch": 7}, [], None])
def test_v1_refuses_a_body_that_is_no_batch(server: Site, body: object) -> None:
    headers = {"Authorization": f"Bearer {PROJECT_KEY}"}
    answer = server.client.post("/i/v1/analytics/events", json=body, headers=headers)
    assert answer.status_code == 400


def test_flags_and_configuration_keep_sdks_content(server: Site) -> None:
    flags = server.post("/flags/?v=2", {"api_key": PROJECT_KEY, "distinct_id": "u"}).json()
    assert flags["flags"] == {}
    assert flags["errorsWhileComputingFlags"] is False
    decided = server.post("/decide/?v=3", {"api_key": PROJECT_KEY, "distinct_id": "u"}).json()
    assert (decided["featureFlags"], decided["sessionRecording"]) == ({}, False)
    definitions = server.client.get("/flags/definitions", params={"token": PROJECT_KEY})
    assert definitions.json() == {"flags": [], "group_type_mapping": {}, "cohorts": {}}
    again = server.client.get(
        "/api/feature_flag/local_evaluation/", headers={"If-None-Match": definitions.headers["ETag"]}
    )
    assert again.status_code == 304
    config = server.client.get(f"/array/{PROJECT_KEY}/config").json()
    assert config["autocapture_opt_out"] is False
    assert config["analytics"] == {"endpoint": "/i/v0/e/"}
    script = server.client.get(f"/array/{PROJECT_KEY}/config.js")
    assert script.headers["content-type"].startswith("application/javascript")
    assert f'window._POSTHOG_REMOTE_CONFIG["{PROJECT_KEY}"]={{config:' in script.text


def test_a_token_in_the_configuration_script_stays_text(server: Site) -> None:
    script = server.client.get('/array/"};alert(1)<%2Fscript>/config.js').text
    assert "<" not in script
    assert '"};alert' not in script


async def test_a_full_queue_asks_to_try_again_and_takes_nothing(server: Site, tmp_path: Path) -> None:
    async with IngestQueue(f"sqlite:///{tmp_path / 'queue.db'}", max_events=1) as queue:
        app = Starlette(routes=routes())
        app.state.provided = {Capture: Capture(queue, server.database, SystemClock())}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://furze") as client:
            event = {"api_key": PROJECT_KEY, "event": "a", "distinct_id": "u"}
            assert (await client.post("/batch", json=event)).status_code == 200
            refused = await client.post("/batch", json=event)
        assert refused.status_code == 503
        assert refused.text.startswith("transient error, please retry")
        assert refused.headers["Retry-After"] == "5"
        assert (await queue.backlog()).events == 1


async def test_an_unknown_key_may_be_passed_over(server: Site, tmp_path: Path) -> None:
    async with IngestQueue(f"sqlite:///{tmp_path / 'queue.db'}") as queue:
        app = Starlette(routes=routes())
        capture = Capture(queue, server.database, SystemClock(), accepts_unknown_tokens=True)
        app.state.provided = {Capture: capture}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://furze") as client:
            answer = await client.post("/batch", json={"api_key": "phc_old", "event": "a", "distinct_id": "u"})
        assert answer.status_code == 200
        assert (await queue.backlog()).events == 0


@pytest.mark.parametrize("mount", ["projects", "environments"])
def test_ingestion_warnings_are_listed_by_type(server: Site, unique: str, mount: str) -> None:
    refused = {"event": "$identify", "distinct_id": unique, "properties": {"$anon_distinct_id": "undefined"}}
    server.post("/batch/", {"api_key": PROJECT_KEY, "batch": [refused]})
    server.events(unique, 1)
    path, headers = f"/api/{mount}/1/ingestion_warnings/", {"Authorization": f"Bearer {PERSONAL_KEY}"}
    answer = server.client.get(path, headers=headers)
    assert answer.status_code == 200
    (kind,) = [kind for kind in answer.json() if kind["type"] == "cannot_merge_with_illegal_distinct_id"]
    details = {each["details"]["otherDistinctId"]: each["details"] for each in kind["warnings"]}
    assert details[unique]["illegalDistinctId"] == "undefined"
    assert kind["count"] >= len(kind["warnings"]) >= 1
    assert kind["lastSeen"] >= kind["warnings"][0]["timestamp"]
    assert server.client.get(path).status_code == 401
