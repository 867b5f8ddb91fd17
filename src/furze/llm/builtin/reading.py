"""From a question to a query, or to a plain no. Pure: the same question, names and time give the same reading.

Each rule marks the words it has understood. A word that means something and that no rule has understood makes the
reader decline: an unread word may be the one that changes the number.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from furze.llm.builtin import dates, lexicon
from furze.llm.builtin.english import EVERYDAY
from furze.llm.builtin.mentions import Mention, Names, Token, Value
from furze.llm.builtin.taxonomy import Taxonomy
from furze.llm.builtin.words import corrected, split, stem


@dataclass(frozen=True)
class Reading:
    """A question, understood: the tool to call, its arguments, and how to say what was understood."""

    shape: str
    query: dict[str, Any]
    measure: str
    notes: tuple[str, ...] = ()
    tool: str = "create_insight"
    picks: str = ""
    limit: int = 0
    subject: str = ""


@dataclass(frozen=True)
class Declined:
    """A question that is not answered: why, and the words that were not understood."""

    reason: str
    unread: tuple[str, ...] = ()


class Unclear(Exception):
    """The question can be read in more than one way, or asks for what can't be computed here."""


@dataclass
class Question:
    """A question's words, and what has been understood of them so far."""

    names: Names
    tokens: list[Token]
    times: dates.Times
    mentions: list[Mention] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def taxonomy(self) -> Taxonomy:
        """The project's names."""
        return self.names.taxonomy

    def take(self, pattern: str, role: str = "cue") -> re.Match[str] | None:
        """Find a phrase among the words not understood yet, and mark it."""
        text, starts = self._text()
        match = re.search(rf"(?<![\w$])(?:{pattern})(?![\w$])", text)
        if match is None or match.end() == match.start():
            return None
        for index, (first, last) in starts.items():
            if first < match.end() and last > match.start():
                self.tokens[index].role = self.tokens[index].role or role
        return match

    def has(self, pattern: str) -> bool:
        """Whether a phrase is there, understood or not."""
        return re.search(rf"(?<![\w$])(?:{pattern})(?![\w$])", " ".join(each.word for each in self.tokens)) is not None

    def _text(self) -> tuple[str, dict[int, tuple[int, int]]]:
        text, starts = "", dict[int, tuple[int, int]]()
        for index, token in enumerate(self.tokens):
            shown = "·" if token.role is not None else token.word
            starts[index] = (len(text), len(text) + len(shown))
            text += shown + " "
        return text, starts

    def mark(self, mention: Mention, role: str) -> None:
        """Note that a mention has been understood."""
        for token in self.tokens[mention.start : mention.end]:
            token.role = role
        self.mentions.remove(mention)

    def word_before(self, position: int, *, skip: Iterable[str] = ("the", "a", "an", "our", "their")) -> str:
        """The word before a position, articles left out."""
        index = position - 1
        while index >= 0 and self.tokens[index].word in skip:
            index -= 1
        return self.tokens[index].word if index >= 0 else ""

    def unread(self) -> tuple[str, ...]:
        """The words that mean something and have not been understood."""
        return tuple(
            token.word.removeprefix('"')
            for token in self.tokens
            if token.role is None
            and not token.is_boundary
            and (
                token.word in lexicon.NEVER_FILLER
                or token.word not in lexicon.FILLER
                or token.word in self.names.event_words
            )
        )


def opened(text: str, taxonomy: Taxonomy, now: datetime) -> Question:
    """The words of a question, spelling mended, times read, names found."""
    names = Names(taxonomy)
    known = names.vocabulary | _VOCABULARY
    words = [word if word in EVERYDAY else corrected(word, known) for word in split(text)]
    times = dates.read(_plainly(word.replace(" ", "\x00") if word.startswith('"') else word for word in words), now)
    tokens = [Token(word.replace("\x00", " "), stem(word)) for word in times.text.split()]
    return Question(names, tokens, times)


def _plainly(words: Iterable[str]) -> str:
    text = " ".join(words)
    for pattern, plainer in lexicon.PHRASINGS:
        text = re.sub(rf"(?<![\w$-])(?:{pattern})(?![\w-])", plainer, text)
    return text


def find_names(question: Question) -> None:
    """Look for names among the words no rule has taken."""
    question.mentions = question.names.find(question.tokens)


_VOCABULARY = (
    lexicon.FILLER
    | frozenset((*dates.NUMBERS, *dates.MONTHS))
    | lexicon.words_of("""
    people users visitors customers sessions visits visitor customer session orders purchases signups
    registrations errors exceptions crashes pageviews conversion conversions funnel retention retained returning
    average median revenue total unique distinct different number percentage percent share proportion compared
    versus yesterday today tomorrow week weeks month months quarter year years daily weekly monthly hourly
    country countries browser browsers device devices product products category categories company companies
    page pages source sources campaign campaigns referrer operating system completed started viewed added placed
    bought checkout cart basket exports export failed running growth increase decrease change popular common
    frequent active january february march april august september october november december monday tuesday
    wednesday thursday friday saturday sunday every between since during previous period duration generations
    calls tokens latency price quantity mobile desktop tablet order purchase signup registered converted convert
    abandon abandoned drop returned those where which there their about spend spent earned money made happened
    occurred before after without except excluding following latest newest event events properties property
    person persons highest lowest largest smallest biggest maximum minimum breakdown status state states failing
    form other paths journey sales sale shipping seven eight first second third last each many much more most
    least fewest less than show list give tell past same individual
""")
)


def filters(question: Question, events: Iterable[str]) -> list[dict[str, Any]]:
    """Values the question restricts these events to; no events means a question about persons."""
    found: dict[tuple[str, bool, bool], list[str]] = {}
    carriers = list(events)
    for mention in list(question.mentions):
        if not mention.values or _is_better_read_otherwise(question, mention):
            continue
        if mention.properties and question.tokens[mention.start - 1].word in ("a", "an", "their"):
            raise Unclear(
                f"`{mention.properties[0]}` is known of people, and a value too; I can't tell which is meant."
            )
        value = _one_value(question, mention, carriers)
        is_negated = _negated(question, mention.start)
        found.setdefault((value.property, value.is_person, is_negated), []).append(value.value)
        question.mark(mention, "filter")
        _mark_own_name(question, mention, value)
    made = []
    for (name, is_person, is_negated), values in found.items():
        operator = "is_not" if is_negated else "exact"
        made.append(
            of_persons(name, values, operator)
            if is_person and carriers
            else {"key": name, "value": values, "operator": operator, "type": "person" if is_person else "event"}
        )
        question.notes.append(f"`{name}` {'is not' if is_negated else 'is'} {' or '.join(values)}")
    if any(len(values) > 1 for values in found.values()):
        question.take(r"or", "filter")
    return made


def of_persons(name: str, values: list[str], operator: str) -> dict[str, Any]:
    """A filter by what is known of people now; a filter of type person asks for what was known at each event."""
    texts = ", ".join("'" + each.replace("\\", "\\\\").replace("'", "\\'") + "'" for each in values)
    among = f"person_id IN (SELECT id FROM persons WHERE properties.`{name}` IN ({texts}))"
    return {"key": among if operator == "exact" else f"NOT ({among})", "type": "hogql"}


def _mark_own_name(question: Question, mention: Mention, value: Value) -> None:
    """In “the pro plan” and “plan pro” the word plan only says whose value it is."""
    for other in list(question.mentions):
        beside = other.start - mention.end if other.start >= mention.end else mention.start - other.end
        if value.property in other.properties and 0 <= beside <= 1:
            question.mark(other, "filter")
            return


def _is_better_read_otherwise(question: Question, mention: Mention) -> bool:
    if mention.event is not None:
        return True
    before = question.word_before(mention.start)
    return before in ("by", "per", "each", "every", "which", "what") and bool(mention.properties)


def _one_value(question: Question, mention: Mention, events: list[str]) -> Value:
    """The one reading of a value that these events allow: their own property first, else the person's."""
    of_event = question.taxonomy.of_event
    carried = [
        value
        for value in mention.values
        if not value.is_person and events and all(value.property in of_event.get(event, ()) for event in events)
    ]
    possible = carried or [value for value in mention.values if value.is_person]
    if not possible:
        subject = f"`{events[0]}`" if events else "A person"
        raise Unclear(f"{subject} has no `{mention.values[0].property}`, so I can't restrict it to that.")
    if len({value.property for value in possible}) > 1:
        names = " or ".join(f"`{value.property}`" for value in possible)
        raise Unclear(f"{possible[0].value!r} is a value of {names}; I can't tell which is meant.")
    return possible[0]


def _negated(question: Question, start: int) -> bool:
    for index in range(max(0, start - 3), start):
        token = question.tokens[index]
        if token.word in ("not", "except", "excluding", "without", "outside", "non", "but"):
            rest = [each.word for each in question.tokens[index + 1 : start]]
            if all(word in ("in", "from", "on", "the", "with", "for", "of", "using") for word in rest):
                token.role = "filter"
                return True
    return False


def breakdown(question: Question) -> Mention | None:
    """The property to break down by, if the question names one where a breakdown stands."""
    for mention in question.mentions:
        if not (mention.properties or mention.group) or mention.event is not None:
            continue
        text = " ".join(each.word for each in question.tokens[: mention.start])
        if re.search(_BREAKDOWN_BEFORE, text):
            return mention
        after = " ".join(each.word for each in question.tokens[mention.end : mention.end + 2])
        if re.match(r"breakdown|split|distribution", after):
            return mention
    return None


_BREAKDOWN_BEFORE = (
    r"(?:^|\W)(?:by|per|for (?:each|every)|each|every|across|among|which|what|split|segment(?:ed)?|grouped|break"
    r"|broken|top(?: \d+| \w+)?|bottom \d+|popular|common|frequent|best|biggest|largest|distribution of"
    r"|breakdown of|used|viewed|visited|active|important|leading|main|separately for|selling|ordered|bought"
    r"|favou?rite|in (?:which|what)|from (?:which|what)|on (?:which|what)|busiest)"
    r"(?: the| our| their| all| by| down by| different| kinds? of| types? of)*$"
)


def property_of(question: Question, mention: Mention, events: Iterable[str]) -> tuple[str, bool]:
    """Which property a mention means for these events, and whether it is the person's."""
    taxonomy, events = question.taxonomy, list(events)
    for name in mention.properties:
        if name in taxonomy.event_properties and all(name in taxonomy.of_event.get(each, ()) for each in events):
            return name, False
    for name in mention.properties:
        if name in taxonomy.person_properties:
            return name, True
    raise Unclear(f"The event `{events[0] if events else '?'}` does not carry `{mention.properties[0]}`.")
