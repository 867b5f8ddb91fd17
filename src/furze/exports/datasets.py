"""What can be exported: for each model its columns and the SQL that reads its rows from the event store. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from furze.events.schema import DATABASE, property_text, quote
from furze.exports.destination import Column, Kind
from furze.exports.ledger import Region
from furze.hogql.tables import SESSION_COLUMNS

#: The last column of every read: a number per row, whose sum shows that no row was lost on the way.
CHECKSUM = "_checksum"

Layout = Literal["file", "table"]

_EVENT_FILE = (
    Column("uuid", "toString(uuid)", "text"),
    Column("event", "event", "text"),
    Column("properties", "properties", "json"),
    Column("person_properties", "person_properties", "json"),
    Column("person_id", "toString(person_id)", "text"),
    Column("distinct_id", "distinct_id", "text"),
    Column("timestamp", "timestamp", "timestamp"),
    Column("created_at", "created_at", "timestamp"),
    Column("elements_chain", "elements_chain", "text"),
    Column("_inserted_at", "inserted_at", "timestamp"),
)


def _property(name: str) -> str:
    return f"if({_mentioned(name)}, ifNull({property_text('properties', name)}, ''), '')"


def _object(name: str) -> str:
    found = f"{_mentioned(name)} AND JSONHas(properties, {quote(name)})"
    return f"if({found}, JSONExtractRaw(properties, {quote(name)}), '{{}}')"


def _mentioned(name: str) -> str:
    # A search for bytes costs a tenth of what parsing does, and most events have none of these. Keys are stored as
    # orjson writes them, which escapes no letter of theirs.
    key = f'"{name}"'
    return f"position(properties, {quote(key)}) > 0"


_EVENT_TABLE = (
    Column("uuid", "toString(uuid)", "text"),
    Column("event", "event", "text"),
    Column("properties", "properties", "json"),
    Column("elements", "toJSONString(elements_chain)", "json"),
    Column("set", _object("$set"), "json"),
    Column("set_once", _object("$set_once"), "json"),
    Column("distinct_id", "distinct_id", "text"),
    Column("team_id", "toInt64(team_id)", "integer"),
    Column("ip", _property("$ip"), "text"),
    Column("site_url", "''", "text"),
    Column("timestamp", "timestamp", "timestamp"),
    Column("person_properties", "person_properties", "json"),
)

_PERSON = (
    Column("team_id", "toInt64(team_id)", "integer"),
    Column("distinct_id", "distinct_id", "text"),
    Column("person_id", "toString(person_id)", "text"),
    Column("properties", "properties", "json"),
    Column("person_distinct_id_version", "toInt64(person_distinct_id_version)", "integer"),
    Column("person_version", "toInt64(person_version)", "integer"),
    Column("created_at", "created_at", "timestamp"),
    Column("is_deleted", "toBool(is_deleted)", "boolean"),
)
_INSERTED_AT = Column("_inserted_at", "inserted_at", "timestamp")


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows to read: their columns, where they come from, and what a checksum is made of.

    `key` finds a row again in a table, the newest of `versions` wins; rows without versions never change.
    """

    columns: tuple[Column, ...]
    source: str
    checksum: str
    key: tuple[str, ...]
    versions: tuple[str, ...] = ()
    parameters: dict[str, object] = field(default_factory=dict)
    #: Whether reading again gives the same rows, so that a count beforehand must equal what was read.
    is_fixed: bool = False

    def columns_sql(self) -> str:
        """The rows as typed columns."""
        selected = ", ".join(f"{column.sql} AS {_name(column.name)}" for column in self.columns)
        return f"SELECT {selected}, {self.checksum} AS {CHECKSUM} FROM {self.source}"

    def lines_sql(self) -> str:
        """The rows as one JSON text each, with its line break; stored JSON goes in as it is."""
        pairs = [f"{quote(_json_key(column.name) + ':')}, {_json(column)}" for column in self.columns]
        line = "concat('{', " + ", ',', ".join(pairs) + r", '}\n')"
        return f"SELECT {line} AS line, {self.checksum} AS {CHECKSUM} FROM {self.source}"

    def count_sql(self) -> str:
        """How many rows there are, and the sum of their checksums."""
        return f"SELECT count(), sum({self.checksum}) FROM {self.source}"


#: What exports tell a project about themselves: in no export unless asked for, or each run would feed the next.
NOTICES = (
    "$batch_export_run_completed",
    "$batch_export_run_failed",
    "$batch_export_run_cancelled",
    "$batch_export_paused",
)


def narrowed(rows: str, *, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> str:
    """A condition on events, narrowed to some names; without the notices of exports that are not in `include`."""
    kept = [f"({rows})"]
    if include:
        kept.append(f"event IN ({', '.join(map(quote, include))})")
    left_out = [*exclude, *(name for name in NOTICES if name not in include)]
    kept.append(f"event NOT IN ({', '.join(map(quote, left_out))})" if left_out else "1")
    return " AND ".join(kept)


def events(*, project_id: int, rows: str, layout: Layout, parameters: dict[str, object]) -> Dataset:
    """Events for which `rows` holds, a condition on the table `events` with its parameters."""
    return Dataset(
        columns=_EVENT_FILE if layout == "file" else _EVENT_TABLE,
        # FINAL: an event that a client sent twice is one event, the one that arrived first.
        source=f"{DATABASE}.events AS events FINAL WHERE team_id = {int(project_id)} AND {rows}",
        checksum="cityHash64(uuid)",
        key=("uuid",),
        parameters=parameters,
        is_fixed=True,
    )


def sessions(*, project_id: int, region: Region, layout: Layout) -> Dataset:
    """Every session of which an event lies in the region, as it is now."""
    owner = f"team_id = {int(project_id)}"
    named = {name.lstrip("$"): column for name, column in SESSION_COLUMNS.items() if name != "id"}
    selected = ", ".join(f"{column.sql} AS `{name}`" for name, column in named.items())
    touched = f"SELECT `mat_$session_id` FROM {DATABASE}.events WHERE {owner} AND {region.sql()}"
    source = f"""(
    SELECT {int(project_id)} AS team_id, {selected}, max(t.inserted_at) AS inserted_at
    FROM (SELECT * , `mat_$session_id`, `mat_$current_url`, `mat_$pathname`, `mat_$host`, `mat_$referring_domain`,
      mat_utm_source, mat_utm_medium, mat_utm_campaign FROM {DATABASE}.events FINAL WHERE {owner}) AS t
    WHERE notEmpty(t.`mat_$session_id`) AND t.`mat_$session_id` IN ({touched})
    GROUP BY t.`mat_$session_id`
  )"""
    columns = [Column("team_id", "toInt64(team_id)", "integer")]
    columns += [_session_column(name, column.kind) for name, column in named.items()]
    return Dataset(
        columns=tuple(columns) if layout == "table" else (*columns, _INSERTED_AT),
        source=source,
        checksum="cityHash64(session_id)",
        key=("team_id", "session_id"),
        versions=("end_timestamp",),
    )


def _session_column(name: str, kind: str) -> Column:
    shapes: dict[str, tuple[str, Kind]] = {
        "string": ("toString({})", "text"),
        "datetime": ("{}", "timestamp"),
        "number": ("toInt64({})", "integer"),
        "boolean": ("toBool({})", "boolean"),
        "array": ("arrayMap(x -> ifNull(toString(x), ''), {})", "texts"),
    }
    template, shape = shapes[kind]
    return Column(name, template.format(f"`{name}`"), shape)


def persons(*, project_id: int, region: Region, layout: Layout) -> Dataset:
    """One row per distinct id that changed, or whose person changed, in a range of positions; each as it is now."""
    owner = f"team_id = {int(project_id)}"
    changed = region.sql()
    names = f"SELECT distinct_id FROM {DATABASE}.person_distinct_id WHERE {owner} AND {changed}"
    people = f"SELECT id FROM {DATABASE}.person WHERE {owner} AND {changed}"
    source = f"""(
    SELECT {int(project_id)} AS team_id, names.distinct_id AS distinct_id, names.person_id AS person_id,
      if(people.properties = '', '{{}}', people.properties) AS properties, names.version AS person_distinct_id_version,
      people.version AS person_version, people.created_at AS created_at, people.is_deleted AS is_deleted,
      greatest(names.inserted_at, people.inserted_at) AS inserted_at
    FROM (
      SELECT distinct_id, person_id, version, inserted_at FROM {DATABASE}.person_distinct_id FINAL
      WHERE {owner} AND is_deleted = 0
    ) AS names
    INNER JOIN (
      SELECT id, properties, version, created_at, is_deleted, inserted_at FROM {DATABASE}.person FINAL WHERE {owner}
    ) AS people ON people.id = names.person_id
    WHERE names.distinct_id IN ({names}) OR names.person_id IN ({people})
  )"""
    return Dataset(
        columns=_PERSON if layout == "table" else (*_PERSON, _INSERTED_AT),
        source=source,
        checksum="cityHash64(distinct_id, person_version, person_distinct_id_version)",
        key=("team_id", "distinct_id"),
        versions=("person_version", "person_distinct_id_version"),
    )


def _json(column: Column) -> str:
    if column.kind == "json":
        return f"if(empty({column.sql}), 'null', {column.sql})"
    if column.kind == "timestamp":
        return f"""concat('"', replaceOne(toString({column.sql}), ' ', 'T'), '+00:00"')"""
    return f"toJSONString({column.sql})"


def _json_key(name: str) -> str:
    from furze.kit import json  # noqa: PLC0415

    return json.dumps(name).decode()


def _name(name: str) -> str:
    return f"`{name}`"
