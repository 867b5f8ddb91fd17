"""How often one person may ask the assistant."""

from collections import deque
from datetime import datetime
from typing import Any

from furze.conversations.types import Limits
from furze.kit.clock import Clock
from furze.platform.errors import Throttled

_USUAL = "You've reached PostHog AI's usage limit for the moment. Please try again {when}."
_RESEARCH = (
    "You've reached the usage limit for Research mode, which is currently in beta with limited capacity. "
    "Please try again {when}, or switch to a regular conversation for continued access."
)


class Throttle:
    """Counts requests per user, valid or not, in this process."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._asked: dict[tuple[Any, ...], deque[datetime]] = {}

    def check(self, user_id: int, *, is_research: bool) -> None:
        """Count a request; raises `Throttled` when it is one too many for one of the rates."""
        rates = self._limits.research_rates if is_research else self._limits.rates
        for count, seconds in rates:
            self._check(deque_key=(user_id, is_research, seconds), count=count, seconds=seconds)

    def _check(self, *, deque_key: tuple[int, bool, int], count: int, seconds: int) -> None:
        now = self._clock.now()
        asked = self._asked.setdefault(deque_key, deque())
        while asked and (now - asked[0]).total_seconds() >= seconds:
            asked.popleft()
        if len(asked) >= count:
            wait = seconds - (now - asked[0]).total_seconds()
            text = _RESEARCH if deque_key[1] else _USUAL
            raise Throttled(text.format(when=_when(wait)), wait_seconds=wait)
        asked.append(now)


def _when(seconds: float) -> str:
    if seconds < 60:
        return f"in {int(seconds)} seconds"
    if seconds < 3600:
        return f"in {int(seconds // 60)} minutes"
    return "later today"
