"""The syntax tree of HogQL, with PostHog's node names.

Nodes are values: frozen, compared without their positions. `start` and `end` are character offsets into the
text a node was parsed from, and None for a node that a program built.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, TypeAlias, TypeVar, cast

from furze.hogql.errors import HogQLError

#: The deepest tree that is compiled. Recursive passes need about four Python frames a level.
MAX_TREE_DEPTH = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Anything in the tree."""

    start: int | None = field(default=None, compare=False, repr=False)
    end: int | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Expr(Node):
    """Anything that has a value."""


ArithmeticOperator = Literal["+", "-", "*", "/", "%"]
CompareOperator = Literal[
    "=", "!=", "<", "<=", ">", ">=", "like", "ilike", "not like", "not ilike", "in", "not in",
    "in cohort", "not in cohort", "=~", "!~", "=~*", "!~*", "is distinct from", "is not distinct from",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Constant(Expr):
    """A number, string, boolean, None, datetime, date or UUID."""

    value: object


@dataclass(frozen=True, slots=True)
class Field(Expr):
    """A dotted name: `properties.$browser` is `("properties", "$browser")`; a trailing `"*"` is the asterisk."""

    chain: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Columns(Expr):
    """Several columns: `* except (a)`, `* replace (f(a) as a)`, `columns('regexp')`, `columns(a, b)`."""

    table: str | None = None
    regex: str | None = None
    exclude: tuple[str, ...] = ()
    replaced: "tuple[Alias, ...]" = ()
    exprs: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Alias(Expr):
    """`expr AS alias`."""

    alias: str
    expr: Expr


@dataclass(frozen=True, slots=True)
class OrderExpr(Node):
    """One key of ORDER BY."""

    expr: Expr
    order: Literal["ASC", "DESC"] = "ASC"
    nulls: Literal["FIRST", "LAST"] | None = None


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """`name(params)(args)`; without parameters, `name(args)`."""

    name: str
    args: tuple[Expr, ...] = ()
    params: tuple[Expr, ...] | None = None
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class WindowFrameExpr(Node):
    """One end of a window frame; `frame_value` None is UNBOUNDED."""

    frame_type: Literal["CURRENT ROW", "PRECEDING", "FOLLOWING"]
    frame_value: int | None = None


@dataclass(frozen=True, slots=True)
class WindowExpr(Node):
    """What stands between the parentheses of OVER (…)."""

    partition_by: tuple[Expr, ...] = ()
    order_by: tuple[OrderExpr, ...] = ()
    frame_method: Literal["ROWS", "RANGE"] | None = None
    frame_start: WindowFrameExpr | None = None
    frame_end: WindowFrameExpr | None = None


@dataclass(frozen=True, slots=True)
class WindowFunction(Expr):
    """`call OVER (…)` or `call OVER name`."""

    call: Call
    over_expr: WindowExpr | None = None
    over_identifier: str | None = None


@dataclass(frozen=True, slots=True)
class ArithmeticOperation(Expr):
    """`left op right`."""

    left: Expr
    right: Expr
    op: ArithmeticOperator


@dataclass(frozen=True, slots=True)
class CompareOperation(Expr):
    """`left op right`; IS NULL is a comparison with the constant None."""

    left: Expr
    right: Expr
    op: CompareOperator


@dataclass(frozen=True, slots=True)
class And(Expr):
    """All of `exprs`."""

    exprs: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Or(Expr):
    """Any of `exprs`."""

    exprs: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Not(Expr):
    """The opposite."""

    expr: Expr


@dataclass(frozen=True, slots=True)
class BetweenExpr(Expr):
    """`expr BETWEEN low AND high`."""

    expr: Expr
    low: Expr
    high: Expr
    negated: bool = False


@dataclass(frozen=True, slots=True)
class TypeCast(Expr):
    """`CAST(expr AS type_name)` or `expr::type_name`."""

    expr: Expr
    type_name: str


@dataclass(frozen=True, slots=True)
class Case(Expr):
    """`CASE operand WHEN … THEN … ELSE default END`; without an operand each WHEN is a condition."""

    whens: tuple[tuple[Expr, Expr], ...]
    operand: Expr | None = None
    default: Expr | None = None


@dataclass(frozen=True, slots=True)
class Array(Expr):
    """`[a, b]`."""

    exprs: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Tuple(Expr):
    """`(a, b)`."""

    exprs: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Dict(Expr):
    """`{'a': 1}`."""

    items: tuple[tuple[Expr, Expr], ...] = ()


@dataclass(frozen=True, slots=True)
class ArrayAccess(Expr):
    """`array[property]`."""

    array: Expr
    property: Expr


@dataclass(frozen=True, slots=True)
class TupleAccess(Expr):
    """`tuple.1`."""

    tuple: Expr
    index: int


@dataclass(frozen=True, slots=True)
class Lambda(Expr):
    """`(a, b) -> expr`."""

    args: tuple[str, ...]
    expr: Expr


@dataclass(frozen=True, slots=True)
class Placeholder(Expr):
    """`{expr}`: a value, filter or variable that is put in before compiling."""

    expr: Expr


@dataclass(frozen=True, slots=True)
class SampleExpr(Node):
    """`SAMPLE ratio OFFSET offset`, both as fractions of one."""

    ratio: float
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class JoinConstraint(Node):
    """ON one expression, or USING columns."""

    kind: Literal["ON", "USING"]
    exprs: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class JoinExpr(Node):
    """One table of FROM with how it joins what stands before it; `next_join` is the one after it."""

    table: Expr
    table_args: tuple[Expr, ...] | None = None
    alias: str | None = None
    column_aliases: tuple[str, ...] = ()
    join_type: str | None = None
    constraint: JoinConstraint | None = None
    sample: SampleExpr | None = None
    final: bool = False
    next_join: "JoinExpr | None" = None


@dataclass(frozen=True, slots=True)
class CTE(Node):
    """`name AS (select)` when `is_subquery`, else `expr AS name`."""

    name: str
    expr: Expr
    is_subquery: bool = True
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitByExpr(Node):
    """`LIMIT n OFFSET offset BY exprs`."""

    limit: int
    exprs: tuple[Expr, ...]
    offset: int = 0


@dataclass(frozen=True, slots=True)
class NamedWindow(Node):
    """`WINDOW name AS (…)`."""

    name: str
    window: WindowExpr


@dataclass(frozen=True, slots=True)
class SelectQuery(Expr):
    """One SELECT. `limit` and `offset` are expressions until placeholders are put in."""

    select: tuple[Expr, ...]
    ctes: tuple[CTE, ...] = ()
    recursive: bool = False
    distinct: bool = False
    select_from: JoinExpr | None = None
    array_join_op: Literal["ARRAY JOIN", "LEFT ARRAY JOIN"] | None = None
    array_join_list: tuple[Expr, ...] = ()
    prewhere: Expr | None = None
    where: Expr | None = None
    group_by: tuple[Expr, ...] = ()
    group_by_all: bool = False
    having: Expr | None = None
    windows: tuple[NamedWindow, ...] = ()
    qualify: Expr | None = None
    order_by: tuple[OrderExpr, ...] = ()
    limit_by: LimitByExpr | None = None
    limit: Expr | None = None
    limit_with_ties: bool = False
    offset: Expr | None = None


@dataclass(frozen=True, slots=True)
class ValuesQuery(Expr):
    """`VALUES (1, 'a'), (2, 'b')`."""

    rows: tuple[tuple[Expr, ...], ...]


SetOperator = Literal["UNION ALL", "UNION DISTINCT", "INTERSECT", "INTERSECT DISTINCT", "EXCEPT", "EXCEPT DISTINCT"]


@dataclass(frozen=True, slots=True)
class SelectSetNode(Node):
    """One more member of a union, intersection or difference."""

    select_query: "SelectQuery | SelectSetQuery"
    set_operator: SetOperator


@dataclass(frozen=True, slots=True)
class SelectSetQuery(Expr):
    """Queries joined by set operators, left to right."""

    initial_select_query: "SelectQuery | SelectSetQuery"
    subsequent_select_queries: tuple[SelectSetNode, ...]
    ctes: tuple[CTE, ...] = ()
    recursive: bool = False


SelectStatement: TypeAlias = SelectQuery | SelectSetQuery

NodeT = TypeVar("NodeT", bound=Node)


_FIELD_NAMES: dict[str, tuple[str, ...]] = {}


def _field_names(node: Node) -> tuple[str, ...]:
    """The fields that can hold nodes; looked up once for each type."""
    kind = type(node).__name__
    if kind not in _FIELD_NAMES:
        _FIELD_NAMES[kind] = tuple(spec.name for spec in fields(node) if spec.name not in {"start", "end"})
    return _FIELD_NAMES[kind]


def children(node: Node) -> list[Node]:
    """The nodes directly below `node`, in the order they are written."""
    found: list[Node] = []
    for name in _field_names(node):
        _collect(getattr(node, name), found)
    return found


def _collect(value: object, found: list[Node]) -> None:
    if isinstance(value, Node):
        found.append(value)
    elif isinstance(value, tuple):
        for item in value:
            _collect(item, found)


def walk(node: Node, *, into_subqueries: bool = True) -> Iterator[Node]:
    """`node` and all below it, without recursion."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        if into_subqueries or current is node or not isinstance(current, SelectQuery | SelectSetQuery):
            pending.extend(reversed(children(current)))


def map_children(node: NodeT, change: Callable[[Node], Node]) -> NodeT:
    """A copy of `node` with `change` applied to each direct child; `node` itself when nothing changed."""
    changes: dict[str, object] = {}
    for name in _field_names(node):
        value = getattr(node, name)
        changed = _map_value(value, change)
        if changed is not value:
            changes[name] = changed
    return with_fields(node, **changes) if changes else node


def _map_value(value: object, change: Callable[[Node], Node]) -> object:
    if isinstance(value, Node):
        return change(value)
    if isinstance(value, tuple):
        mapped = tuple(_map_value(item, change) for item in value)
        return value if all(new is old for new, old in zip(mapped, value, strict=True)) else mapped
    return value


def with_fields(node: NodeT, **changes: object) -> NodeT:
    """A copy of `node` with these fields."""
    return cast("NodeT", replace(cast("Any", node), **changes))


def moved(node: NodeT, offset: int) -> NodeT:
    """A copy of `node` that stands `offset` characters further on."""
    if node.start is None or node.end is None:
        return node
    return with_fields(node, start=node.start + offset, end=node.end + offset)


def check_depth(root: NodeT) -> NodeT:
    """`root`, or a HogQLError when it is nested so deeply that recursive passes could overflow the stack."""
    level: list[Node] = [root]
    for _ in range(MAX_TREE_DEPTH):
        level = [child for node in level for child in children(node)]
        if not level:
            return root
    raise HogQLError(
        f"The query is nested more than {MAX_TREE_DEPTH} levels deep; split it with WITH",
        start=level[0].start,
        end=level[0].end,
    )
