"""Engine values that JSON has no form for."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Any

_UNUSUAL = re.compile(r"Decimal|\bDate(32)?\b|IPv|Int128|Int256|Interval|Time\b|FixedString")
_LARGEST = 1 << 64


def wire_rows(rows: Sequence[Sequence[Any]], types: Sequence[str]) -> Sequence[Sequence[Any]]:
    """Rows whose values all have a JSON form. Columns of ordinary types are left as they are."""
    unusual = [index for index, kind in enumerate(types) if _UNUSUAL.search(kind)]
    if not unusual:
        return rows
    changed = [list(row) for row in rows]
    for row in changed:
        for index in unusual:
            row[index] = _wire(row[index])
    return changed


def _wire(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_wire(item) for item in value]
    if isinstance(value, dict):
        return {key: _wire(item) for key, item in value.items()}
    return _wire_scalar(value)


def _wire_scalar(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, IPv4Address | IPv6Address) or (isinstance(value, int) and abs(value) >= _LARGEST):
        return str(value)
    return value
