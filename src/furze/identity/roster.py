"""The people and groups that a batch of events touches, as they change while the batch is applied. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid5

from furze.identity.types import MAX_GROUP_TYPES, GroupType, IngestionWarning
from furze.kit import json

#: What a person or a group may know about itself, as bytes of JSON: each event carries a copy.
MAX_PROPERTIES_BYTES = 512 * 1024

#: Room for changes between two batches, whose versions count upwards from the last one.
VERSIONS_PER_POSITION = 1 << 16

_NAMESPACE = UUID("932979b4-65c3-4424-8467-0b66ec27bc22")

#: A distinct id within its project.
Key = tuple[int, str]
#: A group within its project: type index and key.
GroupKey = tuple[int, int, str]


@lru_cache(maxsize=65536)
def person_uuid(project_id: int, distinct_id: str) -> UUID:
    """The uuid of the person that a distinct id stands for by itself, the same one PostHog derives."""
    return uuid5(_NAMESPACE, f"{project_id}:{distinct_id}")


@dataclass(slots=True, eq=False)
class Profile:
    """A person while a batch is applied; `id` is None until it is stored for the first time."""

    project_id: int
    uuid: UUID
    created_at: datetime
    last_seen_at: datetime
    id: int | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    is_identified: bool = False
    version: int = 0
    distinct_ids: set[str] = field(default_factory=set)
    is_changed: bool = False
    _text: str | None = None

    @property
    def properties_text(self) -> str:
        """The properties as JSON."""
        if self._text is None:
            self._text = json.dumps(self.properties).decode()
        return self._text

    def replace_properties(self, properties: dict[str, Any]) -> bool:
        """Take on new properties, unless they are too large; whether they fit."""
        text = json.dumps(properties).decode()
        if len(text) > MAX_PROPERTIES_BYTES:
            return False
        self.properties, self._text, self.is_changed = properties, text, True
        return True


@dataclass(slots=True)
class Attachment:
    """Which profile a distinct id belongs to; `is_overridden` if its stored events may name another person."""

    profile: Profile
    version: int = 0
    is_stored: bool = False
    is_changed: bool = False
    is_overridden: bool = False


@dataclass(slots=True)
class GroupProfile:
    """A group while a batch is applied."""

    created_at: datetime
    updated_at: datetime
    properties: dict[str, Any] = field(default_factory=dict)
    version: int = 0
    is_stored: bool = False
    is_changed: bool = False

    @property
    def properties_text(self) -> str:
        """The properties as JSON."""
        return json.dumps(self.properties).decode()


@dataclass(slots=True)
class Roster:
    """Everything loaded for a batch, then everything the batch made of it."""

    attachments: dict[Key, Attachment] = field(default_factory=dict)
    gone: list[Profile] = field(default_factory=list)
    group_types: dict[tuple[int, str], int] = field(default_factory=dict)
    new_group_types: list[GroupType] = field(default_factory=list)
    groups: dict[GroupKey, GroupProfile] = field(default_factory=dict)
    warnings: list[IngestionWarning] = field(default_factory=list)

    def find(self, project_id: int, distinct_id: str) -> Profile | None:
        """The person behind a distinct id."""
        attachment = self.attachments.get((project_id, distinct_id))
        return attachment.profile if attachment else None

    def find_or_create(self, project_id: int, distinct_id: str, timestamp: datetime) -> Profile:
        """The person behind a distinct id, new if there was none."""
        profile = self.find(project_id, distinct_id)
        if profile is None:
            uuid = person_uuid(project_id, distinct_id)
            profile = Profile(project_id, uuid, timestamp, _hour(timestamp), is_changed=True)
            self.attach(profile, distinct_id)
        return profile

    def attach(self, profile: Profile, distinct_id: str) -> None:
        """Let a distinct id belong to `profile` from now on."""
        key = (profile.project_id, distinct_id)
        before = self.attachments.get(key)
        self.attachments[key] = Attachment(
            profile,
            version=before.version if before else 0,
            is_stored=before.is_stored if before else False,
            is_changed=True,
            is_overridden=before is not None or profile.uuid != person_uuid(*key),
        )
        profile.distinct_ids.add(distinct_id)

    def absorb(self, profile: Profile, other: Profile) -> bool:
        """Merge `other` into `profile`, whose own properties win; whether the sum of their properties fits."""
        merged = {**other.properties, **profile.properties}
        if merged != profile.properties and not profile.replace_properties(merged):
            return False
        profile.created_at = min(profile.created_at, other.created_at)
        profile.last_seen_at = max(profile.last_seen_at, other.last_seen_at)
        profile.is_changed = True
        for distinct_id in sorted(other.distinct_ids):
            self.attach(profile, distinct_id)
        other.distinct_ids.clear()
        self.gone.append(other)
        return True

    def see(self, profile: Profile, timestamp: datetime) -> None:
        """Note that someone was active; kept by the hour, so that not every event changes a person."""
        hour = _hour(timestamp)
        if hour > profile.last_seen_at:
            profile.last_seen_at, profile.is_changed = hour, True

    def group_type_index(self, project_id: int, group_type: str, timestamp: datetime) -> int | None:
        """The number of a group type, the next free one if it is new; None when the project has too many."""
        index = self.group_types.get((project_id, group_type))
        if index is None:
            index = sum(project == project_id for project, _ in self.group_types)
            if index >= MAX_GROUP_TYPES:
                return None
            self.group_types[project_id, group_type] = index
            self.new_group_types.append(GroupType(project_id, index, group_type, None, None, timestamp))
        return index

    def set_group(self, key: GroupKey, properties: Mapping[str, Any], timestamp: datetime) -> bool:
        """Add to what is known about a group, new if there was none; whether it fits."""
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = GroupProfile(timestamp, timestamp, is_changed=True)
        merged = {**group.properties, **properties}
        if merged == group.properties:
            return True
        if len(json.dumps(merged)) > MAX_PROPERTIES_BYTES:
            return False
        group.properties, group.is_changed = merged, True
        group.updated_at = max(group.updated_at, timestamp)
        return True

    def warn(self, project_id: int, kind: str, timestamp: datetime, **details: Any) -> None:
        """Note something that could not be done."""
        self.warnings.append(IngestionWarning(project_id, kind, timestamp, details))

    def profiles(self) -> Iterable[Profile]:
        """Every person that has a distinct id, once."""
        return {id(attachment.profile): attachment.profile for attachment in self.attachments.values()}.values()

    def number_versions(self, base: int) -> None:
        """Give all that changed a higher version than before, and at least `base`.

        The last bits keep counting: if a caller changes a person between two tries of a batch, the second try's
        version is the higher one.
        """
        things: list[Profile | Attachment | GroupProfile] = [*self.profiles(), *self.attachments.values()]
        changed = [thing for thing in (*things, *self.groups.values()) if thing.is_changed]
        for thing in (*changed, *self.gone):
            thing.version = max(thing.version, base + thing.version % VERSIONS_PER_POSITION) + 1


def _hour(timestamp: datetime) -> datetime:
    return timestamp.replace(minute=0, second=0, microsecond=0)
