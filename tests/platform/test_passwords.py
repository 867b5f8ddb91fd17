"""Passwords and the caller's account: signing in by email and password, what the caller may change, and who can't."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from tests.conftest import PERSONAL_KEY, Furze, both_databases
from tests.platform.conftest import Newcomer

from furze.platform.sessions import CSRF_COOKIE, CSRF_HEADER

pytestmark = both_databases

PASSWORD = "correct horse battery staple"


@pytest.fixture
def person(newcomer: Callable[..., Newcomer]) -> Newcomer:
    """A person with a password, in an organisation of their own."""
    made = newcomer()
    answer = made.client.patch("/api/users/@me/", json={"password": PASSWORD})
    assert (answer.status_code, answer.json()["has_password"]) == (200, True), answer.text
    return made


@pytest.fixture
def browser(furze: Furze) -> Iterator[httpx.Client]:
    """A browser that is not signed in."""
    with httpx.Client(base_url=furze.url, timeout=60) as client:
        yield client


def sign_in(browser: httpx.Client, email: str, password: str = PASSWORD) -> httpx.Response:
    answer = browser.post("/api/login/", json={"email": email, "password": password})
    browser.headers[CSRF_HEADER] = browser.cookies.get(CSRF_COOKIE, "")
    return answer


def refusal(answer: httpx.Response) -> tuple[int, str, str | None]:
    return answer.status_code, answer.json()["code"], answer.json()["attr"]


def test_email_and_password_begin_a_session(person: Newcomer, browser: httpx.Client) -> None:
    assert browser.get("/api/session/").json() == {"is_signed_in": False, "user": None}
    answer = sign_in(browser, person.email.upper())
    assert (answer.status_code, answer.json()["email"]) == (200, person.email)
    assert browser.get("/api/session/").json() == {"is_signed_in": True, "user": answer.json()}
    assert browser.post("/api/logout/").status_code == 204
    assert browser.get("/api/session/").json()["is_signed_in"] is False


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(person: Newcomer, browser: httpx.Client) -> None:
    wrong = sign_in(browser, person.email, "something else")
    unknown = sign_in(browser, f"{uuid4().hex}@example.com")
    assert refusal(wrong) == (400, "invalid_credentials", None)
    assert wrong.json() == unknown.json()
    assert "set-cookie" not in wrong.headers


def test_an_account_without_a_password_is_not_signed_in_by_one(
    newcomer: Callable[..., Newcomer], browser: httpx.Client
) -> None:
    person = newcomer()
    assert person.client.get("/api/users/@me/").json()["has_password"] is False
    assert refusal(sign_in(browser, person.email, "")) == (400, "invalid_credentials", None)
    missing = browser.post("/api/login/", json={"email": person.email})
    assert refusal(missing) == (400, "required", "password")


def test_a_page_of_another_origin_cannot_sign_a_browser_in(person: Newcomer, browser: httpx.Client) -> None:
    """Else a person would go on, and enter what is theirs, in an account of the attacker's."""
    form = {"email": person.email, "password": PASSWORD}
    answer = browser.post("/api/login/", data=form, headers={"Origin": "http://127.0.0.1:1"})
    assert refusal(answer) == (403, "permission_denied", None)


def test_after_ten_wrong_passwords_the_right_one_waits_too(person: Newcomer, browser: httpx.Client) -> None:
    for _ in range(10):
        assert sign_in(browser, person.email, "guess").status_code == 400
    answer = sign_in(browser, person.email)
    assert refusal(answer) == (429, "throttled", None)
    assert 0 < int(answer.headers["Retry-After"]) <= 600


def test_a_new_password_needs_the_current_one(person: Newcomer) -> None:
    def change(**body: Any) -> httpx.Response:
        return person.client.patch("/api/users/@me/", json=body)

    assert refusal(change(password="another one")) == (400, "required", "current_password")
    assert refusal(change(password="another one", current_password="no")) == (
        400,
        "incorrect_password",
        "current_password",
    )
    assert change(password="another one", current_password=PASSWORD).status_code == 200


@pytest.mark.parametrize(
    ("password", "code"),
    [("short", "password_too_short"), ("x" * 257, "max_length"), ("EMAIL", "password_too_similar")],
)
def test_a_poor_password_is_refused(newcomer: Callable[..., Newcomer], password: str, code: str) -> None:
    person = newcomer()
    body = {"password": person.email.upper() if password == "EMAIL" else password}
    assert refusal(person.client.patch("/api/users/@me/", json=body)) == (400, code, "password")


def test_a_new_password_ends_every_session_but_the_one_that_asks(person: Newcomer, furze: Furze) -> None:
    with httpx.Client(base_url=furze.url) as here, httpx.Client(base_url=furze.url) as elsewhere:
        sign_in(here, person.email)
        sign_in(elsewhere, person.email)
        link = here.post("/api/sign_in_links/").json()["path"]
        body = {"password": "another password", "current_password": PASSWORD}
        assert here.patch("/api/users/@me/", json=body).status_code == 200
        assert here.get("/api/users/@me/").status_code == 200
        assert elsewhere.get("/api/users/@me/").status_code == 401
        used = elsewhere.post("/api/login/", json={"token": link.removeprefix("/sign-in?token=")})
        assert used.status_code == 401
        assert sign_in(elsewhere, person.email, "another password").status_code == 200


def test_a_limited_key_changes_names_but_neither_password_nor_email(
    newcomer: Callable[..., Newcomer], furze: Furze
) -> None:
    person = newcomer()
    key = person.key(scopes=("user:write",))
    with httpx.Client(base_url=furze.url, headers=key) as client:
        assert client.patch("/api/users/@me/", json={"first_name": "Ada"}).json()["first_name"] == "Ada"
        for body in ({"password": PASSWORD}, {"email": "elsewhere@example.com"}):
            assert refusal(client.patch("/api/users/@me/", json=body)) == (403, "permission_denied", None)


def test_a_person_changes_names_and_email(newcomer: Callable[..., Newcomer], unique: str) -> None:
    person = newcomer()
    before = person.client.get("/api/users/@me/").json()
    changes = {"first_name": "Ada", "last_name": "Lovelace", "email": f"Ada.{unique}@Example.com"}
    after = person.client.patch("/api/users/@me/", json=changes).json()
    assert after == {**before, **changes, "email": f"ada.{unique}@example.com"}
    assert person.client.get(f"/api/users/{before['uuid']}/").json() == after
    log = person.client.get("/api/projects/@current/activity_log/", params={"scope": "User"}).json()["results"]
    assert [each["field"] for each in log[0]["detail"]["changes"]] == ["first_name", "last_name", "email"]


def test_an_email_must_be_one_and_nobody_elses(newcomer: Callable[..., Newcomer]) -> None:
    person = newcomer()
    taken = person.client.patch("/api/users/@me/", json={"email": "Owner@localhost"})
    assert refusal(taken) == (400, "unique", "email")
    assert refusal(person.client.patch("/api/users/@me/", json={"email": "nobody"})) == (400, "invalid_input", "email")


def test_nobody_reads_or_changes_another_account(newcomer: Callable[..., Newcomer], furze: Furze) -> None:
    owner = furze.client.get("/api/users/@me/").json()["uuid"]
    person = newcomer()
    assert person.client.get(f"/api/users/{owner}/").status_code == 404
    assert person.client.patch(f"/api/users/{owner}/", json={"first_name": "x"}).status_code == 404


def test_the_current_project_is_one_of_the_persons_own(newcomer: Callable[..., Newcomer]) -> None:
    person = newcomer()
    refused = person.client.patch("/api/users/@me/", json={"set_current_team": 1})
    assert refusal(refused) == (400, "does_not_exist", "set_current_team")
    refused = person.client.patch("/api/users/@me/", json={"set_current_organization": str(uuid4())})
    assert refusal(refused) == (400, "does_not_exist", "set_current_organization")
    kept = person.client.patch("/api/users/@me/", json={"set_current_team": person.project_id})
    assert kept.json()["team"]["id"] == person.project_id


def test_no_password_is_stored_as_it_was_typed(person: Newcomer, furze: Furze) -> None:
    stored = person.stored_password()
    assert stored is not None
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored


def test_the_first_user_has_no_password_and_signs_in_all_the_same(furze: Furze, browser: httpx.Client) -> None:
    assert furze.client.get("/api/users/@me/").json()["has_password"] is False
    assert browser.post("/api/login/", json={"personal_api_key": PERSONAL_KEY}).status_code == 200
