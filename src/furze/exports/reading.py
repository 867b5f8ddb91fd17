"""Reads back the files that exports write: the uuid of every row, whatever the format, in constant memory."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from furze.exports.destination import Reject
from furze.exports.files import Folder
from furze.kit import json

_COLUMN = "uuid"
_CODECS = {"gz": "gzip", "br": "brotli", "zst": "zstd"}
_LINES = 10_000
_DAMAGE = (pa.ArrowException, OSError, EOFError, ValueError, zlib.error)


async def uuids_in(folder: Folder, keys: Sequence[str]) -> AsyncIterator[pa.Array]:
    """The uuids of every row of some files, nulls for rows without; raises `Reject` for a file that cannot be read."""
    with TemporaryDirectory(prefix="furze-verify-") as spare:
        for key in keys:
            if key.endswith("_manifest.json"):
                continue
            file = await folder.fetch(key, Path(spare) / "file")
            async for column in _stepped(key, file):
                yield column


async def _stepped(key: str, file: Path) -> AsyncIterator[pa.Array]:
    try:
        columns = await asyncio.to_thread(_columns, key, file)
        while (column := await asyncio.to_thread(next, columns, None)) is not None:
            yield column
    except _DAMAGE as error:
        raise Reject(f"{key!r} cannot be read: {error}") from error


def _columns(key: str, file: Path) -> Iterator[pa.Array]:
    name = key.rpartition("/")[2]
    codec = _CODECS.get(name.rpartition(".")[2])
    kind = name.split(".")[-2 if codec else -1]
    readers: dict[str, Callable[[Path, str | None], Iterator[pa.Array]]] = {
        "parquet": _parquet,
        "arrow": _arrow,
        "jsonl": _json_lines,
        "csv": _csv,
    }
    if kind not in readers:
        raise ValueError(f"{kind!r} is no format of ours")
    return readers[kind](file, codec)


def _parquet(file: Path, _codec: str | None) -> Iterator[pa.Array]:
    from pyarrow import parquet  # noqa: PLC0415

    with parquet.ParquetFile(file) as opened:
        if _COLUMN not in opened.schema_arrow.names:
            yield pa.nulls(opened.metadata.num_rows, pa.string())
            return
        for batch in opened.iter_batches(columns=[_COLUMN]):
            yield batch.column(0)


def _arrow(file: Path, _codec: str | None) -> Iterator[pa.Array]:
    with pa.ipc.open_stream(pa.OSFile(str(file))) as batches:
        for batch in batches:
            has_it = _COLUMN in batch.schema.names
            yield batch.column(_COLUMN) if has_it else pa.nulls(batch.num_rows, pa.string())


def _json_lines(file: Path, codec: str | None) -> Iterator[pa.Array]:
    found: list[Any] = []
    with pa.input_stream(str(file), compression=codec, buffer_size=1 << 20) as stream:
        for line in _lines(stream):
            found.append(json.loads(line).get(_COLUMN))
            if len(found) == _LINES:
                yield pa.array(found, pa.string())
                found = []
    yield pa.array(found, pa.string())


def _lines(stream: Any) -> Iterator[bytes]:
    rest = b""
    while chunk := stream.read(1 << 20):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest


def _csv(file: Path, codec: str | None) -> Iterator[pa.Array]:
    from pyarrow import csv  # noqa: PLC0415

    options = {
        "read_options": csv.ReadOptions(block_size=16 << 20),
        "parse_options": csv.ParseOptions(newlines_in_values=True),
    }
    with pa.input_stream(str(file), compression=codec) as stream, csv.open_csv(stream, **options) as batches:
        for batch in batches:
            has_it = _COLUMN in batch.schema.names
            yield batch.column(_COLUMN).cast(pa.string()) if has_it else pa.nulls(batch.num_rows, pa.string())
