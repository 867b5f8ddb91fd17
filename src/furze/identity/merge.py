"""Whose each event is: the rules of identify, alias, person properties and groups, applied to a roster. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from furze.events.types import Event
from furze.identity.roster import Profile, Roster, person_uuid
from furze.identity.types import MAX_GROUP_TYPES, Identity

MERGE_EVENTS = ("$identify", "$create_alias", "$merge_dangerously")

#: Events that describe a page or a fault, never the person.
_NO_PERSON_UPDATE = ("$exception", "$$heatmap")
_NEED_A_PERSON = (*MERGE_EVENTS, "$groupidentify")

_REFUSED_IN_ANY_CASE = frozenset(
    "anonymous guest distinctid distinct_id id not_authenticated email undefined true false".split()  # noqa: SIM905
)
_REFUSED = frozenset(("[object Object]", "NaN", "None", "none", "null", "0", "undefined"))
_NO_PERSON_CREATED_AT = datetime(1970, 1, 1, tzinfo=UTC)
_ADOPTION_GRACE = timedelta(minutes=1)
_MAX_GROUP_KEY_LENGTH = 400
_NO_GROUPS = ("",) * MAX_GROUP_TYPES


def identify(roster: Roster, events: Sequence[Event]) -> list[Identity]:
    """Apply events to the roster in the order in which they happened; whose each is, in the order given.

    The order of arrival says nothing: posthog-js sends `$identify` before events captured earlier.
    """
    identities: dict[int, Identity] = {}
    for index in sorted(range(len(events)), key=lambda index: events[index].timestamp):
        identities[index] = _identify_one(roster, events[index])
    return [identities[index] for index in range(len(events))]


def merge_partner(event: Event) -> str | None:
    """The other distinct id that the event says is the same person, if it says so."""
    value = None
    if event.event == "$identify":
        value = event.properties.get("$anon_distinct_id")
    elif event.event in MERGE_EVENTS:
        value = event.properties.get("alias")
    return None if value is None else str(value)


def is_refused(distinct_id: str) -> bool:
    """Whether a distinct id is one that broken code sends for everyone, so that merging by it would join strangers."""
    text = distinct_id.strip()
    bare = text.strip("\"'")
    return not bare or text in _REFUSED or bare in _REFUSED or bare.lower() in _REFUSED_IN_ANY_CASE


def identified_group(event: Event) -> tuple[str, str] | None:
    """The type and key of the group that a `$groupidentify` event describes."""
    if event.event != "$groupidentify":
        return None
    group_type, group_key = event.properties.get("$group_type"), event.properties.get("$group_key")
    if group_type is None or group_key is None or not str(group_type):
        return None
    return str(group_type), str(group_key)


def _identify_one(roster: Roster, event: Event) -> Identity:
    _describe_group(roster, event)
    groups = _group_keys(roster, event)
    if _is_personless(roster, event):
        return _without_profile(roster, event, groups)
    partner = merge_partner(event)
    if partner is not None:
        _merge(roster, event, partner)
    profile = roster.find_or_create(event.project_id, event.distinct_id, event.timestamp)
    roster.see(profile, event.timestamp)
    if event.event not in _NO_PERSON_UPDATE:
        _update_properties(roster, profile, event)
    return Identity(profile.uuid, profile.properties_text, profile.created_at, "full", groups)


def _is_personless(roster: Roster, event: Event) -> bool:
    wish = event.properties.get("$process_person_profile")
    if wish is None or wish is True:
        # A server SDK names no one when it describes a group: `$company_acme` is not a person.
        group = identified_group(event)
        return group is not None and event.distinct_id == f"${group[0]}_{group[1]}"
    if wish is not False:
        _warn(roster, event, "invalid_process_person_profile", **{"$process_person_profile": wish})
        return False
    if event.event in _NEED_A_PERSON:
        _warn(roster, event, "invalid_event_when_process_person_profile_is_false", name=event.event)
    return True


def _without_profile(roster: Roster, event: Event, groups: tuple[str, ...]) -> Identity:
    profile = roster.find(event.project_id, event.distinct_id)
    if profile is None:
        uuid = person_uuid(event.project_id, event.distinct_id)
        return Identity(uuid, "{}", _NO_PERSON_CREATED_AT, "propertyless", groups)
    is_adopted = event.timestamp > profile.created_at + _ADOPTION_GRACE
    return Identity(profile.uuid, "{}", profile.created_at, "force_upgrade" if is_adopted else "propertyless", groups)


def _merge(roster: Roster, event: Event, partner: str) -> None:
    project_id, distinct_id = event.project_id, event.distinct_id
    if partner == distinct_id:
        return
    for candidate, counterpart in ((distinct_id, partner), (partner, distinct_id)):
        if is_refused(candidate):
            kind = "cannot_merge_with_illegal_distinct_id"
            _warn(roster, event, kind, illegalDistinctId=candidate, otherDistinctId=counterpart)
            return
    target, other = roster.find(project_id, distinct_id), roster.find(project_id, partner)
    if target is None:
        target = other or roster.find_or_create(project_id, distinct_id, event.timestamp)
        if other is not None:
            roster.attach(target, distinct_id)
    if other is None:
        roster.attach(target, partner)
    elif other is not target:
        _absorb(roster, event, target, other)
    if not target.is_identified:
        target.is_identified = target.is_changed = True


def _absorb(roster: Roster, event: Event, target: Profile, other: Profile) -> None:
    if other.is_identified and event.event != "$merge_dangerously":
        names = {"sourcePersonDistinctId": merge_partner(event), "targetPersonDistinctId": event.distinct_id}
        _warn(roster, event, "cannot_merge_already_identified", **names)
    elif not roster.absorb(target, other):
        _warn(roster, event, "person_properties_size_violation", personId=str(target.uuid))


def _update_properties(roster: Roster, profile: Profile, event: Event) -> None:
    sent = event.properties
    if not ("$set" in sent or "$set_once" in sent or "$unset" in sent):
        return
    before = profile.properties
    after = {**_mapping(sent.get("$set_once")), **before, **_mapping(sent.get("$set"))}
    for name in _names(sent.get("$unset")):
        after.pop(name, None)
    if after != before and not profile.replace_properties(after):
        _warn(roster, event, "person_properties_size_violation", personId=str(profile.uuid))


def _describe_group(roster: Roster, event: Event) -> None:
    named = identified_group(event)
    if named is None:
        return
    key = _usable_group(roster, event, *named)
    if key is not None:
        properties = _mapping(event.properties.get("$group_set"))
        if not roster.set_group((event.project_id, *key), properties, event.timestamp):
            _warn(roster, event, "group_properties_size_violation", groupType=named[0], groupKey=named[1])


def _group_keys(roster: Roster, event: Event) -> tuple[str, ...]:
    named = event.properties.get("$groups")
    if not named or not isinstance(named, dict):
        return _NO_GROUPS
    keys = list(_NO_GROUPS)
    for group_type, group_key in named.items():
        usable = None if group_key is None else _usable_group(roster, event, group_type, str(group_key))
        if usable is not None:
            keys[usable[0]] = usable[1]
    return tuple(keys)


def _usable_group(roster: Roster, event: Event, group_type: str, group_key: str) -> tuple[int, str] | None:
    names = {"groupType": group_type, "groupKey": group_key[:_MAX_GROUP_KEY_LENGTH]}
    if len(group_key) > _MAX_GROUP_KEY_LENGTH or len(group_type) > _MAX_GROUP_KEY_LENGTH:
        _warn(roster, event, "group_key_too_long", **names)
        return None
    index = roster.group_type_index(event.project_id, group_type, event.timestamp)
    if index is None:
        _warn(roster, event, "group_type_limit_exceeded", **names)
        return None
    return index, group_key


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _names(value: object) -> Iterator[str]:
    if isinstance(value, dict | list):
        yield from (name for name in value if isinstance(name, str))


def _warn(roster: Roster, event: Event, kind: str, **details: Any) -> None:
    roster.warn(event.project_id, kind, event.timestamp, eventUuid=str(event.uuid), **details)
