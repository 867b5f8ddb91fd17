"""The caller's own keys, project settings, members and the activity log, as a client sees them."""

from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest
from tests.conftest import PERSONAL_KEY, Furze, both_databases

from furze.platform.sessions import CSRF_COOKIE, CSRF_HEADER

pytestmark = both_databases

KEYS = "/api/personal_api_keys/"


@pytest.fixture
def browser(furze: Furze) -> Iterator[httpx.Client]:
    """A signed-in browser; the keys it makes are deleted afterwards."""
    with httpx.Client(base_url=furze.url, timeout=60) as client:
        answer = client.post("/api/login/", headers={"Authorization": f"Bearer {PERSONAL_KEY}"})
        assert answer.status_code == 200, answer.text
        client.headers[CSRF_HEADER] = client.cookies[CSRF_COOKIE]
        client.headers["Referer"] = furze.url
        yield client
        for key in client.get(KEYS).json():
            if key["label"] != "First key":
                client.delete(f"{KEYS}{key['id']}/")


def make(browser: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = browser.post(KEYS, json={"label": "A key", "scopes": ["person:read"], **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


def status(furze: Furze, key: str, path: str = "persons/") -> int:
    return httpx.get(f"{furze.url}/api/projects/1/{path}", headers={"Authorization": f"Bearer {key}"}).status_code


def test_a_key_made_in_a_session_works_within_its_scopes_until_it_is_deleted(
    furze: Furze, browser: httpx.Client
) -> None:
    key = make(browser)
    assert key["mask_value"] == f"{key['value'][:4]}...{key['value'][-4:]}"
    assert (status(furze, key["value"]), status(furze, key["value"], "groups_types/")) == (200, 403)
    listed = browser.get(KEYS).json()
    assert isinstance(listed, list)
    assert key["id"] in [each["id"] for each in listed]
    assert not any("value" in each for each in listed)
    changed = browser.patch(f"{KEYS}{key['id']}/", json={"scopes": ["group:read"]}).json()
    assert (changed["label"], changed["scopes"]) == ("A key", ["group:read"])
    assert (status(furze, key["value"]), status(furze, key["value"], "groups_types/")) == (403, 200)
    assert browser.delete(f"{KEYS}{key['id']}/").status_code == 204
    assert status(furze, key["value"]) == 401


def test_a_rolled_key_has_a_new_value_and_the_old_one_stops_to_work(furze: Furze, browser: httpx.Client) -> None:
    key = make(browser)
    rolled = browser.post(f"{KEYS}{key['id']}/roll/").json()
    assert rolled["id"] == key["id"]
    assert rolled["last_rolled_at"]
    assert (status(furze, key["value"]), status(furze, rolled["value"])) == (401, 200)


def test_a_key_cannot_manage_keys(furze: Furze) -> None:
    for method, path in (("GET", KEYS), ("POST", KEYS), ("PATCH", f"{KEYS}x/"), ("DELETE", f"{KEYS}x/")):
        answer = furze.client.request(method, path, json={"label": "x", "scopes": ["*"]})
        assert answer.status_code == 403
        assert answer.json() == {
            "type": "authentication_error",
            "code": "permission_denied",
            "detail": "This action does not support personal API key access",
            "attr": None,
        }


def test_faulty_keys_are_refused(browser: httpx.Client) -> None:
    def refused(**body: Any) -> tuple[str, str, str | None]:
        answer = browser.post(KEYS, json=body)
        assert answer.status_code == 400, answer.text
        return answer.json()["code"], answer.json()["detail"], answer.json()["attr"]

    assert refused(label="", scopes=["*"]) == ("blank", "This field may not be blank.", "label")
    assert refused(label="x") == ("required", "This field is required.", "scopes")
    assert refused(label="x", scopes=["dog:read"]) == ("invalid_input", "Invalid scope: dog:read", "scopes")
    assert refused(label="x", scopes=[])[2] == "scopes"
    assert refused(label="x", scopes=["*"], scoped_teams=[999]) == (
        "invalid_input",
        "You must be a member of all teams that you are scoping the key to.",
        "scoped_teams",
    )
    for _ in range(10 - len(browser.get(KEYS).json())):
        make(browser)
    assert refused(label="x", scopes=["*"])[1] == (
        "You can only have 10 personal API keys. Remove an existing key before creating a new one."
    )


def test_an_unknown_key_is_not_found(browser: httpx.Client) -> None:
    assert browser.patch(f"{KEYS}nothing/", json={"label": "x"}).status_code == 404
    assert browser.delete(f"{KEYS}nothing/").status_code == 404
    assert browser.post(f"{KEYS}nothing/roll/").status_code == 404


def test_a_project_is_renamed_and_keeps_the_rest(furze: Furze) -> None:
    before = furze.client.get(furze.api("")).json()
    renamed = furze.client.patch(furze.api(""), json={"name": "Renamed"}).json()
    assert renamed == {**before, "name": "Renamed", "updated_at": renamed["updated_at"]}
    refused = furze.client.patch(furze.api(""), json={"timezone": "Mars/Olympus"})
    assert refused.json()["attr"] == "timezone"
    furze.client.patch(furze.api(""), json={"name": before["name"]})


def test_members_of_an_organisation_are_listed_to_members_only(furze: Furze) -> None:
    page = furze.client.get("/api/organizations/@current/members/").json()
    assert [(each["user"]["email"], each["level"]) for each in page["results"]] == [("owner@localhost", 15)]
    unknown = furze.client.get("/api/organizations/6f1c8ae2-0b52-4b1d-9d0e-3a4f5b6c7d8e/members/")
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "Organization not found.")


def test_the_activity_log_tells_what_callers_did(furze: Furze) -> None:
    config = furze.client.post(furze.api("customer_profile_configs/"), json={"scope": "person"}).json()
    log = furze.client.get(furze.api("activity_log/"), params={"item_id": config["id"]}).json()
    [entry] = log["results"]
    assert (entry["scope"], entry["activity"], entry["user"]["email"]) == (
        "CustomerProfileConfig",
        "created",
        "owner@localhost",
    )
    furze.client.delete(furze.api(f"customer_profile_configs/{config['id']}/"))
