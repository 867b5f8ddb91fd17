"""Nobody meets a row of a project they are no member of, on any route, with any id in any place."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from tests.conftest import PERSONAL_KEY, PROJECT_KEY, Furze, both_databases

from furze.database import Database
from furze.kit.clock import SystemClock
from furze.platform import store
from furze.platform.keys import hash_key, mask_key, new_personal_key, new_project_token
from furze.platform.routing import Endpoint
from furze.platform.types import PersonalApiKey
from furze.server import SLICES

pytestmark = both_databases

ENDPOINTS = [endpoint for slice_ in SLICES for endpoint in slice_.declared if endpoint.in_project]
PATH_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")


@dataclass
class Side:
    """A project with rows of every kind, each with a text in it that is found nowhere else."""

    project_id: int
    secret: str
    client: httpx.Client
    token: str
    ids: dict[str, str]

    def api(self, path: str) -> str:
        return f"/api/projects/{self.project_id}/{path}"


@pytest.fixture
def ours(furze: Furze, unique: str) -> Iterator[Side]:
    """The first project."""
    with client_of(furze, PERSONAL_KEY) as client:
        yield filled(furze, Side(1, "ours" + unique, client, PROJECT_KEY, {}))


@pytest.fixture
def theirs(furze: Furze, unique: str) -> Iterator[Side]:
    """A project of another organisation, with a user of its own."""
    key, token, now = new_personal_key(), new_project_token(), SystemClock().now()
    database = Database(furze.settings.resolved_database_url)
    user = database.write_now(store.create_user, email=f"{unique}@example.com", first_name="They", now=now)
    organization = database.write_now(store.create_organization, name=unique, owner_id=user.id, now=now)
    project = database.write_now(
        store.create_project, organization_id=organization.id, name="Theirs", api_token=token, now=now
    )
    database.write_now(store.set_current_project, user.id, project.id)
    row = PersonalApiKey(
        id=uuid4().hex, user_id=user.id, label="theirs", mask_value=mask_key(key), scopes=("*",), scoped_projects=(),
        scoped_organizations=(), created_at=now, last_used_at=None, last_rolled_at=None,
    )  # fmt: skip
    database.write_now(store.create_key, key=row, secure_value=hash_key(key))
    database.close()
    with client_of(furze, key) as client:
        yield filled(furze, Side(project.id, "theirs" + unique, client, token, {}))


def client_of(furze: Furze, key: str) -> httpx.Client:
    return httpx.Client(base_url=furze.url, headers={"Authorization": f"Bearer {key}"}, timeout=60)


def filled(furze: Furze, side: Side) -> Side:
    """The project with its rows; `ids` has one of each kind by the name that paths give it."""
    secret = side.secret
    capture(side)
    config = made(side, "customer_profile_configs", {"scope": "person", "content": {"secret": secret}})
    insight = made(side, "insights", {"name": secret, "query": {"kind": "HogQLQuery", "query": f"select '{secret}'"}})
    dashboard = made(side, "dashboards", {"name": secret, "tiles": [{"insight": insight["id"]}]})
    annotation = made(side, "annotations", {"content": secret})
    destination = {"type": "LocalFile", "config": {"path": str(furze.settings.data / secret)}}
    export = made(side, "batch_exports", {"name": secret, "interval": "day", "destination": destination})
    connection = {"kind": "postgresql", "config": {"host": "h", "user": secret}, "display_name": secret}
    integration = made(side, "integrations", connection)
    period = {"start_at": "2026-01-01", "end_at": "2026-01-02"}
    backfill = made(side, f"batch_exports/{export['id']}/backfills", period)
    day = {"data_interval_start": "2026-01-01T00:00:00Z", "data_interval_end": "2026-01-02T00:00:00Z"}
    download = made(side, "file_download_batch_exports", day)["id"]
    wait_for(lambda: is_completed(side, f"file_download_batch_exports/{download}"))
    metric = made(side, "groups_types/0/metrics", {"name": secret, "filters": {}})
    conversation = str(uuid4())
    said = {"content": f"What is {secret}?", "conversation": conversation, "trace_id": str(uuid4())}
    made(side, "conversations", said, headers={"Accept": "application/json"})
    person = wait_for(lambda: first(side, f"persons?distinct_id={secret}"))
    definition = wait_for(lambda: first(side, f"event_definitions?search={secret}"))
    property_definition = wait_for(lambda: first(side, f"property_definitions?search={secret}"))
    # The last that happens by itself: the download tells its project that it has completed.
    wait_for(lambda: first(side, "events?event=$batch_export_run_completed"))
    wait_for(lambda: first(side, "event_definitions?search=$batch_export_run_completed"))
    runs = side.client.get(side.api(f"batch_exports/{export['id']}/runs")).json()["results"]
    side.ids = {
        "config_id": config["id"],
        "insight_id": str(insight["id"]),
        "dashboard_id": str(dashboard["id"]),
        "annotation_id": str(annotation["id"]),
        "export_id": export["id"],
        "integration_id": str(integration["id"]),
        "backfill_id": backfill.get("backfill_id") or backfill["id"],
        "run_id": runs[0]["id"] if runs else str(uuid4()),
        "download_id": download,
        "index": "0",
        "metric_id": metric["id"],
        "conversation": conversation,
        "queue_id": str(uuid4()),
        "person_id": person["uuid"],
        "event_id": side.ids["event_id"],
        "definition_id": definition["id"],
        "property_definition_id": property_definition["id"],
        "group_type_index": "0",
        "group_key": secret,
        "query_id": secret,
        "kind": "HogQLQuery",
        "numeric_person": str(person["id"]),
        "distinct_id": secret,
        "short_id": insight["short_id"],
    }
    return side


def capture(side: Side) -> None:
    secret, uuid = side.secret, str(uuid4())
    properties = {"$set": {"email": f"{secret}@example.com"}, secret: secret, "$session_id": secret}
    properties["$groups"] = {"company": secret}
    events = [
        {"event": "$groupidentify", "distinct_id": secret, "properties": {
            "$group_type": "company", "$group_key": secret, "$group_set": {"name": secret}}},
        {"event": secret, "distinct_id": secret, "uuid": uuid, "properties": properties},
        {"event": "$identify", "distinct_id": secret, "properties": {"$anon_distinct_id": "x" * 300, **properties}},
    ]  # fmt: skip
    assert side.client.post("/batch/", json={"api_key": side.token, "batch": events}).status_code == 200
    side.ids["event_id"] = uuid


def made(side: Side, path: str, body: dict[str, Any], **options: Any) -> dict[str, Any]:
    answer = side.client.post(side.api(path), json=body, **options)
    assert answer.status_code in (201, 202), answer.text
    found: dict[str, Any] = answer.json()
    return found


def first(side: Side, path: str) -> dict[str, Any] | None:
    answer = side.client.get(side.api(path))
    assert answer.status_code == 200, answer.text
    return next(iter(answer.json()["results"]), None)


def is_completed(side: Side, path: str) -> bool:
    answer = side.client.get(side.api(path)).json()
    assert answer["status"] in ("Starting", "Running", "Completed"), answer
    return bool(answer["status"] == "Completed")


def wait_for(find: Any) -> Any:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if found := find():
            return found
        time.sleep(0.2)
    raise AssertionError("a row did not appear")


def path_of(endpoint: Endpoint, ids: dict[str, str]) -> str:
    """The path with ids in it: for definitions, those of the kind that the path is about."""

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name == "definition_id" and endpoint.path.startswith("/property_definitions"):
            name = "property_definition_id"
        return ids[name]

    return PATH_PARAMETER.sub(fill, endpoint.path)


def bodies(ids: dict[str, str], token: str, project_id: int) -> list[dict[str, Any]]:
    """What may be sent anywhere: every id under every name that a body or a query string gives it."""
    secret = ids["distinct_id"]
    return [
        {
            **ids,
            "token": token,
            "api_key": token,
            "team_id": project_id,
            "project_id": project_id,
            "id": ids["export_id"],
            "ids": [ids["person_id"], ids["numeric_person"]],
            "uuids": [ids["person_id"]],
            "distinct_ids": [secret],
            "person": ids["person_id"],
            "search": secret,
            "email": f"{secret}@example.com",
            "name": "x",
            "key": "email",
            "value": secret,
            "$unset": "email",
            "main_distinct_id": secret,
            "delete_events": True,
            "content": "hello",
            "trace_id": str(uuid4()),
            "query": {"kind": "HogQLQuery", "query": f"select * from events where distinct_id = '{secret}'"},
            "destination": {"type": "LocalFile", "config": {"path": "/nowhere"}},
            "start_at": "2026-01-01T00:00:00Z",
            "end_at": "2026-01-02T00:00:00Z",
        }
    ]


def everything(side: Side) -> dict[str, Any]:
    """What the project's own user sees of it, without what time alone changes."""
    seen: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        if endpoint.method != "GET" or "logs" in endpoint.path or endpoint.path.startswith("/customer_profiles/"):
            continue  # a profile's tiles are drawn from what the other routes show, as of now
        path = path_of(endpoint, side.ids)
        parameters = {"distinct_id": side.secret} if path == "/persons" else None
        answer = side.client.get(side.api(path.lstrip("/")), params=parameters)
        seen[endpoint.path] = (answer.status_code, json.dumps(stable(answer.json()), sort_keys=True))
    return seen


VOLATILE = re.compile("_at$|^timing|status|latest|last_|messages|title|^count|elapsed|volume|next|previous|progress")


def stable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: stable(item) for name, item in value.items() if not VOLATILE.search(name)}
    return [stable(item) for item in value] if isinstance(value, list) else value


def test_a_stranger_is_kept_out_of_every_route_and_changes_nothing(ours: Side, theirs: Side) -> None:
    """Our key, their project in the path, and anything of theirs in the rest."""
    before = everything(theirs)
    sent = bodies(theirs.ids, theirs.token, theirs.project_id)
    for endpoint, mount, body in product(ENDPOINTS, ("projects", "environments"), sent):
        path = f"/api/{mount}/{theirs.project_id}{path_of(endpoint, theirs.ids)}"
        answer = ours.client.request(endpoint.method, path, **carried(endpoint, body))
        assert answer.status_code == 403, (endpoint.method, path, answer.status_code, answer.text)
        assert theirs.secret not in answer.text
    assert everything(theirs) == before


def test_ids_of_another_project_are_unknown_in_ours(ours: Side, theirs: Side) -> None:
    """Our key and project in the path, their ids in the rest of the path, the query and the body."""
    before = everything(theirs)
    # Some verbs are about the whole project of the path, which is ours to change.
    asked = [each for each in ENDPOINTS if each.path not in ("", "/reset_token") or each.method == "GET"]
    for endpoint, body in product(asked, bodies(theirs.ids, theirs.token, theirs.project_id)):
        path = ours.api(path_of(endpoint, theirs.ids).lstrip("/"))
        answer = ours.client.request(endpoint.method, path, **carried(endpoint, body))
        assert answer.status_code < 500, (endpoint.method, path, answer.text)
        names_a_row = set(PATH_PARAMETER.findall(endpoint.path)) - {"group_type_index", "kind", "group_key"}
        if names_a_row:
            assert answer.status_code in (400, 403, 404, 405, 409), (endpoint.method, path, answer.text)
        told = answer.text
        for own_words in (*body_texts(body), path):
            told = told.replace(json.dumps(own_words, ensure_ascii=False)[1:-1], "")
        leaked = [theirs.ids[name] for name in ("person_id", "event_id") if told.count(theirs.ids[name])]
        assert theirs.secret not in told, (endpoint.method, path, answer.text[:600])
        assert not leaked, (endpoint.method, path, answer.text[:600])
    assert everything(theirs) == before


def test_a_key_or_token_of_another_project_opens_nothing_here(ours: Side, theirs: Side) -> None:
    """Their key in the header, ours in the places that are asked later: the first credential decides."""
    theirs_first = {"personal_api_key": PERSONAL_KEY}
    for endpoint in ENDPOINTS:
        path = ours.api(path_of(endpoint, ours.ids).lstrip("/"))
        answer = theirs.client.request(endpoint.method, path, params=theirs_first)
        assert answer.status_code == 403, (endpoint.method, path, answer.text)
    assert httpx.get(f"{ours.client.base_url}{ours.api('persons')}", params={"token": theirs.token}).status_code == 401


def carried(endpoint: Endpoint, body: dict[str, Any]) -> dict[str, Any]:
    query = {name: text for name, text in body.items() if isinstance(text, str)}
    headers = {"Accept": "application/json"}
    return {"params": query, "headers": headers, **({} if endpoint.method == "GET" else {"json": body})}


def body_texts(body: dict[str, Any]) -> list[str]:
    """Every text that was sent: an answer may repeat those."""
    texts: list[str] = []
    for value in body.values():
        texts += [value] if isinstance(value, str) else body_texts(value) if isinstance(value, dict) else []
    return sorted((text for text in texts if len(text) > 10), key=len, reverse=True)


def test_the_account_routes_know_only_the_caller(ours: Side, theirs: Side) -> None:
    """Members and keys of an organisation that is not the caller's."""
    me = theirs.client.get("/api/users/@me").json()
    organization = me["organization"]["id"]
    members = ours.client.get(f"/api/organizations/{organization}/members")
    assert members.status_code in (403, 404)
    key = theirs.client.get("/api/personal_api_keys/@current").json()["id"]
    for method, path in (("GET", key), ("PATCH", key), ("DELETE", key), ("POST", f"{key}/roll")):
        answer = ours.client.request(method, f"/api/personal_api_keys/{path}", json={"label": "taken"})
        assert answer.status_code in (403, 404), (method, answer.text)
    for path in ("organizations", "projects", "environments", "users/@me"):
        seen = ours.client.get(f"/api/{path}").text
        assert me["email"] not in seen
        assert theirs.token not in seen
    assert theirs.client.get("/api/personal_api_keys/@current").json()["id"] == key
