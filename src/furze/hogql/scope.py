"""What a name can mean at one place of a query."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from furze.hogql import ast
from furze.hogql.errors import HogQLError
from furze.hogql.tables import (
    EVENTS,
    MATERIALIZED,
    SESSION_ON,
    Column,
    LazyJoin,
    Table,
    session_subquery,
)
from furze.hogql.typed import Typed, identifier

#: Rows of a sample are those whose distinct id hashes below the ratio: the same people in every query.
_HASH_RANGE = 2**64


class Source(Protocol):
    """One table of FROM."""

    alias: str

    def resolve(self, chain: tuple[str | int, ...]) -> tuple[Typed, tuple[str | int, ...]] | None:
        """The value that the longest start of `chain` names, and the rest of it; None when there is none."""

    def star(self) -> tuple[str, ...]:
        """The names that `*` stands for."""

    def names(self) -> tuple[str, ...]:
        """The first names that `resolve` knows."""

    def sql(self) -> str:
        """The table as SQL, without its alias. Called when everything that reads it has been resolved."""


@dataclass(slots=True)
class SubquerySource:
    """A subquery, a CTE or VALUES: columns are what it selects."""

    alias: str
    columns: Mapping[str, Typed]
    text: str

    def resolve(self, chain: tuple[str | int, ...]) -> tuple[Typed, tuple[str | int, ...]] | None:
        """The column of this name."""
        found = self.columns.get(str(chain[0]))
        if found is None:
            return None
        return found.renamed(f"{identifier(self.alias)}.{identifier(str(chain[0]))}"), chain[1:]

    def star(self) -> tuple[str, ...]:
        """Every column."""
        return tuple(self.columns)

    def names(self) -> tuple[str, ...]:
        """Every column."""
        return tuple(self.columns)

    def sql(self) -> str:
        """The subquery in parentheses, or the CTE's name."""
        return self.text


@dataclass(slots=True)
class TableSource:
    """A table of the store, read through a guarded subquery of the columns that turn out to be needed."""

    alias: str
    table: Table
    team_id: int
    group_types: Mapping[str, int] = field(default_factory=dict)
    sample: ast.SampleExpr | None = None
    distributed: bool = False
    needed: dict[str, Column] = field(default_factory=dict)

    def resolve(self, chain: tuple[str | int, ...]) -> tuple[Typed, tuple[str | int, ...]] | None:
        """The column at the start of `chain`, which from now on is selected."""
        fields = self.table.fields
        for position, part in enumerate(chain):
            found = fields.get(self._field_name(str(part)) if position == 0 else str(part))
            if found is None:
                return None
            if isinstance(found, Column):
                return self._column(found, chain[position + 1 :])
            fields = found
        return None

    def _field_name(self, name: str) -> str:
        index = self.group_types.get(name)
        if self.table is not EVENTS or index is None or name in self.table.fields:
            return name
        return f"group_{index}"

    def _column(self, column: Column, rest: tuple[str | int, ...]) -> tuple[Typed, tuple[str | int, ...]]:
        if column.json_scope == "event" and len(rest) == 1 and rest[0] in MATERIALIZED:
            column = MATERIALIZED[str(rest[0])]
            return self._read(column, "event"), rest
        return self._read(column, column.json_scope), rest

    def _read(self, column: Column, json_scope: str | None) -> Typed:
        self.needed[column.name] = column
        sql = f"{identifier(self.alias)}.{identifier(column.name)}"
        return Typed(sql, column.kind, nullable=column.nullable, json_scope=json_scope)

    def star(self) -> tuple[str, ...]:
        """The documented fields."""
        return self.table.star

    def names(self) -> tuple[str, ...]:
        """Every field, virtual ones included."""
        return tuple(self.table.fields)

    def sql(self) -> str:
        """The guarded subquery."""
        columns = [f"{column.sql} AS {identifier(name)}" for name, column in self.needed.items()]
        if self.table.group_by and "session_id" not in self.needed:
            columns.insert(0, "assumeNotNull(t.`mat_$session_id`) AS session_id")
        selected = ", ".join(columns) or "1 AS `1`"
        parts = [f"SELECT {selected} FROM {self.table.relation}", *self._joins()]
        parts.append(f"WHERE {' AND '.join(self._conditions())}")
        if self.table.group_by:
            parts.append(f"GROUP BY {self.table.group_by}")
        return f"({' '.join(parts)})"

    def _conditions(self) -> list[str]:
        conditions = [f"t.team_id = {self.team_id:d}"]
        if self.table.where:
            conditions.append(self.table.where)
        if self.sample is not None and self.table is EVENTS:
            low = round(self.sample.offset * _HASH_RANGE)
            high = min(low + round(self.sample.ratio * _HASH_RANGE), _HASH_RANGE)
            conditions.append(f"cityHash64(t.distinct_id) >= {low}")
            if high < _HASH_RANGE:
                conditions.append(f"cityHash64(t.distinct_id) < {high}")
        return conditions

    def _joins(self) -> list[str]:
        wanted = dict.fromkeys(name for column in self.needed.values() for name in column.joins)
        session = tuple(name.removeprefix("session:") for name in wanted if name.startswith("session:"))
        joins = {name: join for name, join in self.table.joins.items() if name in wanted}
        if session:
            joins["session"] = LazyJoin(session_subquery(session), SESSION_ON)
        join_word = "GLOBAL LEFT JOIN" if self.distributed else "LEFT JOIN"
        return [
            f"{join_word} ({join.subquery.replace('{team_id}', f'{self.team_id:d}')}) AS {name} ON {join.on}"
            for name, join in joins.items()
        ]


@dataclass(slots=True)
class NamedQuery:
    """A CTE that has been compiled: what `FROM name` reads."""

    columns: Mapping[str, Typed]


@dataclass(slots=True)
class Scope:
    """The names of one SELECT. `parent` is the query around it, whose CTEs can be read."""

    parent: "Scope | None" = None
    sources: list[Source] = field(default_factory=list)
    queries: dict[str, NamedQuery] = field(default_factory=dict)
    scalars: dict[str, Typed] = field(default_factory=dict)
    aliases: dict[str, ast.Alias] = field(default_factory=dict)
    alias_types: dict[str, Typed] = field(default_factory=dict)
    in_progress: set[str] = field(default_factory=set)
    lambda_args: list[frozenset[str]] = field(default_factory=list)
    array_items: dict[str, Typed] = field(default_factory=dict)
    using: set[str] = field(default_factory=set)
    windows: set[str] = field(default_factory=set)

    def query(self, name: str) -> NamedQuery | None:
        """The CTE of this name, here or around."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.queries:
                return scope.queries[name]
            scope = scope.parent
        return None

    def scalar(self, name: str) -> Typed | None:
        """The `expr AS name` of a WITH, here or around."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.scalars:
                return scope.scalars[name]
            scope = scope.parent
        return None

    def add_source(self, source: Source, node: ast.Node) -> None:
        """Add a table of FROM; each needs its own name."""
        if any(known.alias == source.alias for known in self.sources):
            raise HogQLError(
                f"Two tables are called {source.alias!r}; give one an alias", start=node.start, end=node.end
            )
        self.sources.append(source)
