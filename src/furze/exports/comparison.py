"""What should be there against what is: uuids of both sides in a file of their own, so that memory stays small.

Each row belongs to a `run`, by number, and lies in a `place`: the run's own files, or the one table of all runs.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE promised (run INTEGER, place INTEGER, uuid TEXT);
CREATE TABLE found (place INTEGER, uuid TEXT);
CREATE TABLE excused (uuid TEXT);
"""
_INDEXES = """
CREATE INDEX IF NOT EXISTS promised_uuid ON promised (uuid, place);
CREATE INDEX IF NOT EXISTS found_uuid ON found (uuid, place);
CREATE INDEX IF NOT EXISTS excused_uuid ON excused (uuid);
"""
_MISSING = """
SELECT run, uuid FROM promised AS p
WHERE NOT EXISTS (SELECT 1 FROM found AS f WHERE f.uuid = p.uuid AND f.place = p.place)
"""
_EXTRA = """
SELECT place, uuid FROM found AS f
WHERE NOT EXISTS (SELECT 1 FROM promised AS p WHERE p.uuid = f.uuid AND p.place = f.place)
  AND NOT EXISTS (SELECT 1 FROM excused AS e WHERE e.uuid = f.uuid)
"""
_DOUBLED = "SELECT place, uuid FROM found GROUP BY place, uuid HAVING count(*) > 1"
_SPREAD = """
SELECT 0, uuid FROM found WHERE place NOT IN (SELECT value FROM json_each(?))
GROUP BY uuid HAVING count(DISTINCT place) > 1
"""
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Difference:
    """How many rows differ, and the uuids of the first few."""

    count: int = 0
    examples: tuple[str, ...] = ()


class Comparison:
    """Collects both sides, then tells the differences by number of run or place. Work for a thread."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, check_same_thread=False)
        self._connection.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def add_promised(self, run: int, place: int, uuids: Iterable[str]) -> None:
        """Rows that a run should have brought to a place."""
        self._connection.executemany("INSERT INTO promised VALUES (?, ?, ?)", ((run, place, each) for each in uuids))

    def add_found(self, place: int, uuids: Iterable[str | None]) -> None:
        """Rows that are in a place; None for one that has no uuid."""
        self._connection.executemany("INSERT INTO found VALUES (?, ?)", ((place, each) for each in uuids))

    def add_excused(self, uuids: Iterable[str]) -> None:
        """Rows that may be there or not: their run goes on at this moment."""
        self._connection.executemany("INSERT INTO excused VALUES (?)", ((each,) for each in uuids))

    def missing(self) -> dict[int, Difference]:
        """By run: promised, but not in the run's place."""
        return self._differences(_MISSING)

    def extra(self) -> dict[int, Difference]:
        """By place: there, though nobody promised it."""
        return self._differences(_EXTRA)

    def doubled(self) -> dict[int, Difference]:
        """By place: uuids that are there more than once."""
        return self._differences(_DOUBLED)

    def spread(self, apart: Iterable[int]) -> Difference:
        """Uuids in more than one place, but for the places `apart`."""
        found = self._differences(_SPREAD, ("[" + ",".join(map(str, apart)) + "]",))
        return found.get(0, Difference())

    def _differences(self, query: str, parameters: tuple[str, ...] = ()) -> dict[int, Difference]:
        self._connection.executescript(_INDEXES)
        counts: dict[int, int] = {}
        examples: dict[int, list[str]] = {}
        for number, uuid in self._connection.execute(query, parameters):
            counts[number] = counts.get(number, 0) + 1
            shown = examples.setdefault(number, [])
            if len(shown) < _EXAMPLES:
                shown.append(str(uuid))
        return {number: Difference(count, tuple(examples[number])) for number, count in counts.items()}
