"""What a query request says, what the engine gives back, and the state of a query that runs in the background."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from furze.kit.clock import wire_time
from furze.platform.fields import Body

#: The wire form of one query, of any kind, and of its answer.
QueryMapping = dict[str, Any]
Answer = dict[str, Any]

Refresh = Literal[
    "blocking",
    "async",
    "lazy_async",
    "async_except_on_cache_miss",
    "force_blocking",
    "force_async",
    "force_cache",
]

DEFAULT_ROWS = 100
MAX_ROWS = 50_000


class QueryRequest(Body):
    """The body of `POST query/`."""

    query: QueryMapping
    refresh: Refresh | bool | None = None
    client_query_id: str | None = None
    filters_override: QueryMapping | None = None
    variables_override: QueryMapping | None = None
    name: str | None = None
    is_async: bool = Field(default=False, alias="async")


@dataclass(frozen=True, slots=True)
class Rows:
    """What the engine answered: column names, their ClickHouse types, rows, and the query as HogQL and as SQL."""

    columns: Sequence[str]
    types: Sequence[str]
    rows: Sequence[Sequence[Any]]
    hogql: str
    sql: str

    def records(self) -> list[dict[str, Any]]:
        """The rows by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """How much one query may use: seconds, bytes of memory."""

    seconds: float = 60
    memory_bytes: int = 4_000_000_000


@dataclass(slots=True)
class QueryStatus:
    """A query that runs, or ran, in the background."""

    id: str
    project_id: int
    start_time: datetime
    complete: bool = False
    error: bool = False
    error_message: str | None = None
    error_status: int = 200
    results: Answer | None = None
    end_time: datetime | None = None
    expiration_time: datetime | None = None
    labels: list[str] = field(default_factory=list)

    def wire(self) -> Answer:
        """The status as PostHog's clients read it."""
        return {
            "id": self.id,
            "team_id": self.project_id,
            "query_async": True,
            "complete": self.complete,
            "error": self.error,
            "error_message": self.error_message,
            "results": self.results,
            "start_time": wire_time(self.start_time),
            "pickup_time": wire_time(self.start_time),
            "end_time": wire_time(self.end_time) if self.end_time else None,
            "expiration_time": wire_time(self.expiration_time) if self.expiration_time else None,
            "task_id": self.id,
            "query_progress": None,
            "insight_id": None,
            "dashboard_id": None,
            "labels": self.labels,
        }
