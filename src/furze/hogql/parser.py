"""SELECT statements, and the two entry points of the parser."""

from dataclasses import dataclass
from typing import Final, Literal, cast

from furze.hogql import ast
from furze.hogql.errors import HogQLError
from furze.hogql.expression_parser import ExpressionParser
from furze.hogql.lexer import Token
from furze.hogql.reader import RESERVED

_JOIN_STRICTNESS: Final = frozenset({"all", "any", "semi", "anti", "asof"})
_JOIN_SIDE: Final = frozenset({"left", "right", "full", "inner", "cross", "outer"})
_JOIN_WORDS: Final = _JOIN_STRICTNESS | _JOIN_SIDE
#: Clauses of ClickHouse that would change what a query may do or return: never read.
_REFUSED_CLAUSES: Final = {
    "settings": "SETTINGS cannot be set in a query",
    "format": "FORMAT cannot be set in a query",
    "into": "INTO OUTFILE is not supported",
    "insert": "Only SELECT queries are supported",
    "global": "GLOBAL is added where the engine needs it; leave it out",
    "top": "TOP is not supported, use LIMIT",
}


@dataclass(slots=True)
class _Limits:
    """The clauses that stand last."""

    limit: ast.Expr | None = None
    by: ast.LimitByExpr | None = None
    with_ties: bool = False
    offset: ast.Expr | None = None


def parse_select(text: str) -> ast.SelectStatement:
    """The query in `text`; HogQLError with positions when it is no single SELECT."""
    return ast.check_depth(Parser(text).whole_statement())


def parse_expression(text: str) -> ast.Expr:
    """The expression in `text`, which may end in `AS alias`."""
    parser = Parser(text)
    expr = parser.aliased()
    parser.expect_end()
    return ast.check_depth(expr)


def parse_order_expression(text: str) -> ast.OrderExpr:
    """The sort key in `text`: `timestamp DESC`."""
    parser = Parser(text)
    order = parser.order_key()
    parser.expect_end()
    return ast.check_depth(order)


class Parser(ExpressionParser):
    """A parser of one text."""

    def whole_statement(self) -> ast.SelectStatement:
        """The statement, with nothing after it but one semicolon."""
        statement = self.select_statement()
        self.take_operator(";")
        self.expect_end()
        return statement

    def expect_end(self) -> None:
        """An error when there is text left."""
        token = self.token
        if token.kind == "end":
            return
        if self.index and self.tokens[self.index - 1].text == ";":
            raise self.error("only one query at a time")
        self._refuse_clause(token)
        if token.text == "(" and self.index and self.tokens[self.index - 1].kind == "name":
            raise self.error("this is no function call here")
        raise self.error("expected the end of the query")

    def _refuse_clause(self, token: Token) -> None:
        problem = _REFUSED_CLAUSES.get(token.keyword)
        if problem:
            raise HogQLError(problem, start=token.start, end=token.end)

    def embedded(self, text: str, offset: int) -> ast.Expr:
        """The expression of a template string's braces."""
        inner = Parser(text)
        inner.nesting = self.nesting
        try:
            expr = inner.aliased()
            inner.expect_end()
        except HogQLError as error:
            start = None if error.start is None else error.start + offset
            end = None if error.end is None else error.end + offset
            raise HogQLError(error.message, start=start, end=end) from error
        return _shifted(expr, offset)

    def select_statement(self) -> ast.SelectStatement:
        """WITH …, then a SELECT or a parenthesised one, then set operators."""
        self.enter()
        start = self.token.start
        recursive, ctes = self._ctes()
        first = self._set_member()
        statement = self.set_tail(first)
        if ctes:
            fields = {"ctes": (*ctes, *statement.ctes), "recursive": recursive or statement.recursive}
            statement = ast.with_fields(statement, **fields, start=start)
        self.leave()
        return statement

    def set_tail(self, first: ast.SelectStatement) -> ast.SelectStatement:
        """The set operators after `first`."""
        members: list[ast.SelectSetNode] = []
        while operator := self._set_operator():
            members.append(ast.SelectSetNode(self._set_member(), operator))
        if not members:
            return first
        return ast.SelectSetQuery(first, tuple(members), start=first.start, end=self.previous_end())

    def _set_operator(self) -> ast.SetOperator | None:
        word = self.token.keyword
        if word not in {"union", "intersect", "except"}:
            return None
        self.advance()
        if self.take_keyword("distinct"):
            return cast("ast.SetOperator", f"{word.upper()} DISTINCT")
        if word == "union":
            return "UNION ALL" if self.take_keyword("all") else "UNION DISTINCT"
        self.take_keyword("all")
        return "INTERSECT" if word == "intersect" else "EXCEPT"

    def _set_member(self) -> ast.SelectStatement:
        if self.take_operator("("):
            inner = self.select_statement()
            self.expect_operator(")")
            return inner
        if not self.at_keyword("select"):
            self._refuse_clause(self.token)
            raise self.error("expected SELECT")
        return self._select()

    def _ctes(self) -> tuple[bool, tuple[ast.CTE, ...]]:
        if not self.take_keyword("with"):
            return False, ()
        recursive = self.take_keyword("recursive")
        ctes = [self._cte()]
        while self.take_operator(","):
            if self.at_keyword("select"):
                break
            ctes.append(self._cte())
        return recursive, tuple(ctes)

    def _cte(self) -> ast.CTE:
        start = self.token.start
        if self._at_named_subquery():
            name = self.identifier("the name of a CTE")
            columns = self._column_names() if self.at_operator("(") else ()
            self.expect_keyword("as")
            self.take_keyword("materialized")
            self.expect_operator("(")
            query = self.select_statement()
            self.expect_operator(")")
            return ast.CTE(name, query, is_subquery=True, columns=columns, start=start, end=self.previous_end())
        expr = self.expression()
        self.expect_keyword("as")
        name = self.identifier("the name of a CTE")
        return ast.CTE(name, expr, is_subquery=False, start=start, end=self.previous_end())

    def _at_named_subquery(self) -> bool:
        """Whether `name AS (SELECT`, or `name (columns) AS (`, comes next, rather than `expr AS name`."""
        if self.token.kind not in {"name", "quoted"}:
            return False
        index = self.index + 1
        if self.tokens[index].text == "(":
            while self.tokens[index].text != ")" and self.tokens[index].kind != "end":
                index += 1
            index += 1
        after = [token for token in self.tokens[index : index + 6] if token.keyword != "materialized"]
        if len(after) < 2 or after[0].keyword != "as" or after[1].text != "(":
            return False
        inner = next((token for token in after[2:] if token.text != "("), after[1])
        return inner.keyword in {"select", "with"} or inner.text == "("

    def _column_names(self) -> tuple[str, ...]:
        self.expect_operator("(")
        names = [self.identifier("a column's name")]
        while self.take_operator(","):
            names.append(self.identifier("a column's name"))
        self.expect_operator(")")
        return tuple(names)

    def _select(self) -> ast.SelectQuery:
        start = self.token.start
        self.expect_keyword("select")
        distinct = self.take_keyword("distinct")
        if self.at_keyword("top") and self.peek().kind == "number":
            self._refuse_clause(self.token)
        select = self._select_items()
        select_from = self._from() if self.take_keyword("from") else None
        array_join_op, array_join_list = self._array_join()
        prewhere = self._condition("prewhere")
        where = self._condition("where")
        group_by, group_by_all = self._group_by()
        having = self._condition("having")
        windows = self._named_windows()
        qualify = self._condition("qualify")
        order_by = self._order_by()
        limits = self._limits()
        return ast.SelectQuery(
            select=select,
            distinct=distinct,
            select_from=select_from,
            array_join_op=array_join_op,
            array_join_list=array_join_list,
            prewhere=prewhere,
            where=where,
            group_by=group_by,
            group_by_all=group_by_all,
            having=having,
            windows=windows,
            qualify=qualify,
            order_by=order_by,
            limit_by=limits.by,
            limit=limits.limit,
            limit_with_ties=limits.with_ties,
            offset=limits.offset,
            start=start,
            end=self.previous_end(),
        )

    def _condition(self, word: str) -> ast.Expr | None:
        return self.expression() if self.take_keyword(word) else None

    def _select_items(self) -> tuple[ast.Expr, ...]:
        items = [self._select_item()]
        while self.take_operator(","):
            if self.at_keyword("from") or self.token.kind == "end":
                break
            items.append(self._select_item())
        return tuple(items)

    def _select_item(self) -> ast.Expr:
        start = self.token.start
        expr = self.aliased()
        if isinstance(expr, ast.Field) and expr.chain[-1] == "*":
            return self._column_changes(expr)
        token = self.token
        implicit = token.kind == "quoted" or (
            token.kind == "name" and token.keyword not in RESERVED and token.keyword != "into"
        )
        if implicit and not isinstance(expr, ast.Alias):
            self.advance()
            return ast.Alias(token.text, expr, start=start, end=token.end)
        return expr

    def _column_changes(self, star: ast.Field) -> ast.Expr:
        exclude: tuple[str, ...] = ()
        replaced: tuple[ast.Alias, ...] = ()
        if self.at_keyword("except") and self.peek().text == "(" and self.peek(2).keyword != "select":
            self.advance()
            exclude = self._column_names()
        if self.at_keyword("replace") and self.peek().text == "(":
            self.index += 2
            items = self.expression_list(")", self.aliased)
            replaced = tuple(item for item in items if isinstance(item, ast.Alias))
            if len(replaced) != len(items):
                raise self.error("each column of REPLACE is written `expression AS column`", self.peek(-1))
        if not exclude and not replaced:
            return star
        table = str(star.chain[0]) if len(star.chain) > 1 else None
        return ast.Columns(table, None, exclude, replaced, start=star.start, end=self.previous_end())

    def _from(self) -> ast.JoinExpr:
        joins = [self._table(None)]
        while True:
            join_type = self._join_type()
            if join_type is None:
                break
            joins.append(self._table(join_type))
        chain: ast.JoinExpr | None = None
        for join in reversed(joins):
            chain = ast.with_fields(join, next_join=chain)
        return cast("ast.JoinExpr", chain)

    def _join_type(self) -> str | None:
        if self.take_operator(","):
            return "CROSS JOIN"
        if self.at_keyword("global"):
            self._refuse_clause(self.token)
        words: list[str] = []
        while self.peek(len(words)).keyword in _JOIN_WORDS:
            words.append(self.peek(len(words)).keyword)
        if self.peek(len(words)).keyword != "join":
            return None
        self.index += len(words) + 1
        side = next((word for word in words if word in {"left", "right", "full", "cross"}), "inner")
        strictness = [word for word in words if word in _JOIN_STRICTNESS]
        return " ".join([side, *strictness, "join"]).upper()

    def _table(self, join_type: str | None) -> ast.JoinExpr:
        start = self.token.start
        table, table_args = self._table_expression()
        is_final = self.take_keyword("final")
        alias = self._table_alias()
        columns = self._column_names() if alias is not None and self.at_operator("(") else ()
        is_final = self.take_keyword("final") or is_final
        return ast.JoinExpr(
            table=table,
            table_args=table_args,
            alias=alias,
            column_aliases=columns,
            join_type=join_type,
            final=is_final,
            sample=self._sample(),
            constraint=self._constraint() if join_type not in {None, "CROSS JOIN"} else None,
            start=start,
            end=self.previous_end(),
        )

    def _table_expression(self) -> tuple[ast.Expr, tuple[ast.Expr, ...] | None]:
        token = self.token
        if self.take_operator("{"):
            inner = self.expression()
            self.expect_operator("}")
            return ast.Placeholder(inner, start=token.start, end=self.previous_end()), None
        if self.take_operator("("):
            inner_table = self._values() if self.at_keyword("values") else self.select_statement()
            self.expect_operator(")")
            return inner_table, None
        if self.at_keyword("values"):
            return self._values(), None
        chain = [self.identifier("a table")]
        while self.take_operator("."):
            chain.append(self.identifier("a table's name"))
        field = ast.Field(tuple(chain), start=token.start, end=self.previous_end())
        args = self.expression_list(")", self.expression) if self.take_operator("(") else None
        return field, args

    def _values(self) -> ast.Expr:
        start = self.token.start
        self.expect_keyword("values")
        rows: list[tuple[ast.Expr, ...]] = []
        while True:
            self.expect_operator("(")
            rows.append(self.expression_list(")", self.expression))
            if not self.take_operator(","):
                break
        return ast.ValuesQuery(tuple(rows), start=start, end=self.previous_end())

    def _table_alias(self) -> str | None:
        if self.take_keyword("as"):
            return self.identifier("a table's alias")
        token = self.token
        if token.kind == "quoted" or (token.kind == "name" and token.keyword not in RESERVED | {"top", "insert"}):
            return self.advance().text
        return None

    def _sample(self) -> ast.SampleExpr | None:
        if not self.take_keyword("sample"):
            return None
        start = self.token.start
        ratio = self._ratio()
        offset = self._ratio() if self.take_keyword("offset") else 0.0
        return ast.SampleExpr(ratio, offset, start=start, end=self.previous_end())

    def _ratio(self) -> float:
        token = self.token
        if token.kind != "number":
            raise self.error("expected a fraction, as in 0.1 or 1/10")
        value = float(self.advance().text)
        if self.take_operator("/"):
            divisor = self.token
            if divisor.kind != "number" or float(divisor.text) == 0:
                raise self.error("expected a number other than zero")
            value /= float(self.advance().text)
        if not 0 <= value <= 1:
            raise self.error("a sample is a fraction between 0 and 1", token)
        return value

    def _constraint(self) -> ast.JoinConstraint | None:
        start = self.token.start
        if self.take_keyword("on"):
            condition = self.expression()
            return ast.JoinConstraint("ON", (condition,), start=start, end=self.previous_end())
        if self.take_keyword("using"):
            names = self._column_names() if self.at_operator("(") else (self.identifier("a column"),)
            columns = tuple(ast.Field((name,)) for name in names)
            return ast.JoinConstraint("USING", columns, start=start, end=self.previous_end())
        raise self.error("a JOIN needs ON or USING")

    def _array_join(
        self,
    ) -> tuple[Literal["ARRAY JOIN", "LEFT ARRAY JOIN"] | None, tuple[ast.Expr, ...]]:
        operator: Literal["ARRAY JOIN", "LEFT ARRAY JOIN"]
        if self.take_keyword("left", "array", "join"):
            operator = "LEFT ARRAY JOIN"
        elif self.take_keyword("array", "join") or self.take_keyword("inner", "array", "join"):
            operator = "ARRAY JOIN"
        else:
            return None, ()
        return operator, self._items()

    def _items(self) -> tuple[ast.Expr, ...]:
        items = [self.aliased()]
        while self.take_operator(","):
            items.append(self.aliased())
        return tuple(items)

    def _group_by(self) -> tuple[tuple[ast.Expr, ...], bool]:
        """The keys, and whether it is GROUP BY ALL."""
        start = self.token.start
        if not self.take_keyword("group", "by"):
            return (), False
        if self.at_keyword("all") and self.peek().text != "(":
            self.advance()
            return (), True
        self._refuse_grouping(start)
        keys = self._items()
        if self.at_keyword("with") and self.peek().keyword in {"totals", "rollup", "cube"}:
            self.advance()
            self._refuse_grouping(start)
        return keys, False

    def _refuse_grouping(self, start: int) -> None:
        token = self.token
        if token.keyword in {"rollup", "cube", "totals", "grouping"} and (
            token.keyword == "totals" or self.peek().text == "(" or self.peek(-1).keyword == "with"
        ):
            raise HogQLError(
                f"GROUP BY … {token.keyword.upper()} is not supported; write a UNION ALL of the groupings",
                start=start,
                end=token.end,
            )

    def _named_windows(self) -> tuple[ast.NamedWindow, ...]:
        if not self.take_keyword("window"):
            return ()
        windows: list[ast.NamedWindow] = []
        while True:
            name = self.identifier("a window's name")
            self.expect_keyword("as")
            self.expect_operator("(")
            windows.append(ast.NamedWindow(name, self.window()))
            self.expect_operator(")")
            if not self.take_operator(","):
                return tuple(windows)

    def window(self) -> ast.WindowExpr:
        """PARTITION BY …, ORDER BY …, ROWS or RANGE …"""
        partition_by = self._items() if self.take_keyword("partition", "by") else ()
        order_by = self._order_by()
        method = self.token.keyword.upper()
        if method not in {"ROWS", "RANGE"}:
            return ast.WindowExpr(partition_by, order_by)
        self.advance()
        frame_end = None
        if self.take_keyword("between"):
            frame_start = self._frame()
            self.expect_keyword("and")
            frame_end = self._frame()
        else:
            frame_start = self._frame()
        kind = cast("Literal['ROWS', 'RANGE']", method)
        return ast.WindowExpr(partition_by, order_by, kind, frame_start, frame_end)

    def _frame(self) -> ast.WindowFrameExpr:
        if self.take_keyword("current", "row"):
            return ast.WindowFrameExpr("CURRENT ROW")
        value = None
        if not self.take_keyword("unbounded"):
            token = self.token
            if token.kind != "number" or not token.text.isdigit():
                raise self.error("expected UNBOUNDED, CURRENT ROW or a whole number")
            value = int(self.advance().text)
        word = self.token.keyword.upper()
        if word not in {"PRECEDING", "FOLLOWING"}:
            raise self.error("expected PRECEDING or FOLLOWING")
        self.advance()
        return ast.WindowFrameExpr(cast("Literal['PRECEDING', 'FOLLOWING']", word), value)

    def _order_by(self) -> tuple[ast.OrderExpr, ...]:
        if not self.take_keyword("order", "by"):
            return ()
        keys = [self.order_key()]
        while self.take_operator(","):
            keys.append(self.order_key())
        return tuple(keys)

    def order_key(self) -> ast.OrderExpr:
        """One key of ORDER BY."""
        start = self.token.start
        expr = self.aliased()
        order: Literal["ASC", "DESC"] = "ASC"
        if self.take_keyword("desc") or self.take_keyword("descending"):
            order = "DESC"
        elif not self.take_keyword("asc"):
            self.take_keyword("ascending")
        nulls: Literal["FIRST", "LAST"] | None = None
        if self.take_keyword("nulls"):
            nulls = "FIRST" if self.take_keyword("first") else "LAST"
            if nulls == "LAST":
                self.expect_keyword("last")
        return ast.OrderExpr(expr, order, nulls, start=start, end=self.previous_end())

    def _limits(self) -> _Limits:
        """LIMIT n BY …, LIMIT n [WITH TIES], OFFSET m and LIMIT m, n, in any order they are allowed in."""
        limits = _Limits()
        while True:
            if self.take_keyword("limit"):
                self._limit(limits)
            elif self.take_keyword("offset"):
                limits.offset = self._offset()
            else:
                return limits

    def _offset(self) -> ast.Expr:
        offset = self.expression()
        _ = self.take_keyword("rows") or self.take_keyword("row")
        return offset

    def _limit(self, limits: _Limits) -> None:
        token = self.token
        limit = self.expression()
        offset: ast.Expr | None = None
        if self.take_operator(","):
            offset, limit = limit, self.expression()
        elif self.take_keyword("offset"):
            offset = self._offset()
        if self.take_keyword("by"):
            if limits.by is not None or limits.limit is not None:
                raise self.error("only one LIMIT … BY, before LIMIT", token)
            limits.by = ast.LimitByExpr(_whole(limit), self._items(), _whole(offset) if offset else 0)
            return
        if limits.limit is not None:
            raise self.error("LIMIT stands here for the second time", token)
        limits.limit = limit
        limits.offset = offset or limits.offset
        limits.with_ties = self.take_keyword("with", "ties")


def _whole(expr: ast.Expr) -> int:
    if isinstance(expr, ast.Constant) and type(expr.value) is int and expr.value >= 0:
        return expr.value
    raise HogQLError("LIMIT … BY needs a whole number", start=expr.start, end=expr.end)


def _shifted(expr: ast.Expr, offset: int) -> ast.Expr:
    def shift(node: ast.Node) -> ast.Node:
        moved = ast.map_children(node, shift)
        return ast.moved(moved, offset)

    return cast("ast.Expr", shift(expr))
