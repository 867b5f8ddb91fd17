"""What the HTTP endpoint has to know about a statement before the engine parses it. Pure text work."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

#: Formats whose chunks can be concatenated, so a result may leave in pieces without being held.
STREAMABLE_FORMATS = frozenset(
    {
        "native",
        "arrowstream",
        "jsoneachrow",
        "jsonlines",
        "jsoncompacteachrow",
        "tsv",
        "tabseparated",
        "tsvraw",
        "tabseparatedraw",
        "csv",
        "rowbinary",
    }
)

#: URL parameters of ClickHouse's HTTP interface that are not settings.
_TRANSPORT_PARAMETERS = frozenset(
    {
        "query",
        "database",
        "default_format",
        "query_id",
        "user",
        "password",
        "session_id",
        "session_check",
        "session_timeout",
        "close_session",
        "wait_end_of_query",
        "buffer_size",
        "compress",
        "decompress",
        "quota_key",
        "role",
        "stacktrace",
        "client_protocol_version",
    }
)

_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")
_TOKEN = re.compile(
    rb"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\"|--[^\n]*|/\*.*?\*/|\w+|\s+|.",
    re.DOTALL,
)
_BLANK = re.compile(rb"(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_DATA_START = re.compile(rb"[ \t]*;?[ \t]*(?:\r?\n)?")
_WORD = re.compile(rb"\w+")
_TRAILING_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*(?:SETTINGS\b[^']*)?;?\s*\Z", re.IGNORECASE)
_KILL_BY_ID = re.compile(r"\s*(KILL\s+QUERY\s+WHERE\s+)query_id(\s*=\s*'.*)\Z", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Insert:
    """An INSERT whose rows follow in a format: the statement up to FORMAT, the format, where the data begins."""

    head: str
    format: str
    data_offset: int


def first_word(statement: bytes) -> str:
    """The statement's first keyword in capitals, past comments and opening parentheses; empty without one."""
    offset = 0
    while True:
        blank = _BLANK.match(statement, offset)
        offset = blank.end() if blank else offset
        if statement[offset : offset + 1] != b"(":
            break
        offset += 1
    word = _WORD.match(statement, offset)
    return word.group().decode().upper() if word else ""


def parse_insert(statement: bytes) -> Insert | None:
    """The parts of `INSERT INTO … FORMAT name <data>`; None for every statement that brings no formatted data."""
    if first_word(statement) != "INSERT":
        return None
    depth, tokens = 0, _TOKEN.finditer(statement)
    for token in tokens:
        text = token.group()
        depth += (text == b"(") - (text == b")")
        word = text.upper() if depth == 0 else b""
        if word in {b"SELECT", b"WITH", b"VALUES"}:
            return None
        if word == b"FORMAT":
            return _insert_at(statement, token.start(), token.end())
    return None


def _insert_at(statement: bytes, format_start: int, format_end: int) -> Insert | None:
    name = re.compile(rb"\s+(\w+)").match(statement, format_end)
    if name is None or name.group(1).upper() == b"VALUES":
        return None
    data = _DATA_START.match(statement, name.end())
    offset = data.end() if data else name.end()
    return Insert(statement[:format_start].decode(), name.group(1).decode(), offset)


def output_format(statement: str, default: str) -> str:
    """The format in which the statement's result will come."""
    match = _TRAILING_FORMAT.search(statement[-400:])
    return match.group(1) if match else default


def settings_statement(parameters: Mapping[str, str], *, query_id: str) -> str:
    """`SET …` for the settings among the URL parameters; raises ValueError for a name that is not one.

    The engine gives every statement an id of its own, so the caller's `query_id` travels as `log_comment`.
    """
    settings = {"log_comment": query_id}
    for name, value in parameters.items():
        if name in _TRANSPORT_PARAMETERS or name.startswith("param_"):
            continue
        if not _SETTING_NAME.match(name):
            raise ValueError(f"{name!r} is not a setting's name")
        settings[name] = value
    return "SET " + ", ".join(f"{name}={literal(value)}" for name, value in settings.items())


def query_parameters(parameters: Mapping[str, str]) -> dict[str, str]:
    """The values of `{name:Type}` placeholders."""
    return {name[6:]: value for name, value in parameters.items() if name.startswith("param_")}


def rewrite_kill(statement: str) -> str:
    """`KILL QUERY WHERE query_id = '…'` in terms of the caller's id; any other statement as it is."""
    return _KILL_BY_ID.sub(r"\1Settings['log_comment']\2", statement)


def literal(text: str) -> str:
    """A ClickHouse string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
