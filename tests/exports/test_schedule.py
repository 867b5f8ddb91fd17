"""When an export runs: windows tile time in every zone."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from furze.exports.schedule import boundary_after, boundary_before, boundary_on, windows_covering, windows_until
from furze.exports.types import Schedule

ZONES = sorted(available_timezones())
HOUR, DAY = 3600, 86_400

schedules = st.one_of(
    st.builds(Schedule, st.sampled_from(["hour", "every 5 minutes", "every 15 minutes"])),
    st.builds(Schedule, st.just("day"), st.sampled_from(ZONES), st.integers(0, 23).map(lambda hour: hour * HOUR)),
    st.builds(
        Schedule, st.just("week"), st.sampled_from(ZONES), st.integers(0, 7 * 24 - 1).map(lambda hour: hour * HOUR)
    ),
)
instants = st.datetimes(datetime(1975, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(schedules, instants)
def test_an_instant_lies_between_the_boundary_before_it_and_the_one_after(
    schedule: Schedule, instant: datetime
) -> None:
    before, after = boundary_before(schedule, instant), boundary_after(schedule, instant)
    assert before <= instant < after
    assert boundary_before(schedule, before) == before
    assert boundary_after(schedule, before) == after


@given(schedules, instants, st.integers(1, 40))
def test_windows_follow_each_other_without_gap_or_overlap(schedule: Schedule, start: datetime, count: int) -> None:
    windows = list(windows_until(schedule, start, start + count * schedule.length))
    assert [window.start for window in windows[:1]] == [start][: len(windows)]
    assert all(left.end == right.start for left, right in pairwise(windows))
    assert all(window.start is not None and window.start < window.end for window in windows)


@given(schedules, instants, st.integers(1, 10_000))
def test_a_range_is_covered_exactly(schedule: Schedule, start: datetime, minutes: int) -> None:
    end = start + timedelta(minutes=minutes)
    windows = list(windows_covering(schedule, start, end))
    assert (windows[0].start, windows[-1].end) == (start, end)
    assert all(left.end == right.start for left, right in pairwise(windows))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ZONES), st.integers(0, 23), st.integers(1995, 2030))
def test_each_local_date_begins_exactly_once(zone: str, hour: int, year: int) -> None:
    schedule = Schedule("day", zone, hour * HOUR)
    boundaries = [boundary_on(schedule, date(year, 1, 1) + timedelta(days=day)) for day in range(366)]
    assert boundaries == sorted(boundaries)
    windows = list(windows_until(schedule, boundaries[0], boundaries[-1]))
    # A date that a zone left out (Samoa, 30 December 2011) begins no window of its own.
    assert len(windows) == len(set(boundaries)) - 1
    assert {window.start for window in windows} == set(boundaries[:-1]) - {boundaries[-1]}


@pytest.mark.parametrize(
    ("zone", "hour", "day", "length"),
    [
        ("Europe/Berlin", 2, date(2026, 3, 28), timedelta(hours=24)),
        ("Europe/Berlin", 2, date(2026, 3, 29), timedelta(hours=23)),
        ("Europe/Berlin", 2, date(2026, 10, 24), timedelta(hours=24)),
        ("Europe/Berlin", 2, date(2026, 10, 25), timedelta(hours=25)),
        ("Africa/Cairo", 0, date(2026, 4, 23), timedelta(hours=24)),
        ("America/New_York", 1, date(2026, 10, 31), timedelta(hours=24)),
        ("America/New_York", 1, date(2026, 11, 1), timedelta(hours=25)),
    ],
)
def test_a_day_on_which_clocks_change_is_shorter_or_longer(zone: str, hour: int, day: date, length: timedelta) -> None:
    schedule = Schedule("day", zone, hour * HOUR)
    start = boundary_on(schedule, day)
    assert boundary_after(schedule, start) - start == length


def test_a_week_begins_on_its_weekday_at_its_hour() -> None:
    schedule = Schedule("week", "America/New_York", 1 * DAY + 5 * HOUR)
    start = boundary_before(schedule, datetime(2026, 3, 11, tzinfo=UTC))
    local = start.astimezone(ZoneInfo("America/New_York"))
    assert (local.strftime("%A"), local.hour) == ("Monday", 5)
