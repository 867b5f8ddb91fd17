"""What a project's data is called: events, their properties, sample values, group types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Property:
    """A property: whether it is numeric, and values seen, most frequent first."""

    name: str
    is_numeric: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Taxonomy:
    """The names of a project. `of_event` says which properties an event carries."""

    events: tuple[str, ...] = ()
    event_properties: Mapping[str, Property] = field(default_factory=dict)
    of_event: Mapping[str, frozenset[str]] = field(default_factory=dict)
    person_properties: Mapping[str, Property] = field(default_factory=dict)
    group_types: tuple[str, ...] = ()

    @property
    def visit_event(self) -> str | None:
        """The event that says somebody was there."""
        return next((name for name in ("$pageview", "$screen") if name in self.events), None)


def read(found: Mapping[str, Any]) -> Taxonomy:
    """A taxonomy from what the tool `read_taxonomy` gives back."""
    of_event = {each["event"]: frozenset(each.get("properties", ())) for each in found.get("events", ())}
    return Taxonomy(
        events=tuple(of_event),
        event_properties=_properties(found.get("event_properties", {})),
        of_event=of_event,
        person_properties=_properties(found.get("person_properties", {})),
        group_types=tuple(found.get("group_types", ())),
    )


def _properties(found: Mapping[str, Any]) -> dict[str, Property]:
    return {
        name: Property(name, each.get("type") == "number", tuple(map(str, each.get("values", ()))))
        for name, each in found.items()
    }
