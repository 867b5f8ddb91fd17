"""Batch exports by conversation, on the whole server: the built-in reader asks the tools, a person approves."""

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.conftest import PROJECT_KEY, Furze
from tests.conversations.conftest import events_of, finals


def _export(furze: Furze, folder: Path, name: str) -> str:
    destination = {"type": "LocalFile", "config": {"path": str(folder)}}
    body = {"name": name, "interval": "day", "model": "events", "destination": destination}
    made = furze.client.post(furze.api("batch_exports/"), json=body)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


def _send(furze: Furze, content: str | None, conversation: str, **more: Any) -> str:
    body = {"content": content, "conversation": conversation, "trace_id": str(uuid4()), **more}
    response = furze.client.post(furze.api("conversations/"), json=body)
    assert response.status_code in (200, 201), response.text
    told = [event for _, event, _ in finals(events_of(response.content)) if event.get("type") == "ai"]
    return str(told[-1]["content"])


def _is_paused(furze: Furze, export: str) -> bool:
    return bool(furze.client.get(furze.api(f"batch_exports/{export}/")).json()["paused"])


def _proposal(furze: Furze, conversation: str) -> dict[str, Any]:
    pending = furze.client.get(furze.api(f"conversations/{conversation}/")).json()["pending_approvals"]
    return next(each for each in pending if each["decision_status"] == "pending")


def test_an_export_is_paused_once_a_person_has_approved(furze: Furze, tmp_path: Path) -> None:
    name, conversation = f"parcels {uuid4().hex[:6]}", str(uuid4())
    export = _export(furze, tmp_path, name)
    _capture(furze)
    assert name in _send(furze, "which batch exports do we have?", conversation)
    _send(furze, f"pause the {name} export", conversation)
    assert not _is_paused(furze, export)
    proposal = _proposal(furze, conversation)
    assert proposal["tool_name"] == "pause_batch_export"
    decision = {"action": "approve", "proposal_id": proposal["proposal_id"]}
    assert "is paused now" in _send(furze, None, conversation, resume_payload=decision)
    assert _is_paused(furze, export)


def test_an_export_stays_as_it_is_when_the_person_rejects(furze: Furze, tmp_path: Path) -> None:
    name, conversation = f"letters {uuid4().hex[:6]}", str(uuid4())
    export = _export(furze, tmp_path, name)
    _capture(furze)
    _send(furze, f"pause the {name} export", conversation)
    decision = {"action": "reject", "proposal_id": _proposal(furze, conversation)["proposal_id"]}
    _send(furze, None, conversation, resume_payload=decision)
    assert not _is_paused(furze, export)


def test_an_order_for_an_export_that_does_not_exist_names_those_that_do(furze: Furze, tmp_path: Path) -> None:
    name = f"boxes {uuid4().hex[:6]}"
    _export(furze, tmp_path, name)
    _capture(furze)
    told = _send(furze, "pause the moonbeam export", str(uuid4()))
    assert "No exports match “moonbeam”" in told
    assert name in told


def _capture(furze: Furze) -> None:
    """The reader answers only where there are events."""
    event = f"posted {uuid4().hex[:6]}"
    furze.client.post("/batch/", json={"api_key": PROJECT_KEY, "batch": [{"event": event, "distinct_id": "d"}]})
    query = {"kind": "HogQLQuery", "query": f"SELECT count() FROM events WHERE event = '{event}'"}
    deadline = time.monotonic() + 20
    while True:
        body = {"query": query, "refresh": "force_blocking"}
        if furze.client.post(furze.api("query/"), json=body).json()["results"][0][0] == 1:
            return
        assert time.monotonic() < deadline, "the event did not arrive"
        time.sleep(0.1)
