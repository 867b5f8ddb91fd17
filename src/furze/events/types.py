"""Frozen data that crosses the event store's boundary."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

__all__ = ["Event", "Limits", "QueryResult", "decode_events", "encode_events"]


@dataclass(frozen=True, slots=True)
class Event:
    """One captured event, before it is matched to a person. Instants are aware and in UTC."""

    project_id: int
    uuid: UUID
    event: str
    distinct_id: str
    timestamp: datetime
    created_at: datetime
    properties: dict[str, object] = field(default_factory=dict)
    elements_chain: str = ""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """A whole result: column names, their ClickHouse types, and rows of Python values in column order."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one read may use: seconds, bytes of memory, rows of result (0 means no limit)."""

    seconds: float = 60
    memory_bytes: int = 1 << 30
    result_rows: int = 100_000


_decoder = msgspec.msgpack.Decoder(list[Event])
_encoder = msgspec.msgpack.Encoder()


def encode_events(events: Sequence[Event]) -> bytes:
    """The events as the queue keeps them: MessagePack maps, so a later release may add fields with defaults."""
    try:
        return _encoder.encode(events)
    except (OverflowError, UnicodeEncodeError):
        return _encoder.encode([replace(event, **_storable_fields(event)) for event in events])


def _storable_fields(event: Event) -> dict[str, Any]:
    names = ("event", "distinct_id", "properties", "elements_chain")
    return {name: _storable(getattr(event, name)) for name in names}


def _storable(value: object) -> object:
    """The value without what UTF-8 and 64 bits cannot hold: JSON allows half a surrogate pair and any integer."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        return float(value) if abs(value) < 10**300 else str(value)
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return value


def decode_events(payload: bytes) -> list[Event]:
    """The events of `encode_events`; raises `msgspec.MsgspecError` for anything else."""
    return _decoder.decode(payload)
