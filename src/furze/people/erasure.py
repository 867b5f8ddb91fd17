"""Erases what the event store holds of a project that is deleted: a job that may run any number of times."""

from functools import partial
from typing import Final

from sqlalchemy import Connection

from furze.jobs import JobContext, Retry
from furze.people.engine import People
from furze.platform.errors import TimedOut, Unavailable

_ERASE: Final = "people.erase_project"
_TABLES: Final = ("events", "person", "person_distinct_id", "groups")


def register(people: People) -> None:
    """Let the engine's jobs erase."""
    people.jobs.register(_ERASE, partial(_erase, people))


def enqueue(people: People, connection: Connection, project_id: int) -> None:
    """Have the project's rows in the event store erased once this transaction is committed."""
    people.jobs.enqueue(connection, _ERASE, {"project_id": project_id}, job_id=f"{_ERASE}/{project_id}")


async def _erase(people: People, context: JobContext) -> None:
    # A batch that was worked out while the project was there may be stored after it has gone. Later ones leave its
    # events out, so what lies in the queue now is all that has to be waited for.
    head = await people.queue.head()
    if head and not await people.queue.wait_until_consumed(head - 1, 10):
        raise Retry("events that came before the deletion are still on their way", after_seconds=1)
    try:
        for table in _TABLES:
            statement = f"DELETE FROM {table} WHERE team_id = {{team_id:Int64}}"
            await people.store.execute(statement, {"team_id": context.job.arguments["project_id"]})
    except (Unavailable, TimedOut) as error:
        raise Retry(error.detail) from error
