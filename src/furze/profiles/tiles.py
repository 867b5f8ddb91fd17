"""What each tile shows of a person or group. A tile that has nothing to show raises `NoData` with the reason."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from furze.kit.clock import wire_time
from furze.profiles.entity import Entity
from furze.profiles.layouts import Node
from furze.profiles.survey import SHOWN_EVENTS, Activity, Span

_MOST_ROWS: Final = 100


_NO_EVENTS: Final = "No events in the last 90 days."


class NoData(Exception):
    """The reason why a tile is empty."""


@dataclass(frozen=True, slots=True)
class Question:
    """A tile to fill.

    `run` answers queries about the project, `related` finds who is on the same events, `activity` tells what there is
    to read.
    """

    entity: Entity
    node: Node
    run: Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
    related: Callable[[], Awaitable[list[dict[str, Any]]]]
    activity: Callable[[], Awaitable[Activity]]

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
    activity = await question.activity()
    if not activity.events:
        raise NoData(_NO_EVENTS)
    query = {"kind": "SessionsTimelineQuery", **question.entity.of, "after": wire_time(activity.shown_since)}
    return {**await question.results(query, _NO_EVENTS), "hasMore": activity.events > SHOWN_EVENTS}


async def _events(question: Question) -> dict[str, Any]:
    given = question.node.attrs.get("query")
    if isinstance(given, dict) and isinstance(given.get("source", given).get("kind"), str):
        return await question.results(_narrowed(given.get("source", given), question.entity), "The query has no rows.")
    activity = await question.activity()
    if not activity.events:
        raise NoData(_NO_EVENTS)
    query = {
        "kind": "EventsQuery",
        "select": ["*", "event", "person", "timestamp"],
        "orderBy": ["timestamp DESC"],
        "after": wire_time(activity.shown_since),
        "limit": SHOWN_EVENTS,
        "fixedProperties": [_of(question.entity)],
    }
    return {**await question.results(query, _NO_EVENTS), "hasMore": activity.events > SHOWN_EVENTS}


async def _traces(question: Question) -> dict[str, Any]:
    calls = (await question.activity()).calls
    return await _in_span(question, "TracesQuery", calls, "No calls of language models in the last 90 days.")


async def _issues(question: Question) -> dict[str, Any]:
    exceptions = (await question.activity()).exceptions
    return await _in_span(question, "ErrorTrackingQuery", exceptions, "No exceptions in the last 90 days.")


async def _in_span(question: Question, kind: str, span: Span, otherwise: str) -> dict[str, Any]:
    if not span.count:
        raise NoData(otherwise)
    query = {"kind": kind, **question.entity.of, "dateRange": span.last_week, "limit": _MOST_ROWS}
    return await question.results(query, otherwise)


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
    return {"type": "event_metadata", "key": entity.column, "operator": "exact", "value": entity.id}


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
