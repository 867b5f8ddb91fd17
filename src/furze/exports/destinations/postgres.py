"""Postgres: rows in a table, all of a run in one transaction.

Rows go in by binary COPY. A run that is tried for the first time copies straight into the table; one that may have
been here before copies into a temporary table and takes over only what is missing, or, for rows that change
(persons, sessions), what is newer. Rows without a key cannot be found again: the transaction that brings them also
enters their run in a table, by which the same run is recognised when nobody has heard of its commit.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import ExitStack, closing
from typing import Any, ClassVar, Literal, TypeVar

import psycopg
import pyarrow as pa
from psycopg import sql
from pydantic import Field, SecretStr

from furze.exports import addresses, sql_text
from furze.exports.destination import (
    PASSED,
    Check,
    Column,
    Config,
    Delivery,
    Outcome,
    Receipt,
    Reject,
    Sink,
)
from furze.jobs import Retry

T = TypeVar("T")

_TYPES = {
    "text": "text",
    "json": "jsonb",
    "timestamp": "timestamptz",
    "integer": "bigint",
    "float": "double precision",
    "boolean": "boolean",
    "texts": "text[]",
}
# The binary form of a value depends on the type of its column; a table with other types is filled by casting.
_BINARY = {
    "text": ("text", "varchar"),
    "json": ("jsonb",),
    "timestamp": ("timestamptz", "timestamp"),
    "integer": ("int8", "int4"),
    "float": ("float8",),
    "boolean": ("bool",),
    "texts": ("_text",),
}
# Connection lost, transaction to be repeated, out of resources, shut down, lock not free: may pass.
_PASSING_CLASSES = ("08", "40", "53", "55", "57", "58")
_REFUSED_AT_CONNECT = (
    "password authentication failed",
    "does not exist",
    "no pg_hba.conf entry",
    "does not support SSL",
)
_STAGE = "furze_stage"
_RUNS = "posthog_batch_export_runs"
_CONNECT_SECONDS = 10
_CANCEL_SECONDS = 10
_FETCHED_ROWS = 20_000


class PostgresConfig(Config):
    """The inputs of a Postgres destination."""

    host: str = Field(description="The server's host name or address.")
    port: int = Field(5432, description="The server's port.")
    database: str = Field(description="The database.")
    user: SecretStr = Field(description="The user to connect as.")
    password: SecretStr | None = Field(None, description="The user's password.")
    # `schema` is pydantic's own word on a model, so the wire's name is an alias.
    schema_: str = Field("public", alias="schema", description="The schema of the table.")
    table_name: str = Field("events", description="The table; it is created if it is not there.")
    has_self_signed_cert: bool = Field(False, description="Encrypt, but accept a certificate nobody has signed.")
    ssl_mode: Literal["disable", "prefer", "require", "verify-full"] = Field(
        "prefer", description="How much the connection must be protected."
    )


def _connect(config: PostgresConfig) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=config.host,
        port=config.port,
        dbname=config.database,
        user=config.user.get_secret_value(),
        password=config.password.get_secret_value() if config.password else None,
        sslmode="require" if config.has_self_signed_cert else config.ssl_mode,
        connect_timeout=_CONNECT_SECONDS,
        keepalives_idle=30,
        tcp_user_timeout=60_000,
        application_name="furze",
    )


class PostgresSink:
    """One run in one transaction."""

    def __init__(self, connection: psycopg.Connection[Any], config: PostgresConfig, delivery: Delivery) -> None:
        self._connection, self._delivery = connection, delivery
        self._table = sql.Identifier(config.schema_, config.table_name)
        self._place = (config.schema_, config.table_name)
        self._rows = self._bytes = 0
        self._notes: list[str] = []
        self._columns: tuple[Column, ...] = delivery.columns
        self._types: dict[str, str] = {}
        self._copying = ExitStack()
        self._copy: psycopg.Copy | None = None
        self._encoder: Any = None
        self._sending: asyncio.Task[None] | None = None
        self._runs: sql.Identifier | None = None
        self._delivered: Receipt | None = None

    async def write(self, batch: pa.RecordBatch) -> None:
        """Encode some rows while the ones before them are on their way."""
        if self._delivered is None:
            data = await asyncio.to_thread(self._encode, batch)
            await self._sent()
            self._sending = asyncio.create_task(_in_thread(self._send, data))

    async def commit(self) -> Receipt:
        """Merge what was staged and commit."""
        await self._sent()
        return await _in_thread(self._commit_now)

    async def abort(self) -> None:
        """Roll everything back."""
        if self._sending is not None:
            # A thread is inside the connection: it has to come out before the connection may go.
            await asyncio.to_thread(self._connection.cancel_safe, timeout=_CANCEL_SECONDS)
            await asyncio.wait({self._sending}, timeout=_CANCEL_SECONDS)
        await asyncio.to_thread(self._connection.close)

    async def _sent(self) -> None:
        if self._sending is not None:
            await asyncio.shield(self._sending)
            self._sending = None

    def prepare(self) -> None:
        """Make the table if need be and begin to copy: into it, or into a temporary one."""
        columns = sql.SQL(", ").join(
            sql.SQL("{} " + _TYPES[column.kind]).format(sql.Identifier(column.name)) for column in self._columns
        )
        key: sql.Composable = sql.SQL("")
        if self._delivery.versions:
            names = sql.SQL(", ").join(map(sql.Identifier, self._delivery.key))
            key = sql.SQL(", PRIMARY KEY ({})").format(names)
        elif self._delivery.key:
            key = sql.SQL(", UNIQUE ({})").format(sql.SQL(", ").join(map(sql.Identifier, self._delivery.key)))
        self._types = self._existing_types()
        if not self._types:
            self._create(sql.SQL("CREATE TABLE IF NOT EXISTS {} ({}{})").format(self._table, columns, key))
            self._types = self._existing_types()
        if not self._types:
            raise Reject(
                f"The table {'.'.join(self._place)!r} can't be made: something else has its name. Rename that."
            )
        self._columns = tuple(column for column in self._columns if column.name in self._types)
        self._note_missing()
        if not self._delivery.key:
            self._look_for_run()
        if self.is_staged:
            self._run(sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(sql.Identifier(_STAGE), columns))

    def _create(self, statement: sql.Composed) -> None:
        # In a transaction of its own, so that runs side by side do not wait for each other's rows; IF NOT EXISTS
        # does not cover two sessions that create at the same moment: the later one meets the other's table or its type.
        try:
            self._run(statement)
            self._connection.commit()
        except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable, psycopg.errors.DuplicateObject):
            self._connection.rollback()

    def _look_for_run(self) -> None:
        runs = sql.Identifier(self._place[0], _RUNS)
        columns = "run_id text PRIMARY KEY, rows bigint, bytes bigint, delivered_at timestamptz DEFAULT now()"
        try:
            if self._connection.execute("SELECT to_regclass(%s)", (runs.as_string(),)).fetchone() == (None,):
                self._create(sql.SQL("CREATE TABLE IF NOT EXISTS {} (" + columns + ")").format(runs))
            query = sql.SQL("SELECT rows, bytes FROM {} WHERE run_id = %s").format(runs)
            found = self._connection.execute(query, (self._delivery.run_id,)).fetchone()
        except psycopg.errors.InsufficientPrivilege:
            self._connection.rollback()
            self._notes.append(f"No right to keep a table {_RUNS}: a crash right after a commit may repeat its rows")
            return
        self._runs = runs
        if found is not None:
            self._delivered = Receipt(found[0], found[1], notes=("An earlier attempt had delivered these rows",))

    @property
    def is_staged(self) -> bool:
        """Whether rows pass through a temporary table."""
        fits = all(self._types[column.name] in _BINARY[column.kind] for column in self._columns)
        return bool(self._delivery.versions) or self._delivery.is_repeat or not fits

    def _existing_types(self) -> dict[str, str]:
        found = self._connection.execute(
            "SELECT column_name, udt_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
            self._place,
        )
        return dict(found.fetchall())

    def _note_missing(self) -> None:
        missing = [column.name for column in self._delivery.columns if column.name not in self._types]
        if missing:
            self._notes.append(f"The table has no column {', '.join(missing)}: left out")
        lost_keys = [name for name in self._delivery.key if name in missing]
        if lost_keys:
            raise Reject(f"The table has no column {lost_keys[0]!r}, by which rows are told apart. Add it.")

    def _encode(self, batch: pa.RecordBatch) -> bytes:
        shaped = self._shaped(batch)
        header = b""
        if self._encoder is None:
            self._encoder = self._new_encoder(shaped.schema)
            header = self._encoder.write_header()
        data: bytes = self._encoder.write_batch(shaped)
        self._rows += batch.num_rows
        self._bytes += len(data)
        return header + data

    def _send(self, data: bytes) -> None:
        copy = self._copy or self._begin_copy()
        copy.write(data)

    def _shaped(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        arrays = [self._shaped_column(column, batch.column(column.name)) for column in self._columns]
        return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in self._columns])

    def _shaped_column(self, column: Column, array: pa.Array) -> pa.Array:
        if column.kind == "json":
            return sql_text.clean_json(array)
        if column.kind == "text":
            return sql_text.clean_text(array)
        if self._types[column.name] == "int4" and not self.is_staged:
            return array.cast(pa.int32())
        return array

    def _new_encoder(self, schema: pa.Schema) -> Any:
        from pgpq import ArrowToPostgresBinaryEncoder, encoders  # noqa: PLC0415
        from pgpq import schema as pgpq_schema  # noqa: PLC0415

        json = {column.name for column in self._columns if column.kind == "json"}
        builders: dict[str, Any] = {
            field.name: encoders.StringEncoderBuilder.new_with_output(field, pgpq_schema.Jsonb())
            if field.name in json
            else ArrowToPostgresBinaryEncoder.infer_encoder(field)
            for field in schema
        }
        return ArrowToPostgresBinaryEncoder.new_with_encoders(schema, builders)

    def _begin_copy(self) -> psycopg.Copy:
        target = sql.Identifier(_STAGE) if self.is_staged else self._table
        names = sql.SQL(", ").join(sql.Identifier(column.name) for column in self._columns)
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(target, names)
        self._copy = self._copying.enter_context(self._connection.cursor().copy(statement))
        return self._copy

    def _commit_now(self) -> Receipt:
        if self._copy is not None:
            self._copy.write(self._encoder.finish())
            self._copying.close()
            if self.is_staged:
                self._merge()
        if self._runs is not None and self._delivered is None:
            statement = sql.SQL("INSERT INTO {} (run_id, rows, bytes) VALUES (%s, %s, %s)").format(self._runs)
            self._connection.execute(statement, (self._delivery.run_id, self._rows, self._bytes))
        self._connection.commit()
        self._connection.close()
        return self._delivered or Receipt(self._rows, self._bytes, notes=tuple(self._notes))

    def _merge(self) -> None:
        names = [sql.Identifier(column.name) for column in self._columns]
        values = [
            sql.SQL("stage.{}::{}").format(name, sql.SQL(self._types[column.name]))
            for name, column in zip(names, self._columns, strict=True)
        ]
        parts = {
            "table": self._table,
            "stage": sql.Identifier(_STAGE),
            "names": sql.SQL(", ").join(names),
            "values": sql.SQL(", ").join(values),
            "key": sql.SQL(", ").join(map(sql.Identifier, self._delivery.key)),
            "same": sql.SQL(" AND ").join(
                sql.SQL("old.{0}::text = stage.{0}").format(sql.Identifier(name)) for name in self._delivery.key
            ),
        }
        if not self._delivery.key:
            self._run(sql.SQL("INSERT INTO {table} ({names}) SELECT {values} FROM {stage} AS stage").format(**parts))
            return
        if not self._delivery.versions:
            self._run(
                sql.SQL(
                    "INSERT INTO {table} ({names}) SELECT {values} FROM {stage} AS stage "
                    "WHERE NOT EXISTS (SELECT FROM {table} AS old WHERE {same})"
                ).format(**parts)
            )
            return
        kept = [name for name in names if name.as_string() not in {f'"{key}"' for key in self._delivery.key}]
        parts["changes"] = sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(name) for name in kept)
        parts["newer"] = sql.SQL(" OR ").join(
            sql.SQL("excluded.{0} > old.{0}").format(sql.Identifier(name)) for name in self._delivery.versions
        )
        self._run(
            sql.SQL(
                "INSERT INTO {table} AS old ({names}) SELECT DISTINCT ON ({key}) {values} FROM {stage} AS stage "
                "ON CONFLICT ({key}) DO UPDATE SET {changes} WHERE {newer}"
            ).format(**parts)
        )

    def _run(self, statement: sql.Composed) -> None:
        self._connection.execute(statement)


async def _check_connection(config: PostgresConfig) -> Outcome:
    return await _outcome(config, lambda connection: connection.execute("SELECT 1"))


async def _check_schema(config: PostgresConfig) -> Outcome:
    def look(connection: psycopg.Connection[Any]) -> None:
        found = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (config.schema_,)).fetchone()
        if found is None:
            raise Reject(f"The schema {config.schema_!r} does not exist in database {config.database!r}. Create it.")

    return await _outcome(config, look)


async def _check_permissions(config: PostgresConfig) -> Outcome:
    def try_it(connection: psycopg.Connection[Any]) -> None:
        table = sql.Identifier(config.schema_, config.table_name)
        place = (config.schema_, config.table_name)
        query = "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s"
        connection.execute("CREATE TEMPORARY TABLE furze_probe (n int) ON COMMIT DROP")
        if connection.execute(query, place).fetchone() is None:
            connection.execute(sql.SQL("CREATE TABLE {} (n int)").format(table))
        connection.execute(sql.SQL("INSERT INTO {} SELECT * FROM {} WHERE false").format(table, table))
        connection.rollback()

    return await _outcome(config, try_it)


async def _outcome(config: PostgresConfig, act: Callable[[psycopg.Connection[Any]], object]) -> Outcome:
    def connected() -> None:
        with _connect(config) as connection:
            act(connection)

    await addresses.check_host(config.host)
    await _in_thread(connected)
    return PASSED


class Postgres:
    """A table in PostgreSQL."""

    name: ClassVar[str] = "Postgres"
    config: ClassVar[type[Config]] = PostgresConfig
    is_keyed: ClassVar[bool] = True
    layout: ClassVar[Literal["file", "table"]] = "table"
    models: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[Sequence[Check]] = (
        Check("Establish connection to Postgres", "Connects and signs in.", _check_connection),
        Check("Verify Postgres schema", "Looks for the schema.", _check_schema),
        Check(
            "Verify Postgres table permissions", "Creates and fills a table, then takes it back.", _check_permissions
        ),
    )

    def rendering(self, config: PostgresConfig) -> Literal["columns", "lines"]:  # noqa: ARG002
        """Columns."""
        return "columns"

    async def open(self, config: PostgresConfig, delivery: Delivery) -> Sink:
        """A sink on a connection of its own."""
        await addresses.check_host(config.host)
        sink = PostgresSink(await _in_thread(_connect, config), config, delivery)
        try:
            await _in_thread(sink.prepare)
        except BaseException:
            await sink.abort()
            raise
        return sink

    async def uuids(
        self,
        config: PostgresConfig,
        files: Sequence[str],  # noqa: ARG002 - one table holds all
        project_id: int,
    ) -> AsyncGenerator[pa.Array, None]:
        """The uuids in the table."""
        await addresses.check_host(config.host)
        with ExitStack() as stack:
            connection = stack.enter_context(closing(await _in_thread(_connect, config)))
            cursor = stack.enter_context(connection.cursor("furze_verify"))
            await _in_thread(_select_uuids, cursor, config, project_id)
            while rows := await _in_thread(cursor.fetchmany, _FETCHED_ROWS):
                yield pa.array([row[0] for row in rows], pa.string())


def _select_uuids(cursor: psycopg.ServerCursor[Any], config: PostgresConfig, project_id: int) -> None:
    place = (config.schema_, config.table_name)
    found = cursor.connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s", place
    ).fetchall()
    owner = sql.SQL(" WHERE team_id = {}").format(project_id) if ("team_id",) in found else sql.SQL("")
    cursor.execute(sql.SQL("SELECT uuid::text FROM {}").format(sql.Identifier(*place)) + owner)


async def _in_thread(function: Callable[..., T], *arguments: Any) -> T:
    try:
        return await asyncio.to_thread(function, *arguments)
    except psycopg.Error as error:
        raise _translated(error) from error


def _translated(error: psycopg.Error) -> Exception:
    text = str(error).strip().replace("\n", " ")
    if error.sqlstate is None:
        # A refused connection has no code: only the server's words tell a wrong password from a server that is away.
        lasting = any(words in text for words in _REFUSED_AT_CONNECT)
        return Reject(text) if lasting else Retry(text)
    if error.sqlstate.startswith(_PASSING_CLASSES):
        return Retry(text)
    if isinstance(error, psycopg.errors.UniqueViolation):
        return Retry(f"Some rows are there already; the next attempt adds what is missing: {text}", after_seconds=1)
    if isinstance(error, psycopg.errors.InvalidColumnReference):
        return Reject(f"MissingPrimaryKey: {text}. Give the table a primary key on the columns that tell rows apart.")
    return Reject(f"{type(error).__name__}: {text}")
