"""HogQL text to tokens, in one linear pass."""

import re
from dataclasses import dataclass
from typing import Literal

from furze.hogql.errors import HogQLError

#: The longest text that is read. PostHog's longest documented query is under 10,000 characters.
MAX_TEXT_LENGTH = 65_536

TokenKind = Literal["name", "quoted", "number", "string", "template", "operator", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """One token. `text` is as written, except that quoted names and strings are already unescaped."""

    kind: TokenKind
    text: str
    start: int
    end: int

    @property
    def keyword(self) -> str:
        """The lower-case word of an unquoted name, else an empty string."""
        return self.text.lower() if self.kind == "name" else ""


_SPACE = re.compile(r"(?:\s+|--[^\n]*|//[^\n]*)+")
_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_DIGITS = re.compile(r"\d+")
_OPERATOR = re.compile(r"=~\*|!~\*|::|->|\|\||\?\?|\?\.|==|!=|<>|<=|>=|=~|!~|[-=<>+*/%.,()\[\]{}:?;]")
_QUOTED = {
    "'": re.compile(r"'((?:[^'\\]|\\.|'')*)'", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\]|\\.|"")*)"', re.DOTALL),
    "`": re.compile(r"`((?:[^`\\]|\\.|``)*)`", re.DOTALL),
}
_ESCAPE = {quote: re.compile(rf"\\(.)|({quote}{quote})", re.DOTALL) for quote in "'\"`"}
_ESCAPED = {
    "n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0", "a": "\a", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "`": "`", "{": "{", "}": "}",
}  # fmt: skip


def tokenize(text: str) -> list[Token]:
    """The tokens of `text`, closed by one of kind `end`."""
    if len(text) > MAX_TEXT_LENGTH:
        raise HogQLError(f"The query has {len(text):,} characters; at most {MAX_TEXT_LENGTH:,} are read")
    tokens: list[Token] = []
    position = 0
    while True:
        position = _skip(text, position)
        if position >= len(text):
            tokens.append(Token("end", "", position, position))
            return tokens
        token = _next_token(text, position, tokens[-1] if tokens else None)
        tokens.append(token)
        position = token.end


def _skip(text: str, position: int) -> int:
    """The position after white space and comments."""
    while True:
        space = _SPACE.match(text, position)
        if space:
            position = space.end()
        if not text.startswith("/*", position):
            return position
        # Searched for, not matched: an expression for comments backtracks without end on unfinished ones.
        end = text.find("*/", position + 2)
        if end < 0:
            raise HogQLError("A comment starts here and does not end", start=position, end=len(text))
        position = end + 2


def _next_token(text: str, position: int, before: Token | None) -> Token:
    first = text[position]
    if first in "fF" and text.startswith("'", position + 1):
        return _template(text, position)
    if first in _QUOTED:
        return _quoted(text, position)
    if before is not None and before.text in {".", "?."} and before.kind == "operator":
        found = _DIGITS.match(text, position)  # tuple.1.2: two indexes, not the number 1.2
    elif first == "." and before is not None and _ends_a_value(before):
        found = None
    else:
        found = _NUMBER.match(text, position)
    if found:
        return Token("number", found.group(), position, found.end())
    found = _NAME.match(text, position)
    if found:
        return Token("name", found.group(), position, found.end())
    found = _OPERATOR.match(text, position)
    if found:
        return Token("operator", found.group(), position, found.end())
    raise HogQLError(f"Unexpected character {first!r}", start=position, end=position + 1)


def _ends_a_value(token: Token) -> bool:
    return token.kind in {"name", "quoted", "number", "string"} or token.text in {")", "]", "}"}


def _quoted(text: str, position: int) -> Token:
    quote = text[position]
    found = _QUOTED[quote].match(text, position)
    if not found:
        what = "string" if quote == "'" else "quoted name"
        raise HogQLError(f"A {what} starts here and does not end", start=position, end=len(text))
    return Token("string" if quote == "'" else "quoted", unescape(found.group(1), quote), position, found.end())


def unescape(body: str, quote: str) -> str:
    """The value of what stands between two `quote` characters."""
    if "\\" not in body and quote not in body:
        return body
    return _ESCAPE[quote].sub(_escaped_value, body)


def _escaped_value(found: re.Match[str]) -> str:
    if found.group(2):
        return found.group(2)[0]
    # An unknown escape stands for itself, as in ClickHouse: regular expressions are full of \\d.
    return _ESCAPED.get(found.group(1), "\\" + found.group(1))


def _template(text: str, position: int) -> Token:
    """An f'…{expr}…' string: `text` keeps what stands between the quotes, escapes and all."""
    index = position + 2
    depth = 0
    while index < len(text):
        char = text[index]
        if char == "\\":
            index += 1
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
        elif char == "'" and depth <= 0:
            return Token("template", text[position + 2 : index], position, index + 1)
        elif char == "'":
            inner = _QUOTED["'"].match(text, index)
            index = inner.end() - 1 if inner else len(text)
        index += 1
    raise HogQLError("A template string starts here and does not end", start=position, end=len(text))
