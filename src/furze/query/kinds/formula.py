"""Formulas over series: `A / B * 100`, where A is the first series."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Final

from furze.platform.errors import InvalidInput

_BINARY: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: left / right if right else 0,
    ast.Mod: lambda left, right: left % right if right else 0,
    ast.Pow: lambda left, right: left**right,
}
_MAX_LENGTH: Final = 500


def evaluate(formula: str, values: Mapping[str, float]) -> float:
    """The formula's value. Dividing by zero gives 0, as does anything that has no finite value."""
    tree = _parsed(formula)
    try:
        result = _value(tree, values, formula)
    except (OverflowError, ZeroDivisionError):
        return 0
    is_number = isinstance(result, int | float) and math.isfinite(result)
    return result if is_number else 0


def letters(formula: str) -> set[str]:
    """The series a formula names."""
    return {node.id.upper() for node in ast.walk(_parsed(formula)) if isinstance(node, ast.Name)}


def _parsed(formula: str) -> ast.expr:
    if len(formula) > _MAX_LENGTH:
        raise InvalidInput(f"The formula has more than {_MAX_LENGTH} characters.", attr="query__trendsFilter__formula")
    try:
        return ast.parse(formula.strip().replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise _unreadable(formula) from error


def _value(node: ast.expr, values: Mapping[str, float], formula: str) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Name):
        if node.id.upper() not in values:
            raise InvalidInput(
                f"The formula {formula!r} names series {node.id!r}, but the query has only {', '.join(values)}.",
                attr="query__trendsFilter__formula",
            )
        return values[node.id.upper()]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        operand = _value(node.operand, values, formula)
        return -operand if isinstance(node.op, ast.USub) else operand
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        left, right = _value(node.left, values, formula), _value(node.right, values, formula)
        return _BINARY[type(node.op)](left, right)
    raise _unreadable(formula)


def _unreadable(formula: str) -> InvalidInput:
    return InvalidInput(
        f"The formula {formula!r} can't be read. Use letters, numbers, + - * / and parentheses, such as 'A/B*100'.",
        attr="query__trendsFilter__formula",
    )
