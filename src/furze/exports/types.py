"""Batch exports, their runs and their backfills, as values and on the wire."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from furze.exports.ledger import Region
from furze.platform.fields import Answer, Body, RequiredText, Text, WireTime

Interval = Literal["hour", "day", "week", "every 5 minutes", "every 15 minutes"]
Model = Literal["events", "persons", "sessions", "hogql"]

RunStatus = Literal[
    "Starting",
    "Running",
    "Completed",
    "Failed",
    "FailedRetryable",
    "FailedBilling",
    "Cancelled",
    "TimedOut",
    "Terminated",
    "ContinuedAsNew",
]
#: The statuses in which a run or a backfill still has work to do.
OPEN: tuple[str, ...] = ("Starting", "Running")

DAY_SECONDS = 86_400
_LENGTHS: dict[str, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "every 5 minutes": timedelta(minutes=5),
    "every 15 minutes": timedelta(minutes=15),
}


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time: `start` is in it, `end` is not. No start means from the beginning of time."""

    start: datetime | None
    end: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """How time is cut. `offset_seconds` moves the boundary of a day from midnight, of a week from Sunday midnight."""

    interval: Interval
    timezone: str = "UTC"
    offset_seconds: int = 0

    @property
    def is_calendar(self) -> bool:
        """Whether boundaries follow local dates rather than a fixed period."""
        return self.interval in ("day", "week")

    @property
    def weekday(self) -> int:
        """The day on which a week begins, 0 for Sunday."""
        return self.offset_seconds // DAY_SECONDS

    @property
    def length(self) -> timedelta:
        """How long a window is, as the clock on the wall counts it."""
        return _LENGTHS[self.interval]


@dataclass(frozen=True, slots=True)
class Export:
    """A batch export. `config` holds no secret; those are in `secrets`, encrypted.

    `next_start` and `due_at` are the bounds of the window that comes next, `position` the ingest position at which
    it begins; `due_at` is None when nothing is to come.
    """

    id: UUID
    project_id: int
    name: str
    model: Model
    destination_type: str
    config: dict[str, Any]
    secrets: str | None
    integration_id: int | None
    interval: Interval
    timezone: str
    interval_offset: int | None
    paused: bool
    deleted: bool
    last_paused_at: datetime | None
    start_at: datetime | None
    end_at: datetime | None
    hogql_query: str | None
    query_schema: dict[str, Any] | None
    filters: list[Any] | None
    hogql_modifiers: dict[str, Any] | None
    primary_key: list[str] | None
    version_key: str | None
    incremental_mode: str | None
    created_by_id: int | None
    created_at: datetime
    last_updated_at: datetime
    next_start: datetime
    due_at: datetime | None
    position: int | None

    @property
    def schedule(self) -> Schedule:
        """How its time is cut."""
        return Schedule(self.interval, self.timezone, self.interval_offset or 0)

    @property
    def offset_day(self) -> int | None:
        """The weekday on which a weekly export begins, 0 for Sunday."""
        return (self.interval_offset or 0) // 86_400 if self.interval == "week" else None

    @property
    def offset_hour(self) -> int | None:
        """The local hour at which a daily or weekly export begins."""
        return (self.interval_offset or 0) % 86_400 // 3600 if self.interval in ("day", "week") else None


@dataclass(frozen=True, slots=True)
class Integration:
    """A connection that exports share. `config` holds no secret; those are in `secrets`, encrypted."""

    id: int
    project_id: int
    kind: str
    display_name: str
    config: dict[str, Any]
    secrets: str | None
    created_by_id: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """One run: a window, the rows that go with it, and how it went.

    `stem` names the interval and the kind of run: runs with the same stem fill the same files. Live runs select by
    position alone, backfills (`by_time`) by the window's timestamps up to `to_position`.
    """

    id: UUID
    export_id: UUID
    project_id: int
    backfill_id: UUID | None
    job_id: str
    status: RunStatus
    window_start: datetime | None
    window_end: datetime
    from_position: int
    to_position: int
    by_time: bool
    stem: str
    owner: str
    is_repeat: bool
    is_resend: bool
    attempt: int
    claimed_at: datetime | None
    commit_started_at: datetime | None
    records_completed: int | None
    records_total_count: int | None
    records_failed: int
    bytes_exported: int | None
    latest_error: str | None
    files: list[str] | None
    reconciliation: dict[str, Any] | None
    created_at: datetime
    last_updated_at: datetime
    finished_at: datetime | None

    @property
    def region(self) -> Region:
        """The rows it covers."""
        if not self.by_time:
            return Region(self.from_position, self.to_position)
        return Region(0, self.to_position, self.window_start, self.window_end)


@dataclass(frozen=True, slots=True)
class Backfill:
    """A range of time to export again, cut into runs of which some go on side by side."""

    id: UUID
    export_id: UUID
    project_id: int
    start_at: datetime | None
    end_at: datetime | None
    status: RunStatus
    is_retry: bool
    is_resend: bool
    position: int
    next_start: datetime | None
    adjusted_start_at: datetime | None
    total_records_count: int | None
    total_runs: int
    finished_runs: int
    created_at: datetime
    last_updated_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of an export's log."""

    log_source_id: str
    instance_id: str
    timestamp: datetime
    level: str
    message: str


_ZONES = available_timezones()


def _known_zone(value: object) -> object:
    if value is None:
        return "UTC"
    if value not in _ZONES:
        raise PydanticCustomError("invalid_choice", '"{value}" is not a valid choice.', {"value": str(value)})
    return value


def _aware(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


Zone = Annotated[str, BeforeValidator(_known_zone)]
Moment = Annotated[datetime, AfterValidator(_aware)]
OffsetDay = Annotated[int, Field(ge=0, le=6)]
OffsetHour = Annotated[int, Field(ge=0, le=23)]


class DestinationBody(Body):
    """Where an export goes: a type, its inputs, and optionally the id of an integration."""

    type: Text
    config: dict[str, Any] = {}
    integration: int | None = None
    integration_id: int | None = None


class ExportBody(Body):
    """What POST and PUT take."""

    name: RequiredText
    model: Model = "events"
    destination: DestinationBody
    interval: Interval
    paused: bool = False
    last_paused_at: Moment | None = None
    start_at: Moment | None = None
    end_at: Moment | None = None
    hogql_query: Text | None = None
    filters: Any = None
    timezone: Zone = "UTC"
    offset_day: OffsetDay | None = None
    offset_hour: OffsetHour | None = None
    hogql_modifiers: dict[str, Any] | None = None
    primary_key: list[str] | None = None
    version_key: str | None = None
    incremental_mode: Literal["APPEND", "MERGE"] | None = None


class ExportChanges(ExportBody):
    """What PATCH takes: only the keys sent are touched."""

    name: RequiredText = "-"
    destination: DestinationBody = DestinationBody(type="")
    interval: Interval = "hour"


class TestStepChanges(ExportChanges):
    """What a test step of a stored export takes."""

    step: int = 0


class PreviewBody(ExportBody):
    """What a count or a preview takes: an export as it would be created, and a range (the last week if none)."""

    name: RequiredText = "-"
    interval: Interval = "hour"
    destination: DestinationBody = DestinationBody(type="NoOp")
    data_interval_start: Moment | None = None
    data_interval_end: Moment | None = None


class TestStepBody(ExportBody):
    """What a test step of an export that is not stored yet takes."""

    step: int = 0


class UnpauseBody(Body):
    """What unpause takes."""

    backfill: bool = False


class BackfillBody(Body):
    """What a new backfill takes. `resend` asks for rows again that live runs have delivered."""

    start_at: str | None = None
    end_at: str | None = None
    resend: bool = False


class DestinationAnswer(Answer):
    """Where an export goes, without secrets."""

    type: str
    config: dict[str, Any]
    integration: int | None = None


class RunAnswer(Answer):
    """A run on the wire."""

    id: UUID
    status: RunStatus
    records_completed: int | None
    records_failed: int | None
    latest_error: str | None
    data_interval_start: WireTime | None
    data_interval_end: WireTime
    cursor: str | None = None
    created_at: WireTime
    finished_at: WireTime | None
    last_updated_at: WireTime
    records_total_count: int | None
    bytes_exported: int | None
    batch_export: UUID
    batch_export_on_demand: UUID | None = None
    backfill: UUID | None
    attempt: int
    files: list[str] | None
    reconciliation: dict[str, Any] | None


class ExportAnswer(Answer):
    """An export on the wire."""

    id: UUID
    team_id: int
    name: str
    model: Model
    destination: DestinationAnswer
    interval: Interval
    paused: bool
    created_at: WireTime
    last_updated_at: WireTime
    last_paused_at: WireTime | None
    start_at: WireTime | None
    end_at: WireTime | None
    latest_runs: list[RunAnswer]
    hogql_query: str | None
    schema_: Annotated[dict[str, Any] | None, Field(serialization_alias="schema", validation_alias="schema")]
    filters: list[Any] | None
    timezone: str
    offset_day: int | None
    offset_hour: int | None
    hogql_modifiers: dict[str, Any] | None
    primary_key: list[str] | None
    version_key: str | None
    incremental_mode: str | None


class ProgressAnswer(Answer):
    """How far a backfill is."""

    total_runs: int | None
    finished_runs: int | None
    progress: float | None


class BackfillAnswer(Answer):
    """A backfill on the wire."""

    id: UUID
    team: int
    batch_export: UUID
    start_at: WireTime | None
    end_at: WireTime | None
    status: RunStatus
    created_at: WireTime
    finished_at: WireTime | None
    last_updated_at: WireTime
    total_records_count: int | None
    adjusted_start_at: WireTime | None
    progress: ProgressAnswer | None


class BackfillCreated(Answer):
    """The id of a new backfill."""

    backfill_id: str


class CountAnswer(Answer):
    """How many rows there are."""

    count: int


class PreviewAnswer(CountAnswer):
    """How many rows there are, and the first of them."""

    columns: list[str]
    rows: list[dict[str, Any]]


class RunVerification(Answer):
    """What the destination holds of one interval; `problem` says why it could not be read."""

    run: UUID
    data_interval_start: WireTime | None
    data_interval_end: WireTime
    rows_expected: int
    rows_found: int
    missing: int
    extra: int
    doubled: int
    problem: str | None = None


class Verification(Answer):
    """What the destination holds, read again, against what the completed runs promised; examples are uuids."""

    matches: bool
    rows_expected: int
    rows_found: int
    missing: int
    extra: int
    doubled: int
    examples: dict[str, list[str]]
    runs: list[RunVerification]


class PausedAnswer(Answer):
    """Whether the export is paused now."""

    paused: bool


class CancelledAnswer(Answer):
    """Whether it was cancelled."""

    cancelled: bool


class LogAnswer(Answer):
    """A log line on the wire."""

    log_source_id: str
    instance_id: str
    timestamp: WireTime
    level: str
    message: str


class StepResult(Answer):
    """How a test step went."""

    status: Literal["Passed", "Failed", "Skipped"]
    message: str | None = None


class StepAnswer(Answer):
    """A test step, with its result once it has run."""

    name: str
    description: str
    result: StepResult | None = None


class DestinationKind(Answer):
    """A type of destination: its inputs as a JSON schema, its test steps; no `models` means every one."""

    type: str
    description: str
    models: list[str]
    inputs: dict[str, Any]
    steps: list[StepAnswer]
