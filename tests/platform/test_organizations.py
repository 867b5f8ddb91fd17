"""Organisations and their members: who may see, change, leave and remove whom."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from tests.conftest import Furze, both_databases
from tests.platform.conftest import Newcomer

pytestmark = both_databases

MEMBER, ADMIN, OWNER = 1, 8, 15


class Company:
    """An organisation with people of each level, as they meet it over HTTP."""

    def __init__(self, newcomer: Callable[..., Newcomer]) -> None:
        self.owner = newcomer()
        self.id = self.owner.organization_id
        self.path = f"/api/organizations/{self.id}/"
        self._newcomer = newcomer

    def join(self, level: int) -> Newcomer:
        person = self._newcomer()
        person.join(self.id, level)
        return person

    def member(self, person: Newcomer) -> str:
        return f"{self.path}members/{person.client.get('/api/users/@me/').json()['uuid']}/"

    def levels(self) -> dict[str, int]:
        found = self.owner.client.get(f"{self.path}members/").json()["results"]
        return {each["user"]["email"]: each["level"] for each in found}

    def log(self) -> list[tuple[str, str, str]]:
        path = f"/api/projects/{self.owner.project_id}/activity_log/"
        found = self.owner.client.get(path).json()["results"]
        return [(each["scope"], each["activity"], each["detail"]["name"]) for each in found]


@pytest.fixture
def company(newcomer: Callable[..., Newcomer]) -> Company:
    return Company(newcomer)


def detail(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["detail"]


LOW = (403, "Your organization access level is insufficient.")


def test_a_new_organisation_is_owned_by_its_maker_and_has_a_project(newcomer: Callable[..., Newcomer]) -> None:
    person = newcomer()
    answer = person.client.post("/api/organizations/", json={"name": "Hedge Ltd"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["name"], made["membership_level"], len(made["projects"])) == ("Hedge Ltd", OWNER, 1)
    me = person.client.get("/api/users/@me/").json()
    assert (me["organization"]["id"], me["team"]["id"]) == (made["id"], made["projects"][0]["id"])
    assert person.client.get("/api/organizations/@current/").json() == made
    listed = person.client.get("/api/organizations/").json()["results"]
    assert [each["id"] for each in listed] == [person.organization_id, made["id"]]
    back = person.client.patch("/api/users/@me/", json={"set_current_organization": person.organization_id}).json()
    assert back["team"]["id"] == person.project_id


def test_a_stranger_finds_no_organisation(company: Company, newcomer: Callable[..., Newcomer]) -> None:
    stranger = newcomer()
    for method, path in (
        ("GET", company.path),
        ("PATCH", company.path),
        ("DELETE", company.path),
        ("GET", f"{company.path}members/"),
        ("PATCH", company.member(company.owner)),
        ("DELETE", company.member(company.owner)),
        ("GET", f"{company.path}projects/"),
        ("POST", f"{company.path}projects/"),
        ("GET", "/api/organizations/nothing/"),
    ):
        answer = stranger.client.request(method, path, json={"name": "x", "level": 1})
        assert detail(answer) == (404, "Organization not found."), (method, path)
    assert company.levels() == {company.owner.email: OWNER}


def test_admins_rename_an_organisation_and_members_do_not(company: Company) -> None:
    member, admin = company.join(MEMBER), company.join(ADMIN)
    assert detail(member.client.patch(company.path, json={"name": "Mine"})) == LOW
    assert admin.client.patch(company.path, json={"name": "Renamed"}).json()["name"] == "Renamed"
    assert member.client.get(company.path).json()["name"] == "Renamed"
    assert ("Organization", "updated", "Renamed") in company.log()


def test_owners_delete_an_organisation_with_its_projects(furze: Furze, company: Company) -> None:
    admin = company.join(ADMIN)
    assert detail(admin.client.delete(company.path)) == LOW
    assert company.owner.client.delete(company.path).status_code == 204
    assert company.owner.client.get(f"/api/projects/{company.owner.project_id}/").status_code == 404
    assert admin.client.get(company.path).status_code == 404
    me = company.owner.client.get("/api/users/@me/").json()
    assert (me["team"], me["organization"], me["organizations"]) == (None, None, [])
    assert company.owner.client.get("/api/projects/@current/").status_code == 404


def test_admins_change_levels_up_to_their_own(company: Company) -> None:
    member, admin = company.join(MEMBER), company.join(ADMIN)
    answer = admin.client.patch(company.member(member), json={"level": ADMIN})
    assert (answer.status_code, answer.json()["level"]) == (200, ADMIN)
    assert company.levels()[member.email] == ADMIN
    assert ("OrganizationMembership", "updated", member.email) in company.log()
    assert detail(admin.client.patch(company.member(member), json={"level": OWNER})) == (
        403,
        "You can only make another member owner if you're this organization's owner.",
    )
    assert detail(admin.client.patch(company.member(company.owner), json={"level": MEMBER})) == (
        403,
        "You can only edit others with level lower or equal to you.",
    )
    assert company.levels()[company.owner.email] == OWNER


def test_members_change_nobody(company: Company) -> None:
    member, other = company.join(MEMBER), company.join(MEMBER)
    refused = (403, "You can only edit others if you are an admin.")
    assert detail(member.client.patch(company.member(other), json={"level": MEMBER})) == refused
    assert detail(member.client.delete(company.member(other))) == refused


def test_nobody_changes_their_own_level(company: Company) -> None:
    admin = company.join(ADMIN)
    refused = (403, "You can't change your own access level.")
    assert detail(admin.client.patch(company.member(admin), json={"level": OWNER})) == refused
    assert detail(company.owner.client.patch(f"{company.path}members/@me/", json={"level": MEMBER})) == refused


@pytest.mark.parametrize("level", [0, 5, 16, "owner", None])
def test_other_levels_there_are_none(company: Company, level: Any) -> None:
    answer = company.owner.client.patch(company.member(company.join(MEMBER)), json={"level": level})
    assert (answer.status_code, answer.json()["attr"]) == (400, "level")


def test_the_last_owner_stays(company: Company) -> None:
    me = f"{company.path}members/@me/"
    member = company.join(MEMBER)
    assert company.owner.client.delete(me).status_code == 400
    company.owner.client.patch(company.member(member), json={"level": OWNER})
    assert company.owner.client.delete(me).status_code == 204
    assert company.owner.client.get(company.path).status_code == 404
    assert member.client.delete(me).status_code == 400


def test_who_leaves_or_is_removed_reaches_nothing_there_any_more(company: Company) -> None:
    leaving, removed, admin = company.join(MEMBER), company.join(MEMBER), company.join(ADMIN)
    project = f"/api/projects/{company.owner.project_id}/"
    for person in (leaving, removed):
        person.client.patch("/api/users/@me/", json={"set_current_team": company.owner.project_id})
        assert person.client.get(project).status_code == 200
    assert leaving.client.delete(f"{company.path}members/@me/").status_code == 204
    assert admin.client.delete(company.member(removed)).status_code == 204
    for person in (leaving, removed):
        assert person.client.get(project).status_code == 403
        # What `@current` means is open to them again.
        assert person.client.get("/api/projects/@current/").json()["id"] == person.project_id
    assert set(company.levels()) == {company.owner.email, admin.email}


def test_admins_do_not_remove_owners(company: Company) -> None:
    admin = company.join(ADMIN)
    assert admin.client.delete(company.member(company.owner)).status_code == 403
    assert admin.client.delete(f"{company.path}members/{uuid4()}/").status_code == 404


def test_a_key_for_one_organisation_knows_no_other(company: Company, furze: Furze) -> None:
    person = company.join(OWNER)
    with httpx.Client(base_url=furze.url, headers=person.key(scoped_organizations=(company.id,))) as client:
        assert [each["id"] for each in client.get("/api/organizations/").json()["results"]] == [company.id]
        projects = client.get("/api/projects/").json()["results"]
        assert [each["id"] for each in projects] == [company.owner.project_id]
        assert client.get(company.path).status_code == 200
        other = client.get(f"/api/organizations/{person.organization_id}/")
        assert detail(other)[1].startswith("API key does not have access to the requested organization")
        assert client.post("/api/organizations/", json={"name": "x"}).status_code == 403


def test_a_key_for_one_project_is_closed_to_organisations(company: Company, furze: Furze) -> None:
    headers = company.owner.key(scoped_projects=(company.owner.project_id,))
    refused = (403, "API keys with scoped projects are only supported on project-based endpoints.")
    with httpx.Client(base_url=furze.url, headers=headers) as client:
        for path in ("/api/organizations/", company.path, f"{company.path}members/", "/api/projects/"):
            assert detail(client.get(path)) == refused
        assert client.get(f"/api/projects/{company.owner.project_id}/").status_code == 200


def test_scopes_are_asked_for(company: Company, furze: Furze) -> None:
    headers = company.owner.key(scopes=("organization:read", "organization_member:read"))
    with httpx.Client(base_url=furze.url, headers=headers) as client:
        assert client.get(f"{company.path}members/").status_code == 200
        assert detail(client.patch(company.path, json={"name": "x"})) == (
            403,
            "API key missing required scope 'organization:write'",
        )
        assert client.delete(f"{company.path}members/@me/").status_code == 403
