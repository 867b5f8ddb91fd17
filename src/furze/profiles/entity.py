"""Whom a profile page is about."""

from dataclasses import dataclass
from typing import Any, Final

from furze.identity.types import Group, GroupType, Person
from furze.profiles.layouts import Kind

_MOST_NAMED_IDS: Final = 1000


@dataclass(frozen=True, slots=True)
class Entity:
    """Whom a page is about: a person, or a group with its type."""

    person: Person | None = None
    group: Group | None = None
    group_type: GroupType | None = None

    @property
    def kind(self) -> Kind:
        """Person or group."""
        return "person" if self.person else "group"

    @property
    def scope(self) -> str:
        """The scope of the configs that lay out this page."""
        return "person" if self.person else f"group_{self.group_type_index}"

    @property
    def id(self) -> str:
        """A person's uuid or a group's key."""
        return str(self.person.uuid) if self.person else self.group.group_key if self.group else ""

    @property
    def group_type_index(self) -> int | None:
        """The number of a group's type."""
        return self.group.group_type_index if self.group else None

    @property
    def of(self) -> dict[str, Any]:
        """How queries name the person or group."""
        if self.person:
            return {"personId": self.id, **({"distinctIds": self.distinct_ids} if self.distinct_ids else {})}
        return {"groupKey": self.id, "groupTypeIndex": self.group_type_index}

    @property
    def distinct_ids(self) -> list[str]:
        """All of a person's distinct ids, unless they are too many to name in a query."""
        ids = self.person.distinct_ids if self.person else ()
        return list(ids) if len(ids) <= _MOST_NAMED_IDS else []

    @property
    def column(self) -> str:
        """The column of events that holds the id."""
        return "person_id" if self.person else f"$group_{self.group_type_index}"

    def attributes(self, node_type: str) -> dict[str, Any]:
        """What PostHog's frontend adds to a tile's attributes."""
        if self.person:
            distinct_id = next(iter(self.person.distinct_ids), None)
            return {
                "nodeId": f"{node_type}-{self.id}",
                "personId": self.id,
                "id": self.id,
                "distinctId": distinct_id,
            }
        return {
            "nodeId": f"{node_type}-{self.id}-{self.group_type_index}",
            "id": self.id,
            "groupKey": self.id,
            "groupTypeIndex": self.group_type_index,
        }
