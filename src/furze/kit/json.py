"""JSON text, both ways."""

import json
import re
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from furze.kit.clock import wire_time

_HALF_PAIR = re.compile("[\ud800-\udfff]")


def loads(text: bytes | str) -> Any:
    """The value of a JSON text. `NaN` and `Infinity` are read; anything else wrong raises `json.JSONDecodeError`.

    Whatever is read can be written again: half a surrogate pair becomes `U+FFFD`, an integer beyond 64 bits a float.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return _leniently(text)


def _leniently(text: bytes | str) -> Any:
    try:
        return _writable(json.loads(text, parse_int=_number))
    except RecursionError:
        raise json.JSONDecodeError("Values lie too deep in each other", "", 0) from None
    except UnicodeDecodeError as error:
        raise json.JSONDecodeError(f"No UTF-8 text: {error.reason}", "", error.start) from None


def _number(digits: str) -> int | float:
    # Python refuses to read very long integers at all; 64 bits have no more than 20 signs.
    if len(digits) > 20:
        return float(digits)
    number = int(digits)
    return number if -(1 << 63) <= number < 1 << 64 else float(digits)


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return _HALF_PAIR.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_writable(name): _writable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_writable(item) for item in value]
    return value


def is_deeper(value: object, levels: int) -> bool:
    """Whether values lie in each other more than `levels` deep. `dumps` can write 254."""
    level: list[object] = [value]
    for _ in range(levels + 1):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


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
