"""ActorsQuery and GroupsQuery: people, or the groups of a type, as rows."""

from typing import Any, Final, Literal

from pydantic import Field

from furze.hogql import ast
from furze.hogql.parser import parse_select
from furze.kit import json
from furze.platform.errors import InvalidInput
from furze.platform.fields import Body
from furze.query.kinds import table_query
from furze.query.kinds.asker import Asker
from furze.query.kinds.series import PropertyFilters
from furze.query.kinds.template import constant, expression
from furze.query.types import Answer

_PERSON: Final = ("id", "created_at", "last_seen_at", "properties", "is_identified")
_NAME: Final = "coalesce(properties.email, properties.name, properties.username, toString(id))"


class ActorsQuery(Body):
    """The query."""

    kind: Literal["ActorsQuery"] = "ActorsQuery"
    select: list[str] | None = None
    search: str | None = None
    properties: PropertyFilters = None
    fixedProperties: PropertyFilters = None
    orderBy: list[str] | None = None
    source: dict[str, Any] | None = None
    limit: int | None = None
    offset: int | None = None


class GroupsQuery(Body):
    """The query."""

    kind: Literal["GroupsQuery"] = "GroupsQuery"
    group_type_index: int = Field(ge=0, le=4)
    select: list[str] | None = None
    search: str | None = None
    properties: PropertyFilters = None
    orderBy: list[str] | None = None
    limit: int | None = None
    offset: int | None = None


async def actors(query: ActorsQuery, asker: Asker) -> Answer:
    """A page of people with the columns asked for; `person` is a person object."""
    limit, offset = table_query.page(query.limit, query.offset)
    texts = query.select or ["person", "id", "created_at"]
    texts = [text for text in texts if text != "person.$delete"]
    found = await asker.rows(
        table_query.statement(
            "persons",
            [_person_column(text) for text in texts],
            _person_conditions(query, asker),
            table_query.order(query.orderBy or ["created_at DESC", "id"]),
            limit=limit,
            offset=offset,
        ),
        limit=limit + 1,
    )
    rows, has_more = table_query.paged(found, limit)
    for number, text in enumerate(texts):
        if text in ("person", "actor", "*"):
            for row in rows:
                row[number] = _person(row[number])
    return {
        "columns": texts,
        "types": list(found.types),
        "results": rows,
        "hasMore": has_more,
        "limit": limit,
        "offset": offset,
        "missing_actors_count": 0,
    }


async def groups(query: GroupsQuery, asker: Asker) -> Answer:
    """A page of the groups of one type."""
    limit, offset = table_query.page(query.limit, query.offset)
    texts = query.select or ["group_name", "key", "created_at"]
    search = expression(
        "(key ILIKE {pattern} OR properties.name ILIKE {pattern})", pattern=_pattern(query.search or "")
    )
    found = await asker.rows(
        table_query.statement(
            "groups",
            [_group_column(text) for text in texts],
            [
                expression("index = {index}", index=constant(query.group_type_index)),
                search if query.search else None,
                asker.condition_on(query.properties, "groups"),
            ],
            table_query.order(query.orderBy or ["created_at DESC", "key"]),
            limit=limit,
            offset=offset,
        ),
        limit=limit + 1,
    )
    rows, has_more = table_query.paged(found, limit)
    return {
        "columns": texts,
        "types": list(found.types),
        "results": rows,
        "hasMore": has_more,
        "limit": limit,
        "offset": offset,
        "kind": "GroupsQuery",
    }


def _person_column(text: str) -> ast.Expr:
    if text in ("person", "actor", "*"):
        return ast.Tuple(tuple(ast.Field((name,)) for name in _PERSON))
    return expression(_NAME) if text == "person_display_name" else table_query.column(text)


def _group_column(text: str) -> ast.Expr:
    return expression("coalesce(properties.name, key)") if text == "group_name" else table_query.column(text)


def _person_conditions(query: ActorsQuery, asker: Asker) -> list[ast.Expr | None]:
    conditions = [
        asker.condition_on(query.properties, "persons"),
        asker.condition_on(query.fixedProperties, "persons"),
    ]
    if query.search:
        conditions.append(_search(query.search))
    if query.source:
        if query.source.get("kind") != "HogQLQuery":
            raise InvalidInput(
                "The people behind an insight can't be listed yet; 'source' takes a HogQLQuery of person ids.",
                attr="query__source",
            )
        conditions.append(expression("id IN {people}", people=parse_select(str(query.source.get("query", "")))))
    return [*conditions]


def _search(text: str) -> ast.Expr:
    return expression(
        """(properties.email ILIKE {pattern} OR properties.name ILIKE {pattern} OR toString(id) = {text}
        OR id IN (SELECT person_id FROM person_distinct_ids WHERE distinct_id ILIKE {pattern}))""",
        pattern=_pattern(text),
        text=constant(text),
    )


def _pattern(text: str) -> ast.Expr:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return constant(f"%{escaped}%")


def _person(values: Any) -> Answer:
    person = dict(zip(_PERSON, values, strict=True))
    return {
        **person,
        "properties": json.loads(person["properties"] or "{}"),
        "is_identified": bool(person["is_identified"]),
    }
