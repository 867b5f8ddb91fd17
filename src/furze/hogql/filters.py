"""Property filters and `{filters}`, as syntax trees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

from furze.hogql import ast
from furze.hogql.dates import DateRange, parse_date, resolve_date_range
from furze.hogql.errors import HogQLError
from furze.hogql.parser import parse_expression

#: Whose table the filters are put into: on `persons`, a person property is `properties.x`.
FilterTable = Literal["events", "persons", "groups", "sessions"]


@dataclass(frozen=True, slots=True)
class PropertyFilter:
    """One condition on a property, as on the wire."""

    key: str
    value: object = None
    operator: str = "exact"
    type: str = "event"
    group_type_index: int | None = None


@dataclass(frozen=True, slots=True)
class PropertyGroup:
    """Conditions that hold all (AND) or in part (OR)."""

    operator: Literal["AND", "OR"]
    members: "tuple[PropertyFilter | PropertyGroup, ...]"


Filter: TypeAlias = PropertyFilter | PropertyGroup


@dataclass(frozen=True, slots=True)
class HogQLFilters:
    """What `{filters}` stands for. `test_account_filters` only count when `filter_test_accounts`."""

    date_range: DateRange | None = None
    properties: tuple[Filter, ...] = ()
    filter_test_accounts: bool = False
    test_account_filters: tuple[Filter, ...] = ()


def parse_filter(wire: Mapping[str, object]) -> Filter:
    """A property filter, or an AND/OR group of them, from its JSON form."""
    if "values" in wire and wire.get("type", "AND") in {"AND", "OR"}:
        values = wire["values"]
        if not isinstance(values, Sequence) or isinstance(values, str):
            raise HogQLError("The 'values' of a filter group are a list")
        members = tuple(parse_filter(value) for value in values if isinstance(value, Mapping))
        return PropertyGroup("OR" if wire.get("type") == "OR" else "AND", members)
    key = wire.get("key")
    kind = str(wire.get("type") or "event")
    if key is None and kind != "empty":
        raise HogQLError("A property filter needs a 'key'")
    index = wire.get("group_type_index")
    return PropertyFilter(
        key=str(key or ""),
        value=wire.get("value"),
        operator=str(wire.get("operator") or "exact"),
        type=kind,
        group_type_index=index if isinstance(index, int) else None,
    )


def filters_to_expression(
    filters: Sequence[Filter], *, table: FilterTable = "events", now: datetime | None = None, timezone: str = "UTC"
) -> ast.Expr:
    """All of `filters`; the constant true when there are none."""
    context = _Context(table, now or datetime.now(UTC), timezone)
    return _all([context.filter(each) for each in filters])


def property_filter_to_expression(
    property_filter: Filter, *, table: FilterTable = "events", now: datetime | None = None, timezone: str = "UTC"
) -> ast.Expr:
    """One property filter or group of them as a condition."""
    return _Context(table, now or datetime.now(UTC), timezone).filter(property_filter)


def hogql_filters_to_expression(
    filters: HogQLFilters, *, table: FilterTable, alias: str | None, now: datetime, timezone: str
) -> ast.Expr:
    """What `{filters}` means in a SELECT from `table`."""
    time_field = {"sessions": "$start_timestamp", "persons": "created_at", "groups": "created_at"}.get(
        table, "timestamp"
    )
    prefix = (alias,) if alias else ()
    parts: list[ast.Expr] = []
    if filters.date_range is not None:
        moments = resolve_date_range(filters.date_range, now=now, timezone=timezone)
        moment = ast.Field((*prefix, time_field))
        if moments.start is not None:
            parts.append(ast.CompareOperation(moment, ast.Constant(moments.start), ">="))
        if moments.end is not None:
            parts.append(ast.CompareOperation(moment, ast.Constant(moments.end), "<="))
    chosen = filters.properties + (filters.test_account_filters if filters.filter_test_accounts else ())
    context = _Context(table, now, timezone, prefix)
    parts += [context.filter(each) for each in chosen]
    return _all(parts)


def _all(parts: list[ast.Expr]) -> ast.Expr:
    if not parts:
        return ast.Constant(value=True)
    return parts[0] if len(parts) == 1 else ast.And(tuple(parts))


def _any(parts: list[ast.Expr]) -> ast.Expr:
    if not parts:
        return ast.Constant(value=True)
    return parts[0] if len(parts) == 1 else ast.Or(tuple(parts))


_COMPARISONS: Final[dict[str, ast.CompareOperator]] = {
    "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "min": ">=", "max": "<=",
}  # fmt: skip
_TEXT: Final[dict[str, tuple[ast.CompareOperator, bool]]] = {
    "icontains": ("ilike", False),
    "not_icontains": ("not ilike", True),
    "regex": ("=~", False),
    "not_regex": ("!~", True),
}
_EXACT: Final = frozenset({"exact", "in", "is_cleaned_path_exact"})
_ELEMENT_FIELDS: Final = {"text": "elements_chain_texts", "tag_name": "elements_chain_elements"}


@dataclass(frozen=True, slots=True)
class _Context:
    table: FilterTable
    now: datetime
    timezone: str
    prefix: tuple[str, ...] = field(default=())

    def filter(self, node: Filter) -> ast.Expr:
        if isinstance(node, PropertyGroup):
            parts = [self.filter(member) for member in node.members]
            return _all(parts) if node.operator == "AND" else _any(parts)
        if node.type == "hogql":
            return parse_expression(node.key)
        if node.type == "empty":
            return ast.Constant(value=True)
        if node.type == "element":
            return self._element(node)
        return self._condition(self._field(node), node)

    def _field(self, node: PropertyFilter) -> ast.Expr:
        kind = node.type
        own = {"persons": "person", "groups": "group", "sessions": "session"}.get(self.table)
        if kind == own:
            return ast.Field((*self.prefix, *(() if kind == "session" else ("properties",)), node.key))
        if kind in {"event", "feature"} and self.table == "events":
            return ast.Field((*self.prefix, "properties", node.key))
        if kind == "person":
            return ast.Field((*self.prefix, "person", "properties", node.key))
        if kind == "group" and self.table == "events":
            return ast.Field((*self.prefix, f"group_{node.group_type_index or 0}", "properties", node.key))
        if kind == "session" and self.table == "events":
            return ast.Field((*self.prefix, "session", node.key))
        if kind == "event_metadata" and self.table == "events":
            return ast.Field((*self.prefix, *node.key.split(".")))
        raise HogQLError(f"A filter of type {kind!r} on {node.key!r} is not supported on {self.table}")

    def _condition(self, value: ast.Expr, node: PropertyFilter) -> ast.Expr:
        operator = node.operator
        if operator in {"is_set", "is_not_set"}:
            return ast.CompareOperation(value, ast.Constant(None), "!=" if operator == "is_set" else "=")
        if operator in _EXACT or operator in {"is_not", "not_in"}:
            return _equality(value, node.value, negated=operator not in _EXACT)
        if operator in _TEXT:
            return _text(value, node.value, operator)
        if operator in _COMPARISONS:
            return ast.CompareOperation(value, ast.Constant(_number_or_text(node)), _COMPARISONS[operator])
        if operator in {"between", "not_between"}:
            return _between(value, node)
        if operator.startswith("is_date_"):
            return self._date(value, node)
        raise HogQLError(f"The operator {operator!r} of the filter on {node.key!r} is not supported")

    def _date(self, value: ast.Expr, node: PropertyFilter) -> ast.Expr:
        text = node.value[0] if isinstance(node.value, list) and node.value else node.value
        moment = parse_date(str(text), now=self.now, timezone=self.timezone)
        operators: dict[str, ast.CompareOperator] = {"is_date_exact": "=", "is_date_before": "<", "is_date_after": ">"}
        operator = operators.get(node.operator)
        if operator is None or moment is None:
            raise HogQLError(f"The filter {node.operator!r} on {node.key!r} needs a date, found {node.value!r}")
        when = ast.Call("toDateTime", (value,))
        if operator == "=":
            return ast.CompareOperation(ast.Call("toDate", (when,)), ast.Constant(moment.date()), "=")
        return ast.CompareOperation(when, ast.Constant(moment), operator)

    def _element(self, node: PropertyFilter) -> ast.Expr:
        values = _values(node.value)
        if node.key == "href":
            return self._condition(ast.Field((*self.prefix, "elements_chain_href")), node)
        if node.key == "selector" or node.key not in _ELEMENT_FIELDS:
            raise HogQLError(f"Filters on an element's {node.key!r} are not supported; use text, tag_name or href")
        found = ast.Field((*self.prefix, _ELEMENT_FIELDS[node.key]))
        if node.operator in {"is_set", "is_not_set"}:
            return ast.Call("notEmpty" if node.operator == "is_set" else "empty", (found,))
        item = ast.Field(("element",))
        plain = PropertyFilter(node.key, values, node.operator.removeprefix("is_not").removeprefix("not_") or "exact")
        exists = ast.Call("arrayExists", (ast.Lambda(("element",), self._condition(item, plain)), found))
        return ast.Not(exists) if node.operator.startswith(("is_not", "not_")) else exists


def _values(value: object) -> list[object]:
    if isinstance(value, list | tuple):
        return list(value)
    return [value]


def _constants(value: object) -> tuple[ast.Expr, ...]:
    return tuple(ast.Constant(item) for item in _values(value))


def _equality(value: ast.Expr, wanted: object, *, negated: bool) -> ast.Expr:
    constants = _constants(wanted)
    if len(constants) == 1:
        return ast.CompareOperation(value, constants[0], "!=" if negated else "=")
    return ast.CompareOperation(value, ast.Tuple(constants), "not in" if negated else "in")


def _text(value: ast.Expr, wanted: object, operator: str) -> ast.Expr:
    compare, negated = _TEXT[operator]
    parts: list[ast.Expr] = []
    for item in _values(wanted):
        text = str(item)
        if compare.endswith("ilike"):
            text = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        parts.append(ast.CompareOperation(value, ast.Constant(text), compare))
    return _all(parts) if negated else _any(parts)


def _number_or_text(node: PropertyFilter) -> object:
    value = node.value[0] if isinstance(node.value, list) and len(node.value) == 1 else node.value
    if isinstance(value, bool) or value is None or isinstance(value, list | dict):
        raise HogQLError(f"The operator {node.operator!r} on {node.key!r} needs a number, found {value!r}")
    try:
        return float(str(value))
    except ValueError:
        return str(value)


def _between(value: ast.Expr, node: PropertyFilter) -> ast.Expr:
    values = _values(node.value)
    if len(values) != 2:
        raise HogQLError(f"The operator {node.operator!r} on {node.key!r} needs two values, found {node.value!r}")
    low, high = (ast.Constant(_number_or_text(PropertyFilter(node.key, each, node.operator))) for each in values)
    return ast.BetweenExpr(value, low, high, negated=node.operator == "not_between")
