"""HogQL to engine SQL: the public entry points."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from furze.hogql import ast
from furze.hogql.errors import HogQLError
from furze.hogql.expressions import Settings
from furze.hogql.filters import HogQLFilters
from furze.hogql.parser import parse_expression, parse_select
from furze.hogql.placeholders import Replacements, replace_placeholders
from furze.hogql.printer import print_statement
from furze.hogql.selects import SelectCompiler, whole_number

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 50_000
_NOTHING: Final[Mapping[str, object]] = {}
_NO_GROUPS: Final[Mapping[str, int]] = {}
_NO_TYPES: Final[Mapping[str, Mapping[str, str]]] = {}


@dataclass(frozen=True)
class Compiled:
    """A query for the engine. `parameters` go along as ClickHouse server-side parameters.

    `hogql` is the query as HogQL, placeholders replaced. `limit` rows are asked for, and one more when the query
    was compiled with `probe_more`.
    """

    sql: str
    parameters: dict[str, object]
    hogql: str
    columns: tuple[str, ...]
    limit: int
    offset: int
    tables: tuple[str, ...]


def compile_query(  # noqa: PLR0913 -- each is one independent fact about the caller's project
    query: str | ast.SelectStatement,
    *,
    team_id: int,
    values: Mapping[str, object] = _NOTHING,
    filters: HogQLFilters | None = None,
    variables: Mapping[str, object] = _NOTHING,
    timezone: str = "UTC",
    limit_default: int = DEFAULT_LIMIT,
    limit_max: int = MAX_LIMIT,
    probe_more: bool = False,
    group_types: Mapping[str, int] = _NO_GROUPS,
    property_types: Mapping[str, Mapping[str, str]] = _NO_TYPES,
    now: datetime | None = None,
    distributed: bool = False,
) -> Compiled:
    """Compile HogQL text, or a tree that a program built, for one project.

    `values` fill `{name}` placeholders (texts, numbers, dates, lists, or trees), `variables` fill
    `{variables.code_name}`. `property_types` maps "event", "person", "group_0" … to property names and their
    types (String, Numeric, Boolean, DateTime). `group_types` maps a group type's name to its index. `probe_more`
    asks for one row beyond the limit. `distributed` prints GLOBAL joins and IN for a sharded cluster.
    Raises HogQLError, with positions in the text where they are known.
    """
    ZoneInfo(timezone)
    statement = parse_select(query) if isinstance(query, str) else query
    given = Replacements(values, variables, filters, now or datetime.now(UTC), timezone)
    statement = ast.check_depth(replace_placeholders(statement, given))
    statement, limit, offset = _limited(statement, limit_default, limit_max)
    compiler = SelectCompiler(Settings(team_id, timezone, group_types, property_types, distributed))
    try:
        sql, columns = compiler.statement(_asking_for(statement, limit + 1) if probe_more else statement)
    except RecursionError as error:
        # Trees are shallow, but aliases that refer to each other add up.
        raise HogQLError("The aliases of this query refer to each other too deeply") from error
    if isinstance(statement, ast.SelectSetQuery):
        sql = f"SELECT * FROM ({sql}) LIMIT 0, {limit + 1 if probe_more else limit}"
    return Compiled(
        sql=sql,
        parameters=compiler.parameters.values,
        hogql=print_statement(statement),
        columns=tuple(columns),
        limit=limit,
        offset=offset,
        tables=tuple(compiler.tables),
    )


def _limited(
    statement: ast.SelectStatement, limit_default: int, limit_max: int
) -> tuple[ast.SelectStatement, int, int]:
    """The query with the limit that applies, that limit and the offset."""
    if isinstance(statement, ast.SelectSetQuery):
        return statement, limit_max, 0
    asked = limit_default if statement.limit is None else whole_number(statement.limit, "LIMIT")
    offset = 0 if statement.offset is None else whole_number(statement.offset, "OFFSET")
    limit = min(asked, limit_max)
    return _asking_for(statement, limit), limit, offset


def _asking_for(statement: ast.SelectStatement, limit: int) -> ast.SelectStatement:
    if isinstance(statement, ast.SelectSetQuery):
        return statement
    return ast.with_fields(statement, limit=ast.Constant(limit))


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell the author of a query about a part of its text."""

    message: str
    start: int | None = None
    end: int | None = None
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What HogQLMetadata answers."""

    is_valid: bool
    errors: tuple[Notice, ...] = ()
    warnings: tuple[Notice, ...] = ()
    notices: tuple[Notice, ...] = ()
    table_names: tuple[str, ...] = ()


def metadata(  # noqa: PLR0913 -- the same facts as compile_query
    text: str,
    *,
    team_id: int = 0,
    is_expression: bool = False,
    source: str | ast.SelectStatement | None = None,
    filters: HogQLFilters | None = None,
    values: Mapping[str, object] = _NOTHING,
    variables: Mapping[str, object] = _NOTHING,
    timezone: str = "UTC",
    group_types: Mapping[str, int] = _NO_GROUPS,
    property_types: Mapping[str, Mapping[str, str]] = _NO_TYPES,
) -> Metadata:
    """Whether `text` compiles, and where it does not. An expression is read as a column of `source` (events)."""
    try:
        query: str | ast.SelectStatement = text
        if is_expression:
            base = parse_select(source) if isinstance(source, str) else source
            base = base or parse_select("select 1 from events")
            query = ast.with_fields(base, select=(parse_expression(text),))
        compiled = compile_query(
            query,
            team_id=team_id,
            filters=filters,
            values=values,
            variables=variables,
            timezone=timezone,
            group_types=group_types,
            property_types=property_types,
        )
    except HogQLError as error:
        return Metadata(is_valid=False, errors=(Notice(error.message, error.start, error.end),))
    tree = parse_select(text) if not is_expression else None
    return Metadata(is_valid=True, warnings=_warnings(tree), table_names=compiled.tables)


def _warnings(statement: ast.SelectStatement | None) -> tuple[Notice, ...]:
    """What is accepted but does less than it says."""
    found = [
        Notice("FINAL has no effect: tables are read in their latest state", node.start, node.end)
        for node in (ast.walk(statement) if statement is not None else ())
        if isinstance(node, ast.JoinExpr) and node.final
    ]
    limit = statement.limit if isinstance(statement, ast.SelectQuery) else None
    if isinstance(limit, ast.Constant) and isinstance(limit.value, int) and limit.value > MAX_LIMIT:
        found.append(Notice(f"At most {MAX_LIMIT:,} rows are returned", limit.start, limit.end))
    return tuple(found)
