"""Turns a question into a query: the first rule that fits reads it. Pure."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from furze.llm.builtin import reading
from furze.llm.builtin.exporting import exports
from furze.llm.builtin.funnels import funnel
from furze.llm.builtin.numbers import numbers
from furze.llm.builtin.people import known_people, repeaters
from furze.llm.builtin.reading import Declined, Question, Reading, Unclear
from furze.llm.builtin.retention import lifecycle, retention
from furze.llm.builtin.taxonomy import Taxonomy
from furze.llm.builtin.words import name_words


def read(text: str, taxonomy: Taxonomy, now: datetime) -> Reading | Declined:
    """What a question asks for; `now` is local time of the project."""
    question = reading.opened(text, taxonomy, now)
    if question.times.is_unclear:
        return Declined("I can't tell which period you mean.")
    try:
        found = _first_that_fits(question)
    except Unclear as unclear:
        return Declined(str(unclear))
    unread = question.unread()
    if unread:
        words = ", ".join(f"“{word}”" for word in unread)
        return Declined(f"I don't know what to make of {words}, and leaving it out could change the answer.", unread)
    if found is None:
        return Declined("I don't see what to count.")
    return replace(found, notes=tuple(question.notes))


def _first_that_fits(question: Question) -> Reading | None:
    for rule in _RULES:
        found = rule(question)
        if found is not None:
            return found
    return None


def _catalogue(question: Question) -> Reading | None:
    if question.take(
        (
            r"(?:what|which|list|show)(?: me)?(?: all)?(?: the| our| of the)*(?: different| "
            r"kinds? of| types? of)* events?(?: names?| types?)? .*(?:track|have|captur"
            r"|record|collect|there|exist|send|available|get)\w*|list (?:all )?(?:the |our "
            r"|my )?events?(?: names?)?|(?:what|which) events? (?:are|do|exist)\b.*|what "
            r"(?:do we|are we|is) (?:track|captur|record)\w*(?: here)?|what data (?:do we|is"
            r"|are)\b.*"
        ),
        "catalogue",
    ):
        return Reading("catalogue", {}, "the events of this project", tool="")
    return None


_RULES: tuple[Callable[[Question], Reading | None], ...] = (
    _catalogue,
    exports,
    lifecycle,
    retention,
    funnel,
    known_people,
    repeaters,
    numbers,
)


def event_words(event: str) -> tuple[str, ...]:
    """How to say an event's name."""
    return name_words(event)
