"""Frozen data of the capture slice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Submission:
    """What one request submits: raw events under one project token, and when the sender thought it sent them."""

    token: str
    events: Sequence[Mapping[str, Any]]
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """When and from where a submission came: `received_at` is this server's clock, `address` the client's, or ""."""

    received_at: datetime
    address: str = ""
