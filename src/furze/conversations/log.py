"""The log of a conversation: a turn appends, every reader replays and then follows. Neither knows the other.

Entries are durable and numbered from 1 in each conversation. Between two entries the current answer grows as a
partial: kept in memory only, shown under the number of the entry before it, gone when its final message is appended.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from furze.conversations import store
from furze.conversations.types import END, WIRE_EVENTS, Entry, NewEntry
from furze.database import Database
from furze.kit import json, sse
from furze.kit.clock import Clock

#: How often another process's turn is looked for, where there can be one.
_POLL_SECONDS = 0.25
#: Each partial repeats the whole text, so they are few: at most 20 a second for one answer, and no more than 400 a
#: second for all answers that grow at once, so that many streams never crowd out captures.
_PARTIAL_SECONDS, _PARTIAL_SHARE_SECONDS = 0.05, 0.0025


@dataclass(frozen=True, slots=True)
class _Partial:
    """An answer so far, as the message and as its JSON."""

    message: dict[str, Any]
    json: str

    def event(self, sequence: int, before: "_Partial | None") -> bytes:
        """What a reader is sent who was last sent `before`: the whole, or only what has been added to its text."""
        if before is None or not self._continues(before):
            return sse.encode("message", self.json, event_id=sequence)
        added = self.message["content"][len(before.message["content"]) :]
        return sse.encode("delta", json.dumps_ascii({"content": added, "id": self.message["id"]}), event_id=sequence)

    def _continues(self, before: "_Partial") -> bool:
        """Whether only text was added since: a draft that is written again begins anew."""
        same_calls = self.message.get("tool_calls") == before.message.get("tool_calls")
        return same_calls and self.message["content"].startswith(before.message["content"])


@dataclass(eq=False)
class _Channel:
    """What the writer and the readers of one conversation share in this process."""

    newest: int = 0
    entries: dict[int, Entry] = field(default_factory=dict)
    events: dict[int, bytes] = field(default_factory=dict)
    partial: _Partial | None = None
    version: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    users: int = 0

    def add(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self.entries[entry.sequence] = entry
            self.newest = max(self.newest, entry.sequence)
            if entry.event == END or entry.payload.get("type") == "ai":
                self.partial = None
        self.wake()

    def after(self, sequence: int) -> list[Entry]:
        found = []
        while (entry := self.entries.get(sequence + 1)) is not None:
            found.append(entry)
            sequence += 1
        return found

    def event(self, entry: Entry) -> bytes:
        if entry.event not in WIRE_EVENTS:
            return b""
        if entry.sequence not in self.events:
            text = json.dumps_ascii(entry.payload)
            self.events[entry.sequence] = sse.encode(entry.event, text, event_id=entry.sequence)
        return self.events[entry.sequence]

    def wake(self) -> None:
        self.version += 1
        self.changed.set()
        self.changed = asyncio.Event()


class Log:
    """The logs of one process's conversations."""

    def __init__(self, database: Database, clock: Clock, *, keepalive_seconds: float = 15.0) -> None:
        self._database = database
        self._clock = clock
        self._keepalive_seconds = keepalive_seconds
        self._poll_seconds = keepalive_seconds if database.is_sqlite else _POLL_SECONDS
        self._channels: dict[UUID, _Channel] = {}
        self._growing = 0
        self.open_streams = 0

    async def append(self, conversation_id: UUID, turn_id: UUID, entries: Sequence[NewEntry]) -> list[Entry]:
        """Append to a running turn, durably, then show readers; raises `TurnOver` when the turn no longer runs."""
        stored = await self._database.write(
            store.append, conversation_id, entries, turn_id=turn_id, now=self._clock.now()
        )
        self.publish(conversation_id, stored)
        return stored

    def publish(self, conversation_id: UUID, entries: Sequence[Entry]) -> None:
        """Show readers what the caller's own transaction has appended."""
        channel = self._channels.get(conversation_id)
        if channel is not None and entries:
            channel.add(entries)

    @contextlib.contextmanager
    def partials(self, conversation_id: UUID, *, newest: int) -> Iterator["Partials"]:
        """Shows readers an answer that grows after entry `newest`."""
        with self._channel(conversation_id) as channel:
            channel.newest = max(channel.newest, newest)
            partials = Partials(channel, self._partial_seconds)
            self._growing += 1
            try:
                yield partials
            finally:
                self._growing -= 1
                partials.reset()

    def _partial_seconds(self) -> float:
        return max(_PARTIAL_SECONDS, self._growing * _PARTIAL_SHARE_SECONDS)

    async def follow(self, conversation_id: UUID, *, after: int, deltas: bool = False) -> AsyncIterator[bytes]:
        """Server-sent events from a position on until the stream's end: each entry once, then the current partial.

        With `deltas` a partial comes whole once; then `delta` events carry what is added to its text.
        """
        self.open_streams += 1
        try:
            with self._channel(conversation_id) as channel:
                async for chunk in self._follow(channel, conversation_id, after, deltas=deltas):
                    yield chunk
        finally:
            self.open_streams -= 1

    async def _follow(
        self, channel: _Channel, conversation_id: UUID, after: int, *, deltas: bool
    ) -> AsyncIterator[bytes]:
        shown, may_miss, runs = 0, True, True
        grown_from: _Partial | None = None
        quiet_since = time.monotonic()
        while True:
            changed = channel.changed
            entries = channel.after(after)
            if not entries and (may_miss or channel.newest > after):
                entries, runs = await self._database.read(store.entries_after, conversation_id, after)
                may_miss = False
            chunk, after, is_over = _chunk(channel, entries, after)
            if entries:
                grown_from = None
            if channel.partial is not None and channel.version > shown and channel.newest == after:
                shown = channel.version
                chunk += channel.partial.event(after, grown_from)
                grown_from = channel.partial if deltas else None
            if chunk:
                quiet_since = time.monotonic()
                yield chunk
            if is_over or not (entries or runs):
                return
            if not entries and not await _happens(changed, min(self._poll_seconds, self._keepalive_seconds)):
                may_miss = True
                if time.monotonic() - quiet_since >= self._keepalive_seconds:
                    quiet_since = time.monotonic()
                    yield sse.KEEPALIVE

    @contextlib.contextmanager
    def _channel(self, conversation_id: UUID) -> Iterator[_Channel]:
        channel = self._channels.setdefault(conversation_id, _Channel())
        channel.users += 1
        try:
            yield channel
        finally:
            channel.users -= 1
            if channel.users == 0:
                self._channels.pop(conversation_id, None)


class Partials:
    """The growing answer of one turn, shown at once and then each time `seconds()` have passed."""

    def __init__(self, channel: _Channel, seconds: Callable[[], float]) -> None:
        self._channel = channel
        self._seconds = seconds
        self._shown_at = 0.0
        self._make: Callable[[], dict[str, Any]] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def show(self, make: Callable[[], dict[str, Any]]) -> None:
        """Let readers see what `make` gives when the time for the next partial has come."""
        self._make = make
        if self._timer is not None:
            return
        wait = self._shown_at + self._seconds() - time.monotonic()
        if wait <= 0:
            self._emit()
        else:
            self._timer = asyncio.get_running_loop().call_later(wait, self._emit)

    def reset(self) -> None:
        """Forget the partial: its final message is about to be appended, or there will be none."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._make, self._channel.partial = None, None, None

    def _emit(self) -> None:
        self._timer = None
        if self._make is not None:
            self._shown_at = time.monotonic()
            message = self._make()
            self._channel.partial = _Partial(message, json.dumps_ascii(message))
            self._channel.wake()


def _chunk(channel: _Channel, entries: Sequence[Entry], after: int) -> tuple[bytes, int, bool]:
    events: list[bytes] = []
    for entry in entries:
        after = entry.sequence
        if entry.event == END:
            return b"".join(events), after, True
        events.append(channel.event(entry))
    return b"".join(events), after, False


async def _happens(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
