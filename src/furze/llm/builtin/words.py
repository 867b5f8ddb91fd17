"""Words: splitting a question into them, and bringing forms and synonyms of one word together. Pure."""

import re
from collections.abc import Iterable
from functools import lru_cache

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

#: Straight and curly quotes, both kinds of guillemets, the low German quote.
_QUOTES = "\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb\u201e"
_QUOTED = re.compile(f"[{_QUOTES}]([^{_QUOTES}]{{1,60}})[{_QUOTES}]")
_WORD = re.compile(r"\$?[a-z0-9À-ɏ]+(?:[._:/-][a-z0-9À-ɏ$]+)*|/[a-z0-9/_.-]*|->|→|>=|<=|[<>=%&]")
_CONTRACTIONS = (
    ("what's", "what is"),
    ("whats", "what is"),
    ("whos", "who is"),
    ("who's", "who is"),
    ("n't", " not"),
    ("'s", ""),
    ("'re", " are"),
)

#: Words of one meaning; the first stands for all of them.
_SYNONYMS = (
    "order purchase buy bought transaction ordering buying purchasing",
    "signup registration register registered registering signed-up sign-up signups joined",
    "view viewed viewing see saw seen browse browsed look looked views",
    "start began begin begun begins initiate initiated starts started starting entered enter",
    "complete finish finished finishes place placed completion completions placing",
    "exception error crash bug crashes",
    "cart basket",
    "product item article",
    "add added adding addition additions put adds",
    "llm ai",
    "generation completion-call",
    "country nation land",
    "revenue turnover income earnings gmv proceeds",
    "company organization organisation account firm business",
    "device gadget",
    "referrer referer referral",
    (
        "person people user visitor customer human individual shopper member persons "
        "everyone anyone somebody someone guy folk"
    ),
    "session sitting",
    "pageview pageviews page-view page-views hit impression",
    "quantity unit piece",
    "latency",
)
_CANONICAL = {word: group.split()[0] for group in _SYNONYMS for word in group.split()}
_IRREGULAR = {
    "people": "person",
    "ups": "up",
    "bought": "order",
    "countries": "country",
    "cities": "city",
    "companies": "company",
    "categories": "category",
    "currencies": "currency",
    "businesses": "company",
    "purchases": "order",
    "purchased": "order",
    "buys": "order",
    "buyers": "buyer",
    "left": "left",
    "os": "os",
    "does": "does",
    "this": "this",
    "is": "is",
    "was": "was",
    "has": "has",
    "us": "us",
    "yes": "yes",
    "gas": "gas",
    "plus": "plus",
    "sales": "sales",
    "ios": "ios",
    "news": "news",
    "address": "address",
    "utms": "utm",
    "less": "less",
    "business": "company",
    "process": "process",
    "success": "success",
    "access": "access",
    "express": "express",
    "across": "across",
    "previous": "previous",
    "various": "various",
    "status": "status",
    "versus": "versus",
    "vs": "vs",
    "always": "always",
    "during": "during",
    "bring": "bring",
    "thing": "thing",
    "string": "string",
    "spring": "spring",
    "morning": "morning",
    "evening": "evening",
    "king": "king",
    "during-": "during",
    "need": "need",
    "speed": "speed",
    "feed": "feed",
    "shed": "shed",
    "red": "red",
    "bed": "bed",
    "paid": "paid",
    "linked": "link",
}


def split(text: str) -> list[str]:
    """The words of a question, lower case; a quoted phrase is one word that begins with a quote."""
    text = re.sub(r"\bU\.?S\.?(?:A\.?)?(?![\w])|\bthe us\b", "usa", text)
    text = text.lower().replace("\u2019", "'")
    for short, long in _CONTRACTIONS:
        text = re.sub(rf"{re.escape(short)}(?![a-z])", long, text)
    parts, end = list[str](), 0
    for match in _QUOTED.finditer(text):
        parts += _WORD.findall(text[end : match.start()])
        parts.append('"' + match[1].strip())
        end = match.end()
    return parts + _WORD.findall(text[end:])


def name_words(name: str) -> tuple[str, ...]:
    """The words of an event's or a property's name: `$ai_total_cost_usd`, `orderCompleted`, `Signed Up`."""
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name.lstrip("$"))
    found = [word for word in re.split(r"[^A-Za-z0-9À-ɏ]+", text.lower()) if word]
    return tuple(found)


#: Short words worth mending; most short words have too many neighbours.
_SHORT = ("week", "year", "month", "user", "last", "past", "many", "page", "from", "with")


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """What forms and synonyms of a word have in common."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word in _CANONICAL:
        return _CANONICAL[word]
    short = _shortened(word)
    return _CANONICAL.get(short, _CANONICAL.get(short + "e", short))


def _shortened(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if len(word) > 5 and word.endswith("ing"):
        return _undoubled(word[:-3])
    if len(word) > 4 and word.endswith("ed"):
        return _undoubled(word[:-2])
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def _undoubled(word: str) -> str:
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls" else word


def stems(words: Iterable[str]) -> tuple[str, ...]:
    """The stems of words, in order."""
    return tuple(stem(word) for word in words)


def corrected(word: str, known: frozenset[str]) -> str:
    """The known word that a word misspells, or the word itself when that is not plain."""
    if word in known or not word.isalpha() or stem(word) in known:
        return word
    if len(word) < 5:
        near_short = [each for each in _SHORT if len(word) > 2 and OSA.distance(word, each) == 1]
        return near_short[0] if len(near_short) == 1 else word
    allowed = 1 if len(word) < 8 else 2
    near = process.extract(word, known, scorer=fuzz.ratio, score_cutoff=74, limit=6)
    close = {
        candidate: OSA.distance(word, candidate)
        for candidate, _, _ in near
        if len(candidate) >= 4 and candidate[0] == word[0] and OSA.distance(word, candidate) <= allowed
    }
    if not close:
        return word
    best = min(close.values())
    winners = {stem(candidate): candidate for candidate, distance in close.items() if distance == best}
    return next(iter(winners.values())) if len(winners) == 1 else word
