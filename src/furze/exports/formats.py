"""File formats: an encoder turns record batches into bytes, and says how many there are so far."""

import gzip
import zlib
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, Protocol, get_args

import pyarrow as pa

from furze.exports.destination import Column

Format = Literal["Parquet", "JSONLines", "CSV", "Arrow"]
Compression = Literal["zstd", "gzip", "brotli", "lz4", "snappy"]

#: What each format can be compressed with.
COMPRESSIONS: dict[str, tuple[str, ...]] = {
    "Parquet": ("zstd", "lz4", "snappy", "gzip", "brotli"),
    "JSONLines": ("gzip", "brotli", "zstd"),
    "CSV": ("gzip", "brotli", "zstd"),
    "Arrow": ("zstd", "lz4"),
}

_EXTENSIONS = {"Parquet": "parquet", "JSONLines": "jsonl", "CSV": "csv", "Arrow": "arrow"}
_CODEC_EXTENSIONS = {"gzip": "gz", "brotli": "br", "zstd": "zst"}
_CONTENT_TYPES = {
    "Parquet": "application/vnd.apache.parquet",
    "JSONLines": "application/x-ndjson",
    "CSV": "text/csv",
    "Arrow": "application/vnd.apache.arrow.stream",
}

# Big enough for good pages and dictionaries, small enough that a row group in memory stays below some 40 MB.
_ROW_GROUP_ROWS = 65_536
_ROW_GROUP_BYTES = 24 * 1024 * 1024
_GZIP_LEVEL = 1

FORMATS: tuple[str, ...] = get_args(Format)


def extension(file_format: str, compression: str | None) -> str:
    """How file names end: `parquet`, `jsonl.gz`. Parquet and Arrow name their codec inside the file."""
    codec = _CODEC_EXTENSIONS.get(compression or "") if file_format in ("JSONLines", "CSV") else None
    return _EXTENSIONS[file_format] + (f".{codec}" if codec else "")


def content_type(file_format: str) -> str:
    """The media type of a file."""
    return _CONTENT_TYPES[file_format]


class Encoder(Protocol):
    """Encodes the rows of one file. Its calls are work for a thread."""

    def encode(self, batch: pa.RecordBatch) -> bytes:
        """The bytes that are ready after some more rows; may be none."""
        ...

    def finish(self) -> bytes:
        """The bytes that complete the file."""
        ...


def new_encoder(
    file_format: str, compression: str | None, schema: pa.Schema, *, group_bytes: int | None = None
) -> Encoder:
    """An encoder for one file of rows with this schema; for JSONLines the first column holds whole lines.

    Formats that gather rows before they write them do so for at most `group_bytes`.
    """
    if file_format == "Parquet":
        return _Parquet(compression, schema, min(group_bytes or _ROW_GROUP_BYTES, _ROW_GROUP_BYTES))
    makers: dict[str, Callable[[str | None, pa.Schema], Encoder]] = {
        "JSONLines": _JSONLines,
        "CSV": _CSV,
        "Arrow": _Arrow,
    }
    return makers[file_format](compression, schema)


def arrow_schema(columns: Sequence[Column]) -> pa.Schema:
    """The types of a dataset's columns in a file: JSON as text, instants in microseconds, UTC."""
    kinds = {
        "text": pa.string(),
        "json": pa.string(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "integer": pa.int64(),
        "float": pa.float64(),
        "boolean": pa.bool_(),
        "texts": pa.list_(pa.string()),
    }
    return pa.schema([pa.field(column.name, kinds[column.kind]) for column in columns])


class _Buffer:
    """A file to write to whose bytes are taken away as they come."""

    closed = False

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._position = 0

    def write(self, data: Any) -> int:
        chunk = bytes(data)
        self._chunks.append(chunk)
        self._position += len(chunk)
        return len(chunk)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing to close."""

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def take(self) -> bytes:
        taken, self._chunks = b"".join(self._chunks), []
        return taken


class _Parquet:
    def __init__(self, compression: str | None, schema: pa.Schema, group_bytes: int) -> None:
        from pyarrow import parquet  # noqa: PLC0415 - a quarter of a second that only exports need

        self._buffer = _Buffer()
        self._schema, self._group_bytes = schema, group_bytes
        self._writer = parquet.ParquetWriter(
            pa.PythonFile(self._buffer, mode="w"),
            schema,
            compression=compression or "none",
            compression_level=1 if compression == "zstd" else None,
            use_dictionary=[name for name in ("event", "distinct_id", "person_properties") if name in schema.names],
            write_statistics=True,
        )
        self._waiting: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0

    def encode(self, batch: pa.RecordBatch) -> bytes:
        self._waiting.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= _ROW_GROUP_ROWS or self._bytes >= self._group_bytes:
            self._flush()
        return self._buffer.take()

    def finish(self) -> bytes:
        if self._waiting:
            self._flush()
        self._writer.close()
        return self._buffer.take()

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema), row_group_size=self._rows)
        self._waiting = []
        self._rows = self._bytes = 0


class _Arrow:
    def __init__(self, compression: str | None, schema: pa.Schema) -> None:
        self._buffer = _Buffer()
        options = pa.ipc.IpcWriteOptions(compression=compression)
        self._writer = pa.ipc.new_stream(pa.PythonFile(self._buffer, mode="w"), schema, options=options)

    def encode(self, batch: pa.RecordBatch) -> bytes:
        self._writer.write_batch(batch)
        return self._buffer.take()

    def finish(self) -> bytes:
        self._writer.close()
        return self._buffer.take()


class _Compressor(Protocol):
    def compress(self, data: Any, /) -> bytes: ...

    def finish(self) -> bytes: ...


class _Plain:
    def compress(self, data: Any) -> bytes:
        return bytes(data)

    def finish(self) -> bytes:
        return b""


class _Gzip:
    """One gzip stream per file. The time in its header is zero, so that equal rows make equal files."""

    _HEADER: ClassVar[bytes] = gzip.compress(b"", mtime=0)[:10]

    def __init__(self) -> None:
        self._stream = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, 31)

    def compress(self, data: Any) -> bytes:
        return self._stream.compress(data)

    def finish(self) -> bytes:
        return self._stream.flush()


class _ArrowCodec:
    """zstd and brotli streams, from the codecs that Arrow brings."""

    def __init__(self, codec: str) -> None:
        self._target = _Buffer()
        self._stream = pa.CompressedOutputStream(pa.PythonFile(self._target, mode="w"), codec)

    def compress(self, data: Any) -> bytes:
        self._stream.write(data)
        return self._target.take()

    def finish(self) -> bytes:
        self._stream.close()
        return self._target.take()


def _compressor(compression: str | None) -> _Compressor:
    if compression is None:
        return _Plain()
    return _Gzip() if compression == "gzip" else _ArrowCodec(compression)


class _JSONLines:
    def __init__(self, compression: str | None, _schema: pa.Schema) -> None:
        self._compressor = _compressor(compression)

    def encode(self, batch: pa.RecordBatch) -> bytes:
        return self._compressor.compress(_text_of(batch.column(0)))

    def finish(self) -> bytes:
        return self._compressor.finish()


class _CSV:
    def __init__(self, compression: str | None, schema: pa.Schema) -> None:
        from pyarrow import csv  # noqa: PLC0415

        self._compressor = _compressor(compression)
        self._buffer = _Buffer()
        self._lists = [field.name for field in schema if pa.types.is_list(field.type)]
        flat = pa.schema([pa.field(f.name, pa.string()) if f.name in self._lists else f for f in schema])
        self._writer = csv.CSVWriter(pa.PythonFile(self._buffer, mode="w"), flat)
        self._schema = flat

    def encode(self, batch: pa.RecordBatch) -> bytes:
        from furze.kit import json  # noqa: PLC0415

        columns = [
            pa.array([None if value is None else json.dumps(value).decode() for value in column.to_pylist()])
            if name in self._lists
            else column
            for name, column in zip(batch.schema.names, batch.columns, strict=True)
        ]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        return self._compressor.compress(self._buffer.take())

    def finish(self) -> bytes:
        self._writer.close()
        return self._compressor.compress(self._buffer.take()) + self._compressor.finish()


def _text_of(lines: pa.Array) -> memoryview:
    """The characters of a text column one after another, without a copy: its lines carry their own line breaks."""
    if len(lines) == 0:
        return memoryview(b"")
    _, offsets, data = lines.buffers()
    width = 8 if pa.types.is_large_string(lines.type) or pa.types.is_large_binary(lines.type) else 4
    bounds = memoryview(offsets).cast("B").cast("q" if width == 8 else "i")
    return memoryview(data)[bounds[lines.offset] : bounds[lines.offset + len(lines)]]
