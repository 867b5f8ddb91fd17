"""Request bodies as a stream of decoded pieces: sized or chunked on the wire, compressed or not."""

import re
import zlib
from collections.abc import Iterator
from email.message import Message
from typing import Any, BinaryIO

_PIECE = 1 << 20


class UnreadableBody(Exception):
    """The body breaks off or is not framed as HTTP frames it: what follows on the connection means nothing."""


def received(stream: BinaryIO, headers: Message) -> Iterator[bytes]:
    """The body's bytes as they were sent, piece by piece."""
    if headers.get("Transfer-Encoding", "").lower() == "chunked":
        return _chunked(stream)
    return _sized(stream, int(headers.get("Content-Length") or 0))


def decoded(wire: Iterator[bytes], headers: Message) -> Iterator[bytes]:
    """What `received` gives, with the content encoding undone."""
    encoding = headers.get("Content-Encoding", "identity").lower()
    return wire if encoding == "identity" else _decompressed(wire, encoding)


def _sized(stream: BinaryIO, remaining: int) -> Iterator[bytes]:
    while remaining:
        piece = stream.read(min(remaining, _PIECE))
        if not piece:
            raise UnreadableBody(f"the body ended {remaining} bytes early")
        remaining -= len(piece)
        yield piece


def _chunked(stream: BinaryIO) -> Iterator[bytes]:
    while True:
        length = stream.readline().split(b";")[0].strip()
        if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", length):
            raise UnreadableBody(f"{length!r} is not a chunk's length")
        size = int(length, 16)
        yield from _sized(stream, size)
        ending = stream.readline()
        if ending not in {b"\r\n", b"\n"}:
            raise UnreadableBody("a chunk of the body has no end")
        if not size:
            return


def _decompressed(wire: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decompressor = _decompressor(encoding)
    for piece in wire:
        rest = piece
        while rest:
            if decompressor.eof:  # clients may send frame after frame
                decompressor = _decompressor(encoding)
            yield _decompress(decompressor, rest, encoding)
            rest = decompressor.unused_data if decompressor.eof else b""


def _decompress(decompressor: Any, piece: bytes, encoding: str) -> bytes:
    try:
        return bytes(decompressor.decompress(piece))
    except Exception as error:  # each library has its own
        raise ValueError(f"the body is not {encoding}: {error}") from error


def _decompressor(encoding: str) -> Any:
    # Imported on first use: our own client sends plain bytes, and every module costs the child memory.
    if encoding in {"gzip", "deflate"}:
        return zlib.decompressobj(zlib.MAX_WBITS | 32)
    if encoding == "lz4":
        from lz4.frame import LZ4FrameDecompressor  # type: ignore[import-untyped]  # noqa: PLC0415

        return LZ4FrameDecompressor()
    if encoding == "zstd":
        from backports.zstd import ZstdDecompressor  # noqa: PLC0415

        return ZstdDecompressor()
    raise ValueError(f"content encoding {encoding!r} is not one of gzip, deflate, lz4, zstd")
