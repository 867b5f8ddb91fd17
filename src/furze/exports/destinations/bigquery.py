"""BigQuery: rows in a table, taken over from a loaded staging table by one statement.

A run's rows wait in a Parquet file of this machine, are loaded into a staging table that expires by itself, and one
MERGE takes over those whose key the table does not hold, or holds in an older version.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal, TypeVar
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import compute
from pydantic import Field, SecretStr

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

T = TypeVar("T")

_TYPES = {
    "text": "STRING",
    "json": "STRING",
    "timestamp": "TIMESTAMP",
    "integer": "INT64",
    "float": "FLOAT64",
    "boolean": "BOOL",
    "texts": "STRING",
}
_JSON = ("properties", "set", "set_once", "person_properties")
_NOT_FOR_EVENTS = ("person_properties",)
_INGESTED = "bq_ingested_timestamp"
_LIBRARY = "google.cloud.bigquery"
_PASSING = (
    "TooManyRequests",
    "Conflict",
    "RequestTimeout",
    "RetryError",
    "TransportError",
    "ConnectionError",
    "Aborted",
)
_PASSING_WORDS = ("rateLimitExceeded", "quotaExceeded", "jobRateLimitExceeded", "backendError")
_REQUEST_SECONDS = 30
_LOAD_SECONDS = 3600
# The run engine tries again, and tells that it does; the client's own ten minutes of patience would be silent.
_ONCE: dict[str, Any] = {"timeout": _REQUEST_SECONDS, "retry": None}
_MESSAGE_LENGTH = 400


class BigQueryConfig(Config):
    """The inputs of a BigQuery destination."""

    project_id: str = Field(description="The Google Cloud project.")
    dataset_id: str = Field(description="The dataset.")
    table_id: str = Field("events", description="The table; it is created if it is not there.")
    private_key: SecretStr | None = Field(
        None, description="From a service account's key; none uses the machine's own."
    )
    private_key_id: SecretStr | None = Field(None, description="From the same key.")
    client_email: SecretStr | None = Field(None, description="From the same key.")
    token_uri: SecretStr | None = Field(None, description="From the same key.")
    use_json_type: bool = Field(False, description="Store properties as JSON rather than STRING.")
    endpoint_url: str | None = Field(None, description="An emulator's address; without a key it is asked anonymously.")


def _connect(config: BigQueryConfig) -> Any:
    bigquery = extras.load(_LIBRARY, extra="bigquery")
    options = {"api_endpoint": config.endpoint_url} if config.endpoint_url else None
    return bigquery.Client(project=config.project_id, credentials=_credentials(config), client_options=options)


def _credentials(config: BigQueryConfig) -> Any:
    if config.private_key is None:
        anonymous = extras.load("google.auth.credentials", extra="bigquery").AnonymousCredentials
        return anonymous() if config.endpoint_url else None
    names = ("private_key", "private_key_id", "client_email", "token_uri")
    given: dict[str, SecretStr | None] = {name: getattr(config, name) for name in names}
    info = {name: value.get_secret_value() for name, value in given.items() if value}
    account = extras.load("google.oauth2.service_account", extra="bigquery")
    try:
        return account.Credentials.from_service_account_info(info | {"type": "service_account"})
    except ValueError as error:  # its text may hold the key
        raise Reject("The service account's key is not understood: copy the fields of its JSON file whole.") from error


class BigQuerySink:
    """One run in one statement, by way of a file of this machine and a staging table."""

    def __init__(self, client: Any, config: BigQueryConfig, delivery: Delivery) -> None:
        self._client, self._config, self._delivery = client, config, delivery
        self._place = f"{config.project_id}.{config.dataset_id}.{config.table_id}"
        self._stage = f"{self._place}_furze_stage_{delivery.run_id.replace('-', '')}"
        self._columns = _wanted(delivery)
        self._types: dict[str, str] = {}
        self._spool = Spool("Parquet", "zstd")
        self._first: datetime | None = None
        self._last: datetime | None = None
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
        """Delete the file; a staging table expires."""
        await asyncio.to_thread(self._close)

    def prepare(self) -> None:
        """Make the table if need be."""
        bigquery = extras.load(_LIBRARY, extra="bigquery")
        table = bigquery.Table(self._place, schema=_schema(self._columns, self._config, self._delivery))
        if self._delivery.key == ("uuid",) and any(column.name == "timestamp" for column in self._columns):
            table.time_partitioning = bigquery.TimePartitioning(field="timestamp")
        self._client.get_dataset(self._config.dataset_id, **_ONCE)
        self._client.create_table(table, exists_ok=True, **_ONCE)
        found = self._client.get_table(self._place, **_ONCE)
        self._types = {field.name: field.field_type for field in found.schema}
        missing = [column.name for column in self._columns if column.name not in self._types]
        self._columns = tuple(column for column in self._columns if column.name in self._types)
        if missing:
            self._notes.append(f"The table has no column {', '.join(missing)}: left out")
        lost = [name for name in self._delivery.key if name in missing]
        if lost:
            raise Reject(f"The table has no column {lost[0]!r}, by which rows are told apart. Add it.")

    def _write_now(self, batch: pa.RecordBatch) -> None:
        arrays = [_shaped(column, batch.column(column.name)) for column in self._columns]
        self._spool.write(pa.RecordBatch.from_arrays(arrays, names=[column.name for column in self._columns]))
        if self._delivery.key == ("uuid",) and "timestamp" in batch.schema.names:
            edges = compute.min_max(batch.column("timestamp")).as_py()
            self._first = min(self._first or edges["min"], edges["min"])
            self._last = max(self._last or edges["max"], edges["max"])

    def _commit_now(self) -> int:
        self._load()
        self._client.query(self._take_over()).result(timeout=_LOAD_SECONDS)
        held = self._count()
        self._client.delete_table(self._stage, not_found_ok=True, timeout=_REQUEST_SECONDS)
        return held

    def _load(self) -> None:
        bigquery = extras.load(_LIBRARY, extra="bigquery")
        fields = [bigquery.SchemaField(column.name, _TYPES[column.kind]) for column in self._columns]
        stage = bigquery.Table(self._stage, schema=fields)
        stage.expires = datetime.now(UTC) + timedelta(days=1)
        self._client.create_table(stage, exists_ok=True, timeout=_REQUEST_SECONDS)
        how = bigquery.LoadJobConfig(source_format="PARQUET", schema=fields, write_disposition="WRITE_TRUNCATE")
        with self._spool.path.open("rb") as file:
            self._client.load_table_from_file(file, self._stage, job_config=how).result(timeout=_LOAD_SECONDS)

    def _take_over(self) -> str:
        names = [column.name for column in self._columns]
        values = [self._value(name) for name in names]
        if _INGESTED in self._types and _INGESTED not in names:
            names, values = [*names, _INGESTED], [*values, "CURRENT_TIMESTAMP()"]
        listed, given = ", ".join(map(_name, names)), ", ".join(values)
        if not self._delivery.key:
            return f"INSERT INTO {_name(self._place)} ({listed}) SELECT {given} FROM {_name(self._stage)} AS new"
        keys = ", ".join(map(_name, self._delivery.key))
        order = ", ".join(f"{_name(name)} DESC" for name in self._delivery.versions) or keys
        source = (
            f"(SELECT * FROM {_name(self._stage)} WHERE TRUE "
            f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY {order}) = 1)"
        )
        statement = f"MERGE {_name(self._place)} AS old USING {source} AS new ON {self._same()}"
        if self._delivery.versions:
            newer = " OR ".join(f"new.{_name(name)} > old.{_name(name)}" for name in self._delivery.versions)
            changes = ", ".join(
                f"{_name(name)} = {value}"
                for name, value in zip(names, values, strict=True)
                if name not in self._delivery.key
            )
            statement += f" WHEN MATCHED AND ({newer}) THEN UPDATE SET {changes}"
        return f"{statement} WHEN NOT MATCHED THEN INSERT ({listed}) VALUES ({given})"

    def _value(self, name: str) -> str:
        is_json = self._types[name] == "JSON"
        return f"PARSE_JSON(new.{_name(name)}, wide_number_mode => 'round')" if is_json else f"new.{_name(name)}"

    def _same(self) -> str:
        same = " AND ".join(f"old.{_name(name)} = new.{_name(name)}" for name in self._delivery.key)
        if self._first is None or self._last is None or "timestamp" not in self._types:
            return same
        # An event keeps its timestamp: other partitions of the table are neither read nor paid for.
        bounds = f"TIMESTAMP '{self._first.isoformat()}' AND TIMESTAMP '{self._last.isoformat()}'"
        return f"{same} AND old.`timestamp` BETWEEN {bounds}"

    def _count(self) -> int:
        if not self._delivery.key:
            return self._spool.rows
        question = (
            f"SELECT COUNT(*) FROM {_name(self._stage)} AS new "
            f"WHERE EXISTS (SELECT 1 FROM {_name(self._place)} AS old WHERE {self._same()})"
        )
        return int(next(iter(self._client.query(question).result(timeout=_LOAD_SECONDS)))[0])

    def _close(self) -> None:
        self._spool.discard()
        self._client.close()


def _wanted(delivery: Delivery) -> tuple[Column, ...]:
    left_out = _NOT_FOR_EVENTS if delivery.key == ("uuid",) else ()
    return tuple(column for column in delivery.columns if column.name not in left_out)


def _schema(columns: Sequence[Column], config: BigQueryConfig, delivery: Delivery) -> list[Any]:
    bigquery = extras.load(_LIBRARY, extra="bigquery")
    kinds = {column.name: _TYPES[column.kind] for column in columns}
    if config.use_json_type:
        kinds |= {name: "JSON" for name in kinds if name in _JSON}
    if delivery.key == ("uuid",):
        kinds[_INGESTED] = "TIMESTAMP"
    return [bigquery.SchemaField(name, kind) for name, kind in kinds.items()]


def _shaped(column: Column, array: pa.Array) -> pa.Array:
    if column.kind == "json":
        return sql_text.clean_json(array)
    if column.kind == "texts":
        from furze.kit import json  # noqa: PLC0415

        return pa.array([None if value is None else json.dumps(value).decode() for value in array.to_pylist()])
    return array


def _name(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


async def _check_installed(_config: BigQueryConfig) -> Outcome:
    return await asyncio.to_thread(extras.check_installed, _LIBRARY, extra="bigquery")


async def _check_project(config: BigQueryConfig) -> Outcome:
    return await _outcome(config, lambda client: list(client.list_datasets(max_results=1, **_ONCE)))


async def _check_dataset(config: BigQueryConfig) -> Outcome:
    return await _outcome(config, lambda client: client.get_dataset(config.dataset_id, **_ONCE))


async def _check_table(config: BigQueryConfig) -> Outcome:
    def try_it(client: Any) -> None:
        bigquery = extras.load(_LIBRARY, extra="bigquery")
        place = f"{config.project_id}.{config.dataset_id}.{config.table_id}_furze_test"
        table = bigquery.Table(place, schema=[bigquery.SchemaField("n", "INT64")])
        client.create_table(table, exists_ok=True, **_ONCE)
        client.delete_table(place, **_ONCE)

    return await _outcome(config, try_it)


async def _outcome(config: BigQueryConfig, act: Callable[[Any], object]) -> Outcome:
    def connected() -> None:
        client = _connect(config)
        try:
            act(client)
        finally:
            client.close()

    await _check_hosts(config)
    await _in_thread(connected)
    return PASSED


async def _check_hosts(config: BigQueryConfig) -> None:
    token_uri = config.token_uri.get_secret_value() if config.token_uri else None
    for url in filter(None, (config.endpoint_url, token_uri)):
        await addresses.check_host(urlsplit(url).hostname or "")


class BigQuery:
    """A table in Google BigQuery."""

    name: ClassVar[str] = "BigQuery"
    config: ClassVar[type[Config]] = BigQueryConfig
    is_keyed: ClassVar[bool] = True
    layout: ClassVar[Literal["file", "table"]] = "table"
    models: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[Sequence[Check]] = (
        Check("Check that BigQuery's library is installed", "It comes with `furze[bigquery]`.", _check_installed),
        Check("Verify BigQuery project", "Signs in and lists datasets.", _check_project),
        Check("Verify BigQuery dataset", "Looks for the dataset.", _check_dataset),
        Check("Verify BigQuery table", "Creates and drops a table beside yours.", _check_table),
    )

    def rendering(self, config: BigQueryConfig) -> Literal["columns", "lines"]:  # noqa: ARG002
        """Columns."""
        return "columns"

    async def open(self, config: BigQueryConfig, delivery: Delivery) -> Sink:
        """A sink on a client of its own."""
        await _check_hosts(config)
        sink = BigQuerySink(await _in_thread(_connect, config), config, delivery)
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
    status = getattr(error, "code", None)
    is_servers_fault = isinstance(status, int) and status >= 500
    if is_servers_fault or name in _PASSING or any(words in text for words in _PASSING_WORDS):
        return Retry(f"{name}: {text}")
    return Reject(f"{name}: {text}")
