"""Redshift: rows in a table, all of a run in one transaction.

Rows come into a temporary table, by statements of many rows (INSERT) or through files in S3 (COPY). From there the
table takes over what it does not hold yet, or holds in an older version.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

import psycopg
import pyarrow as pa
from psycopg import sql
from pydantic import BaseModel, Field, SecretStr, model_validator

from furze.exports import addresses, formats, object_store, sql_text
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
    failed,
)
from furze.exports.files import Upload
from furze.exports.postgres_errors import in_thread
from furze.kit import json

_TYPES = {
    "text": "VARCHAR(65535)",
    "json": "VARCHAR(65535)",
    "timestamp": "TIMESTAMPTZ",
    "integer": "BIGINT",
    "float": "DOUBLE PRECISION",
    "boolean": "BOOLEAN",
    "texts": "VARCHAR(65535)",
}
# As PostHog's own exports make them.
_EVENT_TYPES = dict.fromkeys(("uuid", "event", "distinct_id", "ip", "site_url"), "VARCHAR(200)") | {
    "team_id": "INTEGER"
}
_SUPER = ("properties", "set", "set_once", "person_properties")
_NOT_FOR_EVENTS = ("person_properties",)
# Redshift takes statements of up to 16 MB.
_STATEMENT_CHARACTERS = 4 * 1024 * 1024
_PART_BYTES = 64 * 1024 * 1024
_STAGE = sql.Identifier("furze_stage")
_CONNECT_SECONDS = 10


class Credentials(BaseModel):
    """Keys of an AWS user."""

    aws_access_key_id: SecretStr = SecretStr("")
    aws_secret_access_key: SecretStr = SecretStr("")

    @property
    def is_whole(self) -> bool:
        """Whether both parts are there."""
        return bool(self.aws_access_key_id.get_secret_value() and self.aws_secret_access_key.get_secret_value())


class CopyInputs(BaseModel):
    """Where files wait for COPY, and who may read and write them there."""

    s3_bucket: str = ""
    region_name: str = ""
    s3_key_prefix: str = "/"
    authorization: str | Credentials | None = None
    bucket_credentials: Credentials | None = None
    endpoint_url: str | None = None


class RedshiftConfig(Config):
    """The inputs of a Redshift destination."""

    database: str = Field(description="The database.")
    host: str = Field(description="The cluster's or workgroup's endpoint, without port.")
    port: int = Field(5439, description="The port.")
    user: SecretStr = Field(description="The user to connect as.")
    password: SecretStr | None = Field(None, description="The user's password.")
    # `schema` is pydantic's own word on a model, so the wire's name is an alias.
    schema_: str = Field("public", alias="schema", description="The schema of the table.")
    table_name: str = Field("events", description="The table; it is created if it is not there.")
    properties_data_type: Literal["varchar", "super"] = Field("varchar", description="The type of properties.")
    mode: Literal["INSERT", "COPY"] = Field("INSERT", description="Rows in statements, or through files in S3.")
    copy_inputs: CopyInputs | None = Field(None, description="For COPY: the bucket, and who may use it.")
    ssl_mode: Literal["disable", "prefer", "require", "verify-full"] = Field(
        "require", description="How much the connection must be protected."
    )

    @model_validator(mode="after")
    def _copy_is_whole(self) -> Self:
        fault = _copy_fault(self.copy_inputs) if self.mode == "COPY" else None
        if fault:
            raise ValueError(fault)
        return self


def _copy_fault(inputs: CopyInputs | None) -> str | None:
    if inputs is None:
        return "Missing required inputs for 'COPY'"
    if not inputs.s3_bucket or not inputs.region_name:
        return "Missing required input for 'COPY'"
    if inputs.bucket_credentials is None or not inputs.bucket_credentials.is_whole:
        return "Missing required bucket credentials for 'COPY'"
    return _authorization_fault(inputs.authorization)


def _authorization_fault(given: str | Credentials | None) -> str | None:
    if isinstance(given, Credentials):
        return None if given.is_whole else "Missing required credentials for 'COPY'"
    if not given:
        return "Missing required IAM role for 'COPY'"
    if not given.startswith("arn:"):
        return "Authorization for 'COPY' must be the ARN of a role, or the keys of a user"
    return None


def _connect(config: RedshiftConfig) -> psycopg.Connection[Any]:
    connection = psycopg.connect(
        host=config.host,
        port=config.port,
        dbname=config.database,
        user=config.user.get_secret_value(),
        password=config.password.get_secret_value() if config.password else None,
        sslmode=config.ssl_mode,
        connect_timeout=_CONNECT_SECONDS,
        application_name="furze",
        client_encoding="utf-8",  # Redshift calls its encoding by a name that Python does not know
    )
    connection.prepare_threshold = None
    return connection


class RedshiftSink:
    """One run in one transaction; its rows come in statements of many rows."""

    def __init__(self, connection: psycopg.Connection[Any], config: RedshiftConfig, delivery: Delivery) -> None:
        self._connection, self._config, self._delivery = connection, config, delivery
        self._table = sql.Identifier(config.schema_, config.table_name)
        self._columns = _wanted(delivery)
        self._limits: dict[str, int | None] = {}
        self._rows = self._bytes = self._too_long = 0
        self._notes: list[str] = []

    async def write(self, batch: pa.RecordBatch) -> None:
        """Insert some rows into the temporary table."""
        await in_thread(self._write_now, batch)

    async def commit(self) -> Receipt:
        """Take over what is new and commit."""
        return await in_thread(self._commit_now)

    async def abort(self) -> None:
        """Roll everything back."""
        await asyncio.to_thread(self._connection.close)

    def prepare(self) -> None:
        """Make the table if need be, and the temporary one."""
        definitions = _definitions(self._columns, self._delivery, self._config)
        try:
            self._run(sql.SQL("CREATE TABLE IF NOT EXISTS {} ({})").format(self._table, definitions))
            self._connection.commit()
        except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable, psycopg.errors.DuplicateObject):
            self._connection.rollback()  # another run created it at the same moment
        self._limits = self._existing()
        self._columns = tuple(column for column in self._columns if column.name in self._limits)
        missing = [column.name for column in _wanted(self._delivery) if column.name not in self._limits]
        if missing:
            self._notes.append(f"The table has no column {', '.join(missing)}: left out")
        lost = [name for name in self._delivery.key if name in missing]
        if lost:
            raise Reject(f"The table has no column {lost[0]!r}, by which rows are told apart. Add it.")
        staged = sql.SQL(", ").join(
            sql.SQL("{} " + _TYPES[column.kind]).format(sql.Identifier(column.name)) for column in self._columns
        )
        self._run(sql.SQL("CREATE TEMPORARY TABLE {} ({})").format(_STAGE, staged))

    def _existing(self) -> dict[str, int | None]:
        found = self._connection.execute(
            "SELECT column_name, character_maximum_length FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s",
            (self._config.schema_, self._config.table_name),
        )
        return dict(found.fetchall())

    def _write_now(self, batch: pa.RecordBatch) -> None:
        names = sql.SQL(", ").join(sql.Identifier(column.name) for column in self._columns)
        head = sql.SQL("INSERT INTO {} ({}) VALUES ").format(_STAGE, names).as_string(self._connection)
        waiting: list[str] = []
        size = 0
        for row in self._literals(batch):
            if size + len(row) > _STATEMENT_CHARACTERS and waiting:
                self._insert(head, waiting)
                waiting, size = [], 0
            waiting.append(row)
            size += len(row)
        if waiting:
            self._insert(head, waiting)

    def _insert(self, head: str, rows: list[str]) -> None:
        statement = (head + ", ".join(rows)).encode()
        self._connection.execute(statement)
        self._rows += len(rows)
        self._bytes += len(statement)

    def _literals(self, batch: pa.RecordBatch) -> Iterator[str]:
        columns = [_cleaned(column, batch.column(column.name)).to_pylist() for column in self._columns]
        limits = [self._limits[column.name] for column in self._columns]
        for row in zip(*columns, strict=True):
            values = [json.dumps(value).decode() if isinstance(value, list) else value for value in row]
            if any(_is_longer(value, limit) for value, limit in zip(values, limits, strict=True)):
                self._too_long += 1
            else:
                yield f"({', '.join(map(literal, values))})"

    def _commit_now(self) -> Receipt:
        held = self._take_over()
        self._connection.commit()
        self._connection.close()
        if self._too_long:
            self._notes.append(f"{self._too_long} rows have a value longer than its column: left out")
        return Receipt(held, self._bytes, notes=tuple(self._notes))

    def _take_over(self) -> int:
        """Move the rows from the temporary table; how many of them the table holds then."""
        parts = _merge_parts(self._table, self._config, self._delivery, self._columns)
        already = 0
        if self._delivery.key:
            stale = "DELETE FROM {stage} USING {table} WHERE {same} AND NOT ({newer})"
            already = self._run(sql.SQL(stale).format(**parts))
        if self._delivery.versions:
            self._run(sql.SQL("DELETE FROM {table} USING {stage} WHERE {same}").format(**parts))
        return already + self._run(
            sql.SQL("INSERT INTO {table} ({names}) SELECT {values} FROM {source}").format(**parts)
        )

    def _run(self, statement: sql.Composed) -> int:
        return self._connection.execute(statement).rowcount


class CopySink(RedshiftSink):
    """One run in one transaction; its rows come through files in S3, which are gone afterwards."""

    def __init__(self, connection: psycopg.Connection[Any], config: RedshiftConfig, delivery: Delivery) -> None:
        super().__init__(connection, config, delivery)
        assert config.copy_inputs is not None  # noqa: S101 - validated with the config
        self._inputs = config.copy_inputs
        self._folder = object_store.ObjectFolder(_bucket(self._inputs))
        self._prefix = f"{self._inputs.s3_key_prefix.strip('/')}/furze-{delivery.run_id}/".lstrip("/")
        self._keys: list[str] = []
        self._upload: Upload | None = None
        self._encoder: formats.Encoder | None = None
        self._part_bytes = 0

    async def write(self, batch: pa.RecordBatch) -> None:
        """Send some rows to the bucket."""
        if self._upload is None or self._encoder is None:
            key = f"{self._prefix}{len(self._keys)}.jsonl.gz"
            self._upload = await self._folder.upload(key, "application/gzip")
            self._encoder = formats.new_encoder("JSONLines", "gzip", batch.schema)
            self._keys.append(key)
            self._part_bytes = 0
        await self._send(await asyncio.to_thread(self._encoder.encode, batch))
        self._rows += batch.num_rows
        if self._part_bytes >= _PART_BYTES:
            await self._end_part()

    async def commit(self) -> Receipt:
        """COPY the files, take over what is new, commit, delete the files."""
        await self._end_part()
        receipt = await in_thread(self._copy_now)
        await self._folder.delete(self._keys)
        return receipt

    async def abort(self) -> None:
        """Roll back and delete the files."""
        await super().abort()
        if self._upload is not None:
            await self._upload.abort()
        await self._folder.delete(self._keys)

    async def _send(self, data: bytes) -> None:
        if data and self._upload is not None:
            self._part_bytes += len(data)
            self._bytes += len(data)
            await self._upload.write(data)

    async def _end_part(self) -> None:
        if self._upload is not None and self._encoder is not None:
            await self._send(await asyncio.to_thread(self._encoder.finish))
            await self._upload.complete()
            self._upload = self._encoder = None

    def _copy_now(self) -> Receipt:
        if self._keys:
            self._run(copy_statement(self._inputs, self._prefix, [column.name for column in self._columns]))
        return self._commit_now()


def copy_statement(inputs: CopyInputs, prefix: str, columns: Sequence[str]) -> sql.Composed:
    """The COPY of every file below a prefix into the temporary table."""
    if isinstance(inputs.authorization, Credentials):
        allowed = sql.SQL("ACCESS_KEY_ID {} SECRET_ACCESS_KEY {}").format(
            sql.Literal(inputs.authorization.aws_access_key_id.get_secret_value()),
            sql.Literal(inputs.authorization.aws_secret_access_key.get_secret_value()),
        )
    else:
        allowed = sql.SQL("IAM_ROLE {}").format(sql.Literal(inputs.authorization))
    return sql.SQL("COPY {} ({}) FROM {} {} REGION {} FORMAT AS JSON 'auto' GZIP TIMEFORMAT 'auto'").format(
        _STAGE,
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.Literal(f"s3://{inputs.s3_bucket}/{prefix}"),
        allowed,
        sql.Literal(inputs.region_name),
    )


def literal(value: object) -> str:
    """A value in the text of a statement."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"'{value!r}'"  # also NaN and the infinities
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    quoted = text.replace("'", "''")
    return "E'" + quoted.replace("\\", "\\\\") + "'" if "\\" in quoted else f"'{quoted}'"


def _merge_parts(
    table: sql.Identifier, config: RedshiftConfig, delivery: Delivery, columns: Sequence[Column]
) -> dict[str, sql.Composable]:
    old, keys = sql.Identifier(config.table_name), [sql.Identifier(name) for name in delivery.key]
    same = sql.SQL(" AND ").join(sql.SQL("{0}.{2} = {1}.{2}").format(old, _STAGE, key) for key in keys)
    newer = sql.SQL(" OR ").join(
        sql.SQL("{1}.{2} > {0}.{2}").format(old, _STAGE, sql.Identifier(name)) for name in delivery.versions
    )
    is_super = config.properties_data_type == "super"
    values = [
        sql.SQL("JSON_PARSE({})" if is_super and column.name in _SUPER else "{}").format(sql.Identifier(column.name))
        for column in columns
    ]
    source: sql.Composable = _STAGE
    if keys:
        order = [sql.SQL("{} DESC").format(sql.Identifier(name)) for name in delivery.versions] or keys
        source = sql.SQL(
            "(SELECT *, ROW_NUMBER() OVER (PARTITION BY {} ORDER BY {}) AS furze_rank FROM {}) AS ranked "
            "WHERE furze_rank = 1"
        ).format(sql.SQL(", ").join(keys), sql.SQL(", ").join(order), _STAGE)
    return {
        "table": table,
        "stage": _STAGE,
        "names": sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
        "values": sql.SQL(", ").join(values),
        "same": same,
        "newer": newer if delivery.versions else sql.SQL("FALSE"),
        "source": source,
    }


def _wanted(delivery: Delivery) -> tuple[Column, ...]:
    left_out = _NOT_FOR_EVENTS if delivery.key == ("uuid",) else ()
    return tuple(column for column in delivery.columns if column.name not in left_out)


def _definitions(columns: Sequence[Column], delivery: Delivery, config: RedshiftConfig) -> sql.Composed:
    own = _EVENT_TYPES if delivery.key == ("uuid",) else {}
    kinds = {column.name: own.get(column.name, _TYPES[column.kind]) for column in columns}
    if config.properties_data_type == "super":
        kinds |= {column.name: "SUPER" for column in columns if column.name in _SUPER}
    return sql.SQL(", ").join(sql.SQL("{} " + kind).format(sql.Identifier(name)) for name, kind in kinds.items())


def _cleaned(column: Column, array: pa.Array) -> pa.Array:
    if column.kind == "json":
        return sql_text.clean_json(array)
    return sql_text.clean_text(array) if column.kind == "text" else array


def _is_longer(value: object, limit: int | None) -> bool:
    # Redshift counts bytes; four of them make the longest character.
    if limit is None or not isinstance(value, str) or len(value) * 4 <= limit:
        return False
    return len(value.encode()) > limit


def _bucket(inputs: CopyInputs) -> Any:
    from obstore.store import S3Store  # noqa: PLC0415

    assert inputs.bucket_credentials is not None  # noqa: S101 - validated with the config
    options: dict[str, Any] = {"endpoint": inputs.endpoint_url} if inputs.endpoint_url else {}
    return S3Store(
        inputs.s3_bucket,
        region=inputs.region_name,
        access_key_id=inputs.bucket_credentials.aws_access_key_id.get_secret_value(),
        secret_access_key=inputs.bucket_credentials.aws_secret_access_key.get_secret_value(),
        virtual_hosted_style_request=False,
        client_options=object_store.CLIENT_OPTIONS | {"allow_http": (inputs.endpoint_url or "").startswith("http://")},
        retry_config=object_store.RETRIES,
        **options,
    )


async def _check_connection(config: RedshiftConfig) -> Outcome:
    return await _outcome(config, lambda connection: connection.execute("SELECT 1"))


async def _check_schema(config: RedshiftConfig) -> Outcome:
    def look(connection: psycopg.Connection[Any]) -> None:
        found = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (config.schema_,)).fetchone()
        if found is None:
            raise Reject(f"The schema {config.schema_!r} does not exist in database {config.database!r}. Create it.")

    return await _outcome(config, look)


async def _check_permissions(config: RedshiftConfig) -> Outcome:
    def try_it(connection: psycopg.Connection[Any]) -> None:
        table = sql.Identifier(config.schema_, config.table_name)
        connection.execute(sql.SQL("CREATE TEMPORARY TABLE {} (n INTEGER)").format(_STAGE))
        connection.execute(sql.SQL("CREATE TABLE IF NOT EXISTS {} (n INTEGER)").format(table))
        connection.execute(sql.SQL("INSERT INTO {0} SELECT * FROM {0} WHERE FALSE").format(table))
        connection.execute(sql.SQL("DELETE FROM {} WHERE FALSE").format(table))
        connection.rollback()

    return await _outcome(config, try_it)


async def _check_bucket(config: RedshiftConfig) -> Outcome:
    if config.mode != "COPY" or config.copy_inputs is None:
        return Outcome("Skipped", "Only COPY needs a bucket.")
    try:
        await _check_endpoint(config.copy_inputs)
    except Reject as error:
        return failed(str(error))
    return await object_store.check_write(_bucket(config.copy_inputs), config.copy_inputs.s3_key_prefix)


async def _check_endpoint(inputs: CopyInputs | None) -> None:
    if inputs and inputs.endpoint_url:
        await addresses.check_host(urlsplit(inputs.endpoint_url).hostname or "")


async def _outcome(config: RedshiftConfig, act: Callable[[psycopg.Connection[Any]], object]) -> Outcome:
    def connected() -> None:
        with _connect(config) as connection:
            act(connection)

    await addresses.check_host(config.host)
    await in_thread(connected)
    return PASSED


class Redshift:
    """A table in Amazon Redshift."""

    name: ClassVar[str] = "Redshift"
    config: ClassVar[type[Config]] = RedshiftConfig
    is_keyed: ClassVar[bool] = True
    layout: ClassVar[Literal["file", "table"]] = "table"
    models: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[Sequence[Check]] = (
        Check("Establish connection to Redshift", "Connects and signs in.", _check_connection),
        Check("Verify Redshift schema", "Looks for the schema.", _check_schema),
        Check(
            "Verify Redshift table permissions", "Creates and fills a table, then takes it back.", _check_permissions
        ),
        Check("Write to the bucket of COPY", "Writes and deletes an object; skipped for INSERT.", _check_bucket),
    )

    def rendering(self, config: RedshiftConfig) -> Literal["columns", "lines"]:
        """COPY reads lines of JSON."""
        return "lines" if config.mode == "COPY" else "columns"

    async def open(self, config: RedshiftConfig, delivery: Delivery) -> Sink:
        """A sink on a connection of its own."""
        await addresses.check_host(config.host)
        await _check_endpoint(config.copy_inputs)
        kind = CopySink if config.mode == "COPY" else RedshiftSink
        sink = kind(await in_thread(_connect, config), config, delivery)
        try:
            await in_thread(sink.prepare)
        except BaseException:
            await sink.abort()
            raise
        return sink
