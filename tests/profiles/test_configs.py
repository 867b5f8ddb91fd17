"""customer_profile_configs, as a client sees them."""

import json
from typing import Any

import pytest
from sqlalchemy import select
from tests.conftest import Furze, both_databases

from furze.database import Database
from furze.platform.store import activity_log

pytestmark = both_databases

CONFIGS = "customer_profile_configs/"


def create(furze: Furze, **body: Any) -> dict[str, Any]:
    answer = furze.client.post(furze.api(CONFIGS), json={"scope": "person", **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.parametrize("mount", ["projects", "environments"])
def test_a_config_created_on_one_mount_is_read_on_both(furze: Furze, mount: str) -> None:
    created = furze.client.post(furze.api(CONFIGS, mount), json={"scope": "person", "content": [{"type": "ph-person"}]})
    assert created.status_code == 201, created.text
    body = created.json()
    assert set(body) == {"id", "scope", "content", "sidebar", "pinned_properties", "created_at", "updated_at"}
    assert (body["scope"], body["content"], body["sidebar"]) == ("person", [{"type": "ph-person"}], {})
    for other in ("projects", "environments"):
        assert furze.client.get(furze.api(f"{CONFIGS}{body['id']}", other)).json() == body


def test_the_trailing_slash_is_optional_and_at_current_names_the_project(furze: Furze) -> None:
    for path in ("1/customer_profile_configs", "1/customer_profile_configs/", "@current/customer_profile_configs/"):
        assert furze.client.get(f"/api/environments/{path}").status_code == 200


def test_an_empty_list_survives_as_a_layout_without_tiles(furze: Furze) -> None:
    body = create(furze, content=[], sidebar=None)
    assert (body["content"], body["sidebar"]) == ([], {})


def test_patch_touches_only_the_keys_sent_and_always_moves_updated_at(furze: Furze) -> None:
    body = create(furze, content={"a": 1}, sidebar=[{"type": "ph-person"}])
    path = furze.api(f"{CONFIGS}{body['id']}/")
    changed = furze.client.patch(path, json={"content": None}).json()
    assert (changed["content"], changed["sidebar"], changed["scope"]) == ({}, body["sidebar"], "person")
    touched = furze.client.patch(path, json={}).json()
    assert touched["updated_at"] > changed["updated_at"] > body["updated_at"]


def test_put_requires_the_scope_again(furze: Furze) -> None:
    path = furze.api(f"{CONFIGS}{create(furze)['id']}/")
    missing = furze.client.put(path, json={"content": []})
    assert missing.status_code == 400
    assert missing.json()["attr"] == "scope"
    assert furze.client.put(path, json={"scope": "group_2", "content": []}).json()["scope"] == "group_2"


def test_delete_answers_204_without_a_body_and_then_404(furze: Furze) -> None:
    path = furze.api(f"{CONFIGS}{create(furze)['id']}/")
    deleted = furze.client.delete(path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert furze.client.get(path).status_code == 404


def test_the_scope_narrows_the_list_and_pages_are_stable(furze: Furze) -> None:
    made = [create(furze, scope="group_4")["id"] for _ in range(3)]
    first = furze.client.get(furze.api(CONFIGS), params={"scope": "group_4", "limit": 2}).json()
    assert (first["count"], [row["id"] for row in first["results"]], first["previous"]) == (3, made[:2], None)
    second = furze.client.get(first["next"]).json()
    assert ([row["id"] for row in second["results"]], second["next"]) == (made[2:], None)
    assert second["previous"].endswith("/customer_profile_configs/?limit=2&scope=group_4")
    for each in made:
        furze.client.delete(furze.api(f"{CONFIGS}{each}/"))


REFUSED: list[tuple[Any, str, str | None, str]] = [
    ({}, "required", "scope", "This field is required."),
    ({"scope": "quick"}, "invalid_choice", "scope", '"quick" is not a valid choice.'),
    ({"scope": None}, "null", "scope", "This field may not be null."),
    ({"scope": ""}, "invalid_choice", "scope", '"" is not a valid choice.'),
    ({"scope": 1}, "invalid_choice", "scope", '"1" is not a valid choice.'),
    ({"scope": ["person"]}, "invalid_choice", "scope", "\"['person']\" is not a valid choice."),
    ({"scope": "person", "content": "x"}, "invalid_input", "content", "Invalid value for field 'content'"),
    ({"scope": "person", "content": False}, "invalid_input", "content", "Invalid value for field 'content'"),
    ({"scope": "person", "sidebar": 3}, "invalid_input", "sidebar", "Invalid value for field 'sidebar'"),
    ({"scope": "no", "content": 1, "sidebar": 1}, "invalid_choice", "scope", '"no" is not a valid choice.'),
    (["person"], "invalid_input", None, "Invalid data. Expected a dictionary, but got list."),
    (None, "null", None, "No data provided"),
]


@pytest.mark.parametrize(("body", "code", "attr", "detail"), REFUSED)
def test_a_faulty_body_is_refused_with_its_first_fault(
    furze: Furze, body: Any, code: str, attr: str | None, detail: str
) -> None:
    answer = furze.client.post(
        furze.api(CONFIGS), content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json() == {"type": "validation_error", "code": code, "detail": detail, "attr": attr}


def test_a_number_that_json_does_not_have_is_refused(furze: Furze) -> None:
    answer = furze.client.post(
        furze.api(CONFIGS),
        content='{"scope": "person", "content": {"x": NaN}}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.json() == {
        "type": "validation_error",
        "code": "invalid_input",
        "detail": "Value must be valid JSON.",
        "attr": "content",
    }


@pytest.mark.parametrize("identity", ["6f1c8ae2-0b52-4b1d-9d0e-3a4f5b6c7d8e", "no-uuid"])
def test_an_unknown_id_is_not_found(furze: Furze, identity: str) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = furze.client.request(method, furze.api(f"{CONFIGS}{identity}/"), json={"scope": "person"})
        assert answer.status_code == 404
        assert answer.json() == {"type": "invalid_request", "code": "not_found", "detail": "Not found.", "attr": None}


def test_every_change_leaves_one_entry_in_the_activity_log(furze: Furze) -> None:
    identity = create(furze, scope="group_1")["id"]
    path = furze.api(f"{CONFIGS}{identity}/")
    furze.client.patch(path, json={"content": [1]})
    furze.client.delete(path)
    database = Database(furze.settings.resolved_database_url)
    try:
        entries = database.read_now(
            lambda connection: connection.execute(
                select(activity_log).where(activity_log.c.item_id == identity).order_by(activity_log.c.created_at)
            ).all()
        )
    finally:
        database.close()
    assert [(each.scope, each.activity, each.detail["name"]) for each in entries] == [
        ("CustomerProfileConfig", activity, "group_1 profile") for activity in ("created", "updated", "deleted")
    ]
    assert [change["field"] for change in entries[1].detail["changes"]] == ["content"]


def test_a_form_body_works_as_the_printed_curl_sends_it(furze: Furze) -> None:
    refused = furze.client.post(furze.api(CONFIGS), data={"scope": "undefined"})
    assert refused.json()["detail"] == '"undefined" is not a valid choice.'
    created = furze.client.post(furze.api(CONFIGS), data={"scope": "person", "content": '[{"type":"ph-map"}]'})
    assert created.json()["content"] == [{"type": "ph-map"}]
    multipart = furze.client.post(furze.api(CONFIGS), files={"scope": (None, "person"), "sidebar": (None, "[]")})
    assert multipart.json()["sidebar"] == []
