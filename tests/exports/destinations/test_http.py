"""Exports to a capture endpoint, received by a real HTTP server."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.exports.conftest import Exporting
from tests.exports.destinations.conftest import Steps, deliver, failure

TOKEN = "phc_of_the_receiver"


@dataclass
class Receiver:
    """An endpoint: the requests it took, and the statuses it will answer before it takes any."""

    url: str = ""
    batches: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for body in self.batches for event in body["batch"]]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = received.answers.pop(0) if received.answers else 200
            if self.path != "/batch/":
                status = 404
            elif body["api_key"] != TOKEN:
                status = 401
            elif status == 200 and body["batch"]:
                received.batches.append(body)
            text = json.dumps({"said": status, "api_key": body["api_key"]}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            if status == 302:
                self.send_header("Location", "http://169.254.169.254/")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        received.url = f"http://127.0.0.1:{server.server_port}/batch/"
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        yield received
        server.shutdown()
        thread.join()


def to(receiver: Receiver, unique: str, **changes: Any) -> dict[str, Any]:
    return {"type": "HTTP", "config": {"url": receiver.url, "token": TOKEN, "include_events": [unique]} | changes}


def test_events_arrive_as_posthog_batches(exporting: Exporting, receiver: Receiver, unique: str) -> None:
    sent = exporting.send(3, event=unique, properties={"plan": "pro", "deep": {"a": [1, "é"]}})
    exporting.send(1, event=unique, properties={"$elements_chain": "a:nth-child=1"})
    export = deliver(exporting, to(receiver, unique))
    assert "token" not in export["destination"]["config"]
    assert export["run"]["records_completed"] == len(receiver.events) == 4
    assert {body["historical_migration"] for body in receiver.batches} == {True}
    event = next(event for event in receiver.events if event["uuid"] in sent)
    assert event.keys() == {"uuid", "distinct_id", "timestamp", "event", "properties"}
    assert event["properties"]["$geoip_disable"] is True
    assert event["properties"]["deep"] == {"a": [1, "é"]}
    assert event["event"] == unique
    chains = [event["properties"].get("$elements_chain") for event in receiver.events]
    assert sorted(filter(None, chains)) == ["a:nth-child=1"]


def test_a_request_holds_at_most_5000_events(exporting: Exporting, receiver: Receiver, unique: str) -> None:
    sent = exporting.send(5200, event=unique)
    deliver(exporting, to(receiver, unique))
    assert {event["uuid"] for event in receiver.events} == sent
    assert len(receiver.events) == 5200
    assert [len(body["batch"]) for body in receiver.batches] == [5000, 200]


def test_what_may_pass_is_tried_again(exporting: Exporting, receiver: Receiver, unique: str) -> None:
    exporting.send(2, event=unique)
    receiver.answers = [429, 503]
    export = deliver(exporting, to(receiver, unique))
    assert export["run"]["attempt"] == 1
    assert len(receiver.events) == 2


@pytest.mark.parametrize(("status", "words"), [(400, "400 Bad Request"), (302, "redirects"), (413, "20 MB")])
def test_a_refused_request_fails_the_run_at_once(
    exporting: Exporting, receiver: Receiver, unique: str, status: int, words: str
) -> None:
    exporting.send(1, event=unique)
    receiver.answers = [status]
    error = failure(exporting, to(receiver, unique))
    assert words in error
    assert TOKEN not in error
    assert receiver.events == []


def test_the_test_step_says_what_to_mend(receiver: Receiver, unique: str, steps: Steps) -> None:
    assert steps(to(receiver, unique)) == [{"status": "Passed", "message": None}]
    assert receiver.batches == []
    mistakes = [
        ({"token": "phc_wrong_token"}, "refuses the token"),
        ({"url": receiver.url.replace("batch", "elsewhere")}, "no batch endpoint at this path"),
        ({"url": receiver.url.replace("http:", "https:")}, "Could not reach"),
        ({"url": "http://127.0.0.1:9/batch/"}, "Could not reach '127.0.0.1:9'"),
        ({"url": "http://nowhere.invalid/batch/"}, "is not known"),
        ({"url": "http://169.254.169.254/batch/"}, "metadata"),
    ]
    for changes, words in mistakes:
        result = steps(to(receiver, unique, **changes))[0]
        assert result["status"] == "Failed"
        assert words in result["message"]
        assert "phc_wrong_token" not in result["message"]


def test_only_events_and_only_addresses_are_taken(exporting: Exporting, receiver: Receiver, unique: str) -> None:
    def refused(body: dict[str, Any]) -> str:
        path = exporting.furze.api("batch_exports/")
        answer = exporting.furze.client.post(path, json={"name": "t", "interval": "hour"} | body)
        assert answer.status_code == 400
        return str(answer.json()["detail"])

    assert "only support the events model" in refused({"destination": to(receiver, unique), "model": "persons"})
    assert "Invalid destination URL" in refused({"destination": to(receiver, unique, url="ftp://a/b")})
    with_password = {"destination": to(receiver, unique, url="https://a:hidden-secret@b/")}
    assert "hidden-secret" not in refused(with_password)
