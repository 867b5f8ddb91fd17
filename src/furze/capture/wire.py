"""Every accepted body becomes the same thing: `read` finds the token and the raw events, `events` makes them ours.

Errors are `furze.platform.errors`, with the texts PostHog's capture service answers.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from furze.capture.elements import take_elements_chain
from furze.capture.encoding import Decoded, Encoded, decode
from furze.capture.timestamps import parse_instant, settle
from furze.capture.types import Arrival, Submission
from furze.events.types import Event
from furze.kit.ids import uuid7
from furze.platform.errors import AuthenticationFailed, InvalidInput

MAX_DISTINCT_ID_LENGTH = 200
MAX_EVENT_NAME_LENGTH = 200
MAX_TOKEN_LENGTH = 64

_TOKEN_KEYS = ("token", "api_key", "$token")
_PERSON_KEYS = ("$set", "$set_once", "$unset", "$group_set")


def read(request: Encoded, *, nameless_event: str | None = None) -> Submission:
    """The submission in a body of any accepted shape. A raw event without a name is called `nameless_event`."""
    decoded = decode(request)
    value = decoded.value
    envelope: Mapping[str, Any] = value if isinstance(value, dict) else {}
    raw_events = _raw_events(value)
    if nameless_event is not None:
        raw_events = [{"event": nameless_event, **raw} for raw in raw_events]
    token = check_token(_token(envelope, raw_events, decoded, request.query))
    return Submission(token, raw_events, _sent_at(envelope, request.query))


def events(submission: Submission, project_id: int, arrival: Arrival) -> list[Event]:
    """The submission's events, each checked, dated and cleaned."""
    return [event_of(raw, project_id, submission.sent_at, arrival) for raw in submission.events]


def check_token(token: object) -> str:
    """The trimmed token, when it is well-formed; raises `AuthenticationFailed` otherwise."""
    if token is None:
        raise AuthenticationFailed("event submitted without an api_key")
    text = as_text(token).strip()
    for reason, is_wrong in _TOKEN_FAULTS:
        if is_wrong(text):
            raise AuthenticationFailed(f"API key is not valid: {reason}")
    return text


_TOKEN_FAULTS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("empty", lambda token: not token),
    ("too_long", lambda token: len(token) > MAX_TOKEN_LENGTH),
    ("not_ascii", lambda token: not token.isascii()),
    ("personal_api_key", lambda token: token.startswith("phx_")),
    ("null_byte", lambda token: "\0" in token),
)


def _raw_events(value: object) -> Sequence[Mapping[str, Any]]:
    found = value
    if isinstance(value, dict):
        found = value["batch"] if isinstance(value.get("batch"), list) else [value]
    if not isinstance(found, list):
        raise InvalidInput(f"failed to parse request: expected an event or a list of events, not {_kind(value)}")
    if not found:
        raise InvalidInput("request holds no event")
    for raw in found:
        if not isinstance(raw, dict):
            raise InvalidInput(f"failed to parse request: expected an event object, not {_kind(raw)}")
    return found


def _token(
    envelope: Mapping[str, Any], raw_events: Sequence[Mapping[str, Any]], decoded: Decoded, query: Mapping[str, str]
) -> object:
    own = _first(envelope, _TOKEN_KEYS)
    if own is not None:
        return own
    carried = {token for token in map(_carried_token, raw_events) if isinstance(token, str)}
    if len(carried) > 1:
        raise AuthenticationFailed("batch submitted with inconsistent api_key values")
    return next(iter(carried), None) or _first(decoded.form, _TOKEN_KEYS) or _first(query, _TOKEN_KEYS)


def _carried_token(raw: Mapping[str, Any]) -> object:
    token = _first(raw, _TOKEN_KEYS)
    properties = raw.get("properties")
    if token is None and isinstance(properties, dict):
        token = _first(properties, ("token", "$token"))
    return token


def _sent_at(envelope: Mapping[str, Any], query: Mapping[str, str]) -> datetime | None:
    sent_at = envelope.get("sent_at") if "batch" in envelope or "sent_at" in envelope else None
    return parse_instant(sent_at) or parse_instant(query.get("_") or query.get("sent_at"))


def event_of(raw: Mapping[str, Any], project_id: int, sent_at: datetime | None, arrival: Arrival) -> Event:
    """One raw event as ours; `raw` is used up. Raises `InvalidInput` for what it lacks."""
    properties = _properties(raw)
    name = raw.get("event")
    if not isinstance(name, str) or not name.strip():
        raise InvalidInput("event submitted with an empty event name")
    distinct_id = _distinct_id(raw, properties)
    timestamp = settle(
        raw.get("timestamp"),
        offset_ms=raw.get("offset"),
        sent_at=None if properties.get("$ignore_sent_at") else sent_at,
        received_at=arrival.received_at,
    )
    elements_chain = take_elements_chain(properties)
    if arrival.address and not properties.get("$ip"):
        properties["$ip"] = arrival.address
    return Event(
        project_id=project_id,
        uuid=_uuid(raw.get("uuid")),
        event=name.strip()[:MAX_EVENT_NAME_LENGTH],
        distinct_id=distinct_id,
        timestamp=timestamp,
        created_at=arrival.received_at,
        properties=properties,
        elements_chain=elements_chain,
    )


def _properties(raw: Mapping[str, Any]) -> dict[str, Any]:
    properties = raw.get("properties")
    if properties is None:
        properties = {}
    if not isinstance(properties, dict):
        raise InvalidInput(f"failed to parse request: properties must be an object, not {_kind(properties)}")
    for key in _PERSON_KEYS:
        beside, within = raw.get(key), properties.get(key)
        if isinstance(beside, dict) and isinstance(within, dict):
            properties[key] = {**within, **beside}
        elif beside is not None:
            properties[key] = beside
    return properties


def _distinct_id(raw: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
    value = _first(raw, ("distinct_id", "$distinct_id"))
    if value is None:
        value = _first(properties, ("distinct_id", "$distinct_id"))
    if value is None:
        raise InvalidInput("event submitted without a distinct_id")
    text = as_text(value)
    if not text.strip():
        raise InvalidInput("event submitted with an empty distinct_id")
    return text[:MAX_DISTINCT_ID_LENGTH]


def _uuid(value: object) -> UUID:
    if value is None or value == "":
        return uuid7()
    try:
        return UUID(value if isinstance(value, str) else "")
    except ValueError as error:
        raise InvalidInput(f"failed to parse request: uuid {value!r} is not a UUID") from error


def as_text(value: object) -> str:
    """A JSON value where text is wanted: text as it is, anything else as its JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _first(values: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    for key in keys:
        value = values.get(key)
        if value is not None:
            return value
    return None


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
