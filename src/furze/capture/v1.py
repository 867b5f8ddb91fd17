"""The newer capture protocol, `/i/v1/analytics/events`: a strict envelope, and one result per event."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from furze.capture.encoding import parse_json, unpack
from furze.capture.timestamps import parse_instant
from furze.capture.types import Arrival
from furze.capture.wire import event_of
from furze.events.types import Event
from furze.platform.errors import InvalidInput

_SDK = re.compile(r"([\w.@/-]+)/([\w.+-]+)")
_OPTIONS = {
    "cookieless_mode": "$cookieless_mode",
    "product_tour_id": "$product_tour_id",
    "process_person_profile": "$process_person_profile",
}


class V1Options(msgspec.Struct, frozen=True):
    """What an event says about its own handling."""

    cookieless_mode: bool | None = None
    disable_skew_correction: bool | None = None
    product_tour_id: str | None = None
    process_person_profile: bool | None = None


class V1Event(msgspec.Struct, frozen=True):
    """One event of a v1 batch."""

    event: str
    uuid: UUID
    distinct_id: str
    timestamp: datetime
    session_id: str | None = None
    window_id: str | None = None
    options: V1Options = V1Options()
    properties: dict[str, Any] = {}


class V1Batch(msgspec.Struct, frozen=True):
    """The body of a v1 request. Events are checked one by one, so that one bad event does not cost the others."""

    batch: list[dict[str, Any]]
    created_at: datetime | None = None
    historical_migration: bool = False


@dataclass(frozen=True, slots=True)
class V1Outcome:
    """What became of a v1 batch: the events to store, and the result of each uuid."""

    events: Sequence[Event]
    results: Mapping[str, Mapping[str, str]]


def read_v1(body: bytes, *, encoding: str) -> V1Batch:
    """The batch in a body; raises `InvalidInput` for anything else."""
    try:
        batch = msgspec.convert(parse_json(unpack(body, encoding)), V1Batch)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"failed to parse request: {error}") from error
    if not batch.batch:
        raise InvalidInput("request holds no event")
    return batch


def settle_v1(batch: V1Batch, project_id: int, arrival: Arrival, *, sdk: str, sent_at: str) -> V1Outcome:
    """The events of a batch and their results: `ok`, or `drop` with the reason.

    `sdk` (`posthog-python/7.91.1`) names the library that events do not repeat; `sent_at` is the sender's clock.
    """
    clock = parse_instant(sent_at) or batch.created_at
    library = _library(sdk)
    events: list[Event] = []
    results: dict[str, Mapping[str, str]] = {}
    for raw in batch.batch:
        try:
            event = _event(raw, project_id, arrival, library, clock)
        except (InvalidInput, msgspec.ValidationError) as error:
            results[str(raw.get("uuid", ""))] = {"result": "drop", "details": str(error)}
        else:
            events.append(event)
            results[str(event.uuid)] = {"result": "ok"}
    return V1Outcome(events, results)


def _event(
    raw: dict[str, Any], project_id: int, arrival: Arrival, library: Mapping[str, str], clock: datetime | None
) -> Event:
    parsed = msgspec.convert(raw, V1Event)
    beside = {
        "$session_id": parsed.session_id,
        "$window_id": parsed.window_id,
        **{key: getattr(parsed.options, name) for name, key in _OPTIONS.items()},
    }
    properties = {
        **library,
        **parsed.properties,
        **{key: value for key, value in beside.items() if value is not None},
    }
    plain = {**raw, "properties": properties}
    return event_of(plain, project_id, None if parsed.options.disable_skew_correction else clock, arrival)


def _library(sdk: str) -> dict[str, str]:
    match = _SDK.fullmatch(sdk.strip().split(" ")[0]) if sdk.strip() else None
    return {"$lib": match[1], "$lib_version": match[2]} if match else {}
