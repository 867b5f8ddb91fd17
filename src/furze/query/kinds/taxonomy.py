"""What a project's data is called: events, properties with types and sample values, tables with their fields."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import Field

from furze.hogql import ast
from furze.hogql.tables import TABLES, Column
from furze.kit import json
from furze.platform.errors import InvalidInput
from furze.platform.fields import Body
from furze.query.kinds.asker import Asker
from furze.query.kinds.template import TRUE, constant, expression, select
from furze.query.types import Answer

_RECENT: Final = timedelta(days=30)
_SAMPLED_PER_EVENT: Final = 200
_SAMPLED_ACTORS: Final = 2_000
_MOST_EVENTS: Final = 500
_SAMPLE_VALUES: Final = 5

_PROPERTIES: Final = """SELECT name, topK({most})(value) AS found, uniq(value), count(),
    countIf(match(value, '^-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?$')), countIf(value IN ('true', 'false'))
FROM (
    SELECT pair.1 AS name, pair.2 AS value FROM (
        SELECT arrayJoin(JSONExtractKeysAndValuesRaw(properties)) AS pair FROM {rows}
    ) WHERE value != 'null'
) GROUP BY name ORDER BY count() DESC, name ASC"""


class EventTaxonomyQuery(Body):
    """The properties of an event, or of all events."""

    kind: Literal["EventTaxonomyQuery"] = "EventTaxonomyQuery"
    event: str | None = None
    properties: list[str] | None = None
    maxPropertyValues: int | None = Field(default=None, ge=1, le=100)


class TeamTaxonomyQuery(Body):
    """The events of a project."""

    kind: Literal["TeamTaxonomyQuery"] = "TeamTaxonomyQuery"


class ActorsPropertyTaxonomyQuery(Body):
    """The values of properties of people, or of groups of a type."""

    kind: Literal["ActorsPropertyTaxonomyQuery"] = "ActorsPropertyTaxonomyQuery"
    properties: list[str] | None = None
    groupTypeIndex: int | None = Field(default=None, ge=0, le=4)
    maxPropertyValues: int | None = Field(default=None, ge=1, le=100)


class DatabaseSchemaQuery(Body):
    """The tables that HogQL can read."""

    kind: Literal["DatabaseSchemaQuery"] = "DatabaseSchemaQuery"


@dataclass(frozen=True, slots=True)
class PropertySample:
    """A property as it was found: `type` is text, number or boolean; sample values, the most frequent first."""

    name: str
    type: Literal["text", "number", "boolean"]
    values: Sequence[Any] = field(default_factory=tuple)
    distinct_values: int = 0


async def team_taxonomy(_query: TeamTaxonomyQuery, asker: Asker) -> Answer:
    """Events and how often each came in the last 30 days, the most frequent first."""
    results = [{"event": event, "count": count} for event, count in await event_counts(asker)]
    return {"results": results, "hasMore": False, "limit": _MOST_EVENTS, "offset": 0}


async def event_taxonomy(query: EventTaxonomyQuery, asker: Asker) -> Answer:
    """The properties of an event with sample values."""
    found = await event_properties(query.event, asker, most_values=query.maxPropertyValues or _SAMPLE_VALUES)
    wanted = [each for each in found if query.properties is None or each.name in query.properties]
    return {"results": [_sampled(each) for each in wanted], "hasMore": False}


async def actors_taxonomy(query: ActorsPropertyTaxonomyQuery, asker: Asker) -> Answer:
    """Sample values of the properties asked for, in that order; of every property when none is named."""
    found = await actor_properties(query.groupTypeIndex, asker, most_values=query.maxPropertyValues or _SAMPLE_VALUES)
    by_name = {each.name: each for each in found}
    names = query.properties if query.properties is not None else list(by_name)
    results = [_sampled(by_name.get(name) or PropertySample(name, "text")) for name in names]
    return {"results": results, "hasMore": False}


async def database_schema(_query: DatabaseSchemaQuery, _asker: Asker) -> Answer:
    """Every table with its fields."""
    tables = {
        table.name: {
            "id": table.name,
            "name": table.name,
            "type": "posthog",
            "fields": {name: _field(name, found) for name, found in table.fields.items()},
        }
        for table in TABLES.values()
    }
    return {"tables": tables, "joins": []}


async def event_counts(asker: Asker) -> list[tuple[str, int]]:
    """Events and how often each came in the last 30 days; ever, when that is never."""
    for since in (expression("timestamp >= {since}", since=constant(asker.now - _RECENT)), TRUE):
        statement = select(
            "SELECT event, count() FROM events WHERE {since} GROUP BY event ORDER BY count() DESC, event ASC",
            since=since,
        )
        found = [(str(event), int(count)) for event, count in await asker.tuples(statement, limit=_MOST_EVENTS)]
        if found:
            return found
    return []


async def event_properties(
    event: str | None, asker: Asker, *, most_values: int = _SAMPLE_VALUES
) -> list[PropertySample]:
    """The properties of an event, from a sample of it; of all events when none is named."""
    rows = select(
        f"SELECT event, properties FROM events WHERE {{named}} LIMIT {_SAMPLED_PER_EVENT} BY event",
        named=expression("event = {event}", event=constant(event)) if event else TRUE,
    )
    return await _properties(rows, asker, most_values)


async def properties_by_event(asker: Asker) -> dict[str, set[str]]:
    """Which properties each event was seen with."""
    statement = select(
        f"""SELECT event, groupUniqArrayArray(JSONExtractKeys(properties)) FROM (
            SELECT event, properties FROM events LIMIT {_SAMPLED_PER_EVENT} BY event
        ) GROUP BY event"""
    )
    return {event: set(names) for event, names in await asker.tuples(statement, limit=_MOST_EVENTS)}


async def actor_properties(
    group_type_index: int | None, asker: Asker, *, most_values: int = _SAMPLE_VALUES
) -> list[PropertySample]:
    """The properties of people, or of the groups of a type, from a sample of them."""
    rows = select("SELECT properties FROM persons LIMIT {most}", most=constant(_SAMPLED_ACTORS))
    if group_type_index is not None:
        rows = select(
            "SELECT properties FROM groups WHERE index = {index} LIMIT {most}",
            index=constant(group_type_index),
            most=constant(_SAMPLED_ACTORS),
        )
    return await _properties(rows, asker, most_values)


async def property_values(
    scope: str, name: str, asker: Asker, *, event: str | None = None, most: int = 25
) -> list[tuple[str, int]]:
    """The values of one property and how often each came, the most frequent first."""
    tables = {"event": "events", "person": "persons", "session": "sessions", "group": "groups"}
    if scope not in tables:
        raise InvalidInput(f"{scope!r} has no properties. Use one of {', '.join(tables)}.")
    value = ast.Field((name,) if scope == "session" else ("properties", name))
    statement = select(
        f"""SELECT toString({{value}}) AS value, count() FROM {tables[scope]}
        WHERE {{value}} IS NOT NULL AND {{named}} GROUP BY value ORDER BY count() DESC, value ASC""",
        value=value,
        named=expression("event = {event}", event=constant(event)) if event and scope == "event" else TRUE,
    )
    return [(str(text), int(count)) for text, count in await asker.tuples(statement, limit=most)]


def session_fields() -> list[str]:
    """The fields of a session."""
    return sorted(name for name in TABLES["sessions"].fields if name.startswith("$"))


async def _properties(rows: ast.SelectQuery, asker: Asker, most_values: int) -> list[PropertySample]:
    statement = select(_PROPERTIES, most=constant(most_values), rows=rows)
    return [
        PropertySample(name, _type(count, numbers, booleans), _values(values), distinct)
        for name, values, distinct, count, numbers, booleans in await asker.tuples(statement, limit=5_000)
    ]


def _type(count: int, numbers: int, booleans: int) -> Literal["text", "number", "boolean"]:
    if numbers == count:
        return "number"
    return "boolean" if booleans == count else "text"


def _values(raw: Iterable[str]) -> list[Any]:
    return [json.loads(text) for text in raw]


def _sampled(found: PropertySample) -> Answer:
    return {
        "property": found.name,
        "sample_values": [value if isinstance(value, str) else json.dumps(value).decode() for value in found.values],
        "sample_count": found.distinct_values,
    }


def _field(name: str, found: "Column | Mapping[str, Any]") -> Answer:
    kind: str = "virtual_table"
    if isinstance(found, Column):
        kind = "json" if found.json_scope else found.kind
    return {"name": name, "hogql_value": name, "type": kind, "schema_valid": True}
