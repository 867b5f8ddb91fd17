"""All SQL about the definitions of events and properties: what arrived, of which types, and what callers say of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    case,
    delete,
    func,
    insert,
    not_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from furze.database import UTCDateTime, json_type, metadata
from furze.identity.store import progress
from furze.platform.store import existing_projects

_LANE: Final = "definitions"
_CHUNK: Final = 1000

#: What `property_definition.group_type_index` says of properties that belong to no group.
NO_GROUP: Final = -1

event_definitions = Table(
    "event_definition",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
    Column("name", String, nullable=False),
    Column("description", String, nullable=False),
    Column("tags", json_type(), nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("hidden", Boolean, nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("last_seen_at", UTCDateTime, nullable=False),
    UniqueConstraint("project_id", "name"),
)

property_definitions = Table(
    "property_definition",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
    Column("type", String, nullable=False),
    Column("group_type_index", Integer, nullable=False),
    Column("name", String, nullable=False),
    Column("kinds", Integer, nullable=False),
    Column("property_type", String),
    Column("description", String, nullable=False),
    Column("tags", json_type(), nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("hidden", Boolean, nullable=False),
    UniqueConstraint("project_id", "type", "group_type_index", "name"),
)

event_properties = Table(
    "event_property",
    metadata,
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), primary_key=True),
    Column("event", String, primary_key=True),
    Column("property", String, primary_key=True),
    Index("ix_event_property_property", "project_id", "property"),
)


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """An event's name, and when it happened first and last among the rows looked at."""

    project_id: int
    name: str
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class SeenProperty:
    """A property of a type of thing, and the kinds of its values as bits. `event` says on which event it was."""

    project_id: int
    type: str
    name: str
    kinds: int
    group_type_index: int = NO_GROUP
    event: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a range of ingest positions held."""

    events: Sequence[SeenEvent] = field(default_factory=tuple)
    properties: Sequence[SeenProperty] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class PropertyChoice:
    """Which property definitions a caller wants."""

    type: str = "event"
    group_type_index: int = NO_GROUP
    search: str = ""
    names: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()
    event_names: tuple[str, ...] | None = None
    only_of_events: bool = False
    is_numerical: bool | None = None
    is_feature_flag: bool | None = None
    with_hidden: bool = True


def position(connection: Connection) -> int:
    """The ingest position up to which definitions are known."""
    token = connection.execute(select(progress.c.token).where(progress.c.lane == _LANE)).scalar_one_or_none()
    return int(token or 0)


def save(connection: Connection, seen: Seen, first: int, end: int) -> bool:
    """Add what the positions [first, end) held; False, and nothing, if somebody else has done that."""
    if not _moved(connection, first, end):
        return False
    wanted = {each.project_id for each in seen.events} | {each.project_id for each in seen.properties}
    known = existing_projects(connection, wanted)
    _save_events(connection, [each for each in seen.events if each.project_id in known])
    _save_properties(connection, [each for each in seen.properties if each.project_id in known])
    return True


def list_events(
    connection: Connection,
    project_id: int,
    *,
    search: str,
    prefix: str | None,
    with_hidden: bool,
    order: str,
    limit: int,
    offset: int,
) -> tuple[list[Mapping[str, Any]], int]:
    """A page of event definitions and how many there are. `prefix` is `$` for PostHog's own events, `!` for others."""
    kept = event_definitions.c.project_id == project_id
    for word in search.split():
        kept &= event_definitions.c.name.icontains(word, autoescape=True)
    if prefix is not None:
        own = event_definitions.c.name.startswith("$", autoescape=True)
        kept &= own if prefix == "$" else not_(own)
    if not with_hidden:
        kept &= not_(event_definitions.c.hidden)
    column = event_definitions.c[order.removeprefix("-")]
    ordered = column.desc() if order.startswith("-") else column.asc()
    count = connection.execute(select(func.count()).select_from(event_definitions).where(kept)).scalar_one()
    page = select(event_definitions).where(kept).order_by(ordered, event_definitions.c.name)
    return _mappings(connection, page.limit(limit).offset(offset)), count


def get_event(connection: Connection, project_id: int, identity: UUID | str) -> Mapping[str, Any] | None:
    """An event definition by id or name."""
    column = "id" if isinstance(identity, UUID) else "name"
    found = select(event_definitions).filter_by(project_id=project_id, **{column: identity})
    return next(iter(_mappings(connection, found)), None)


def list_properties(
    connection: Connection, project_id: int, choice: PropertyChoice, *, limit: int, offset: int
) -> tuple[list[Mapping[str, Any]], int]:
    """A page of property definitions and how many there are; `is_seen` is None unless events were named."""
    columns = property_definitions.c
    kept = (
        (columns.project_id == project_id)
        & (columns.type == choice.type)
        & (columns.group_type_index == choice.group_type_index)
    )
    for word in choice.search.split():
        kept &= columns.name.icontains(word, autoescape=True)
    if choice.names is not None:
        kept &= columns.name.in_(choice.names)
    if choice.without:
        kept &= columns.name.not_in(choice.without)
    if choice.is_numerical is not None:
        numeric = _type_sql() == "Numeric"
        kept &= numeric if choice.is_numerical else not_(numeric)
    if choice.is_feature_flag is not None:
        flag = columns.name.startswith("$feature/", autoescape=True)
        kept &= flag if choice.is_feature_flag else not_(flag)
    if not choice.with_hidden:
        kept &= not_(columns.hidden)
    return _property_page(connection, project_id, choice, kept, limit, offset)


def get_property(connection: Connection, project_id: int, definition_id: UUID) -> Mapping[str, Any] | None:
    """A property definition by id."""
    found = select(property_definitions, _type_sql().label("inferred_type")).filter_by(
        project_id=project_id, id=definition_id
    )
    return next(iter(_mappings(connection, found)), None)


def update_definition(connection: Connection, table: Table, definition_id: UUID, values: Mapping[str, Any]) -> None:
    """Change what callers say of a definition."""
    if values:
        connection.execute(update(table).where(table.c.id == definition_id).values(**values))


def delete_definition(connection: Connection, table: Table, definition_id: UUID) -> None:
    """Forget a definition until the event or property arrives again."""
    connection.execute(delete(table).where(table.c.id == definition_id))


def property_types(connection: Connection, project_id: int) -> dict[str, dict[str, str]]:
    """The types of the project's properties, as HogQL takes them: `{"event": {"price": "Numeric"}}`."""
    columns = property_definitions.c
    found = select(columns.type, columns.group_type_index, columns.name, _type_sql()).where(
        columns.project_id == project_id
    )
    types: dict[str, dict[str, str]] = {}
    for kind, index, name, property_type in connection.execute(found):
        if property_type is not None:
            types.setdefault(f"group_{index}" if kind == "group" else kind, {})[name] = property_type
    return types


def _property_page(
    connection: Connection, project_id: int, choice: PropertyChoice, kept: Any, limit: int, offset: int
) -> tuple[list[Mapping[str, Any]], int]:
    columns = property_definitions.c
    is_seen: Any = None
    if choice.event_names is not None:
        on_events = select(event_properties.c.property).where(
            event_properties.c.project_id == project_id, event_properties.c.event.in_(choice.event_names)
        )
        is_seen = columns.name.in_(on_events)
        if choice.only_of_events:
            kept &= is_seen
    page = select(property_definitions, _type_sql().label("inferred_type")).where(kept)
    if is_seen is not None:
        page = page.add_columns(is_seen.label("is_seen")).order_by(is_seen.desc())
    count = connection.execute(select(func.count()).select_from(property_definitions).where(kept)).scalar_one()
    return _mappings(connection, page.order_by(columns.name).limit(limit).offset(offset)), count


def _type_sql() -> Any:
    """A property's type: what a caller says, else the one kind that all its values are of, else text."""
    kinds = property_definitions.c.kinds
    inferred = case((kinds == 1, "Numeric"), (kinds == 2, "Boolean"), (kinds == 4, "DateTime"), (kinds == 0, None))
    inferred = case((kinds == 16, None), (kinds.in_((0, 1, 2, 4)), inferred), else_="String")
    return func.coalesce(property_definitions.c.property_type, inferred)


def _moved(connection: Connection, first: int, end: int) -> bool:
    if first == 0 and position(connection) == 0:
        connection.execute(delete(progress).where(progress.c.lane == _LANE))
        connection.execute(insert(progress).values(lane=_LANE, token=str(end)))
        return True
    at_first = (progress.c.lane == _LANE) & (progress.c.token == str(first))
    return connection.execute(update(progress).where(at_first).values(token=str(end))).rowcount == 1


def _save_events(connection: Connection, seen: Sequence[SeenEvent]) -> None:
    defaults = {"description": "", "tags": [], "verified": False, "hidden": False}
    rows = [
        {
            "id": uuid4(),
            "project_id": each.project_id,
            "name": each.name,
            "created_at": each.first,
            "last_seen_at": each.last,
            **defaults,
        }
        for each in seen
    ]
    table = event_definitions.c

    def later(new: Any) -> dict[str, Any]:
        last = case((new.last_seen_at > table.last_seen_at, new.last_seen_at), else_=table.last_seen_at)
        first = case((new.created_at < table.created_at, new.created_at), else_=table.created_at)
        return {"last_seen_at": last, "created_at": first}

    _upsert(connection, event_definitions, rows, ("project_id", "name"), later)


def _save_properties(connection: Connection, seen: Sequence[SeenProperty]) -> None:
    kinds: dict[tuple[int, str, int, str], int] = {}
    for each in seen:
        key = (each.project_id, each.type, each.group_type_index, each.name)
        kinds[key] = kinds.get(key, 0) | each.kinds
    defaults = {"description": "", "tags": [], "verified": False, "hidden": False, "property_type": None}
    names = ("project_id", "type", "group_type_index", "name")
    rows = [
        {"id": uuid4(), **dict(zip(names, key, strict=True)), "kinds": found, **defaults}
        for key, found in kinds.items()
    ]
    table = property_definitions.c

    def united(new: Any) -> dict[str, Any]:
        return {"kinds": table.kinds.bitwise_or(new.kinds)}

    _upsert(connection, property_definitions, rows, names, united)
    pairs = {(each.project_id, each.event, each.name) for each in seen if each.event is not None}
    on_events = [{"project_id": project, "event": event, "property": name} for project, event, name in sorted(pairs)]
    _upsert(connection, event_properties, on_events, ("project_id", "event", "property"), None)


def _upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]], keys: Any, changes: Any) -> None:
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    if changes is None:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    else:
        statement = statement.on_conflict_do_update(index_elements=keys, set_=changes(statement.excluded))
    for start in range(0, len(rows), _CHUNK):
        connection.execute(statement, rows[start : start + _CHUNK])


def _mappings(connection: Connection, query: Any) -> list[Mapping[str, Any]]:
    return [dict(row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - the documented mapping view
