"""What a destination is: it declares its inputs, its checks and what it can hold, and moves one batch.

Retries, windows, cancellation, checkpoints and reconciliation live once, in the run engine. To add a destination,
write one module in `destinations/` and name it in `destinations/__init__.py`.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

Kind = Literal["text", "json", "timestamp", "integer", "float", "boolean", "texts"]


class Reject(Exception):
    """The destination refuses, and would refuse again: the run fails at once, with this reason."""


class Config(BaseModel):
    """The inputs of a destination. A `SecretStr` is stored encrypted and never answered."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    exclude_events: list[str] = []
    include_events: list[str] = []


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset: its name, its SQL in the event store, and what kind of value it holds."""

    name: str
    sql: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one run delivers, as a destination sees it. `stem` names the run's interval and kind, the same every time.

    `is_repeat` tells that an earlier attempt may have left something behind, or that rows may be there already.
    """

    run_id: str
    project_id: int
    table: str
    stem: str
    start: datetime | None
    end: datetime
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    versions: tuple[str, ...]
    is_repeat: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the destination holds after a commit: rows and bytes, as it counts them itself, and its files if any."""

    rows: int
    bytes: int
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


class Sink(Protocol):
    """Takes the rows of one run. Nothing is visible to a reader of the destination before `commit`."""

    async def write(self, batch: pa.RecordBatch) -> None:
        """Take some rows."""
        ...

    async def commit(self) -> Receipt:
        """Make everything visible at once; doing it again after a crash changes nothing."""
        ...

    async def abort(self) -> None:
        """Leave nothing behind."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a test step went."""

    status: Literal["Passed", "Failed", "Skipped"]
    message: str | None = None


PASSED = Outcome("Passed")


def failed(message: str) -> Outcome:
    """A failed step, and what to do about it."""
    return Outcome("Failed", message)


@dataclass(frozen=True, slots=True)
class Check:
    """A test step: what it is called, what it tells, and the function that finds out.

    It may raise `Reject` or `furze.jobs.Retry`, as a run would: the step has failed for that reason.
    """

    name: str
    description: str
    run: Callable[[Any], Awaitable[Outcome]]


class Destination(Protocol):
    """One kind of destination."""

    name: ClassVar[str]
    config: ClassVar[type[Config]]
    #: Whether a row is found again by its key, as in a table; files are not.
    is_keyed: ClassVar[bool]
    #: Which columns events have there: the ones PostHog writes to files, or to tables.
    layout: ClassVar[Literal["file", "table"]]
    #: Which models it can hold; none means every one.
    models: ClassVar[tuple[str, ...]]
    checks: ClassVar[Sequence[Check]]

    def rendering(self, config: Any) -> Literal["columns", "lines"]:
        """Whether the sink wants typed columns, or each row as one line of JSON."""
        ...

    async def open(self, config: Any, delivery: Delivery) -> Sink:
        """A sink for one run. Raises `Reject` or `furze.jobs.Retry`; imports its SDK here, not sooner."""
        ...


@runtime_checkable
class Readable(Protocol):
    """A destination that can be read back, to find out whether it holds what it should."""

    def uuids(self, config: Any, files: Sequence[str], project_id: int) -> AsyncGenerator[pa.Array, None]:
        """The uuid of every row, as text, null for rows without: of some files, or of a project's rows in the table.

        Raises `Reject` or `furze.jobs.Retry`.
        """
        ...
