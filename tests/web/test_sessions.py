"""Signing in: a link that works once, a session in two cookies, and what a page of another origin can't do with it."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from tests.conftest import PERSONAL_KEY, Furze, both_databases

from furze.database import Database
from furze.kit.clock import SystemClock
from furze.platform import store
from furze.platform.keys import hash_key, new_personal_key
from furze.platform.types import PersonalApiKey

pytestmark = both_databases

CONFIGS = "customer_profile_configs/"


@pytest.fixture
def browser(furze: Furze) -> Iterator[httpx.Client]:
    """A browser that is not signed in."""
    with httpx.Client(base_url=furze.url) as client:
        yield client


def link_token(furze: Furze) -> str:
    answer = furze.client.post("/api/sign_in_links/")
    assert answer.status_code == 201
    return answer.json()["path"].removeprefix("/sign-in?token=")


def sign_in(browser: httpx.Client, furze: Furze) -> dict[str, str]:
    """Sign the browser in; the header that its requests need."""
    assert browser.post("/api/login/", json={"token": link_token(furze)}).status_code == 200
    return {"X-CSRFToken": browser.cookies["posthog_csrftoken"]}


def test_a_link_signs_in_once(furze: Furze, browser: httpx.Client) -> None:
    token = link_token(furze)
    assert browser.get("/api/users/@me/").status_code == 401
    answer = browser.post("/api/login/", json={"token": token})
    assert answer.status_code == 200
    assert answer.json()["email"] == "owner@localhost"
    assert browser.get("/api/users/@me/").json()["email"] == "owner@localhost"
    again = httpx.post(f"{furze.url}/api/login/", json={"token": token})
    assert (again.status_code, again.json()["code"]) == (401, "authentication_failed")
    assert "used already" in again.json()["detail"]
    assert "set-cookie" not in again.headers


def test_a_personal_key_signs_in(furze: Furze, browser: httpx.Client) -> None:
    assert browser.post("/api/login/", json={"personal_api_key": PERSONAL_KEY}).status_code == 200
    assert browser.get(furze.api(CONFIGS)).status_code == 200
    refused = httpx.post(f"{furze.url}/api/login/", json={"personal_api_key": "phx_no"})
    assert (refused.status_code, refused.json()["code"]) == (401, "authentication_failed")
    nothing = httpx.post(f"{furze.url}/api/login/", json={})
    assert (nothing.status_code, nothing.json()["code"]) == (401, "not_authenticated")


def test_a_limited_key_does_not_become_an_unlimited_session(furze: Furze, limited_key: Callable[..., str]) -> None:
    for limits in ({"scopes": ("query:read",)}, {"scoped_projects": (1,)}, {"scoped_organizations": ("x",)}):
        body = {"personal_api_key": limited_key(**limits)}
        for path in ("login", "sign_in_links"):
            answer = httpx.post(f"{furze.url}/api/{path}/", json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_the_session_cookie_is_closed_to_scripts_and_lasts_two_weeks(furze: Furze, browser: httpx.Client) -> None:
    answer = browser.post("/api/login/", json={"token": link_token(furze)})
    session, csrf = sorted(answer.headers.get_list("set-cookie"), reverse=True)
    assert session.startswith("sessionid=")
    assert {"HttpOnly", "SameSite=lax", "Max-Age=1209600", "Path=/"} <= set(session.split("; "))
    assert csrf.startswith("posthog_csrftoken=")
    assert "HttpOnly" not in csrf
    secure = httpx.post(
        f"{furze.url}/api/login/", json={"token": link_token(furze)}, headers={"X-Forwarded-Proto": "https"}
    )
    assert all("Secure" in cookie for cookie in secure.headers.get_list("set-cookie"))


def test_a_session_may_do_everything_its_user_may(furze: Furze, browser: httpx.Client) -> None:
    headers = sign_in(browser, furze)
    created = browser.post(furze.api(CONFIGS), json={"scope": "person"}, headers=headers)
    assert created.status_code == 201
    assert browser.delete(furze.api(f"{CONFIGS}{created.json()['id']}/"), headers=headers).status_code == 204


def test_changes_need_the_second_cookie_as_a_header(furze: Furze, browser: httpx.Client) -> None:
    sign_in(browser, furze)
    planted = {
        "X-CSRFToken": "planted",
        "Cookie": f"sessionid={browser.cookies['sessionid']}; posthog_csrftoken=planted",
    }
    for headers in ({}, {"X-CSRFToken": "wrong"}, planted):
        answer = httpx.post(
            f"{furze.url}{furze.api(CONFIGS)}",
            json={"scope": "person"},
            headers={"Cookie": f"sessionid={browser.cookies['sessionid']}", **headers},
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        assert answer.json()["detail"].startswith("CSRF Failed")


def test_pages_of_other_origins_get_nothing_through_a_session(furze: Furze, browser: httpx.Client) -> None:
    sign_in(browser, furze)
    own = browser.get(furze.api(CONFIGS), headers={"Origin": furze.url})
    assert own.status_code == 200
    other = browser.get(furze.api(CONFIGS), headers={"Origin": "http://127.0.0.1:1"})
    assert other.status_code == 403
    key = {"Origin": "http://127.0.0.1:1", "Authorization": f"Bearer {PERSONAL_KEY}"}
    assert browser.get(furze.api(CONFIGS), headers=key).status_code == 200


def test_a_key_goes_before_the_session(furze: Furze, browser: httpx.Client) -> None:
    sign_in(browser, furze)
    for wrong in ({"headers": {"Authorization": "Bearer phx_no"}}, {"params": {"personal_api_key": "phx_no"}}):
        assert browser.get(furze.api(CONFIGS), **wrong).status_code == 401


def test_signing_out_ends_the_session_everywhere(furze: Furze, browser: httpx.Client) -> None:
    headers = sign_in(browser, furze)
    cookie = {"Cookie": f"sessionid={browser.cookies['sessionid']}"}
    assert httpx.get(f"{furze.url}/api/users/@me/", headers=cookie).status_code == 200
    assert browser.post("/api/logout/", headers=headers).status_code == 204
    assert "sessionid" not in browser.cookies
    answer = httpx.get(f"{furze.url}/api/users/@me/", headers=cookie)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_neither_cookie_nor_token_is_in_the_database(furze: Furze, browser: httpx.Client) -> None:
    token = link_token(furze)
    browser.post("/api/login/", json={"token": link_token(furze)})
    database = Database(furze.settings.resolved_database_url)
    try:
        stored = database.read_now(_stored_values)
    finally:
        database.close()
    assert hash_key(token) in stored
    assert hash_key(browser.cookies["sessionid"]) in stored
    assert not {token, browser.cookies["sessionid"]} & stored


def test_a_session_is_no_key(furze: Furze, browser: httpx.Client) -> None:
    sign_in(browser, furze)
    assert browser.get("/api/personal_api_keys/@current/").status_code == 404
    assert furze.client.post("/api/logout/").status_code == 401


@pytest.fixture
def limited_key(furze: Furze) -> Callable[..., str]:
    """Makes a key of the first user's with some limits."""

    def make(**limits: Any) -> str:
        value = new_personal_key()
        fields: dict[str, Any] = {"scopes": ("*",), "scoped_projects": (), "scoped_organizations": (), **limits}
        key = PersonalApiKey(
            id=uuid4().hex,
            user_id=1,
            label="limited",
            mask_value="",
            created_at=SystemClock().now(),
            last_used_at=None,
            last_rolled_at=None,
            **fields,
        )
        database = Database(furze.settings.resolved_database_url)
        database.write_now(store.create_key, key=key, secure_value=hash_key(value))
        database.close()
        return value

    return make


def _stored_values(connection: Any) -> set[str]:
    tables = ("session", "sign_in_link")
    return {
        value
        for table in tables
        for (value,) in connection.exec_driver_sql(f"SELECT secure_value FROM {table}")  # two names of our own
    }
