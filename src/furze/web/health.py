"""How this server is: its version, who answers, how much waits, how much room is left."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from furze.events.clickhouse import ClickHouse
from furze.events.queue import IngestQueue
from furze.platform.auth import AnyCaller
from furze.platform.fields import Answer
from furze.platform.routing import Endpoints, provided

endpoints = Endpoints("instance")


@dataclass(frozen=True, slots=True)
class Instance:
    """What is known of the server from its start on. `model` is None when the built-in assistant answers."""

    version: str
    model: str | None
    data: Path
    database: str
    event_store: str
    captures_own_use: bool = True


class InstanceAnswer(Answer):
    """The server now. Sizes are in bytes; queued is what was accepted and is not yet in the event store.

    `memory_bytes` is the resident memory of the process and its children; None where the system does not tell.
    """

    version: str
    model: str | None
    database: str
    event_store: str
    event_store_health: str
    queued_events: int
    queued_bytes: int
    memory_bytes: int | None
    disk_free: int
    disk_total: int


@endpoints.get("/instance", scope="project:read", response=InstanceAnswer, in_project=False)
async def get_instance(
    caller: AnyCaller,  # noqa: ARG001 - asks for a key
    instance: Annotated[Instance, provided(Instance)],
    queue: Annotated[IngestQueue, provided(IngestQueue)],
    store: Annotated[ClickHouse, provided(ClickHouse)],
) -> InstanceAnswer:
    """How this server is."""
    backlog = await queue.backlog()
    disk = shutil.disk_usage(instance.data)
    return InstanceAnswer(
        version=instance.version,
        model=instance.model,
        database=instance.database,
        event_store=instance.event_store,
        event_store_health=await store.health(),
        queued_events=backlog.events,
        queued_bytes=backlog.payload_bytes,
        memory_bytes=_resident_bytes(),
        disk_free=disk.free,
        disk_total=disk.total,
    )


def _resident_bytes() -> int | None:
    """What this process and the engine that it started hold in memory, as Linux tells it."""
    try:
        tasks = Path("/proc/self/task").iterdir()
        children = [child for task in tasks for child in (task / "children").read_text().split()]
        return sum(_pages(process) for process in ("self", *children)) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def _pages(process: str) -> int:
    try:
        return int(Path("/proc", process, "statm").read_text().split()[1])
    except OSError:  # it has ended since
        return 0
