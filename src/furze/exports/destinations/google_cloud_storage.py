"""GoogleCloudStorage: a bucket of Google Cloud Storage."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from furze.exports import addresses, object_store
from furze.exports.destination import Check, Config, Delivery, Outcome, Reject, Sink, failed
from furze.exports.files import FileConfig, FileSink
from furze.exports.formats import Format
from furze.kit import json

_ENDPOINT = "https://storage.googleapis.com"


class GoogleCloudStorageConfig(FileConfig):
    """The inputs of a GoogleCloudStorage destination."""

    bucket_name: str = Field(description="The bucket.", min_length=1)
    service_account_key: SecretStr | None = Field(
        None, description="The JSON key of a service account; none uses the machine's own."
    )
    file_format: Format = Field("JSONLines", description="The format of the files.")

    @field_validator("service_account_key")
    @classmethod
    def _is_a_key(cls, given: SecretStr | None) -> SecretStr | None:
        key = _key_parts(given) if given else None
        missing = [name for name in ("client_email", "private_key") if key is not None and not key.get(name)]
        if missing:
            raise ValueError(f"The service_account_key has no {missing[0]!r}: paste the whole JSON file of the key.")
        return given


def _key_parts(given: SecretStr) -> dict[str, Any]:
    try:
        found = json.loads(given.get_secret_value())
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


async def _store(config: GoogleCloudStorageConfig) -> Any:
    from obstore.store import GCSStore  # noqa: PLC0415

    key = config.service_account_key
    endpoint = urlsplit(str((_key_parts(key) if key else {}).get("gcs_base_url", _ENDPOINT)))
    await addresses.check_host(endpoint.hostname or "")
    options: dict[str, Any] = {"service_account_key": key.get_secret_value()} if key else {}
    try:
        return GCSStore(
            config.bucket_name,
            **options,
            client_options=object_store.CLIENT_OPTIONS | {"allow_http": endpoint.scheme == "http"},
            retry_config=object_store.RETRIES,
        )
    except Exception as error:  # the client says why in types of its own, with the key in its text
        raise Reject("The service_account_key is not understood: paste the whole JSON file of the key.") from error


async def _check_bucket(config: GoogleCloudStorageConfig) -> Outcome:
    try:
        return await object_store.check_exists(await _store(config), f"bucket {config.bucket_name!r}")
    except Reject as error:
        return failed(str(error))


async def _check_write(config: GoogleCloudStorageConfig) -> Outcome:
    try:
        return await object_store.check_write(await _store(config), config.prefix)
    except Reject as error:
        return failed(str(error))


class GoogleCloudStorage:
    """Objects in a bucket: a multipart upload appears when it is complete, whole."""

    name: ClassVar[str] = "GoogleCloudStorage"
    config: ClassVar[type[Config]] = GoogleCloudStorageConfig
    is_keyed: ClassVar[bool] = False
    layout: ClassVar[Literal["file", "table"]] = "file"
    models: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[Sequence[Check]] = (
        Check("Check bucket exists", "Looks into the bucket with the given key.", _check_bucket),
        Check("Write and delete a test object", "Proves that a run will be allowed to write.", _check_write),
    )

    def rendering(self, config: GoogleCloudStorageConfig) -> Literal["columns", "lines"]:
        """JSON lines come ready-made."""
        return "lines" if config.file_format == "JSONLines" else "columns"

    async def open(self, config: GoogleCloudStorageConfig, delivery: Delivery) -> Sink:
        """A sink that uploads under `prefix`."""
        return FileSink(object_store.ObjectFolder(await _store(config)), config, delivery)
