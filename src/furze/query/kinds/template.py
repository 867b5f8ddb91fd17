"""Queries written as HogQL with `{names}` for the parts that differ."""

from functools import lru_cache
from typing import cast

from furze.hogql import ast
from furze.hogql.parser import parse_expression, parse_select


@lru_cache(maxsize=256)
def _parsed_select(text: str) -> ast.SelectStatement:
    return parse_select(text)


@lru_cache(maxsize=256)
def _parsed_expression(text: str) -> ast.Expr:
    return parse_expression(text)


def select(text: str, /, **parts: ast.Expr) -> ast.SelectQuery:
    """The SELECT in `text`, with a part for each `{name}`."""
    return cast("ast.SelectQuery", _filled(_parsed_select(text), parts))


def expression(text: str, /, **parts: ast.Expr) -> ast.Expr:
    """The expression in `text`, with a part for each `{name}`."""
    return cast("ast.Expr", _filled(_parsed_expression(text), parts))


def constant(value: object) -> ast.Expr:
    """A value as an expression; lists become arrays."""
    if isinstance(value, list | tuple):
        return ast.Array(tuple(constant(item) for item in value))
    return ast.Constant(value)


def all_of(*conditions: ast.Expr | None) -> ast.Expr:
    """A condition that holds when each of those given holds."""
    given = tuple(condition for condition in conditions if condition is not None and condition != TRUE)
    if not given:
        return TRUE
    return given[0] if len(given) == 1 else ast.And(given)


def any_of(conditions: list[ast.Expr]) -> ast.Expr:
    """A condition that holds when one of those given holds."""
    if any(condition == TRUE for condition in conditions):
        return TRUE
    return conditions[0] if len(conditions) == 1 else ast.Or(tuple(conditions))


TRUE = ast.Constant(True)


def _filled(node: ast.Node, parts: dict[str, ast.Expr]) -> ast.Node:
    if isinstance(node, ast.Placeholder) and isinstance(node.expr, ast.Field):
        return parts[str(node.expr.chain[0])]
    return ast.map_children(node, lambda child: _filled(child, parts))
