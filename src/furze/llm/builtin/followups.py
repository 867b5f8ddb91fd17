"""“And last month?”, “what about Germany?”, “and by country?”: a question that leans on the one before. Pure."""

import re
from datetime import datetime

from furze.llm.builtin import dates, planning
from furze.llm.builtin.reading import Declined, Reading, opened
from furze.llm.builtin.taxonomy import Taxonomy

_OPENING = re.compile(
    r"^(?:(?:and|but|ok|okay|so|then|now)[, ]+)?"
    r"(?:(?:what|how) about|(?:the )?same(?: (?:for|in|on|by|but))?)?\s+|^and\s+",
    re.IGNORECASE,
)
_CUE = re.compile(r"^(?:and|but|what about|how about|(?:the )?same|now|then|ok)\b", re.IGNORECASE)
_MOST_BACK = 5


def read(text: str, earlier: list[str], taxonomy: Taxonomy, now: datetime) -> Reading | Declined:
    """A question on its own or, when it begins as a follow-up, together with the one before (newest first)."""
    alone = planning.read(text, taxonomy, now)
    if not isinstance(alone, Declined) or not _CUE.match(text.strip()):
        return alone
    base = next(
        (each for each in earlier[:_MOST_BACK] if not isinstance(planning.read(each, taxonomy, now), Declined)), None
    )
    if base is None:
        return alone
    merged = planning.read(_merged(base, text, taxonomy, now), taxonomy, now)
    return alone if isinstance(merged, Declined) else merged


def _merged(base: str, text: str, taxonomy: Taxonomy, now: datetime) -> str:
    """The earlier question with what the later one says put in place of what it said about the same thing."""
    said = _OPENING.sub("", text.strip().rstrip("?!. "), count=1)
    base = base.strip().rstrip("?!. ")
    if dates.read(said.lower(), now).range is not None:
        base = dates.read(base.lower(), now).text.replace("|", " ")
    replaced = _values(said, taxonomy, now)
    for words, names in _values(base, taxonomy, now).items():
        if any(names & others for others in replaced.values()):
            base = re.sub(
                rf"(?:\b(?:in|on|from|for|with|of)\s+)?\b{re.escape(words)}\b", " ", base, flags=re.IGNORECASE
            )
    link = "in " if replaced and not re.match(r"(?:in|on|from|for|with|by|of|per)\b", said, re.IGNORECASE) else ""
    return f"{base} {link}{said}"


def _values(text: str, taxonomy: Taxonomy, now: datetime) -> dict[str, frozenset[str]]:
    """The words of a question that are values of properties, with the properties they are values of."""
    question = opened(text, taxonomy, now)
    return {
        " ".join(token.word for token in question.tokens[each.start : each.end]): frozenset(
            value.property for value in each.values
        )
        for each in question.names.find(question.tokens)
        if each.values and each.event is None
    }
