"""What the slice stands on, in one value that the composition root makes."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from furze.database import Database
from furze.events.clickhouse import ClickHouse
from furze.events.queue import IngestQueue
from furze.exports.addresses import ANYWHERE, Reach
from furze.jobs import Jobs
from furze.kit.clock import Clock
from furze.platform.secrets import SecretBox

RUN, BACKFILL, NOTICE, WEBHOOK = "export_run", "export_backfill", "export_notice", "export_webhook"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a project should know. `uuid` is the same however often it is told."""

    project_id: int
    event: str
    uuid: UUID
    timestamp: datetime
    properties: Mapping[str, Any]


#: Tells the project about something; may be called again with the same notice.
Notify = Callable[[Notice], Awaitable[None]]


async def _tell_nobody(_notice: Notice) -> None:
    """Until somebody wants to know."""


@dataclass(frozen=True, slots=True)
class ExportLimits:
    """How much exports may do at once."""

    runs_per_project: int = 8
    runs_per_backfill: int = 2
    backfills_per_project: int = 5
    downloads_per_project: int = 5
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
    webhook_url: str | None = None
    reach: Reach = ANYWHERE
    #: Where files to be fetched wait, a folder for each download.
    downloads: Path = Path("downloads")
