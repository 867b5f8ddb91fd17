"""Placeholders: `{name}`, `{filters}`, `{filters.dateRange.from}` and `{variables.x}` get their values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import cast
from uuid import UUID

from furze.hogql import ast
from furze.hogql.dates import resolve_date_range
from furze.hogql.errors import HogQLError
from furze.hogql.filters import FilterTable, HogQLFilters, hogql_filters_to_expression
from furze.hogql.tables import TABLES


@dataclass(frozen=True, slots=True)
class Replacements:
    """What placeholders stand for. `values` may hold syntax trees."""

    values: Mapping[str, object]
    variables: Mapping[str, object]
    filters: HogQLFilters | None
    now: datetime
    timezone: str


@dataclass(slots=True)
class _Replacer:
    given: Replacements
    selects: list[ast.SelectQuery] = field(default_factory=list)

    def visit(self, node: ast.Node) -> ast.Node:
        if isinstance(node, ast.Placeholder):
            return self._value(node)
        if isinstance(node, ast.CompareOperation):
            for side in (node.left, node.right):
                if isinstance(side, ast.Placeholder) and self._is_open_date(side):
                    return ast.Constant(value=True)
        if isinstance(node, ast.SelectQuery):
            self.selects.append(node)
            changed = ast.map_children(node, self.visit)
            self.selects.pop()
            return changed
        return ast.map_children(node, self.visit)

    def _is_open_date(self, node: ast.Placeholder) -> bool:
        chain = _chain(node)
        return chain[:2] == ("filters", "dateRange") and self._date(node, chain) is None

    def _value(self, node: ast.Placeholder) -> ast.Node:
        chain = _chain(node)
        first = chain[0]
        if first in self.given.values:
            value: object = self.given.values[first]
            for part in chain[1:]:
                value = _member(value, part, node)
            return to_node(value, node)
        if chain == ("filters",):
            return self._filters(node)
        if chain[:2] == ("filters", "dateRange"):
            return to_node(self._date(node, chain), node)
        if first == "variables" and len(chain) == 2:
            if chain[1] not in self.given.variables:
                raise _error(node, f"Variable {chain[1]!r} has no value")
            return to_node(self.given.variables[chain[1]], node)
        raise _error(node, f"Placeholder {{{'.'.join(chain)}}} has no value")

    def _date(self, node: ast.Placeholder, chain: tuple[str, ...]) -> datetime | None:
        edge = chain[2] if len(chain) == 3 else ""
        if edge not in {"from", "to"}:
            raise _error(node, "Write {filters.dateRange.from} or {filters.dateRange.to}")
        if self.given.filters is None or self.given.filters.date_range is None:
            return None
        moments = resolve_date_range(self.given.filters.date_range, now=self.given.now, timezone=self.given.timezone)
        return moments.start if edge == "from" else moments.end

    def _filters(self, node: ast.Placeholder) -> ast.Expr:
        if self.given.filters is None:
            return ast.Constant(value=True)
        table, alias = self._filtered_table(node)
        return hogql_filters_to_expression(
            self.given.filters, table=table, alias=alias, now=self.given.now, timezone=self.given.timezone
        )

    def _filtered_table(self, node: ast.Placeholder) -> tuple[FilterTable, str | None]:
        """The first table of the SELECT around `{filters}` that filters apply to."""
        join = self.selects[-1].select_from if self.selects else None
        first = join
        while join is not None:
            name = str(join.table.chain[0]) if isinstance(join.table, ast.Field) else ""
            if name in TABLES and name != "person_distinct_ids":
                several = first is not None and first.next_join is not None
                return cast("FilterTable", name), join.alias or (name if several else None)
            join = join.next_join
        raise _error(node, "{filters} needs a SELECT from events, sessions, persons or groups")


def replace_placeholders(node: ast.NodeT, given: Replacements) -> ast.NodeT:
    """`node` with every placeholder replaced; HogQLError for one that has no value."""
    return cast("ast.NodeT", _Replacer(given).visit(node))


def to_node(value: object, at: ast.Node | None = None) -> ast.Expr:
    """A value of a placeholder as a tree: lists become arrays, mappings dictionaries."""
    start, end = (at.start, at.end) if at else (None, None)
    if isinstance(value, ast.Expr):
        return value
    if isinstance(value, Mapping):
        items = tuple((to_node(str(key), at), to_node(item, at)) for key, item in value.items())
        return ast.Dict(items, start=start, end=end)
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes):
        return ast.Array(tuple(to_node(item, at) for item in value), start=start, end=end)
    if value is None or isinstance(value, str | int | float | bool | datetime | date | UUID):
        return ast.Constant(value, start=start, end=end)
    raise HogQLError(f"A value of type {type(value).__name__} cannot be used in a query", start=start, end=end)


def _chain(node: ast.Placeholder) -> tuple[str, ...]:
    if not isinstance(node.expr, ast.Field):
        raise _error(node, "A placeholder is a name: {filters}, {variables.x}")
    return tuple(str(part) for part in node.expr.chain)


def _member(value: object, part: str, node: ast.Placeholder) -> object:
    if isinstance(value, Mapping) and part in value:
        return value[part]
    raise _error(node, f"Placeholder {{{'.'.join(_chain(node))}}} has no value")


def _error(node: ast.Node, message: str) -> HogQLError:
    return HogQLError(message, start=node.start, end=node.end)
