"""DuckDB: rows in a table of a database file, or of MotherDuck, all of a run in one transaction."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import pyarrow as pa
from pydantic import Field, SecretStr, field_validator

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
from furze.jobs import Retry

T = TypeVar("T")

RUN_COLUMN = "_furze_run_id"
_TYPES = {
    "text": "VARCHAR",
    "json": "JSON",
    "timestamp": "TIMESTAMPTZ",
    "integer": "BIGINT",
    "float": "DOUBLE",
    "boolean": "BOOLEAN",
    "texts": "VARCHAR[]",
}
_MOTHERDUCK = "md:"
# Connections of one process to one file must agree on these.
_LIMITS = {"memory_limit": "512MB", "threads": 2}
_PASSING = (
    "TransactionException",
    "HTTPException",
    "ConnectionException",
    "OutOfMemoryException",
    "InterruptException",
)
_PASSING_WORDS = ("Could not set lock", "No space left", "Conflict on")
_STAGE = "temp.furze_stage"
_MESSAGE_LENGTH = 400


class DuckDBConfig(Config):
    """The inputs of a DuckDB destination."""

    path: str = Field(description="The database file as an absolute path, or `md:name` for MotherDuck.", min_length=1)
    motherduck_token: SecretStr | None = Field(None, description="The access token, for MotherDuck.")
    # `schema` is pydantic's own word on a model, so the wire's name is an alias.
    schema_: str = Field("main", alias="schema", description="The schema of the table.")
    table_name: str = Field("events", description="The table; it is created if it is not there.")

    @field_validator("path")
    @classmethod
    def _is_absolute(cls, path: str) -> str:
        if not path.startswith(_MOTHERDUCK) and not Path(path).is_absolute():
            raise ValueError(f"{path!r} is neither an absolute path nor an `md:` name.")
        return path


def _connect(config: DuckDBConfig) -> Any:
    duckdb = extras.load("duckdb", extra="duckdb")
    options: dict[str, Any] = dict(_LIMITS)
    if config.path.startswith(_MOTHERDUCK) and config.motherduck_token:
        options["motherduck_token"] = config.motherduck_token.get_secret_value()
    if not config.path.startswith(_MOTHERDUCK):
        addresses.check_folder(Path(config.path).parent)
    return duckdb.connect(config.path, config=options)


class DuckDBSink:
    """One run in one transaction, by way of a temporary table."""

    def __init__(self, connection: Any, config: DuckDBConfig, delivery: Delivery) -> None:
        self._connection, self._config, self._delivery = connection, config, delivery
        self._table = f"{_name(config.schema_)}.{_name(config.table_name)}"
        self._columns: tuple[Column, ...] = delivery.columns
        self._types: dict[str, str] = {}
        self._bytes = 0
        self._notes: list[str] = []

    async def write(self, batch: pa.RecordBatch) -> None:
        """Insert some rows into the temporary table."""
        await _in_thread(self._write_now, batch)

    async def commit(self) -> Receipt:
        """Take over what is new and commit."""
        return await _in_thread(self._commit_now)

    async def abort(self) -> None:
        """Nothing was committed."""
        await asyncio.to_thread(self._connection.close)

    def prepare(self) -> None:
        """Make the table if need be, and the temporary one."""
        definitions = [f"{_name(column.name)} {_TYPES[column.kind]}" for column in self._columns]
        run = f"{_name(RUN_COLUMN)} VARCHAR"
        self._run(f"CREATE TABLE IF NOT EXISTS {self._table} ({', '.join([*definitions, run])})")
        self._types = self._existing_types()
        self._columns = tuple(column for column in self._columns if column.name in self._types)
        missing = [column.name for column in self._delivery.columns if column.name not in self._types]
        if missing:
            self._notes.append(f"The table has no column {', '.join(missing)}: left out")
        lost = [name for name in self._delivery.key if name in missing]
        if lost:
            raise Reject(f"The table has no column {lost[0]!r}, by which rows are told apart. Add it.")
        staged = ", ".join(f"{_name(column.name)} {self._types[column.name]}" for column in self._columns)
        self._run(f"CREATE OR REPLACE TEMPORARY TABLE furze_stage ({staged})")

    def _existing_types(self) -> dict[str, str]:
        found = self._connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_catalog = current_database() AND table_schema = ? AND table_name = ?",
            [self._config.schema_, self._config.table_name],
        )
        return dict(found.fetchall())

    def _write_now(self, batch: pa.RecordBatch) -> None:
        arrays = [
            sql_text.clean_json(batch.column(column.name)) if column.kind == "json" else batch.column(column.name)
            for column in self._columns
        ]
        rows = pa.Table.from_arrays(arrays, names=[column.name for column in self._columns])
        self._connection.register("furze_batch", rows)
        self._run(f"INSERT INTO {_STAGE} SELECT * FROM furze_batch")
        self._connection.unregister("furze_batch")
        self._bytes += rows.nbytes

    def _commit_now(self) -> Receipt:
        self._run("BEGIN TRANSACTION")
        held = self._take_over()
        self._run("COMMIT")
        self._connection.close()
        return Receipt(held, self._bytes, notes=tuple(self._notes))

    def _take_over(self) -> int:
        """Move the rows from the temporary table; how many of them the table holds then."""
        key, already = self._delivery.key, 0
        same = " AND ".join(f"old.{_name(name)} = new.{_name(name)}" for name in key)
        newer = " OR ".join(f"new.{_name(name)} > old.{_name(name)}" for name in self._delivery.versions)
        if key:
            stale = f"DELETE FROM {_STAGE} AS new USING {self._table} AS old WHERE {same} AND NOT ({newer or 'false'})"
            already = self._run(stale)
        if self._delivery.versions:
            self._run(f"DELETE FROM {self._table} AS old USING {_STAGE} AS new WHERE {same}")
        if not key and self._delivery.is_repeat and RUN_COLUMN in self._types:
            self._run(f"DELETE FROM {self._table} WHERE {_name(RUN_COLUMN)} = ?", self._delivery.run_id)
        return already + self._insert()

    def _insert(self) -> int:
        names = [_name(column.name) for column in self._columns]
        values, parameters = list(names), []
        if RUN_COLUMN in self._types:
            names.append(_name(RUN_COLUMN))
            values.append("?")
            parameters.append(self._delivery.run_id)
        statement = f"INSERT INTO {self._table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {_STAGE}"
        if self._delivery.key:
            keys = ", ".join(map(_name, self._delivery.key))
            order = ", ".join(f"{_name(name)} DESC" for name in self._delivery.versions) or keys
            statement += f" QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {order}) = 1"
        return self._run(statement, *parameters)

    def _run(self, statement: str, *parameters: str) -> int:
        """How many rows the statement changed."""
        found = self._connection.execute(statement, list(parameters)).fetchone()
        return int(found[0]) if found else 0


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def _check_installed(_config: DuckDBConfig) -> Outcome:
    return await asyncio.to_thread(extras.check_installed, "duckdb", extra="duckdb")


async def _check_table(config: DuckDBConfig) -> Outcome:
    def try_it() -> None:
        connection = _connect(config)
        try:
            table = f"{_name(config.schema_)}.{_name(config.table_name)}"
            connection.execute("BEGIN TRANSACTION")
            connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (n INTEGER)")
            connection.execute(f"INSERT INTO {table} SELECT * FROM {table} WHERE false")
            connection.execute("ROLLBACK")
        finally:
            connection.close()

    await _in_thread(try_it)
    return PASSED


class DuckDB:
    """A table in a DuckDB file, or in MotherDuck."""

    name: ClassVar[str] = "DuckDB"
    config: ClassVar[type[Config]] = DuckDBConfig
    is_keyed: ClassVar[bool] = True
    layout: ClassVar[Literal["file", "table"]] = "file"
    models: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[Sequence[Check]] = (
        Check("Check that DuckDB is installed", "It comes with `furze[duckdb]`.", _check_installed),
        Check("Verify DuckDB table", "Opens the database, creates the table and takes it back.", _check_table),
    )

    def rendering(self, config: DuckDBConfig) -> Literal["columns", "lines"]:  # noqa: ARG002
        """Columns."""
        return "columns"

    async def open(self, config: DuckDBConfig, delivery: Delivery) -> Sink:
        """A sink on a connection of its own."""
        sink = DuckDBSink(await _in_thread(_connect, config), config, delivery)
        try:
            await _in_thread(sink.prepare)
        except BaseException:
            await sink.abort()
            raise
        return sink


async def _in_thread(function: Callable[..., T], *arguments: Any) -> T:
    duckdb = await asyncio.to_thread(extras.load, "duckdb", extra="duckdb")
    try:
        return await asyncio.to_thread(function, *arguments)
    except duckdb.Error as error:
        text = " ".join(str(error).split())[:_MESSAGE_LENGTH]
        if type(error).__name__ in _PASSING or any(words in text for words in _PASSING_WORDS):
            raise Retry(text) from error
        raise Reject(text) from error
