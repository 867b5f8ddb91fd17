"""A run's rows in a file of this machine, for destinations that take a whole file or read rows at their own pace."""

import tempfile
from pathlib import Path

import pyarrow as pa

from furze.exports import formats


class Spool:
    """Rows as they come, in one file. Its calls are work for a thread."""

    def __init__(self, file_format: formats.Format, compression: str | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="furze-export-")
        self.path = Path(self._folder.name) / formats.extension(file_format, compression)
        self._format, self._compression = file_format, compression
        self._file = self.path.open("wb")
        self._encoder: formats.Encoder | None = None
        self.rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Take some rows."""
        if self._encoder is None:
            self._encoder = formats.new_encoder(self._format, self._compression, batch.schema)
        self._file.write(self._encoder.encode(batch))
        self.rows += batch.num_rows

    def finish(self) -> int:
        """Complete the file; its size in bytes."""
        if self._encoder is not None:
            self._file.write(self._encoder.finish())
        self._file.close()
        return self.path.stat().st_size

    def reader(self) -> pa.RecordBatchReader:
        """The rows of a finished file in the format Arrow, without reading all of it."""
        return pa.ipc.open_stream(pa.memory_map(str(self.path)))

    def discard(self) -> None:
        """Delete the file."""
        self._file.close()
        self._folder.cleanup()
