"""HogQL in exports: property filters, queries over events, and any query as a dataset."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from furze.events.schema import DATABASE
from furze.exports.datasets import Dataset
from furze.exports.destination import Column, Kind
from furze.hogql import ast
from furze.hogql.compile import Compiled, compile_query
from furze.hogql.errors import HogQLError
from furze.hogql.filters import HogQLFilters, parse_filter
from furze.hogql.parser import parse_select
from furze.platform.errors import InvalidInput

_NO_LIMIT = 1 << 60
_CONDITION = " AS `events` WHERE "
_TAIL = f" LIMIT 0, {_NO_LIMIT}"
_SELECTS = ast.SelectQuery | ast.SelectSetQuery
_EVENTS_ALONE = re.compile(r"FROM furze\.events AS t WHERE t\.team_id = \d+\) AS `events`")

#: What a query over events may read.
EVENT_FIELDS = (
    *("created_at", "distinct_id", "elements_chain", "event", "person_id", "person_properties", "properties"),
    *("team_id", "timestamp", "uuid"),
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on rows of `events`, as SQL with its parameters."""

    sql: str
    parameters: dict[str, object]


def condition(filters: Sequence[Mapping[str, Any]], *, project_id: int, timezone: str) -> Condition:
    """The filters, all of which must hold. Raises `InvalidInput` for what cannot be asked of an event alone."""
    if not filters:
        return Condition("1", {})
    try:
        parsed = HogQLFilters(properties=tuple(parse_filter(each) for each in filters))
        compiled = _compiled("SELECT uuid FROM events WHERE {filters}", project_id, timezone, filters=parsed)
    except HogQLError as error:
        raise InvalidInput(f"Invalid filter: {error}", attr="filters") from error
    head, found, tail = compiled.sql.partition(_CONDITION)
    if not found or not _EVENTS_ALONE.search(head + " AS `events`") or not tail.endswith(_TAIL):
        raise InvalidInput("These filters need more than the event itself, which an export cannot read", attr="filters")
    return Condition(tail.removesuffix(_TAIL), compiled.parameters)


def checked_events_query(query: str, *, project_id: int) -> dict[str, Any]:
    """A query over events as PostHog's `schema` of it; raises `InvalidInput` for what such a query may not be."""
    statement = _parsed(query)
    fault = _fault_of_events_query(statement)
    if fault:
        raise InvalidInput(fault, attr="hogql_query")
    try:
        compiled = _compiled(query, project_id, "UTC")
    except HogQLError as error:
        raise InvalidInput(f"Invalid HogQL query: {error}", attr="hogql_query") from error
    fields = [{"expression": name, "alias": name} for name in compiled.columns]
    hogql = " ".join(compiled.hogql.removesuffix(f" LIMIT {_NO_LIMIT}").split())
    return {"fields": fields, "values": compiled.parameters, "hogql_query": hogql}


def check_query(query: str, *, project_id: int, primary_key: Sequence[str]) -> str:
    """The query of a `hogql` export on one line; raises `InvalidInput`."""
    _parsed(query)
    moment = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    values = {"data_interval_start": moment, "data_interval_end": moment}
    try:
        compiled = _compiled(query, project_id, "UTC", values=values)
    except HogQLError as error:
        raise InvalidInput(f"Invalid HogQL query: {error}", attr="hogql_query") from error
    missing = [name for name in primary_key if name not in compiled.columns]
    if missing:
        raise InvalidInput(
            f"'primary_key' names {missing[0]!r}, which is not a column of the query", attr="primary_key"
        )
    return " ".join(query.split())


def events_query(query: str, *, project_id: int, timezone: str, rows: str) -> Compiled:
    """A query over events that reads only the events for which `rows` holds."""
    compiled = _compiled(query, project_id, timezone)
    narrowed = _EVENTS_ALONE.sub(
        lambda _: f"FROM {DATABASE}.events AS t FINAL WHERE t.team_id = {project_id} AND {rows}) AS `events`",
        compiled.sql,
    )
    return Compiled(narrowed, compiled.parameters, compiled.hogql, compiled.columns, 0, 0, compiled.tables)


def any_query(query: str, *, project_id: int, timezone: str, start: datetime | None, end: datetime) -> Compiled:
    """A query with its run's bounds."""
    start = start or datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    values = {"data_interval_start": start, "data_interval_end": end}
    return _compiled(query, project_id, timezone, values=values)


def described(compiled: Compiled, types: Mapping[str, str], *, key: tuple[str, ...], version: str | None) -> Dataset:
    """A query's result as a dataset. `types` are the store's own for each column."""
    columns = tuple(_column(name, types[name]) for name in compiled.columns)
    return Dataset(
        columns=columns,
        source=f"({compiled.sql.removesuffix(_TAIL)})",
        checksum="toUInt64(1)",
        key=key,
        versions=(version,) if version and key else (),
        parameters=compiled.parameters,
    )


def describe_sql(compiled: Compiled) -> str:
    """The statement that tells the types of a query's columns."""
    return f"SELECT * FROM ({compiled.sql.removesuffix(_TAIL)}) LIMIT 0"


def _column(name: str, type_name: str) -> Column:
    plain = re.sub(r"(?:Nullable|LowCardinality)\(((?:[^()]|\([^()]*\))*)\)", r"\1", type_name)
    plain = re.sub(r"(?:Nullable|LowCardinality)\(((?:[^()]|\([^()]*\))*)\)", r"\1", plain)
    quoted = "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
    kinds: tuple[tuple[str, Kind, str], ...] = (
        (r"Bool", "boolean", "{}"),
        (r"U?Int(8|16|32|64)", "integer", "toInt64({})"),
        (r"Float\d+|Decimal.*", "float", "toFloat64({})"),
        (r"DateTime.*", "timestamp", "toDateTime64({}, 6, 'UTC')"),
        (r"Array\(String\)", "texts", "{}"),
        (r"(Array|Map|Tuple).*", "json", "toJSONString({})"),
        (r".*", "text", "toString({})"),
    )
    kind, template = next((kind, template) for pattern, kind, template in kinds if re.fullmatch(pattern, plain))
    return Column(name, template.format(quoted), kind)


def _compiled(
    query: str,
    project_id: int,
    timezone: str,
    *,
    filters: HogQLFilters | None = None,
    values: Mapping[str, object] | None = None,
) -> Compiled:
    return compile_query(
        query,
        team_id=project_id,
        timezone=timezone,
        filters=filters,
        values=values or {},
        limit_default=_NO_LIMIT,
        limit_max=_NO_LIMIT,
    )


def _parsed(query: str) -> ast.SelectStatement:
    try:
        return parse_select(query)
    except HogQLError as error:
        raise InvalidInput("Failed to parse query", attr="hogql_query") from error


def _fault_of_events_query(statement: ast.SelectStatement) -> str | None:
    if not isinstance(statement, ast.SelectQuery):
        return "UNIONs are not supported"
    source = statement.select_from
    table = source.table if source else None
    chain = [str(part) for part in table.chain] if isinstance(table, ast.Field) else []
    inner = [node for node in ast.walk(statement) if node is not statement]
    faults = (
        (bool(statement.ctes), "CTEs are not supported"),
        (source is None, "Query must SELECT FROM events"),
        (table is not None and not chain, "Subqueries are not supported"),
        (source is not None and source.next_join is not None, "JOINs are not supported"),
        (chain != ["events"], "Query must only SELECT FROM events"),
        (any(isinstance(node, _SELECTS) for node in inner), "Subqueries in SELECT expressions are not supported"),
    )
    return next((text for is_fault, text in faults if is_fault), None) or _unsupported_fields(statement)


def _unsupported_fields(statement: ast.SelectQuery) -> str | None:
    names = {str(node.chain[0]) for node in ast.walk(statement) if isinstance(node, ast.Field)} - {"events"}
    names -= {node.alias for node in ast.walk(statement) if isinstance(node, ast.Alias)}
    wrong = sorted(names - set(EVENT_FIELDS))
    if not wrong:
        return None
    supported = ", ".join(EVENT_FIELDS)
    return f"Batch exports cannot read these fields: {', '.join(wrong)}. Supported fields are: {supported}."
