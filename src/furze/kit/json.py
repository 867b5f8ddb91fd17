"""JSON text, both ways."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from furze.kit.clock import wire_time


def loads(text: bytes | str) -> Any:
    """The value of a JSON text. `NaN` and `Infinity` are read; anything else wrong raises `json.JSONDecodeError`."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def dumps(value: object) -> bytes:
    """Compact UTF-8 JSON; datetimes as `wire_time`, UUIDs as text, any mapping key as text."""
    options = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(value, default=_default, option=options)


def dumps_ascii(value: object) -> str:
    r"""Compact JSON with every character above ASCII as `\uXXXX`, keys sorted: no reader can cut a character in two."""
    return json.dumps(value, default=_default, separators=(",", ":"), sort_keys=True, ensure_ascii=True)


def _default(value: object) -> object:
    if isinstance(value, datetime):
        return wire_time(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    raise TypeError(f"no JSON form for {type(value).__name__}")
