"""The built-in assistant on the whole server: real events in, the right number out, with the query it rests on."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.conftest import PROJECT_KEY, Furze
from tests.conversations.conftest import Event, events_of, finals
from tests.people.clients import event, second_project

_EVENTS = 37


def _ask(furze: Furze, question: str) -> list[Event]:
    body = {"content": question, "conversation": str(uuid4()), "trace_id": str(uuid4())}
    response = furze.client.post(furze.api("conversations/"), json=body)
    assert response.status_code == 201, response.text
    return finals(events_of(response.content))


def _capture(furze: Furze, event: str) -> None:
    at = datetime.now(UTC) - timedelta(minutes=5)
    batch = [
        {
            "event": event,
            "distinct_id": f"{event} {number % 10}",
            "timestamp": (at - timedelta(seconds=number)).isoformat(),
            "properties": {"fee": 2.5, "shelf": "high" if number % 4 else "low"},
        }
        for number in range(_EVENTS)
    ]
    sent = furze.client.post("/batch/", json={"api_key": PROJECT_KEY, "batch": batch})
    assert sent.status_code == 200, sent.text
    query = {"kind": "HogQLQuery", "query": f"SELECT count() FROM events WHERE event = '{event}'"}
    deadline = time.monotonic() + 20
    while True:
        body = {"query": query, "refresh": "force_blocking"}
        if furze.client.post(furze.api("query/"), json=body).json()["results"][0][0] == _EVENTS:
            return
        assert time.monotonic() < deadline, "the events did not arrive"
        time.sleep(0.1)


def _last(events: list[Event]) -> str:
    return next(str(body["content"]) for _, body, _ in reversed(events) if body.get("type") == "ai")


def test_questions_about_captured_events_are_answered_from_a_query_that_is_shown(furze: Furze) -> None:
    name = f"parcel weighed {uuid4().hex[:6]}"
    _capture(furze, name)
    count = _ask(furze, f'how many "{name}" events in the last 7 days?')
    assert f"**{_EVENTS}**" in _last(count)
    charts: list[dict[str, Any]] = [body for _, body, _ in count if body.get("type") == "ai/artifact"]
    assert charts[0]["content"]["query"]["series"][0]["event"] == name
    assert "**10**" in _last(_ask(furze, f'how many people did "{name}"'))
    assert "| high | 27 |" in _last(_ask(furze, f'"{name}" by shelf'))
    assert "**92.50**" in _last(_ask(furze, f'total fee of "{name}"'))
    assert "**10**" in _last(_ask(furze, f'how many "{name}" with shelf low'))


def test_a_project_with_thousands_of_names_is_answered_too(furze: Furze) -> None:
    client = second_project(furze)
    rare = [
        event(f"step {number}", "someone", **{f"field {number}-{n}": f"value {number} {n} " * 6 for n in range(12)})
        for number in range(400)
    ]
    client.capture([*rare, *(event("parcel sent", f"person {number}", depot="north") for number in range(9))])
    body = {"content": "how many parcel sent by depot", "conversation": str(uuid4()), "trace_id": str(uuid4())}
    answer = furze.client.post(client.path("conversations/"), json=body)
    assert "| north | 9 |" in _last(finals(events_of(answer.content)))


def test_a_customer_who_ordered_before_signing_up_goes_by_the_name_of_now(furze: Furze) -> None:
    client = second_project(furze)
    signup = event("$identify", "ada@example.com", **{"$anon_distinct_id": "a1", "$set": {"email": "ada@example.com"}})
    client.capture([event("order", "a1"), event("order", "a1"), event("order", "b1"), signup])
    body = {"content": "top 5 customers by orders", "conversation": str(uuid4()), "trace_id": str(uuid4())}
    answer = furze.client.post(client.path("conversations/"), json=body)
    assert "| 1 | ada@example.com | 2 |" in _last(finals(events_of(answer.content)))


def test_what_it_can_not_read_it_declines_and_offers_what_it_can(furze: Furze) -> None:
    _capture(furze, f"lamp lit {uuid4().hex[:6]}")
    told = _last(_ask(furze, "how many unicorns last week"))
    assert "unicorn" in told
    assert "no language model" in told
