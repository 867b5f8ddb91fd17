"""Finds numbers in an answer that nothing in the conversation supports. Pure.

Supported are the numbers of tool results, of the tools' arguments and of what the person wrote, rounded as the answer
rounds them; also the length, the sum and the mean of a list, and the difference, the ratio and the change of two
numbers of one result that has few.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import permutations

from furze.conversations import messages
from furze.conversations.types import Entry
from furze.kit import json

#: Differences and ratios of more numbers than these would support nearly anything.
_MOST_DERIVED = 40
_MOST_SHOWN = 10
_QUIET = re.compile(
    r"```.*?```|`[^`\n]*`|https?://\S+|\]\([^)]*\)"  # code and links
    r"|\b\d{4}-\d{2}-\d{2}(?:[T ][\d:.]+Z?)?|\b\d{1,2}:\d{2}(?::\d{2})?\b|\b(?:19|20)\d{2}\b"  # dates, times, years
    r"|(?m:^\s*\d{1,3}[.)]\s)",  # numbered lists
    re.DOTALL,
)
_DAY = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*\.? \d{1,2}\b|\b\d{1,2}(?:st|nd|rd|th)?"
    r" (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*",
    re.IGNORECASE,
)
_SAID = re.compile(
    r"(?<![\w.$-])[-+]?\$?(\d[\d,]*)(\.\d+)?(?:\s?(k|m|bn|thousand|million|billion)\b|(%))?(?!\w)", re.IGNORECASE
)
_ANY = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9}


def unsupported(text: str, entries: Sequence[Entry], *, spoken: Collection[str] = ()) -> list[str]:
    """The numbers of an answer that nothing before it supports, as they are written, each once.

    `spoken` are the tools whose arguments are words of the assistant, which support nothing.
    """
    said = list(dict.fromkeys(_said(text)))
    if not said:
        return []
    known = set(_known(entries, spoken))
    derived = {each for result in _results(entries) if len(result) <= _MOST_DERIVED for each in _derived(result)}
    missing = [each for each in said if not _is_among(each, known) and not _is_among(each, derived)]
    return [shown for shown, *_ in missing][:_MOST_SHOWN]


def flagged(text: str, numbers: Sequence[str]) -> str:
    """The answer with a plain word about the numbers that nothing supports."""
    return f"{text}\n\n⚠️ No query of this conversation produced {', '.join(numbers)}: do not rely on it."


def correction(numbers: Sequence[str]) -> str:
    """What the model is told about a draft that states such numbers."""
    return (
        f"Your draft states {', '.join(numbers)}, which no tool result of this conversation contains. Write the answer "
        "again with numbers from tool results only, call a tool to get what is missing, or say that you don't know."
    )


def _said(text: str) -> Iterator[tuple[str, float, float]]:
    """Each number as written, its size, and how far off rounding may be."""
    plain = _DAY.sub(" ", _QUIET.sub(" ", text))
    for match in _SAID.finditer(plain):
        scale = _SCALES.get((match[3] or "").lower(), 1.0)
        places = len(match[2]) - 1 if match[2] else 0
        value = float(match[1].replace(",", "") + (match[2] or ""))
        yield match[0].strip(), value * scale, 0.5000001 * scale * 10**-places


def _known(entries: Sequence[Entry], spoken: Collection[str]) -> Iterator[float]:
    own_words: set[str] = set()
    for entry in entries:
        if entry.event != "message":
            continue
        kind = entry.payload["type"]
        for call in messages.calls_of(entry) if kind == "ai" else ():
            if call.name in spoken:
                own_words.add(call.id)
            else:
                yield from _numbers(json.dumps(call.arguments).decode())
        if kind in ("human", "tool") and entry.payload.get("tool_call_id") not in own_words:
            yield from _numbers(str(entry.payload.get("content") or ""))
            if kind == "tool" and (entry.payload.get("content") or "").startswith(("{", "[")):
                yield from _sizes(entry.payload["content"])


def _results(entries: Sequence[Entry]) -> Iterator[set[float]]:
    for entry in entries:
        if entry.event == "message" and entry.payload["type"] == "tool":
            yield set(_numbers(str(entry.payload.get("content") or "")))


def _numbers(text: str) -> Iterator[float]:
    for match in _ANY.finditer(text):
        yield float(match[0].replace(",", ""))


def _sizes(text: str) -> Iterator[float]:
    """How long the lists of a result are, and what lists of numbers sum up to."""
    try:
        waiting = [json.loads(text)]
    except ValueError:
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            yield float(len(value))
            numbers = [each for each in value if isinstance(each, int | float) and not isinstance(each, bool)]
            if numbers and len(numbers) == len(value):
                yield from (sum(numbers), sum(numbers) / len(numbers))
            waiting.extend(value)


def _derived(known: Iterable[float]) -> Iterator[float]:
    for one, other in permutations(known, 2):
        yield abs(one - other)
        if other:
            yield from (one / other, 100 * one / other, abs(100 * (one - other) / other))


def _is_among(said: tuple[str, float, float], known: Iterable[float]) -> bool:
    _, value, slack = said
    return any(
        abs(abs(each) - value) <= slack or abs(abs(100 * each) - value) <= slack * (abs(each) <= 1) for each in known
    )
