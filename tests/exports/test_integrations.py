"""Integrations: a connection's address and credentials in one place, for every export that goes there."""

from typing import Any

import pytest
from tests.conftest import Furze, both_databases
from tests.exports.conftest import Exporting
from tests.exports.test_postgres import config_of

pytestmark = both_databases

SERVER = {"host": "db.example", "port": "5433", "user": "ada", "password": "the-password"}


def made(furze: Furze, kind: str = "postgresql", **config: Any) -> dict[str, Any]:
    body = {"kind": kind, "config": config or SERVER, "display_name": "Warehouse"}
    answer = furze.client.post(furze.api("integrations/"), json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def to_postgres(integration: Any, **config: Any) -> dict[str, Any]:
    return {"type": "Postgres", "config": {"database": "d"} | config, "integration": integration}


def refusal(furze: Furze, destination: dict[str, Any]) -> tuple[str, str, str]:
    body = {"name": "n", "interval": "hour", "destination": destination}
    answer = furze.client.post(furze.api("batch_exports/"), json=body)
    assert answer.status_code == 400, answer.text
    return tuple(answer.json()[name] for name in ("attr", "code", "detail"))


@pytest.mark.parametrize("mount", ["projects", "environments"])
def test_one_is_made_read_changed_and_deleted_and_its_secrets_are_never_shown(furze: Furze, mount: str) -> None:
    path = furze.api("integrations", mount)
    created = furze.client.post(path, json={"kind": "postgresql", "config": SERVER}).json()
    assert (created["kind"], created["display_name"], created["errors"]) == ("postgresql", "PostgreSQL", "")
    assert created["config"] == {"host": "db.example", "port": "5433"}
    assert created["created_by"]["email"]
    one = f"{path}/{created['id']}/"
    moved = {"host": "other.example", "user": "ada", "password": "the-password"}
    changed = furze.client.patch(one, json={"config": moved, "display_name": "Other"}).json()
    assert (changed["config"]["host"], changed["config"]["port"], changed["display_name"]) == (
        *("other.example", "5433"),
        "Other",
    )
    assert furze.client.get(one).json() == changed
    assert created["id"] in [each["id"] for each in furze.client.get(path).json()["results"]]
    assert furze.client.get(path, params={"kind": "aws-s3"}).json()["count"] == 0
    assert "the-password" not in furze.client.get(path).text
    assert furze.client.delete(one).status_code == 204
    assert furze.client.get(one).status_code == 404


def test_each_kind_tells_its_inputs_and_whom_it_serves(furze: Furze) -> None:
    kinds = {each["kind"]: each for each in furze.client.get(furze.api("integrations/kinds")).json()}
    assert kinds["azure-blob"]["destinations"] == ["AzureBlob"]
    assert set(kinds["s3-compatible"]["inputs"]["properties"]) == {
        *("endpoint_url", "aws_access_key_id", "aws_secret_access_key")
    }


@pytest.mark.parametrize(
    ("body", "attr", "detail"),
    [
        ({"kind": "slack", "config": {}}, "kind", '"slack" is not a valid choice.'),
        ({"kind": "postgresql", "config": {"user": "u"}}, "config", "missing required field: 'host'"),
        ({"kind": "postgresql", "config": SERVER | {"x": 1}}, "config", "unknown field/s: 'x'"),
    ],
)
def test_a_faulty_one_is_refused(furze: Furze, body: dict[str, Any], attr: str, detail: str) -> None:
    answer = furze.client.post(furze.api("integrations/"), json=body)
    assert (answer.status_code, answer.json()["attr"]) == (400, attr)
    assert detail in answer.json()["detail"]


def test_an_export_goes_by_it_and_keeps_nothing_of_it(furze: Furze, exporting: Exporting) -> None:
    integration = made(furze)
    export = exporting.create(to_postgres(integration["id"]))
    assert export["destination"] == {"type": "Postgres", "config": {"database": "d"}, "integration": integration["id"]}
    renamed = exporting.call("PATCH", f"{export['id']}/", json={"name": "other"})
    assert renamed["destination"]["integration"] == integration["id"]
    used = furze.client.delete(furze.api(f"integrations/{integration['id']}/"))
    assert used.status_code == 409
    assert "1 batch exports use this integration: 'other'" in used.json()["detail"]
    exporting.call("DELETE", f"{export['id']}/")
    assert furze.client.delete(furze.api(f"integrations/{integration['id']}/")).status_code == 204


def test_the_steps_and_runs_of_an_export_use_it(furze: Furze, exporting: Exporting, postgres: str) -> None:
    server = config_of(postgres)
    database = server.pop("database")
    integration = made(furze, **server)
    destination = to_postgres(integration["id"], database=database, table_name="by_integration")
    body = {"name": "n", "interval": "hour", "destination": destination, "step": 0}
    assert exporting.call("POST", "run_test_step_new/", json=body)["result"]["status"] == "Passed"
    export = exporting.create(destination)
    assert exporting.call("POST", f"{export['id']}/run_test_step/", json={"step": 0})["result"]["status"] == "Passed"
    exporting.send(1)
    assert exporting.backfill(export)["status"] == "Completed"
    furze.client.patch(furze.api(f"integrations/{integration['id']}/"), json={"config": server | {"port": 1}})
    failed = exporting.call("POST", f"{export['id']}/run_test_step/", json={"step": 0})["result"]
    assert failed["status"] == "Failed"


def test_a_wrong_one_is_named(furze: Furze) -> None:
    azure = made(furze, "azure-blob", connection_string="UseDevelopmentStorage=true")["id"]
    assert refusal(furze, to_postgres(azure)) == (
        "destination__integration",
        "invalid_input",
        "Integration provided is not a PostgreSQL integration (got kind='azure-blob').",
    )
    assert refusal(furze, {"type": "NoOp", "integration": azure})[2] == "NoOp batch exports take no integration."
    unknown = refusal(furze, to_postgres(999_999))
    assert unknown == ("destination__integration", "does_not_exist", 'Invalid pk "999999" - object does not exist.')


def test_one_that_is_needed_cannot_be_taken_away(furze: Furze, exporting: Exporting) -> None:
    export = exporting.create(to_postgres(made(furze)["id"]))
    path = furze.api(f"batch_exports/{export['id']}/")
    refused = furze.client.patch(path, json={"destination": to_postgres(None)})
    assert refused.status_code == 400
    assert refused.json()["detail"].startswith(
        "Cannot remove the integration from a Postgres batch export that uses one. Re-send its `integration`"
    )
    freed = furze.client.patch(path, json={"destination": to_postgres(None, host="h", user="u")})
    assert freed.json()["destination"]["integration"] is None


@pytest.mark.parametrize("moved", [{"host": "elsewhere.example"}, {"port": "1"}, {"host": "e.example", "user": "eve"}])
def test_its_secrets_do_not_go_along_to_another_address(furze: Furze, moved: dict[str, str]) -> None:
    one = furze.api(f"integrations/{made(furze)['id']}/")
    answer = furze.client.patch(one, json={"config": moved})
    assert (answer.status_code, answer.json()["attr"]) == (400, "config")
    assert "'password'" in answer.json()["detail"]
    assert furze.client.get(one).json()["config"] == {"host": "db.example", "port": "5433"}
    same = {"host": "db.example", "password": "another"}
    assert furze.client.patch(one, json={"config": same}).status_code == 200


def test_an_export_cannot_send_its_integrations_secrets_elsewhere(
    furze: Furze, exporting: Exporting, postgres: str
) -> None:
    server = config_of(postgres)
    database = server.pop("database")
    integration = made(furze, **server)
    destination = to_postgres(integration["id"], database=database, host="elsewhere.invalid")
    export = exporting.create(destination)
    asked = {"name": "n", "interval": "hour", "destination": destination, "step": 0}
    for step in (
        exporting.call("POST", f"{export['id']}/run_test_step/", json={"step": 0}),
        exporting.call("POST", "run_test_step_new/", json=asked),
    ):
        assert step["result"]["status"] == "Passed"
