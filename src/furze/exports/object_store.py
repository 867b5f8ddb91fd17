"""Object stores through one client: S3 and what speaks like it, Azure Blob, Google Cloud Storage.

A destination builds the client's store; uploads, deletion, listing and what errors mean are here.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from furze.exports.destination import PASSED, Outcome, Reject, failed
from furze.exports.files import Folder, Upload
from furze.jobs import Retry

_PART_BYTES = 8 * 1024 * 1024
_PARTS_IN_FLIGHT = 4

#: How long one request may take, and how often the client tries before the run engine waits longer.
CLIENT_OPTIONS: Any = {"timeout": timedelta(seconds=60), "connect_timeout": timedelta(seconds=10)}
RETRIES: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}

_HOPELESS = {
    "PermissionDeniedError": "The destination refuses access",
    "UnauthenticatedError": "The destination refuses the credentials",
    "InvalidPathError": "The key is not valid",
    "NotSupportedError": "The destination does not support this",
    "UnknownConfigurationKeyError": "The configuration is not understood",
}
# Words of the services themselves, inside an answer that the client does not classify.
_HOPELESS_CODES = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "AccessDenied",
    "NoSuchBucket",
    "InvalidBucketName",
    "PermanentRedirect",
    "AuthorizationHeaderMalformed",
    "InvalidArgument",
    "ContainerNotFound",
    "AuthenticationFailed",
    "KMS.NotFoundException",
    "dns error",
    "relative URL without a base",
    "invalid peer certificate",
)
# The client says only "error sending request"; why is inside its description of the error for developers.
_TLS_REFUSED = (
    (re.compile(r"InvalidCertificate\([\s(]*(?:Other\w*\W+)*(\w+)"), "the server's certificate is not trusted ({})"),
    (re.compile(r"(InvalidContentType)"), "the server speaks plain HTTP there. Check the port, or use http://"),
)
_SYSTEM_MESSAGE = re.compile(r'\bOs \{[^}]*message: "([^"]+)"')
# The client does not classify what a listing is answered.
_LISTING_REFUSED = {
    "401 Unauthorized": "The destination refuses the credentials",
    "403 Forbidden": "The destination refuses access",
    "404 Not Found": "The bucket or container does not exist",
}
_MESSAGE_LENGTH = 300
_SIGNATURE = re.compile(r"((?:sig|X-Amz-Signature|X-Goog-Signature)=)[^&\s)]+", re.IGNORECASE)


class ObjectFolder(Folder):
    """Keys of one bucket or container."""

    def __init__(self, store: Any) -> None:
        self._store = store

    async def upload(self, key: str, content_type: str) -> Upload:
        """A multipart upload, or one request when it is small."""
        return _Upload(self._store, key, content_type)

    async def delete(self, keys: list[str]) -> None:
        """Delete keys that are there."""
        import obstore  # noqa: PLC0415

        for key in keys:
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                continue
            except Exception as error:
                raise translated(error) from error

    async def leftovers(self, stem: str, is_ours: Callable[[str], bool]) -> AsyncIterator[str]:
        """The keys that begin with `stem` and are `is_ours`."""
        import obstore  # noqa: PLC0415

        folder = stem.rpartition("/")[0] or None
        # Keys sort by their bytes: start right before the stem, stop after the last key that begins with it.
        pages = obstore.list(self._store, prefix=folder, offset=stem[:-1] + chr(ord(stem[-1]) - 1) + "~")
        try:
            async for page in pages:
                for found in page:
                    if found["path"].startswith(stem):
                        if is_ours(found["path"]):
                            yield found["path"]
                    elif found["path"] > stem:
                        return
        except PermissionError:
            return  # a key that may write but not list: nothing stale can be found
        except Exception as error:
            raise translated(error) from error

    async def fetch(self, key: str, spare: Path) -> Path:
        """The object, downloaded."""
        import obstore  # noqa: PLC0415

        try:
            found = await obstore.get_async(self._store, key)
            with spare.open("wb") as file:
                async for chunk in found.stream(min_chunk_size=_PART_BYTES):
                    await asyncio.to_thread(file.write, chunk)
        except FileNotFoundError as error:
            raise Reject(f"{key!r} is not in the bucket.") from error
        except Exception as error:
            raise translated(error) from error
        return spare

    async def close(self) -> None:
        """The client closes by itself."""


class _Upload(Upload):
    """Feeds a `put` that runs beside the writer; one that is broken off leaves no multipart upload behind."""

    def __init__(self, store: Any, key: str, content_type: str) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(2)
        self._is_broken_off = False
        self._put = asyncio.create_task(self._run(store, key, content_type))

    async def write(self, data: bytes) -> None:
        await self._hand_over(data)

    async def complete(self) -> None:
        await self._hand_over(None)
        await self._put

    async def abort(self) -> None:
        self._is_broken_off = True
        self._put.cancel()
        await asyncio.gather(self._put, return_exceptions=True)

    async def _hand_over(self, data: bytes | None) -> None:
        handing = asyncio.create_task(self._queue.put(data))
        await asyncio.wait({handing, self._put}, return_when=asyncio.FIRST_COMPLETED)
        if self._put.done():
            handing.cancel()
            self._put.result()

    async def _run(self, store: Any, key: str, content_type: str) -> None:
        import obstore  # noqa: PLC0415

        try:
            await obstore.put_async(
                store,
                key,
                self._chunks(),
                attributes={"Content-Type": content_type},
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_IN_FLIGHT,
            )
        except Exception as error:
            raise translated(error) from error

    async def _chunks(self) -> AsyncIterator[bytes]:
        while (chunk := await self._queue.get()) is not None:
            yield chunk


def translated(error: Exception) -> Exception:
    """A client's error as `Reject` when a person has to mend something, else as `Retry`."""
    if isinstance(error, Reject | Retry):
        return error
    name, text = type(error).__name__, _first_line(error)
    if name in _HOPELESS or isinstance(error, PermissionError):
        return Reject(f"{_HOPELESS.get(name, 'The destination refuses access')}: {text}")
    if isinstance(error, FileNotFoundError):
        return Reject(f"The bucket or container does not exist: {text}")
    for status, reason in _LISTING_REFUSED.items():
        if "list request" in text and status in str(error):
            return Reject(f"{reason}: {text}")
    if any(code in str(error) for code in _HOPELESS_CODES):
        return Reject(text)
    return _not_connected(str(error), text)


def _not_connected(details: str, text: str) -> Exception:
    for pattern, reason in _TLS_REFUSED:
        if found := pattern.search(details):
            return Reject(f"TLS failed: {reason.format(found[1])}: {text}")
    found = _SYSTEM_MESSAGE.search(details)
    return Retry(f"{found[1]}: {text}" if found else text)


async def check_exists(store: Any, what: str) -> Outcome:
    """A test step: can it be reached, and is it there."""
    import obstore  # noqa: PLC0415

    try:
        pages = obstore.list(store, prefix="furze-connection-test", chunk_size=50)
        async for _ in pages:
            break
    except Exception as error:  # noqa: BLE001 - whatever it is, the person sees it
        return failed(f"Could not reach the {what}: {translated(error)}")
    return PASSED


async def check_write(store: Any, prefix: str) -> Outcome:
    """A test step: write an object and delete it."""
    import obstore  # noqa: PLC0415

    folder = prefix.partition("{")[0].strip("/").rpartition("/")[0]
    key = f"{folder}/.furze-connection-test-{uuid4().hex}".lstrip("/")
    try:
        await obstore.put_async(store, key, b"furze")
        await obstore.delete_async(store, key)
    except Exception as error:  # noqa: BLE001 - whatever it is, the person sees it
        return failed(f"Could not write and delete a test object: {translated(error)}")
    return PASSED


def without_signature(text: str) -> str:
    """A client's message without the signature of an address in it, which is a secret."""
    return _SIGNATURE.sub(r"\1***", text)


def _first_line(error: Exception) -> str:
    text = without_signature(str(error).split("\n\nDebug source:")[0].replace("\n", " "))
    return text if len(text) <= _MESSAGE_LENGTH else text[:_MESSAGE_LENGTH] + "…"
