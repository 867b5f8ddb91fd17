"""What the slice stands on, in one value that the composition root makes."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from furze.database import Database
from furze.events.clickhouse import ClickHouse
from furze.events.queue import IngestQueue
from furze.jobs import Jobs
from furze.kit.clock import Clock
from furze.platform.secrets import SecretBox

#: Tells the project about something: project id, event name, properties.
Notify = Callable[[int, str, Mapping[str, Any]], Awaitable[None]]

RUN, BACKFILL = "export_run", "export_backfill"


async def _tell_nobody(_project_id: int, _event: str, _properties: Mapping[str, Any]) -> None:
    """Until somebody wants to know."""


@dataclass(frozen=True, slots=True)
class ExportLimits:
    """How much exports may do at once."""

    runs_per_project: int = 8
    runs_per_backfill: int = 2
    backfills_per_project: int = 5
    read_memory_bytes: int = 2 << 30


@dataclass(frozen=True, slots=True)
class Exports:
    """The engines that exports use."""

    database: Database
    store: ClickHouse
    queue: IngestQueue
    jobs: Jobs
    clock: Clock
    secrets: SecretBox
    limits: ExportLimits = ExportLimits()
    notify: Notify = _tell_nobody
