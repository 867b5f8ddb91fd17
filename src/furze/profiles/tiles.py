"""What each tile shows of a person or group. A tile that has nothing to show raises `NoData` with the reason."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from furze.identity.types import Group, GroupType, Person
from furze.kit.clock import wire_time
from furze.profiles.layouts import Kind, Node

#: How far back tiles that list events look.
_SINCE: Final = "-90d"
_MOST_ROWS: Final = 100


class NoData(Exception):
    """The reason why a tile is empty."""


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
            return {"personId": self.id}
        return {"groupKey": self.id, "groupTypeIndex": self.group_type_index}

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


@dataclass(frozen=True, slots=True)
class Question:
    """A tile to fill: `run` answers queries about the project, `related` finds who is on the same events."""

    entity: Entity
    node: Node
    run: Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
    related: Callable[[], Awaitable[list[dict[str, Any]]]]

    async def results(self, query: Mapping[str, Any], otherwise: str) -> dict[str, Any]:
        """The answer to a query; `NoData(otherwise)` when it has no results."""
        answer = await self.run(query)
        if not answer.get("results"):
            raise NoData(otherwise)
        kept = ("results", "columns", "types", "hasMore")
        return {"query": dict(query), **{name: answer[name] for name in kept if name in answer}}


async def _info(question: Question) -> dict[str, Any]:
    person, group, group_type = question.entity.person, question.entity.group, question.entity.group_type
    if person is not None:
        return {
            "id": person.id,
            "uuid": str(person.uuid),
            "distinct_ids": list(person.distinct_ids),
            "is_identified": person.is_identified,
            "created_at": wire_time(person.created_at),
            "last_seen_at": wire_time(person.last_seen_at),
        }
    if group is None:
        raise NoData("There is nobody to show.")
    return {
        "group_type": group_type.group_type if group_type else None,
        "group_type_index": group.group_type_index,
        "group_key": group.group_key,
        "created_at": wire_time(group.created_at),
    }


async def _properties(question: Question) -> dict[str, Any]:
    person, group = question.entity.person, question.entity.group
    properties = person.properties if person else group.group_properties if group else {}
    if not properties:
        raise NoData("No properties were set.")
    return dict(properties)


async def _related(question: Question) -> list[dict[str, Any]]:
    wanted = question.node.attrs.get("type")
    found = [each for each in await question.related() if wanted not in ("person", "group") or each["type"] == wanted]
    if not found:
        raise NoData("Nobody else was on the same events in the last 90 days.")
    return found


async def _usage_metrics(question: Question) -> dict[str, Any]:
    query = {"kind": "UsageMetricsQuery", **question.entity.of}
    return await question.results(query, "No usage metrics are defined. Create them at groups_types/0/metrics/.")


async def _feed(question: Question) -> dict[str, Any]:
    if question.entity.person is None:
        raise NoData("A session feed is about a person.")
    query = {"kind": "SessionsTimelineQuery", **question.entity.of, "after": _SINCE}
    return await question.results(query, "No events in the last 90 days.")


async def _events(question: Question) -> dict[str, Any]:
    given = question.node.attrs.get("query")
    if isinstance(given, dict) and isinstance(given.get("source", given).get("kind"), str):
        return await question.results(_narrowed(given.get("source", given), question.entity), "The query has no rows.")
    query = {
        "kind": "EventsQuery",
        "select": ["*", "event", "person", "timestamp"],
        "orderBy": ["timestamp DESC"],
        "after": _SINCE,
        "limit": _MOST_ROWS,
        "fixedProperties": [_of(question.entity)],
    }
    return await question.results(query, "No events in the last 90 days.")


async def _traces(question: Question) -> dict[str, Any]:
    query = {"kind": "TracesQuery", **question.entity.of, "dateRange": {"date_from": _SINCE}, "limit": _MOST_ROWS}
    return await question.results(query, "No calls of language models in the last 90 days.")


async def _issues(question: Question) -> dict[str, Any]:
    query = {
        "kind": "ErrorTrackingQuery",
        **question.entity.of,
        "dateRange": {"date_from": _SINCE},
        "volumeResolution": 20,
        "limit": _MOST_ROWS,
    }
    return await question.results(query, "No exceptions in the last 90 days.")


async def _journey(question: Question) -> dict[str, Any]:
    funnel = question.node.attrs.get("query")
    funnel = funnel.get("source", funnel) if isinstance(funnel, dict) else None
    if funnel is None or funnel.get("kind") != "FunnelsQuery":
        raise NoData("No customer journey is saved. Give the tile a FunnelsQuery as attrs.query.")
    query = {"funnelsFilter": {}, **_narrowed(funnel, question.entity)}
    query["funnelsFilter"] = {**query["funnelsFilter"], "funnelVizType": "steps"}
    query.pop("breakdownFilter", None)
    answer = await question.run(query)
    steps = [
        {
            "order": step["order"],
            "name": step.get("custom_name") or step["name"],
            "status": "completed" if step["count"] else "not_completed",
        }
        for step in answer["results"]
    ]
    return {"query": query, "steps": steps}


async def _map(question: Question) -> dict[str, Any]:
    properties = question.entity.person.properties if question.entity.person else {}
    latitude, longitude = properties.get("$geoip_latitude"), properties.get("$geoip_longitude")
    if latitude is None or longitude is None:
        raise NoData("Where this is isn't known.")
    return {"latitude": latitude, "longitude": longitude}


def _without(reason: str) -> Callable[[Question], Awaitable[Any]]:
    async def fill(_question: Question) -> Any:
        raise NoData(reason)

    return fill


def _narrowed(query: Mapping[str, Any], entity: Entity) -> dict[str, Any]:
    """A query about everybody, as one about this person or group."""
    name = "fixedProperties" if query.get("kind") in ("EventsQuery", "ActorsQuery") else "properties"
    given = query.get(name) or []
    if isinstance(given, dict):
        both = {"type": "AND", "values": [given, {"type": "AND", "values": [_of(entity)]}]}
        return {**query, name: both}
    return {**query, name: [*given, _of(entity)]}


def _of(entity: Entity) -> dict[str, Any]:
    column = "person_id" if entity.person else f"$group_{entity.group_type_index}"
    return {"type": "event_metadata", "key": column, "operator": "exact", "value": entity.id}


#: How each type of tile is filled.
TILES: Final[Mapping[str, Callable[[Question], Awaitable[Any]]]] = {
    "ph-person": _info,
    "ph-group": _info,
    "ph-person-properties": _properties,
    "ph-group-properties": _properties,
    "ph-properties": _properties,
    "ph-related-groups": _related,
    "ph-usage-metrics": _usage_metrics,
    "ph-person-feed": _feed,
    "ph-query": _events,
    "ph-llm-trace": _traces,
    "ph-issues": _issues,
    "ph-customer-journey": _journey,
    "ph-map": _map,
    "ph-support-tickets": _without("No support desk is connected."),
    "ph-zendesk-tickets": _without("Zendesk is not connected."),
}
