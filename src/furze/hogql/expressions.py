"""Expressions to SQL: names are resolved, functions checked, and every text travels as a parameter."""

import difflib
import re
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

from furze.events.schema import quote
from furze.hogql import ast
from furze.hogql.calls import compile_call, compile_window_call
from furze.hogql.comparisons import compare, within
from furze.hogql.errors import HogQLError
from furze.hogql.function_table import Kind
from furze.hogql.scope import Scope, Source, TableSource
from furze.hogql.typed import (
    NULL,
    Typed,
    aligned,
    as_boolean,
    as_condition,
    as_datetime,
    as_number,
    identifier,
    json_text,
    literal,
)

#: More expressions than any sensible query has; a WITH that multiplies itself is stopped here.
MAX_EXPRESSIONS: Final = 50_000
_ARITHMETIC: Final = {"+": "plus", "-": "minus", "*": "multiply", "/": "divide", "%": "modulo"}
_TYPES: Final[dict[str, tuple[str, Kind]]] = {
    "int": ("Int64", "number"), "integer": ("Int64", "number"), "bigint": ("Int64", "number"),
    "smallint": ("Int16", "number"), "float": ("Float64", "number"), "double": ("Float64", "number"),
    "real": ("Float32", "number"), "numeric": ("Decimal(38, 10)", "number"), "decimal": ("Decimal(38, 10)", "number"),
    "string": ("String", "string"), "text": ("String", "string"), "varchar": ("String", "string"),
    "char": ("String", "string"), "bool": ("Bool", "boolean"), "boolean": ("Bool", "boolean"),
    "date": ("Date", "date"), "datetime": ("DateTime64(6)", "datetime"), "timestamp": ("DateTime64(6)", "datetime"),
    "uuid": ("UUID", "uuid"), "json": ("String", "string"),
}  # fmt: skip
_ENGINE_TYPE: Final = re.compile(
    r"(?i)(u?int(8|16|32|64|128|256)|float(32|64)|string|bool|uuid|date(32)?|datetime(64)?|decimal(32|64|128)?)"
)
_TYPE_TEXT: Final = re.compile(r"(?i)(array|nullable|lowcardinality|tuple|map)?[\w(), ']*")
_TYPE_WORD: Final = re.compile(r"[A-Za-z]\w*")
_TYPE_WRAPPERS: Final = frozenset({"array", "nullable", "lowcardinality", "tuple", "map"})

#: The method of ExpressionCompiler for each kind of node.
_COMPILERS: Final[dict[type[ast.Node], str]] = {
    ast.Constant: "_constant",
    ast.Field: "_field",
    ast.Alias: "_alias",
    ast.Call: "_call",
    ast.ArithmeticOperation: "_arithmetic",
    ast.CompareOperation: "_compare",
    ast.And: "_and",
    ast.Or: "_or",
    ast.Not: "_not",
    ast.BetweenExpr: "_between",
    ast.Case: "_case",
    ast.TypeCast: "_cast",
    ast.Array: "_array",
    ast.Tuple: "_tuple",
    ast.Dict: "_dict",
    ast.ArrayAccess: "_array_access",
    ast.TupleAccess: "_tuple_access",
    ast.Lambda: "_lambda",
    ast.WindowFunction: "_window",
    ast.SelectQuery: "_query",
    ast.SelectSetQuery: "_query",
    ast.Placeholder: "_placeholder",
}


@dataclass(slots=True)
class Parameters:
    """The texts of a query, as parameters of the engine: each different text once."""

    values: dict[str, object] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    def add(self, value: str) -> str:
        """The SQL that stands for `value`."""
        name = self._names.setdefault(value, f"hogql_val_{len(self._names)}")
        self.values[name] = value
        return f"{{{name}:String}}"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a query is compiled for."""

    team_id: int
    timezone: str = "UTC"
    group_types: Mapping[str, int] = field(default_factory=dict)
    property_types: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    distributed: bool = False


class ExpressionCompiler:
    """Compiles expressions in the scope of one SELECT after another."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.timezone = settings.timezone
        self.parameters = Parameters()
        self.scope = Scope()
        self.null_safe = True
        self._count = 0

    def expr(self, node: ast.Expr) -> Typed:
        """SQL of `node`; errors without a position get the node's."""
        self._count += 1
        if self._count > MAX_EXPRESSIONS:
            raise HogQLError("The query is too large once its WITH clauses are put in")
        method = _COMPILERS.get(type(node))
        if method is None:
            raise HogQLError(f"{type(node).__name__} cannot stand here", start=node.start, end=node.end)
        compile_node: Callable[[ast.Expr], Typed] = getattr(self, method)
        try:
            return compile_node(node)
        except HogQLError as error:
            if error.start is None:
                error.start, error.end = node.start, node.end
            raise

    @abstractmethod
    def subquery(self, node: ast.SelectStatement) -> tuple[str, dict[str, Typed]]:
        """SQL and columns of a query inside this one."""

    def condition(self, node: ast.Expr) -> str:
        """SQL of a condition."""
        return as_condition(self.expr(node)).sql

    def moment(self, value: Typed) -> Typed:
        """`value` where a date or time is needed."""
        if value.kind in {"string", "property"}:
            function = "parseDateTime64BestEffort" if value.is_constant else "parseDateTime64BestEffortOrNull"
            sql = f"{function}({value.sql}, 6, {quote(self.timezone)})"
            return Typed(sql, "datetime", nullable=not value.is_constant)
        return value

    def _constant(self, node: ast.Constant) -> Typed:
        value = node.value
        if value is None:
            return NULL
        if isinstance(value, bool):
            return Typed(literal(value), "boolean", nullable=False, is_constant=True, constant=value)
        if isinstance(value, int | float):
            return self._number(value)
        if isinstance(value, str):
            return Typed(self.parameters.add(value), "string", nullable=False, is_constant=True, constant=value)
        return self._built_constant(value)

    def _built_constant(self, value: object) -> Typed:
        """A value that only a program can put into a tree."""
        if isinstance(value, datetime):
            zone = quote(self.timezone) if value.tzinfo is None else "'UTC'"
            sql = f"parseDateTime64BestEffort({self.parameters.add(value.isoformat(sep=' '))}, 6, {zone})"
            return Typed(sql, "datetime", nullable=False)
        if isinstance(value, date):
            return Typed(f"toDate({self.parameters.add(value.isoformat())})", "date", nullable=False)
        if isinstance(value, UUID):
            return Typed(f"toUUID({self.parameters.add(str(value))})", "uuid", nullable=False)
        raise HogQLError(f"A value of type {type(value).__name__} cannot be used in a query")

    def _number(self, value: float) -> Typed:
        if isinstance(value, float) and (value != value or abs(value) == float("inf")):  # noqa: PLR0124
            sql = f"toFloat64({quote(str(value))})"
        else:
            sql = literal(value)
        return Typed(sql, "number", nullable=False, is_constant=True, constant=value)

    def _field(self, node: ast.Field) -> Typed:
        name = str(node.chain[0])
        if node.chain[-1] == "*":
            raise HogQLError("An asterisk can only stand in SELECT and in count(*)")
        found = self._local(name)
        if found is not None:
            return self._rest_of(found, node.chain[1:])
        from_table = self._from_sources(node)
        if from_table is not None:
            return self._rest_of(*from_table)
        scalar = self.scope.scalar(name)
        if scalar is not None:
            return self._rest_of(scalar, node.chain[1:])
        raise HogQLError(self._unknown_field(node))

    def _local(self, name: str) -> Typed | None:
        """A lambda's argument, an ARRAY JOIN's item or an alias of this SELECT."""
        scope = self.scope
        if any(name in names for names in scope.lambda_args):
            return Typed(identifier(name))
        if name in scope.array_items:
            return scope.array_items[name]
        if name not in scope.aliases or name in scope.in_progress:
            return None
        if any(source.alias == name for source in scope.sources):
            return None
        return self.alias_type(name).renamed(identifier(name))

    def alias_type(self, name: str) -> Typed:
        """The type of what an alias of this SELECT stands for."""
        scope = self.scope
        if name not in scope.alias_types:
            scope.in_progress.add(name)
            scope.alias_types[name] = self.expr(scope.aliases[name].expr)
            scope.in_progress.discard(name)
        return scope.alias_types[name]

    def _from_sources(self, node: ast.Field) -> tuple[Typed, tuple[str | int, ...]] | None:
        chain = node.chain
        for source in self.scope.sources:
            if source.alias == chain[0] and len(chain) > 1:
                found = source.resolve(chain[1:])
                if found is not None:
                    return self._displayed(source, found)
        matches = [(source, found) for source in self.scope.sources if (found := source.resolve(chain)) is not None]
        if len(matches) > 1 and chain[0] not in self.scope.using:
            tables = " and ".join(repr(source.alias) for source, _ in matches)
            raise HogQLError(f"Ambiguous field {str(chain[0])!r}: it is in {tables}; put the table's name before it")
        return self._displayed(*matches[0]) if matches else None

    def _displayed(
        self, source: Source, found: tuple[Typed, tuple[str | int, ...]]
    ) -> tuple[Typed, tuple[str | int, ...]]:
        """A moment of a stored table in the project's timezone; a subquery's columns are in it already."""
        base, rest = found
        if base.kind == "datetime" and self.timezone != "UTC" and isinstance(source, TableSource):
            return self._in_timezone(base), rest
        return found

    def _unknown_field(self, node: ast.Field) -> str:
        text = ".".join(str(part) for part in node.chain)
        if not self.scope.sources:
            return f"Unable to resolve field: '{text}'"
        known = {name: name for source in self.scope.sources for name in source.names()}
        close = difflib.get_close_matches(str(node.chain[0]), known, n=1)
        properties = [name for name in known if name == "properties"]
        if close:
            return f"Unable to resolve field: '{text}'. Did you mean '{close[0]}'?"
        hint = f". For a property, write 'properties.{text}'" if properties else ""
        return f"Unable to resolve field: '{text}'{hint}"

    def _rest_of(self, base: Typed, rest: tuple[str | int, ...]) -> Typed:
        """What the rest of a chain reads from the column it began with."""
        if not rest:
            return base
        if base.json_scope is not None:
            return self._property(base, rest)
        if base.kind in {"property", "string"}:
            return Typed(json_text(base.sql, rest), "property", nullable=True)
        if base.kind == "tuple" and isinstance(rest[0], str):
            return self._rest_of(Typed(f"tupleElement({base.sql}, {quote(rest[0])})"), rest[1:])
        key = str(rest[0]) if isinstance(rest[0], int) else self.parameters.add(rest[0])
        return self._rest_of(Typed(f"arrayElement({base.sql}, {key})"), rest[1:])

    def _in_timezone(self, base: Typed) -> Typed:
        sql = f"toTimeZone({base.sql}, {quote(self.timezone)})"
        return Typed(sql, "datetime", nullable=base.nullable, instant=base.sql)

    def _property(self, base: Typed, rest: tuple[str | int, ...]) -> Typed:
        """A JSON property, read as the type it was declared with. A materialised one is a column already."""
        sql = base.sql if base.kind == "property" else json_text(base.sql, rest)
        value = Typed(sql, "property", nullable=True)
        if len(rest) > 1:
            return value
        declared = self.settings.property_types.get(base.json_scope or "", {}).get(str(rest[0]))
        if declared == "Numeric":
            return as_number(value)
        if declared == "Boolean":
            return as_boolean(value)
        if declared == "DateTime":
            return as_datetime(value, self.timezone)
        return value

    def _alias(self, node: ast.Alias) -> Typed:
        if self.scope.aliases.get(node.alias) is node or self.scope.aliases.get(node.alias) == node:
            inner = self.alias_type(node.alias)
        else:
            inner = self.expr(node.expr)
        return Typed(f"({inner.sql} AS {identifier(node.alias)})", inner.kind, inner.nullable, inner.json_scope)

    def _call(self, node: ast.Call) -> Typed:
        return compile_call(self, node)

    def _arithmetic(self, node: ast.ArithmeticOperation) -> Typed:
        left, right = self.expr(node.left), self.expr(node.right)
        if "interval" in {left.kind, right.kind}:
            left, right = self._shifted(left, right), self._shifted(right, left)
        else:
            left, right = as_number(left), as_number(right)
        sql = f"{_ARITHMETIC[node.op]}({left.sql}, {right.sql})"
        return Typed(sql, _arithmetic_kind(left, right, node.op), nullable=left.nullable or right.nullable)

    def _shifted(self, value: Typed, other: Typed) -> Typed:
        return self.moment(value) if other.kind == "interval" else value

    def _compare(self, node: ast.CompareOperation) -> Typed:
        if node.op.endswith("cohort"):
            raise HogQLError("IN COHORT is not supported: there are no cohorts here")
        if node.op in {"in", "not in"}:
            return self._in(node)
        left, right = self.expr(node.left), self.expr(node.right)
        return compare(left, right, node.op, timezone=self.timezone, null_safe=self.null_safe)

    def _in(self, node: ast.CompareOperation) -> Typed:
        negated = node.op == "not in"
        right = node.right
        if isinstance(right, ast.Field) and len(right.chain) == 1 and self.scope.query(str(right.chain[0])):
            right = ast.SelectQuery((ast.Field(("*",)),), select_from=ast.JoinExpr(right))
        left = self.expr(node.left)
        if isinstance(right, ast.SelectQuery | ast.SelectSetQuery):
            return self._in_subquery(left, right, negated=negated)
        if isinstance(right, ast.Call) and right.name in {"tuple", "array"}:
            right = ast.Tuple(right.args)
        if isinstance(right, ast.Tuple | ast.Array):
            items = [self.expr(item) for item in right.exprs]
            return within(left, items, negated=negated, timezone=self.timezone)
        found = self.expr(right)
        if found.is_constant or found.kind in {"string", "number", "uuid", "date", "datetime", "boolean"}:
            return within(left, [found], negated=negated, timezone=self.timezone)
        sql = f"in({left.sql}, {found.sql})" if found.kind == "tuple" else f"has({found.sql}, {left.sql})"
        return Typed(f"not({sql})" if negated else sql, "boolean", nullable=False)

    def _in_subquery(self, left: Typed, query: ast.SelectStatement, *, negated: bool) -> Typed:
        sql, columns = self.subquery(query)
        first = next(iter(columns.values()), None)
        if first is not None and len(columns) == 1:
            if left.kind == "property" and first.kind == "number":
                left = as_number(left)
            if left.kind == "uuid" and first.kind in {"string", "property"}:
                left = Typed(f"toString({left.sql})", "string", nullable=left.nullable)
        function = ("globalNotIn" if negated else "globalIn") if self.settings.distributed else None
        function = function or ("notIn" if negated else "in")
        found = f"{function}({left.sql}, ({sql}))"
        if left.nullable and self.null_safe:
            found = f"ifNull({found}, {1 if negated else 0})"
        return Typed(found, "boolean", nullable=False)

    def _logical(self, name: str, exprs: tuple[ast.Expr, ...]) -> Typed:
        parts = [as_condition(self.expr(expr)) for expr in exprs]
        sql = f"{name}({', '.join(part.sql for part in parts)})"
        return Typed(sql, "boolean", nullable=any(part.nullable for part in parts))

    def _and(self, node: ast.And) -> Typed:
        return self._logical("and", node.exprs)

    def _or(self, node: ast.Or) -> Typed:
        return self._logical("or", node.exprs)

    def _not(self, node: ast.Not) -> Typed:
        return self._logical("not", (node.expr,))

    def _between(self, node: ast.BetweenExpr) -> Typed:
        value, low, high = self.expr(node.expr), self.expr(node.low), self.expr(node.high)
        above = compare(value, low, ">=", timezone=self.timezone)
        below = compare(value, high, "<=", timezone=self.timezone)
        sql = f"and({above.sql}, {below.sql})"
        return Typed(f"not({sql})" if node.negated else sql, "boolean", above.nullable or below.nullable)

    def _case(self, node: ast.Case) -> Typed:
        operand = None if node.operand is None else self.expr(node.operand)
        conditions: list[str] = []
        results: list[Typed] = []
        for when, then in node.whens:
            test = self.expr(when)
            condition = as_condition(test) if operand is None else compare(operand, test, "=", timezone=self.timezone)
            results.append(self.expr(then))
            conditions.append(condition.sql)
        results.append(NULL if node.default is None else self.expr(node.default))
        results = aligned(results, self.timezone)
        kind: Kind = next((found.kind for found in results if found.kind != "null"), "unknown")
        nullable = any(found.nullable for found in results)
        pairs = zip(conditions, results, strict=False)
        parts = [f"{condition}, {result.sql}" for condition, result in pairs]
        return Typed(f"multiIf({', '.join(parts)}, {results[-1].sql})", kind, nullable=nullable)

    def _cast(self, node: ast.TypeCast) -> Typed:
        value = self.expr(node.expr)
        engine_type, kind = _engine_type(node.type_name)
        if kind in {"datetime", "date"} and value.kind in {"property", "string"}:
            moment = self.moment(value)
            sql = f"toDate({moment.sql})" if kind == "date" else moment.sql
            return Typed(sql, kind, nullable=moment.nullable)
        if kind == "unknown":
            return Typed(f"CAST({value.sql}, {quote(engine_type)})", kind)
        if value.nullable or kind not in {"string", "number"}:
            return Typed(f"accurateCastOrNull({value.sql}, {quote(engine_type)})", kind, nullable=True)
        return Typed(f"CAST({value.sql}, {quote(engine_type)})", kind, nullable=False)

    def _array(self, node: ast.Array) -> Typed:
        return Typed(f"[{', '.join(self.expr(item).sql for item in node.exprs)}]", "array", nullable=False)

    def _tuple(self, node: ast.Tuple) -> Typed:
        return Typed(f"tuple({', '.join(self.expr(item).sql for item in node.exprs)})", "tuple", nullable=False)

    def _dict(self, node: ast.Dict) -> Typed:
        parts = [self.expr(part).sql for item in node.items for part in item]
        return Typed(f"map({', '.join(parts)})", "map", nullable=False)

    def _array_access(self, node: ast.ArrayAccess) -> Typed:
        base = self.expr(node.array)
        index = node.property.value if isinstance(node.property, ast.Constant) else None
        if isinstance(index, str | int) and not isinstance(index, bool):
            if index == 0:
                raise HogQLError("Array indexes start at 1")
            if base.json_scope is not None or base.kind in {"property", "string", "tuple"}:
                return self._element(base, index)
        key = self.expr(node.property)
        return Typed(f"arrayElement({base.sql}, {key.sql})")

    def _element(self, base: Typed, index: str | int) -> Typed:
        if base.kind == "tuple":
            return Typed(f"tupleElement({base.sql}, {literal(index)})")
        return self._rest_of(base, (index,))

    def _tuple_access(self, node: ast.TupleAccess) -> Typed:
        if node.index == 0:
            raise HogQLError("Tuple indexes start at 1")
        base = self.expr(node.tuple)
        if base.json_scope is not None or base.kind == "property":
            return self._rest_of(base, (node.index,))
        return Typed(f"tupleElement({base.sql}, {node.index})")

    def _lambda(self, node: ast.Lambda) -> Typed:
        self.scope.lambda_args.append(frozenset(node.args))
        try:
            body = self.expr(node.expr)
        finally:
            self.scope.lambda_args.pop()
        names = ", ".join(identifier(name) for name in node.args)
        # Conditions of arrayFilter and the like must not be NULL: comparisons already are not.
        return Typed(f"({names}) -> {body.sql}", "unknown", nullable=False)

    def _window(self, node: ast.WindowFunction) -> Typed:
        call = compile_window_call(self, node.call)
        if node.over_identifier is not None:
            if node.over_identifier not in self.scope.windows:
                raise HogQLError(f"There is no window called {node.over_identifier!r}")
            return Typed(f"{call.sql} OVER {identifier(node.over_identifier)}", call.kind, call.nullable)
        window = node.over_expr or ast.WindowExpr()
        if window.frame_method is None and node.call.name.lower() in {"lag", "lead"}:
            whole = ast.WindowFrameExpr("PRECEDING"), ast.WindowFrameExpr("FOLLOWING")
            window = ast.with_fields(window, frame_method="ROWS", frame_start=whole[0], frame_end=whole[1])
        return Typed(f"{call.sql} OVER ({self.window(window)})", call.kind, call.nullable)

    def window(self, window: ast.WindowExpr) -> str:
        """SQL of what stands between the parentheses of OVER."""
        parts: list[str] = []
        if window.partition_by:
            parts.append(f"PARTITION BY {', '.join(self.expr(expr).sql for expr in window.partition_by)}")
        if window.order_by:
            parts.append(f"ORDER BY {', '.join(self.order_key(key) for key in window.order_by)}")
        if window.frame_method and window.frame_start:
            start = _frame(window.frame_start)
            frame = f"BETWEEN {start} AND {_frame(window.frame_end)}" if window.frame_end else start
            parts.append(f"{window.frame_method} {frame}")
        return " ".join(parts)

    def order_key(self, key: ast.OrderExpr) -> str:
        """SQL of one key of ORDER BY."""
        nulls = f" NULLS {key.nulls}" if key.nulls else ""
        return f"{self.expr(key.expr).sql} {key.order}{nulls}"

    def _query(self, node: ast.SelectQuery | ast.SelectSetQuery) -> Typed:
        sql, columns = self.subquery(node)
        kinds = [column.kind for column in columns.values()]
        return Typed(f"({sql})", kinds[0] if len(kinds) == 1 else "tuple", nullable=True)

    def _placeholder(self, node: ast.Placeholder) -> Typed:
        chain = node.expr.chain if isinstance(node.expr, ast.Field) else ("…",)
        name = ".".join(str(part) for part in chain)
        raise HogQLError(f"Placeholder {{{name}}} has no value", start=node.start, end=node.end)


def _frame(frame: ast.WindowFrameExpr) -> str:
    if frame.frame_type == "CURRENT ROW":
        return "CURRENT ROW"
    amount = "UNBOUNDED" if frame.frame_value is None else f"{frame.frame_value:d}"
    return f"{amount} {frame.frame_type}"


def _arithmetic_kind(left: Typed, right: Typed, operator: str) -> Kind:
    kinds = {left.kind, right.kind}
    if "interval" in kinds:
        moment = left if right.kind == "interval" else right
        if moment.kind == "date":
            hours = any(word in left.sql + right.sql for word in ("Second(", "Minute(", "Hour("))
            return "datetime" if hours else "date"
        return "datetime" if moment.kind == "datetime" else "interval" if moment.kind == "interval" else "unknown"
    if kinds & {"datetime", "date"}:
        if operator == "-" and left.kind in {"datetime", "date"} and right.kind in {"datetime", "date"}:
            return "number"
        return left.kind if left.kind in {"datetime", "date"} else right.kind
    if "tuple" in kinds or "array" in kinds:
        return "unknown"
    return "number"


def _engine_type(name: str) -> tuple[str, Kind]:
    """The engine's name of a type, and its kind."""
    text = name.strip()
    known = _TYPES.get(text.lower())
    if known:
        return known
    words = _TYPE_WORD.findall(re.sub(r"'[^']*'", "", text))
    allowed = all(
        word.lower() in _TYPE_WRAPPERS or word.lower() in _TYPES or _ENGINE_TYPE.fullmatch(word) for word in words
    )
    if not words or not allowed or not re.fullmatch(r"[\w(), '/+-]+", text):
        raise HogQLError(f"Unsupported type {name!r}")
    return text, _kind_of_type(words[0].lower())


def _kind_of_type(word: str) -> Kind:
    if word.startswith(("int", "uint", "float", "decimal")):
        return "number"
    kinds: dict[str, Kind] = {
        "string": "string", "bool": "boolean", "uuid": "uuid", "date": "date", "date32": "date",
        "datetime": "datetime", "datetime64": "datetime",
    }  # fmt: skip
    return kinds.get(word, "unknown")
