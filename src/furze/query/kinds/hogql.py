"""HogQLQuery and HogQLMetadata: SQL as the caller wrote it."""

from collections.abc import Mapping
from typing import Any, Literal

from furze.hogql.compile import Metadata, Notice, metadata
from furze.hogql.dates import DateRange
from furze.hogql.filters import HogQLFilters, parse_filter
from furze.platform.fields import Body
from furze.query.kinds import periods
from furze.query.kinds.asker import Asker
from furze.query.types import Answer


class QueryFilters(Body):
    """What `{filters}` stands for."""

    dateRange: periods.DateRange | None = None
    properties: list[dict[str, Any]] | dict[str, Any] | None = None
    filterTestAccounts: bool | None = False


class Variable(Body):
    """A value for `{variables.code_name}`."""

    code_name: str
    variableId: str | None = None
    value: Any = None
    isNull: bool | None = False


class HogQLQuery(Body):
    """The query."""

    kind: Literal["HogQLQuery"] = "HogQLQuery"
    query: str
    values: dict[str, Any] | None = None
    variables: dict[str, Variable] | None = None
    filters: QueryFilters | None = None
    explain: bool | None = False
    modifiers: Any = None
    name: str | None = None


class HogQLMetadata(Body):
    """The question whether a text compiles."""

    kind: Literal["HogQLMetadata"] = "HogQLMetadata"
    language: Literal["hogQL", "hogQLExpr", "hog", "hogTemplate", "hogJson", "liquid"] = "hogQL"
    query: str
    sourceQuery: dict[str, Any] | None = None
    filters: QueryFilters | None = None
    variables: dict[str, Variable] | None = None
    globals: dict[str, Any] | None = None


def hogql_filters(filters: QueryFilters | None) -> HogQLFilters | None:
    """The filters as the compiler takes them."""
    if filters is None:
        return None
    given = [filters.properties] if isinstance(filters.properties, Mapping) else filters.properties or []
    dates = filters.dateRange
    return HogQLFilters(
        date_range=DateRange(dates.date_from, dates.date_to) if dates else None,
        properties=tuple(parse_filter(each) for each in given),
    )


def variable_values(variables: Mapping[str, Variable] | None) -> dict[str, object]:
    """The variables by the names that texts use."""
    return {each.code_name: None if each.isNull else each.value for each in (variables or {}).values()}


async def check(query: HogQLMetadata, asker: Asker) -> Answer:
    """Whether the text compiles, where it does not, and which tables it reads."""
    if query.language not in ("hogQL", "hogQLExpr"):
        notice = Notice(f"{query.language!r} can't be checked here; only 'hogQL' and 'hogQLExpr' can.")
        return _wire(query, Metadata(is_valid=False, errors=(notice,)))
    source = (query.sourceQuery or {}).get("query")
    found = metadata(
        query.query,
        is_expression=query.language == "hogQLExpr",
        source=source if isinstance(source, str) else None,
        filters=hogql_filters(query.filters) or HogQLFilters(),
        variables=variable_values(query.variables),
        values=query.globals or {},
        timezone=asker.timezone,
        group_types=asker.group_types,
    )
    return _wire(query, found)


def _wire(query: HogQLMetadata, found: Metadata) -> Answer:
    return {
        "isValid": found.is_valid,
        "isUsingIndices": None,
        "query": query.query,
        "errors": [_notice(each) for each in found.errors],
        "warnings": [_notice(each) for each in found.warnings],
        "notices": [_notice(each) for each in found.notices],
        "table_names": list(found.table_names),
        "ch_table_names": list(found.table_names),
    }


def _notice(notice: Notice) -> Answer:
    return {"message": notice.message, "start": notice.start, "end": notice.end, "fix": notice.fix}
