"""A destination's inputs between the wire and the database: checked by one table, secrets kept apart, merged deeply."""

import types
from collections.abc import Mapping
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from furze.platform.errors import InvalidInput

M = TypeVar("M", bound=BaseModel)

#: Keys that PostHog's own clients leave in a config; they are attributes of a run, not inputs.
_TOLERATED = frozenset(
    (
        "batch_export_id",
        "team_id",
        "interval",
        "timezone",
        "data_interval_start",
        "data_interval_end",
        "integration_id",
        "is_backfill",
        "is_earliest_backfill",
        "batch_export_model",
        "batch_export_schema",
        "backfill_details",
    )
)
IN_EXPORT, IN_INTEGRATION = "destination__config", "config"


def read_config(
    model: type[M], given: Mapping[str, Any], *, known: frozenset[str] = frozenset(), attr: str = IN_EXPORT
) -> M:
    """The inputs as the model declares them; raises `InvalidInput` for the first fault. `known` keys may be stale."""
    fields = _inputs(model)
    unknown = sorted(set(given) - set(fields) - _TOLERATED - known)
    if unknown:
        listed = ", ".join(repr(name) for name in unknown)
        raise InvalidInput(f"Configuration has unknown field/s: {listed}", attr=attr)
    missing = [name for name, field in fields.items() if field.is_required() and given.get(name) is None]
    if missing:
        raise InvalidInput(f"Configuration missing required field: '{missing[0]}'", attr=attr)
    values = {name: _cast(value, fields[name].annotation, attr) for name, value in given.items() if name in fields}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InvalidInput(_first_fault(error), attr=attr) from error


def split(model: type[BaseModel], given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inputs without secrets, and the secrets alone, both in the shape given."""
    return _split(model, {name: value for name, value in given.items() if name not in _TOLERATED})


def merge(stored: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """`sent` laid over `stored`, mapping by mapping: what is not sent stays."""
    merged = dict(stored)
    for name, value in sent.items():
        old = merged.get(name)
        merged[name] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def redacted(text: str, secrets: Mapping[str, Any]) -> str:
    """A message without any secret that a library may have put into it."""
    for value in _texts(secrets):
        if len(value) > 3:
            text = text.replace(value, "***")
    return text.replace("\x00", "")


def _split(model: type[BaseModel], given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    public: dict[str, Any] = {}
    secret: dict[str, Any] = {}
    fields = _inputs(model)
    for name, value in given.items():
        annotation = fields[name].annotation if name in fields else None
        inner = _model_in(annotation)
        if _is_secret(annotation):
            if value is not None:
                secret[name] = value
        elif inner is not None and isinstance(value, Mapping):
            public[name], hidden = _split(inner, value)
            if hidden:
                secret[name] = hidden
        else:
            public[name] = value
    return public, secret


def _inputs(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The inputs by their names on the wire."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _members(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (Union, types.UnionType):
        return get_args(annotation)
    return (annotation,)


def _is_secret(annotation: Any) -> bool:
    return SecretStr in _members(annotation)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    models = [each for each in _members(annotation) if isinstance(each, type) and issubclass(each, BaseModel)]
    return models[0] if models else None


def _cast(value: Any, annotation: Any, attr: str) -> Any:
    # A form and an old client send numbers and booleans as text.
    wanted = [each for each in _members(annotation) if each is not type(None)]
    if wanted == [bool] and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if wanted == [int] and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    plain = (str, int, bool, float, list, dict)
    if len(wanted) == 1 and wanted[0] in (str, int, bool) and isinstance(value, plain) and type(value) is not wanted[0]:
        got, expected = type(value).__name__, wanted[0].__name__
        raise InvalidInput(f"Configuration has invalid type: got '{got}', expected '{expected}'", attr=attr)
    return value


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = "__".join(str(part) for part in first["loc"])
    text = str(first.get("ctx", {}).get("error") or first["msg"])
    if first["type"] == "missing":
        return f"Configuration missing required field: '{place}'"
    return text if first["type"] == "value_error" else f"Configuration field '{place}': {text}"


def _texts(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in _texts(each)]
    return [value] if isinstance(value, str) else []
