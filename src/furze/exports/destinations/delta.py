"""Delta: a Delta Lake table in a folder or on an object store, one commit of its log for a run.

A run's rows wait in a file of this machine. Rows that are new are appended; those that may be there already, or that
change, are merged by their key. The commit holds the run's id, so that it is made once.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar
from urllib.parse import urlsplit

import pyarrow as pa
from pydantic import Field, SecretStr, field_validator

from furze.exports import addresses, extras, object_store
from furze.exports.destination import PASSED, Check, Config, Delivery, Outcome, Receipt, Reject, Sink
from furze.exports.formats import arrow_schema
from furze.exports.spool import Spool
from furze.jobs import Retry

T = TypeVar("T")

_SCHEMES = ("s3", "s3a", "az", "abfss", "gs")
_SETTINGS = {"delta.setTransactionRetentionDuration": "interval 60 days"}
_MESSAGE_LENGTH = 400


class DeltaConfig(Config):
    """The inputs of a Delta destination."""

    uri: str = Field(description="The table's place: an absolute path, or `s3://bucket/key`, `az://…`, `gs://…`.")
    region: str | None = Field(None, description="The bucket's region, for S3.")
    endpoint_url: str | None = Field(None, description="Where to find an S3 store that is not Amazon's.")
    aws_access_key_id: SecretStr | None = Field(None, description="The access key, for S3.")
    aws_secret_access_key: SecretStr | None = Field(None, description="The secret that goes with the access key.")
    storage_secrets: SecretStr | None = Field(
        None, description="For Azure and Google: `name=value` pairs of the storage client, separated by semicolons."
    )

    @field_validator("uri")
    @classmethod
    def _is_place(cls, uri: str) -> str:
        if not Path(uri).is_absolute() and urlsplit(uri).scheme not in _SCHEMES:
            raise ValueError(f"{uri!r} is neither an absolute path nor begins with one of {[*_SCHEMES]}.")
        return uri.rstrip("/")


def _storage(config: DeltaConfig) -> dict[str, str]:
    given = config.storage_secrets.get_secret_value() if config.storage_secrets else ""
    options = dict(pair.split("=", 1) for pair in given.split(";") if "=" in pair)
    secrets = {
        "AWS_ACCESS_KEY_ID": config.aws_access_key_id,
        "AWS_SECRET_ACCESS_KEY": config.aws_secret_access_key,
    }
    options |= {name: value.get_secret_value() for name, value in secrets.items() if value}
    plain = {"AWS_REGION": config.region, "AWS_ENDPOINT_URL": config.endpoint_url}
    options |= {name: value for name, value in plain.items() if value}
    if urlsplit(config.uri).scheme in ("s3", "s3a"):
        options["aws_conditional_put"] = "etag"  # of two commits of one version the store refuses the second
        options["AWS_ALLOW_HTTP"] = str((config.endpoint_url or "").startswith("http://")).lower()
    return options | {"timeout": "60s", "connect_timeout": "10s"}


class DeltaSink:
    """One run in one commit, by way of a file of this machine."""

    def __init__(self, config: DeltaConfig, delivery: Delivery) -> None:
        self._config, self._delivery = config, delivery
        self._spool = Spool("Arrow", "lz4")
        self._app = f"furze-run-{delivery.run_id}"
        self._table: Any = None
        self._names: list[str] = []
        self._notes: list[str] = []

    async def write(self, batch: pa.RecordBatch) -> None:
        """Keep some rows."""
        await asyncio.to_thread(self._spool.write, batch.select(self._names))

    async def commit(self) -> Receipt:
        """Append or merge, once."""
        size = await asyncio.to_thread(self._spool.finish)
        rows = await _in_thread(self._commit_now) if self._spool.rows else 0
        await self.abort()
        return Receipt(rows, size, notes=tuple(self._notes))

    async def abort(self) -> None:
        """Delete the file."""
        await asyncio.to_thread(self._spool.discard)

    def prepare(self) -> None:
        """Make the table if need be."""
        library = extras.load("deltalake", extra="delta")
        self._table = library.DeltaTable.create(
            self._config.uri,
            arrow_schema(self._delivery.columns),
            mode="ignore",
            configuration=_SETTINGS,
            storage_options=_storage(self._config),
        )
        found = {field.name for field in self._table.schema().fields}
        self._names = [column.name for column in self._delivery.columns if column.name in found]
        missing = [column.name for column in self._delivery.columns if column.name not in found]
        if missing:
            self._notes.append(f"The table has no column {', '.join(missing)}: left out")
        lost = [name for name in self._delivery.key if name in missing]
        if lost:
            raise Reject(f"The table has no column {lost[0]!r}, by which rows are told apart. Add it.")

    def _commit_now(self) -> int:
        library = extras.load("deltalake", extra="delta")
        if self._table.transaction_version(self._app) is not None:
            self._notes.append("The table holds a commit of this run already: nothing to add")
            return self._spool.rows
        once = library.CommitProperties(
            custom_metadata={"furze_run_id": self._delivery.run_id},
            app_transactions=[library.Transaction(self._app, 1)],
        )
        if self._delivery.key and (self._delivery.is_repeat or self._delivery.versions):
            return self._merge(once)
        library.write_deltalake(self._table, self._spool.reader(), mode="append", commit_properties=once)
        return self._appended()

    def _appended(self) -> int:
        metrics = self._table.history(1)[0].get("operationMetrics", {})
        return int(metrics.get("num_added_rows", self._spool.rows))

    def _merge(self, once: Any) -> int:
        same = " AND ".join(f"old.{_name(name)} = new.{_name(name)}" for name in self._delivery.key)
        merging = self._table.merge(
            self._spool.reader(), same, source_alias="new", target_alias="old", commit_properties=once
        ).when_not_matched_insert_all()
        if self._delivery.versions:
            newer = [f"new.{_name(name)} > old.{_name(name)}" for name in self._delivery.versions]
            merging = merging.when_matched_update_all(predicate=" OR ".join(newer))
        return int(merging.execute()["num_source_rows"])


def _name(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


async def _check_reach(config: DeltaConfig) -> None:
    if Path(config.uri).is_absolute():
        await asyncio.to_thread(addresses.check_folder, Path(config.uri))
    if config.endpoint_url:
        await addresses.check_host(urlsplit(config.endpoint_url).hostname or "")


async def _check_installed(_config: DeltaConfig) -> Outcome:
    return await asyncio.to_thread(extras.check_installed, "deltalake", extra="delta")


async def _check_table(config: DeltaConfig) -> Outcome:
    def look() -> None:
        library = extras.load("deltalake", extra="delta")
        if library.DeltaTable.is_deltatable(config.uri, storage_options=_storage(config)):
            library.DeltaTable(config.uri, storage_options=_storage(config))

    return await _outcome(config, look)


async def _check_write(config: DeltaConfig) -> Outcome:
    await _check_reach(config)
    store = await _in_thread(_store, config)
    return await object_store.check_write(store, "")


def _store(config: DeltaConfig) -> Any:
    from obstore.store import LocalStore, from_url  # noqa: PLC0415

    if Path(config.uri).is_absolute():
        return LocalStore(config.uri, mkdir=True)
    given = {name.lower(): value for name, value in _storage(config).items()}
    is_plain = given.pop("aws_allow_http", "") == "true"
    options: Any = {name: value for name, value in given.items() if not name.endswith("timeout")}
    client: Any = object_store.CLIENT_OPTIONS | {"allow_http": is_plain}
    return from_url(config.uri, config=options, client_options=client, retry_config=object_store.RETRIES)


async def _outcome(config: DeltaConfig, act: Callable[[], None]) -> Outcome:
    await _check_reach(config)
    await _in_thread(act)
    return PASSED


class Delta:
    """A Delta Lake table in a folder, or on S3 and what speaks like it."""

    name: ClassVar[str] = "Delta"
    config: ClassVar[type[Config]] = DeltaConfig
    is_keyed: ClassVar[bool] = True
    layout: ClassVar[Literal["file", "table"]] = "file"
    models: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[Sequence[Check]] = (
        Check("Check that deltalake is installed", "It comes with `furze[delta]`.", _check_installed),
        Check("Read the Delta table's place", "Opens the table if it is there.", _check_table),
        Check("Write and delete a test object", "Proves that a run will be allowed to write.", _check_write),
    )

    def rendering(self, config: DeltaConfig) -> Literal["columns", "lines"]:  # noqa: ARG002
        """Columns."""
        return "columns"

    async def open(self, config: DeltaConfig, delivery: Delivery) -> Sink:
        """A sink with a file of its own."""
        await _check_reach(config)
        sink = DeltaSink(config, delivery)
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
    """A person's to mend: the client's classes are few, so its words for access and for schemas decide."""
    text = object_store.without_signature(" ".join(str(error).split()))[:_MESSAGE_LENGTH]
    name = type(error).__name__
    if name in ("SchemaMismatchError", "DeltaProtocolError", "ValueError", "TypeError"):
        return Reject(f"{name}: {text}")
    if "Permission denied" in text or "403 Forbidden" in text or "404 Not Found" in text:
        return Reject(text)
    found = object_store.translated(error)
    return Reject(text) if isinstance(found, Reject) else Retry(text)
