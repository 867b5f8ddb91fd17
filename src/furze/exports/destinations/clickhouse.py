"""ClickHouse: rows in a table, taken over from a staging table by one statement.

A run fills a staging table of its own. Its commit is one INSERT … SELECT of the rows that the table does not hold
yet, by their key, so that it may be repeated. Tables made here are ReplacingMergeTree: of two rows of one key the
newer one stays. Each row carries the id of the run that brought it.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, ClassVar, Literal, TypeVar

import pyarrow as pa
from pydantic import Field, SecretStr

from furze.exports import addresses
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

RUN_COLUMN = "_furze_run_id"
_VERSION_COLUMN = "_furze_version"
_TYPES = {
    "text": "String",
    "json": "String",
    "timestamp": "DateTime64(6, 'UTC')",
    "integer": "Int64",
    "float": "Float64",
    "boolean": "Bool",
    "texts": "Array(String)",
}
_SETTINGS = {
    "max_partitions_per_insert_block": 0,  # a backfill may reach over any number of months
    "date_time_input_format": "best_effort",
    "async_insert": 0,
}
# Timeouts, too many queries or parts, network, memory, replicas and keeper: may pass. See ClickHouse's ErrorCodes.
_PASSING_CODES = frozenset((3, 159, 202, 203, 209, 210, 225, 236, 241, 242, 252, 279, 285, 286, 319, 425, 439, 999))
_LOGIN_CODES = frozenset((192, 193, 194, 516))
_SERVER_MESSAGE = re.compile(r"Code: (\d+)\. DB::\w+: (.*?)(?: \(version [^)]*\)\)?)?\s*$", re.DOTALL)
_CONNECT_SECONDS = 10
_ANSWER_SECONDS = 1800
_MESSAGE_LENGTH = 500


class ClickHouseConfig(Config):
    """The inputs of a ClickHouse destination."""

    host: str = Field(description="The server's host name or address.")
    port: int = Field(8443, description="The port of its HTTP interface: 8443 with TLS, 8123 without.")
    database: str = Field("default", description="The database.")
    user: SecretStr = Field(SecretStr("default"), description="The user to connect as.")
    password: SecretStr | None = Field(None, description="The user's password.")
    table_name: str = Field("events", description="The table; it is created if it is not there.")
    secure: bool = Field(True, description="Encrypt the connection.")
    has_self_signed_cert: bool = Field(False, description="Encrypt, but accept a certificate nobody has signed.")


def _connect(config: ClickHouseConfig) -> Any:
    import clickhouse_connect  # noqa: PLC0415

    return clickhouse_connect.get_client(
        host=config.host,
        port=config.port,
        database=config.database,
        username=config.user.get_secret_value(),
        password=config.password.get_secret_value() if config.password else "",
        secure=config.secure,
        interface="https" if config.secure else "http",
        verify=not config.has_self_signed_cert,
        connect_timeout=_CONNECT_SECONDS,
        send_receive_timeout=_ANSWER_SECONDS,
        autogenerate_session_id=False,
        client_name="furze",
    )


#: One run at a time looks for what a table holds and adds the rest: without transactions, two would both add a row.
_taking_over: defaultdict[tuple[str, int, str], Lock] = defaultdict(Lock)


class ClickHouseSink:
    """One run in a staging table."""

    def __init__(self, client: Any, config: ClickHouseConfig, delivery: Delivery) -> None:
        self._client, self._config, self._delivery = client, config, delivery
        self._table = f"{_name(config.database)}.{_name(config.table_name)}"
        self._stage_name = f"{config.table_name}_furze_stage_{delivery.run_id.replace('-', '')}"
        self._stage = f"{_name(config.database)}.{_name(self._stage_name)}"
        self._columns: tuple[Column, ...] = delivery.columns
        self._types: dict[str, str] = {}
        self._rows = self._bytes = 0
        self._notes: list[str] = []

    async def write(self, batch: pa.RecordBatch) -> None:
        """Insert some rows into the staging table."""
        await _in_thread(self._write_now, batch)

    async def commit(self) -> Receipt:
        """Take over what the table does not hold yet, and count what it holds then."""
        return await _in_thread(self._commit_now)

    async def abort(self) -> None:
        """Drop the staging table."""
        with suppress(Reject, Retry):  # what led here tells more than that the server is gone
            await _in_thread(self._close)

    def prepare(self) -> None:
        """Make the table if need be, and an empty staging table."""
        self._run(f"CREATE TABLE IF NOT EXISTS {self._table} {table_definition(self._delivery)}")
        self._types = self._existing_types()
        self._columns = tuple(column for column in self._columns if column.name in self._types)
        missing = [column.name for column in self._delivery.columns if column.name not in self._types]
        if missing:
            self._notes.append(f"The table has no column {', '.join(missing)}: left out")
        lost = [name for name in self._delivery.key if name in missing]
        if lost:
            raise Reject(f"The table has no column {lost[0]!r}, by which rows are told apart. Add it.")
        self._run(f"DROP TABLE IF EXISTS {self._stage}")
        definitions = ", ".join(_definition(column, self._delivery) for column in self._columns)
        self._run(f"CREATE TABLE {self._stage} ({definitions}) ENGINE = MergeTree ORDER BY tuple()")

    def _existing_types(self) -> dict[str, str]:
        found = self._client.query(
            "SELECT name, type FROM system.columns WHERE database = {database:String} AND table = {table:String} "
            "AND default_kind NOT IN ('ALIAS', 'MATERIALIZED')",
            {"database": self._config.database, "table": self._config.table_name},
        )
        return dict(found.result_rows)

    def _write_now(self, batch: pa.RecordBatch) -> None:
        rows = pa.Table.from_batches([batch.select([column.name for column in self._columns])])
        self._client.insert_arrow(self._stage_name, rows, database=self._config.database, settings=_SETTINGS)
        self._rows += batch.num_rows
        self._bytes += rows.nbytes

    def _commit_now(self) -> Receipt:
        staged = self._count(f"SELECT count() FROM {self._stage}")
        if staged != self._rows:
            raise Retry(f"The staging table holds {staged} rows where {self._rows} were sent")
        if self._delivery.is_repeat and not self._delivery.key and RUN_COLUMN in self._types:
            self._run(f"DELETE FROM {self._table} WHERE {RUN_COLUMN} = {_text(self._delivery.run_id)}")
        with _taking_over[self._config.host, self._config.port, self._table]:
            self._run(self._take_over())
        held = self._count(self._held())
        self._close()
        return Receipt(held, self._bytes, notes=tuple(self._notes))

    def _take_over(self) -> str:
        names = [_name(column.name) for column in self._columns]
        values = list(names)
        if RUN_COLUMN in self._types:
            names.append(_name(RUN_COLUMN))
            values.append(_text(self._delivery.run_id))
        statement = f"INSERT INTO {self._table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {self._stage}"
        if not self._delivery.key:
            return statement
        told_apart = (*self._delivery.key, *(name for name in self._delivery.versions if name in self._types))
        there = ", ".join(map(_name, told_apart))
        return f"{statement} WHERE ({self._cast(told_apart)}) NOT IN (SELECT {there} FROM {self._table}{self._where()})"

    def _held(self) -> str:
        """The question how many of the run's rows the table holds."""
        if self._delivery.key:
            keys = ", ".join(map(_name, self._delivery.key))
            return f"SELECT uniqExact({keys}) FROM {self._table}{self._where()}"
        if RUN_COLUMN in self._types:
            return f"SELECT count() FROM {self._table} WHERE {RUN_COLUMN} = {_text(self._delivery.run_id)}"
        return f"SELECT count() FROM {self._stage}"

    def _where(self) -> str:
        """The condition on rows of the table that have the key of a staged one."""
        keys = ", ".join(map(_name, self._delivery.key))
        condition = f" WHERE ({keys}) IN (SELECT {self._cast(self._delivery.key)} FROM {self._stage})"
        if self._delivery.key == ("uuid",) and "timestamp" in self._types:
            # An event keeps its timestamp: most parts of the table need not be read.
            kind = _text(self._types["timestamp"])
            bounds = [f"(SELECT CAST({edge}(timestamp), {kind}) FROM {self._stage})" for edge in ("min", "max")]
            condition += f" AND timestamp >= {bounds[0]} AND timestamp <= {bounds[1]}"
        return condition

    def _cast(self, names: Sequence[str]) -> str:
        return ", ".join(f"CAST({_name(name)}, {_text(self._types[name])})" for name in names)

    def _count(self, question: str) -> int:
        return int(self._client.query(question).result_rows[0][0])

    def _run(self, statement: str) -> None:
        self._client.command(statement, settings=_SETTINGS)

    def _close(self) -> None:
        self._run(f"DROP TABLE IF EXISTS {self._stage}")
        self._client.close()


def table_definition(delivery: Delivery) -> str:
    """Columns, engine and order of a table made for a delivery."""
    columns = [_definition(column, delivery) for column in delivery.columns]
    columns.append(f"{_name(RUN_COLUMN)} String")
    names = {column.name for column in delivery.columns}
    version, partition, order = "", "", ", ".join(map(_name, delivery.key))
    if len(delivery.versions) == 1:
        version = _name(delivery.versions[0])
    elif delivery.versions:
        # Each of them only grows, so the newer row is the one with the larger sum.
        total = " + ".join(map(_name, delivery.versions))
        columns.append(f"{_name(_VERSION_COLUMN)} UInt64 MATERIALIZED toUInt64({total})")
        version = _name(_VERSION_COLUMN)
    if delivery.key == ("uuid",) and "timestamp" in names:
        partition, order = " PARTITION BY toYYYYMM(`timestamp`)", "toDate(`timestamp`), `uuid`"
    engine = f"ReplacingMergeTree({version})" if delivery.key else "MergeTree"
    return f"({', '.join(columns)}) ENGINE = {engine}{partition} ORDER BY ({order or 'tuple()'})"


def _definition(column: Column, delivery: Delivery) -> str:
    kind = _TYPES[column.kind]
    names = {each.name for each in delivery.columns}
    is_ours = delivery.table in ("persons", "sessions") or names >= {"uuid", "event", "properties"}
    told_apart = column.name in (*delivery.key, *delivery.versions)
    # Only a query of the user's own gives NULL.
    may_be_null = not is_ours and not told_apart and column.kind != "texts"
    return f"{_name(column.name)} {f'Nullable({kind})' if may_be_null else kind}"


def _name(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


async def _check_connection(config: ClickHouseConfig) -> Outcome:
    return await _outcome(config, lambda client: client.query("SELECT 1"))


async def _check_table(config: ClickHouseConfig) -> Outcome:
    def try_it(client: Any) -> str | None:
        engine = _engine_of(client, config)
        table = f"{_name(config.database)}.{_name(config.table_name)}"
        probe = f"{_name(config.database)}.{_name(config.table_name + '_furze_probe')}"
        client.command(f"CREATE TABLE IF NOT EXISTS {probe} (n UInt8) ENGINE = MergeTree ORDER BY n")
        try:
            client.command(f"INSERT INTO {probe} VALUES (1)")
            if engine:
                client.command(f"INSERT INTO {table} SELECT * FROM {table} WHERE 0")
        finally:
            client.command(f"DROP TABLE IF EXISTS {probe}")
        if engine and "Replacing" not in engine:
            return f"The table's engine is {engine}: changed persons and sessions stay beside their older versions"
        return None

    return await _outcome(config, try_it)


def _engine_of(client: Any, config: ClickHouseConfig) -> str | None:
    found = client.query(
        "SELECT engine FROM system.tables WHERE database = {database:String} AND name = {table:String}",
        {"database": config.database, "table": config.table_name},
    ).result_rows
    return str(found[0][0]) if found else None


async def _outcome(config: ClickHouseConfig, act: Callable[[Any], object]) -> Outcome:
    def connected() -> object:
        client = _connect(config)
        try:
            return act(client)
        finally:
            client.close()

    await addresses.check_host(config.host)
    remark = await _in_thread(connected)
    return Outcome("Passed", remark) if isinstance(remark, str) else PASSED


class ClickHouse:
    """A table in a ClickHouse server or cluster."""

    name: ClassVar[str] = "ClickHouse"
    config: ClassVar[type[Config]] = ClickHouseConfig
    is_keyed: ClassVar[bool] = True
    layout: ClassVar[Literal["file", "table"]] = "file"
    models: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[Sequence[Check]] = (
        Check("Establish connection to ClickHouse", "Connects, signs in and asks for 1.", _check_connection),
        Check("Verify ClickHouse table permissions", "Creates, fills and drops a table; looks at yours.", _check_table),
    )

    def rendering(self, config: ClickHouseConfig) -> Literal["columns", "lines"]:  # noqa: ARG002
        """Columns."""
        return "columns"

    async def open(self, config: ClickHouseConfig, delivery: Delivery) -> Sink:
        """A sink on a client of its own."""
        await addresses.check_host(config.host)
        sink = ClickHouseSink(await _in_thread(_connect, config), config, delivery)
        try:
            await _in_thread(sink.prepare)
        except BaseException:
            await sink.abort()
            raise
        return sink


async def _in_thread(function: Callable[..., T], *arguments: Any) -> T:
    from clickhouse_connect.driver.exceptions import Error  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    try:
        return await asyncio.to_thread(function, *arguments)
    except (Error, HTTPError) as error:
        raise translated(str(error)) from error


def translated(text: str) -> Exception:
    """What the client or the server said as `Reject` when a person has to mend something, else as `Retry`."""
    found = _SERVER_MESSAGE.search(text)
    if found is None:
        plain = " ".join(text.split())[:_MESSAGE_LENGTH]
        return Reject(plain) if "CERTIFICATE" in plain.upper() else Retry(f"Could not reach ClickHouse: {plain}")
    code, said = int(found[1]), " ".join(found[2].split())[:_MESSAGE_LENGTH]
    if code in _PASSING_CODES:
        return Retry(said)
    if code in _LOGIN_CODES:
        return Reject(f"ClickHouse refuses the user or the password: {said}")
    return Reject(f"{said} (ClickHouse error {code})")
