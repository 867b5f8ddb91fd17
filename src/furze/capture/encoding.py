"""From the bytes of a capture request to its JSON value: compressed or not, JSON, form, or base64 in either."""

import base64
import binascii
import re
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from furze.kit import json
from furze.platform.errors import InvalidInput, TooLarge

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: How large a body may become when it is unpacked, whatever its packed size.
MAX_UNPACKED_BYTES = 64 * 1024 * 1024

#: How deep values may lie in each other: far more than any SDK sends, and less than what every later reader can read.
MAX_DEPTH = 200

_GZIP, _ZSTD = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"
_FORM = re.compile(rb"\s*(?:[\w$]+=[^&\s]*&)*data=")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_=\s-]+")


@dataclass(frozen=True, slots=True)
class Encoded:
    """What a request said about its body. `compression` and `encoding` are hints: magic bytes decide about gzip."""

    body: bytes
    compression: str = ""
    encoding: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decoded:
    """The JSON value of a body, and the form fields that came beside it."""

    value: Any
    form: Mapping[str, str] = field(default_factory=dict)


def decode(request: Encoded) -> Decoded:
    """The value of a body; raises `InvalidInput` or `TooLarge` with the text PostHog answers."""
    if "lz64" in request.compression:
        raise InvalidInput("failed to decode request: lz64 is not supported, send gzip or plain JSON")
    body = unpack(request.body, request.encoding or request.compression)
    form: dict[str, str] = {}
    if not body.strip() and request.query.get("data"):
        body = request.query["data"].encode()
    elif _FORM.match(body):
        form = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        body = form.pop("data").encode()
    text = body.strip()
    if text[:1] not in (b"{", b"["):
        text = _from_base64(text)
    return Decoded(parse_json(text), form)


def unpack(body: bytes, encoding: str = "") -> bytes:
    """The body without its compression."""
    try:
        if body.startswith(_GZIP):
            return _inflate(body, wbits=31)
        if body.startswith(_ZSTD):
            return _unpack_zstd(body)
        if "deflate" in encoding:
            return _inflate(body, wbits=15 if _has_zlib_header(body) else -15)
    except (zlib.error, zstd.ZstdError, EOFError) as error:
        raise InvalidInput(f"failed to decode request: {error}") from error
    if encoding.strip() == "br":
        raise InvalidInput("failed to decode request: brotli is not supported, send gzip, deflate or zstd")
    return body


def parse_json(text: bytes) -> Any:
    """The value of JSON text, without NUL characters, which PostgreSQL cannot hold."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = _parse_damaged(text)
    if _too_deep(text, value):
        raise InvalidInput(f"failed to parse request: values lie deeper than {MAX_DEPTH} levels in each other")
    return _without_nul(value) if rb"\u0000" in text else value


def _parse_damaged(text: bytes) -> Any:
    # PostHog reads a body with broken UTF-8 all the same: one bad character must not cost the whole batch.
    try:
        return json.loads(text.decode(errors="replace"))
    except RecursionError as error:
        raise InvalidInput("failed to parse request: values lie too deep in each other") from error
    except ValueError as error:
        raise InvalidInput(f"failed to parse request: {error}") from error


def _inflate(body: bytes, *, wbits: int) -> bytes:
    parts: list[bytes] = []
    room = MAX_UNPACKED_BYTES
    while body:
        machine = zlib.decompressobj(wbits)
        parts.append(machine.decompress(body, room))
        room -= len(parts[-1])
        if machine.unconsumed_tail or room <= 0:
            raise _too_large()
        if not machine.eof:
            raise EOFError("the compressed body ends too early")
        body = machine.unused_data if wbits == 31 and machine.unused_data.startswith(_GZIP) else b""
    return b"".join(parts)


def _unpack_zstd(body: bytes) -> bytes:
    machine = zstd.ZstdDecompressor()
    text: bytes = machine.decompress(body, MAX_UNPACKED_BYTES)
    if machine.eof:
        return text
    if len(text) >= MAX_UNPACKED_BYTES:
        raise _too_large()
    raise EOFError("the compressed body ends too early")


def _too_large() -> TooLarge:
    return TooLarge(f"failed to decode request: it unpacks to more than {MAX_UNPACKED_BYTES} bytes, send it in parts")


def _has_zlib_header(body: bytes) -> bool:
    return len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0


def _from_base64(text: bytes) -> bytes:
    # A sender that does not escape its form turns every + into a blank.
    compact = text.replace(b" ", b"+").replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
    if len(compact) < 4 or not _BASE64.fullmatch(compact):
        return text
    try:
        plain = base64.b64decode(compact + b"=" * (-len(compact) % 4))
    except binascii.Error:
        return text
    return unpack(plain).strip()


def _too_deep(text: bytes, value: object) -> bool:
    return text.count(b"[") + text.count(b"{") > MAX_DEPTH and json.is_deeper(value, MAX_DEPTH)


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    return value
