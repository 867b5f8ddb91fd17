"""Questions and orders about batch exports. Pure."""

import re
from typing import Any

from furze.llm.builtin.reading import Declined, Question, Reading, Unclear

_EXPORT = r"(?:batch )?exports?|exported|exporting"
_STATES = {
    "failed": r"fail(?:ed|ing|s|ure|ures)?|broken|error(?:s|ed)?|wrong|problems?",
    "paused": r"paused|stopped|off",
}
_WORDS = (
    r"running|active|run|runs|ran|work(?:s|ing|ed)?|status|state|health|healthy|doing|set up|configured|last|latest"
    r"|recent(?:ly)?|going|fine|okay|destinations?|where|data|goes|succeed(?:ed)?|complet\w+|finish\w+|success\w*|rows?"
    r"|how often|why|reason|batch|or|please|schedule[ds]?|interval|not|no"
)
_ACTIONS = {
    "pause_batch_export": r"(?:please |can you |could you )*(?:pause|stop|halt|suspend|disable)",
    "unpause_batch_export": r"(?:please |can you |could you )*(?:unpause|resume|restart|re-?enable|continue|enable)",
    "test_batch_export": (
        r"(?:please |can you |could you )*(?:test|check|run (?:the |a )?tests?(?: steps?)? (?:of|on|for))"
    ),
    "explain_batch_export": r"(?:why (?:did|does|is|has|was)|explain)",
}


def exports(question: Question) -> Reading | None:
    """A list of exports, perhaps of one name or state, or something to do to one of them."""
    if not question.has(_EXPORT):
        return None
    action = next((name for name, verb in _ACTIONS.items() if _is_order(question, verb)), None)
    subject = _subject(question, action)
    verbs = [_ACTIONS[action]] if action else []
    for pattern in (_EXPORT, *verbs, *_STATES.values(), _WORDS):
        while question.take(pattern, "exports"):
            pass
    if action is not None and subject:
        return Reading("exports", {"export": subject}, f"the export {subject!r}", tool=action)
    if action is not None and action != "explain_batch_export":
        raise Unclear("Which export? Name it.")
    text = " ".join(token.word for token in question.tokens)
    state = next((name for name, words in _STATES.items() if re.search(rf"\b(?:{words})\b", text)), "")
    return Reading("exports", {}, "the batch exports", tool="list_batch_exports", picks=state, subject=subject)


def _is_order(question: Question, verb: str) -> bool:
    text = " ".join(token.word for token in question.tokens)
    return re.match(rf"(?:{verb})\b", text) is not None


def _subject(question: Question, action: str | None) -> str:
    """The words between “the” and “export”: a name, or the type of a destination."""
    start = rf"(?:{_ACTIONS[action]}) (?:the |our |my )?" if action else r"(?:the|our|my) "
    known = "|".join((_WORDS, *_STATES.values(), _EXPORT))
    text = " ".join(token.word for token in question.tokens)
    match = re.search(rf"(?:{start})((?:(?!(?:{known})\b)[^|\s]+ ?)+?) ?(?:batch )?exports?\b", text)
    if match is None:
        return ""
    name = re.sub(r"^(?:the|our|my|last|latest) ", "", match[1].strip()).removeprefix('"')
    if not name or name in ("the", "our", "my"):
        return ""
    words = name.split()
    for token in question.tokens:
        if token.word.removeprefix('"') in (name, *words):
            token.role = "export"
    return name


def resolved(reading: Reading, listed: dict[str, Any]) -> dict[str, Any] | Declined:
    """The arguments of an order, its export found among those that exist."""
    asked = str(reading.query["export"])
    found = matching(listed, asked)
    if len(found) == 1:
        return {"export": str(found[0]["id"])}
    names = ", ".join(f"“{each['name']}”" for each in (found or listed.get("exports", [])))
    if not names:
        return Declined("This project has no batch exports.")
    return Declined(f"{'Several' if found else 'No'} exports match “{asked}”. Name one of {names}.")


def matching(listed: dict[str, Any], asked: str) -> list[dict[str, Any]]:
    """The exports that a name, or else a part of a name, or else a destination's type means."""
    rows: list[dict[str, Any]] = listed.get("exports", [])
    wanted = asked.replace(" ", "")
    same = [row for row in rows if str(row["name"]).lower() == asked]
    part = [row for row in rows if asked in str(row["name"]).lower()]
    return same or part or [row for row in rows if str(row["destination"]).lower() == wanted]
