"""Breakdowns: one result for each value of a property, the most frequent ones first, the rest as "other"."""

from dataclasses import dataclass
from typing import Any, Final

from furze.hogql import ast
from furze.hogql.parser import parse_expression
from furze.platform.errors import InvalidInput
from furze.platform.fields import Body
from furze.query.kinds.template import constant, expression

OTHER: Final = "$$_posthog_breakdown_other_$$"
MISSING: Final = "$$_posthog_breakdown_null_$$"
_DEFAULT_LIMIT: Final = 25
_MAX_LIMIT: Final = 1000


class Breakdown(Body):
    """One property to break down by."""

    property: str | int
    type: str | None = "event"
    group_type_index: int | None = None
    normalize_url: bool | None = None
    histogram_bin_count: int | None = None


class BreakdownFilter(Body):
    """`breakdownFilter` of a query."""

    breakdown: str | int | list[str | int] | None = None
    breakdown_type: str | None = "event"
    breakdown_group_type_index: int | None = None
    breakdown_limit: int | None = None
    breakdown_hide_other_aggregation: bool | None = None
    breakdown_normalize_url: bool | None = None
    breakdowns: list[Breakdown] | None = None

    @property
    def parts(self) -> list[Breakdown]:
        """What is broken down by; more than one with `breakdowns`, or a list in `breakdown`."""
        if self.breakdowns:
            return self.breakdowns
        names = self.breakdown if isinstance(self.breakdown, list) else [self.breakdown]
        return [
            Breakdown(
                property=name,
                type=self.breakdown_type,
                group_type_index=self.breakdown_group_type_index,
                normalize_url=self.breakdown_normalize_url,
            )
            for name in names
            if name is not None
        ]

    @property
    def limit(self) -> int:
        """How many values get a result of their own."""
        return max(1, min(self.breakdown_limit or _DEFAULT_LIMIT, _MAX_LIMIT))


@dataclass(frozen=True, slots=True)
class Values:
    """A breakdown as an expression: an array of one text for each property, so that each value is one key."""

    expr: ast.Expr
    is_list: bool

    def limited(self, top: list[tuple[str, ...]]) -> ast.Expr:
        """The values in `top` as they are, all others as "other"."""
        return expression(
            "if({found} IN {top}, {found}, {other})",
            found=self.expr,
            top=ast.Tuple(tuple(constant(value) for value in top) or (constant([]),)),
            other=constant([OTHER]),
        )

    def wire(self, value: tuple[str, ...]) -> Any:
        """A value as results carry it: a text, or a list of texts when there are several properties."""
        return list(value) if self.is_list and value != (OTHER,) else value[0]


def values_of(breakdown: BreakdownFilter | None) -> Values | None:
    """The breakdown's expression, or None when there is none."""
    parts = breakdown.parts if breakdown else []
    if not parts:
        return None
    texts = tuple(_text(part) for part in parts)
    return Values(
        ast.Array(texts), is_list=bool(breakdown and breakdown.breakdowns and len(parts) > 1) or len(parts) > 1
    )


def describe(value: tuple[str, ...]) -> str:
    """A value in words."""
    words = {OTHER: "Other (i.e. all remaining values)", MISSING: "None (i.e. no value)"}
    return "::".join(words.get(text, text) for text in value)


def _text(part: Breakdown) -> ast.Expr:
    value = _value(part)
    if part.normalize_url:
        value = expression("replaceRegexpOne(toString({value}), '(.)/+$', '\\\\1')", value=value)
    return expression("ifNull(nullIf(toString({value}), ''), {missing})", value=value, missing=constant(MISSING))


def _value(part: Breakdown) -> ast.Expr:
    name, kind = part.property, part.type or "event"
    if kind == "hogql":
        return parse_expression(str(name))
    if kind == "cohort":
        raise InvalidInput("Cohorts are not stored here. Break down by a property.", attr="query__breakdownFilter")
    if kind == "event_metadata":
        return ast.Field((str(name),))
    if kind == "group":
        return ast.Field((f"group_{part.group_type_index or 0}", "properties", str(name)))
    if kind == "session":
        return ast.Field(("session", str(name)))
    if kind == "person":
        return ast.Field(("person", "properties", str(name)))
    return ast.Field(("properties", str(name)))
