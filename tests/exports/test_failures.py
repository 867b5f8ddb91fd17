"""What goes wrong at one destination: a person is told, nothing partial is seen, and no other export is held up."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.exports.conftest import Exporting, uuids_in


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that accepts connections and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield server


def test_a_destination_that_never_answers_holds_up_no_other_export(
    exporting: Exporting, silent: socket.socket, tmp_path: Path, unique: str
) -> None:
    config = {"host": "127.0.0.1", "port": silent.getsockname()[1], "database": "d", "user": "u", "password": "p"}
    body = {"name": "t", "interval": "hour", "step": 0, "destination": {"type": "Postgres", "config": config}}
    sent = exporting.send(3, event=unique)
    export = exporting.create({"type": "LocalFile", "config": {"path": str(tmp_path), "include_events": [unique]}})
    with ThreadPoolExecutor(16) as askers:
        waiting = [askers.submit(exporting.call, "POST", "run_test_step_new/", json=body) for _ in range(16)]
        assert exporting.backfill(export)["status"] == "Completed"
        assert not any(each.done() for each in waiting)
        silent.close()  # what waits is told at once
    assert sorted(uuids_in(tmp_path)) == sorted(sent)
    assert {each.result()["result"]["status"] for each in waiting} == {"Failed"}
