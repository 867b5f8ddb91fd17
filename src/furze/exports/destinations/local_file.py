"""LocalFile: a folder on the machine that furze runs on."""

import asyncio
import errno
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import IO, Any, ClassVar, Literal, TypeVar
from uuid import uuid4

import pyarrow as pa
from pydantic import Field, field_validator

from furze.exports import addresses, reading
from furze.exports.destination import PASSED, Check, Config, Delivery, Outcome, Reject, Sink, failed
from furze.exports.files import FileConfig, FileSink, Folder, Upload
from furze.jobs import Retry

T = TypeVar("T")

# What a person has to mend; anything else (disk full, a network share that is away) may pass.
_LASTING = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT),
    *(errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL),
}


class LocalFileConfig(FileConfig):
    """The inputs of a LocalFile destination."""

    path: str = Field(description="The folder, as an absolute path.", min_length=1)

    @field_validator("path")
    @classmethod
    def _is_absolute(cls, path: str) -> str:
        if not Path(path).is_absolute():
            raise ValueError(f"{path!r} is not an absolute path. Write it from the root, such as '/srv/exports'.")
        return path


class LocalFile:
    """Files in a folder: written beside their place under a hidden name, then renamed, so never seen half-written."""

    name: ClassVar[str] = "LocalFile"
    config: ClassVar[type[Config]] = LocalFileConfig
    is_keyed: ClassVar[bool] = False
    layout: ClassVar[Literal["file", "table"]] = "file"
    models: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[Sequence[Check]] = ()

    def rendering(self, config: LocalFileConfig) -> Literal["columns", "lines"]:
        """JSON lines come ready-made."""
        return "lines" if config.file_format == "JSONLines" else "columns"

    async def open(self, config: LocalFileConfig, delivery: Delivery) -> Sink:
        """A sink that writes under `path`."""
        await asyncio.to_thread(addresses.check_folder, Path(config.path))
        return FileSink(LocalFolder(Path(config.path)), config, delivery, defer="all")

    async def uuids(
        self,
        config: LocalFileConfig,
        files: Sequence[str],
        project_id: int,  # noqa: ARG002 - the files are the project's own
    ) -> AsyncGenerator[pa.Array, None]:
        """The uuids in some files."""
        await asyncio.to_thread(addresses.check_folder, Path(config.path))
        async for column in reading.uuids_in(LocalFolder(Path(config.path)), files):
            yield column


class FileDownload(LocalFile):
    """Files for a person to fetch from this server: in its own data, whatever folders exports may write to."""

    name: ClassVar[str] = "FileDownload"

    async def open(self, config: LocalFileConfig, delivery: Delivery) -> Sink:
        """A sink that writes under `path`."""
        return FileSink(LocalFolder(Path(config.path)), config, delivery, defer="all")


class LocalFolder(Folder):
    """A folder of the file system."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def upload(self, key: str, content_type: str) -> Upload:  # noqa: ARG002 - files here have no media type
        """A hidden file that becomes `key`."""
        place = self._root / key
        hidden = place.with_name(f".{place.name}.{uuid4().hex}.part")
        return _Upload(await _in_thread(_create, hidden), hidden, place)

    async def delete(self, keys: list[str]) -> None:
        """Delete files that are there."""
        for key in keys:
            await _in_thread((self._root / key).unlink, True)

    async def leftovers(self, stem: str, is_ours: Callable[[str], bool]) -> AsyncIterator[str]:
        """The keys that begin with `stem`; hidden files of a process that died are removed on the way."""
        place = self._root / stem
        for name in await _in_thread(_names, place.parent):
            is_hidden = name.startswith(".") and name.endswith(".part")
            shown = name[1:].removesuffix(".part").rpartition(".")[0] if is_hidden else name
            key = str((place.parent / shown).relative_to(self._root))
            if not shown.startswith(place.name) or not is_ours(key):
                continue
            if is_hidden:
                await _in_thread((place.parent / name).unlink, True)
            else:
                yield key

    async def fetch(self, key: str, spare: Path) -> Path:  # noqa: ARG002 - the file is here already
        """The file itself."""
        if not (self._root / key).is_file():
            raise Reject(f"{str(self._root / key)!r} is not there.")
        return self._root / key

    async def close(self) -> None:
        """Nothing is held."""


class _Upload(Upload):
    def __init__(self, file: IO[bytes], hidden: Path, place: Path) -> None:
        self._file, self._hidden, self._place = file, hidden, place

    async def write(self, data: bytes) -> None:
        await _in_thread(self._file.write, data)

    async def complete(self) -> None:
        await _in_thread(self._complete)

    async def abort(self) -> None:
        await _in_thread(self._discard)

    def _complete(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._hidden.replace(self._place)
        folder = os.open(self._place.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _discard(self) -> None:
        self._file.close()
        self._hidden.unlink(missing_ok=True)


async def _check_writable(config: LocalFileConfig) -> Outcome:
    if not Path(config.path).is_absolute():
        return failed(f"{config.path!r} is not an absolute path. Give one that begins with '/'.")
    probe = Path(config.path) / f".furze-{uuid4().hex}.part"
    await asyncio.to_thread(addresses.check_folder, Path(config.path))
    (await _in_thread(_create, probe)).close()
    await _in_thread(probe.unlink)
    return PASSED


LocalFile.checks = (
    Check("Check the folder is writable", "Creates the folder if needed, then a file in it.", _check_writable),
)


def _create(file: Path) -> IO[bytes]:
    file.parent.mkdir(parents=True, exist_ok=True)
    return file.open("wb")


def _names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.is_dir() else []  # noqa: PTH208 - names are all that is needed


async def _in_thread(function: Callable[..., T], *arguments: Any) -> T:
    try:
        return await asyncio.to_thread(function, *arguments)
    except OSError as error:
        reason = f"{error.strerror or error}: {error.filename or 'the export folder'!r}"
        if error.errno in _LASTING:
            raise Reject(f"{reason}. Give furze the right to write there, or choose another path.") from error
        raise Retry(reason) from error
