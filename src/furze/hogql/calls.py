"""Function calls: the whitelist, the number of arguments, and the functions that are printed in their own way."""

import re
from collections.abc import Callable
from typing import Final, Protocol

from furze.events.schema import quote
from furze.hogql import ast
from furze.hogql.errors import HogQLError
from furze.hogql.function_table import Kind
from furze.hogql.functions import SPECIAL, Function, find_function, similar_function
from furze.hogql.typed import (
    Typed,
    aligned,
    as_boolean,
    as_condition,
    as_datetime,
    as_number,
    as_present,
    as_text,
    literal,
)


class Compiler(Protocol):
    """What calls need of the compiler around them."""

    timezone: str

    def expr(self, node: ast.Expr) -> Typed:
        """SQL of an expression."""

    def moment(self, value: Typed) -> Typed:
        """A value where a date or time is needed."""

    def subquery(self, node: ast.SelectStatement) -> tuple[str, dict[str, Typed]]:
        """SQL and columns of a query inside this one."""


_TAKES_TIMEZONE: Final = frozenset({"fromUnixTimestamp"})
_DATE_UNIT_FUNCTIONS: Final = frozenset({"dateTrunc", "dateDiff", "timestampDiff", "age", "dateName"})
_INTERVALS: Final = frozenset({"second", "minute", "hour", "day", "week", "month", "quarter", "year"})
_AGGREGATE_NAME: Final = re.compile(r"([A-Za-z]\w*)(\([0-9., ]*\))?")
_COUNTED: Final = frozenset({"count", "countif", "countdistinct"})


def checked_function(call: ast.Call) -> Function:
    """The function that `call` names, or an error that it may not be called, or not like this."""
    function = find_function(call.name)
    if function is None:
        similar = similar_function(call.name)
        hint = f". Did you mean '{similar}'?" if similar else ""
        raise HogQLError(f"Unsupported function call '{call.name}(...)'{hint}", start=call.start, end=call.end)
    if call.params is not None and not function.is_aggregate:
        raise HogQLError(f"Function '{call.name}' takes no parameters", start=call.start, end=call.end)
    if call.distinct and not function.is_aggregate:
        raise HogQLError(
            f"DISTINCT is only allowed in aggregates, not in '{call.name}'", start=call.start, end=call.end
        )
    _check_count(function, call)
    return function


def _check_count(function: Function, call: ast.Call) -> None:
    count = len(call.args)
    if count >= function.min_args and (function.max_args is None or count <= function.max_args):
        return
    if function.max_args == function.min_args:
        expected = f"{function.min_args}"
    elif function.max_args is None:
        expected = f"at least {function.min_args}"
    else:
        expected = f"{function.min_args} to {function.max_args}"
    raise HogQLError(
        f"Function '{call.name}' expects {expected} argument{'' if expected == '1' else 's'}, found {count}",
        start=call.start,
        end=call.end,
    )


_COMPARISONS: Final[dict[str, ast.CompareOperator]] = {
    "equals": "=",
    "notEquals": "!=",
    "less": "<",
    "greater": ">",
    "lessOrEquals": "<=",
    "greaterOrEquals": ">=",
    "like": "like",
    "ilike": "ilike",
    "notLike": "not like",
    "notILike": "not ilike",
    "in": "in",
    "notIn": "not in",
    "isDistinctFrom": "is distinct from",
    "isNotDistinctFrom": "is not distinct from",
}
_ARITHMETIC: Final[dict[str, ast.ArithmeticOperator]] = {
    "plus": "+",
    "minus": "-",
    "multiply": "*",
    "divide": "/",
    "modulo": "%",
}


def _operation(function: Function, call: ast.Call) -> ast.Expr | None:
    """`equals(a, b)` is the same as `a = b`: the operation that a function names, if it names one."""
    if function.name in _COMPARISONS:
        left, right = call.args
        return ast.CompareOperation(left, right, _COMPARISONS[function.name], start=call.start, end=call.end)
    if function.name in _ARITHMETIC:
        left, right = call.args
        return ast.ArithmeticOperation(left, right, _ARITHMETIC[function.name], start=call.start, end=call.end)
    return None


def compile_call(compiler: Compiler, call: ast.Call) -> Typed:
    """SQL of one call."""
    function = checked_function(call)
    operation = _operation(function, call)
    if operation is not None:
        return compiler.expr(operation)
    if function.is_window:
        raise HogQLError(f"'{call.name}' needs OVER (…)", start=call.start, end=call.end)
    if function.is_aggregate:
        return _aggregate(compiler, function, call)
    if function.name in SPECIAL:
        return _SPECIAL_PRINTERS[function.name](compiler, call)
    return _ordinary(compiler, function, call)


def compile_window_call(compiler: Compiler, call: ast.Call) -> Typed:
    """SQL of a call that stands before OVER."""
    function = checked_function(call)
    if not function.is_window and not function.is_aggregate:
        raise HogQLError(f"'{call.name}' is no window function", start=call.start, end=call.end)
    if function.is_aggregate:
        return _aggregate(compiler, function, call)
    args = [compiler.expr(arg) for arg in call.args]
    if function.engine_name in {"lagInFrame", "leadInFrame"} and len(args) < 3:
        # Past the edge stands NULL, not the type's zero.
        args[0] = Typed(f"toNullable({args[0].sql})", args[0].kind, nullable=True)
    return _result(function, args, _joined(function.engine_name, args))


def _joined(name: str, args: list[Typed]) -> str:
    return f"{name}({', '.join(arg.sql for arg in args)})"


def _aggregate(compiler: Compiler, function: Function, call: ast.Call) -> Typed:
    args = [_converted(compiler, function, compiler.expr(arg)) for arg in _without_star(call)]
    if function.engine_name.endswith("If") and args:
        args[-1] = as_condition(compiler.expr(call.args[-1]))
    if function.engine_name in {"windowFunnel", "retention", "sequenceMatch", "sequenceCount"}:
        args = [as_condition(arg) for arg in args]
        if args[0].kind == "datetime":
            args[0] = Typed(f"toDateTime({args[0].sql})", "datetime", nullable=args[0].nullable)
    params = "" if call.params is None else f"({', '.join(_parameter(param) for param in call.params)})"
    distinct = "DISTINCT " if call.distinct else ""
    sql = f"{function.engine_name}{params}({distinct}{', '.join(arg.sql for arg in args)})"
    return _result(function, args, sql)


def _without_star(call: ast.Call) -> tuple[ast.Expr, ...]:
    if call.name.lower() in _COUNTED and call.args and call.args[0] == ast.Field(("*",)):
        return call.args[1:]
    return call.args


def _parameter(expr: ast.Expr) -> str:
    """A parameter of a parametric aggregate: the engine wants a literal."""
    if isinstance(expr, ast.Constant) and isinstance(expr.value, str | int | float):
        return literal(expr.value)
    raise HogQLError("A function's parameters are constants", start=expr.start, end=expr.end)


def _ordinary(compiler: Compiler, function: Function, call: ast.Call) -> Typed:
    given = call.args
    if function.engine_name in _DATE_UNIT_FUNCTIONS and len(given) > 1:
        given = (_unit(given[0]), *given[1:])
    args = [_converted(compiler, function, compiler.expr(arg)) for arg in given]
    if function.name in {"if", "multiIf"}:
        args = _branches(args, compiler.timezone)
    if function.name in {"not", "xor", "and", "or"}:
        args = [as_condition(arg) for arg in args]
    sql = _joined(function.engine_name, _with_timezone(compiler, function, args))
    return _result(function, args, sql)


def _branches(args: list[Typed], timezone: str) -> list[Typed]:
    """Condition, value, condition, value, …, value: the values become alike."""
    conditions = [as_condition(arg) for arg in args[0:-1:2]]
    values = aligned([*args[1:-1:2], args[-1]], timezone)
    pairs = [part for pair in zip(conditions, values[:-1], strict=False) for part in pair]
    return [*pairs, values[-1]]


def _with_timezone(compiler: Compiler, function: Function, args: list[Typed]) -> list[Typed]:
    if compiler.timezone == "UTC":
        return args
    zone = Typed(quote(compiler.timezone), "string", nullable=False)
    if function.name in _TAKES_TIMEZONE and len(args) == 1:
        return [*args, zone]
    return args


def _unit(expr: ast.Expr) -> ast.Expr:
    """A unit of time, which may be written without quotes."""
    if isinstance(expr, ast.Field) and len(expr.chain) == 1:
        expr = ast.Constant(str(expr.chain[0]), start=expr.start, end=expr.end)
    _check_unit(expr)
    return expr


def _check_unit(expr: ast.Expr) -> None:
    if isinstance(expr, ast.Constant) and str(expr.value).lower().rstrip("s") in _INTERVALS | {"millisecond"}:
        return
    if isinstance(expr, ast.Constant):
        raise HogQLError(
            f"{expr.value!r} is no unit of time; use one of {', '.join(sorted(_INTERVALS))}",
            start=expr.start,
            end=expr.end,
        )


def _converted(compiler: Compiler, function: Function, value: Typed) -> Typed:
    conversion = function.property_argument
    if conversion == "present":
        return as_present(value) if value.kind == "property" or function.returns == "array" else value
    if value.kind == "property" and conversion == "number":
        return as_number(value)
    if value.kind == "property" and conversion == "datetime":
        return as_datetime(value, compiler.timezone)
    return value


def _result(function: Function, args: list[Typed], sql: str) -> Typed:
    nullable = {"if any": any(arg.nullable for arg in args), "never": False, "possible": True}[function.nulls]
    chosen = {"same": 0, "second": 1, "last": -1}.get(function.returns)
    if chosen is None or not args:
        kind: Kind = function.returns if function.returns not in {"same", "second", "last"} else "unknown"
        return Typed(sql, kind, nullable=nullable)
    base = args[min(chosen, len(args) - 1)]
    kind = "unknown" if base.kind == "null" else base.kind
    return Typed(sql, kind, nullable=nullable, json_scope=base.json_scope if chosen == 0 else None)


def _one(convert: str, kind: Kind) -> Callable[[Compiler, ast.Call], Typed]:
    def compile_one(compiler: Compiler, call: ast.Call) -> Typed:
        value = compiler.expr(call.args[0])
        if value.kind == "property" and kind == "number":
            return as_number(value)
        return Typed(f"accurateCastOrNull({value.sql}, '{convert}')", kind, nullable=True)

    return compile_one


def _to_string(compiler: Compiler, call: ast.Call) -> Typed:
    args = [compiler.expr(arg) for arg in call.args]
    return Typed(_joined("toString", args), "string", nullable=args[0].nullable)


def _to_bool(compiler: Compiler, call: ast.Call) -> Typed:
    value = compiler.expr(call.args[0])
    if value.kind == "property":
        return as_boolean(value)
    return Typed(f"accurateCastOrNull({value.sql}, 'Bool')", "boolean", nullable=True)


def _to_decimal(compiler: Compiler, call: ast.Call) -> Typed:
    scale = call.args[1] if len(call.args) > 1 else ast.Constant(10)
    if not isinstance(scale, ast.Constant) or type(scale.value) is not int or not 0 <= scale.value <= 18:
        raise HogQLError("toDecimal's scale is a whole number up to 18", start=call.start, end=call.end)
    value = compiler.expr(call.args[0])
    return Typed(f"accurateCastOrNull({value.sql}, 'Decimal64({scale.value})')", "number", nullable=True)


def _zone(compiler: Compiler, call: ast.Call, position: int) -> str:
    if len(call.args) > position:
        return compiler.expr(call.args[position]).sql
    return quote(compiler.timezone)


def _to_date(compiler: Compiler, call: ast.Call) -> Typed:
    value = compiler.expr(call.args[0])
    if value.kind in {"string", "property"}:
        if value.is_constant:
            return Typed(f"toDate({value.sql})", "date", nullable=False)
        moment = f"parseDateTime64BestEffortOrNull({value.sql}, 6, {_zone(compiler, call, 1)})"
        return Typed(f"toDate({moment})", "date", nullable=True)
    zone = f", {_zone(compiler, call, 1)}" if len(call.args) > 1 else ""
    return Typed(f"toDate({value.sql}{zone})", "date", nullable=value.nullable)


def _exists(compiler: Compiler, call: ast.Call) -> Typed:
    query = call.args[0]
    if not isinstance(query, ast.SelectQuery | ast.SelectSetQuery):
        raise HogQLError("exists() needs a query", start=call.start, end=call.end)
    sql, _ = compiler.subquery(query)
    return Typed(f"in(1, (SELECT 1 FROM ({sql}) LIMIT 1))", "boolean", nullable=False)


def _to_datetime(compiler: Compiler, call: ast.Call) -> Typed:
    value = compiler.expr(call.args[0])
    wide = call.name.lower() == "todatetime64"
    zone = _zone(compiler, call, 2 if wide else 1)
    if value.kind in {"string", "property"}:
        function = "parseDateTime64BestEffort" if value.is_constant else "parseDateTime64BestEffortOrNull"
        return Typed(f"{function}({value.sql}, 6, {zone})", "datetime", nullable=not value.is_constant)
    if wide:
        return Typed(f"toDateTime64({value.sql}, 6, {zone})", "datetime", nullable=value.nullable)
    return Typed(f"toDateTime({value.sql}, {zone})", "datetime", nullable=value.nullable)


def _parse_datetime(compiler: Compiler, call: ast.Call) -> Typed:
    text = as_text(compiler.expr(call.args[0]))
    return Typed(f"parseDateTime64BestEffortOrNull({text.sql}, 6, {_zone(compiler, call, 1)})", "datetime")


def _to_datetime_us(compiler: Compiler, call: ast.Call) -> Typed:
    text = as_text(compiler.expr(call.args[0]))
    return Typed(f"parseDateTime64BestEffortUSOrNull({text.sql}, 6, {_zone(compiler, call, 1)})", "datetime")


def _now(compiler: Compiler, call: ast.Call) -> Typed:
    zone = _zone(compiler, call, 1 if call.name.lower() == "now64" else 0)
    return Typed(f"now64(6, {zone})", "datetime", nullable=False)


def _day(days_back: int) -> Callable[[Compiler, ast.Call], Typed]:
    def compile_day(compiler: Compiler, call: ast.Call) -> Typed:
        today = f"toDate(now64(6, {_zone(compiler, call, 0)}))"
        return Typed(f"minus({today}, {days_back})" if days_back else today, "date", nullable=False)

    return compile_day


def _shift(sign: str) -> Callable[[Compiler, ast.Call], Typed]:
    """dateAdd('day', 7, moment), and dateAdd(moment, interval)."""

    def compile_shift(compiler: Compiler, call: ast.Call) -> Typed:
        if len(call.args) == 2:
            moment, interval = (compiler.expr(arg) for arg in call.args)
        else:
            unit, amount, when = call.args
            named = _unit(unit)
            if not isinstance(named, ast.Constant):
                raise HogQLError("The unit of time is a constant", start=unit.start, end=unit.end)
            name = str(named.value).lower()
            value = as_number(compiler.expr(amount))
            interval = Typed(f"toInterval{name.rstrip('s').capitalize()}({value.sql})", "interval", value.nullable)
            moment = compiler.expr(when)
        moment = compiler.moment(moment)
        nullable = moment.nullable or interval.nullable
        return Typed(f"{sign}({moment.sql}, {interval.sql})", moment.kind, nullable=nullable)

    return compile_shift


def _concat(compiler: Compiler, call: ast.Call) -> Typed:
    """Concatenation in which NULL is an empty text, as in PostHog."""
    args = [compiler.expr(arg) for arg in call.args]
    if any(arg.kind == "array" for arg in args):
        return Typed(_joined("concat", args), "array", nullable=False)
    texts = [as_text(arg) for arg in args]
    parts = [f"ifNull({text.sql}, '')" if text.nullable else text.sql for text in texts]
    return Typed(f"concat({', '.join(parts)})", "string", nullable=False)


def _first_present(compiler: Compiler, call: ast.Call) -> Typed:
    args = aligned([compiler.expr(arg) for arg in call.args], compiler.timezone)
    kind: Kind = next((arg.kind for arg in args if arg.kind != "null"), "unknown")
    if kind == "property" and any(arg.kind == "string" for arg in args):
        kind = "string"
    name = "ifNull" if len(args) == 2 else "coalesce"
    return Typed(_joined(name, args), kind, nullable=all(arg.nullable for arg in args))


def _extreme(compiler: Compiler, call: ast.Call) -> Typed:
    args = aligned([compiler.expr(arg) for arg in call.args], compiler.timezone)
    nullable = any(arg.nullable for arg in args)
    return Typed(_joined(call.name.lower(), args), args[0].kind, nullable=nullable)


def _array_reduce(compiler: Compiler, call: ast.Call) -> Typed:
    """arrayReduce('sum', array): the aggregate is named by text, so the whitelist is asked for it too."""
    named = call.args[0]
    found = None
    if isinstance(named, ast.Constant) and isinstance(named.value, str):
        found = _AGGREGATE_NAME.fullmatch(named.value)
    aggregate = find_function(found.group(1)) if found else None
    if found is None or aggregate is None or not aggregate.is_aggregate:
        raise HogQLError("arrayReduce needs the name of an aggregate as text", start=named.start, end=named.end)
    name = quote(aggregate.engine_name + (found.group(2) or ""))
    args = [compiler.expr(arg) for arg in call.args[1:]]
    return Typed(f"arrayReduce({name}, {', '.join(arg.sql for arg in args)})", aggregate.returns, nullable=True)


def _sortable_version(compiler: Compiler, call: ast.Call) -> Typed:
    text = as_present(as_text(compiler.expr(call.args[0])))
    numbers = rf"extract({text.sql}, '(\\d+(\\.\\d+)*)')"
    return Typed(f"arrayMap(x -> toInt64OrZero(x), splitByChar('.', {numbers}))", "array", nullable=False)


def _tag(tag: str, *attributes: str) -> Callable[[Compiler, ast.Call], Typed]:
    """A value that PostHog's interface draws: a tuple that begins with `__hx_tag`."""

    def compile_tag(compiler: Compiler, call: ast.Call) -> Typed:
        parts = ["'__hx_tag'", quote(tag)]
        for attribute, arg in zip(attributes, call.args, strict=False):
            parts += [quote(attribute), compiler.expr(arg).sql]
        return Typed(f"tuple({', '.join(parts)})", "tuple", nullable=False)

    return compile_tag


_SPECIAL_PRINTERS: Final[dict[str, Callable[[Compiler, ast.Call], Typed]]] = {
    "toString": _to_string,
    "toInt": _one("Int64", "number"),
    "toFloat": _one("Float64", "number"),
    "toDecimal": _to_decimal,
    "toBool": _to_bool,
    "toUUID": _one("UUID", "uuid"),
    "toDate": _to_date,
    "date": _to_date,
    "exists": _exists,
    "toDateTime": _to_datetime,
    "toDateTime64": _to_datetime,
    "toDateTimeUS": _to_datetime_us,
    "parseDateTimeBestEffort": _parse_datetime,
    "parseDateTimeBestEffortOrNull": _parse_datetime,
    "now": _now,
    "now64": _now,
    "today": _day(0),
    "yesterday": _day(1),
    "current_date": _day(0),
    "dateAdd": _shift("plus"),
    "date_add": _shift("plus"),
    "timestampAdd": _shift("plus"),
    "dateSub": _shift("minus"),
    "date_sub": _shift("minus"),
    "timestampSub": _shift("minus"),
    "concat": _concat,
    "ifNull": _first_present,
    "coalesce": _first_present,
    "least": _extreme,
    "greatest": _extreme,
    "arrayReduce": _array_reduce,
    "sortableSemVer": _sortable_version,
    "sparkline": _tag("Sparkline", "data"),
    "recordingButton": _tag("RecordingButton", "sessionId", "recordingStatus"),
}
