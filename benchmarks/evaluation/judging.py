"""What an answer must say to be right, and the verdict on one that was given."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["right", "wrong", "declined"]

_NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")
_REFUSALS = ("can't answer", "cannot answer", "can not answer", "no access", "could not get", "don't have", "unable to")


@dataclass(frozen=True)
class Gold:
    """The right answer: numbers that must lead, rows that must be there, a sequence that must appear in order."""

    lead: tuple[float, ...] = ()
    rows: Mapping[str, float] | None = None
    sequence: tuple[float, ...] = ()
    says: tuple[str, ...] = ()
    most_rows: int = 25


def number(*values: float) -> Gold:
    """The answer leads with these numbers."""
    return Gold(lead=values)


def rows(found: Mapping[str, float], *, top: int | None = None, least: bool = False) -> Gold:
    """The answer lists these, each with its number; `top` keeps the first few and says in which order they come."""
    ordered = sorted(found.items(), key=lambda each: each[1] if least else -each[1])[: top or 25]
    return Gold(
        rows={str(name): value for name, value in ordered}, sequence=tuple(v for _, v in ordered) if top else ()
    )


def sequence(values: Sequence[float]) -> Gold:
    """The answer gives these numbers in this order."""
    return Gold(sequence=tuple(values))


def says(*texts: str) -> Gold:
    """The answer contains these texts."""
    return Gold(says=texts)


def judge(answer: str, gold: Gold) -> Verdict:
    """The verdict on an answer's text."""
    text = answer.partition("\n\nHow I read it:")[0]
    if any(each in text.lower() for each in _REFUSALS):
        return "declined"
    right = (
        _leads(text, gold.lead)
        and _has_rows(text, gold.rows)
        and _in_order(numbers(text), gold.sequence)
        and all(each.lower() in text.lower() for each in gold.says)
    )
    return "right" if right else "wrong"


def numbers(text: str) -> list[float]:
    """Every number of a text, in order."""
    return [float(each.replace(",", "")) for each in _NUMBER.findall(text)]


def _same(said: float, wanted: float) -> bool:
    return abs(said - wanted) <= max(0.0051, abs(wanted) * 2e-4 if abs(wanted) < 1 else 0.0051)


def _leads(text: str, lead: tuple[float, ...]) -> bool:
    if not lead:
        return True
    text = re.sub(r"\d{4}-\d{2}-\d{2}", "", text)
    bold = [value for each in re.findall(r"\*\*([^*]+)\*\*", text) for value in numbers(each)]
    found = bold if len(bold) >= len(lead) else numbers(text)
    return len(found) >= len(lead) and all(map(_same, found, lead))


def _has_rows(text: str, wanted: Mapping[str, float] | None) -> bool:
    if wanted is None:
        return True
    lines = text.splitlines()
    return all(
        any(name.lower() in line.lower() and any(_same(each, value) for each in numbers(line)) for line in lines)
        for name, value in wanted.items()
    )


def _in_order(found: list[float], wanted: tuple[float, ...]) -> bool:
    rest = iter(found)
    return all(any(_same(each, value) for each in rest) for value in wanted)
