"""Which rows of which model a run reads, in the columns its destination wants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from furze.exports import datasets, questions
from furze.exports.datasets import Dataset
from furze.exports.destination import Config, Destination
from furze.exports.engine import Exports
from furze.exports.ledger import Entry, Region, rows_to_carry
from furze.exports.types import Export
from furze.hogql.compile import Compiled
from furze.platform.store import get_project

#: Settings under which every statement of an export runs.
SETTINGS: Mapping[str, object] = {
    # `toString(uuid) AS uuid` must not change what `uuid` means in the rest of the statement.
    "prefer_column_name_to_alias": 1,
    "do_not_merge_across_partitions_select_final": 1,
}


@dataclass(frozen=True, slots=True)
class Span:
    """What a run covers: its window, the condition on events, and the positions at which persons have changed."""

    start: datetime | None
    end: datetime
    region: Region
    rows: str
    changed: Region


def span_of(
    start: datetime | None,
    end: datetime,
    region: Region,
    *,
    changed: Region,
    owner: str = "",
    entries: Sequence[Entry] = (),
) -> Span:
    """A span without the rows that other deliveries of the same export brought."""
    return Span(start, end, region, rows_to_carry(region, owner, entries), changed)


async def positions_between(engine: Exports, start: datetime | None, end: datetime, head: int) -> Region:
    """The positions below `head` that were given from `start` to `end`, in whole minutes that hold them both."""
    now = engine.clock.now()
    first = await engine.queue.position_at(_whole_minute(min(start, now))) if start else 0
    after = _whole_minute(end + timedelta(minutes=1) - timedelta(microseconds=1))
    last = min(await engine.queue.position_at(after), head) if after <= now else head
    return Region(first, last)


def _whole_minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


async def dataset_of(engine: Exports, export: Export, destination: Destination, config: Config, span: Span) -> Dataset:
    """The rows of a span."""
    project_id, layout = export.project_id, destination.layout
    if export.model == "persons":
        return datasets.persons(project_id=project_id, region=span.changed, layout=layout)
    if export.model == "sessions":
        return datasets.sessions(project_id=project_id, region=span.region, layout=layout)
    project = await engine.database.read(get_project, project_id)
    timezone = project.timezone if project else "UTC"
    if export.model == "hogql":
        return await _any_query(engine, export, timezone, span)
    filters = questions.condition(export.filters or (), project_id=project_id, timezone=timezone)
    narrowed = datasets.narrowed(span.rows, include=config.include_events, exclude=config.exclude_events)
    if export.hogql_query:
        return await _events_query(engine, export, timezone, narrowed)
    return datasets.events(
        project_id=project_id, rows=f"{narrowed} AND {filters.sql}", layout=layout, parameters=filters.parameters
    )


async def _events_query(engine: Exports, export: Export, timezone: str, rows: str) -> Dataset:
    query = export.hogql_query or ""
    compiled = questions.events_query(query, project_id=export.project_id, timezone=timezone, rows=rows)
    types = await _types(engine, export, compiled)
    key = ("uuid",) if "uuid" in compiled.columns else ()
    return questions.described(compiled, types, key=key, version=None)


async def _any_query(engine: Exports, export: Export, timezone: str, span: Span) -> Dataset:
    query = export.hogql_query or ""
    compiled = questions.any_query(
        query, project_id=export.project_id, timezone=timezone, start=span.start, end=span.end
    )
    key = tuple(export.primary_key or ()) if export.incremental_mode == "MERGE" else ()
    types = await _types(engine, export, compiled)
    return questions.described(compiled, types, key=key, version=export.version_key)


async def _types(engine: Exports, export: Export, compiled: Compiled) -> dict[str, str]:
    result = await engine.store.query(
        questions.describe_sql(compiled), compiled.parameters, team_id=export.project_id, settings=SETTINGS
    )
    return dict(zip(result.columns, result.types, strict=True))
