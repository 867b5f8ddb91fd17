"""The tables and fields of HogQL, as SQL over the event store.

A table of a query becomes a subquery that selects exactly the columns in use and holds the project's guard
(`team_id = …`) beside the store's table. What a column needs beyond that table (the merged person, a session, a
group) is joined inside that same subquery, and only when the column is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from furze.events.schema import DATABASE, MATERIALIZED_PROPERTIES, materialized_column, property_text
from furze.hogql.function_table import Kind
from furze.hogql.typed import identifier

GROUP_TYPES: Final = 5


@dataclass(frozen=True, slots=True)
class Column:
    """One field: its SQL over the table's row `t` and the joins it needs."""

    name: str
    sql: str
    kind: Kind
    nullable: bool = False
    joins: tuple[str, ...] = ()
    json_scope: str | None = None


Fields: TypeAlias = "Mapping[str, Column | Fields]"


@dataclass(frozen=True, slots=True)
class LazyJoin:
    """A join that some columns need. `{team_id}` stands for the project's id in `subquery`."""

    subquery: str
    on: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of HogQL. `star` are the fields of `select *`."""

    name: str
    relation: str
    fields: Fields
    star: tuple[str, ...]
    where: str = ""
    group_by: str = ""
    joins: Mapping[str, LazyJoin] = field(default_factory=dict)


def _read_property(name: str) -> str:
    if name in MATERIALIZED_PROPERTIES:
        return f"t.{identifier(materialized_column(name))}"
    return property_text("t.properties", name)


# Every column is qualified: an alias of the user's (`WITH 1 AS team_id`) must not be able to stand in for it.
_OVERRIDE = LazyJoin(
    "SELECT d.distinct_id AS distinct_id, argMax(d.person_id, d.version) AS person_id "
    f"FROM {DATABASE}.person_distinct_id AS d WHERE d.team_id = {{team_id}} AND d.is_overridden = 1 "
    "GROUP BY d.distinct_id HAVING argMax(d.is_deleted, d.version) = 0",
    "t.distinct_id = override.distinct_id",
)
_MERGED_PERSON = "if(notEmpty(override.distinct_id), override.person_id, t.person_id)"
_PERSON_QUERY = (
    "SELECT p.id AS id, p.properties AS properties, p.created_at AS created_at, p.last_seen_at AS last_seen_at, "
    f"p.is_identified AS is_identified FROM {DATABASE}.person AS p FINAL "
    "WHERE p.team_id = {team_id} AND p.is_deleted = 0"
)
_NO_PERSON = "00000000-0000-0000-0000-000000000000"


def _of_person(column: str) -> str:
    return f"if(person.id = toUUID('{_NO_PERSON}'), NULL, person.{column})"


def _group_join(index: int) -> LazyJoin:
    return LazyJoin(
        "SELECT g.group_key AS group_key, argMax(g.group_properties, g.version) AS properties, "
        "argMax(g.created_at, g.version) AS created, argMax(g.updated_at, g.version) AS updated "
        f"FROM {DATABASE}.groups AS g WHERE g.team_id = {{team_id}} AND g.group_type_index = {index} "
        "GROUP BY g.group_key HAVING argMax(g.is_deleted, g.version) = 0",
        f"t.`$group_{index}` = group_{index}.group_key",
    )


def _group_fields(index: int) -> Fields:
    name = f"group_{index}"
    present = f"notEmpty({name}.group_key)"
    return {
        "index": Column(f"{name}__index", str(index), "number"),
        "key": Column(f"{name}__key", f"t.`$group_{index}`", "string"),
        "properties": Column(f"{name}__properties", f"{name}.properties", "string", joins=(name,), json_scope=name),
        "created_at": Column(
            f"{name}__created_at", f"if({present}, {name}.created, NULL)", "datetime", nullable=True, joins=(name,)
        ),
        "updated_at": Column(
            f"{name}__updated_at", f"if({present}, {name}.updated, NULL)", "datetime", nullable=True, joins=(name,)
        ),
    }


_SEARCH = "'google|bing|yahoo|duckduckgo|baidu|yandex|ecosia|qwant|brave|startpage'"
_SOCIAL = (
    "'facebook|instagram|twitter|linkedin|reddit|pinterest|tiktok|youtube|threads|mastodon|bsky|^t\\\\.co$|^x\\\\.com$'"
)


def _entry(sql: str) -> str:
    return f"argMin({sql}, t.timestamp)"


def _channel() -> str:
    """Where a session came from, by its first utm tags and referrer, in this order.

    Paid (by medium or click id) on a search or social site, e-mail, other campaigns with a medium of their own,
    organic search and social by the referring domain, Direct without referrer and tags, else Referral.
    """
    source = f"lower(ifNull({_entry(_read_property('utm_source'))}, ''))"
    medium = f"lower(ifNull({_entry(_read_property('utm_medium'))}, ''))"
    domain = f"lower(ifNull({_entry(_read_property('$referring_domain'))}, ''))"
    click = f"isNotNull({_entry(_read_property('gclid'))})"
    paid = f"match({medium}, '^(cpc|cpm|cpv|cpa|ppc|retargeting|paid.*)$')"
    social = f"(match({source}, {_SOCIAL}) OR match({domain}, {_SOCIAL}))"
    search = f"(match({source}, {_SEARCH}) OR match({domain}, {_SEARCH}))"
    return (
        f"multiIf({click}, 'Paid Search', {paid} AND {search}, 'Paid Search', {paid} AND {social}, 'Paid Social', "
        f"{paid}, 'Paid Unknown', {medium} IN ('email', 'e-mail') OR {source} = 'email', 'Email', "
        f"{medium} = 'affiliate', 'Affiliate', {medium} = 'sms', 'SMS', {medium} = 'push', 'Push', "
        f"{search}, 'Organic Search', {social}, 'Organic Social', "
        f"{domain} IN ('', '$direct') AND {source} = '' AND {medium} = '', 'Direct', "
        f"{domain} NOT IN ('', '$direct'), 'Referral', 'Unknown')"
    )


def _session_columns() -> dict[str, Column]:
    views = "countIf(t.event IN ('$pageview', '$screen'))"
    clicks = "countIf(t.event = '$autocapture')"
    duration = "dateDiff('second', min(t.timestamp), max(t.timestamp))"
    url = "t.`mat_$current_url`"
    found: dict[str, tuple[str, Kind, bool]] = {
        "session_id": ("assumeNotNull(t.`mat_$session_id`)", "string", False),
        "distinct_id": (_entry("t.distinct_id"), "string", False),
        "$start_timestamp": ("min(t.timestamp)", "datetime", False),
        "$end_timestamp": ("max(t.timestamp)", "datetime", False),
        "$urls": (f"groupUniqArray({url})", "array", False),
        "$num_uniq_urls": (f"uniqExact({url})", "number", False),
        "$pageview_count": ("countIf(t.event = '$pageview')", "number", False),
        "$autocapture_count": (clicks, "number", False),
        "$screen_count": ("countIf(t.event = '$screen')", "number", False),
        "$session_duration": (duration, "number", False),
        "$is_bounce": (
            f"multiIf({views} = 0, NULL, {views} + {clicks} > 1, 0, {duration} >= 10, 0, 1)", "boolean", True
        ),
        "$channel_type": (_channel(), "string", False),
    }  # fmt: skip
    places = {"current_url": "$current_url", "pathname": "$pathname", "hostname": "$host"}
    for place, name in places.items():
        found[f"$entry_{place}"] = (_entry(_read_property(name)), "string", True)
        found[f"$end_{place}"] = (f"argMax({_read_property(name)}, t.timestamp)", "string", True)
        found[f"$exit_{place}"] = found[f"$end_{place}"]
    tags = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "gclid", "fbclid", "gad_source")
    for tag in tags:
        found[f"$entry_{tag}"] = (_entry(_read_property(tag)), "string", True)
    found["$entry_referring_domain"] = (_entry(_read_property("$referring_domain")), "string", True)
    columns = {name: Column(name, sql, kind, nullable) for name, (sql, kind, nullable) in found.items()}
    columns["id"] = columns["session_id"]
    return columns


SESSION_COLUMNS: Final = _session_columns()
_SESSION_RELATION: Final = f"{DATABASE}.events AS t"
_SESSION_WHERE: Final = "notEmpty(t.`mat_$session_id`)"
_SESSION_GROUP: Final = "t.`mat_$session_id`"

SESSIONS: Final = Table(
    "sessions",
    _SESSION_RELATION,
    SESSION_COLUMNS,
    star=tuple(name for name in SESSION_COLUMNS if name != "id"),
    where=_SESSION_WHERE,
    group_by=_SESSION_GROUP,
)


def _session_fields() -> Fields:
    """The session of an event; each column names the join `session:<column>`, as only those are computed."""
    return {
        name: Column(
            f"session__{column.name}",
            f"if(notEmpty(session.session_id), session.{identifier(column.name)}, NULL)"
            if column.kind != "array"
            else f"session.{identifier(column.name)}",
            column.kind,
            nullable=column.kind != "array",
            joins=(f"session:{column.name}",),
        )
        for name, column in SESSION_COLUMNS.items()
    }


def session_subquery(columns: tuple[str, ...]) -> str:
    """The sessions of a project with these columns."""
    selected = ", ".join(
        f"{SESSION_COLUMNS[name].sql} AS {identifier(name)}" for name in dict.fromkeys(("session_id", *columns))
    )
    return (
        f"SELECT {selected} FROM {_SESSION_RELATION} WHERE t.team_id = {{team_id}} AND {_SESSION_WHERE} "
        f"GROUP BY {_SESSION_GROUP}"
    )


SESSION_ON: Final = "t.`mat_$session_id` = session.session_id"


def _event_person(prefix: str) -> dict[str, Column]:
    joins = ("override", "person")
    return {
        "id": Column("person_id", _MERGED_PERSON, "uuid", joins=("override",)),
        "properties": Column("person_properties", "t.person_properties", "string", json_scope="person"),
        "created_at": Column("person_created_at", "t.person_created_at", "datetime"),
        "distinct_id": Column("distinct_id", "t.distinct_id", "string"),
        "is_identified": Column(f"{prefix}__is_identified", _of_person("is_identified"), "boolean", True, joins),
        "last_seen_at": Column(f"{prefix}__last_seen_at", _of_person("last_seen_at"), "datetime", True, joins),
    }


_HREF = r"""extract(t.elements_chain, '(?::|")href="(.*?)"')"""
_TEXTS = r"""arrayDistinct(extractAll(t.elements_chain, '(?::|")text="(.*?)"'))"""
_IDS = r"""arrayDistinct(extractAll(t.elements_chain, '(?::|")attr_id="(.*?)"'))"""
_TAGS = (
    r"""arrayDistinct(extractAll(t.elements_chain, '(?:^|;)(a|button|form|input|select|textarea|label)(?:\\.|$|:)'))"""
)


def _event_fields() -> Fields:
    plain: dict[str, Column | Fields] = {
        "uuid": Column("uuid", "t.uuid", "uuid"),
        "event": Column("event", "t.event", "string"),
        "properties": Column("properties", "t.properties", "string", json_scope="event"),
        "timestamp": Column("timestamp", "t.timestamp", "datetime"),
        "distinct_id": Column("distinct_id", "t.distinct_id", "string"),
        "elements_chain": Column("elements_chain", "t.elements_chain", "string"),
        "created_at": Column("created_at", "t.created_at", "datetime"),
        "inserted_at": Column("inserted_at", "t.inserted_at", "datetime"),
        "person_mode": Column("person_mode", "t.person_mode", "string"),
        "$session_id": Column("mat_$session_id", "t.`mat_$session_id`", "string", nullable=True),
        "$window_id": Column("mat_$window_id", "t.`mat_$window_id`", "string", nullable=True),
        "person_id": Column("person_id", _MERGED_PERSON, "uuid", joins=("override",)),
        "elements_chain_href": Column("elements_chain_href", _HREF, "string"),
        "elements_chain_texts": Column("elements_chain_texts", _TEXTS, "array"),
        "elements_chain_ids": Column("elements_chain_ids", _IDS, "array"),
        "elements_chain_elements": Column("elements_chain_elements", _TAGS, "array"),
    }
    for index in range(GROUP_TYPES):
        plain[f"$group_{index}"] = Column(f"$group_{index}", f"t.`$group_{index}`", "string")
        plain[f"group_{index}"] = _group_fields(index)
    person = _event_person("person")
    plain["person"] = person
    plain["poe"] = {name: person[name] for name in ("id", "properties", "created_at")}
    plain["pdi"] = {
        "distinct_id": person["distinct_id"],
        "person_id": person["id"],
        "person": {**person, "properties": Column(
            "pdi__properties", _of_person("properties"), "string", True, ("override", "person"), "person"
        )},
    }  # fmt: skip
    plain["session"] = _session_fields()
    return plain


EVENTS: Final = Table(
    "events",
    f"{DATABASE}.events AS t",
    _event_fields(),
    star=(
        "uuid", "event", "properties", "timestamp", "distinct_id", "elements_chain", "created_at", "$session_id",
        "$window_id", *(f"$group_{index}" for index in range(GROUP_TYPES)), "person_id", "person_mode",
    ),
    joins={
        "override": _OVERRIDE,
        "person": LazyJoin(_PERSON_QUERY, f"{_MERGED_PERSON} = person.id"),
        **{f"group_{index}": _group_join(index) for index in range(GROUP_TYPES)},
    },
)  # fmt: skip

#: Event properties that have a column: a subquery of events may select them.
MATERIALIZED: Final = {
    name: Column(materialized_column(name), f"t.{identifier(materialized_column(name))}", "property", nullable=True)
    for name in MATERIALIZED_PROPERTIES
}

PERSONS: Final = Table(
    "persons",
    f"{DATABASE}.person AS t FINAL",
    {
        "id": Column("id", "t.id", "uuid"),
        "created_at": Column("created_at", "t.created_at", "datetime"),
        "last_seen_at": Column("last_seen_at", "t.last_seen_at", "datetime"),
        "properties": Column("properties", "t.properties", "string", json_scope="person"),
        "is_identified": Column("is_identified", "t.is_identified", "boolean"),
        "pdi": {
            "distinct_id": Column("pdi__distinct_id", "pdi.distinct_id", "string", joins=("pdi",)),
            "person_id": Column("id", "t.id", "uuid"),
        },
    },
    star=("id", "created_at", "last_seen_at", "properties", "is_identified"),
    where="t.is_deleted = 0",
    joins={
        "pdi": LazyJoin(
            f"SELECT d.person_id AS person_id, d.distinct_id AS distinct_id FROM {DATABASE}.person_distinct_id AS d "
            "FINAL WHERE d.team_id = {team_id} AND d.is_deleted = 0",
            "t.id = pdi.person_id",
        )
    },
)

PERSON_DISTINCT_IDS: Final = Table(
    "person_distinct_ids",
    f"{DATABASE}.person_distinct_id AS t FINAL",
    {
        "distinct_id": Column("distinct_id", "t.distinct_id", "string"),
        "person_id": Column("person_id", "t.person_id", "uuid"),
        "person": {
            "id": Column("person_id", "t.person_id", "uuid"),
            "properties": Column("person__properties", _of_person("properties"), "string", True, ("person",), "person"),
            "created_at": Column("person__created_at", _of_person("created_at"), "datetime", True, ("person",)),
            "is_identified": Column("person__is_identified", _of_person("is_identified"), "boolean", True, ("person",)),
        },
    },
    star=("distinct_id", "person_id"),
    where="t.is_deleted = 0",
    joins={"person": LazyJoin(_PERSON_QUERY, "t.person_id = person.id")},
)

GROUPS: Final = Table(
    "groups",
    f"{DATABASE}.groups AS t FINAL",
    {
        "index": Column("index", "t.group_type_index", "number"),
        "key": Column("key", "t.group_key", "string"),
        "created_at": Column("created_at", "t.created_at", "datetime"),
        "updated_at": Column("updated_at", "t.updated_at", "datetime"),
        "properties": Column("properties", "t.group_properties", "string", json_scope="group"),
    },
    star=("index", "key", "created_at", "updated_at", "properties"),
    where="t.is_deleted = 0",
)

TABLES: Final = {table.name: table for table in (EVENTS, PERSONS, SESSIONS, PERSON_DISTINCT_IDS, GROUPS)}

#: Tables of PostHog that do not exist here.
ABSENT_TABLES: Final = frozenset(
    [
        "cohort_people",
        "static_cohort_people",
        "raw_session_replay_events",
        "session_replay_events",
        "log_entries",
        "query_log",
        "raw_events",
        "raw_persons",
        "raw_groups",
        "raw_sessions",
        "raw_person_distinct_ids",
        "cohorts",
    ]
)
