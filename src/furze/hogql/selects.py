"""SELECT statements to SQL."""

import difflib
from typing import Final

from furze.hogql import ast
from furze.hogql.errors import HogQLError
from furze.hogql.expressions import ExpressionCompiler, Settings
from furze.hogql.printer import print_hogql
from furze.hogql.scope import NamedQuery, Scope, Source, SubquerySource, TableSource
from furze.hogql.tables import ABSENT_TABLES, TABLES
from furze.hogql.typed import Typed, as_condition, identifier

Columns = dict[str, Typed]
_MAX_NUMBERS: Final = 10_000_000


class SelectCompiler(ExpressionCompiler):
    """Compiles whole queries. `tables` are the tables that were read."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.tables: dict[str, None] = {}

    def statement(self, node: ast.SelectStatement) -> tuple[str, Columns]:
        """SQL and columns of a query, without a limit of our own."""
        if isinstance(node, ast.SelectSetQuery):
            return self._set_query(node)
        return self._select(node)

    def subquery(self, node: ast.SelectStatement) -> tuple[str, Columns]:
        """SQL and columns of a query inside this one: it sees the CTEs around it and no columns."""
        outer, null_safe = self.scope, self.null_safe
        self.scope, self.null_safe = Scope(parent=outer), True
        try:
            return self.statement(node)
        finally:
            self.scope, self.null_safe = outer, null_safe

    def _set_query(self, node: ast.SelectSetQuery) -> tuple[str, Columns]:
        parts: list[str] = []
        columns: Columns = {}
        members: list[tuple[str | None, ast.SelectStatement]] = [(None, node.initial_select_query)]
        members += [(more.set_operator, more.select_query) for more in node.subsequent_select_queries]
        for operator, member in members:
            # The engine gives a WITH before a union to its first member only: every member gets its own.
            changes = {"ctes": (*node.ctes, *member.ctes), "recursive": node.recursive or member.recursive}
            own = ast.with_fields(member, **changes) if node.ctes else member
            sql, found = self.subquery(own)
            if columns and len(found) != len(columns):
                raise HogQLError(
                    f"The queries of a {operator} have {len(columns)} and {len(found)} columns",
                    start=member.start,
                    end=member.end,
                )
            columns = columns or found
            parts.append(f" {operator} ({sql})" if operator else f"({sql})")
        return "".join(parts), columns

    def _select(self, node: ast.SelectQuery) -> tuple[str, Columns]:
        scope = self.scope
        ctes = [self._cte(cte, recursive=node.recursive) for cte in node.ctes if cte.is_subquery]
        scope.aliases = _aliases_of(node)
        from_sources = self._from(node)
        array_join = self._array_join(node)
        scope.windows = {window.name for window in node.windows}
        scalars = [self._scalar(cte) for cte in node.ctes if not cte.is_subquery]
        items, columns = self._select_list(node)
        clauses = self._clauses(node)
        prefix = "WITH RECURSIVE " if node.recursive and ctes else "WITH "
        with_items = [*ctes, *scalars]
        parts = [prefix + ", ".join(with_items)] if with_items else []
        parts.append(f"SELECT {'DISTINCT ' if node.distinct else ''}{', '.join(items)}")
        if from_sources:
            parts.append("FROM " + self._from_sql(from_sources))
        return " ".join([*parts, *array_join, *clauses]), columns

    def _cte(self, cte: ast.CTE, *, recursive: bool) -> str:
        query = cte.expr
        if not isinstance(query, ast.SelectQuery | ast.SelectSetQuery):
            raise HogQLError("A CTE is a query", start=cte.start, end=cte.end)
        if recursive and isinstance(query, ast.SelectSetQuery):
            _, anchor = self.subquery(query.initial_select_query)
            self.scope.queries[cte.name] = NamedQuery(_renamed(anchor, cte.columns, cte))
        sql, columns = self.subquery(query)
        columns = _renamed(columns, cte.columns, cte)
        self.scope.queries[cte.name] = NamedQuery(columns)
        names = f" ({', '.join(identifier(name) for name in cte.columns)})" if cte.columns else ""
        return f"{identifier(cte.name)}{names} AS ({sql})"

    def _scalar(self, cte: ast.CTE) -> str:
        found = self.expr(cte.expr)
        self.scope.scalars[cte.name] = found.renamed(identifier(cte.name))
        return f"{found.sql} AS {identifier(cte.name)}"

    def _from(self, node: ast.SelectQuery) -> list[tuple[ast.JoinExpr, Source, str]]:
        joins: list[tuple[ast.JoinExpr, Source, str]] = []
        join = node.select_from
        while join is not None:
            source = self._source(join)
            self.scope.add_source(source, join)
            joins.append((join, source, self._constraint(join)))
            join = join.next_join
        return joins

    def _from_sql(self, joins: list[tuple[ast.JoinExpr, Source, str]]) -> str:
        parts: list[str] = []
        for join, source, constraint in joins:
            if join.join_type:
                spread = "GLOBAL " if self.settings.distributed else ""
                parts.append(f"{spread}{join.join_type}")
            parts.append(f"{source.sql()} AS {identifier(source.alias)}")
            if constraint:
                parts.append(constraint)
        return " ".join(parts)

    def _constraint(self, join: ast.JoinExpr) -> str:
        if join.constraint is None:
            return ""
        if join.constraint.kind == "USING":
            names = [str(field.chain[0]) for field in join.constraint.exprs if isinstance(field, ast.Field)]
            self.scope.using.update(names)
            for name in names:
                for source in self.scope.sources:
                    source.resolve((name,))
            return f"USING ({', '.join(identifier(name) for name in names)})"
        self.null_safe = False
        try:
            return f"ON {as_condition(self.expr(join.constraint.exprs[0])).sql}"
        finally:
            self.null_safe = True

    def _source(self, join: ast.JoinExpr) -> Source:
        table = join.table
        if isinstance(table, ast.SelectQuery | ast.SelectSetQuery):
            return self._query_source(join, table)
        if isinstance(table, ast.ValuesQuery):
            return self._values_source(join, table)
        if isinstance(table, ast.Field):
            return self._named_source(join, table)
        if isinstance(table, ast.Placeholder):
            self.expr(table)
        raise HogQLError("FROM needs a table or a query", start=join.start, end=join.end)

    def _query_source(self, join: ast.JoinExpr, query: ast.SelectStatement) -> Source:
        alias = join.alias or f"subquery_{len(self.scope.sources) + 1}"
        sql, columns = self.subquery(query)
        return self._with_column_names(join, alias, sql, columns)

    def _with_column_names(self, join: ast.JoinExpr, alias: str, sql: str, columns: Columns) -> Source:
        if not join.column_aliases:
            return SubquerySource(alias, columns, f"({sql})")
        renamed = _renamed(columns, join.column_aliases, join)
        pairs = zip(columns, join.column_aliases, strict=True)
        names = ", ".join(f"{identifier(old)} AS {identifier(new)}" for old, new in pairs)
        return SubquerySource(alias, renamed, f"(SELECT {names} FROM ({sql}))")

    def _values_source(self, join: ast.JoinExpr, values: ast.ValuesQuery) -> Source:
        width = len(values.rows[0])
        names = join.column_aliases or tuple(f"c{index + 1}" for index in range(width))
        if any(len(row) != width for row in values.rows) or len(names) != width:
            raise HogQLError("Every row of VALUES needs the same number of columns", start=join.start, end=join.end)
        rows: list[str] = []
        columns: Columns = {}
        for row in values.rows:
            found = [self.expr(item) for item in row]
            columns = columns or dict(zip(names, found, strict=True))
            items = ", ".join(f"{item.sql} AS {identifier(name)}" for name, item in zip(names, found, strict=True))
            rows.append(f"SELECT {items}")
        return SubquerySource(join.alias or "values", columns, f"({' UNION ALL '.join(rows)})")

    def _named_source(self, join: ast.JoinExpr, table: ast.Field) -> Source:
        name = ".".join(str(part) for part in table.chain)
        alias = join.alias or str(table.chain[-1])
        if join.table_args is not None:
            return self._numbers(join, name, alias)
        query = self.scope.query(name) if len(table.chain) == 1 else None
        if query is not None:
            return SubquerySource(alias, query.columns, identifier(name))
        found = TABLES.get(name)
        if found is None:
            raise HogQLError(_unknown_table(name), start=table.start, end=table.end)
        self.tables[name] = None
        settings = self.settings
        return TableSource(alias, found, settings.team_id, settings.group_types, join.sample, settings.distributed)

    def _numbers(self, join: ast.JoinExpr, name: str, alias: str) -> Source:
        if name.lower() != "numbers":
            raise HogQLError(
                f"Unsupported table function '{name}(...)'; only numbers() can stand in FROM",
                start=join.table.start,
                end=join.table.end,
            )
        values = [arg.value if isinstance(arg, ast.Constant) else None for arg in join.table_args or ()]
        whole = [value for value in values if type(value) is int and value >= 0]
        if not 1 <= len(values) <= 3 or len(whole) != len(values) or whole[min(1, len(whole) - 1)] > _MAX_NUMBERS:
            raise HogQLError(
                f"numbers() takes a count up to {_MAX_NUMBERS:,}, or an offset and a count",
                start=join.start,
                end=join.end,
            )
        columns = {"number": Typed("number", "number", nullable=False)}
        return SubquerySource(alias, columns, f"numbers({', '.join(str(value) for value in whole)})")

    def _array_join(self, node: ast.SelectQuery) -> list[str]:
        """`ARRAY JOIN array AS item`: `item` is one element from here on."""
        if node.array_join_op is None:
            return []
        items: dict[str, str] = {}
        for expr in node.array_join_list:
            inner = expr.expr if isinstance(expr, ast.Alias) else expr
            items[_natural_name(expr)] = self.expr(inner).sql
        self.scope.array_items = {name: Typed(identifier(name)) for name in items}
        joined = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in items.items())
        return [f"{node.array_join_op} {joined}"]

    def _select_list(self, node: ast.SelectQuery) -> tuple[list[str], Columns]:
        exprs = [expr for item in node.select for expr in self._expanded(item)]
        explicit = {expr.alias for expr in exprs if isinstance(expr, ast.Alias)} | set(self.scope.aliases)
        columns: Columns = {}
        items: list[str] = []
        for expr in exprs:
            name = _natural_name(expr)
            if isinstance(expr, ast.Alias):
                value = (
                    self.alias_type(expr.alias) if self.scope.aliases.get(expr.alias) == expr else self.expr(expr.expr)
                )
            else:
                value = self.expr(expr)
            named = name not in columns and value.sql != identifier(name)
            named = named and (isinstance(expr, ast.Alias) or name not in explicit)
            items.append(f"{value.sql} AS {identifier(name)}" if named else value.sql)
            while name in columns:
                name += "_"
            columns[name] = value
        return items, columns

    def _expanded(self, item: ast.Expr) -> list[ast.Expr]:
        """What one item of SELECT stands for: an asterisk is every column."""
        if isinstance(item, ast.Columns):
            return self._chosen_columns(item)
        if isinstance(item, ast.Field) and item.chain[-1] == "*":
            return self._star(str(item.chain[0]) if len(item.chain) > 1 else None, item)
        return [item]

    def _star(self, table: str | None, node: ast.Expr) -> list[ast.Expr]:
        sources = [source for source in self.scope.sources if table in {None, source.alias}]
        if not sources:
            what = f"There is no table {table!r} here" if table else "SELECT * needs FROM"
            raise HogQLError(what, start=node.start, end=node.end)
        return [
            ast.Field((source.alias, name), start=node.start, end=node.end)
            for source in sources
            for name in source.star()
        ]

    def _chosen_columns(self, item: ast.Columns) -> list[ast.Expr]:
        if item.exprs:
            return list(item.exprs)
        fields = self._star(item.table, item)
        if item.regex is not None:
            raise HogQLError(
                "COLUMNS with a regular expression is not supported; name the columns", start=item.start, end=item.end
            )
        replaced = {alias.alias: alias for alias in item.replaced}
        kept = [field for field in fields if _natural_name(field) not in item.exclude]
        return [replaced.get(_natural_name(field), field) for field in kept]

    def _clauses(self, node: ast.SelectQuery) -> list[str]:
        parts: list[str] = []
        conditions = [self.condition(expr) for expr in (node.prewhere, node.where) if expr is not None]
        if conditions:
            parts.append("WHERE " + (conditions[0] if len(conditions) == 1 else f"and({', '.join(conditions)})"))
        if node.group_by_all:
            parts.append("GROUP BY ALL")
        elif node.group_by:
            parts.append("GROUP BY " + ", ".join(self.expr(expr).sql for expr in node.group_by))
        if node.having is not None:
            parts.append("HAVING " + self.condition(node.having))
        if node.windows:
            windows = (f"{identifier(each.name)} AS ({self.window(each.window)})" for each in node.windows)
            parts.append("WINDOW " + ", ".join(windows))
        if node.qualify is not None:
            parts.append("QUALIFY " + self.condition(node.qualify))
        if node.order_by:
            parts.append("ORDER BY " + ", ".join(self.order_key(key) for key in node.order_by))
        return [*parts, *self._limits(node)]

    def _limits(self, node: ast.SelectQuery) -> list[str]:
        parts: list[str] = []
        if node.limit_by is not None:
            offset = f" OFFSET {node.limit_by.offset:d}" if node.limit_by.offset else ""
            keys = ", ".join(self.expr(expr).sql for expr in node.limit_by.exprs)
            parts.append(f"LIMIT {node.limit_by.limit:d}{offset} BY {keys}")
        offset_rows = 0 if node.offset is None else whole_number(node.offset, "OFFSET")
        if node.limit is not None:
            rows = whole_number(node.limit, "LIMIT")
            parts.append(f"LIMIT {offset_rows:d}, {rows:d}{' WITH TIES' if node.limit_with_ties else ''}")
        elif offset_rows:
            parts.append(f"OFFSET {offset_rows:d}")
        return parts


def whole_number(expr: ast.Expr, clause: str) -> int:
    """The number that LIMIT or OFFSET gives."""
    if isinstance(expr, ast.Constant) and type(expr.value) is int and expr.value >= 0:
        return expr.value
    raise HogQLError(f"{clause} needs a whole number", start=expr.start, end=expr.end)


def _aliases_of(node: ast.SelectQuery) -> dict[str, ast.Alias]:
    """The aliases that are given in a SELECT, those inside its expressions included."""
    found: dict[str, ast.Alias] = {}
    for item in node.select:
        roots = [item] if not isinstance(item, ast.SelectQuery | ast.SelectSetQuery) else []
        for root in roots:
            for part in ast.walk(root, into_subqueries=False):
                if isinstance(part, ast.Alias):
                    found.setdefault(part.alias, part)
    return found


def _natural_name(expr: ast.Expr) -> str:
    """The name a column has without an alias: the last part of a field, else the expression as it is printed."""
    if isinstance(expr, ast.Alias):
        return expr.alias
    if isinstance(expr, ast.Field):
        return str(expr.chain[-1])
    return print_hogql(expr)


def _renamed(columns: Columns, names: tuple[str, ...], node: ast.Node) -> Columns:
    if not names:
        return columns
    if len(names) != len(columns):
        raise HogQLError(
            f"{len(names)} column names are given for {len(columns)} columns", start=node.start, end=node.end
        )
    return dict(zip(names, columns.values(), strict=True))


def _unknown_table(name: str) -> str:
    if name in ABSENT_TABLES or name.startswith("system."):
        return f"Table '{name}' is not available here; there are {', '.join(TABLES)}"
    close = difflib.get_close_matches(name.lower(), TABLES, n=1)
    hint = f". Did you mean '{close[0]}'?" if close else f"; there are {', '.join(TABLES)}"
    return f"Unknown table '{name}'{hint}"
