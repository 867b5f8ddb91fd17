"""Which rows a run carries, so that no event reaches a destination twice and none that was promised is left out. Pure.

A live run covers a range of ingest positions, a backfill a range of timestamps up to a position. Every completed run
is entered, in order, under an owner: the file it fills. **A row belongs to the first entry that covers it.** A run
carries the rows of its region that belong to its own file, or to nobody yet; so a re-run of the same file brings the
same rows and what has arrived since, and no other file's.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby

#: The owner of all live runs: their regions never meet, so they need no names.
LIVE = "live"


@dataclass(frozen=True, slots=True)
class Region:
    """Positions `[from_position, to_position)`, and timestamps `[start, end)` where those are given."""

    from_position: int
    to_position: int
    start: datetime | None = None
    end: datetime | None = None

    def meets(self, other: "Region") -> bool:
        """Whether a row could lie in both."""
        return (
            self.from_position < other.to_position
            and other.from_position < self.to_position
            and (self.start is None or other.end is None or self.start < other.end)
            and (other.start is None or self.end is None or other.start < self.end)
        )

    def holds(self, other: "Region") -> bool:
        """Whether every row of `other` lies in it."""
        return (
            self.from_position <= other.from_position
            and other.to_position <= self.to_position
            and (self.start is None or (other.start is not None and self.start <= other.start))
            and (self.end is None or (other.end is not None and other.end <= self.end))
        )

    def sql(self) -> str:
        """The condition on an event row."""
        parts = [f"position < {self.to_position}"]
        if self.from_position > 0:
            parts.insert(0, f"position >= {self.from_position}")
        if self.start is not None:
            parts.append(f"timestamp >= {_instant(self.start)}")
        if self.end is not None:
            parts.append(f"timestamp < {_instant(self.end)}")
        return "(" + " AND ".join(parts) + ")"


@dataclass(frozen=True, slots=True)
class Entry:
    """A completed delivery."""

    owner: str
    region: Region


def rows_to_carry(region: Region, owner: str, entries: Sequence[Entry]) -> str:
    """The SQL condition for the rows that a run over `region` into `owner` carries, after `entries` in their order."""
    known = list(_coalesced([(entry.owner == owner, entry.region) for entry in entries if entry.region.meets(region)]))
    while known and known[-1][0]:
        known.pop()  # rows that are its own, or nobody's: both are carried
    if not known:
        return region.sql()
    branches = "".join(f"{covered.sql()}, {int(is_own)}, " for is_own, covered in known)
    return f"{region.sql()} AND multiIf({branches}1)"


def _coalesced(known: Iterable[tuple[bool, Region]]) -> Iterator[tuple[bool, Region]]:
    # Among neighbours with the same answer the order does not matter, so a year of hours becomes one range.
    for is_own, group in groupby(known, key=lambda pair: pair[0]):
        merged: list[Region] = []
        for region in sorted((region for _, region in group), key=_sorting):
            joined = _joined(merged[-1], region) if merged else None
            if joined is None:
                merged.append(region)
            else:
                merged[-1] = joined
        yield from ((is_own, region) for region in merged)


def _sorting(region: Region) -> tuple[datetime, int, int]:
    return (region.start or datetime.min.replace(tzinfo=UTC), region.from_position, region.to_position)


def _joined(left: Region, right: Region) -> Region | None:
    """Both as one region, when that is exactly what they cover together."""
    if left.holds(right):
        return left
    if (left.start, left.end) == (right.start, right.end):
        touches = left.from_position <= right.from_position <= left.to_position
        return replace(left, to_position=max(left.to_position, right.to_position)) if touches else None
    same_positions = (left.from_position, left.to_position) == (right.from_position, right.to_position)
    if not same_positions or left.end is None or right.start is None:
        return None
    touches = (left.start is None or left.start <= right.start) and right.start <= left.end
    return replace(left, end=right.end if right.end is None else max(left.end, right.end)) if touches else None


def merged_tail(tail: Sequence[Region], added: Region) -> tuple[Region, list[int]]:
    """`added` joined with every region of `tail` that touches it, and which of those it swallowed, by index."""
    swallowed: list[int] = []
    grew = True
    while grew:
        grew = False
        for index, region in enumerate(tail):
            joined = None if index in swallowed else (_joined(region, added) or _joined(added, region))
            if joined is not None:
                added, grew = joined, True
                swallowed.append(index)
    return added, swallowed


def _instant(instant: datetime) -> str:
    return f"toDateTime64('{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}', 6, 'UTC')"
