"""Databricks: rows in a Unity Catalog table, taken over from staged files by one statement.

A run's rows go as Parquet files into a folder of their own in the volume `furze_stage`, beside the table. One MERGE
takes over those whose key the table does not hold, or holds in an older version; then the folder is deleted.
"""

import asyncio
import re
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import compute
from pydantic import Field, SecretStr, field_validator

from furze.exports import addresses, sql_text
from furze.exports.databricks_api import Workspace
from furze.exports.destination import PASSED, Check, Column, Config, Delivery, Outcome, Receipt, Reject, Sink
from furze.exports.spool import Spool
from furze.jobs import Retry

_TYPES = {
    "text": "STRING",
    "json": "STRING",
    "timestamp": "TIMESTAMP",
    "integer": "BIGINT",
    "float": "DOUBLE",
    "boolean": "BOOLEAN",
    "texts": "ARRAY<STRING>",
}
_NOT_FOR_EVENTS = ("elements", "set", "set_once", "ip", "site_url")
_INGESTED = "databricks_ingested_timestamp"
_VOLUME = "furze_stage"
_COMMENT = "COMMENT 'made by furze'"
# A file may have 5 GiB; smaller ones are read beside each other, and need less room here.
_FILE_BYTES = 128 * 1024 * 1024
_WAREHOUSE = re.compile(r"/?sql/\d\.\d/(?:warehouses|endpoints)/([\w-]+)/?")
_HOST = re.compile(r"[\w.-]+(:\d+)?")


class DatabricksConfig(Config):
    """The inputs of a Databricks destination."""

    server_hostname: str = Field(description="The workspace's host name, such as `dbc-1234.cloud.databricks.com`.")
    http_path: str = Field(description="The path of a SQL warehouse: `/sql/1.0/warehouses/…`.")
    client_id: str = Field(description="The service principal's application id.")
    client_secret: SecretStr = Field(description="An OAuth secret of the service principal.")
    catalog: str = Field(description="The catalog of the table.")
    schema_: str = Field(alias="schema", description="The schema of the table.")
    table_name: str = Field(description="The table; it is created if it is not there.")
    use_variant_type: bool = Field(True, description="Store properties as VARIANT rather than STRING.")
    use_automatic_schema_evolution: bool = Field(True, description="Add columns that the table has not.")
    endpoint_url: str | None = Field(None, description="Where to connect instead of the host's own address.")

    @field_validator("server_hostname")
    @classmethod
    def _is_host(cls, text: str) -> str:
        host = text.removeprefix("https://").rstrip("/")
        if not _HOST.fullmatch(host):
            raise ValueError(
                f"server_hostname {text!r} is no host name. Copy it from the warehouse's connection details."
            )
        return host

    @field_validator("http_path")
    @classmethod
    def _is_warehouse(cls, text: str) -> str:
        if not _WAREHOUSE.fullmatch(text):
            raise ValueError(
                f"http_path {text!r} is not that of a SQL warehouse: give one like '/sql/1.0/warehouses/0123456789ab'."
            )
        return text


def _connect(config: DatabricksConfig) -> Workspace:
    found = _WAREHOUSE.fullmatch(config.http_path)
    assert found is not None  # noqa: S101 - validated with the config
    return Workspace(
        _url(config),
        client_id=config.client_id,
        client_secret=config.client_secret.get_secret_value(),
        warehouse_id=found[1],
    )


def _url(config: DatabricksConfig) -> str:
    return config.endpoint_url or f"https://{config.server_hostname}"


class DatabricksSink:
    """One run in one statement, by way of files in a volume."""

    def __init__(self, workspace: Workspace, config: DatabricksConfig, delivery: Delivery) -> None:
        self._workspace, self._config, self._delivery = workspace, config, delivery
        self._table = _place(config, config.table_name)
        self._folder = f"{_volume(config)}/{delivery.run_id}"
        self._columns = _wanted(delivery)
        self._types: dict[str, str] = {}
        self._spool = Spool("Parquet", "zstd")
        self._rows = self._bytes = self._files = 0
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._notes: list[str] = []

    async def write(self, batch: pa.RecordBatch) -> None:
        """Keep some rows; a file that is large enough goes into the volume."""
        size = await asyncio.to_thread(self._write_now, batch)
        if size >= _FILE_BYTES:
            await self._stage()
            self._spool = Spool("Parquet", "zstd")

    async def commit(self) -> Receipt:
        """Stage the rest, take over, count."""
        await self._stage()
        held = await self._take_over() if self._rows else 0
        try:
            await self._workspace.remove_folder(self._folder)
        except (Reject, Retry) as error:  # what counts is in the table
            self._notes.append(f"The staged files in {self._folder} are still there: {error}")
        await self._close()
        return Receipt(held, self._bytes, notes=tuple(self._notes))

    async def abort(self) -> None:
        """Delete what has been staged."""
        with suppress(Reject, Retry):  # what led here tells more than that Databricks is away
            await self._workspace.remove_folder(self._folder)
        await self._close()

    async def prepare(self) -> None:
        """Make the table, its missing columns and the volume if need be; an empty folder for the run."""
        await self._workspace.execute(f"CREATE TABLE IF NOT EXISTS {self._table} ({self._definitions()}) {_COMMENT}")
        self._types = await _types_of(self._workspace, self._table)
        needed = self._delivery.key
        if not self._config.use_automatic_schema_evolution:
            needed += self._delivery.versions
        lost = [name for name in needed if name.casefold() not in self._types]
        if lost:
            raise Reject(f"The table has no column {lost[0]!r}, by which rows are told apart. Add it.")
        await self._fit([column for column in self._columns if column.name.casefold() not in self._types])
        await self._workspace.execute(f"CREATE VOLUME IF NOT EXISTS {_place(self._config, _VOLUME)} {_COMMENT}")
        if self._delivery.is_repeat:
            await self._workspace.remove_folder(self._folder)
        await self._workspace.make_folder(self._folder)

    async def _fit(self, missing: list[Column]) -> None:
        if not missing:
            return
        names = ", ".join(column.name for column in missing)
        if self._config.use_automatic_schema_evolution:
            added = ", ".join(f"{_name(column.name)} {self._type(column)}" for column in missing)
            await self._workspace.execute(f"ALTER TABLE {self._table} ADD COLUMNS ({added})")
            self._types |= {column.name.casefold(): self._type(column).casefold() for column in missing}
            self._notes.append(f"The table had no column {names}: added")
            return
        self._columns = tuple(column for column in self._columns if column not in missing)
        self._notes.append(f"The table has no column {names}: left out")

    def _type(self, column: Column) -> str:
        return "VARIANT" if column.kind == "json" and self._config.use_variant_type else _TYPES[column.kind]

    def _definitions(self) -> str:
        listed = [f"{_name(column.name)} {self._type(column)}" for column in self._columns]
        if self._delivery.key == ("uuid",):
            listed.append(f"{_name(_INGESTED)} TIMESTAMP")
        return ", ".join(listed)

    def _write_now(self, batch: pa.RecordBatch) -> int:
        columns = {column.name: batch.column(column.name) for column in self._columns}
        shaped = {
            column.name: sql_text.clean_json(columns[column.name]) for column in self._columns if column.kind == "json"
        }
        self._spool.write(pa.RecordBatch.from_pydict(columns | shaped))
        self._rows += batch.num_rows
        if self._keeps_timestamp():
            edges = compute.min_max(batch.column("timestamp")).as_py()
            self._first = min(self._first or edges["min"], edges["min"])
            self._last = max(self._last or edges["max"], edges["max"])
        return self._spool.path.stat().st_size

    def _keeps_timestamp(self) -> bool:
        """Whether a row has the same instant in the table for good, so that others need not be looked at."""
        is_events_own = any((column.name, column.sql) == ("timestamp", "timestamp") for column in self._columns)
        return self._delivery.key == ("uuid",) and is_events_own and self._types["timestamp"] == "timestamp"

    async def _stage(self) -> None:
        self._bytes += await asyncio.to_thread(self._spool.finish)
        if self._spool.rows:
            await self._workspace.upload(f"{self._folder}/{self._files:04}.parquet", self._spool.path)
            self._files += 1
        await asyncio.to_thread(self._spool.discard)

    async def _take_over(self) -> int:
        if not self._delivery.key:
            names, read = ", ".join(map(_name, self._outputs())), self._read()
            await self._workspace.execute(f"INSERT INTO {self._table} ({names}) SELECT {read} FROM {self._staged()}")
            return self._rows
        await self._workspace.execute(self._merge())
        found = await self._workspace.execute(
            f"SELECT COUNT(*) FROM {self._staged()} AS new "
            f"WHERE EXISTS (SELECT 1 FROM {self._table} AS old WHERE {self._same()})"
        )
        return int(found[0][0] or 0)

    def _merge(self) -> str:
        keys = ", ".join(map(_name, self._delivery.key))
        order = ", ".join(f"{_name(name)} DESC" for name in self._delivery.versions) or keys
        first = f"ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY {order}) = 1"
        source = f"SELECT {self._read()} FROM {self._staged()} QUALIFY {first}"
        statement = f"MERGE INTO {self._table} AS old USING ({source}) AS new ON {self._same()}"
        names = list(map(_name, self._outputs()))
        if self._delivery.versions:
            newer = " OR ".join(f"new.{_name(name)} > old.{_name(name)}" for name in self._delivery.versions)
            changed = [_name(name) for name in self._outputs() if name not in self._delivery.key]
            changes = ", ".join(f"{name} = new.{name}" for name in changed)
            statement += f" WHEN MATCHED AND ({newer}) THEN UPDATE SET {changes}"
        values = ", ".join(f"new.{name}" for name in names)
        return f"{statement} WHEN NOT MATCHED THEN INSERT ({', '.join(names)}) VALUES ({values})"

    def _outputs(self) -> dict[str, str]:
        """What each column of the table is given, in terms of the staged ones."""
        given = {column.name: self._value(column) for column in self._columns}
        return given | ({_INGESTED: "CURRENT_TIMESTAMP()"} if _INGESTED in self._types else {})

    def _read(self) -> str:
        return ", ".join(f"{value} AS {_name(name)}" for name, value in self._outputs().items())

    def _value(self, column: Column) -> str:
        is_parsed = column.kind == "json" and self._types[column.name.casefold()] == "variant"
        return f"PARSE_JSON({_name(column.name)})" if is_parsed else _name(column.name)

    def _staged(self) -> str:
        fields = ", ".join(f"{_name(column.name)} {_TYPES[column.kind]}" for column in self._columns)
        return f"read_files({_text(self._folder)}, format => 'parquet', schema => {_text(fields)})"

    def _same(self) -> str:
        same = " AND ".join(f"old.{_name(name)} = new.{_name(name)}" for name in self._delivery.key)
        if self._first is None or self._last is None:
            return same
        # Most files of the table need not be read.
        bounds = f"TIMESTAMP '{self._first.isoformat()}' AND TIMESTAMP '{self._last.isoformat()}'"
        return f"{same} AND old.`timestamp` BETWEEN {bounds}"

    async def _close(self) -> None:
        await asyncio.to_thread(self._spool.discard)
        await self._workspace.aclose()


def _wanted(delivery: Delivery) -> tuple[Column, ...]:
    """Without what PostHog leaves out of Databricks; a query of one's own keeps all that it names."""
    names = {column.name for column in delivery.columns}
    left_out = _NOT_FOR_EVENTS if names.issuperset((*_NOT_FOR_EVENTS, "uuid")) else ()
    return tuple(column for column in delivery.columns if column.name not in left_out)


async def _types_of(workspace: Workspace, table: str) -> dict[str, str]:
    """The type of each column of a table, both in small letters: Databricks tells no names apart by their case."""
    found: dict[str, str] = {}
    for name, kind, *_ in await workspace.execute(f"DESCRIBE TABLE {table}"):
        if not name or name.startswith("#"):  # how the table is partitioned
            break
        found[name.casefold()] = (kind or "").casefold()
    return found


def _place(config: DatabricksConfig, name: str) -> str:
    return ".".join(map(_name, (config.catalog, config.schema_, name)))


def _volume(config: DatabricksConfig) -> str:
    return f"/Volumes/{config.catalog}/{config.schema_}/{_VOLUME}"


def _name(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


async def _check_connection(config: DatabricksConfig) -> Outcome:
    return await _outcome(config, lambda workspace: workspace.execute("SELECT 1"))


async def _check_catalog(config: DatabricksConfig) -> Outcome:
    return await _outcome(config, lambda workspace: workspace.execute(f"SHOW SCHEMAS IN {_name(config.catalog)}"))


async def _check_schema(config: DatabricksConfig) -> Outcome:
    schema = f"{_name(config.catalog)}.{_name(config.schema_)}"
    return await _outcome(config, lambda workspace: workspace.execute(f"SHOW TABLES IN {schema}"))


async def _check_table(config: DatabricksConfig) -> Outcome:
    async def try_it(workspace: Workspace) -> None:
        probe = _place(config, f"{config.table_name}_furze_test")
        await workspace.execute(f"CREATE TABLE IF NOT EXISTS {probe} (n BIGINT)")
        await workspace.execute(f"INSERT INTO {probe} VALUES (1)")
        await workspace.execute(f"DROP TABLE IF EXISTS {probe}")

    return await _outcome(config, try_it)


async def _check_volume(config: DatabricksConfig) -> Outcome:
    async def try_it(workspace: Workspace) -> None:
        folder = f"{_volume(config)}/furze-connection-test"
        await workspace.execute(f"CREATE VOLUME IF NOT EXISTS {_place(config, _VOLUME)} {_COMMENT}")
        with tempfile.TemporaryDirectory(prefix="furze-test-") as spare:
            file = Path(spare) / "file"
            await asyncio.to_thread(file.write_bytes, b"furze")
            await workspace.make_folder(folder)
            await workspace.upload(f"{folder}/file", file)
        await workspace.remove_folder(folder)

    return await _outcome(config, try_it)


async def _outcome(config: DatabricksConfig, act: Callable[[Workspace], Awaitable[object]]) -> Outcome:
    await _check_host(config)
    async with aclosing(_connect(config)) as workspace:
        await act(workspace)
    return PASSED


async def _check_host(config: DatabricksConfig) -> None:
    await addresses.check_host(urlsplit(_url(config)).hostname or "")


class Databricks:
    """A table in Databricks, in Unity Catalog."""

    name: ClassVar[str] = "Databricks"
    config: ClassVar[type[Config]] = DatabricksConfig
    is_keyed: ClassVar[bool] = True
    layout: ClassVar[Literal["file", "table"]] = "table"
    models: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[Sequence[Check]] = (
        Check("Establish connection to Databricks", "Signs in and asks the warehouse for 1.", _check_connection),
        Check("Verify Databricks catalog", "Looks into the catalog.", _check_catalog),
        Check("Verify Databricks schema", "Looks into the schema.", _check_schema),
        Check("Verify Databricks table", "Creates, fills and drops a table beside yours.", _check_table),
        Check(
            "Verify permissions to create a Databricks volume",
            f"Makes the volume `{_VOLUME}` if it is not there; writes and deletes a file in it.",
            _check_volume,
        ),
    )

    def rendering(self, config: DatabricksConfig) -> Literal["columns", "lines"]:  # noqa: ARG002
        """Columns."""
        return "columns"

    async def open(self, config: DatabricksConfig, delivery: Delivery) -> Sink:
        """A sink on a client of its own."""
        await _check_host(config)
        sink = DatabricksSink(_connect(config), config, delivery)
        try:
            await sink.prepare()
        except BaseException:
            await sink.abort()
            raise
        return sink

    async def uuids(
        self,
        config: DatabricksConfig,
        files: Sequence[str],  # noqa: ARG002 - one table holds all
        project_id: int,
    ) -> AsyncGenerator[pa.Array, None]:
        """The uuids in the table."""
        await _check_host(config)
        table = _place(config, config.table_name)
        async with aclosing(_connect(config)) as workspace:
            owner = f" WHERE team_id = {int(project_id)}" if "team_id" in await _types_of(workspace, table) else ""
            query = f"SELECT CAST(uuid AS STRING) AS uuid FROM {table}{owner}"
            async with aclosing(workspace.stream(query)) as batches:
                async for batch in batches:
                    yield batch.column(0).cast(pa.string())
