"""AzureBlob: a container of Azure Blob Storage."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from furze.exports import addresses, object_store
from furze.exports.destination import Check, Config, Delivery, Outcome, Reject, Sink, failed
from furze.exports.files import FileConfig, FileSink
from furze.exports.formats import Format

_SUFFIX = "core.windows.net"


class AzureBlobConfig(FileConfig):
    """The inputs of an AzureBlob destination."""

    container_name: str = Field(description="The container.", min_length=1)
    connection_string: SecretStr = Field(description="The storage account's connection string, with a key or a SAS.")
    file_format: Format = Field("JSONLines", description="The format of the files.")

    @model_validator(mode="after")
    def _names_an_account(self) -> Self:
        parts = connection_parts(self.connection_string.get_secret_value())
        if not parts.get("AccountName") and not parts.get("BlobEndpoint"):
            raise ValueError("The connection_string names no account: copy it whole from the account's access keys.")
        if not parts.get("AccountKey") and not parts.get("SharedAccessSignature"):
            raise ValueError("The connection_string holds neither AccountKey nor SharedAccessSignature.")
        return self


def connection_parts(text: str) -> dict[str, str]:
    """`AccountName=a;AccountKey=k==;…` as names and values."""
    pairs = (part.partition("=") for part in text.strip().split(";") if part.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def blob_endpoint(parts: dict[str, str]) -> str:
    """Where the account's blobs are."""
    scheme, suffix = parts.get("DefaultEndpointsProtocol", "https"), parts.get("EndpointSuffix", _SUFFIX)
    return (parts.get("BlobEndpoint") or f"{scheme}://{parts.get('AccountName')}.blob.{suffix}").rstrip("/")


async def _store(config: AzureBlobConfig) -> Any:
    from obstore.store import AzureStore  # noqa: PLC0415

    parts = connection_parts(config.connection_string.get_secret_value())
    endpoint = urlsplit(blob_endpoint(parts))
    await addresses.check_host(endpoint.hostname or "")
    options: dict[str, Any] = {
        "account_name": parts.get("AccountName") or str(endpoint.hostname).partition(".")[0],
        "account_key": parts.get("AccountKey"),
        "sas_key": parts.get("SharedAccessSignature") if not parts.get("AccountKey") else None,
    }
    try:
        return AzureStore(
            config.container_name,
            endpoint=endpoint.geturl(),
            **{name: value for name, value in options.items() if value is not None},
            client_options=object_store.CLIENT_OPTIONS | {"allow_http": endpoint.scheme == "http"},
            retry_config=object_store.RETRIES,
        )
    except Exception as error:  # the client says why in types of its own, with the key in its text
        raise Reject(
            "The connection_string is not understood: copy it whole from the account's access keys."
        ) from error


async def _check_container(config: AzureBlobConfig) -> Outcome:
    try:
        return await object_store.check_exists(await _store(config), f"container {config.container_name!r}")
    except Reject as error:
        return failed(str(error))


async def _check_write(config: AzureBlobConfig) -> Outcome:
    try:
        return await object_store.check_write(await _store(config), config.prefix)
    except Reject as error:
        return failed(str(error))


class AzureBlob:
    """Blobs in a container: blocks become a blob when they are all there."""

    name: ClassVar[str] = "AzureBlob"
    config: ClassVar[type[Config]] = AzureBlobConfig
    is_keyed: ClassVar[bool] = False
    layout: ClassVar[Literal["file", "table"]] = "file"
    models: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[Sequence[Check]] = (
        Check("Check Azure Blob container exists", "Looks into it with the given credentials.", _check_container),
        Check("Write and delete a test blob", "Proves that a run will be allowed to write.", _check_write),
    )

    def rendering(self, config: AzureBlobConfig) -> Literal["columns", "lines"]:
        """JSON lines come ready-made."""
        return "lines" if config.file_format == "JSONLines" else "columns"

    async def open(self, config: AzureBlobConfig, delivery: Delivery) -> Sink:
        """A sink that uploads under `prefix`."""
        return FileSink(object_store.ObjectFolder(await _store(config)), config, delivery)
