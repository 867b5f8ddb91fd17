"""A cursor over tokens: what every part of the parser uses to look ahead, to take and to complain."""

from furze.hogql.errors import HogQLError
from furze.hogql.lexer import Token, tokenize

#: Parentheses, calls and subqueries inside each other. One level costs the parser at most eight Python frames.
MAX_NESTING = 80

#: Words that end an expression, so that they are no bare column names or implicit aliases.
RESERVED = frozenset(
    # Words in one text, as a list of sixty lines says no more.
    """all and any anti array as asc asof between by case cross desc distinct else end except final format
    from full global group having ilike in inner intersect into is join left like limit not null
    nulls offset on or order outer prewhere qualify right sample select semi settings then union
    using values when where window with""".split()  # noqa: SIM905
)


class TokenReader:
    """The tokens of one text, with a position."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.index = 0
        self.nesting = 0

    @property
    def token(self) -> Token:
        """The token that is read next."""
        return self.tokens[self.index]

    def peek(self, distance: int = 1) -> Token:
        """The token `distance` after the next one."""
        return self.tokens[min(self.index + distance, len(self.tokens) - 1)]

    def advance(self) -> Token:
        """Take the next token."""
        token = self.tokens[self.index]
        if token.kind != "end":
            self.index += 1
        return token

    def at_operator(self, *operators: str) -> bool:
        """Whether the next token is one of these signs."""
        token = self.token
        return token.kind == "operator" and token.text in operators

    def at_keyword(self, *words: str) -> bool:
        """Whether the next tokens are these words, in this order."""
        return all(self.peek(distance).keyword == word for distance, word in enumerate(words))

    def take_operator(self, *operators: str) -> Token | None:
        """Take the next token if it is one of these signs."""
        return self.advance() if self.at_operator(*operators) else None

    def take_keyword(self, *words: str) -> bool:
        """Take these words if they come next, in this order."""
        if not self.at_keyword(*words):
            return False
        self.index += len(words)
        return True

    def expect_operator(self, operator: str) -> Token:
        """Take this sign; anything else is an error."""
        token = self.take_operator(operator)
        if token is None:
            raise self.error(f"expected {operator!r}")
        return token

    def expect_keyword(self, *words: str) -> None:
        """Take these words; anything else is an error."""
        if not self.take_keyword(*words):
            raise self.error(f"expected {' '.join(words).upper()}")

    def identifier(self, what: str) -> str:
        """Take a name, quoted or not."""
        token = self.token
        if token.kind == "quoted" or (token.kind == "name" and token.keyword not in RESERVED):
            return self.advance().text
        raise self.error(f"expected {what}")

    def previous_end(self) -> int:
        """The offset after the last token that was taken."""
        return self.tokens[self.index - 1].end if self.index else 0

    def enter(self) -> None:
        """Count one level of nesting; an error when there are too many."""
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            token = self.token
            raise HogQLError(
                f"The query is nested more than {MAX_NESTING} levels deep; split it with WITH",
                start=token.start,
                end=token.end,
            )

    def leave(self) -> None:
        """The end of one level of nesting."""
        self.nesting -= 1

    def error(self, problem: str, token: Token | None = None) -> HogQLError:
        """The error that `problem` is what is wrong with `token` (by default the next one)."""
        token = token or self.token
        found = "the end of the query" if token.kind == "end" else repr(self.text[token.start : token.end])
        return HogQLError(f"Unexpected {found}: {problem}", start=token.start, end=max(token.end, token.start))
