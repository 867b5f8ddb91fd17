"""Jobs, as values."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

State = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of durable work. `group` is what its concurrency limit counts, a project for instance."""

    id: str
    kind: str
    arguments: dict[str, Any]
    group: str
    state: State
    attempt: int
    run_at: datetime
    created_at: datetime


class Retry(Exception):
    """Try the job again after `after_seconds`, or after the usual back-off. What went wrong may pass."""

    def __init__(self, reason: str, *, after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.after_seconds = after_seconds


class JobCancelled(Exception):
    """The job was asked to stop."""


@dataclass(frozen=True)
class JobContext:
    """What a running job knows of itself."""

    job: Job
    is_cancelled: Callable[[], bool]

    def raise_if_cancelled(self) -> None:
        """Raise `JobCancelled` once somebody has asked the job to stop: call it between steps."""
        if self.is_cancelled():
            raise JobCancelled(self.job.id)


#: Does the work of one kind of job. A crash makes it run again, so each of its effects is idempotent or recorded.
Handler = Callable[[JobContext], Awaitable[None]]
