"""The event store's tables, as ClickHouse DDL: one statement per entry, safe to run again at every start.

`team_id` is the project's integer id under the name PostHog's HogQL and exports give it. `position` is the
ingest position (see `furze.events.queue`): monotone, assigned when an event is acknowledged. A row resent
under the same sorting key keeps the version that arrived first, because `version` falls as `position` grows.
"""

DATABASE = "furze"

#: Event properties that queries read so often that ClickHouse stores them as columns of their own.
MATERIALIZED_PROPERTIES: tuple[str, ...] = (
    "$session_id",
    "$window_id",
    "$current_url",
    "$pathname",
    "$host",
    "$browser",
    "$os",
    "$device_type",
    "$referring_domain",
    "$lib",
    "$geoip_country_code",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "$ai_trace_id",
    "$exception_fingerprint",
)

# Completed batches leave the queue, so an insert must be on disk when it returns; a batch that is sent again
# under its token is recognised.
_SETTINGS = "SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1"


def materialized_column(property_name: str) -> str:
    """The column that holds an event property of `MATERIALIZED_PROPERTIES`: `mat_$browser` for `$browser`."""
    return f"mat_{property_name}"


def _materialized_columns() -> str:
    # Same extraction as the HogQL printer uses for a property without a column, so both give the same text.
    return "".join(
        f"  `{materialized_column(name)}` Nullable(String) MATERIALIZED {property_text('properties', name)},\n"
        for name in MATERIALIZED_PROPERTIES
    )


def property_text(column: str, *path: str) -> str:
    """SQL for one JSON property as text: a string unescaped, anything else as its JSON; absent and null are NULL."""
    keys = ", ".join(quote(key) for key in path)
    return f"JSONExtract({column}, {keys}, 'Nullable(String)')"


def quote(text: str) -> str:
    """A ClickHouse string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def tables() -> list[str]:
    """The DDL of every table, in the order in which to run it."""
    return [
        f"""
CREATE TABLE IF NOT EXISTS {DATABASE}.events (
  team_id Int64,
  uuid UUID,
  event LowCardinality(String),
  distinct_id String,
  person_id UUID,
  timestamp DateTime64(6, 'UTC'),
  created_at DateTime64(6, 'UTC'),
  inserted_at DateTime64(6, 'UTC') DEFAULT now64(6),
  position UInt64,
  properties String CODEC(ZSTD(1)),
  person_properties String CODEC(ZSTD(1)),
  person_created_at DateTime64(6, 'UTC'),
  person_mode LowCardinality(String) DEFAULT 'full',
  elements_chain String CODEC(ZSTD(1)),
  `$group_0` String,
  `$group_1` String,
  `$group_2` String,
  `$group_3` String,
  `$group_4` String,
{_materialized_columns()}  version UInt64 DEFAULT bitNot(position),
  INDEX position_range position TYPE minmax GRANULARITY 1,
  INDEX session_range `mat_$session_id` TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(timestamp)
ORDER BY (team_id, toDate(timestamp), event, cityHash64(distinct_id), cityHash64(uuid))
{_SETTINGS}""",
        f"""
CREATE TABLE IF NOT EXISTS {DATABASE}.person (
  team_id Int64,
  id UUID,
  properties String CODEC(ZSTD(1)),
  created_at DateTime64(6, 'UTC'),
  last_seen_at DateTime64(6, 'UTC'),
  is_identified UInt8,
  is_deleted UInt8,
  version UInt64,
  position UInt64,
  inserted_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (team_id, id)
{_SETTINGS}""",
        f"""
CREATE TABLE IF NOT EXISTS {DATABASE}.person_distinct_id (
  team_id Int64,
  distinct_id String,
  person_id UUID,
  is_deleted UInt8,
  is_overridden UInt8,
  version UInt64,
  position UInt64,
  inserted_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (team_id, distinct_id)
{_SETTINGS}""",
        f"""
CREATE TABLE IF NOT EXISTS {DATABASE}.groups (
  team_id Int64,
  group_type_index UInt8,
  group_key String,
  group_properties String CODEC(ZSTD(1)),
  created_at DateTime64(6, 'UTC'),
  updated_at DateTime64(6, 'UTC'),
  is_deleted UInt8,
  version UInt64,
  position UInt64,
  inserted_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (team_id, group_type_index, group_key)
{_SETTINGS}""",
    ]
