"""What an export's body must satisfy beyond its types, in the words PostHog's clients know; and the values it makes."""

from collections.abc import Mapping
from typing import Any

from furze.exports import integrations, questions
from furze.exports.configuration import merge, read_config, split
from furze.exports.destination import Destination
from furze.exports.destinations import DESTINATIONS
from furze.exports.types import DestinationBody, Export, ExportBody, Integration
from furze.platform.errors import InvalidInput
from furze.platform.secrets import SecretBox

_PLAIN = ("name", "model", "interval", "timezone", "start_at", "end_at", "filters", "hogql_modifiers")
_QUERY = ("hogql_query", "primary_key", "version_key", "incremental_mode")
_FILTER_TYPES = ("event", "hogql", "person")
_RUN_ATTRIBUTES = ("data_interval_start", "data_interval_end")


def created_values(
    body: ExportBody, secrets: SecretBox, *, project_id: int, integration: Integration | None
) -> dict[str, Any]:
    """The stored values of a new export of a project."""
    sent = body.model_dump(exclude={"destination", "offset_day", "offset_hour", "paused", "last_paused_at"})
    destination = find_destination(body.destination.type)
    values = {name: sent[name] for name in (*_PLAIN, *_QUERY)}
    values["interval_offset"] = _offset(body.interval, body.offset_day, body.offset_hour)
    _check_model(destination, body.model)
    _check_filters(body.filters, body.model, project_id)
    integrations.check_serves(integration, destination.name)
    read_config(destination.config, integrations.joined(integration, body.destination.config, secrets))
    values |= query_values(values, project_id)
    public, hidden = split(destination.config, body.destination.config)
    return values | {
        "destination_type": destination.name,
        "integration_id": integration and integration.id,
        "config": public,
        "secrets": secrets.encrypt(hidden) if hidden else None,
        "paused": body.paused,
    }


def changed_values(
    export: Export, body: ExportBody, secrets: SecretBox, *, is_whole: bool, integration: Integration | None
) -> dict[str, Any]:
    """The stored values that a PUT (`is_whole`) or a PATCH changes. `integration` is the one it will go by."""
    sent = body.model_dump(exclude_unset=True, exclude={"destination"})
    if "model" in sent and sent["model"] != export.model:
        raise InvalidInput("Changing models is not supported. Create a new batch export instead.", attr="model")
    values = {name: sent[name] for name in (*_PLAIN, *_QUERY) if name in sent}
    interval = values.get("interval", export.interval)
    values["interval_offset"] = _changed_offset(export, interval, sent, is_whole=is_whole)
    _check_filters(values.get("filters"), export.model, export.project_id)
    if "destination" in body.model_fields_set:
        values |= _changed_destination(export, body.destination, secrets, integration)
    asked = {name: values.get(name, getattr(export, name)) for name in ("model", *_QUERY)}
    return values | query_values(asked, export.project_id)


def check_same_destination(export: Export, kind: str) -> None:
    """Raise `InvalidInput` for another type than the stored one."""
    if kind and kind != export.destination_type:
        raise InvalidInput(
            f"Cannot change destination type from '{export.destination_type}' to '{kind}'. "
            "Delete this batch export and create a new one with the new destination type.",
            attr="destination__type",
        )


def find_destination(kind: str) -> Destination:
    """The destination of a type; raises `InvalidInput` for an unknown one."""
    if kind not in DESTINATIONS:
        raise InvalidInput(f'"{kind}" is not a valid choice.', code="invalid_choice", attr="destination__type")
    return DESTINATIONS[kind]


def _changed_destination(
    export: Export, body: DestinationBody, secrets: SecretBox, integration: Integration | None
) -> dict[str, Any]:
    check_same_destination(export, body.type)
    destination = find_destination(export.destination_type)
    integrations.check_serves(integration, destination.name)
    own = merge(merge(export.config, secrets.decrypt(export.secrets) if export.secrets else {}), body.config)
    try:
        inputs = integrations.joined(integration, own, secrets)
        read_config(destination.config, inputs, known=frozenset(export.config))
    except InvalidInput as error:
        if integration is None and export.integration_id is not None:
            raise InvalidInput(
                f"Cannot remove the integration from a {destination.name} batch export that uses one. "
                f"Re-send its `integration` to keep it (or a different one to swap). {error.detail}",
                attr=integrations.ATTRIBUTE,
            ) from error
        raise
    public, hidden = split(destination.config, own)
    return {
        "config": public,
        "secrets": secrets.encrypt(hidden) if hidden else None,
        "integration_id": integration and integration.id,
    }


def _offset(interval: str, day: int | None, hour: int | None) -> int | None:
    if day is not None and interval == "day":
        raise InvalidInput("offset_day should not be specified for daily intervals", attr="offset_day")
    if day is not None and interval != "week":
        raise InvalidInput("offset_day is not applicable for non-weekly intervals", attr="offset_day")
    if hour is not None and interval not in ("day", "week"):
        raise InvalidInput("offset_hour is not applicable for non-daily/weekly intervals", attr="offset_hour")
    return None if day is None and hour is None else (day or 0) * 86_400 + (hour or 0) * 3600


def _changed_offset(export: Export, interval: str, sent: Mapping[str, Any], *, is_whole: bool) -> int | None:
    day, hour = sent.get("offset_day"), sent.get("offset_hour")
    if not is_whole and export.interval_offset is not None:
        if "offset_day" not in sent and interval == "week" and export.interval == "week":
            day = export.offset_day
        if "offset_hour" not in sent and interval in ("day", "week"):
            hour = export.offset_hour
    return _offset(interval, day, hour)


def _check_model(destination: Destination, model: str) -> None:
    if destination.models and model not in destination.models:
        listed = " and ".join(destination.models)
        raise InvalidInput(f"{destination.name} batch exports only support the {listed} model", attr="model")


def _check_filters(filters: Any, model: str, project_id: int) -> None:
    if not filters:
        return
    if model != "events":
        raise InvalidInput(f"'filters' is only supported for 'events' not '{model}' model", attr="filters")
    if not isinstance(filters, list):
        raise InvalidInput("'filters' should be an array of filters", attr="filters")
    for each in filters:
        if not isinstance(each, Mapping):
            raise InvalidInput("Each filter must be an object", attr="filters")
        if each.get("key") in _RUN_ATTRIBUTES:
            raise InvalidInput(
                f"'{each['key']}' is an attribute of a run, not of an event. Trigger a backfill for it instead.",
                attr="filters",
            )
        if each.get("type") not in _FILTER_TYPES:
            allowed = ", ".join(repr(kind) for kind in _FILTER_TYPES)
            raise InvalidInput(f"Each filter must have a 'type' of one of: {allowed}", attr="filters")
    questions.condition(filters, project_id=project_id, timezone="UTC")


def query_values(values: Mapping[str, Any], project_id: int) -> dict[str, Any]:
    """The query as it is stored, and PostHog's schema of it when it is one over events."""
    query, model = values.get("hogql_query"), values["model"]
    if model == "hogql" and not query:
        raise InvalidInput("'hogql_query' is required when 'model' is 'hogql'", attr="hogql_query")
    if values.get("incremental_mode") == "MERGE" and not values.get("primary_key"):
        raise InvalidInput("'primary_key' is required when 'incremental_mode' is 'MERGE'", attr="primary_key")
    if not query:
        return {"hogql_query": None, "query_schema": None}
    if model == "hogql":
        key = values.get("primary_key") or ()
        return {"hogql_query": questions.check_query(query, project_id=project_id, primary_key=key)}
    if model != "events":
        raise InvalidInput(f"'hogql_query' is not supported for the '{model}' model", attr="hogql_query")
    schema = questions.checked_events_query(query, project_id=project_id)
    return {"hogql_query": schema["hogql_query"], "query_schema": schema}
