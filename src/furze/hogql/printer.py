"""The tree back to HogQL text. Parsing what is printed gives the same tree again."""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Final
from uuid import UUID

from furze.hogql import ast
from furze.hogql.reader import RESERVED

_PLAIN_NAME: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z")
_NOT_PLAIN: Final = RESERVED | {"true", "false", "null", "inf", "nan", "interval", "columns", "into", "top"}


def print_hogql(node: ast.Node) -> str:
    """HogQL text of a query, an expression or a part of a query."""
    return _PRINTERS[type(node)](node)


def name(text: str) -> str:
    """A name, back-quoted when it has to be."""
    if _PLAIN_NAME.match(text) and text.lower() not in _NOT_PLAIN:
        return text
    return "`" + text.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + escaped.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r").replace("\0", "\\0") + "'"


def _list(nodes: tuple[ast.Expr, ...]) -> str:
    return ", ".join(print_hogql(node) for node in nodes)


def _constant(node: ast.Constant) -> str:
    value = node.value
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = _string(value.isoformat(sep=" ") if isinstance(value, datetime) else str(value))
    function = next((name for kind, name in _CONSTANT_FUNCTIONS if isinstance(value, kind)), None)
    return f"{function}({text})" if function else text


# A datetime is a date as well, so it comes first.
_CONSTANT_FUNCTIONS: Final = ((datetime, "toDateTime"), (date, "toDate"), (UUID, "toUUID"))


def _field(node: ast.Field) -> str:
    parts = ["*" if part == "*" and index == len(node.chain) - 1 else name(str(part))
             for index, part in enumerate(node.chain)]  # fmt: skip
    return ".".join(parts)


def _columns(node: ast.Columns) -> str:
    if node.regex is not None:
        return f"columns({_string(node.regex)})"
    if node.exprs:
        return f"columns({_list(node.exprs)})"
    star = f"{name(node.table)}.*" if node.table else "*"
    if node.exclude:
        star += f" EXCEPT ({', '.join(name(column) for column in node.exclude)})"
    if node.replaced:
        star += f" REPLACE ({_list(node.replaced)})"
    return star


def _call(node: ast.Call) -> str:
    called = _call_name(node.name)
    params = "" if node.params is None else f"({_list(node.params)})"
    return f"{called}{params}({'DISTINCT ' if node.distinct else ''}{_list(node.args)})"


def _call_name(text: str) -> str:
    # `if`, `any` or `left` are words of the grammar, but before a parenthesis they are names.
    return text if _PLAIN_NAME.match(text) and text.lower() not in _SPECIAL_CALLS else name(text)


_SPECIAL_CALLS: Final = frozenset(
    {"case", "cast", "interval", "columns", "select", "not", "and", "or", "distinct", "extract"}
)


def _operand(node: ast.Expr) -> str:
    text = print_hogql(node)
    return f"({text})" if isinstance(node, _COMPOUND) else text


_COMPOUND: Final = (
    ast.ArithmeticOperation, ast.CompareOperation, ast.And, ast.Or, ast.Not, ast.BetweenExpr, ast.Lambda, ast.Alias,
    ast.Columns,
)  # fmt: skip


def _postfix_operand(node: ast.Expr) -> str:
    text = _operand(node)
    number = isinstance(node, ast.Constant) and isinstance(node.value, int | float)
    return f"({text})" if number and not text.startswith("(") else text


def _arithmetic(node: ast.ArithmeticOperation) -> str:
    return f"{_operand(node.left)} {node.op} {_operand(node.right)}"


def _compare(node: ast.CompareOperation) -> str:
    if isinstance(node.right, ast.Constant) and node.right.value is None and node.op in {"=", "!="}:
        return f"{_operand(node.left)} IS {'NOT ' if node.op == '!=' else ''}NULL"
    return f"{_operand(node.left)} {node.op.upper()} {_operand(node.right)}"


def _and(node: ast.And) -> str:
    return " AND ".join(_operand(expr) for expr in node.exprs)


def _or(node: ast.Or) -> str:
    return " OR ".join(_operand(expr) for expr in node.exprs)


def _not(node: ast.Not) -> str:
    return f"NOT {_operand(node.expr)}"


def _between(node: ast.BetweenExpr) -> str:
    word = "NOT BETWEEN" if node.negated else "BETWEEN"
    return f"{_operand(node.expr)} {word} {_operand(node.low)} AND {_operand(node.high)}"


def _case(node: ast.Case) -> str:
    parts = ["CASE"] if node.operand is None else ["CASE", print_hogql(node.operand)]
    parts += [f"WHEN {print_hogql(when)} THEN {print_hogql(then)}" for when, then in node.whens]
    if node.default is not None:
        parts.append(f"ELSE {print_hogql(node.default)}")
    return " ".join([*parts, "END"])


def _cast(node: ast.TypeCast) -> str:
    return f"CAST({print_hogql(node.expr)}, {_string(node.type_name)})"


def _dict(node: ast.Dict) -> str:
    items = ", ".join(f"{print_hogql(key)}: {print_hogql(value)}" for key, value in node.items)
    return f"{{{items}}}"


def _tuple(node: ast.Tuple) -> str:
    return f"({_list(node.exprs)}{',' if len(node.exprs) == 1 else ''})"


def _array_access(node: ast.ArrayAccess) -> str:
    return f"{_postfix_operand(node.array)}[{print_hogql(node.property)}]"


def _tuple_access(node: ast.TupleAccess) -> str:
    return f"{_postfix_operand(node.tuple)}.{node.index}"


def _lambda(node: ast.Lambda) -> str:
    return f"({', '.join(name(arg) for arg in node.args)}) -> {print_hogql(node.expr)}"


def _window_function(node: ast.WindowFunction) -> str:
    over = name(node.over_identifier) if node.over_identifier else f"({_window(node.over_expr or ast.WindowExpr())})"
    return f"{_call(node.call)} OVER {over}"


def _window(node: ast.WindowExpr) -> str:
    parts = [f"PARTITION BY {_list(node.partition_by)}"] if node.partition_by else []
    if node.order_by:
        parts.append(f"ORDER BY {_orders(node.order_by)}")
    if node.frame_method and node.frame_start:
        frame = _frame(node.frame_start)
        if node.frame_end:
            frame = f"BETWEEN {frame} AND {_frame(node.frame_end)}"
        parts.append(f"{node.frame_method} {frame}")
    return " ".join(parts)


def _frame(node: ast.WindowFrameExpr) -> str:
    if node.frame_type == "CURRENT ROW":
        return "CURRENT ROW"
    return f"{'UNBOUNDED' if node.frame_value is None else node.frame_value} {node.frame_type}"


def _orders(keys: tuple[ast.OrderExpr, ...]) -> str:
    return ", ".join(_order(key) for key in keys)


def _order(node: ast.OrderExpr) -> str:
    return f"{print_hogql(node.expr)} {node.order}{f' NULLS {node.nulls}' if node.nulls else ''}"


def _alias(node: ast.Alias) -> str:
    return f"{_operand(node.expr)} AS {name(node.alias)}"


def _placeholder(node: ast.Placeholder) -> str:
    return f"{{{print_hogql(node.expr)}}}"


def _nested_query(node: ast.Expr) -> str:
    return f"({_statement(node)})"


def _statement(node: ast.Expr) -> str:
    if isinstance(node, ast.SelectQuery):
        return _select(node)
    if isinstance(node, ast.SelectSetQuery):
        return _set(node)
    return print_hogql(node)


def print_statement(node: ast.SelectStatement) -> str:
    """HogQL text of a whole query, without parentheses around it."""
    return _statement(node)


def _with(node: ast.SelectStatement) -> str:
    if not node.ctes:
        return ""
    return f"WITH {'RECURSIVE ' if node.recursive else ''}{', '.join(_cte(cte) for cte in node.ctes)} "


def _cte(cte: ast.CTE) -> str:
    if not cte.is_subquery:
        return f"{_operand(cte.expr)} AS {name(cte.name)}"
    columns = f"({', '.join(name(column) for column in cte.columns)})" if cte.columns else ""
    return f"{name(cte.name)}{columns} AS {_nested_query(cte.expr)}"


def _set(node: ast.SelectSetQuery) -> str:
    members = [_nested_query(node.initial_select_query)]
    members += [f"{more.set_operator} {_nested_query(more.select_query)}" for more in node.subsequent_select_queries]
    return _with(node) + " ".join(members)


def _select(node: ast.SelectQuery) -> str:
    parts = [f"{_with(node)}SELECT {'DISTINCT ' if node.distinct else ''}{_list(node.select)}"]
    if node.select_from:
        parts.append(f"FROM {_join(node.select_from)}")
    if node.array_join_op:
        parts.append(f"{node.array_join_op} {_list(node.array_join_list)}")
    for word, condition in (("PREWHERE", node.prewhere), ("WHERE", node.where)):
        if condition is not None:
            parts.append(f"{word} {print_hogql(condition)}")
    if node.group_by_all or node.group_by:
        parts.append(f"GROUP BY {'ALL' if node.group_by_all else _list(node.group_by)}")
    if node.having is not None:
        parts.append(f"HAVING {print_hogql(node.having)}")
    if node.windows:
        parts.append("WINDOW " + ", ".join(f"{name(each.name)} AS ({_window(each.window)})" for each in node.windows))
    if node.qualify is not None:
        parts.append(f"QUALIFY {print_hogql(node.qualify)}")
    if node.order_by:
        parts.append(f"ORDER BY {_orders(node.order_by)}")
    return " ".join([*parts, *_limits(node)])


def _limits(node: ast.SelectQuery) -> list[str]:
    parts: list[str] = []
    if node.limit_by:
        offset = f" OFFSET {node.limit_by.offset}" if node.limit_by.offset else ""
        parts.append(f"LIMIT {node.limit_by.limit}{offset} BY {_list(node.limit_by.exprs)}")
    if node.limit is not None:
        parts.append(f"LIMIT {print_hogql(node.limit)}{' WITH TIES' if node.limit_with_ties else ''}")
    if node.offset is not None:
        parts.append(f"OFFSET {print_hogql(node.offset)}")
    return parts


def _join(node: ast.JoinExpr) -> str:
    parts: list[str] = []
    join: ast.JoinExpr | None = node
    while join is not None:
        parts += [join.join_type] if join.join_type else []
        parts += _table(join)
        join = join.next_join
    return " ".join(parts)


def _table(join: ast.JoinExpr) -> list[str]:
    arguments = "" if join.table_args is None else f"({_list(join.table_args)})"
    parts = [f"{print_hogql(join.table)}{arguments}"]
    if join.alias:
        columns = f" ({', '.join(name(column) for column in join.column_aliases)})" if join.column_aliases else ""
        parts.append(f"AS {name(join.alias)}{columns}")
    if join.final:
        parts.append("FINAL")
    if join.sample:
        offset = f" OFFSET {join.sample.offset!r}" if join.sample.offset else ""
        parts.append(f"SAMPLE {join.sample.ratio!r}{offset}")
    if join.constraint and join.constraint.kind == "ON":
        parts.append(f"ON {_list(join.constraint.exprs)}")
    elif join.constraint:
        parts.append(f"USING ({_list(join.constraint.exprs)})")
    return parts


def _values(node: ast.ValuesQuery) -> str:
    return f"(VALUES {', '.join(f'({_list(row)})' for row in node.rows)})"


_PRINTERS: Final[dict[type[ast.Node], Callable[..., str]]] = {
    ast.Constant: _constant,
    ast.Field: _field,
    ast.Columns: _columns,
    ast.Alias: _alias,
    ast.Call: _call,
    ast.WindowFunction: _window_function,
    ast.ArithmeticOperation: _arithmetic,
    ast.CompareOperation: _compare,
    ast.And: _and,
    ast.Or: _or,
    ast.Not: _not,
    ast.BetweenExpr: _between,
    ast.Case: _case,
    ast.TypeCast: _cast,
    ast.Array: lambda node: f"[{_list(node.exprs)}]",
    ast.Tuple: _tuple,
    ast.Dict: _dict,
    ast.ArrayAccess: _array_access,
    ast.TupleAccess: _tuple_access,
    ast.Lambda: _lambda,
    ast.Placeholder: _placeholder,
    ast.OrderExpr: _order,
    ast.SelectQuery: _nested_query,
    ast.SelectSetQuery: _nested_query,
    ast.ValuesQuery: _values,
}
