"""Joins the engine's chunks, each a whole Arrow stream, into one stream: the schema once, one end marker."""

_CONTINUATION = b"\xff\xff\xff\xff"
END_OF_STREAM = _CONTINUATION + b"\x00\x00\x00\x00"


class ArrowJoiner:
    """`add` turns each chunk into what has to be sent for it; `end` is what closes the stream."""

    def __init__(self) -> None:
        self._has_schema = False

    def add(self, chunk: bytes) -> bytes:
        """The chunk without its end marker and, from the second chunk on, without its schema."""
        body = chunk.removesuffix(END_OF_STREAM)
        if self._has_schema and body:
            # A schema message has no body: marker, length of its metadata, metadata.
            body = body[8 + int.from_bytes(body[4:8], "little") :]
        self._has_schema = self._has_schema or bool(body)
        return body

    def end(self) -> bytes:
        """The end marker, or nothing if no schema came either."""
        return END_OF_STREAM if self._has_schema else b""
