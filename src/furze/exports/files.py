"""Files as a destination: key templates, splitting, the manifest, removal of what an earlier run left.

A destination that keeps files only says how one file is stored: it gives a `Folder`.
"""

import asyncio
import string
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol, Self

import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from furze.exports import formats
from furze.exports.destination import Config, Delivery, Receipt
from furze.exports.formats import Compression, Encoder, Format
from furze.kit import json

TEMPLATE_NAMES = frozenset(
    ("year", "month", "day", "hour", "minute", "second", "data_interval_start", "data_interval_end", "table")
)

# Rows go to the encoder in slices, so that a file is rolled close to its size whatever the batches are.
_SLICE_BYTES = 4 * 1024 * 1024
_MEGABYTE = 1024 * 1024


class FileConfig(Config):
    """The inputs that every destination of files shares."""

    prefix: str = Field("", description="Where files go; may hold {year}, {month}, {day}, {hour}, {table}, …")
    file_format: Format = Field("Parquet", description="The format of the files.")
    compression: Compression | None = Field(None, description="The codec; unset, zstd or gzip by format.")
    max_file_size_mb: int | None = Field(None, description="Begin a new file after about this many megabytes.")

    @field_validator("prefix")
    @classmethod
    def _known_names(cls, prefix: str) -> str:
        check_template(prefix)
        return prefix

    @model_validator(mode="after")
    def _supported(self) -> Self:
        if self.file_format not in formats.FORMATS:
            raise ValueError(f"File format {self.file_format} is not supported. {supported_formats()}")
        supported = formats.COMPRESSIONS[self.file_format]
        if self.compression is not None and self.compression not in supported:
            raise ValueError(
                f"Compression {self.compression} is not supported for file format {self.file_format}. "
                f"Supported compressions are {list(supported)}"
            )
        return self


def supported_formats() -> str:
    """The sentence that lists the formats."""
    return f"Supported file formats are {list(formats.FORMATS)}"


def check_template(prefix: str) -> None:
    """Raise `ValueError` for a prefix that cannot become a key."""
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(prefix) if name is not None]
    except ValueError as error:
        raise ValueError(f"Invalid prefix {prefix!r}: {error}. Write a literal brace twice.") from error
    unknown = sorted(set(names) - TEMPLATE_NAMES)
    if unknown:
        raise ValueError(f"Invalid prefix {prefix!r}: unknown variable {unknown[0]!r}. Known: {sorted(TEMPLATE_NAMES)}")
    if ".." in prefix.split("/"):
        raise ValueError(f"Invalid prefix {prefix!r}: it may not hold '..'.")


def key_stem(prefix: str, delivery: Delivery) -> str:
    """The key of a run's files without number and extension."""
    end = delivery.end.astimezone(UTC)
    parts = {name: f"{getattr(end, name):02d}" for name in ("month", "day", "hour", "minute", "second")}
    bounds = {"data_interval_start": instant(delivery.start), "data_interval_end": instant(delivery.end)}
    folder = prefix.format(year=f"{end.year:04d}", table=delivery.table, **parts, **bounds)
    return "/".join(part for part in [*folder.split("/"), delivery.stem] if part)


def instant(moment: datetime | None) -> str:
    """A bound in a key: ISO 8601 with its zone; `None` for the beginning of time."""
    return "None" if moment is None else moment.astimezone(UTC).isoformat()


class Upload(Protocol):
    """One file on its way. Not visible before `complete`."""

    async def write(self, data: bytes) -> None:
        """Some more bytes."""
        ...

    async def complete(self) -> None:
        """Make the file visible, whole; replaces an older one of the same key."""
        ...

    async def abort(self) -> None:
        """Leave nothing behind."""
        ...


class Folder(Protocol):
    """A place for files. Its errors are `Reject` or `furze.jobs.Retry`."""

    async def upload(self, key: str, content_type: str) -> Upload:
        """A new file."""
        ...

    async def delete(self, keys: list[str]) -> None:
        """Delete files; absent ones do not matter."""
        ...

    def leftovers(self, stem: str, is_ours: Callable[[str], bool]) -> AsyncIterator[str]:
        """The keys that begin with `stem` and are `is_ours`. Yields nothing where listing is not allowed."""
        ...

    async def fetch(self, key: str, spare: Path) -> Path:
        """A local file with what a key holds: `spare`, filled, or the file itself. `Reject` when it is not there."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass
class _Part:
    key: str
    upload: Upload
    encoder: Encoder
    bytes: int = 0


@dataclass
class FileSink:
    """A run as one file, or as numbered files and a manifest that is written last."""

    folder: Folder
    config: FileConfig
    delivery: Delivery
    defer: Literal["each", "all"] = "each"
    _stem: str = ""
    _part: _Part | None = None
    _waiting: list[_Part] = field(default_factory=list)
    _keys: list[str] = field(default_factory=list)
    _rows: int = 0
    _bytes: int = 0
    _old_manifest_gone: bool = False

    def __post_init__(self) -> None:
        """Fix the key."""
        self._stem = key_stem(self.config.prefix, self.delivery)

    async def write(self, batch: pa.RecordBatch) -> None:
        """Encode in a thread and send on; rolls the file once it has its size."""
        size = min(_SLICE_BYTES, self._limit // 4) if self._limit else _SLICE_BYTES
        step = max(1, int(batch.num_rows * size / max(batch.nbytes, 1)))
        for start in range(0, batch.num_rows, step):
            part = self._part or await self._begin(batch.schema)
            rows = batch.slice(start, step)
            await self._send(part, await asyncio.to_thread(part.encoder.encode, rows))
            self._rows += rows.num_rows
            if self._limit and part.bytes >= self._limit:
                await self._end_part()

    async def commit(self) -> Receipt:
        """Complete the files, write the manifest, remove what an earlier run of the same key left."""
        await self._end_part()
        for part in self._waiting:
            await part.upload.complete()
        kept = list(self._keys)
        if self._limit and self._keys:
            kept.append(self._manifest_key)
            await self._write_manifest()
        stale = [key async for key in self.folder.leftovers(self._stem, self._is_ours) if key not in kept]
        if stale:
            await self.folder.delete(stale)
        await self.folder.close()
        notes = (f"Removed {len(stale)} stale files of an earlier run",) if stale else ()
        return Receipt(self._rows, self._bytes, tuple(kept), notes)

    async def abort(self) -> None:
        """Take back what was sent."""
        unfinished = [*self._waiting, *([self._part] if self._part else [])]
        for part in unfinished:
            await part.upload.abort()
        finished = [key for key in self._keys if all(part.key != key for part in unfinished)]
        if finished:
            await self.folder.delete(finished)
        await self.folder.close()

    @property
    def _limit(self) -> int:
        return (self.config.max_file_size_mb or 0) * _MEGABYTE

    @property
    def _manifest_key(self) -> str:
        return f"{self._stem}_manifest.json"

    def _is_ours(self, key: str) -> bool:
        # `2026-…-0.parquet` and `2026-….parquet` are; `2026-…-backfill.parquet` is another run's.
        rest = key.removeprefix(self._stem)
        number = rest.partition(".")[0]
        return rest == "_manifest.json" or number == "" or (number[0] == "-" and number[1:].isdigit())

    async def _begin(self, schema: pa.Schema) -> _Part:
        if self._limit and self.delivery.is_repeat and not self._old_manifest_gone:
            # Its files are about to be replaced one by one: a reader of the manifest waits for the new one.
            await self.folder.delete([self._manifest_key])
            self._old_manifest_gone = True
        file_format, compression = self.config.file_format, self.codec
        number = f"-{len(self._keys)}" if self._limit else ""
        key = f"{self._stem}{number}.{formats.extension(file_format, compression)}"
        upload = await self.folder.upload(key, formats.content_type(file_format))
        self._keys.append(key)
        group = self._limit or None
        encoder = await asyncio.to_thread(formats.new_encoder, file_format, compression, schema, group_bytes=group)
        self._part = _Part(key, upload, encoder)
        return self._part

    @property
    def codec(self) -> str | None:
        """The codec used: the one asked for, else the format's usual one."""
        if "compression" in self.config.model_fields_set:
            return self.config.compression
        return {"Parquet": "zstd", "JSONLines": "gzip"}.get(self.config.file_format)

    async def _send(self, part: _Part, data: bytes) -> None:
        if data:
            part.bytes += len(data)
            self._bytes += len(data)
            await part.upload.write(data)

    async def _end_part(self) -> None:
        if self._part is None:
            return
        part = self._part
        await self._send(part, await asyncio.to_thread(part.encoder.finish))
        self._part = None
        if self.defer == "all":
            self._waiting.append(part)
        else:
            await part.upload.complete()

    async def _write_manifest(self) -> None:
        upload = await self.folder.upload(self._manifest_key, "application/json")
        await upload.write(json.dumps({"files": self._keys}))
        await upload.complete()
