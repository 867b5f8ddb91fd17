"""What a request may change of a query without sending another: date range, filters, variables."""

from typing import Any

from furze.query.types import QueryMapping


def overridden(query: QueryMapping, filters: QueryMapping | None, variables: QueryMapping | None) -> QueryMapping:
    """The query with another date range, further properties, and other variable values."""
    changed = dict(query)
    if filters:
        changed = _filtered(changed, filters)
    if variables:
        changed["variables"] = {**_mapping(query.get("variables")), **variables}
    return changed


def _filtered(query: QueryMapping, filters: QueryMapping) -> QueryMapping:
    if query.get("kind") == "HogQLQuery":
        return {**query, "filters": _narrowed(_mapping(query.get("filters")), filters)}
    return _narrowed(query, filters)


def _narrowed(query: QueryMapping, filters: QueryMapping) -> QueryMapping:
    changed = dict(query)
    dates = {name: filters[name] for name in ("date_from", "date_to") if filters.get(name) is not None}
    if dates:
        changed["dateRange"] = {**_mapping(query.get("dateRange")), **dates}
    if filters.get("properties"):
        own, more = query.get("properties") or [], filters["properties"]
        is_list = isinstance(own, list) and isinstance(more, list)
        groups = [part if isinstance(part, dict) else {"type": "AND", "values": part} for part in (own, more)]
        changed["properties"] = [*own, *more] if is_list else {"type": "AND", "values": groups}
    return changed


def _mapping(value: Any) -> QueryMapping:
    return value if isinstance(value, dict) else {}
