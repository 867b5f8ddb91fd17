"""All SQL about jobs."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    String,
    Table,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from furze.database import UTCDateTime, json_type, metadata
from furze.jobs.types import Job

jobs = Table(
    "job",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("arguments", json_type(), nullable=False),
    Column("group", String, nullable=False),
    Column("state", String, nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("run_at", UTCDateTime, nullable=False),
    Column("owner", String),
    Column("lease_until", UTCDateTime),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("error", String),
    Column("created_at", UTCDateTime, nullable=False),
    Column("finished_at", UTCDateTime),
    Index("ix_job_due", "state", "run_at"),
)

#: Any number; PostgreSQL workers take the lock it names while they claim, so that limits hold across processes.
_CLAIM_LOCK = 7_211_340
#: How many due jobs a claim looks at: those in front may all be held back by the limit of their group.
_LOOKED_AT = 2_000


def enqueue(
    connection: Connection,
    *,
    job_id: str,
    kind: str,
    arguments: dict[str, Any],
    now: datetime,
    group: str = "",
    run_at: datetime | None = None,
) -> bool:
    """Add a job in the caller's transaction. False when the id is known already: enqueueing twice is harmless."""
    if connection.execute(select(jobs.c.id).where(jobs.c.id == job_id)).first():
        return False
    job = Job(job_id, kind, arguments, group, "waiting", 0, run_at or now, now)
    connection.execute(insert(jobs).values(**asdict(job), cancel_requested=False))
    return True


def insert_taken(connection: Connection, job: Job, *, owner: str, until: datetime) -> None:
    """Add a new job that is its owner's from the start: one transaction instead of two before it runs."""
    lease = {"owner": owner, "lease_until": until}
    connection.execute(insert(jobs).values(**asdict(job), **lease, cancel_requested=False))


def claim(
    connection: Connection,
    *,
    room: Mapping[str, int],
    owner: str,
    now: datetime,
    lease: timedelta,
    group_limits: dict[str, int],
    held: Collection[str] = (),
) -> tuple[list[Job], bool]:
    """Take jobs that are due or whose owner stopped renewing its lease: of each kind as many as it has `room`.

    Group limits hold over all owners. Whether jobs are held back by a limit, and could run once another ends.

    Not those in `held`: the caller runs them already, however late it is to renew their leases.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_CLAIM_LOCK)))
    running = _running(connection, now)
    claimed = []
    left = {kind: places for kind, places in room.items() if places > 0}
    waits = len(left) < len(room)
    for row in connection.execute(_due(tuple(left), now).where(jobs.c.id.not_in(held)).limit(_LOOKED_AT)):
        limit = group_limits.get(row.kind)
        place = (row.kind, row.group)
        if left[row.kind] == 0 or (limit is not None and running.get(place, 0) >= limit):
            waits = True
            continue
        left[row.kind] -= 1
        running[place] = running.get(place, 0) + 1
        claimed.append(_take(connection, row, owner, now + lease))
    return claimed, waits


def renew(connection: Connection, *, owner: str, job_ids: Collection[str], until: datetime) -> dict[str, bool]:
    """Hold on to jobs; those still ours, each with whether it was asked to stop."""
    rows = connection.execute(
        update(jobs)
        .where(jobs.c.id.in_(job_ids), jobs.c.owner == owner, jobs.c.state == "running")
        .values(lease_until=until)
        .returning(jobs.c.id, jobs.c.cancel_requested)
    )
    return {row.id: row.cancel_requested for row in rows}


def finish(connection: Connection, job: Job, *, owner: str, state: str, error: str | None, now: datetime) -> bool:
    """Record how a job ended; False when another owner has taken it over meanwhile."""
    return _change_own(connection, job, owner, state=state, error=error, finished_at=now, owner=None)


def retry_later(connection: Connection, job: Job, *, owner: str, run_at: datetime, error: str) -> bool:
    """Put a job back to be tried again at `run_at`; False when another owner has taken it over meanwhile."""
    return _change_own(connection, job, owner, state="waiting", run_at=run_at, error=error, owner=None)


def request_cancel(connection: Connection, job_id: str, *, now: datetime) -> None:
    """Ask a job to stop: a waiting one never starts, a running one is told within its heartbeat."""
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state == "waiting")
        .values(state="cancelled", finished_at=now, cancel_requested=True)
    )
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(cancel_requested=True))


def release_leases(connection: Connection) -> None:
    """Let go of every lease: right only for a process that is alone on its database and has just started."""
    connection.execute(update(jobs).where(jobs.c.state == "running").values(lease_until=None))


def next_due(connection: Connection, kinds: Collection[str]) -> datetime | None:
    """When the next waiting job is due."""
    due: datetime | None = connection.execute(
        select(func.min(jobs.c.run_at)).where(jobs.c.state == "waiting", jobs.c.kind.in_(kinds))
    ).scalar_one()
    return due


def get_job(connection: Connection, job_id: str) -> Job | None:
    """A job by id."""
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
    return _job(row) if row else None


def forget_finished(connection: Connection, *, before: datetime) -> None:
    """Delete the record of jobs that finished before an instant; what they did is recorded where they did it."""
    connection.execute(delete(jobs).where(jobs.c.finished_at < before))


def _running(connection: Connection, now: datetime) -> dict[tuple[str, str], int]:
    rows = connection.execute(
        select(jobs.c.kind, jobs.c.group, func.count())
        .where(jobs.c.state == "running", jobs.c.lease_until > now)
        .group_by(jobs.c.kind, jobs.c.group)
    )
    return {(kind, group): count for kind, group, count in rows}


def _due(kinds: Collection[str], now: datetime) -> Any:
    waiting = and_(jobs.c.state == "waiting", jobs.c.run_at <= now)
    abandoned = and_(jobs.c.state == "running", or_(jobs.c.lease_until.is_(None), jobs.c.lease_until <= now))
    return select(jobs).where(jobs.c.kind.in_(kinds), or_(waiting, abandoned)).order_by(jobs.c.run_at, jobs.c.id)


def _take(connection: Connection, row: Row[Any], owner: str, until: datetime) -> Job:
    taken = connection.execute(
        update(jobs)
        .where(jobs.c.id == row.id)
        .values(state="running", owner=owner, lease_until=until, attempt=jobs.c.attempt + 1)
        .returning(*jobs.c)
    ).one()
    return _job(taken)


def _change_own(connection: Connection, job: Job, holder: str, **values: Any) -> bool:
    own = (jobs.c.id == job.id, jobs.c.owner == holder, jobs.c.state == "running")
    return connection.execute(update(jobs).where(*own).values(**values)).rowcount == 1


def _job(row: Row[Any]) -> Job:
    return Job(row.id, row.kind, row.arguments, row.group, row.state, row.attempt, row.run_at, row.created_at)
