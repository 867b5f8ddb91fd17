"""What insight queries have in common: series of events, filters, a date range."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from furze.hogql import ast
from furze.platform.errors import InvalidInput
from furze.platform.fields import Body
from furze.query.kinds.asker import Asker
from furze.query.kinds.buckets import Interval
from furze.query.kinds.periods import EARLIEST, DateRange, Period, resolve
from furze.query.kinds.template import all_of, constant, expression, select

PropertyFilters = list[dict[str, Any]] | dict[str, Any] | None


class SeriesNode(Body):
    """One series: the events of a name, or all events."""

    kind: Literal["EventsNode", "ActionsNode", "DataWarehouseNode", "GroupNode", "FunnelsDataWarehouseNode"] = (
        "EventsNode"
    )
    event: str | None = None
    id: Any = None
    name: str | None = None
    custom_name: str | None = None
    math: str | None = None
    math_property: str | None = None
    math_property_type: str | None = None
    math_hogql: str | None = None
    math_group_type_index: int | None = Field(default=None, ge=0, le=4)
    properties: PropertyFilters = None
    fixedProperties: PropertyFilters = None
    funnelFromStep: int | None = None
    funnelToStep: int | None = None
    optionalInFunnel: bool = False
    nodes: list["SeriesNode"] = []
    operator: Literal["OR", "AND"] = "OR"

    @property
    def label(self) -> str:
        """How results name the series."""
        return self.custom_name or self.name or self.event or "All events"

    @property
    def event_name(self) -> str:
        """The event, in words."""
        return self.name or self.event or "All events"


class InsightQuery(Body):
    """What every insight query may carry."""

    kind: str
    dateRange: DateRange = DateRange()
    interval: Interval = "day"
    properties: PropertyFilters = None
    filterTestAccounts: bool = False
    samplingFactor: float | None = None
    aggregation_group_type_index: int | None = Field(default=None, ge=0, le=4)


def actor_of(group_type_index: int | None) -> ast.Expr:
    """Who is counted: persons, or groups of a type."""
    return ast.Field(("person_id",) if group_type_index is None else (f"$group_{group_type_index}",))


def actor_exists(group_type_index: int | None) -> ast.Expr | None:
    """A condition on events that belong to a group of the type; every event belongs to a person."""
    if group_type_index is None:
        return None
    return expression("{actor} != ''", actor=actor_of(group_type_index))


def of_series(node: SeriesNode, asker: Asker) -> ast.Expr:
    """The condition on an event to belong to a series."""
    return all_of(of_event(node), asker.condition(node.properties), asker.condition(node.fixedProperties))


def of_event(node: SeriesNode) -> ast.Expr | None:
    """The condition on an event's name alone."""
    if node.kind == "ActionsNode":
        raise InvalidInput("Actions are not stored here. Use an EventsNode with properties.", attr="query__series")
    if node.kind not in ("EventsNode", "GroupNode"):
        raise InvalidInput(
            f"{node.kind!r} needs a warehouse, and there is none. Use an EventsNode.", attr="query__series"
        )
    if node.kind == "GroupNode":
        names = [child.event for child in node.nodes]
        return (
            None if None in names else expression("event IN {names}", names=names_tuple([name or "" for name in names]))
        )
    return expression("event = {event}", event=constant(node.event)) if node.event else None


def names_tuple(names: Sequence[str]) -> ast.Expr:
    """Texts to stand on the right of IN."""
    return ast.Tuple(tuple(ast.Constant(name) for name in names))


def of_query(query: InsightQuery, asker: Asker) -> ast.Expr:
    """The condition of the whole query's filters."""
    return all_of(asker.condition(query.properties), actor_exists(query.aggregation_group_type_index))


def within(period: Period) -> ast.Expr:
    """The condition on an event to lie in a period, both ends included."""
    return expression(
        "timestamp >= {start} AND timestamp <= {until}", start=constant(period.start), until=constant(period.end)
    )


async def period_of(query: InsightQuery, asker: Asker, *, default: str = "-7d") -> Period:
    """The period a query is about; `all` begins with the project's first event."""
    dates = query.dateRange
    if dates.date_from == "all":
        [[first]] = await asker.tuples(select("SELECT min(timestamp) FROM events"))
        start = max(first, EARLIEST) if first else asker.now
        dates = dates.model_copy(update={"date_from": start.date().isoformat()})
    return resolve(dates, asker.now, asker.timezone, interval=query.interval, default=default)
