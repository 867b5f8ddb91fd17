"""What a query kind works with: the engine behind it, the project's time, and property filters."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from furze.hogql import ast
from furze.hogql.filters import FilterTable, filters_to_expression, parse_filter
from furze.query.types import MAX_ROWS, Answer, QueryMapping, Rows


@dataclass(slots=True)
class Asker:
    """One query's surroundings."""

    project_id: int
    now: datetime
    timezone: str
    select: Callable[[ast.SelectStatement, int], Awaitable[Rows]]
    answer: Callable[[QueryMapping], Awaitable[Answer]]
    group_types: Mapping[str, int] = field(default_factory=dict)
    usage_metrics: Sequence[Any] = ()
    asked: list[Rows] = field(default_factory=list)

    async def rows(self, statement: ast.SelectStatement, *, limit: int = MAX_ROWS) -> Rows:
        """Every row of a query that furze wrote, at most `limit`."""
        found = await self.select(statement, limit)
        self.asked.append(found)
        return found

    async def tuples(self, statement: ast.SelectStatement, *, limit: int = MAX_ROWS) -> Sequence[Sequence[Any]]:
        """`rows` without their columns."""
        return (await self.rows(statement, limit=limit)).rows

    def condition(self, filters: Any) -> ast.Expr:
        """Property filters, a list or a tree of groups, as a condition on an event."""
        return self.condition_on(filters, "events")

    def condition_on(self, filters: Any, table: FilterTable) -> ast.Expr:
        """Property filters as a condition on a row of a table."""
        given = [filters] if isinstance(filters, Mapping) else filters or []
        parsed = [parse_filter(each) for each in given if each]
        return filters_to_expression(parsed, table=table, now=self.now, timezone=self.timezone)
