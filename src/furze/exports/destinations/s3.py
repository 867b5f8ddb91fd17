"""S3, AwsS3 and S3Compatible: a bucket of Amazon S3 or of anything that speaks its protocol."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

import pyarrow as pa
from pydantic import Field, SecretStr, model_validator

from furze.exports import addresses, object_store, reading
from furze.exports.destination import Check, Config, Delivery, Outcome, Reject, Sink, failed
from furze.exports.files import FileConfig, FileSink
from furze.exports.formats import Format


class S3Config(FileConfig):
    """The inputs of an S3 destination."""

    bucket_name: str = Field(description="The bucket.")
    region: str = Field(description="The bucket's region, such as `us-east-1`.")
    prefix: str = Field(description="Where in the bucket files go; may hold {year}, {month}, {day}, {hour}, {table}, …")
    aws_access_key_id: SecretStr | None = Field(None, description="The access key; none uses the machine's own role.")
    aws_secret_access_key: SecretStr | None = Field(None, description="The secret that goes with the access key.")
    file_format: Format = Field("JSONLines", description="The format of the files.")
    encryption: Literal["AES256", "aws:kms"] | None = Field(None, description="Server-side encryption.")
    kms_key_id: str | None = Field(None, description="The key for `aws:kms`.")
    endpoint_url: str | None = Field(None, description="Where to find a store that is not Amazon's.")
    use_virtual_style_addressing: bool = Field(False, description="Put the bucket in the host name.")

    @model_validator(mode="after")
    def _filled(self) -> Self:
        empty = [name for name in ("bucket_name", "region") if not getattr(self, name)]
        if empty:
            raise ValueError(f"The following inputs are empty: {empty}")
        if self.endpoint_url and not self.endpoint_url.startswith(("http://", "https://")):
            raise ValueError(f"Invalid endpoint_url {self.endpoint_url!r}: it must begin with http:// or https://")
        return self


async def _store(config: S3Config) -> Any:
    from obstore.store import S3Store  # noqa: PLC0415

    if config.endpoint_url:
        await addresses.check_host(urlsplit(config.endpoint_url).hostname or "")

    options: dict[str, Any] = {
        "region": config.region,
        "endpoint": config.endpoint_url or None,
        "access_key_id": config.aws_access_key_id and config.aws_access_key_id.get_secret_value(),
        "secret_access_key": config.aws_secret_access_key and config.aws_secret_access_key.get_secret_value(),
        "server_side_encryption": config.encryption and {"AES256": "AES256", "aws:kms": "aws:kms"}[config.encryption],
        "sse_kms_key_id": config.kms_key_id,
    }
    return S3Store(
        config.bucket_name,
        **{name: value for name, value in options.items() if value is not None},
        virtual_hosted_style_request=config.use_virtual_style_addressing,
        # Over TLS the body needs no signature of its own: a third of the client's CPU time saved.
        unsigned_payload=True,
        client_options=object_store.CLIENT_OPTIONS | {"allow_http": (config.endpoint_url or "").startswith("http://")},
        retry_config=object_store.RETRIES,
    )


async def _check_bucket(config: S3Config) -> Outcome:
    try:
        store = await _store(config)
    except Reject as error:
        return failed(str(error))
    return await object_store.check_exists(store, f"bucket {config.bucket_name!r}")


async def _check_write(config: S3Config) -> Outcome:
    return await object_store.check_write(await _store(config), config.prefix)


class S3:
    """Objects in a bucket: a multipart upload appears when it is complete, whole."""

    name: ClassVar[str] = "S3"
    config: ClassVar[type[Config]] = S3Config
    is_keyed: ClassVar[bool] = False
    layout: ClassVar[Literal["file", "table"]] = "file"
    models: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[Sequence[Check]] = (
        Check("Check S3 bucket exists", "Looks into the bucket with the given credentials.", _check_bucket),
        Check("Write and delete a test object", "Proves that a run will be allowed to write.", _check_write),
    )

    def rendering(self, config: S3Config) -> Literal["columns", "lines"]:
        """JSON lines come ready-made."""
        return "lines" if config.file_format == "JSONLines" else "columns"

    async def open(self, config: S3Config, delivery: Delivery) -> Sink:
        """A sink that uploads under `prefix`."""
        return FileSink(object_store.ObjectFolder(await _store(config)), config, delivery)

    async def uuids(
        self,
        config: S3Config,
        files: Sequence[str],
        project_id: int,  # noqa: ARG002 - the files are the project's own
    ) -> AsyncGenerator[pa.Array, None]:
        """The uuids in some objects."""
        async for column in reading.uuids_in(object_store.ObjectFolder(await _store(config)), files):
            yield column


class AwsS3(S3):
    """A bucket of Amazon S3."""

    name: ClassVar[str] = "AwsS3"


class S3Compatible(S3):
    """A bucket of a store that speaks S3's protocol."""

    name: ClassVar[str] = "S3Compatible"
