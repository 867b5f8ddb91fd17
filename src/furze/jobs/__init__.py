"""Durable work: enqueued in the caller's transaction, run by whoever holds its lease, resumed after a crash."""

from furze.jobs.runner import Jobs
from furze.jobs.types import Handler, Job, JobCancelled, JobContext, Retry

__all__ = ["Handler", "Job", "JobCancelled", "JobContext", "Jobs", "Retry"]
