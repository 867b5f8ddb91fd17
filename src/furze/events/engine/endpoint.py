"""ClickHouse's HTTP interface in front of a store: what clickhouse-connect and curl send, answered as a server does."""

import contextlib
import hmac
import json
import re
import socket
import threading
from base64 import b64decode
from collections import deque
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from furze.events.engine import body, statements
from furze.events.engine.arrow import ArrowJoiner
from furze.events.engine.sessions import Store

_HELD_BYTES = 1 << 20
_OPENING_BYTES = 1 << 16
_INSERT_PIECE_BYTES = 16 << 20
_STATEMENT_BYTES = 64 << 20
_STATUS_OF_CODE = {
    **dict.fromkeys((60, 81, 46, 47, 115, 62, 36, 27, 26, 42, 43, 6, 53, 70, 72, 164, 386, 457), 400),
    **dict.fromkeys((60, 81), 404),
    516: 403,
    159: 408,
}
_CODE = re.compile(r"Code: (\d+)\.")


class EngineError(Exception):
    """A failed statement, with ClickHouse's error code."""

    def __init__(self, text: str) -> None:
        match = _CODE.search(text)
        self.code = int(match.group(1)) if match else 1002
        super().__init__(text if match else f"Code: 1002. DB::Exception: {text}. (UNKNOWN_EXCEPTION)")

    @property
    def status(self) -> int:
        """The HTTP status a ClickHouse server gives this code."""
        return _STATUS_OF_CODE.get(self.code, 500)


class Endpoint(ThreadingHTTPServer):
    """Listens on loopback and answers those who know the password."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, store: Store, port: int, password: str) -> None:
        self.store = store
        self.password = password
        self.ping_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    timeout = 3600
    server: Endpoint

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Requests are not logged: the server in front does that."""

    def do_GET(self) -> None:
        """`/ping`, or a query in the URL."""
        self._guarded(self._ping if urlsplit(self.path).path in {"/ping", "/replicas_status"} else self._statement)

    do_HEAD = do_GET  # noqa: N815 -- the base class looks for this name

    def do_POST(self) -> None:
        """A statement in the URL, the body or both."""
        self._guarded(self._statement)

    def _guarded(self, answer: Any) -> None:
        self._headers_sent = False
        self._wire: Iterator[bytes] = iter(())
        try:
            answer()
        except EngineError as error:
            self._fail(error)
        except (body.UnreadableBody, ValueError) as error:
            self.close_connection = isinstance(error, body.UnreadableBody)
            self._fail(EngineError(f"Code: 36. DB::Exception: {error}. (BAD_ARGUMENTS)"))
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True
        except RuntimeError as error:
            self._fail(EngineError(str(error)))

    def _ping(self) -> None:
        # Through the engine: an endpoint that answers while its engine is stuck would hide what the caller asks.
        with self.server.ping_lock, self.server.store.handle() as handle:
            handle.query("SELECT 1")
        self._send(200, b"Ok.\n", {"Content-Type": "text/html; charset=UTF-8"})

    def _statement(self) -> None:
        parameters = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        self._wire = body.received(cast("BinaryIO", self.rfile), self.headers)
        pieces = body.decoded(self._wire, self.headers)
        if self.headers.get("Content-Type", "").startswith("multipart/form-data"):
            parameters |= _form_fields(b"".join(pieces), self.headers["Content-Type"])
            pieces = iter(())
        self._authenticate(parameters)
        self.query_id = parameters.get("query_id") or str(uuid4())
        prefix = parameters.get("query", "").strip().encode()
        if prefix:
            pieces = chain([prefix + b"\n"], pieces)
        start = _opening(pieces)
        insert = statements.parse_insert(start)
        with self.server.store.handle() as handle:
            if parameters.get("database"):
                handle.query(f"USE {_identifier(parameters['database'])}")
            handle.query(statements.settings_statement(parameters, query_id=self.query_id))
            if insert:
                self._insert(handle, insert, chain([start[insert.data_offset :]], pieces))
            else:
                self._read(handle, _whole(chain([start], pieces)), parameters)

    def _authenticate(self, parameters: dict[str, str]) -> None:
        given = self.headers.get("X-ClickHouse-Key") or parameters.get("password", "")
        scheme, _, credentials = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            given = b64decode(credentials).decode().partition(":")[2]
        if not hmac.compare_digest(given.encode(), self.server.password.encode()):
            raise EngineError(
                "Code: 516. DB::Exception: Authentication failed: wrong password. (AUTHENTICATION_FAILED)"
            )

    def _insert(self, handle: Any, insert: statements.Insert, data: Iterator[bytes]) -> None:
        stream = handle.send_insert(insert.head, insert.format)
        try:
            for piece in _gathered(data):
                handle.insert_append(stream, piece)
        except BaseException:
            with contextlib.suppress(RuntimeError):
                handle.insert_cancel(stream)
            raise
        result = handle.insert_done(stream)
        summary = {"written_rows": str(result.rows_written()), "written_bytes": str(result.bytes_written())}
        self._send(200, b"", {"X-ClickHouse-Summary": json.dumps(summary)})

    def _read(self, handle: Any, statement: str, parameters: dict[str, str]) -> None:
        if handle.classify_query(statement)["statement_count"] > 1:
            raise EngineError(
                "Code: 62. DB::Exception: Syntax error (Multi-statements are not allowed). (SYNTAX_ERROR)"
            )
        default = parameters.get("default_format") or self.headers.get("X-ClickHouse-Format") or "TabSeparated"
        output = statements.output_format(statement, default)
        values = statements.query_parameters(parameters)
        word = statements.first_word(statement.encode())
        if word in {"SELECT", "WITH"} and output.lower() in statements.STREAMABLE_FORMATS:
            self._stream(handle, partial(handle.send_query, statement, default, params=values), output)
            return
        result = handle.query(statements.rewrite_kill(statement), default, params=values)
        summary = {"read_rows": str(result.storage_rows_read()), "read_bytes": str(result.storage_bytes_read())}
        headers = {"X-ClickHouse-Format": output, "X-ClickHouse-Summary": json.dumps(summary)}
        self._send(200, result.bytes(), headers)

    def _stream(self, handle: Any, send: Any, output: str) -> None:
        stream = send()
        try:
            self._send_chunks(_joined(_fetched(handle, stream), output), output)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            handle.streaming_cancel_query(stream)
            raise

    def _send_chunks(self, chunks: Iterator[bytes], output: str) -> None:
        # A result that fits is sent whole, so that an error in its midst still becomes a status.
        held: list[bytes] = []
        headers = {"X-ClickHouse-Format": output}
        for chunk in chunks:
            held.append(chunk)
            if sum(map(len, held)) > _HELD_BYTES:
                break
        else:
            self._send(200, b"".join(held), headers)
            return
        self._tag = uuid4().hex[:16]
        self._start(200, headers | {"Transfer-Encoding": "chunked", "X-ClickHouse-Exception-Tag": self._tag})
        for chunk in chain(held, chunks):
            self._send_chunk(chunk)
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _send_chunk(self, chunk: bytes) -> None:
        if chunk:
            self.wfile.write(b"%x\r\n" % len(chunk))
            self.wfile.write(chunk)
            self.wfile.write(b"\r\n")

    def _start(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        defaults = {"X-ClickHouse-Query-Id": getattr(self, "query_id", ""), "X-ClickHouse-Timezone": "UTC"}
        for name, value in (defaults | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self._headers_sent = True

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self._start(status, headers | {"Content-Length": str(len(content))})
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    def _fail(self, error: EngineError) -> None:
        try:
            if self._headers_sent:
                self.close_connection = True
                self._fail_midway(error)
            else:
                deque(self._wire, maxlen=0)  # a body left unread would be taken for the next request
                self._send(error.status, f"{error}\n".encode(), {"X-ClickHouse-Exception-Code": str(error.code)})
        except (OSError, ValueError, body.UnreadableBody):
            self.close_connection = True

    def _fail_midway(self, error: EngineError) -> None:
        # As servers since 25.11 do: the error between tagged marks, then a chunked body that never ends properly.
        text, tag = f"{error}\n".encode(), self._tag.encode()
        mark = b"\r\n__exception__\r\n"
        self._send_chunk(mark + tag + b"\r\n" + text + b"%d " % len(text) + tag + mark)
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)


def _fetched(handle: Any, stream: Any) -> Iterator[bytes]:
    while True:
        result = handle.streaming_fetch_result(stream)
        yield result.bytes()
        if result.rows_read() == 0:
            return


def _joined(chunks: Iterator[bytes], output: str) -> Iterator[bytes]:
    if output.lower() != "arrowstream":
        yield from chunks
        return
    joiner = ArrowJoiner()
    for chunk in chunks:
        yield joiner.add(chunk)
    yield joiner.end()


def _opening(pieces: Iterator[bytes]) -> bytes:
    """Enough of the request to hold an INSERT's head, however small the pieces are in which it came."""
    start = b""
    while len(start) < _OPENING_BYTES and (piece := next(pieces, None)) is not None:
        start += piece
    return start


def _gathered(data: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces of at least 16 MB except the last: the engine parses each piece on its own."""
    held: list[bytes] = []
    size = 0
    for piece in data:
        held.append(piece)
        size += len(piece)
        if size >= _INSERT_PIECE_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if size:
        yield b"".join(held)


def _whole(pieces: Iterator[bytes]) -> str:
    held, size = [], 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size > _STATEMENT_BYTES:
            raise ValueError(f"the statement is longer than {_STATEMENT_BYTES} bytes")
    return b"".join(held).decode()


def _identifier(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _form_fields(content: bytes, content_type: str) -> dict[str, str]:
    from email.parser import BytesParser  # noqa: PLC0415 -- rare: only for parameters too long for a URL

    message = BytesParser().parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + content)
    fields = {}
    for part in message.get_payload():
        if not isinstance(part, str):
            name = part.get_param("name", header="Content-Disposition")
            payload = cast("bytes", part.get_payload(decode=True))
            fields[str(name)] = payload.decode()
    return fields
