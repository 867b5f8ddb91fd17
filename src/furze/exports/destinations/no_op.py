"""NoOp: takes every row and keeps none; for trying out a schedule, a query or a filter."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import pyarrow as pa

from furze.exports.destination import PASSED, Check, Config, Delivery, Outcome, Receipt, Sink


class NoOpConfig(Config):
    """The inputs of a NoOp destination."""

    arg: str = ""


async def _always(_config: NoOpConfig) -> Outcome:
    return PASSED


class NoOp:
    """Counts rows."""

    name: ClassVar[str] = "NoOp"
    config: ClassVar[type[Config]] = NoOpConfig
    is_keyed: ClassVar[bool] = True
    layout: ClassVar[Literal["file", "table"]] = "file"
    models: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[Sequence[Check]] = (Check("Nothing to check", "This destination keeps nothing.", _always),)

    def rendering(self, config: NoOpConfig) -> Literal["columns", "lines"]:  # noqa: ARG002
        """Columns."""
        return "columns"

    async def open(self, config: NoOpConfig, delivery: Delivery) -> Sink:  # noqa: ARG002
        """A sink that counts."""
        return _Counter()


class _Counter:
    def __init__(self) -> None:
        self._rows = self._bytes = 0

    async def write(self, batch: pa.RecordBatch) -> None:
        self._rows += batch.num_rows
        self._bytes += batch.nbytes

    async def commit(self) -> Receipt:
        return Receipt(self._rows, self._bytes)

    async def abort(self) -> None:
        """Nothing was kept."""
