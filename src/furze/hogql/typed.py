"""SQL of an expression, with the little that is known of its type."""

import json
from dataclasses import dataclass, replace
from typing import Final

from furze.events.schema import quote
from furze.hogql.function_table import Kind


@dataclass(frozen=True, slots=True)
class Typed:
    """Engine SQL and what is known of its value.

    `kind` "property" is a JSON property as text without a declared type: it may still become a number or a time.
    `json_scope` says whose properties a JSON document holds ("event", "person", "group_0" …), so that `.name`
    can follow. `instant` is a cheaper SQL of the same moment, without a display timezone. `constant` is the value
    of a constant.
    """

    sql: str
    kind: Kind = "unknown"
    nullable: bool = True
    json_scope: str | None = None
    instant: str | None = None
    is_constant: bool = False
    constant: object = None

    def renamed(self, sql: str) -> "Typed":
        """The same type, read from a column."""
        return replace(self, sql=sql, instant=None, is_constant=False, constant=None)


NULL: Final = Typed("NULL", "null", nullable=True, is_constant=True)


def identifier(name: str) -> str:
    """A back-quoted ClickHouse identifier: the only way a name of the user's reaches the SQL."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def literal(value: object) -> str:
    """A constant as SQL, for the places where the engine accepts no parameter."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return json.dumps(value) if value == value and abs(value) != float("inf") else quote(str(value))  # noqa: PLR0124
    return quote(str(value))


def json_text(column: str, path: tuple[str | int, ...]) -> str:
    """One JSON value as text, exactly as `furze.events.schema.property_text`, but array positions are allowed."""
    keys = ", ".join(str(key) if isinstance(key, int) else quote(key) for key in path)
    return f"JSONExtract({column}, {keys}, 'Nullable(String)')"


def as_number(value: Typed) -> Typed:
    """A property read as a number; anything else as it is."""
    if value.kind != "property":
        return value
    return Typed(f"toFloat64OrNull({value.sql})", "number", nullable=True)


def as_boolean(value: Typed) -> Typed:
    """A property read as a boolean."""
    if value.kind != "property":
        return value
    return Typed(f"accurateCastOrNull({value.sql}, 'Bool')", "boolean", nullable=True)


def as_datetime(value: Typed, timezone: str) -> Typed:
    """A property read as a moment; text without an offset is in `timezone`."""
    if value.kind != "property":
        return value
    sql = f"parseDateTime64BestEffortOrNull({value.sql}, 6, {quote(timezone)})"
    return Typed(sql, "datetime", nullable=True)


def as_text(value: Typed) -> Typed:
    """The value as text."""
    if value.kind in {"string", "property", "null"}:
        return value
    return Typed(f"toString({value.sql})", "string", nullable=value.nullable)


def as_condition(value: Typed) -> Typed:
    """The value where true or false is asked for: a property is true when its text is `true`."""
    if value.kind == "property":
        return Typed(f"ifNull(equals({value.sql}, 'true'), 0)", "boolean", nullable=False)
    return value


def as_present(value: Typed) -> Typed:
    """Text that is never NULL: functions that return arrays cannot return NULL for a property that is absent."""
    if value.kind in {"property", "string"} and value.nullable:
        return Typed(f"ifNull({value.sql}, '')", "string", nullable=False)
    return value


def aligned(args: list[Typed], timezone: str) -> list[Typed]:
    """Properties among numbers are numbers, among moments moments; numbers among texts are texts."""
    kinds = {arg.kind for arg in args} - {"null", "property"}
    if kinds == {"number"}:
        return [as_number(arg) for arg in args]
    if kinds == {"boolean"}:
        return [as_boolean(arg) for arg in args]
    if kinds and kinds <= {"datetime", "date"}:
        return [as_datetime(arg, timezone) for arg in args]
    if "string" in kinds and kinds <= {"string", "number", "uuid", "boolean"}:
        return [as_text(arg) for arg in args]
    return args
