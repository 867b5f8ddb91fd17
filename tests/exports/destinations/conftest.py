"""What the tests of destinations share: test steps asked for, runs found."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.conftest import Furze
from tests.exports.conftest import Exporting

Steps = Callable[[dict[str, Any]], list[dict[str, Any]]]


@pytest.fixture
def exporting(furze: Furze) -> Exporting:
    """Exports on the shared server."""
    return Exporting(furze)


@pytest.fixture
def steps(exporting: Exporting) -> Steps:
    """The results of a destination's test steps in order, up to the first that fails."""

    def run(destination: dict[str, Any]) -> list[dict[str, Any]]:
        count = len(exporting.call("GET", f"test/?destination={destination['type']}")["steps"])
        body = {"name": "t", "interval": "hour", "destination": destination}
        found: list[dict[str, Any]] = []
        for number in range(count):
            found.append(exporting.call("POST", "run_test_step_new/", json=body | {"step": number})["result"])
            if found[-1]["status"] == "Failed":
                break
        return found

    return run


def deliver(exporting: Exporting, destination: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An export whose backfill has brought everything, and its run."""
    export = exporting.create(destination, **more)
    backfill = exporting.backfill(export)
    assert (backfill["status"], backfill["errors"]) == ("Completed", [])
    run = next(run for run in exporting.runs(export) if run["records_completed"])
    assert run["reconciliation"]["matches"], run
    return export | {"run": run}


def repeat(exporting: Exporting, export: dict[str, Any]) -> dict[str, Any]:
    """The run that carries the same rows once more."""
    exporting.call("POST", f"{export['id']}/runs/{export['run']['id']}/retry/")
    again = exporting.ended(f"{export['id']}/runs/{exporting.runs(export)[0]['id']}/")
    assert again["status"] == "Completed", again
    return again


def failure(exporting: Exporting, destination: dict[str, Any], **more: Any) -> str:
    """Why the first run of an export failed at once."""
    export = exporting.create(destination, **more)
    assert exporting.backfill(export, hours=1)["status"] == "Failed"
    run = next(run for run in exporting.runs(export) if run["status"] == "Failed")
    assert run["attempt"] == 1
    text: str = run["latest_error"]
    return text
