"""Invites: a link that lets one person in, once, within three days."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from sqlalchemy import select, update
from tests.conftest import Furze, both_databases
from tests.platform.conftest import Newcomer

from furze.kit.clock import SystemClock
from furze.platform.invites import invites
from furze.platform.sessions import CSRF_COOKIE, CSRF_HEADER

pytestmark = both_databases

PASSWORD = "correct horse battery staple"
MEMBER, ADMIN, OWNER = 1, 8, 15


@pytest.fixture
def owner(newcomer: Callable[..., Newcomer]) -> Newcomer:
    return newcomer()


@pytest.fixture
def browser(furze: Furze) -> Iterator[httpx.Client]:
    """A browser that is not signed in."""
    with httpx.Client(base_url=furze.url, timeout=60) as client:
        yield client


def path_of(person: Newcomer) -> str:
    return f"/api/organizations/{person.organization_id}/invites/"


def invite(person: Newcomer, **body: Any) -> dict[str, Any]:
    answer = person.client.post(path_of(person), json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def sign_up(invited: dict[str, Any]) -> str:
    """The API's path for an invite's link."""
    return f"/api/signup/{invited['link'].rsplit('/', 1)[-1]}/"


def refusal(answer: httpx.Response) -> tuple[int, str, str | None]:
    return answer.status_code, answer.json()["code"], answer.json()["attr"]


def members(person: Newcomer) -> dict[str, int]:
    found = person.client.get(f"/api/organizations/{person.organization_id}/members/").json()["results"]
    return {each["user"]["email"]: each["level"] for each in found}


def log(person: Newcomer) -> list[tuple[str, str, str]]:
    found = person.client.get("/api/projects/@current/activity_log/").json()["results"]
    return [(each["scope"], each["activity"], each["detail"]["name"]) for each in found]


def test_a_new_person_comes_in_by_a_link_once(
    furze: Furze, owner: Newcomer, browser: httpx.Client, unique: str
) -> None:
    invited = invite(owner, level=ADMIN, first_name="Ada")
    assert invited["link"].startswith(f"{furze.url}/signup/")
    seen = browser.get(sign_up(invited)).json()
    organization = owner.client.get("/api/organizations/@current/").json()
    assert (seen["id"], seen["organization_name"]) == (invited["id"], organization["name"])
    email = f"ada.{unique}@example.com"
    answer = browser.post(sign_up(invited), json={"first_name": "Ada", "email": email, "password": PASSWORD})
    assert (answer.status_code, answer.json()["email"]) == (201, email)
    me = browser.get("/api/users/@me/").json()
    assert (me["organization"]["id"], me["team"]["id"]) == (owner.organization_id, owner.project_id)
    assert (me["organization"]["membership_level"], me["has_password"]) == (ADMIN, True)
    assert ("OrganizationMembership", "created", email) in log(owner)
    with httpx.Client(base_url=furze.url) as other:
        body = {"first_name": "Eve", "email": f"eve.{unique}@example.com", "password": PASSWORD}
        assert refusal(other.post(sign_up(invited), json=body)) == (400, "invalid_input", None)
        assert other.get(sign_up(invited)).status_code == 400
        assert other.post("/api/login/", json={"email": email, "password": PASSWORD}).status_code == 200
    assert members(owner) == {owner.email: OWNER, email: ADMIN}


def test_who_is_signed_in_joins_with_the_account_they_have(
    furze: Furze, owner: Newcomer, newcomer: Callable[..., Newcomer], browser: httpx.Client
) -> None:
    by_key, by_session = newcomer(), newcomer()
    assert by_key.client.post(sign_up(invite(owner)), json={}).json()["email"] == by_key.email
    assert by_key.client.get("/api/projects/@current/").json()["id"] == owner.project_id
    by_session.client.patch("/api/users/@me/", json={"password": PASSWORD})
    browser.post("/api/login/", json={"email": by_session.email, "password": PASSWORD})
    invited = invite(owner)
    assert browser.post(sign_up(invited)).status_code == 403  # a page elsewhere can't make a person join
    browser.headers[CSRF_HEADER] = browser.cookies[CSRF_COOKIE]
    assert browser.post(sign_up(invited)).status_code == 201
    assert members(owner) == {owner.email: OWNER, by_key.email: MEMBER, by_session.email: MEMBER}
    again = by_key.client.post(sign_up(invite(owner)))
    assert refusal(again) == (400, "user_already_member", None)


def test_a_limited_key_joins_nothing(owner: Newcomer, newcomer: Callable[..., Newcomer], furze: Furze) -> None:
    headers = newcomer().key(scopes=("user:write",))
    assert httpx.post(f"{furze.url}{sign_up(invite(owner))}", headers=headers).status_code == 403


def test_an_invite_for_an_address_is_for_nobody_else(
    owner: Newcomer, newcomer: Callable[..., Newcomer], browser: httpx.Client, unique: str
) -> None:
    email = f"ada.{unique}@example.com"
    invited = invite(owner, target_email=email.upper())
    assert invited["target_email"] == email
    assert refusal(newcomer().client.post(sign_up(invited))) == (400, "invalid_recipient", "email")
    body = {"first_name": "Ada", "password": PASSWORD}
    other = browser.post(sign_up(invited), json={**body, "email": f"eve.{unique}@example.com"})
    assert refusal(other) == (400, "invalid_recipient", "email")
    assert browser.post(sign_up(invited), json=body).json()["email"] == email


def test_a_link_ends_after_three_days(owner: Newcomer, browser: httpx.Client, unique: str) -> None:
    invited = invite(owner)
    created = owner.client.get(path_of(owner)).json()["results"][0]
    assert created["is_expired"] is False
    past = update(invites).values(expires_at=SystemClock().now() - timedelta(seconds=1))
    owner.database.write_now(lambda connection: connection.execute(past))
    body = {"first_name": "Ada", "email": f"ada.{unique}@example.com", "password": PASSWORD}
    for answer in (browser.get(sign_up(invited)), browser.post(sign_up(invited), json=body)):
        assert refusal(answer) == (400, "expired", None)
    assert owner.client.get(path_of(owner)).json()["results"][0]["is_expired"] is True


def test_a_link_lives_three_days(owner: Newcomer) -> None:
    invite(owner)
    chosen = select(invites.c.created_at, invites.c.expires_at).where(invites.c.created_by_id == owner.user_id)
    row = owner.database.read_now(lambda connection: connection.execute(chosen).one())
    assert row.expires_at - row.created_at == timedelta(days=3)


def test_nobody_invites_to_a_level_above_their_own(owner: Newcomer, newcomer: Callable[..., Newcomer]) -> None:
    member = newcomer()
    member.join(owner.organization_id, MEMBER)
    refused = member.client.post(path_of(owner), json={"level": ADMIN})
    assert refusal(refused) == (403, "permission_denied", None)
    assert member.client.post(path_of(owner), json={"level": MEMBER}).status_code == 201


def test_the_list_of_invites_opens_no_door(owner: Newcomer, newcomer: Callable[..., Newcomer]) -> None:
    """A member could come in once more by an admin's invite, and be an admin."""
    member = newcomer()
    member.join(owner.organization_id, MEMBER)
    invited = invite(owner, level=ADMIN)
    listed = member.client.get(path_of(owner))
    assert [each["id"] for each in listed.json()["results"]] == [invited["id"]]
    assert invited["link"].rsplit("/", 1)[-1] not in listed.text
    assert member.client.get(f"/api/signup/{invited['id']}/").status_code == 400


def test_an_invite_is_taken_back_by_its_maker_or_an_admin(owner: Newcomer, newcomer: Callable[..., Newcomer]) -> None:
    member, other = newcomer(), newcomer()
    for each in (member, other):
        each.join(owner.organization_id, MEMBER)
    first, second = (member.client.post(path_of(owner), json={}).json() for _ in range(2))
    assert other.client.delete(f"{path_of(owner)}{first['id']}/").status_code == 403
    assert member.client.delete(f"{path_of(owner)}{first['id']}/").status_code == 204
    assert owner.client.delete(f"{path_of(owner)}{second['id']}/").status_code == 204
    assert owner.client.delete(f"{path_of(owner)}{second['id']}/").status_code == 404
    assert owner.client.get(path_of(owner)).json()["results"] == []
    assert other.client.post(sign_up(first)).status_code == 400


def test_an_invite_is_worth_no_more_than_its_maker(owner: Newcomer, newcomer: Callable[..., Newcomer]) -> None:
    admin, guest = newcomer(), newcomer()
    admin.join(owner.organization_id, ADMIN)
    invited = admin.client.post(path_of(owner), json={"level": ADMIN}).json()
    member = f"/api/organizations/{owner.organization_id}/members/{admin.client.get('/api/users/@me/').json()['uuid']}/"
    assert owner.client.patch(member, json={"level": MEMBER}).status_code == 200
    assert guest.client.post(sign_up(invited)).status_code == 400
    assert owner.client.delete(member).status_code == 204
    assert guest.client.get(sign_up(invited)).status_code == 400


def test_a_new_account_needs_a_name_an_address_of_its_own_and_a_password(
    owner: Newcomer, browser: httpx.Client, unique: str
) -> None:
    body = {"first_name": "Ada", "email": f"ada.{unique}@example.com", "password": PASSWORD}
    invited = invite(owner)

    def refused(**changed: Any) -> tuple[int, str, str | None]:
        return refusal(browser.post(sign_up(invited), json={**body, **changed}))

    assert refused(first_name="") == (400, "required", "first_name")
    assert refused(email=None) == (400, "required", "email")
    assert refused(email="ada") == (400, "invalid_input", "email")
    assert refused(email=owner.email.upper()) == (400, "account_exists", "email")
    assert refused(password=None) == (400, "required", "password")
    assert refused(password="short") == (400, "password_too_short", "password")
    assert browser.post(sign_up(invited), json=body).status_code == 201


def test_a_member_is_not_invited_again(owner: Newcomer) -> None:
    answer = owner.client.post(path_of(owner), json={"target_email": owner.email})
    assert refusal(answer) == (400, "user_already_member", "target_email")


def test_of_two_who_use_a_link_at_once_one_comes_in(furze: Furze, owner: Newcomer, unique: str) -> None:
    invited = invite(owner)

    def come(number: int) -> int:
        body = {"first_name": "Ada", "email": f"{number}.{unique}@example.com", "password": PASSWORD}
        return httpx.post(f"{furze.url}{sign_up(invited)}", json=body, timeout=60).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(come, range(8)))
    assert statuses == [201, *([400] * 7)]
    assert len(members(owner)) == 2


def test_strangers_neither_see_nor_make_invites(owner: Newcomer, newcomer: Callable[..., Newcomer]) -> None:
    stranger, invited = newcomer(), invite(owner)
    for method, path in (("GET", ""), ("POST", ""), ("DELETE", f"{invited['id']}/"), ("DELETE", f"{uuid4()}/")):
        assert stranger.client.request(method, f"{path_of(owner)}{path}").status_code == 404
    assert ("OrganizationInvite", "created", "by link") in log(owner)


def test_no_link_is_in_the_database(owner: Newcomer) -> None:
    token = invite(owner)["link"].rsplit("/", 1)[-1]
    stored = owner.database.read_now(lambda connection: connection.execute(select(invites)).all())
    assert token not in str(stored)
