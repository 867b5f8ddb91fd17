"""How long to wait before trying again."""

import random

#: One of its own: whoever seeds or watches the shared one is not disturbed.
_CHANCE = random.Random()  # noqa: S311 - spreads load, keeps no secret


def backoff_seconds(attempt: int, *, first: float = 1.0, cap: float = 300.0, jitter: float = 0.1) -> float:
    """Seconds before attempt `attempt + 1`: doubling from `first`, at most `cap`, spread by ±`jitter` of itself."""
    wait = min(cap, first * 2.0 ** max(0, min(attempt, 60) - 1))
    return wait * _CHANCE.uniform(1 - jitter, 1 + jitter)
