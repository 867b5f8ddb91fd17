"""Stands in for a Databricks workspace: its REST interfaces for signing in, SQL and files, over DuckDB.

Statements are parsed as Databricks SQL and run in DuckDB's, so rows are real ones; rights, quotas and Delta's own
behaviour are not here. It is strict where the service is: who asks, which warehouse, files overwritten only when asked.
"""

import base64
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import ErrorLevel, exp

CLIENT_ID = "6b1c2d3e-app"
SECRET = "secret-of-databricks"
WAREHOUSE = "0123456789abcdef"
_ROWS_PER_CHUNK = 4


@dataclass
class Workspace:
    """A workspace with one catalog, `main`, and one warehouse."""

    folder: Path
    url: str = ""
    #: Statements that begin with one of these are not allowed.
    denied: set[str] = field(default_factory=set)
    #: What the next statement with a word in it meets: "503" before it runs, or "cut": it runs, nobody hears of it.
    faults: dict[str, str] = field(default_factory=dict)
    statements: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    volumes: set[str] = field(default_factory=set)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    chunks: dict[str, list[Any]] = field(default_factory=dict)
    polls: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.engine = duckdb.connect()
        self.engine.execute("SET TimeZone = 'UTC'; ATTACH ':memory:' AS main_catalog; SET threads = 1")

    def to(self, schema: str, **more: Any) -> dict[str, Any]:
        config = {
            "server_hostname": "dbc-test.cloud.databricks.com",
            "endpoint_url": self.url,
            "catalog": "main_catalog",
        }
        config |= {"http_path": f"/sql/1.0/warehouses/{WAREHOUSE}", "client_id": CLIENT_ID, "client_secret": SECRET}
        return {"type": "Databricks", "config": config | {"schema": schema, "table_name": "events"} | more}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.lock:
            return self.engine.execute(query).fetchall()

    def staged(self) -> list[str]:
        return sorted(str(file.relative_to(self.folder)) for file in self.folder.rglob("*") if file.is_file())

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """A statement's rows; raises what the service would say."""
        self.statements.append(statement)
        for words in self.denied:
            if statement.startswith(words):
                raise Refused(f"[INSUFFICIENT_PERMISSIONS] User does not have {words} on Schema. SQLSTATE: 42501")
        parsed = sqlglot.parse_one(statement, read="databricks")
        with self.lock:
            if isinstance(parsed, exp.Command):
                return self._command(statement)
            return self._in_duckdb(parsed)

    def _command(self, statement: str) -> list[tuple[Any, ...]]:
        verb, what, *_, place = statement.split(" COMMENT ", maxsplit=1)[0].split(" ")
        names = place.replace("`", "").split(".")
        self._known(*names[:2])
        if (verb, what) == ("CREATE", "VOLUME"):
            self.volumes.add("/".join(names))
            (self.folder / "/".join(names)).mkdir(parents=True, exist_ok=True)
        return []

    def _known(self, catalog: str, schema: str | None = None) -> None:
        found = self.engine.execute("SELECT catalog_name, schema_name FROM information_schema.schemata").fetchall()
        if catalog not in {each for each, _ in found}:
            raise Refused(f"[NO_SUCH_CATALOG_EXCEPTION] Catalog '{catalog}' was not found. SQLSTATE: 42704")
        if schema is not None and (catalog, schema) not in found:
            raise Refused(f"[SCHEMA_NOT_FOUND] The schema `{catalog}`.`{schema}` cannot be found. SQLSTATE: 42704")

    def _in_duckdb(self, parsed: exp.Expr) -> list[tuple[Any, ...]]:
        for table in parsed.find_all(exp.Table):
            if table.catalog:
                self._known(table.catalog, table.db)
        for call in list(parsed.find_all(exp.Anonymous)):
            if call.name.lower() == "read_files":
                files = str(self.folder / call.expressions[0].name.removeprefix("/Volumes/") / "*.parquet")
                call.replace(exp.func("read_parquet", exp.Literal.string(files)))
        for value in list(parsed.find_all(exp.ParseJSON)):
            value.replace(exp.cast(value.copy(), "VARIANT"))
        if isinstance(parsed, exp.Alter):  # DuckDB adds one column at a time
            table = parsed.this.sql("duckdb")
            for column in parsed.find_all(exp.ColumnDef):
                self.engine.execute(f"ALTER TABLE {table} ADD COLUMN {column.sql('duckdb')}")
            return []
        try:
            return self.engine.execute(parsed.sql("duckdb", unsupported_level=ErrorLevel.IGNORE)).fetchall()
        except duckdb.Error as error:
            raise Refused(f"[DUCKDB] {error}") from error


class Refused(Exception):
    """What a statement fails with."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    held: Workspace

    def do_POST(self) -> None:
        body, path = self._body(), urlsplit(self.path).path
        if path == "/oidc/v1/token":
            self._sign_in(body)
        elif not self._is_known():
            return
        elif path.endswith("/cancel"):
            self.held.cancelled.append(path.split("/")[-2])
            self._answer(200, {})
        elif path == "/api/2.0/sql/statements/":
            self._execute(json.loads(body))
        else:
            self._answer(404, {"error_code": "ENDPOINT_NOT_FOUND"})

    def _sign_in(self, body: bytes) -> None:
        login = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        form = parse_qs(body.decode())
        if login != f"{CLIENT_ID}:{SECRET}":
            self._answer(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
        elif form != {"grant_type": ["client_credentials"], "scope": ["all-apis"]}:
            self._answer(400, {"error": "invalid_request"})
        else:
            self._answer(200, {"access_token": "the-token", "token_type": "Bearer", "expires_in": 3600})

    def _execute(self, asked: dict[str, Any]) -> None:
        held, statement = self.held, asked["statement"]
        if asked["warehouse_id"] != WAREHOUSE:
            message = f"{asked['warehouse_id']} is not a valid endpoint id"
            self._answer(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": message})
            return
        fault = next((held.faults.pop(word) for word in list(held.faults) if word in statement), None)
        if fault == "503":
            self._answer(503, {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "Try again"})
            return
        number = f"s{len(held.answers)}"
        try:
            held.answers[number] = self._succeeded(number, held.run(statement), asked)
        except Refused as error:
            said = {"error_code": "BAD_REQUEST", "message": str(error)}
            held.answers[number] = {"status": {"state": "FAILED", "error": said}}
        if fault == "cut":
            self.close_connection = True
            return
        held.polls[number] = 2 if statement.startswith("MERGE") else 0
        self._state(number)

    def _state(self, number: str) -> None:
        if self.held.polls[number]:
            self.held.polls[number] -= 1
            self._answer(200, {"statement_id": number, "status": {"state": "RUNNING"}})
        else:
            self._answer(200, {"statement_id": number} | self.held.answers[number])

    def _succeeded(self, number: str, rows: list[tuple[Any, ...]], asked: dict[str, Any]) -> dict[str, Any]:
        texts = [[None if value is None else str(value) for value in row] for row in rows]
        parts = [texts[start : start + _ROWS_PER_CHUNK] for start in range(0, len(texts), _ROWS_PER_CHUNK)] or [[]]
        is_inline = (asked["disposition"], asked["format"]) == ("INLINE", "JSON_ARRAY")
        self.held.chunks[number] = parts if is_inline else [_arrow(part) for part in parts]
        return {"status": {"state": "SUCCEEDED"}, "result": self._chunk(number, 0)}

    def _chunk(self, number: str, index: int) -> dict[str, Any]:
        chunks = self.held.chunks[number]
        following: dict[str, Any] = {"chunk_index": index}
        if index + 1 < len(chunks):
            following["next_chunk_internal_link"] = f"/api/2.0/sql/statements/{number}/result/chunks/{index + 1}"
        if isinstance(chunks[index], bytes):
            return {"external_links": [following | {"external_link": f"{self.held.url}/signed/{number}/{index}"}]}
        return following | {"data_array": chunks[index]}

    def do_GET(self) -> None:
        self._body()
        path = urlsplit(self.path).path
        parts = path.strip("/").split("/")
        if parts[0] == "signed":
            # A signed address refuses a second way to sign in.
            has_token = "Authorization" in self.headers
            self._answer(400, {}) if has_token else self._send(200, self.held.chunks[parts[1]][int(parts[2])])
        elif not self._is_known():
            return
        elif path.startswith("/api/2.0/fs/directories/"):
            self._list(path)
        elif "chunks" in parts:
            self._answer(200, self._chunk(parts[-4], int(parts[-1])))
        else:
            self._state(parts[-1])

    def _list(self, path: str) -> None:
        place = self._place(path)
        if not place.is_dir():
            self._answer(404, {"error_code": "NOT_FOUND", "message": "The directory does not exist"})
            return
        names = sorted(each.name for each in place.iterdir())
        start = int(parse_qs(urlsplit(self.path).query).get("page_token", ["0"])[0])
        folder = unquote(path.removeprefix("/api/2.0/fs/directories"))
        found = [{"path": f"{folder}/{name}", "is_directory": False} for name in names[start : start + 1]]
        more = {"next_page_token": str(start + 1)} if start + 1 < len(names) else {}
        self._answer(200, {"contents": found} | more)

    def do_PUT(self) -> None:
        body = self._body()
        path = urlsplit(self.path)
        if not self._is_known():
            return
        place = self._place(path.path)
        volume = "/".join(unquote(path.path).split("/Volumes/")[1].split("/")[:3])
        if volume not in self.held.volumes:
            self._answer(404, {"error_code": "NOT_FOUND", "message": f"Volume '{volume}' does not exist"})
        elif "WRITE VOLUME" in self.held.denied:
            self._answer(403, {"error_code": "PERMISSION_DENIED", "message": "User does not have WRITE VOLUME"})
        elif "/fs/directories/" in path.path:
            place.mkdir(parents=True, exist_ok=True)
            self._answer(204)
        elif place.exists() and "overwrite=true" not in path.query:
            self._answer(409, {"error_code": "ALREADY_EXISTS", "message": "The file being created already exists."})
        else:
            place.write_bytes(body)
            self._answer(204)

    def do_DELETE(self) -> None:
        self._body()
        if not self._is_known():
            return
        place = self._place(urlsplit(self.path).path)
        if not place.exists():
            self._answer(404, {"error_code": "NOT_FOUND"})
        elif place.is_dir() and any(place.iterdir()):
            self._answer(400, {"error_code": "DIRECTORY_NOT_EMPTY", "message": "The directory is not empty."})
        else:
            place.rmdir() if place.is_dir() else place.unlink()
            self._answer(204)

    def _place(self, path: str) -> Path:
        return self.held.folder / unquote(path).split("/Volumes/")[1]

    def _is_known(self) -> bool:
        is_known = self.headers.get("Authorization") == "Bearer the-token"
        if not is_known:
            self._answer(401, {"error_code": "UNAUTHENTICATED", "message": "Credential was not sent"})
        return is_known

    def _body(self) -> bytes:
        assert "chunked" not in self.headers.get("Transfer-Encoding", "")
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, found: Any = None) -> None:
        self._send(status, b"" if found is None else json.dumps(found).encode())

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


def _arrow(rows: list[list[Any]]) -> bytes:
    """Rows of one column."""
    table, stream = pa.table({"value": pa.array([row[0] for row in rows], pa.string())}), io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue()


@contextmanager
def workspace(folder: Path) -> Iterator[Workspace]:
    """A running workspace that keeps its volumes in a folder."""
    held = Workspace(folder)
    handler = type("WorkspaceHandler", (Handler,), {"held": held})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        held.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        yield held
        server.shutdown()
        thread.join()
