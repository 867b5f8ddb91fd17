"""Reads a destination again and compares it, row by row, with what the completed runs have promised."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from furze.events.types import Limits
from furze.exports import integrations, run_store
from furze.exports.comparison import Comparison, Difference
from furze.exports.configuration import read_config, redacted, split
from furze.exports.datasets import Dataset
from furze.exports.destination import Config, Destination, Readable, Reject
from furze.exports.destinations import DESTINATIONS
from furze.exports.engine import Exports
from furze.exports.selection import SETTINGS, dataset_of, span_of
from furze.exports.types import OPEN, Export, Run, RunVerification, Verification
from furze.jobs import Retry
from furze.platform.errors import InvalidInput

_READ_SECONDS = 3600
_MOST_RUNS = 100_000
_TABLE = -1


@dataclass(frozen=True, slots=True)
class _Asked:
    """An export to verify: its destination with its inputs, and the runs whose rows should be there."""

    export: Export
    destination: Destination
    reader: Readable
    config: Config
    secrets: dict[str, Any]
    runs: Sequence[Run]
    #: Whether rows are told apart by their uuid; else they are only counted.
    by_uuid: bool


@dataclass
class _Counts:
    """What was counted on the way, by number of run."""

    promised: dict[int, int] = field(default_factory=dict)
    found: dict[int, int] = field(default_factory=dict)
    problems: dict[int, str] = field(default_factory=dict)


async def verify(engine: Exports, export: Export, *, start: datetime | None, end: datetime | None) -> Verification:
    """The differences of every completed run whose interval touches the range; raises `InvalidInput` if none can be."""
    asked = await _asked(engine, export, start, end)
    counts = _Counts()
    with TemporaryDirectory(prefix="furze-verify-") as folder, Comparison(Path(folder) / "rows.db") as comparison:
        for number, run in enumerate(asked.runs):
            await _read_source(engine, asked, number, run, comparison, counts)
        if asked.destination.is_keyed:
            await _read_table(asked, comparison, counts)
            await _excuse(engine, asked, comparison)
        else:
            for number, run in enumerate(asked.runs):
                await _read_files(asked, number, run, comparison, counts)
        is_whole = start is None and end is None
        return await asyncio.to_thread(_verdict, asked, comparison, counts, is_whole=is_whole)


async def _asked(engine: Exports, export: Export, start: datetime | None, end: datetime | None) -> _Asked:
    destination = DESTINATIONS[export.destination_type]
    if not isinstance(destination, Readable):
        raise InvalidInput(f"{destination.name} cannot be read back, so there is nothing to compare with.")
    by_uuid = export.model == "events" and _selects_uuid(export)
    if destination.is_keyed and not by_uuid:
        raise InvalidInput(
            "Only events with their uuid can be told apart in a table. Files can be verified for every model and query."
        )
    inputs = await engine.database.read(integrations.all_inputs, export, engine.secrets)
    _, secrets = split(destination.config, inputs)
    config = read_config(destination.config, inputs, known=frozenset(inputs))
    runs = [
        run
        for run in (await _latest(engine, export, ("Completed",))).values()
        if (start is None or run.window_end > start)
        and (end is None or run.window_start is None or run.window_start < end)
    ]
    return _Asked(export, destination, destination, config, secrets, runs, by_uuid)


async def _latest(engine: Exports, export: Export, statuses: tuple[str, ...]) -> dict[str, Run]:
    """The last run of each stem: it has replaced what the ones before it brought."""
    runs = await engine.database.read(
        run_store.list_runs, export.id, order="created_at", statuses=statuses, limit=_MOST_RUNS
    )
    return {run.stem: run for run in runs}


async def _read_source(
    engine: Exports, asked: _Asked, number: int, run: Run, comparison: Comparison, counts: _Counts
) -> None:
    if not asked.by_uuid:
        counts.promised[number] = run.records_completed or 0
        return
    dataset = await _dataset(engine, asked, run)
    place, total = _place(asked, number), 0
    async for column in _source_uuids(engine, asked, dataset):
        await asyncio.to_thread(comparison.add_promised, number, place, column.to_pylist())
        total += len(column)
    counts.promised[number] = total


async def _dataset(engine: Exports, asked: _Asked, run: Run) -> Dataset:
    read = engine.database.read
    entries = [] if run.is_resend else await read(run_store.entries_meeting, run.export_id, run.region)
    bounds = (run.window_start, run.window_end, run.region)
    span = span_of(*bounds, changed=run.region, owner=run.owner, entries=entries)
    return await dataset_of(engine, asked.export, asked.destination, asked.config, span)


async def _source_uuids(engine: Exports, asked: _Asked, dataset: Dataset) -> AsyncIterator[pa.Array]:
    sql = next(column.sql for column in dataset.columns if column.name == "uuid")
    batches = engine.store.stream_arrow(
        f"SELECT toString({sql}) AS uuid FROM {dataset.source}",
        dataset.parameters,
        team_id=asked.export.project_id,
        limits=Limits(seconds=_READ_SECONDS, memory_bytes=engine.limits.read_memory_bytes, result_rows=0),
        settings=SETTINGS,
    )
    async for batch in batches:
        yield batch.column(0)


async def _read_files(asked: _Asked, number: int, run: Run, comparison: Comparison, counts: _Counts) -> None:
    try:
        await _read_place(asked, number, run.files or (), comparison, counts)
    except (Reject, Retry) as error:
        counts.problems[number] = redacted(str(error), asked.secrets)


async def _read_table(asked: _Asked, comparison: Comparison, counts: _Counts) -> None:
    try:
        await _read_place(asked, _TABLE, (), comparison, counts)
    except (Reject, Retry) as error:
        raise InvalidInput(f"The destination cannot be read: {redacted(str(error), asked.secrets)}") from error


async def _read_place(asked: _Asked, place: int, files: Sequence[str], comparison: Comparison, counts: _Counts) -> None:
    counts.found[place] = 0
    columns = asked.reader.uuids(asked.config, files, asked.export.project_id)
    async with aclosing(columns):
        async for column in columns:
            counts.found[place] += len(column)
            if asked.by_uuid:
                await asyncio.to_thread(comparison.add_found, place, column.to_pylist())


async def _excuse(engine: Exports, asked: _Asked, comparison: Comparison) -> None:
    """Rows of runs that were open, or have been completed, while the table was read are no surplus."""
    known = {run.id for run in asked.runs}
    for run in (await _latest(engine, asked.export, ("Completed", *OPEN))).values():
        if run.id in known:
            continue
        dataset = await _dataset(engine, asked, run)
        async for column in _source_uuids(engine, asked, dataset):
            await asyncio.to_thread(comparison.add_excused, column.to_pylist())


def _verdict(asked: _Asked, comparison: Comparison, counts: _Counts, *, is_whole: bool) -> Verification:
    missing, extra, doubled = comparison.missing(), comparison.extra(), comparison.doubled()
    if not asked.by_uuid:
        missing, extra = _by_number(counts)
    if asked.destination.is_keyed and not is_whole:
        extra = {}  # rows of other intervals are there as well, rightly
    apart = [number for number, run in enumerate(asked.runs) if run.is_resend]
    spread = Difference() if asked.destination.is_keyed else comparison.spread(apart)
    everywhere = {**doubled, _TABLE: doubled.get(_TABLE, spread)}
    runs = [_run_verdict(asked, number, counts, missing, extra, doubled) for number in range(len(asked.runs))]
    sums = {"missing": _sum(missing), "extra": _sum(extra), "doubled": _sum(everywhere)}
    return Verification(
        matches=not any(sums.values()) and not counts.problems,
        rows_expected=sum(counts.promised.values()),
        rows_found=sum(counts.found.values()),
        examples={
            "missing": _examples(missing),
            "extra": _examples(extra),
            "doubled": _examples(everywhere),
        },
        runs=runs,
        **sums,
    )


def _run_verdict(
    asked: _Asked,
    number: int,
    counts: _Counts,
    missing: dict[int, Difference],
    extra: dict[int, Difference],
    doubled: dict[int, Difference],
) -> RunVerification:
    run, none = asked.runs[number], Difference()
    lost = missing.get(number, none).count
    in_table = asked.destination.is_keyed
    return RunVerification(
        run=run.id,
        data_interval_start=run.window_start,
        data_interval_end=run.window_end,
        rows_expected=counts.promised[number],
        rows_found=counts.promised[number] - lost if in_table else counts.found.get(number, 0),
        missing=lost,
        extra=extra.get(number, none).count,
        doubled=doubled.get(number, none).count,
        problem=counts.problems.get(number),
    )


def _by_number(counts: _Counts) -> tuple[dict[int, Difference], dict[int, Difference]]:
    """Rows without a uuid are compared by how many there are."""
    missing, extra = {}, {}
    for number, promised in counts.promised.items():
        found = counts.found.get(number, 0)
        missing[number] = Difference(max(0, promised - found))
        extra[number] = Difference(max(0, found - promised))
    return missing, extra


def _selects_uuid(export: Export) -> bool:
    fields = (export.query_schema or {}).get("fields", ())
    return not export.hogql_query or any(each["alias"] == "uuid" for each in fields)


def _place(asked: _Asked, number: int) -> int:
    return _TABLE if asked.destination.is_keyed else number


def _sum(differences: dict[int, Difference]) -> int:
    return sum(each.count for each in differences.values())


def _examples(differences: dict[int, Difference]) -> list[str]:
    return [uuid for each in differences.values() for uuid in each.examples][:10]
