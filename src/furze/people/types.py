"""Persons and groups on the wire, and what a change touched."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from furze.identity.types import Group, Person
from furze.platform.errors import InvalidInput, NotFound
from furze.platform.fields import Answer, Body, RequiredText, WireTime

#: How many ids one call may name.
MAX_IDS = 1000

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change touched, as the arguments of the job that mirrors it.

    `persons` and `distinct_ids` carry the version to which a row that is gone by then is marked as deleted.
    `erased` are distinct ids whose events go, those before the ingest position `erased_before`.
    """

    project_id: int
    persons: Mapping[str, int] = field(default_factory=dict)
    distinct_ids: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    groups: Sequence[tuple[int, str]] = ()
    erased: Sequence[str] = ()
    erased_before: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to mirror."""
        return not (self.persons or self.distinct_ids or self.groups or self.erased)

    def wire(self) -> dict[str, Any]:
        """The form in which a job carries it."""
        return asdict(self)

    @classmethod
    def read(cls, arguments: Mapping[str, Any]) -> Self:
        """What `wire` wrote."""
        return cls(**arguments)


class PersonAnswer(Answer):
    """A person."""

    id: int
    uuid: UUID
    name: str
    distinct_ids: list[str]
    properties: dict[str, Any]
    created_at: WireTime
    last_seen_at: WireTime | None


class GroupAnswer(Answer):
    """A group."""

    group_type_index: int
    group_key: str
    group_properties: dict[str, Any]
    created_at: WireTime


class ValueCount(Answer):
    """A value of a property and how often it came."""

    name: str
    count: int


class PropertiesBody(Body):
    """What PATCH and PUT of a person take."""

    properties: dict[str, Any]


class PropertyBody(Body):
    """A property to set. `value` may be anything but null."""

    key: RequiredText
    value: Any


class UnsetBody(Body):
    """The properties to take away: one name, or up to a thousand."""

    unset: str | list[str] = Field(alias="$unset")


class SplitBody(Body):
    """Which distinct id keeps the person; by default the first, and nobody keeps the properties then."""

    main_distinct_id: str | None = None


class BulkDeleteBody(Body):
    """Whom to delete, by their ids (numbers or uuids) or by their distinct ids."""

    ids: list[int | str] | None = None
    distinct_ids: list[str] | None = None
    delete_events: bool = False
    delete_recordings: bool = False
    keep_person: bool = False


class DistinctIdsBody(Body):
    """Distinct ids to look up."""

    distinct_ids: list[str]


class UuidsBody(Body):
    """Persons to look up."""

    uuids: list[str]


def person_answer(person: Person) -> dict[str, Any]:
    """A person on the wire."""
    return {
        "id": person.id,
        "uuid": person.uuid,
        "name": display_name(person),
        "distinct_ids": list(person.distinct_ids),
        "properties": dict(person.properties),
        "created_at": person.created_at,
        "last_seen_at": person.last_seen_at,
    }


def display_name(person: Person) -> str:
    """How a person is called: by e-mail, else by a distinct id that a human chose, else by any."""
    email = person.properties.get("email")
    if isinstance(email, str) and email:
        return email
    chosen = [each for each in person.distinct_ids if not _UUID.match(each)]
    return next(iter([*chosen, *person.distinct_ids, str(person.uuid)]))


def group_answer(group: Group) -> dict[str, Any]:
    """A group on the wire."""
    return {
        "group_type_index": group.group_type_index,
        "group_key": group.group_key,
        "group_properties": dict(group.group_properties),
        "created_at": group.created_at,
    }


def person_identity(text: str) -> int | UUID:
    """A person's number or uuid; raises `NotFound` for anything else, because nobody has such an id."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


def at_most(ids: Sequence[object], name: str) -> None:
    """Raise `InvalidInput` for more ids than one call may name."""
    if len(ids) > MAX_IDS:
        raise InvalidInput(f"You can only pass {MAX_IDS} {name} in one call")
