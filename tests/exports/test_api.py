"""The contract of batch exports: bodies, refusals, secrets, pause, lists."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Furze, both_databases
from tests.exports.conftest import Exporting

S3 = {
    "type": "S3",
    "config": {
        "bucket_name": "b",
        "region": "r",
        "prefix": "p",
        "aws_access_key_id": "the-key-id",
        "aws_secret_access_key": "the-secret",
    },
}
NO_OP = {"type": "NoOp", "config": {}}

pytestmark = both_databases


def body(**changes: Any) -> dict[str, Any]:
    return {"name": "an export", "interval": "hour", "destination": NO_OP} | changes


@pytest.mark.parametrize("mount", ["projects", "environments"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_an_export_is_created_read_and_deleted_on_both_mounts(furze: Furze, mount: str, slash: str) -> None:
    path = furze.api("batch_exports", mount)
    created = furze.client.post(path + slash, json=body(destination=S3))
    assert created.status_code == 201
    export = created.json()
    assert (export["team_id"], export["model"], export["timezone"], export["paused"]) == (1, "events", "UTC", False)
    assert export["destination"] == {
        "type": "S3",
        "config": {"bucket_name": "b", "region": "r", "prefix": "p"},
        "integration": None,
    }
    one = f"{path}/{export['id']}{slash}"
    assert furze.client.get(one).json() == export
    assert furze.client.get(path + slash).json()["results"][0]["id"] == export["id"]
    assert furze.client.delete(one).status_code == 204
    assert furze.client.get(one).status_code == 404
    assert export["id"] not in furze.client.get(path + slash).text


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"name": None}, "name", "This field may not be null."),
    ({"interval": "year"}, "interval", '"year" is not a valid choice.'),
    ({"model": "cats"}, "model", '"cats" is not a valid choice.'),
    ({"timezone": "Mars/Base"}, "timezone", '"Mars/Base" is not a valid choice.'),
    ({"offset_day": 7, "interval": "week"}, "offset_day", "Ensure this value is less than or equal to 6."),
    ({"offset_hour": 24, "interval": "day"}, "offset_hour", "Ensure this value is less than or equal to 23."),
    ({"offset_day": 1, "interval": "day"}, "offset_day", "offset_day should not be specified for daily intervals"),
    ({"offset_day": 1}, "offset_day", "offset_day is not applicable for non-weekly intervals"),
    ({"offset_hour": 1}, "offset_hour", "offset_hour is not applicable for non-daily/weekly intervals"),
    ({"filters": [{}], "model": "persons"}, "filters", "'filters' is only supported for 'events' not 'persons' model"),
    ({"filters": {"a": 1}}, "filters", "'filters' should be an array of filters"),
    ({"filters": ["x"]}, "filters", "Each filter must be an object"),
    (
        {"filters": [{"type": "cohort"}]},
        "filters",
        "Each filter must have a 'type' of one of: 'event', 'hogql', 'person'",
    ),
    ({"model": "hogql"}, "hogql_query", "'hogql_query' is required when 'model' is 'hogql'"),
    ({"destination": {"type": "Pigeon"}}, "destination__type", '"Pigeon" is not a valid choice.'),
    (
        {"destination": {"type": "NoOp", "config": {"b": 1, "a": 2}}},
        "destination__config",
        "Configuration has unknown field/s: 'a', 'b'",
    ),
    (
        {"destination": {"type": "S3", "config": {"region": "r", "prefix": ""}}},
        "destination__config",
        "Configuration missing required field: 'bucket_name'",
    ),
    (
        {"destination": {"type": "NoOp", "config": {"arg": 5}}},
        "destination__config",
        "Configuration has invalid type: got 'int', expected 'str'",
    ),
    (
        {"destination": {"type": "S3", "config": {"bucket_name": "", "region": "", "prefix": ""}}},
        "destination__config",
        "The following inputs are empty: ['bucket_name', 'region']",
    ),
    (
        {
            "destination": {
                "type": "LocalFile",
                "config": {"path": "/x", "file_format": "JSONLines", "compression": "lz4"},
            }
        },
        "destination__config",
        "Compression lz4 is not supported for file format JSONLines. Supported compressions are ['gzip',",
    ),
    (
        {"destination": {"type": "LocalFile", "config": {"path": "/x", "prefix": "{moon}"}}},
        "destination__config",
        "Invalid prefix '{moon}': unknown variable 'moon'.",
    ),
]


@pytest.mark.parametrize(("changes", "attr", "detail"), REFUSED, ids=[detail for _, _, detail in REFUSED])
def test_a_faulty_body_is_refused_in_known_words(furze: Furze, changes: dict[str, Any], attr: str, detail: str) -> None:
    answer = furze.client.post(furze.api("batch_exports/"), json=body(**changes))
    assert answer.status_code == 400
    assert answer.json()["type"] == "validation_error"
    assert answer.json()["attr"] == attr
    assert answer.json()["detail"].startswith(detail)


def test_what_is_missing_is_required(furze: Furze) -> None:
    answer = furze.client.post(furze.api("batch_exports/"), json={})
    assert answer.json() == {
        "type": "validation_error",
        "code": "required",
        "detail": "This field is required.",
        "attr": "name",
    }


def test_secrets_stay_when_they_are_not_sent_and_are_never_shown(exporting: Exporting) -> None:
    export = exporting.create(S3)
    for method, changes in (("PATCH", {"destination": {"type": "S3", "config": {"prefix": "q"}}}), ("PUT", export)):
        answer = exporting.furze.client.request(
            method, exporting.furze.api(f"batch_exports/{export['id']}/"), json=changes
        )
        assert answer.status_code == 200
        assert "the-secret" not in answer.text
        assert "the-key-id" not in answer.text
    step = exporting.call("POST", f"{export['id']}/run_test_step/", json={"step": 0})
    assert step["result"]["status"] == "Failed"
    assert "not configured" not in step["result"]["message"]
    stored = b"".join(file.read_bytes() for file in exporting.furze.settings.data.glob("furze.db*"))
    assert b"the-secret" not in stored


def test_type_and_model_cannot_change(exporting: Exporting) -> None:
    export = exporting.create(NO_OP)
    path = exporting.furze.api(f"batch_exports/{export['id']}/")
    answer = exporting.furze.client.patch(path, json={"destination": S3})
    assert "Cannot change destination type from 'NoOp' to 'S3'." in answer.json()["detail"]
    answer = exporting.furze.client.patch(path, json={"model": "persons"})
    assert answer.json()["detail"] == "Changing models is not supported. Create a new batch export instead."


def test_offsets_stay_while_the_interval_supports_them(exporting: Exporting) -> None:
    export = exporting.create(NO_OP, interval="week", offset_day=2, offset_hour=5)
    one = f"{export['id']}/"
    assert (export["offset_day"], export["offset_hour"]) == (2, 5)
    daily = exporting.call("PATCH", one, json={"interval": "day"})
    assert (daily["offset_day"], daily["offset_hour"]) == (None, 5)
    assert exporting.call("PATCH", one, json={"offset_hour": None})["offset_hour"] == 0
    hourly = exporting.call("PATCH", one, json={"interval": "hour"})
    assert (hourly["offset_day"], hourly["offset_hour"]) == (None, None)


def test_pause_and_unpause_do_nothing_twice(exporting: Exporting) -> None:
    export = exporting.create(NO_OP)
    one = f"{export['id']}/"
    assert exporting.call("POST", one + "pause/", content=b"") == {"paused": True}
    paused = exporting.call("GET", one)
    assert paused["last_paused_at"] is not None
    assert exporting.call("POST", one + "pause/", json={"destination": {"type": "S3"}}) == {"paused": True}
    assert exporting.call("GET", one)["last_updated_at"] == paused["last_updated_at"]
    assert exporting.call("POST", one + "unpause/", json={}) == {"paused": False}
    assert exporting.call("POST", one + "unpause/", json={"backfill": True}) == {"paused": False}
    assert exporting.call("PATCH", one, json={"paused": True})["last_paused_at"] > paused["last_paused_at"]


def test_test_steps_are_listed_for_one_type_or_all(exporting: Exporting) -> None:
    steps = exporting.call("GET", "test/", params={"destination": "S3"})["steps"]
    assert steps[0]["name"] == "Check S3 bucket exists"
    assert steps[0]["result"] is None
    assert {"S3", "Postgres", "LocalFile"} <= set(exporting.call("GET", "test/"))
    answer = exporting.furze.client.get(exporting.furze.api("batch_exports/test/"), params={"destination": "Pigeon"})
    assert answer.status_code == 404
    answer = exporting.furze.client.post(exporting.furze.api("batch_exports/run_test_step_new/"), json=body(step=9))
    assert (answer.status_code, answer.json()["attr"]) == (400, "step")


def test_runs_and_backfills_are_pages_without_a_count(exporting: Exporting) -> None:
    export = exporting.create(NO_OP)
    for name in ("runs", "backfills"):
        assert exporting.call("GET", f"{export['id']}/{name}/") == {"next": None, "previous": None, "results": []}
    path = exporting.furze.api(f"batch_exports/{export['id']}/runs/")
    assert exporting.furze.client.get(path, params={"status": "Odd"}).status_code == 400


NOW = datetime.now(UTC)
BACKFILLS: list[tuple[str, dict[str, Any], str]] = [
    ("hour", {"start_at": "x", "end_at": None}, "Input x is not a valid ISO formatted datetime."),
    ("hour", {"start_at": "2026-01-01T00:00:00", "end_at": None}, "Input 2026-01-01T00:00:00 is naive."),
    (
        "hour",
        {"start_at": "2026-01-02T00:00:00Z", "end_at": "2026-01-01T00:00:00Z"},
        "The initial backfill datetime 'start_at' must be before 'end_at'",
    ),
    ("hour", {"start_at": None, "end_at": (NOW + timedelta(days=3)).isoformat()}, "The provided 'end_at' ("),
    ("hour", {"start_at": "2026-01-02T00:00:00Z", "end_at": None}, "Backfilling a BatchExport with no end date is"),
    ("day", {"start_at": "2026-01-02T00:00:00Z", "end_at": None}, "Input '2026-01-02T00:00:00Z' is not a valid ISO"),
    (
        "week",
        {"start_at": "2026-01-05", "end_at": None},
        "Input 2026-01-05 is not on the correct day of the week for this batch export. 2026-01-05 is a Monday but",
    ),
]


@pytest.mark.parametrize(("interval", "asked", "detail"), BACKFILLS, ids=[detail for _, _, detail in BACKFILLS])
def test_a_faulty_range_is_refused_in_known_words(
    exporting: Exporting, tmp_path: Path, interval: str, asked: dict[str, Any], detail: str
) -> None:
    export = exporting.create({"type": "LocalFile", "config": {"path": str(tmp_path)}}, interval=interval)
    path = exporting.furze.api(f"batch_exports/{export['id']}/backfills/")
    answer = exporting.furze.client.post(path, json=asked)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(detail)


def test_a_backfill_of_nothing_completes_at_once(exporting: Exporting) -> None:
    export = exporting.create({"type": "NoOp", "config": {"include_events": ["never"]}})
    created = exporting.call(
        "POST",
        f"{export['id']}/backfills/",
        json={"start_at": "2001-01-01T00:00:00Z", "end_at": "2001-01-02T00:00:00Z"},
    )
    ended = exporting.ended(f"{export['id']}/backfills/{created['backfill_id']}/")
    assert (ended["status"], ended["total_records_count"]) == ("Completed", 0)
    path = exporting.furze.api(f"batch_exports/{export['id']}/backfills/{created['backfill_id']}/cancel/")
    answer = exporting.furze.client.post(path)
    assert answer.json()["detail"] == "Cannot cancel a backfill that is in 'Completed' status"


def test_a_run_that_has_ended_cannot_be_cancelled_but_repeated(exporting: Exporting, unique: str) -> None:
    exporting.send(2, event=unique)
    export = exporting.create({"type": "NoOp", "config": {"include_events": [unique]}})
    exporting.backfill(export, hours=1)
    run = next(run for run in exporting.runs(export) if run["records_completed"])
    assert run["reconciliation"]["matches"]
    path = exporting.furze.api(f"batch_exports/{export['id']}/runs/{run['id']}/cancel/")
    detail = exporting.furze.client.post(path).json()["detail"]
    assert detail == "Cannot cancel a run that is in 'Completed' status"
    repeated = exporting.call("POST", f"{export['id']}/runs/{run['id']}/retry/")
    assert repeated["backfill_id"].startswith(f"{export['id']}-Backfill-")
    logs = exporting.call("GET", f"{export['id']}/runs/{run['id']}/logs/", params={"level": "info"})
    assert any("Completed: 2 rows" in line["message"] for line in logs)


def test_an_organisation_lists_the_exports_of_its_projects(furze: Furze, exporting: Exporting) -> None:
    export = exporting.create(NO_OP)
    organization = furze.client.get("/api/organizations/").json()["results"][0]["id"]
    path = f"/api/organizations/{organization}/batch_exports"
    for slash in ("", "/"):
        assert export["id"] in [each["id"] for each in furze.client.get(path + slash).json()["results"]]
    assert furze.client.get(path.replace(organization, "0" * 8)).status_code == 404


def test_another_projects_export_is_not_found(furze: Furze, exporting: Exporting) -> None:
    export = exporting.create(NO_OP)
    path = furze.api(f"batch_exports/{export['id']}/").replace("/1/", "/999999/")
    assert furze.client.get(path).status_code == 404
    assert furze.client.get(furze.api("batch_exports/not-an-id/")).status_code == 404
    assert furze.client.get(furze.api("batch_exports/"), headers={"Authorization": "Bearer x"}).status_code == 401
