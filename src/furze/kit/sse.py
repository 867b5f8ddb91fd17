"""Server-sent events, as bytes."""


def encode(event: str, data: str, *, event_id: int | None = None) -> bytes:
    r"""One whole event. `data` is one line: JSON text without a line break."""
    identity = "" if event_id is None else f"id: {event_id}\n"
    return f"{identity}event: {event}\ndata: {data}\n\n".encode()


KEEPALIVE = b": keepalive\n\n"
