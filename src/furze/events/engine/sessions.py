"""The engine's library: opening a store, and one fresh handle per request.

A handle costs a tenth of a millisecond, so none is kept: settings, the current database and an open stream end
with the request that made them.
"""

import ctypes
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_MADV_DONTNEED = 4

# The library imports these if they are there; nothing in the child uses them and they cost 30 MB.
for _unused in ("pyarrow", "numpy", "pandas"):
    sys.modules.setdefault(_unused, None)  # type: ignore[arg-type]

from chdb import _chdb as _untyped  # noqa: E402

_chdb: Any = _untyped


class Store:
    """An open store directory. The process holds at most one."""

    def __init__(self, path: Path, *, memory_bytes: int) -> None:
        options = f"mark_cache_size={64 << 20}&max_server_memory_usage={memory_bytes}"
        self._location = f"{path}?{options}"
        self._anchor = _chdb.connect(self._location)  # the engine shuts down with its last handle
        # With the library's own handlers a crash leaves a process that accepts connections and never answers.
        _chdb.reset_signal_handlers()
        self._anchor.query("CREATE DATABASE IF NOT EXISTS furze ENGINE = Atomic")
        _release_code_pages()

    @contextmanager
    def handle(self) -> Iterator[Any]:
        """A handle with default settings, for one request."""
        handle = _chdb.connect(self._location)
        try:
            yield handle
        finally:
            handle.close()

    def broken_parts(self) -> int:
        """How many data parts the engine could not read and has set aside."""
        result = self._anchor.query("SELECT count() FROM system.detached_parts WHERE reason LIKE 'broken%'", "TSV")
        return int(result.bytes())

    def close(self) -> None:
        """Flush and let go of the directory."""
        self._anchor.close()


def _release_code_pages() -> None:
    """Hand back the library's pages that only its start needed: 60 MB of resident memory.

    Only executable file mappings: they are never written, so a page that is needed again is read again.
    """
    madvise = ctypes.CDLL(None).madvise
    for line in Path("/proc/self/maps").read_text().splitlines() if Path("/proc/self/maps").exists() else ():
        mapping = re.match(r"([0-9a-f]+)-([0-9a-f]+) r-xp .*_chdb", line)
        if mapping:
            start, end = (int(address, 16) for address in mapping.groups())
            madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)
