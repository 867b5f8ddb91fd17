"""Text that a strict database takes: without NUL, and without JSON escapes that stand for no character."""

import re
from typing import Any

import pyarrow as pa
from pyarrow import compute

from furze.kit import json

# An escaped NUL, or an escape of half a surrogate pair.
_SUSPECT = r"\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})"
_HALF_PAIRS = re.compile("[\ud800-\udfff]")


def clean_json(column: pa.Array) -> pa.Array:
    """The JSON texts with NUL taken out and lone surrogates replaced; nearly always the same array."""
    # Plain search first: it is many times as fast, and few texts have an escape at all.
    if not compute.any(compute.match_substring(column, "\\u")).as_py():
        return column
    if not compute.any(compute.match_substring_regex(column, _SUSPECT)).as_py():
        return column
    texts = column.to_pylist()
    return pa.array([_cleaned(text) if text and re.search(_SUSPECT, text) else text for text in texts], pa.string())


def clean_text(column: pa.Array) -> pa.Array:
    """The texts without NUL."""
    if not compute.any(compute.match_substring(column, "\x00")).as_py():
        return column
    return compute.replace_substring(column, "\x00", "")


def _cleaned(text: str) -> str:
    return json.dumps(_value(json.loads(text))).decode()


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return _HALF_PAIRS.sub("\ufffd", value.replace("\x00", ""))
    if isinstance(value, dict):
        return {_value(key): _value(item) for key, item in value.items()}
    return [_value(item) for item in value] if isinstance(value, list) else value
