"""Random projects in one store, and the same events as plain Python values."""

import asyncio
import json
import random
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from furze.events.clickhouse import ClickHouse
from furze.events.embedded import EmbeddedEngine
from furze.query.run import ProjectFacts, QueryRunner
from furze.testing import FakeClock

NOW = datetime(2026, 3, 4, 15, 30, tzinfo=UTC)
NAMES = ("A", "B", "C", "$pageview")
PAGES = ("https://a.io/", "https://a.io/x", "https://a.io/y/", "https://a.io/z")
#: Two of the projects keep another time than the engine does.
ZONES = {103: "America/New_York", 107: "Asia/Kathmandu"}
GROUP_TYPES = {"company": 0}


@dataclass(frozen=True)
class Happened:
    """An event. `person` is whom it belongs to after all merges."""

    name: str
    time: datetime
    person: UUID
    distinct_id: str
    properties: dict[str, Any]
    group: str
    person_created_at: datetime
    plan: str | None


class World:
    """The store, and what is in it."""

    def __init__(self) -> None:
        self.projects: dict[int, list[Happened]] = {}
        self.clock = FakeClock(NOW)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def now(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of `work`, run in the world's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def open(self, folder: Path) -> None:
        self.engine = EmbeddedEngine(folder)
        self.now(self.engine.start())
        self.store = ClickHouse(self.engine.url)
        self.now(self.store.ensure_schema())
        self.runner = QueryRunner(self.store, self.clock, facts=_facts)

    def close(self) -> None:
        self.now(self.store.close())
        self.now(self.engine.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def ask(self, project_id: int, query: dict[str, Any]) -> dict[str, Any]:
        return self.now(self.runner.run(project_id, query))

    def results(self, project_id: int, query: dict[str, Any]) -> Any:
        return self.ask(project_id, query)["results"]

    def fill(self, project_ids: range) -> None:
        """Random events for these projects."""
        rows: list[dict[str, Any]] = []
        people: list[dict[str, Any]] = []
        merged: list[dict[str, Any]] = []
        for project_id in project_ids:
            rows += self._project(project_id, people, merged)
        for table, content in (("events", rows), ("person", people), ("person_distinct_id", merged)):
            self.now(self.store.insert(table, content))

    def add(self, project_id: int, *events: tuple[str, datetime, str, dict[str, Any]]) -> dict[str, UUID]:
        """Events as (name, time, distinct id, properties); the people they belong to, by distinct id."""
        people = {
            distinct_id: UUID(int=project_id << 64 | hash(distinct_id) % 2**32) for _, _, distinct_id, _ in events
        }
        rows = [
            _event_row(
                project_id,
                number,
                Happened(name, time, people[whose], whose, properties, properties.get("company", ""), time, None),
                people[whose],
            )
            for number, (name, time, whose, properties) in enumerate(events)
        ]
        self.now(self.store.insert("events", rows))
        return people

    def _project(
        self, project_id: int, people: list[dict[str, Any]], merged: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        chance = random.Random(project_id)
        ids = [UUID(int=project_id << 64 | number) for number in range(1, 9)]
        created = {person: NOW - timedelta(days=chance.randrange(1, 20), hours=chance.randrange(24)) for person in ids}
        plans = {person: chance.choice(["pro", "free", None]) for person in ids}
        # People 6 and 7 turn out to be people 0 and 1.
        truth = {**{person: person for person in ids}, ids[6]: ids[0], ids[7]: ids[1]}
        people += [_person_row(project_id, person, created[person], plans[person]) for person in ids[:6]]
        merged += [_merge_row(project_id, f"user{number}", truth[ids[number]]) for number in (6, 7)]
        happened = []
        rows = []
        for number in range(chance.choice([0, 5, 40, 150, 150, 250])):
            before = chance.randrange(len(ids))
            name = chance.choice(NAMES)
            time = NOW - timedelta(seconds=chance.randrange(0, chance.choice([3600, 86_400 * 3, 86_400 * 20])))
            if happened and chance.random() < 0.1:
                time = happened[-1].time
            person = truth[ids[before]]
            event = Happened(
                name, time, person, f"user{before}", _properties(chance), chance.choice(["", "acme", "hooli"]),
                created[person], plans[person],
            )  # fmt: skip
            happened.append(event)
            rows.append(_event_row(project_id, number, event, ids[before]))
        self.projects[project_id] = sorted(happened, key=lambda event: event.time)
        return rows


async def _facts(project_id: int) -> ProjectFacts:
    return ProjectFacts(ZONES.get(project_id, "UTC"), GROUP_TYPES)


def _properties(chance: random.Random) -> dict[str, Any]:
    properties: dict[str, Any] = {"$current_url": chance.choice(PAGES)}
    if chance.random() < 0.8:
        properties["browser"] = chance.choice(["Chrome", "Safari", "", "it's"])
    if chance.random() < 0.7:
        properties["price"] = chance.choice([1, 2.5, 10, 100, "7", "none"])
    if chance.random() < 0.8:
        properties["$session_id"] = f"s{chance.randrange(5)}"
    return properties


def _text(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S.%f}"


def _event_row(project_id: int, number: int, event: Happened, person: UUID) -> dict[str, Any]:
    return {
        "team_id": project_id,
        "uuid": str(UUID(int=project_id << 96 | number)),
        "event": event.name,
        "distinct_id": event.distinct_id,
        "person_id": str(person),
        "timestamp": _text(event.time),
        "created_at": _text(event.time),
        "position": project_id * 1000 + number,
        "properties": json.dumps(event.properties),
        "person_properties": json.dumps({"plan": event.plan} if event.plan else {}),
        "person_created_at": _text(event.person_created_at),
        "elements_chain": "",
        "$group_0": event.group,
    }


def _person_row(project_id: int, person: UUID, created: datetime, plan: str | None) -> dict[str, Any]:
    return {
        "team_id": project_id,
        "id": str(person),
        "properties": json.dumps({"plan": plan} if plan else {}),
        "created_at": _text(created),
        "last_seen_at": _text(NOW),
        "is_identified": 1,
        "is_deleted": 0,
        "version": 1,
        "position": project_id,
    }


def _merge_row(project_id: int, distinct_id: str, person: UUID) -> dict[str, Any]:
    return {
        "team_id": project_id,
        "distinct_id": distinct_id,
        "person_id": str(person),
        "is_deleted": 0,
        "is_overridden": 1,
        "version": 2,
        "position": project_id,
    }
