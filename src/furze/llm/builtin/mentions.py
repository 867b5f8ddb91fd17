"""Finds the project's own names in a question: events, properties, property values, groups, people, sessions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from furze.llm.builtin import lexicon
from furze.llm.builtin.taxonomy import Property, Taxonomy
from furze.llm.builtin.words import name_words, stem, stems

_LONGEST = 6
#: Words that may stand inside a name: "added a product to the cart".
_INNER = lexicon.words_of("""
    a an the to of my our their its his her any some into in on were was been be being are is have has had got
    get did it them something anything
""")
#: Alone, these name no event, even where only one event has them.
_WEAK = lexicon.words_of("""
    start complete view add click create update open make use submit page event remove delet clos send receiv ad
    new first last visit on up in out off to
""")
_MOST_VALUE_WORDS = 4


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a property, as a filter takes it."""

    property: str
    value: str
    is_person: bool = False


@dataclass
class Token:
    """A word of the question. `role` says which rule has understood it."""

    word: str
    stem: str
    role: str | None = None

    @property
    def is_boundary(self) -> bool:
        """Whether the word stands where a time was, or is a mark between parts."""
        return self.word == "|"


@dataclass(frozen=True)
class Mention:
    """Words that name something; `event`, `properties`, `values` are the readings they allow."""

    start: int
    end: int
    event: str | None = None
    properties: tuple[str, ...] = ()
    values: tuple[Value, ...] = ()
    group: str | None = None


@dataclass(frozen=True)
class Names:
    """The names of a project, ready to be found."""

    taxonomy: Taxonomy

    @cached_property
    def events(self) -> Mapping[frozenset[str], tuple[str, ...]]:
        """Events by the stems of their names."""
        found: dict[frozenset[str], tuple[str, ...]] = {}
        for event in self.taxonomy.events:
            for words in (stems(name_words(event)), *_joined(event), *lexicon.EVENT_NAMES.get(event, ())):
                key = frozenset(words) - _INNER
                if key and event not in found.get(key, ()):
                    found[key] = (*found.get(key, ()), event)
        return found

    @cached_property
    def exact(self) -> Mapping[str, str]:
        """Events by their very names, for quotes."""
        return {event.lower(): event for event in self.taxonomy.events}

    @cached_property
    def properties(self) -> Mapping[tuple[str, ...], tuple[str, ...]]:
        """Properties by the stems of what they are called."""
        found: dict[tuple[str, ...], tuple[str, ...]] = {}
        known = [*self.taxonomy.event_properties, *self.taxonomy.person_properties]
        for name in known:
            key = stems(name_words(name))
            for alias in (key, key[1:] if name.startswith("$ai_") else ()):
                if alias and name not in found.get(alias, ()):
                    found[alias] = (*found.get(alias, ()), name)
        for words, names in lexicon.PROPERTY_NAMES.items():
            chosen = next((name for name in names if name in known), None)
            if chosen is not None and words not in found:
                found[words] = (chosen,)
        return found

    @cached_property
    def values(self) -> Mapping[tuple[str, ...], tuple[Value, ...]]:
        """Values by their words."""
        found: dict[tuple[str, ...], dict[Value, None]] = {}
        for value in self._values():
            for words in _spoken(value.value):
                found.setdefault(words, {})[value] = None
        for word, (name, text) in lexicon.VALUE_NAMES.items():
            if text in self._known(name) and (word,) not in found:
                found.setdefault((word,), {})[Value(name, text)] = None
        for words, value in self._countries():
            found.setdefault(words, {})[value] = None
        return {words: tuple(kept) for words, kept in found.items() if words}

    def _values(self) -> Iterator[Value]:
        for is_person, properties in (
            (False, self.taxonomy.event_properties),
            (True, self.taxonomy.person_properties),
        ):
            for each in properties.values():
                if not each.is_numeric:
                    yield from (Value(each.name, text, is_person) for text in each.values)

    def _known(self, name: str) -> tuple[str, ...]:
        return self.taxonomy.event_properties.get(name, Property(name)).values

    def _countries(self) -> Iterator[tuple[tuple[str, ...], Value]]:
        for name in ("$geoip_country_code", "country_code", "country"):
            known = set(self._known(name))
            for code, words in lexicon.COUNTRIES.items():
                if code in known:
                    yield from ((tuple(word.split("-")), Value(name, code)) for word in words.split())
            if known:
                return

    @cached_property
    def groups(self) -> Mapping[str, str]:
        """Group types by stem."""
        return {stem(name.lower()): name for name in self.taxonomy.group_types}

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Every word that names something."""
        keys: list[str] = [word for event in self.taxonomy.events for word in name_words(event)]
        keys += [word for words in self.properties for word in words]
        keys += [word for words in self.values for word in words]
        return frozenset(word for word in keys if len(word) > 3)

    @cached_property
    def event_words(self) -> frozenset[str]:
        """The words of the events' names: none of them may be passed over."""
        return frozenset(word for event in self.taxonomy.events for word in name_words(event)) - _INNER

    def find(self, tokens: list[Token]) -> list[Mention]:
        """The names among words that no rule has understood yet, longest first, in order."""
        found, position = list[Mention](), 0
        while position < len(tokens):
            mention = next(self._at(tokens, position), None)
            if mention is None:
                position += 1
            else:
                found.append(mention)
                position = mention.end
        return found

    def _at(self, tokens: list[Token], start: int) -> Iterator[Mention]:
        if tokens[start].role is not None or tokens[start].word in _INNER:
            return
        for end in range(min(len(tokens), start + _LONGEST), start, -1):
            window = tokens[start:end]
            if any(each.is_boundary or each.role is not None for each in window) or window[-1].word in _INNER:
                continue
            mention = self._named(window, start, end)
            if mention is not None:
                yield mention

    def _named(self, window: list[Token], start: int, end: int) -> Mention | None:
        text = " ".join(each.word for each in window).removeprefix('"')
        is_quoted = window[0].word.startswith('"')
        if is_quoted:
            return self._quoted(text, start, end)
        is_filler = len(window) == 1 and window[0].word in lexicon.FILLER
        if is_filler and text not in self.exact and (window[0].stem,) not in self.properties:
            return None
        kept = tuple(each.stem for each in window if each.word not in _INNER)
        words = tuple(each.word for each in window)
        mention = Mention(
            start,
            end,
            event=self._event(kept, text),
            properties=self.properties.get(kept, ()),
            values=self.values.get(words, ()) or self.values.get(tuple(each.rstrip("s") for each in words), ()),
            group=self.groups.get(kept[0]) if len(kept) == 1 else None,
        )
        return mention if mention.event or mention.properties or mention.values or mention.group else None

    def _quoted(self, text: str, start: int, end: int) -> Mention | None:
        event = self.exact.get(text)
        values = self.values.get(tuple(text.split()), ())
        properties = tuple(
            name for name in (*self.taxonomy.event_properties, *self.taxonomy.person_properties) if name.lower() == text
        )
        if event or values or properties:
            return Mention(start, end, event, properties[:1], values)
        return None

    def _event(self, kept: tuple[str, ...], text: str) -> str | None:
        if text in self.exact:
            return self.exact[text]
        key = frozenset(kept)
        whole = self.events.get(key)
        if whole:
            return whole[0] if len(set(whole)) == 1 else None
        if key <= _WEAK | {"person", "session"} or len(key) != len(kept):
            return None
        within = {event for words, names in self.events.items() if key < words for event in names}
        return within.pop() if len(within) == 1 else None


def _joined(event: str) -> Iterator[tuple[str, ...]]:
    """`signed up` is also asked for as “signups”, `logged in` as “logins”."""
    words = name_words(event)
    if len(words) > 1 and words[-1] in ("up", "in", "out", "on", "off"):
        yield (*stems(words[:-2]), stem(stem(words[-2]) + words[-1]))
    if len(words) > 1 and words[0] in ("sign", "log", "check", "opt") and words[1] in ("up", "in", "out"):
        yield (stem(words[0] + words[1]), *stems(words[2:]))


def _spoken(value: str) -> Iterator[tuple[str, ...]]:
    """How people say a value; a path as it is, or as “the … page”."""
    if value.startswith("/"):
        yield (value.lower(),)
        words = name_words(value)
        if value == "/":
            yield from (("home", "page"), ("homepage",), ("front", "page"), ("landing", "page"), ("start", "page"))
        elif len(words) <= _MOST_VALUE_WORDS:
            yield (*words, "page")
    elif _is_wordy(value) and 0 < len(value.split()) <= _MOST_VALUE_WORDS:
        yield tuple(value.lower().split())
        yield tuple(name_words(value))


def _is_wordy(value: str) -> bool:
    """Whether people would say this value: no id, no address, no number."""
    if len(value) > 40 or not any(letter.isalpha() for letter in value):
        return False
    return not ("://" in value or "@" in value or (len(value) > 20 and any(letter.isdigit() for letter in value)))
