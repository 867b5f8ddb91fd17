"""Snowflake: rows in a table, taken over from a loaded temporary table by one statement.

A run's rows wait in a Parquet file of this machine, go by PUT into a temporary stage and by COPY into a temporary
table. One MERGE takes over those whose key the table does not hold, or holds in an older version.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, Self, TypeVar
from urllib.parse import urlsplit

import pyarrow as pa
from pydantic import Field, SecretStr, model_validator

from furze.exports import addresses, extras, sql_text
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
from furze.exports.spool import Spool
from furze.jobs import Retry
from furze.kit import json

T = TypeVar("T")

_TYPES = {
    "text": "VARCHAR",
    "json": "VARIANT",
    "timestamp": "TIMESTAMP_TZ",
    "integer": "INTEGER",
    "float": "FLOAT",
    "boolean": "BOOLEAN",
    "texts": "VARIANT",
}
# Rows come as text where the table holds VARIANT.
_STAGED_TYPES = _TYPES | {"json": "VARCHAR", "texts": "VARCHAR"}
_EVENT_NAMES = {"set": "people_set", "set_once": "people_set_once"}
_NOT_FOR_EVENTS = ("person_properties",)
_INGESTED = "snowflake_ingested_timestamp"
_LIBRARY = "snowflake.connector"
_PASSING = (
    "OperationalError",
    "ServiceUnavailableError",
    "GatewayTimeoutError",
    "InternalServerError",
    "RequestTimeoutError",
)
_LASTING_WORDS = ("Incorrect username or password", "JWT token", "404 Not Found", "is not authorized", "locked")
_LOGIN_SECONDS = 30
_MESSAGE_LENGTH = 400


class SnowflakeConfig(Config):
    """The inputs of a Snowflake destination."""

    account: str = Field(description="The account's identifier, such as `organization-account`.")
    user: SecretStr = Field(description="The user to connect as.")
    database: str = Field(description="The database, exactly as it is named.")
    warehouse: str = Field(description="The warehouse that does the work.")
    schema_: str = Field(alias="schema", description="The schema of the table, exactly as it is named.")
    table_name: str = Field("events", description="The table; it is created if it is not there.")
    role: str | None = Field(None, description="The role to take.")
    authentication_type: Literal["password", "keypair"] = Field("password", description="How the user signs in.")
    password: SecretStr | None = Field(None, description="The password or a programmatic access token.")
    private_key: SecretStr | None = Field(None, description="The private key in PEM form.")
    private_key_passphrase: SecretStr | None = Field(None, description="The passphrase of the private key.")
    endpoint_url: str | None = Field(None, description="Where to connect instead of the account's own address.")

    @model_validator(mode="after")
    def _can_sign_in(self) -> Self:
        if self.authentication_type == "password" and not self.password:
            raise ValueError("Password is required if authentication type is password")
        if self.authentication_type == "keypair" and not self.private_key:
            raise ValueError("Private key is required if authentication type is key pair")
        return self


def _connect(config: SnowflakeConfig) -> Any:
    connector = extras.load(_LIBRARY, extra="snowflake")
    place = urlsplit(config.endpoint_url or "")
    options: dict[str, Any] = {"role": config.role, "host": place.hostname, "port": place.port}
    options["protocol"] = place.scheme or None
    if config.authentication_type == "keypair":
        options["private_key"] = _key_bytes(config)
    elif config.password:
        options["password"] = config.password.get_secret_value()
    return connector.connect(
        account=config.account,
        user=config.user.get_secret_value(),
        warehouse=config.warehouse,
        login_timeout=_LOGIN_SECONDS,
        application="furze",
        session_parameters={"CLIENT_TELEMETRY_ENABLED": False, "TIMEZONE": "UTC"},
        **{name: value for name, value in options.items() if value is not None},
    )


def _key_bytes(config: SnowflakeConfig) -> bytes:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    assert config.private_key is not None  # noqa: S101 - validated with the config
    phrase = config.private_key_passphrase
    try:
        key = serialization.load_pem_private_key(
            config.private_key.get_secret_value().encode(), phrase.get_secret_value().encode() if phrase else None
        )
    except (ValueError, TypeError) as error:  # its text may hold the key
        raise Reject(
            "The private_key is not understood: give it in PEM form, and its passphrase if it has one."
        ) from error
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.DER, form, none)


class SnowflakeSink:
    """One run in one statement, by way of a file of this machine and a temporary table."""

    def __init__(self, connection: Any, config: SnowflakeConfig, delivery: Delivery) -> None:
        self._connection, self._config, self._delivery = connection, config, delivery
        self._table = ".".join(map(_name, (config.database, config.schema_, config.table_name)))
        self._stage = f"FURZE_STAGE_{delivery.run_id.replace('-', '').upper()}"
        self._rows = _name(f"furze_rows_{delivery.run_id.replace('-', '')}")
        self._columns = _wanted(delivery)
        self._types: dict[str, str] = {}
        self._spool = Spool("Parquet", "snappy")
        self._notes: list[str] = []

    async def write(self, batch: pa.RecordBatch) -> None:
        """Keep some rows."""
        await asyncio.to_thread(self._write_now, batch)

    async def commit(self) -> Receipt:
        """Load, take over, count."""
        size = await asyncio.to_thread(self._spool.finish)
        held = await _in_thread(self._commit_now) if self._spool.rows else 0
        await asyncio.to_thread(self._close)
        return Receipt(held, size, notes=tuple(self._notes))

    async def abort(self) -> None:
        """Delete the file; what is temporary goes with the session."""
        await asyncio.to_thread(self._close)

    def prepare(self) -> None:
        """Make the table if need be."""
        self._run(f"USE SCHEMA {_name(self._config.database)}.{_name(self._config.schema_)}")
        self._run(f"CREATE TABLE IF NOT EXISTS {self._table} ({self._definitions()}) COMMENT = 'furze generated table'")
        found = self._run(
            f"SELECT column_name, data_type FROM {_name(self._config.database)}.information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s",
            (self._config.schema_, self._config.table_name),
        )
        self._types = dict(found)
        missing = [column.name for column in self._columns if self._place(column) not in self._types]
        self._columns = tuple(column for column in self._columns if column.name not in missing)
        if missing:
            self._notes.append(f"The table has no column {', '.join(missing)}: left out")
        lost = [name for name in self._delivery.key if name in missing]
        if lost:
            raise Reject(f"The table has no column {lost[0]!r}, by which rows are told apart. Add it.")

    def _place(self, column: Column) -> str:
        """The column's name in the table."""
        return _EVENT_NAMES.get(column.name, column.name) if self._delivery.key == ("uuid",) else column.name

    def _definitions(self) -> str:
        listed = [f"{_name(self._place(column))} {_TYPES[column.kind]}" for column in self._columns]
        if self._delivery.key == ("uuid",):
            listed.append(f"{_name(_INGESTED)} TIMESTAMP_TZ")
        return ", ".join(listed)

    def _write_now(self, batch: pa.RecordBatch) -> None:
        arrays = [_shaped(column, batch.column(column.name)) for column in self._columns]
        self._spool.write(pa.RecordBatch.from_arrays(arrays, names=[column.name for column in self._columns]))

    def _commit_now(self) -> int:
        self._load()
        self._run(self._take_over())
        if not self._delivery.key:
            return self._spool.rows
        same = self._same()
        question = (
            f"SELECT COUNT(*) FROM {self._rows} AS new WHERE EXISTS (SELECT 1 FROM {self._table} AS old WHERE {same})"
        )
        return int(self._run(question)[0][0])

    def _load(self) -> None:
        definitions = ", ".join(f"{_name(column.name)} {_STAGED_TYPES[column.kind]}" for column in self._columns)
        self._run(f"CREATE TEMPORARY STAGE {self._stage}")
        self._run(f"PUT 'file://{self._spool.path}' @{self._stage} AUTO_COMPRESS=FALSE")
        self._run(f"CREATE TEMPORARY TABLE {self._rows} ({definitions})")
        names = ", ".join(_name(column.name) for column in self._columns)
        values = ", ".join(f"$1:{_name(column.name)}::{_STAGED_TYPES[column.kind]}" for column in self._columns)
        self._run(
            f"COPY INTO {self._rows} ({names}) FROM (SELECT {values} FROM @{self._stage}) "
            "FILE_FORMAT = (TYPE = PARQUET) PURGE = TRUE"
        )

    def _take_over(self) -> str:
        names = [self._place(column) for column in self._columns]
        read = ", ".join(f"{self._read(column)} AS {_name(self._place(column))}" for column in self._columns)
        source, given = f"SELECT {read} FROM {self._rows}", [f"new.{_name(name)}" for name in names]
        if _INGESTED in self._types and _INGESTED not in names:
            names, given = [*names, _INGESTED], [*given, "CURRENT_TIMESTAMP()"]
        listed, values = ", ".join(map(_name, names)), ", ".join(given)
        if not self._delivery.key:
            return f"INSERT INTO {self._table} ({listed}) SELECT {values} FROM ({source}) AS new"
        keys = ", ".join(map(_name, self._delivery.key))
        order = ", ".join(f"{_name(name)} DESC" for name in self._delivery.versions) or keys
        source += f" QUALIFY ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY {order}) = 1"
        statement = f"MERGE INTO {self._table} AS old USING ({source}) AS new ON {self._same()}"
        if self._delivery.versions:
            newer = " OR ".join(f"new.{_name(name)} > old.{_name(name)}" for name in self._delivery.versions)
            pairs = zip(names, given, strict=True)
            changes = ", ".join(f"{_name(name)} = {value}" for name, value in pairs if name not in self._delivery.key)
            statement += f" WHEN MATCHED AND ({newer}) THEN UPDATE SET {changes}"
        return f"{statement} WHEN NOT MATCHED THEN INSERT ({listed}) VALUES ({values})"

    def _read(self, column: Column) -> str:
        is_parsed = self._types[self._place(column)] == "VARIANT" and column.kind in ("json", "texts")
        return f"PARSE_JSON({_name(column.name)})" if is_parsed else _name(column.name)

    def _same(self) -> str:
        return " AND ".join(f"old.{_name(name)} = new.{_name(name)}" for name in self._delivery.key)

    def _run(self, statement: str, values: tuple[str, ...] | None = None) -> list[Any]:
        return list(self._connection.cursor().execute(statement, values).fetchall())

    def _close(self) -> None:
        self._spool.discard()
        self._connection.close()


def _wanted(delivery: Delivery) -> tuple[Column, ...]:
    left_out = _NOT_FOR_EVENTS if delivery.key == ("uuid",) else ()
    return tuple(column for column in delivery.columns if column.name not in left_out)


def _shaped(column: Column, array: pa.Array) -> pa.Array:
    if column.kind == "json":
        return sql_text.clean_json(array)
    if column.kind == "texts":
        return pa.array([None if value is None else json.dumps(value).decode() for value in array.to_pylist()])
    return array


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def _check_installed(_config: SnowflakeConfig) -> Outcome:
    return await asyncio.to_thread(extras.check_installed, _LIBRARY, extra="snowflake")


async def _check_connection(config: SnowflakeConfig) -> Outcome:
    return await _outcome(config, "SELECT 1")


async def _check_warehouse(config: SnowflakeConfig) -> Outcome:
    return await _outcome(config, f"USE WAREHOUSE {_name(config.warehouse)}")


async def _check_database(config: SnowflakeConfig) -> Outcome:
    return await _outcome(config, f"USE DATABASE {_name(config.database)}")


async def _check_schema(config: SnowflakeConfig) -> Outcome:
    return await _outcome(config, f"USE SCHEMA {_name(config.database)}.{_name(config.schema_)}")


async def _outcome(config: SnowflakeConfig, statement: str) -> Outcome:
    def connected() -> None:
        connection = _connect(config)
        try:
            connection.cursor().execute(statement)
        finally:
            connection.close()

    await _check_host(config)
    await _in_thread(connected)
    return PASSED


async def _check_host(config: SnowflakeConfig) -> None:
    own = f"{config.account}.snowflakecomputing.com"
    await addresses.check_host(urlsplit(config.endpoint_url or "").hostname or own)


class Snowflake:
    """A table in Snowflake."""

    name: ClassVar[str] = "Snowflake"
    config: ClassVar[type[Config]] = SnowflakeConfig
    is_keyed: ClassVar[bool] = True
    layout: ClassVar[Literal["file", "table"]] = "table"
    models: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[Sequence[Check]] = (
        Check("Check that Snowflake's library is installed", "It comes with `furze[snowflake]`.", _check_installed),
        Check("Establish connection to Snowflake", "Connects and signs in.", _check_connection),
        Check("Verify Snowflake warehouse", "Uses the warehouse.", _check_warehouse),
        Check("Verify Snowflake database", "Uses the database.", _check_database),
        Check("Verify Snowflake schema", "Uses the schema.", _check_schema),
    )

    def rendering(self, config: SnowflakeConfig) -> Literal["columns", "lines"]:  # noqa: ARG002
        """Columns."""
        return "columns"

    async def open(self, config: SnowflakeConfig, delivery: Delivery) -> Sink:
        """A sink on a session of its own."""
        await _check_host(config)
        sink = SnowflakeSink(await _in_thread(_connect, config), config, delivery)
        try:
            await _in_thread(sink.prepare)
        except BaseException:
            await sink.abort()
            raise
        return sink


async def _in_thread(function: Callable[..., T], *arguments: Any) -> T:
    try:
        return await asyncio.to_thread(function, *arguments)
    except (Reject, Retry):
        raise
    except Exception as error:
        raise _translated(error) from error


def _translated(error: Exception) -> Exception:
    name, text = type(error).__name__, " ".join(str(error).split())[:_MESSAGE_LENGTH]
    if name in _PASSING and not any(words in text for words in _LASTING_WORDS):
        return Retry(f"{name}: {text}")
    return Reject(f"{name}: {text}")
