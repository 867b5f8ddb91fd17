"""Checks a tool's arguments against its JSON schema: the part of JSON schema that tools use."""

from collections.abc import Mapping
from typing import Any

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


def fault(value: object, schema: Mapping[str, Any], path: str = "arguments") -> str | None:
    """The first thing wrong with `value`, in words a model can act on, or None."""
    kinds = schema.get("type", ())
    kinds = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    if kinds and not any(_is(value, kind) for kind in kinds):
        return f"{path} must be {' or '.join(kinds)}, not {type(value).__name__}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{path} must be one of {schema['enum']!r}, not {value!r}"
    if isinstance(value, dict):
        return _object_fault(value, schema, path)
    if isinstance(value, list) and "items" in schema:
        faults = (fault(each, schema["items"], f"{path}[{index}]") for index, each in enumerate(value))
        return next(filter(None, faults), None)
    return None


def _is(value: object, kind: str) -> bool:
    if isinstance(value, bool) and kind in ("integer", "number"):
        return False
    return isinstance(value, _TYPES.get(kind, (object,)))


def _object_fault(value: dict[str, Any], schema: Mapping[str, Any], path: str) -> str | None:
    properties: Mapping[str, Any] = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            return f"{path}.{name} is missing"
    if schema.get("additionalProperties") is False and (unknown := sorted(set(value) - set(properties))):
        return f"{path} has no {unknown[0]!r}; it takes {sorted(properties)!r}"
    faults = (fault(value[name], each, f"{path}.{name}") for name, each in properties.items() if name in value)
    return next(filter(None, faults), None)
