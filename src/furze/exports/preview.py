"""What an export would bring, before there is one: how many rows, and the first of them."""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from furze.events.types import Limits
from furze.exports import integrations
from furze.exports.configuration import read_config
from furze.exports.datasets import CHECKSUM, Dataset
from furze.exports.destinations import DESTINATIONS
from furze.exports.engine import Exports
from furze.exports.ledger import Region
from furze.exports.selection import SETTINGS, Span, dataset_of, positions_between
from furze.exports.types import Export, PreviewAnswer, PreviewBody
from furze.exports.validation import created_values
from furze.platform.errors import InvalidInput

_ROWS = 20
_DEFAULT_SPAN = timedelta(days=7)


async def count_rows(engine: Exports, body: PreviewBody, *, project_id: int) -> int:
    """How many rows the range holds."""
    dataset = await _dataset(engine, body, project_id)
    result = await engine.store.query(dataset.count_sql(), dataset.parameters, team_id=project_id, settings=SETTINGS)
    count = result.rows[0][0]
    assert isinstance(count, int)  # noqa: S101 - a UInt64
    return count


async def preview(engine: Exports, body: PreviewBody, *, project_id: int) -> PreviewAnswer:
    """How many rows the range holds, and the first of them."""
    dataset = await _dataset(engine, body, project_id)
    result = await engine.store.query(
        f"{dataset.columns_sql()} LIMIT {_ROWS}",
        dataset.parameters,
        team_id=project_id,
        settings=SETTINGS,
        limits=Limits(result_rows=0),
    )
    columns = [name for name in result.columns if name != CHECKSUM]
    rows = [dict(zip(columns, row[: len(columns)], strict=True)) for row in result.rows]
    count = await count_rows(engine, body, project_id=project_id)
    return PreviewAnswer(count=count, columns=columns, rows=rows)


async def _dataset(engine: Exports, body: PreviewBody, project_id: int) -> Dataset:
    end = body.data_interval_end or engine.clock.now()
    start = body.data_interval_start or end - _DEFAULT_SPAN
    if start >= end:
        raise InvalidInput("'data_interval_end' must occur after 'data_interval_start'", attr="data_interval_end")
    integration = await engine.database.read(integrations.asked_for, project_id, body.destination, None)
    values = created_values(body, engine.secrets, project_id=project_id, integration=integration)
    destination = DESTINATIONS[body.destination.type]
    inputs = integrations.joined(integration, body.destination.config, engine.secrets)
    config = read_config(destination.config, inputs)
    region = Region(0, await engine.queue.head(), start, end)
    changed = await positions_between(engine, start, end, region.to_position)
    return await dataset_of(
        engine,
        _imagined(values, project_id, start),
        destination,
        config,
        Span(start, end, region, region.sql(), changed),
    )


def _imagined(values: dict[str, Any], project_id: int, now: datetime) -> Export:
    """An export that is never stored."""
    made = {"id": UUID(int=0), "project_id": project_id, "deleted": False, "next_start": now, "created_at": now}
    unset = {each.name: None for each in fields(Export)}
    return Export(**unset | {"query_schema": None, "last_updated_at": now} | values | made)
