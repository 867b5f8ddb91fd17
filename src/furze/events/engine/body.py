"""Request bodies as a stream of decoded pieces: sized or chunked on the wire, compressed or not."""

import zlib
from collections.abc import Iterator
from email.message import Message
from typing import Any, BinaryIO

_PIECE = 1 << 20


class UnreadableBody(Exception):
    """The body breaks off or names an encoding the endpoint does not know."""


def pieces(stream: BinaryIO, headers: Message) -> Iterator[bytes]:
    """The body's bytes after transfer and content encoding are undone."""
    chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
    wire = _chunked(stream) if chunked else _sized(stream, int(headers.get("Content-Length") or 0))
    encoding = headers.get("Content-Encoding", "identity").lower()
    return wire if encoding == "identity" else _decoded(wire, encoding)


def _sized(stream: BinaryIO, remaining: int) -> Iterator[bytes]:
    while remaining:
        piece = stream.read(min(remaining, _PIECE))
        if not piece:
            raise UnreadableBody(f"the body ended {remaining} bytes early")
        remaining -= len(piece)
        yield piece


def _chunked(stream: BinaryIO) -> Iterator[bytes]:
    while True:
        size = int(stream.readline().split(b";")[0] or b"0", 16)
        yield from _sized(stream, size)
        ending = stream.readline()
        if ending not in {b"\r\n", b"\n"}:
            raise UnreadableBody("a chunk of the body has no end")
        if not size:
            return


def _decoded(wire: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decompressor = _decompressor(encoding)
    for piece in wire:
        rest = piece
        while rest:
            if decompressor.eof:  # clients may send frame after frame
                decompressor = _decompressor(encoding)
            yield decompressor.decompress(rest)
            rest = decompressor.unused_data if decompressor.eof else b""


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
    raise UnreadableBody(f"content encoding {encoding!r} is not one of gzip, deflate, lz4, zstd")
