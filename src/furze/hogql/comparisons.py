"""Comparisons: NULL is an ordinary value (as in PostHog), and both sides are read as the same kind."""

import re
from dataclasses import replace
from typing import Final
from uuid import UUID

from furze.events.schema import quote
from furze.hogql import ast
from furze.hogql.errors import HogQLError
from furze.hogql.typed import Typed, as_boolean, as_datetime, as_number, as_text, literal

_FUNCTIONS: Final[dict[str, str]] = {
    "=": "equals", "!=": "notEquals", "<": "less", "<=": "lessOrEquals", ">": "greater", ">=": "greaterOrEquals",
    "like": "like", "not like": "notLike", "ilike": "ilike", "not ilike": "notILike",
    "is distinct from": "isDistinctFrom", "is not distinct from": "isNotDistinctFrom",
}  # fmt: skip
_TEXT_OPERATORS: Final = frozenset({"like", "not like", "ilike", "not ilike", "=~", "!~", "=~*", "!~*"})
_NEGATIVE: Final = frozenset({"!=", "not like", "not ilike", "!~", "!~*", "not in"})
_DATE_TEXT: Final = re.compile(r"\s*\d{4}[-/]?\d{1,2}([-/]?\d{1,2}.*)?\s*$|\s*\d{9,13}(\.\d+)?\s*$", re.DOTALL)


def compare(
    left: Typed, right: Typed, operator: ast.CompareOperator, *, timezone: str, null_safe: bool = True
) -> Typed:
    """`left operator right`. Without `null_safe` the result may be NULL: what a join's condition wants."""
    if operator in _TEXT_OPERATORS:
        return _text_match(as_text(left), as_text(right), operator)
    if operator in {"=", "!="}:
        null = _null_check(left, right, operator)
        if null is not None:
            return null
    left, right = _alike(left, right, timezone)
    left, right = _alike_reversed(left, right, timezone)
    left_sql, right_sql = _instants(left, right)
    sql = f"{_FUNCTIONS[operator]}({left_sql}, {right_sql})"
    nullable = left.nullable or right.nullable
    if not null_safe or not nullable or "distinct" in operator:
        return Typed(sql, "boolean", nullable=nullable and "distinct" not in operator)
    return Typed(_null_safe(sql, left, right, operator), "boolean", nullable=False)


def _null_safe(sql: str, left: Typed, right: Typed, operator: str) -> str:
    both = left.nullable and right.nullable
    if operator == "=" and both:
        return f"ifNull({sql}, and(isNull({left.sql}), isNull({right.sql})))"
    if operator == "!=" and both:
        return f"ifNull({sql}, or(isNotNull({left.sql}), isNotNull({right.sql})))"
    return f"ifNull({sql}, {1 if operator in _NEGATIVE else 0})"


def _null_check(left: Typed, right: Typed, operator: str) -> Typed | None:
    function = "isNull" if operator == "=" else "isNotNull"
    if right.kind == "null":
        return Typed(f"{function}({left.sql})", "boolean", nullable=False)
    if left.kind == "null":
        return Typed(f"{function}({right.sql})", "boolean", nullable=False)
    return None


def _text_match(left: Typed, right: Typed, operator: str) -> Typed:
    if operator in {"=~", "!~", "=~*", "!~*"}:
        pattern = f"concat('(?i)', {right.sql})" if operator.endswith("*") else right.sql
        sql = f"match({left.sql}, {pattern})"
        if operator.startswith("!"):
            sql = f"not({sql})"
    else:
        sql = f"{_FUNCTIONS[operator]}({left.sql}, {right.sql})"
    if left.nullable or right.nullable:
        sql = f"ifNull({sql}, {1 if operator in _NEGATIVE else 0})"
    return Typed(sql, "boolean", nullable=False)


def _instants(left: Typed, right: Typed) -> tuple[str, str]:
    """Two moments compare without their display timezones, which lets the engine use its index."""
    if left.kind == right.kind == "datetime":
        return left.instant or left.sql, right.instant or right.sql
    return left.sql, right.sql


def _alike_reversed(left: Typed, right: Typed, timezone: str) -> tuple[Typed, Typed]:
    right, left = _alike(right, left, timezone)
    return left, right


def _alike(left: Typed, right: Typed, timezone: str) -> tuple[Typed, Typed]:
    """`left` as it compares with `right`, for the pairs in which one has to give way."""
    if left.kind == "property":
        return _property_like(left, right, timezone)
    if left.kind == "uuid" and right.kind in {"string", "property"}:
        return _uuid_like(left, right)
    if left.kind == "datetime" and right.kind == "string":
        return left, _moment(right, timezone)
    return left, _constant_like(left, right) if right.is_constant else right


def _constant_like(left: Typed, constant: Typed) -> Typed:
    """A constant as the kind of value it is compared with: wire filters send numbers and booleans as text."""
    if left.kind == "string" and constant.kind == "number":
        return Typed(f"toString({constant.sql})", "string", nullable=False)
    if left.kind == "date" and constant.kind == "string":
        _check_date(constant)
        return Typed(f"toDate({constant.sql})", "date", nullable=False)
    if left.kind in {"number", "boolean"} and constant.kind == "string":
        return _parsed(left, constant)
    return constant


def _parsed(left: Typed, text: Typed) -> Typed:
    written = str(text.constant).strip().lower()
    if left.kind == "boolean":
        return replace(text, sql=written, kind="boolean") if written in {"true", "false"} else text
    try:
        number = float(written)
    except ValueError:
        return text
    return replace(text, sql=literal(int(number) if number.is_integer() else number), kind="number")


def _property_like(left: Typed, right: Typed, timezone: str) -> tuple[Typed, Typed]:
    if right.kind == "number":
        return as_number(left), right
    if right.kind in {"datetime", "date"}:
        return as_datetime(left, timezone), right
    if right.kind == "boolean":
        if right.is_constant:
            return left, Typed(quote("true" if right.constant else "false"), "string", nullable=False)
        return as_boolean(left), right
    return left, right


def _uuid_like(left: Typed, right: Typed) -> tuple[Typed, Typed]:
    if right.is_constant and is_uuid(right.constant):
        return left, Typed(f"toUUID({right.sql})", "uuid", nullable=False)
    return as_text(left), right


def is_uuid(value: object) -> bool:
    """Whether `value` is the text of a UUID."""
    try:
        UUID(str(value))
    except ValueError:
        return False
    return len(str(value)) == 36


def _moment(text: Typed, timezone: str) -> Typed:
    if not text.is_constant:
        sql = f"parseDateTime64BestEffortOrNull({text.sql}, 6, {quote(timezone)})"
        return Typed(sql, "datetime", nullable=True)
    _check_date(text)
    return Typed(f"parseDateTime64BestEffort({text.sql}, 6, {quote(timezone)})", "datetime", nullable=False)


def _check_date(text: Typed) -> None:
    if not _DATE_TEXT.match(str(text.constant)):
        raise HogQLError(f"{str(text.constant)!r} is no date; write '2026-01-31' or '2026-01-31 13:00:00'")


def within(left: Typed, items: list[Typed], *, negated: bool, timezone: str) -> Typed:
    """`left in (items)`."""
    present = [item for item in items if item.kind != "null"]
    left, present = _list_alike(left, present, timezone)
    if not present:
        found = Typed("false", "boolean", nullable=False)
    else:
        sql = f"in({left.instant or left.sql}, tuple({', '.join(item.sql for item in present)}))"
        found = Typed(f"ifNull({sql}, 0)" if left.nullable else sql, "boolean", nullable=False)
    if len(present) < len(items):
        found = Typed(f"or({found.sql}, isNull({left.sql}))", "boolean", nullable=False)
    return Typed(f"not({found.sql})", "boolean", nullable=False) if negated else found


def _list_alike(left: Typed, items: list[Typed], timezone: str) -> tuple[Typed, list[Typed]]:
    kinds = {item.kind for item in items}
    if left.kind == "property" and kinds == {"number"}:
        return as_number(left), items
    if left.kind == "uuid" and "string" in kinds:
        if all(item.is_constant and is_uuid(item.constant) for item in items):
            return left, [replace(item, sql=f"toUUID({item.sql})") for item in items]
        return as_text(left), items
    if left.kind in {"property", "string"}:
        return left, [_alike(left, item, timezone)[1] if item.kind != "property" else item for item in items]
    if left.kind in {"datetime", "date"}:
        return left, [_alike(left, item, timezone)[1] for item in items]
    return left, items
