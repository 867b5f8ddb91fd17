"""Iceberg: a table of a REST catalog, or of one in a SQLite file, whose files are on S3 or in a folder.

A run's rows wait in a file of this machine. One commit adds those that are new and replaces those that have changed;
its snapshots hold the run's id, so that it is made once.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar
from urllib.parse import unquote, urlsplit

import pyarrow as pa
from pyarrow import compute
from pydantic import Field, SecretStr, field_validator

from furze.exports import addresses, extras
from furze.exports.destination import PASSED, Check, Config, Delivery, Outcome, Receipt, Reject, Sink
from furze.exports.formats import arrow_schema
from furze.exports.spool import Spool
from furze.jobs import Retry

T = TypeVar("T")

_RUN = "furze-run-id"
_SQLITE = "sqlite:///"
_S3 = ("s3", "s3a", "s3n")
_PLACES = ("write.data.path", "write.metadata.path")
_FILES = {"py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO", "s3.connect-timeout": 10, "s3.request-timeout": 60}
_REQUEST_SECONDS = (10, 120)
_MESSAGE_LENGTH = 400
_LASTING = {
    "BadRequestError": "The catalog does not take the request",
    "ForbiddenError": "The catalog refuses access",
    "NoSuchIdentifierError": "It is not there",
    "NoSuchNamespaceError": "The namespace does not exist",
    "NoSuchTableError": "The table does not exist",
    "OAuthError": "The catalog refuses the credential",
    "UnauthorizedError": "The catalog refuses the credential or token",
    "ValidationError": "The table does not take the rows",
    "ValueError": "The table does not take the rows",
}
_LASTING_WORDS = (
    *("ACCESS_DENIED", "NO_SUCH_BUCKET", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "HTTP status 403"),
    *("Permission denied", "unable to open database file", "InvalidURL", "MissingSchema"),
)


class IcebergConfig(Config):
    """The inputs of an Iceberg destination."""

    catalog_uri: str = Field(description="The REST catalog's address, or `sqlite:////path/of/a/file.db`.")
    catalog_name: str = Field("default", description="The catalog's name: a SQLite file tells several apart by it.")
    catalog_credential: SecretStr | None = Field(None, description="`client_id:client_secret`, for OAuth.")
    catalog_sign_in_uri: str | None = Field(None, description="Where the credential is taken, if not at the catalog.")
    catalog_scope: str | None = Field(None, description="The scope to ask for, such as `PRINCIPAL_ROLE:ALL`.")
    catalog_token: SecretStr | None = Field(None, description="A token, instead of a credential.")
    warehouse: str | None = Field(None, description="The warehouse's name or place, as the catalog knows it.")
    namespace: str = Field(description="The namespace of the table, its levels parted by dots; created if missing.")
    table_name: str = Field("events", description="The table; it is created if it is not there.")
    region: str | None = Field(None, description="The bucket's region, for S3.")
    endpoint_url: str | None = Field(None, description="Where to find an S3 store that is not Amazon's.")
    aws_access_key_id: SecretStr | None = Field(None, description="The access key, unless the catalog gives one.")
    aws_secret_access_key: SecretStr | None = Field(None, description="The secret that goes with the access key.")

    @field_validator("catalog_uri")
    @classmethod
    def _is_catalog(cls, uri: str) -> str:
        parts = urlsplit(uri)
        if not uri.startswith(_SQLITE + "/") and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("catalog_uri is neither an http address nor like 'sqlite:////absolute/path.db'.")
        if parts.username or parts.password:
            raise ValueError("catalog_uri may not hold a user or password. Use 'catalog_credential'.")
        return uri.rstrip("/")


def _catalog(config: IcebergConfig) -> Any:
    secrets = {
        "credential": config.catalog_credential,
        "token": config.catalog_token,
        "s3.access-key-id": config.aws_access_key_id,
        "s3.secret-access-key": config.aws_secret_access_key,
    }
    plain = {"s3.endpoint": config.endpoint_url, "s3.region": config.region, "warehouse": config.warehouse}
    plain["scope"] = config.catalog_scope
    given = {name: secret.get_secret_value() for name, secret in secrets.items() if secret} | plain
    properties = _FILES | {name: value for name, value in given.items() if value}
    if config.catalog_uri.startswith(_SQLITE):
        addresses.check_folder(Path(config.catalog_uri.removeprefix(_SQLITE)).parent)
        _check_place(config.warehouse or "")
        library = extras.load("pyiceberg.catalog.sql", extra="iceberg")
        return library.SqlCatalog(config.catalog_name, uri=config.catalog_uri, **properties)
    sign_in = config.catalog_sign_in_uri or f"{config.catalog_uri}/v1/oauth/tokens"
    return _rest_catalog()(config.catalog_name, uri=config.catalog_uri, **properties | {"oauth2-server-uri": sign_in})


def _rest_catalog() -> Any:
    """The REST catalog's client, which asks of each request where it goes: redirects and what a catalog names too."""
    library = extras.load("pyiceberg.catalog.rest", extra="iceberg")
    adapters = extras.load("requests.adapters", extra="iceberg")

    class Guard(adapters.HTTPAdapter):  # type: ignore[misc, name-defined]
        def send(self, request: Any, *arguments: Any, **more: Any) -> Any:
            asyncio.run(addresses.check_host(urlsplit(request.url).hostname or ""))
            return super().send(request, *arguments, **more | {"timeout": _REQUEST_SECONDS})

    class GuardedCatalog(library.RestCatalog):  # type: ignore[misc, name-defined]
        def _config_headers(self, session: Any) -> None:  # the first to touch a session, before it signs in
            session.mount("http://", Guard())
            session.mount("https://", Guard())
            super()._config_headers(session)

    return GuardedCatalog


def _check_table_reach(table: Any) -> None:
    """Raise `Reject` for a table whose catalog would have files written where exports may not go."""
    named = [table.metadata.properties[name] for name in _PLACES if name in table.metadata.properties]
    for place in (table.location(), table.metadata_location, *named):
        _check_place(place)
    if endpoint := table.io.properties.get("s3.endpoint"):
        asyncio.run(addresses.check_host(urlsplit(endpoint).hostname or ""))


def _check_place(place: str) -> None:
    parts = urlsplit(place)
    if parts.scheme in ("", "file"):
        addresses.check_folder(Path(unquote(parts.path)))
    elif parts.scheme not in _S3:
        raise Reject(f"The table's place {place!r} is neither on S3 nor in a folder.")


class IcebergSink:
    """One run in one commit, by way of a file of this machine."""

    def __init__(self, config: IcebergConfig, delivery: Delivery) -> None:
        self._config, self._delivery = config, delivery
        self._spool = Spool("Arrow", "lz4")
        self._once = {_RUN: delivery.run_id}
        self._table: Any = None
        self._names: list[str] = []
        self._notes: list[str] = []

    async def write(self, batch: pa.RecordBatch) -> None:
        """Keep some rows."""
        await asyncio.to_thread(self._spool.write, batch.select(self._names))

    async def commit(self) -> Receipt:
        """Append or merge, once."""
        size = await asyncio.to_thread(self._spool.finish)
        if self._spool.rows:
            await _in_thread(self._commit_now)
        await self.abort()
        return Receipt(self._spool.rows, size, notes=tuple(self._notes))

    async def abort(self) -> None:
        """Delete the file."""
        await asyncio.to_thread(self._spool.discard)

    def prepare(self) -> None:
        """Make the namespace and the table if need be."""
        catalog, place = _catalog(self._config), _place(self._config)
        catalog.create_namespace_if_not_exists(place[:-1])
        self._table = catalog.create_table_if_not_exists(place, arrow_schema(self._delivery.columns))
        _check_table_reach(self._table)
        found = {field.name for field in self._table.schema().fields}
        self._names = [column.name for column in self._delivery.columns if column.name in found]
        missing = [column.name for column in self._delivery.columns if column.name not in found]
        if missing:
            self._notes.append(f"The table has no column {', '.join(missing)}: left out")
        lost = [name for name in (*self._delivery.key, *self._delivery.versions) if name in missing]
        if lost:
            raise Reject(f"The table has no column {lost[0]!r}, by which rows are told apart. Add it.")

    def _commit_now(self) -> None:
        self._table.refresh()
        # Somebody else's commit in between could be this run's own: look again rather than add to it.
        self._table.metadata.properties["commit.retry.num-retries"] = "0"
        made = (each.summary.additional_properties for each in self._table.metadata.snapshots if each.summary)
        if any(properties.get(_RUN) == self._delivery.run_id for properties in made):
            self._notes.append("The table holds a commit of this run already: nothing to add")
        elif self._delivery.key and (self._delivery.is_repeat or self._delivery.versions):
            self._merge()
        else:
            self._table.append(self._rows(), snapshot_properties=self._once)

    def _merge(self) -> None:
        fresh, replaced = self._compared()
        with self._table.transaction() as changing:
            if replaced.num_rows:
                stale = _exactly(replaced, self._delivery.key)
                changing.overwrite(self._rows(fresh), overwrite_filter=stale, snapshot_properties=self._once)
            elif compute.any(fresh).as_py():
                changing.append(self._rows(fresh), snapshot_properties=self._once)

    def _compared(self) -> tuple[pa.BooleanArray, pa.Table]:
        """Of the run's rows, which the table does not hold or holds in an older version; the keys of the latter."""
        key, versions = list(self._delivery.key), list(self._delivery.versions)
        new = self._told_apart([*key, *versions, *self._bounded()])
        near = _near(new.select([*key, *self._bounded()]))
        held = self._held(new.select(key), near, [*key, *versions])
        latest = held.group_by(key).aggregate([(name, "max") for name in versions])
        joined = new.join(latest.append_column("_held", pa.repeat(True, latest.num_rows)), key)
        is_new = compute.is_null(joined["_held"])
        newer = [compute.fill_null(compute.greater(joined[name], joined[f"{name}_max"]), False) for name in versions]
        is_newer = reduce(compute.or_, newer, pa.chunked_array([pa.repeat(False, joined.num_rows)]))
        rows = joined.filter(compute.or_(is_new, is_newer))["_row"]
        fresh = compute.is_in(pa.array(range(new.num_rows), pa.int64()), value_set=rows.combine_chunks())
        return fresh, joined.filter(is_newer).select(key)

    def _bounded(self) -> list[str]:
        """An event keeps its timestamp: most files of the table need not be read."""
        own = any((column.name, column.sql) == ("timestamp", "timestamp") for column in self._delivery.columns)
        return ["timestamp"] if own and self._delivery.key == ("uuid",) and "timestamp" in self._names else []

    def _told_apart(self, names: list[str]) -> pa.Table:
        table = pa.Table.from_batches([batch.select(names) for batch in self._spool.reader()])
        return table.append_column("_row", pa.array(range(table.num_rows), pa.int64()))

    def _held(self, keys: pa.Table, near: Any, names: list[str]) -> pa.Table:
        """The rows of the table that have a key of the run's."""
        schema = pa.schema([field for field in arrow_schema(self._delivery.columns) if field.name in names])
        schema = pa.schema([schema.field(name) for name in names])
        found = [schema.empty_table()]
        scan = self._table.scan(row_filter=near, selected_fields=tuple(names))
        for batch in scan.to_arrow_batch_reader():
            rows = pa.Table.from_batches([batch]).select(names).cast(schema)
            found.append(rows.join(keys, keys.column_names, join_type="left semi").select(names))
        return pa.concat_tables(found)

    def _rows(self, chosen: pa.BooleanArray | None = None) -> Any:
        """The run's rows, or the chosen ones; all in memory only for a table that is partitioned."""
        source = self._spool.reader()
        reader = pa.RecordBatchReader.from_batches(source.schema, _filtered(source, chosen))
        return reader if self._table.spec().is_unpartitioned() else reader.read_all()


def _filtered(source: pa.RecordBatchReader, chosen: pa.BooleanArray | None) -> Iterator[pa.RecordBatch]:
    start = 0
    for batch in source:
        yield batch if chosen is None else batch.filter(chosen.slice(start, batch.num_rows))
        start += batch.num_rows


def _near(rows: pa.Table) -> Any:
    """A condition that the rows hold, and few others: it lets whole files be passed over."""
    tests = extras.load("pyiceberg.expressions", extra="iceberg")
    found = tests.AlwaysTrue()
    for name in rows.column_names:
        if rows[name].null_count:
            continue
        edges = compute.min_max(rows[name]).as_py()
        low, high = (_literal(edges[edge]) for edge in ("min", "max"))
        found = tests.And(found, tests.GreaterThanOrEqual(name, low), tests.LessThanOrEqual(name, high))
    return found


def _exactly(keys: pa.Table, names: tuple[str, ...]) -> Any:
    """The condition that a row has one of the keys."""
    tests = extras.load("pyiceberg.expressions", extra="iceberg")
    *outer, inner = sorted(names, key=lambda name: len(compute.unique(keys[name])))
    if not outer:
        return tests.In(inner, keys[inner].to_pylist())
    groups = keys.group_by(outer).aggregate([(inner, "list")]).to_pylist()
    found = [
        tests.And(
            tests.In(inner, group[f"{inner}_list"]), *(tests.EqualTo(name, _literal(group[name])) for name in outer)
        )
        for group in groups
    ]
    return found[0] if len(found) == 1 else tests.Or(*found)


def _literal(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _place(config: IcebergConfig, ending: str = "") -> tuple[str, ...]:
    return (*config.namespace.split("."), config.table_name + ending)


async def _check_installed(_config: IcebergConfig) -> Outcome:
    return await asyncio.to_thread(extras.check_installed, "pyiceberg", extra="iceberg")


async def _check_catalog(config: IcebergConfig) -> Outcome:
    return await _outcome(lambda: _catalog(config).list_namespaces())


async def _check_table(config: IcebergConfig) -> Outcome:
    def look() -> None:
        catalog = _catalog(config)
        if catalog.table_exists(_place(config)):
            _check_table_reach(catalog.load_table(_place(config)))

    return await _outcome(look)


async def _check_write(config: IcebergConfig) -> Outcome:
    def try_it() -> None:
        catalog, place = _catalog(config), _place(config, "_furze_test")
        rows = pa.table({"n": [1]})
        catalog.create_namespace_if_not_exists(place[:-1])
        probe = catalog.create_table_if_not_exists(place, rows.schema)
        try:
            _check_table_reach(probe)
            probe.append(rows)
        finally:
            catalog.purge_table(place)

    return await _outcome(try_it)


async def _outcome(act: Callable[[], object]) -> Outcome:
    await _in_thread(act)
    return PASSED


class Iceberg:
    """An Iceberg table, on S3 or in a folder."""

    name: ClassVar[str] = "Iceberg"
    config: ClassVar[type[Config]] = IcebergConfig
    is_keyed: ClassVar[bool] = True
    layout: ClassVar[Literal["file", "table"]] = "file"
    models: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[Sequence[Check]] = (
        Check("Check that pyiceberg is installed", "It comes with `furze[iceberg]`.", _check_installed),
        Check("Reach the Iceberg catalog", "Signs in and lists namespaces.", _check_catalog),
        Check("Read the Iceberg table", "Opens the table if it is there.", _check_table),
        Check("Write a test table", "Creates, fills and drops a table beside yours.", _check_write),
    )

    def rendering(self, config: IcebergConfig) -> Literal["columns", "lines"]:  # noqa: ARG002
        """Columns."""
        return "columns"

    async def open(self, config: IcebergConfig, delivery: Delivery) -> Sink:
        """A sink with a file of its own."""
        sink = IcebergSink(config, delivery)
        try:
            await _in_thread(sink.prepare)
        except BaseException:
            await sink.abort()
            raise
        return sink

    async def uuids(
        self,
        config: IcebergConfig,
        files: Sequence[str],  # noqa: ARG002 - one table holds all
        project_id: int,
    ) -> AsyncGenerator[pa.Array, None]:
        """The uuids in the table."""
        batches = await _in_thread(_uuid_batches, config, project_id)
        while (batch := await _in_thread(next, batches, None)) is not None:
            yield batch.column(0).cast(pa.string())


def _uuid_batches(config: IcebergConfig, project_id: int) -> Iterator[pa.RecordBatch]:
    tests = extras.load("pyiceberg.expressions", extra="iceberg")
    table = _catalog(config).load_table(_place(config))
    _check_table_reach(table)
    has_owner = any(field.name == "team_id" for field in table.schema().fields)
    owner = tests.EqualTo("team_id", project_id) if has_owner else tests.AlwaysTrue()
    return iter(table.scan(row_filter=owner, selected_fields=("uuid",)).to_arrow_batch_reader())


async def _in_thread(function: Callable[..., T], *arguments: Any) -> T:
    try:
        return await asyncio.to_thread(function, *arguments)
    except (Reject, Retry):
        raise
    except Exception as error:
        raise _translated(error) from error


def _translated(error: Exception) -> Exception:
    """A person's to mend, or a catalog's or store's that may pass: their classes and their words decide."""
    name, text = type(error).__name__, " ".join(str(error).split())[:_MESSAGE_LENGTH]
    if name in _LASTING:
        return Reject(f"{_LASTING[name]}: {text}")
    if any(words in text for words in _LASTING_WORDS) or isinstance(error, PermissionError):
        return Reject(text)
    if "CERTIFICATE" in text.upper():
        return Reject(f"The catalog shows a certificate that is not trusted: {text}")
    return Retry(f"{name}: {text}")
