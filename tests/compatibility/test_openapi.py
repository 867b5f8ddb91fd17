"""The OpenAPI document is true: whatever is sent to an operation, the answer is one that the document describes."""

import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from tests.conftest import PERSONAL_KEY, PROJECT_KEY, Furze, serving

#: Requests to each operation; more find rarer faults.
EXAMPLES = int(os.environ.get("FURZE_OPENAPI_EXAMPLES", "3"))

# Signing out and in would only say 401, and without its project every other operation would say 404.
LEFT_OUT = ("POST /api/logout", "POST /api/login", "DELETE /api/projects/{project_id}")


def objects(furze: Furze, unique: str) -> dict[str, str]:
    """One object of each kind, by the name that path parameters give its id."""
    post = furze.client.post
    event = {
        "event": "seen",
        "distinct_id": unique,
        "uuid": str(uuid4()),
        "properties": {"$set": {"email": f"{unique}@example.com"}},
    }
    assert post("/e/", json={"api_key": PROJECT_KEY, **event}).status_code == 200
    config = post(furze.api("customer_profile_configs"), json={"scope": "person"}).json()
    insight = post(furze.api("insights"), json={"query": {"kind": "HogQLQuery", "query": "select 1"}}).json()
    destination = {"type": "LocalFile", "config": {"path": str(furze.settings.data / unique)}}
    export = post(furze.api("batch_exports"), json={"name": unique, "interval": "day", "destination": destination})
    assert export.status_code == 201, export.text
    metric = post(furze.api("groups_types/0/metrics"), json={"name": unique, "filters": {}}).json()
    current = furze.client.get("/api/users/@me").json()
    organization = post("/api/organizations", json={"name": unique}).json()["id"]
    furze.client.patch("/api/users/@me", json={"set_current_team": current["team"]["id"]})
    conversation = str(uuid4())
    said = {"content": "How many events?", "conversation": conversation, "trace_id": str(uuid4())}
    assert post(furze.api("conversations"), json=said, headers={"Accept": "application/json"}).status_code == 201
    return {
        "project_id": "1",
        "config_id": config["id"],
        "insight_id": str(insight["id"]),
        "export_id": export.json()["id"],
        "metric_id": metric.get("id", ""),
        "conversation": conversation,
        "group_type_index": "0",
        "event_id": event["uuid"],
        "person_id": unique,
        "organization_id": organization,
        "member_id": "@me",
        "user_id": "@me",
    }


@pytest.fixture(params=["sqlite", "postgres"])
def furze(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furze]:
    """A server that no other test uses: this one calls everything, the new token of a project included."""
    with serving(request, tmp_path_factory) as made:
        yield made


def test_every_operation_answers_as_the_document_says(furze: Furze, unique: str) -> None:
    known = objects(furze, unique)
    document = furze.client.get("/api/schema").json()
    schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig())
    schema.config.update(base_url=furze.url)
    faults: dict[str, str] = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.label in LEFT_OUT or operation.path.startswith("/api/environments/{"):
            continue  # both mounts are the same functions
        call_often(operation, known, faults)
    assert not faults, "\n\n".join(f"{name}\n{text}" for name, text in faults.items())


def call_often(operation: Any, known: dict[str, str], faults: dict[str, str]) -> None:
    checks = [
        CHECKS.get_one(name)
        for name in ("not_a_server_error", "status_code_conformance", "response_schema_conformance")
    ]

    @seed(20260304)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), is_known=st.sampled_from([True, True, False]))
    def call(case: Any, is_known: bool) -> None:
        case.path_parameters["project_id"] = "1"
        if is_known:
            case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
        headers = {**(case.headers or {}), "Authorization": f"Bearer {PERSONAL_KEY}", "Accept": "application/json"}
        response = case.call(headers=headers, timeout=30)
        try:
            case.validate_response(response, checks=checks)
        except BaseExceptionGroup as found:
            sent = f"{case.method} {response.request.url} {str(case.body)[:300]}"
            faults[operation.label] = f"{sent}\n{response.status_code} {response.text[:400]}\n{found.exceptions}"[:2000]

    call()
