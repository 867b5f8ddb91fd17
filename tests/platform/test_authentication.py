"""Who gets in, and what a stranger is told."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from tests.conftest import PERSONAL_KEY, Furze, both_databases

from furze.database import Database
from furze.kit.clock import SystemClock
from furze.platform import store

pytestmark = both_databases

CONFIGS = "customer_profile_configs/"


def anonymous(furze: Furze, **options: Any) -> httpx.Response:
    return httpx.get(f"{furze.url}{furze.api(CONFIGS)}", **options)


def test_nothing_sent_is_401_without_a_challenge(furze: Furze) -> None:
    answer = anonymous(furze)
    assert answer.status_code == 401
    assert "www-authenticate" not in answer.headers
    assert answer.json() == {
        "type": "authentication_error",
        "code": "not_authenticated",
        "detail": "Authentication credentials were not provided.",
        "attr": None,
    }


def test_a_key_is_found_in_the_header_the_body_or_the_query(furze: Furze) -> None:
    url = f"{furze.url}{furze.api(CONFIGS)}"
    assert anonymous(furze, headers={"Authorization": f"Bearer   {PERSONAL_KEY}"}).status_code == 200
    assert anonymous(furze, params={"personal_api_key": PERSONAL_KEY}).status_code == 200
    assert httpx.post(url, json={"scope": "person", "personal_api_key": PERSONAL_KEY}).status_code == 201


def test_the_first_credential_found_decides(furze: Furze) -> None:
    wrong = anonymous(furze, headers={"Authorization": "Bearer phx_no"}, params={"personal_api_key": PERSONAL_KEY})
    assert wrong.json()["detail"] == "Personal API key found in request Authorization header is invalid."
    query = anonymous(furze, params={"personal_api_key": "phx_no"})
    assert query.json()["detail"] == "Personal API key found in request query string is invalid."


def test_write_implies_read_and_a_missing_scope_is_named(furze: Furze, make_key: Callable[..., dict[str, str]]) -> None:
    headers = make_key(scopes=("customer_profile_config:write",))
    assert anonymous(furze, headers=headers).status_code == 200
    reader = make_key(scopes=("customer_profile_config:read",))
    refused = httpx.post(f"{furze.url}{furze.api(CONFIGS)}", headers=reader, json={"scope": "person"})
    assert refused.status_code == 403
    assert refused.json()["detail"] == "API key missing required scope 'customer_profile_config:write'"


def test_a_key_stays_inside_the_projects_it_is_scoped_to(furze: Furze, make_key: Callable[..., dict[str, str]]) -> None:
    refused = anonymous(furze, headers=make_key(scoped_projects=(999,)))
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "API key does not have access to the requested project: ID 1.",
    )


@pytest.mark.parametrize("project", ["99999", "abc", "1.5", "99999999999999999999"])
def test_a_project_that_does_not_exist_is_not_found(furze: Furze, project: str) -> None:
    answer = furze.client.get(f"/api/projects/{project}/customer_profile_configs/")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Project not found.")


def test_a_member_of_another_organization_is_kept_out(furze: Furze, make_key: Callable[..., dict[str, str]]) -> None:
    database, now = Database(furze.settings.resolved_database_url), SystemClock().now()
    stranger = database.write_now(store.create_user, email=f"{uuid4()}@example.com", first_name="Eve", now=now)
    database.close()
    answer = anonymous(furze, headers=make_key(user_id=stranger.id))
    assert (answer.status_code, answer.json()["detail"]) == (403, "You don't have access to the project.")


def test_the_caller_sees_its_own_account_key_and_project(furze: Furze) -> None:
    me = furze.client.get("/api/users/@me/").json()
    assert (me["team"]["id"], me["organization"]["membership_level"]) == (1, 15)
    assert furze.client.get("/api/personal_api_keys/@current").json()["scopes"] == ["*"]
    project = furze.client.get("/api/environments/@current/").json()
    assert (project["id"], project["api_token"]) == (1, "phc_test_project_key")
    assert furze.client.get("/api/projects/").json()["results"][0] == project
