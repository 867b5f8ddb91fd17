"""Projects: made, renamed and deleted, with all that was in them."""

import time
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest
from tests.conftest import Furze, both_databases
from tests.platform.conftest import Newcomer

pytestmark = both_databases


def count(person: Newcomer, project_id: int) -> Any:
    query = {"query": {"kind": "HogQLQuery", "query": "select count() from events"}}
    return person.client.post(f"/api/projects/{project_id}/query/", json=query).json()["results"][0][0]


def capture(furze: Furze, token: str, distinct_id: str) -> int:
    events = [{"event": "seen", "distinct_id": distinct_id, "properties": {"$set": {"a": 1}}}]
    return httpx.post(f"{furze.url}/batch/", json={"api_key": token, "batch": events}).status_code


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.1)


@pytest.mark.parametrize("path", ["/api/projects/", "/api/environments/", "/api/organizations/@current/projects/"])
def test_a_new_project_belongs_to_the_organisation_and_becomes_the_current_one(
    newcomer: Callable[..., Newcomer], path: str
) -> None:
    person = newcomer()
    answer = person.client.post(path, json={"name": "Shop", "timezone": "Europe/Berlin"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["name"], made["timezone"], made["organization"]) == ("Shop", "Europe/Berlin", person.organization_id)
    assert made["api_token"].startswith("phc_")
    assert person.client.get("/api/projects/@current/").json() == made
    listed = person.client.get("/api/organizations/@current/projects/").json()["results"]
    assert [each["id"] for each in listed] == [person.project_id, made["id"]]
    log = person.client.get("/api/projects/@current/activity_log/").json()["results"]
    assert [(each["scope"], each["activity"]) for each in log] == [("Project", "created")]


def test_events_go_to_a_new_project_by_its_token(furze: Furze, newcomer: Callable[..., Newcomer]) -> None:
    person = newcomer()
    made = person.client.post("/api/projects/").json()
    assert made["name"] == "Default project"
    assert capture(furze, made["api_token"], "ada") == 200
    wait_for(lambda: count(person, made["id"]) == 1)
    assert count(person, person.project_id) == 0


def test_members_neither_make_nor_delete_projects(newcomer: Callable[..., Newcomer]) -> None:
    owner, member = newcomer(), newcomer()
    member.join(owner.organization_id, 1)
    project = f"/api/projects/{owner.project_id}/"
    for method, path in (
        ("POST", f"/api/organizations/{owner.organization_id}/projects/"),
        ("DELETE", project),
        ("PATCH", f"{project}reset_token/"),
    ):
        answer = member.client.request(method, path)
        assert (answer.status_code, answer.json()["detail"]) == (
            403,
            "Your organization access level is insufficient.",
        )
    assert member.client.patch(project, json={"name": "Renamed"}).status_code == 200
    assert owner.client.get(project).json()["name"] == "Renamed"


def test_a_project_in_no_time_zone_is_refused(newcomer: Callable[..., Newcomer]) -> None:
    answer = newcomer().client.post("/api/projects/", json={"timezone": "Mars/Olympus"})
    assert (answer.status_code, answer.json()["attr"]) == (400, "timezone")


def test_a_deleted_project_is_gone_with_its_rows_and_its_id_is_never_given_again(
    furze: Furze, newcomer: Callable[..., Newcomer]
) -> None:
    person = newcomer()
    gone = person.client.post("/api/projects/", json={"name": "Gone"}).json()
    path = f"/api/projects/{gone['id']}/"
    assert capture(furze, gone["api_token"], "ada") == 200
    wait_for(lambda: count(person, gone["id"]) == 1)
    login = {"host": "db.example", "port": "5432", "user": "u", "password": "p"}
    server = {"kind": "postgresql", "config": login}
    integration = person.client.post(f"{path}integrations/", json=server).json()["id"]
    table = {"type": "Postgres", "config": {"database": "d"}, "integration": integration}
    for slice_, body in (
        ("batch_exports", {"name": "t", "interval": "day", "destination": table}),
        ("insights", {"query": {"kind": "HogQLQuery", "query": "select 1"}}),
        ("customer_profile_configs", {"scope": "person"}),
        (
            "batch_exports",
            {
                "name": "e",
                "interval": "hour",
                "destination": {"type": "LocalFile", "config": {"path": str(furze.settings.data / "gone")}},
            },
        ),
    ):
        assert person.client.post(f"{path}{slice_}/", json=body).status_code == 201
    assert person.client.delete(path).status_code == 204
    assert person.client.get(path).status_code == 404
    assert person.client.get("/api/projects/@current/").json()["id"] == person.project_id
    log = person.client.get("/api/projects/@current/activity_log/").json()["results"]
    assert [(each["scope"], each["activity"], each["detail"]["name"]) for each in log] == [
        ("Project", "deleted", "Gone")
    ]
    assert person.client.post("/api/projects/").json()["id"] > gone["id"]
