"""The one writer: takes batches from the ingest queue, finds out whose each event is, and stores both.

The order of the steps makes a crash harmless wherever it happens. A batch has fixed bounds and a token. Identity is
worked out from the database without writing to it; rows go to the event store under the token, which makes the same
insert a no-op; then the database takes the changes together with the token; then the queue lets go of the batch.
Redone from the start, a batch that stopped before the database's commit comes to the same result, and one that
stopped after it is recognised by its token.
"""

import asyncio
import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson
from sqlalchemy import Connection

from furze.database import Database
from furze.events.clickhouse import ClickHouse
from furze.events.errors import StaleBatch
from furze.events.queue import Batch, IngestQueue
from furze.events.types import Event, decode_events
from furze.identity import batch as identities
from furze.identity.merge import identify
from furze.identity.roster import VERSIONS_PER_POSITION, Roster
from furze.identity.types import Identity
from furze.kit.backoff import backoff_seconds
from furze.kit.clock import Clock
from furze.platform.store import existing_projects

logger = logging.getLogger(__name__)

_INSERT_BYTES = 32 << 20

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Placed:
    """An event with its ingest position."""

    position: int
    event: Event


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a batch comes to: rows for the event store by table, and the changed people and groups."""

    events: Sequence[Row]
    mirrors: dict[str, list[Row]]
    roster: Roster


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Moves events from the queue into the event store, each exactly once."""

    queue: IngestQueue
    database: Database
    store: ClickHouse
    clock: Clock
    batch_events: int = 10_000
    linger_seconds: float = 0.5
    #: Held while people and groups are read, changed and written back; whoever else changes them takes it too.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run_forever(self) -> None:
        """Move batch after batch. Whatever fails is tried again, slower each time, until it passes: events wait."""
        attempt = 0
        while True:
            try:
                await self.move_next()
                attempt = 0
            except Exception:
                attempt += 1
                logger.exception("events wait in the queue: storing a batch failed, attempt %d", attempt)
                await self.clock.sleep(backoff_seconds(attempt, first=0.5, cap=30))

    async def move_next(self) -> int:
        """Wait for the next batch and move it; how many events it had, repeated ones included."""
        batch = await self.queue.next_batch(max_events=self.batch_events, linger_seconds=self.linger_seconds)
        if await self.database.read(identities.done_token) != batch.token:
            placed = await self._without_duplicates(batch)
            async with self.turn:
                await self._move(batch, placed)
        try:
            await self.queue.complete(batch)
        except StaleBatch:
            logger.warning("batch %s was completed already", batch.token)
        return batch.end - batch.first

    async def _move(self, batch: Batch, placed: Sequence[_Placed]) -> None:
        plan = await self.database.read(_plan, placed, batch.first)
        async with asyncio.TaskGroup() as inserts:
            inserts.create_task(self._insert_events(plan.events))
            for table, rows in plan.mirrors.items():
                # The batch's token alone would hide that somebody changed a person between two tries.
                token = f"{batch.token}/{_fingerprint(rows)}"
                inserts.create_task(self.store.insert(table, rows, deduplication_token=token))
        await self.database.write(identities.save, plan.roster, batch.token)

    async def _insert_events(self, rows: Sequence[Row]) -> None:
        for piece in _pieces(rows):
            # By positions, not by number: if a person grows between two tries, pieces end elsewhere, and none is lost.
            token = f"{piece[0]['position']}-{piece[-1]['position']}"
            await self.store.insert("events", piece, deduplication_token=token)

    async def _without_duplicates(self, batch: Batch) -> list[_Placed]:
        by_project: dict[int, list[_Placed]] = defaultdict(list)
        for each in await asyncio.to_thread(_placed, batch):
            by_project[each.event.project_id].append(each)
        kept: list[_Placed] = []
        for project_id, placed in by_project.items():
            pairs = [(each.event.uuid, each.position) for each in placed]
            repeated = await self.queue.find_duplicates(project_id, pairs)
            kept += [each for each in placed if each.position not in repeated]
        return kept


def _placed(batch: Batch) -> list[_Placed]:
    placed: list[_Placed] = []
    for payload in batch.payloads:
        try:
            events = decode_events(payload.payload)
        except msgspec.MsgspecError:
            # Only a damaged disk can do this; what cannot be read now cannot be read at the next try either.
            logger.exception("%d events at position %d cannot be read", payload.count, payload.first_position)
            continue
        placed += [_Placed(payload.first_position + index, event) for index, event in enumerate(events)]
    return placed


def _plan(connection: Connection, placed: Sequence[_Placed], first: int) -> _Plan:
    # A project may be deleted while events of it wait here.
    present = existing_projects(connection, {each.event.project_id for each in placed})
    placed = [each for each in placed if each.event.project_id in present]
    events = [each.event for each in placed]
    roster = identities.load(connection, events)
    found = identify(roster, events)
    roster.number_versions(first * VERSIONS_PER_POSITION)
    rows = [_row(each, identity) for each, identity in zip(placed, found, strict=True)]
    return _Plan(rows, identities.mirror_rows(roster, position=first), roster)


def _row(placed: _Placed, identity: Identity) -> Row:
    event = placed.event
    first, second, third, fourth, fifth = identity.groups
    return {
        "team_id": event.project_id,
        "uuid": event.uuid,
        "event": event.event,
        "distinct_id": event.distinct_id,
        "person_id": identity.person_id,
        "timestamp": event.timestamp,
        "created_at": event.created_at,
        "position": placed.position,
        "properties": orjson.dumps(event.properties).decode(),
        "person_properties": identity.person_properties,
        "person_created_at": identity.person_created_at,
        "person_mode": identity.person_mode,
        "elements_chain": event.elements_chain,
        "$group_0": first,
        "$group_1": second,
        "$group_2": third,
        "$group_3": fourth,
        "$group_4": fifth,
    }


def _fingerprint(rows: Sequence[Row]) -> str:
    return hashlib.sha256(orjson.dumps(rows)).hexdigest()[:16]


def _pieces(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    # A person's properties are repeated on each event, so a batch may be much larger than what was sent.
    start = size = 0
    for index, row in enumerate(rows):
        size += len(row["properties"]) + len(row["person_properties"])
        if size > _INSERT_BYTES:
            yield rows[start : index + 1]
            start, size = index + 1, 0
    if start < len(rows):
        yield rows[start:]
