"""What can go wrong between a question and the event store, by what the asker should do about it."""

from furze.platform.errors import FurzeError, InvalidInput, TimedOut, Unavailable


class QueryError(InvalidInput):
    """The event store cannot run this query as it is written."""

    code = "query_error"

    def __init__(self, detail: str, *, clickhouse_code: int = 0) -> None:
        self.clickhouse_code = clickhouse_code
        super().__init__(detail)


class QueryCancelled(QueryError):
    """The query was cancelled."""

    code = "query_cancelled"


class ResultTooLarge(QueryError):
    """The result has more rows than allowed. Add a LIMIT or narrow the query."""

    code = "result_too_large"


class QueryTimeout(TimedOut):
    """The query took too long. Narrow its date range or select fewer rows."""

    code = "query_timeout"


class QueryMemoryExceeded(InvalidInput):
    """The query needs more memory than it may use. Narrow its date range or group by fewer values."""

    code = "query_memory_exceeded"


class StoreUnavailable(Unavailable):
    """The event store does not answer right now. Try again."""

    code = "event_store_unavailable"


class StoreFailed(FurzeError):
    """The event store failed in a way that is not the query's fault. The server's log has the details."""

    code = "event_store_failed"


class QueueFull(Unavailable):
    """Too many events wait to be stored. Try again shortly."""

    code = "ingest_queue_full"


class QueueUnavailable(Unavailable):
    """Events cannot be written down right now (disk full, or the queue's database is away). Try again."""

    code = "ingest_queue_unavailable"


class StaleBatch(Exception):
    """The batch was completed already: by an earlier try of this consumer, or by another one."""
