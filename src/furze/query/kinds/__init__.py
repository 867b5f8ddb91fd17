"""The query kinds: each reads its own request, asks the engine, and shapes the answer as PostHog does."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from furze.platform.fields import Body
from furze.query.kinds.actors import ActorsQuery, GroupsQuery, actors, groups
from furze.query.kinds.asker import Asker
from furze.query.kinds.error_tracking import ErrorTrackingQuery, error_tracking
from furze.query.kinds.events import EventsQuery, events
from furze.query.kinds.funnels import FunnelsQuery, funnels
from furze.query.kinds.hogql import HogQLMetadata, HogQLQuery, check
from furze.query.kinds.lifecycle import LifecycleQuery, lifecycle
from furze.query.kinds.paths import PathsQuery, paths
from furze.query.kinds.retention import RetentionQuery, retention
from furze.query.kinds.sessions_timeline import SessionsTimelineQuery, sessions_timeline
from furze.query.kinds.stickiness import StickinessQuery, stickiness
from furze.query.kinds.taxonomy import (
    ActorsPropertyTaxonomyQuery,
    DatabaseSchemaQuery,
    EventTaxonomyQuery,
    TeamTaxonomyQuery,
    actors_taxonomy,
    database_schema,
    event_taxonomy,
    team_taxonomy,
)
from furze.query.kinds.traces import TracesQuery, traces
from furze.query.kinds.trends import TrendsQuery, trends
from furze.query.kinds.usage_metrics import UsageMetricsQuery, usage_metrics
from furze.query.types import Answer

__all__ = ["Asker", "HogQLQuery", "KINDS", "Kind", "WRAPPERS"]


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of query is read and answered."""

    model: type[Body]
    run: Callable[[Any, Asker], Awaitable[Answer]]


KINDS: dict[str, Kind] = {
    "EventsQuery": Kind(EventsQuery, events),
    "ActorsQuery": Kind(ActorsQuery, actors),
    "GroupsQuery": Kind(GroupsQuery, groups),
    "HogQLMetadata": Kind(HogQLMetadata, check),
    "TrendsQuery": Kind(TrendsQuery, trends),
    "FunnelsQuery": Kind(FunnelsQuery, funnels),
    "RetentionQuery": Kind(RetentionQuery, retention),
    "LifecycleQuery": Kind(LifecycleQuery, lifecycle),
    "StickinessQuery": Kind(StickinessQuery, stickiness),
    "PathsQuery": Kind(PathsQuery, paths),
    "SessionsTimelineQuery": Kind(SessionsTimelineQuery, sessions_timeline),
    "UsageMetricsQuery": Kind(UsageMetricsQuery, usage_metrics),
    "TracesQuery": Kind(TracesQuery, traces),
    "TraceQuery": Kind(TracesQuery, traces),
    "ErrorTrackingQuery": Kind(ErrorTrackingQuery, error_tracking),
    "DatabaseSchemaQuery": Kind(DatabaseSchemaQuery, database_schema),
    "EventTaxonomyQuery": Kind(EventTaxonomyQuery, event_taxonomy),
    "TeamTaxonomyQuery": Kind(TeamTaxonomyQuery, team_taxonomy),
    "ActorsPropertyTaxonomyQuery": Kind(ActorsPropertyTaxonomyQuery, actors_taxonomy),
}

#: Kinds that only show the answer of their `source`.
WRAPPERS = frozenset({"InsightVizNode", "DataTableNode", "DataVisualizationNode", "DataVizNode"})
