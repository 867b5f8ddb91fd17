"""Which rows a run carries: a row belongs to the first delivery that covers it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from furze.exports.ledger import LIVE, Entry, Region, _coalesced, merged_tail, rows_to_carry

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    position: int
    timestamp: datetime


def holds(region: Region, row: Row) -> bool:
    return (
        region.from_position <= row.position < region.to_position
        and (region.start is None or region.start <= row.timestamp)
        and (region.end is None or row.timestamp < region.end)
    )


moments = st.integers(0, 6).map(lambda hours: NOON + timedelta(hours=hours))
lives = st.tuples(st.integers(0, 9), st.integers(1, 4)).map(lambda pair: Region(pair[0], pair[0] + pair[1]))
cells = st.tuples(moments, st.integers(1, 3), st.integers(1, 12)).map(
    lambda triple: Region(0, triple[2], triple[0], triple[0] + timedelta(hours=triple[1]))
)
regions = st.one_of(lives, cells)
rows = st.builds(Row, st.integers(0, 13), moments)


@given(st.lists(st.tuples(st.booleans(), regions), max_size=8), rows)
def test_joining_neighbours_does_not_change_who_owns_a_row(known: list[tuple[bool, Region]], row: Row) -> None:
    def owner(entries: list[tuple[bool, Region]]) -> bool | None:
        return next((is_own for is_own, region in entries if holds(region, row)), None)

    assert owner(list(_coalesced(known))) == owner(known)


@given(st.lists(lives, max_size=6), lives, rows)
def test_merging_live_ranges_keeps_exactly_their_rows(tail: list[Region], added: Region, row: Row) -> None:
    merged, swallowed = merged_tail(tail, added)
    left = [region for index, region in enumerate(tail) if index not in swallowed]
    assert any(holds(region, row) for region in [merged, *left]) == any(holds(region, row) for region in [added, *tail])


@given(regions, regions, rows)
def test_regions_that_do_not_meet_share_no_row(left: Region, right: Region, row: Row) -> None:
    if holds(left, row) and holds(right, row):
        assert left.meets(right)
    if left.holds(right) and holds(right, row):
        assert holds(left, row)


def test_a_run_that_meets_nothing_carries_its_region() -> None:
    assert rows_to_carry(Region(5, 9), LIVE, []) == "(position >= 5 AND position < 9)"


def test_a_year_of_hourly_backfills_is_one_condition_to_a_later_run() -> None:
    hours = [NOON + timedelta(hours=hour) for hour in range(8760)]
    entries = [Entry(str(hour), Region(0, 100, hour, hour + timedelta(hours=1))) for hour in hours]
    assert rows_to_carry(Region(50, 150), LIVE, entries).count("timestamp") == 2
