"""All SQL about persons, their distinct ids, groups and ingestion warnings."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    delete,
    func,
    insert,
    or_,
    select,
)

from furze.database import UTCDateTime, json_type, metadata
from furze.identity.types import Group, GroupType, IngestionWarning, Person

persons = Table(
    "person",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
    Column("uuid", Uuid, nullable=False),
    Column("properties", json_type(), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("last_seen_at", UTCDateTime, nullable=False),
    Column("is_identified", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    UniqueConstraint("project_id", "uuid"),
    Index("ix_person_newest", "project_id", "created_at"),
    sqlite_autoincrement=True,
)

distinct_ids = Table(
    "distinct_id",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", Integer, nullable=False),
    Column("distinct_id", String, nullable=False),
    Column("person_id", Integer, ForeignKey("person.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("version", BigInteger, nullable=False),
    UniqueConstraint("project_id", "distinct_id"),
)

group_types = Table(
    "group_type",
    metadata,
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), primary_key=True),
    Column("group_type_index", Integer, primary_key=True),
    Column("group_type", String, nullable=False),
    Column("name_singular", String),
    Column("name_plural", String),
    Column("created_at", UTCDateTime, nullable=False),
    UniqueConstraint("project_id", "group_type"),
)

groups = Table(
    "group",
    metadata,
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), primary_key=True),
    Column("group_type_index", Integer, primary_key=True),
    Column("group_key", String, primary_key=True),
    Column("group_properties", json_type(), nullable=False),
    Column("created_at", UTCDateTime, nullable=False),
    Column("updated_at", UTCDateTime, nullable=False),
    Column("version", BigInteger, nullable=False),
)

warnings = Table(
    "ingestion_warning",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", Integer, ForeignKey("project.id", ondelete="CASCADE"), nullable=False),
    Column("type", String, nullable=False),
    Column("details", json_type(), nullable=False),
    Column("timestamp", UTCDateTime, nullable=False),
    Index("ix_ingestion_warning_newest", "project_id", "timestamp"),
)

progress = Table(
    "ingest_progress",
    metadata,
    Column("lane", String, primary_key=True),
    Column("token", String, nullable=False),
)

#: How many ingestion warnings are kept; older ones make room.
KEPT_WARNINGS = 10_000


def get_person(connection: Connection, project_id: int, identity: int | UUID) -> Person | None:
    """A person by the number or the uuid."""
    column = persons.c.uuid if isinstance(identity, UUID) else persons.c.id
    row = connection.execute(select(persons).where(persons.c.project_id == project_id, column == identity)).first()
    return _with_distinct_ids(connection, [row])[0] if row else None


def get_person_by_distinct_id(connection: Connection, project_id: int, distinct_id: str) -> Person | None:
    """The person behind a distinct id."""
    found = persons_by_distinct_id(connection, project_id, [distinct_id])
    return found.get(distinct_id)


def persons_by_distinct_id(connection: Connection, project_id: int, wanted: Sequence[str]) -> dict[str, Person]:
    """The persons behind distinct ids; those without a person are left out."""
    rows = connection.execute(
        select(persons, distinct_ids.c.distinct_id)
        .join(distinct_ids, distinct_ids.c.person_id == persons.c.id)
        .where(distinct_ids.c.project_id == project_id, distinct_ids.c.distinct_id.in_(wanted))
    ).all()
    people = {person.id: person for person in _with_distinct_ids(connection, rows)}
    return {row.distinct_id: people[row.id] for row in rows}


def persons_by_uuid(connection: Connection, project_id: int, wanted: Sequence[UUID]) -> dict[UUID, Person]:
    """Persons by uuid; unknown ones are left out."""
    rows = connection.execute(select(persons).where(persons.c.project_id == project_id, persons.c.uuid.in_(wanted)))
    return {person.uuid: person for person in _with_distinct_ids(connection, rows.all())}


def list_persons(
    connection: Connection,
    project_id: int,
    *,
    distinct_id: str | None = None,
    email: str | None = None,
    search: str | None = None,
    limit: int,
    offset: int = 0,
) -> tuple[list[Person], int]:
    """A page of a project's persons, newest first, and how many there are; `search` looks in properties and ids."""
    kept = persons.c.project_id == project_id
    if distinct_id is not None:
        kept &= persons.c.id.in_(_owners(project_id).where(distinct_ids.c.distinct_id == distinct_id))
    if email is not None:
        kept &= persons.c.properties["email"].as_string() == email
    if search:
        in_ids = persons.c.id.in_(
            _owners(project_id).where(distinct_ids.c.distinct_id.icontains(search, autoescape=True))
        )
        in_email = persons.c.properties["email"].as_string().icontains(search, autoescape=True)
        in_name = persons.c.properties["name"].as_string().icontains(search, autoescape=True)
        kept &= or_(in_ids, in_email, in_name)
    count = connection.execute(select(func.count()).select_from(persons).where(kept)).scalar_one()
    newest = select(persons).where(kept).order_by(persons.c.created_at.desc(), persons.c.id.desc())
    rows = connection.execute(newest.limit(limit).offset(offset)).all()
    return _with_distinct_ids(connection, rows), count


def list_group_types(connection: Connection, project_id: int) -> list[GroupType]:
    """The project's group types by their number."""
    rows = connection.execute(
        select(group_types).where(group_types.c.project_id == project_id).order_by(group_types.c.group_type_index)
    )
    return [GroupType(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's documented mapping view


def group_type_indexes(connection: Connection, project_id: int) -> dict[str, int]:
    """The number of each of the project's group types: `{"company": 0}`."""
    return {found.group_type: found.group_type_index for found in list_group_types(connection, project_id)}


def get_group(connection: Connection, project_id: int, group_type_index: int, group_key: str) -> Group | None:
    """One group."""
    row = connection.execute(
        select(groups).where(
            groups.c.project_id == project_id,
            groups.c.group_type_index == group_type_index,
            groups.c.group_key == group_key,
        )
    ).first()
    return Group(**row._mapping) if row else None  # noqa: SLF001


def list_groups(
    connection: Connection,
    project_id: int,
    group_type_index: int,
    *,
    search: str | None = None,
    limit: int,
    offset: int = 0,
) -> tuple[list[Group], int]:
    """A page of the groups of one type, newest first, and how many there are."""
    kept = (groups.c.project_id == project_id) & (groups.c.group_type_index == group_type_index)
    if search:
        in_name = groups.c.group_properties["name"].as_string().icontains(search, autoescape=True)
        kept &= or_(groups.c.group_key.icontains(search, autoescape=True), in_name)
    count = connection.execute(select(func.count()).select_from(groups).where(kept)).scalar_one()
    newest = select(groups).where(kept).order_by(groups.c.created_at.desc(), groups.c.group_key)
    rows = connection.execute(newest.limit(limit).offset(offset))
    return [Group(**row._mapping) for row in rows], count  # noqa: SLF001


def list_warnings(connection: Connection, project_id: int, *, limit: int = 1000) -> list[IngestionWarning]:
    """The project's ingestion warnings, newest first."""
    newest = select(warnings).where(warnings.c.project_id == project_id).order_by(warnings.c.id.desc()).limit(limit)
    return [
        IngestionWarning(row.project_id, row.type, row.timestamp, row.details) for row in connection.execute(newest)
    ]


def add_warnings(connection: Connection, found: Sequence[IngestionWarning]) -> None:
    """Store warnings; the oldest beyond `KEPT_WARNINGS` go."""
    if not found:
        return
    rows = [
        {"project_id": each.project_id, "type": each.type, "timestamp": each.timestamp, "details": dict(each.details)}
        for each in found
    ]
    connection.execute(insert(warnings), rows)
    newest = connection.execute(select(func.max(warnings.c.id))).scalar_one()
    connection.execute(delete(warnings).where(warnings.c.id <= newest - KEPT_WARNINGS))


def _owners(project_id: int) -> Any:
    return select(distinct_ids.c.person_id).where(distinct_ids.c.project_id == project_id)


def _with_distinct_ids(connection: Connection, rows: Iterable[Row[Any]]) -> list[Person]:
    rows = list(rows)
    ids_of: dict[int, list[str]] = {row.id: [] for row in rows}
    found = connection.execute(
        select(distinct_ids.c.person_id, distinct_ids.c.distinct_id)
        .where(distinct_ids.c.person_id.in_(ids_of))
        .order_by(distinct_ids.c.id)
    )
    for person_id, distinct_id in found:
        ids_of[person_id].append(distinct_id)
    return [
        Person(
            id=row.id,
            project_id=row.project_id,
            uuid=row.uuid,
            properties=row.properties,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            is_identified=row.is_identified,
            version=row.version,
            distinct_ids=tuple(ids_of[row.id]),
        )
        for row in rows
    ]
