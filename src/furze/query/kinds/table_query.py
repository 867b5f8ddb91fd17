"""What queries of rows have in common: columns as HogQL texts, conditions, order, a page."""

from collections.abc import Sequence
from typing import Final

from furze.hogql import ast
from furze.hogql.functions import find_function
from furze.hogql.parser import parse_expression, parse_order_expression
from furze.query.kinds.template import all_of
from furze.query.types import DEFAULT_ROWS, MAX_ROWS, Rows

_LABEL: Final = "--"


def page(limit: int | None, offset: int | None) -> tuple[int, int]:
    """The rows asked for, within what is allowed."""
    return max(1, min(limit or DEFAULT_ROWS, MAX_ROWS)), max(0, offset or 0)


def is_aggregation(expr: ast.Expr) -> bool:
    """Whether a column puts rows together."""
    calls = (node for node in ast.walk(expr) if isinstance(node, ast.Call))
    return any(function.is_aggregate for call in calls if (function := find_function(call.name)))


def column(text: str) -> ast.Expr:
    """The expression of a column, which may end in a comment with its label."""
    return parse_expression(text.split(_LABEL, maxsplit=1)[0] if _LABEL in text and "'" not in text else text)


def statement(
    table: str,
    columns: Sequence[ast.Expr],
    where: Sequence[ast.Expr | None],
    order_by: Sequence[ast.OrderExpr],
    *,
    limit: int,
    offset: int,
) -> ast.SelectQuery:
    """A page of rows, and one more that tells whether others follow. With aggregations, one row for each group."""
    plain = tuple(expr for expr in columns if not is_aggregation(expr))
    is_grouped = len(plain) < len(columns)
    conditions = [condition for condition in where if condition is not None]
    return ast.SelectQuery(
        select=tuple(ast.Alias(f"c{number}", _bare(expr)) for number, expr in enumerate(columns)),
        select_from=ast.JoinExpr(table=ast.Field((table,))),
        where=all_of(*(condition for condition in conditions if not is_aggregation(condition))),
        having=all_of(*(condition for condition in conditions if is_aggregation(condition))) if is_grouped else None,
        group_by=tuple(_bare(expr) for expr in plain) if is_grouped else (),
        order_by=tuple(order_by),
        limit=ast.Constant(limit + 1),
        offset=ast.Constant(offset),
    )


def order(texts: Sequence[str]) -> list[ast.OrderExpr]:
    """Sort keys from their texts."""
    return [parse_order_expression(text) for text in texts]


def paged(found: Rows, limit: int) -> tuple[list[list[object]], bool]:
    """The rows of the page, and whether others follow."""
    return [list(row) for row in found.rows[:limit]], len(found.rows) > limit


def _bare(expr: ast.Expr) -> ast.Expr:
    return expr.expr if isinstance(expr, ast.Alias) else expr
