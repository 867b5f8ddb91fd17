"""What narrows or splits a count: limits on numbers, breakdowns. Pure."""

from typing import Any

from furze.llm.builtin.mentions import Mention
from furze.llm.builtin.reading import Question, breakdown, property_of


def restore(question: Question, roles: list[str | None]) -> None:
    for token, role in zip(question.tokens, roles, strict=True):
        token.role = role


def is_numeric(question: Question, name: str) -> bool:
    found = question.taxonomy.event_properties.get(name)
    return found is not None and found.is_numeric


def prefers_property(question: Question, mention: Mention) -> bool:
    return bool(mention.properties) and breakdown(question) is mention


def breakdown_filter(question: Question, by: Mention, events: list[str]) -> dict[str, Any]:
    question.mark(by, "breakdown")
    while question.take(r"by|per|each|split|broken down|breakdown|separately|for each|distribution|share", "breakdown"):
        pass
    if by.group is not None and not by.properties:
        index = question.taxonomy.group_types.index(by.group)
        question.notes.append(f"by the group type {by.group}")
        return {"breakdowns": [{"property": f"$group_{index}", "type": "event_metadata"}]}
    name, is_person = property_of(question, by, events)
    question.notes.append(f"by {'the person property ' if is_person else ''}`{name}`")
    return {"breakdowns": [{"property": name, "type": "person" if is_person else "event"}]}
