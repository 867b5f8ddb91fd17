"""A clock that a test turns by hand."""

import asyncio
from datetime import UTC, datetime, timedelta


class FakeClock:
    """Stands still until `advance`d; sleepers wake when their time has come."""

    def __init__(self, now: datetime = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)) -> None:
        self._now = now
        self._sleepers: list[tuple[datetime, asyncio.Event]] = []

    def now(self) -> datetime:
        """The instant the clock shows."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Return once the clock has been advanced by `seconds`."""
        woken = asyncio.Event()
        self._sleepers.append((self._now + timedelta(seconds=seconds), woken))
        await woken.wait()

    def advance(self, **duration: float) -> None:
        """Turn the clock forward: `clock.advance(minutes=5)`."""
        self._now += timedelta(**duration)
        for at, woken in self._sleepers:
            if at <= self._now:
                woken.set()
        self._sleepers = [(at, woken) for at, woken in self._sleepers if at > self._now]
