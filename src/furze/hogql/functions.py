"""Look-up of a function by its HogQL name."""

import difflib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from furze.hogql.function_table import (
    AGGREGATES,
    COMBINATORS,
    SCALARS,
    WINDOWS,
    Kind,
    Nulls,
    PropertyArgument,
    Section,
)


@dataclass(frozen=True, slots=True)
class Function:
    """A function that queries may call."""

    name: str
    engine_name: str
    min_args: int
    max_args: int | None
    returns: Kind
    property_argument: PropertyArgument = "text"
    nulls: Nulls = "if any"
    is_aggregate: bool = False
    is_window: bool = False


def _read(section: Section, *, is_aggregate: bool = False, is_window: bool = False) -> dict[str, Function]:
    functions: dict[str, Function] = {}
    for entry in section.names.split():
        name, _, rest = entry.partition(":")
        arguments, _, engine_name = rest.partition("=")
        least, _, most = arguments.rstrip("+").partition("-")
        maximum = None if arguments.endswith("+") else int(most or least)
        functions[name] = Function(
            name,
            engine_name or name,
            int(least),
            maximum,
            section.returns,
            section.property_argument,
            section.nulls,
            is_aggregate,
            is_window,
        )
    return functions


def _special(name: str, least: int, most: int | None, returns: Kind, nulls: Nulls = "if any") -> Function:
    return Function(name, name, least, most, returns, nulls=nulls)


#: Functions that `calls.py` prints itself.
SPECIAL: Final = {
    function.name: function
    for function in (
        _special("toString", 1, 2, "string"),
        _special("toInt", 1, 1, "number", "possible"),
        _special("toFloat", 1, 1, "number", "possible"),
        _special("toDecimal", 1, 2, "number", "possible"),
        _special("toBool", 1, 1, "boolean", "possible"),
        _special("toUUID", 1, 1, "uuid", "possible"),
        _special("toDate", 1, 2, "date"),
        _special("date", 1, 2, "date"),
        _special("exists", 1, 1, "boolean", "never"),
        _special("toDateTime", 1, 2, "datetime"),
        _special("toDateTime64", 1, 3, "datetime"),
        _special("toDateTimeUS", 1, 2, "datetime", "possible"),
        _special("parseDateTimeBestEffort", 1, 2, "datetime", "possible"),
        _special("parseDateTimeBestEffortOrNull", 1, 2, "datetime", "possible"),
        _special("now", 0, 1, "datetime", "never"),
        _special("now64", 0, 2, "datetime", "never"),
        _special("today", 0, 1, "date", "never"),
        _special("yesterday", 0, 1, "date", "never"),
        _special("current_date", 0, 0, "date", "never"),
        _special("dateAdd", 2, 3, "datetime"),
        _special("date_add", 2, 3, "datetime"),
        _special("dateSub", 2, 3, "datetime"),
        _special("date_sub", 2, 3, "datetime"),
        _special("timestampAdd", 2, 3, "datetime"),
        _special("timestampSub", 2, 3, "datetime"),
        _special("concat", 1, None, "string", "never"),
        _special("ifNull", 2, 2, "same"),
        _special("coalesce", 1, None, "same"),
        _special("least", 1, None, "same"),
        _special("greatest", 1, None, "same"),
        _special("arrayReduce", 2, None, "unknown"),
        _special("sortableSemVer", 1, 1, "array", "never"),
        _special("sparkline", 1, 1, "tuple", "never"),
        _special("recordingButton", 1, 2, "tuple", "never"),
    )
}

FUNCTIONS: Final[dict[str, Function]] = {
    **{name: found for section in SCALARS for name, found in _read(section).items()},
    **{name: found for section in AGGREGATES for name, found in _read(section, is_aggregate=True).items()},
    **{name: found for section in WINDOWS for name, found in _read(section, is_window=True).items()},
    **SPECIAL,
}
_LONGEST_NAME: Final = 64  # each ending of an aggregate is one recursion
_BY_LOWER_CASE: Final = {name.lower(): function for name, function in reversed(FUNCTIONS.items())}


@lru_cache(maxsize=1024)
def find_function(name: str) -> Function | None:
    """The function of this name, in any case; aggregates with their combinators (`uniqIf`, `sumMerge`)."""
    if len(name) > _LONGEST_NAME:
        return None
    found = FUNCTIONS.get(name) or _BY_LOWER_CASE.get(name.lower())
    return found or _combined(name)


def _combined(name: str) -> Function | None:
    for suffix, extra in COMBINATORS.items():
        if not name.endswith(suffix):
            continue
        base = find_function(name.removesuffix(suffix))
        if base is None or not base.is_aggregate:
            continue
        minimum = 1 if suffix.startswith("Merge") else base.min_args + extra
        maximum = None if base.max_args is None else base.max_args + extra
        returns: Kind = "unknown" if suffix in {"State", "MergeState", "ForEach", "Map"} else base.returns
        nulls: Nulls = "possible" if suffix == "OrNull" else base.nulls
        return replace(
            base,
            name=name,
            engine_name=base.engine_name + suffix,
            min_args=minimum,
            max_args=maximum,
            returns=returns,
            nulls=nulls,
        )
    return None


def similar_function(name: str) -> str | None:
    """The name closest to `name`, if one is close."""
    close = difflib.get_close_matches(name.lower(), _BY_LOWER_CASE, n=1, cutoff=0.75)
    return _BY_LOWER_CASE[close[0]].name if close else None
