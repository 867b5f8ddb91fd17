"""Expressions: a Pratt parser. Each binary operator has a binding power; nothing backtracks, so time is linear."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Final, cast

from furze.hogql import ast
from furze.hogql.errors import HogQLError
from furze.hogql.lexer import Token, unescape
from furze.hogql.reader import RESERVED, TokenReader

TERNARY: Final = 1
OR: Final = 2
AND: Final = 3
NOT: Final = 4
NULLISH: Final = 5
COMPARE: Final = 6
ADD: Final = 7
MULTIPLY: Final = 8
UNARY: Final = 9

_COMPARISONS: dict[str, ast.CompareOperator] = {
    "=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=",
    "=~": "=~", "!~": "!~", "=~*": "=~*", "!~*": "!~*",
}  # fmt: skip
_COMPARE_WORDS = frozenset({"is", "like", "ilike", "in", "between"})
_POWERS = {
    "?": TERNARY, "??": NULLISH, "+": ADD, "-": ADD, "||": ADD, "*": MULTIPLY, "/": MULTIPLY, "%": MULTIPLY,
    **dict.fromkeys(_COMPARISONS, COMPARE),
}  # fmt: skip
_WORD_POWERS = {"or": OR, "and": AND, **dict.fromkeys(_COMPARE_WORDS, COMPARE)}
INTERVAL_UNITS = frozenset({"second", "minute", "hour", "day", "week", "month", "quarter", "year"})
_EXTRACT_PARTS = {
    "year": "toYear", "quarter": "toQuarter", "month": "toMonth", "week": "toISOWeek", "day": "toDayOfMonth",
    "hour": "toHour", "minute": "toMinute", "second": "toSecond", "dow": "toDayOfWeek",
    "doy": "toDayOfYear", "epoch": "toUnixTimestamp",
}  # fmt: skip
_LONGEST_NUMBER: Final = 66  # digits of the engine's largest integer, UInt256, in hexadecimal
_WORD_CONSTANTS: dict[str, object] = {"true": True, "false": False, "null": None}
_NUMBER_WORDS = {"inf": float("inf"), "nan": float("nan")}


class ExpressionParser(TokenReader):
    """Everything below a SELECT statement."""

    @abstractmethod
    def select_statement(self) -> ast.SelectStatement:
        """Parse a whole query, set operators included."""

    @abstractmethod
    def set_tail(self, first: ast.SelectStatement) -> ast.SelectStatement:
        """`first` with the set operators that follow it."""

    def expression(self, power: int = 0) -> ast.Expr:
        """An expression of operators that bind tighter than `power`."""
        self.enter()
        left = self._prefix()
        while True:
            operator_power = self._operator_power()
            if operator_power <= power:
                break
            left = self._infix(left, operator_power)
        self.leave()
        return left

    def aliased(self) -> ast.Expr:
        """An expression with an optional `AS name`."""
        start = self.token.start
        expr = self.expression()
        if self.take_keyword("as"):
            alias = self.identifier("an alias")
            return ast.Alias(alias, expr, start=start, end=self.previous_end())
        return expr

    def expression_list(self, closing: str, item: Callable[[], ast.Expr]) -> tuple[ast.Expr, ...]:
        """Items up to the sign `closing`, which is taken; a trailing comma is allowed."""
        items: list[ast.Expr] = []
        while not self.take_operator(closing):
            items.append(item())
            if not self.take_operator(","):
                self.expect_operator(closing)
                break
        return tuple(items)

    def _operator_power(self) -> int:
        token = self.token
        if token.kind == "operator":
            return _POWERS.get(token.text, 0)
        if token.kind != "name":
            return 0
        if token.keyword == "not" and self.peek().keyword in _COMPARE_WORDS:
            return COMPARE
        return _WORD_POWERS.get(token.keyword, 0)

    def _infix(self, left: ast.Expr, power: int) -> ast.Expr:
        start = left.start
        if power == AND:
            operands = self._operands(left, "and", AND)
            return ast.And(operands, start=start, end=self.previous_end())
        if power == OR:
            operands = self._operands(left, "or", OR)
            return ast.Or(operands, start=start, end=self.previous_end())
        if power == TERNARY:
            return self._ternary(left)
        if power == COMPARE:
            return self._comparison(left)
        return self._arithmetic(left, power)

    def _operands(self, left: ast.Expr, word: str, power: int) -> tuple[ast.Expr, ...]:
        operands = [left]
        while self.take_keyword(word):
            operands.append(self.expression(power))
        return tuple(operands)

    def _ternary(self, condition: ast.Expr) -> ast.Expr:
        self.advance()
        then = self.expression()
        self.expect_operator(":")
        otherwise = self.expression()
        return ast.Call("if", (condition, then, otherwise), start=condition.start, end=self.previous_end())

    def _arithmetic(self, left: ast.Expr, power: int) -> ast.Expr:
        operator = self.advance().text
        operands = [left, self.expression(power)]
        if operator in {"||", "??"}:
            while self.take_operator(operator):
                operands.append(self.expression(power))
            name = "concat" if operator == "||" else "coalesce" if len(operands) > 2 else "ifNull"
            return ast.Call(name, tuple(operands), start=left.start, end=self.previous_end())
        return ast.ArithmeticOperation(
            left, operands[1], cast("ast.ArithmeticOperator", operator), start=left.start, end=self.previous_end()
        )

    def _comparison(self, left: ast.Expr) -> ast.Expr:
        token = self.advance()
        if token.kind == "operator":
            right = self.expression(COMPARE)
            return self._compare(left, right, _COMPARISONS[token.text])
        if token.keyword == "is":
            return self._is(left)
        negated = token.keyword == "not"
        word = self.advance().keyword if negated else token.keyword
        if word == "between":
            return self._between(left, negated=negated)
        if word == "in" and self.take_keyword("cohort"):
            word = "in cohort"
        right = self.expression(COMPARE)
        operator = cast("ast.CompareOperator", f"not {word}" if negated else word)
        return self._compare(left, right, operator)

    def _compare(self, left: ast.Expr, right: ast.Expr, operator: ast.CompareOperator) -> ast.Expr:
        return ast.CompareOperation(left, right, operator, start=left.start, end=self.previous_end())

    def _is(self, left: ast.Expr) -> ast.Expr:
        negated = self.take_keyword("not")
        if self.take_keyword("distinct", "from"):
            return self._compare(
                left, self.expression(COMPARE), "is not distinct from" if negated else "is distinct from"
            )
        if not self.take_keyword("null"):
            raise self.error("expected NULL or DISTINCT FROM")
        return self._compare(left, ast.Constant(None), "!=" if negated else "=")

    def _between(self, expr: ast.Expr, *, negated: bool) -> ast.Expr:
        low = self.expression(COMPARE)
        self.expect_keyword("and")
        high = self.expression(COMPARE)
        return ast.BetweenExpr(expr, low, high, negated, start=expr.start, end=self.previous_end())

    def _prefix(self) -> ast.Expr:
        token = self.token
        if token.kind == "operator" and token.text in {"-", "+"}:
            self.advance()
            return self._signed(token)
        if token.keyword == "not":
            self.advance()
            return ast.Not(self.expression(NOT), start=token.start, end=self.previous_end())
        return self._postfix(self._primary(token))

    def _signed(self, sign: Token) -> ast.Expr:
        operand = self.expression(UNARY)
        if sign.text == "+":
            return operand
        end = self.previous_end()
        if (
            isinstance(operand, ast.Constant)
            and isinstance(operand.value, int | float)
            and not isinstance(operand.value, bool)
        ):
            return ast.Constant(-operand.value, start=sign.start, end=end)
        return ast.Call("negate", (operand,), start=sign.start, end=end)

    def _postfix(self, expr: ast.Expr) -> ast.Expr:
        while True:
            if self.take_operator(".", "?."):
                expr = self._member(expr)
            elif self.take_operator("["):
                index = self.expression()
                self.expect_operator("]")
                expr = _element(expr, index, self.previous_end())
            elif self.take_operator("::"):
                expr = ast.TypeCast(expr, self.type_name(), start=expr.start, end=self.previous_end())
            else:
                return expr

    def _member(self, expr: ast.Expr) -> ast.Expr:
        token = self.token
        if token.kind == "number" and token.text.isdigit():
            self.advance()
            return ast.TupleAccess(expr, int(token.text), start=expr.start, end=token.end)
        if token.kind == "operator" and token.text == "*" and isinstance(expr, ast.Field):
            self.advance()
            return ast.Field((*expr.chain, "*"), start=expr.start, end=token.end)
        if token.kind not in {"name", "quoted"}:
            raise self.error("expected a name after the dot")
        self.advance()
        return _element(expr, ast.Constant(token.text), token.end)

    def type_name(self) -> str:
        """A type: `Int`, `Nullable(String)`, `DateTime64(6, 'UTC')`."""
        token = self.token
        if token.kind not in {"name", "quoted"}:
            raise self.error("expected a type")
        start = token.start
        self.advance()
        if self.take_operator("("):
            depth = 1
            while depth:
                inner = self.advance()
                if inner.kind == "end":
                    raise self.error("expected ')' after the type's parameters", inner)
                depth += {"(": 1, ")": -1}.get(inner.text, 0) if inner.kind == "operator" else 0
        return self.text[start : self.previous_end()] if token.kind == "name" else token.text

    def _primary(self, token: Token) -> ast.Expr:
        if token.kind == "number":
            self.advance()
            return ast.Constant(_number(token.text), start=token.start, end=token.end)
        if token.kind == "string":
            self.advance()
            return ast.Constant(token.text, start=token.start, end=token.end)
        if token.kind == "template":
            return self._template(self.advance())
        if token.kind in {"name", "quoted"}:
            return self._named(token)
        openers = {"(": self._parenthesis, "[": self._array, "{": self._brace, "*": self._asterisk}
        if token.kind == "operator" and token.text in openers:
            self.advance()
            return openers[token.text](token)
        if token.text == "<" and self.peek().kind == "name":
            raise self.error("HogQLX tags are not supported", token)
        raise self.error("expected an expression")

    def _named(self, token: Token) -> ast.Expr:
        following = self.peek()
        calls = following.kind == "operator" and following.text == "("
        word = token.keyword
        if following.text == "->" and following.kind == "operator":
            self.advance()
            return self._lambda((token.text,), token.start)
        if word in _SPECIAL_FORMS and (calls or word in {"case", "interval"}):
            special = _SPECIAL_FORMS[word](self, token)
            if special is not None:
                return special
        if calls:
            return self._call(self.advance())
        if word in _WORD_CONSTANTS or word in _NUMBER_WORDS:
            self.advance()
            value = _WORD_CONSTANTS[word] if word in _WORD_CONSTANTS else _NUMBER_WORDS[word]
            return ast.Constant(value, start=token.start, end=token.end)
        if word in RESERVED:
            raise self.error("expected an expression")
        self.advance()
        return ast.Field((token.text,), start=token.start, end=token.end)

    def _call(self, name: Token) -> ast.Expr:
        self.advance()
        distinct, args = self._arguments()
        params: tuple[ast.Expr, ...] | None = None
        if self.take_operator("("):
            params = args
            distinct, args = self._arguments()
        if name.keyword in {"and", "or"} and len(args) > 1:
            build = ast.And if name.keyword == "and" else ast.Or
            return build(args, start=name.start, end=self.previous_end())
        call = ast.Call(name.text, args, params, distinct, start=name.start, end=self.previous_end())
        return self._over(call) if self.take_keyword("over") else call

    def _arguments(self) -> tuple[bool, tuple[ast.Expr, ...]]:
        distinct = self.at_keyword("distinct") and self.peek().text not in {",", ")"}
        if distinct:
            self.advance()
        if self.at_keyword("select") or self.at_keyword("with"):
            query = self.select_statement()
            self.expect_operator(")")
            return distinct, (query,)
        return distinct, self.expression_list(")", self.aliased)

    def _over(self, call: ast.Call) -> ast.Expr:
        if self.take_operator("("):
            window = self.window()
            self.expect_operator(")")
            return ast.WindowFunction(call, window, start=call.start, end=self.previous_end())
        name = self.identifier("a window's name or '('")
        return ast.WindowFunction(call, None, name, start=call.start, end=self.previous_end())

    @abstractmethod
    def window(self) -> ast.WindowExpr:
        """What stands between the parentheses of a window."""

    def _lambda(self, args: tuple[str, ...], start: int | None) -> ast.Expr:
        self.expect_operator("->")
        body = self.expression()
        return ast.Lambda(args, body, start=start, end=self.previous_end())

    def _parenthesis(self, opening: Token) -> ast.Expr:
        if self.at_keyword("select") or self.at_keyword("with"):
            query = self.select_statement()
            self.expect_operator(")")
            return query
        items: list[ast.Expr] = []
        is_tuple = False
        while not self.take_operator(")"):
            items.append(self._set_or(self.aliased()))
            if not self.take_operator(","):
                self.expect_operator(")")
                break
            is_tuple = True
        if self.at_operator("->"):
            return self._lambda(_lambda_names(items, opening), opening.start)
        if len(items) == 1 and not is_tuple:
            return items[0]
        return ast.Tuple(tuple(items), start=opening.start, end=self.previous_end())

    def _set_or(self, expr: ast.Expr) -> ast.Expr:
        if isinstance(expr, ast.SelectQuery | ast.SelectSetQuery):
            return self.set_tail(expr)
        return expr

    def _array(self, opening: Token) -> ast.Expr:
        items = self.expression_list("]", self.aliased)
        return ast.Array(items, start=opening.start, end=self.previous_end())

    def _asterisk(self, star: Token) -> ast.Expr:
        return ast.Field(("*",), start=star.start, end=star.end)

    def _brace(self, opening: Token) -> ast.Expr:
        if self.take_operator("}"):
            return ast.Dict((), start=opening.start, end=self.previous_end())
        first = self.expression()
        if self.take_operator("}"):
            return ast.Placeholder(first, start=opening.start, end=self.previous_end())
        items: list[tuple[ast.Expr, ast.Expr]] = []
        key = first
        while True:
            self.expect_operator(":")
            items.append((key, self.expression()))
            if not self.take_operator(","):
                break
            if self.at_operator("}"):
                break
            key = self.expression()
        self.expect_operator("}")
        return ast.Dict(tuple(items), start=opening.start, end=self.previous_end())

    def case(self, token: Token) -> ast.Expr | None:
        """CASE … END, or None when `case` is only a name here."""
        self.advance()
        operand = None if self.at_keyword("when") else self.expression()
        whens: list[tuple[ast.Expr, ast.Expr]] = []
        while self.take_keyword("when"):
            condition = self.expression()
            self.expect_keyword("then")
            whens.append((condition, self.expression()))
        if not whens:
            raise self.error("expected WHEN")
        default = self.expression() if self.take_keyword("else") else None
        self.expect_keyword("end")
        return ast.Case(tuple(whens), operand, default, start=token.start, end=self.previous_end())

    def cast(self, token: Token) -> ast.Expr | None:
        """A cast in either form: `expr AS type` or `expr, 'type'` between the parentheses."""
        self.advance()
        self.advance()
        expr = self.expression()
        if self.take_operator(","):
            if self.token.kind != "string":
                raise self.error("expected the type as a string")
            type_name = self.advance().text
        else:
            self.expect_keyword("as")
            type_name = self.type_name()
        self.expect_operator(")")
        return ast.TypeCast(expr, type_name, start=token.start, end=self.previous_end())

    def extract(self, token: Token) -> ast.Expr | None:
        """The part of a moment (`year FROM timestamp`); None for the function of two arguments."""
        if self.peek(3).keyword != "from":
            return None
        part = self.peek(2)
        function = _EXTRACT_PARTS.get(part.keyword)
        if function is None:
            raise self.error(f"expected one of {', '.join(_EXTRACT_PARTS)}", part)
        self.index += 4
        expr = self.expression()
        self.expect_operator(")")
        return ast.Call(function, (expr,), start=token.start, end=self.previous_end())

    def interval(self, token: Token) -> ast.Expr | None:
        """INTERVAL 7 day or INTERVAL '7 days'; None when `interval` is only a name here."""
        following = self.peek()
        if following.kind == "string":
            self.index += 2
            return self._interval_call(*_interval_text(following), token)
        starts_amount = following.kind in {"number", "name", "quoted"} or following.text in {"(", "{", "-"}
        if not starts_amount or following.keyword in RESERVED:
            return None
        if following.text == "(" and not self._unit_follows_parenthesis():
            return None
        self.advance()
        amount = self.expression(ADD)
        unit = self.token
        if unit.keyword.rstrip("s") not in INTERVAL_UNITS:
            raise self.error(f"expected an interval unit: one of {', '.join(sorted(INTERVAL_UNITS))}", unit)
        self.advance()
        return self._interval_call(amount, unit.keyword.rstrip("s"), token)

    def _unit_follows_parenthesis(self) -> bool:
        depth = 0
        for token in self.tokens[self.index + 1 :]:
            if token.kind == "operator":
                depth += {"(": 1, ")": -1}.get(token.text, 0)
            elif depth == 0:
                return token.keyword.rstrip("s") in INTERVAL_UNITS
            if depth < 0:
                return False
        return False

    def _interval_call(self, amount: ast.Expr, unit: str, token: Token) -> ast.Expr:
        name = f"toInterval{unit.capitalize()}"
        return ast.Call(name, (amount,), start=token.start, end=self.previous_end())

    def columns(self, token: Token) -> ast.Expr | None:
        """COLUMNS('regexp') or COLUMNS(a, b)."""
        self.index += 2
        args = self.expression_list(")", self.expression)
        end = self.previous_end()
        if len(args) == 1 and isinstance(args[0], ast.Constant) and isinstance(args[0].value, str):
            return ast.Columns(regex=args[0].value, start=token.start, end=end)
        return ast.Columns(exprs=args, start=token.start, end=end)

    def _template(self, token: Token) -> ast.Expr:
        parts: list[ast.Expr] = []
        for offset, piece, is_code in _template_pieces(token.text):
            start = token.start + 2 + offset
            if is_code:
                parts.append(self.embedded(piece, start))
            elif piece:
                parts.append(ast.Constant(unescape(piece, "'"), start=start, end=start + len(piece)))
        if len(parts) == 1 and isinstance(parts[0], ast.Constant):
            return parts[0]
        args = tuple(parts) or (ast.Constant(""),)
        return ast.Call("concat", args, start=token.start, end=token.end)

    @abstractmethod
    def embedded(self, text: str, offset: int) -> ast.Expr:
        """The expression `text`, which stands at `offset` of the text being parsed."""


_SPECIAL_FORMS: dict[str, Callable[[ExpressionParser, Token], ast.Expr | None]] = {
    "case": ExpressionParser.case,
    "cast": ExpressionParser.cast,
    "extract": ExpressionParser.extract,
    "interval": ExpressionParser.interval,
    "columns": ExpressionParser.columns,
}


def _element(expr: ast.Expr, index: ast.Expr, end: int) -> ast.Expr:
    """`expr.name` and `expr['name']` are the same; on a plain field they lengthen its chain."""
    if isinstance(expr, ast.Field) and isinstance(index, ast.Constant) and isinstance(index.value, str):
        return ast.Field((*expr.chain, index.value), start=expr.start, end=end)
    return ast.ArrayAccess(expr, index, start=expr.start, end=end)


def _lambda_names(items: list[ast.Expr], opening: Token) -> tuple[str, ...]:
    names = []
    for item in items:
        if not isinstance(item, ast.Field) or len(item.chain) != 1:
            raise HogQLError(
                "The arguments of a lambda are plain names", start=item.start or opening.start, end=item.end
            )
        names.append(str(item.chain[0]))
    return tuple(names)


def _number(text: str) -> int | float:
    if text[:2] in {"0x", "0X"}:
        return int(text[:_LONGEST_NUMBER], 16)
    if text.isdigit() and len(text) < _LONGEST_NUMBER:
        return int(text)
    return float(text)


def _interval_text(token: Token) -> tuple[ast.Expr, str]:
    amount, _, unit = token.text.strip().partition(" ")
    unit = unit.strip().lower().rstrip("s")
    if unit not in INTERVAL_UNITS or not amount.lstrip("-").isdigit():
        raise HogQLError(
            f"{token.text!r} is no interval; write a number and a unit, as in '7 day'",
            start=token.start,
            end=token.end,
        )
    return ast.Constant(int(amount), start=token.start, end=token.end), unit


def _template_pieces(text: str) -> list[tuple[int, str, bool]]:
    """The pieces of a template string in order: offset, text, and whether it is an expression."""
    pieces: list[tuple[int, str, bool]] = []
    piece_start = index = depth = 0
    while index < len(text):
        char = text[index]
        if char == "\\":
            index += 1
        elif char == "{":
            if depth == 0:
                pieces.append((piece_start, text[piece_start:index], False))
                piece_start = index + 1
            depth += 1
        elif char == "}" and depth:
            depth -= 1
            if depth == 0:
                pieces.append((piece_start, text[piece_start:index], True))
                piece_start = index + 1
        index += 1
    if depth:
        raise HogQLError("A '{' of a template string is not closed")
    pieces.append((piece_start, text[piece_start:], False))
    return pieces
