from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from furze.capture.timestamps import EPOCH, FUTURE_LIMIT, parse_instant, settle

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
past = st.integers(1, 20_000 * 86_400).map(lambda seconds: EPOCH + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2026-03-04T10:00:00.123456Z", datetime(2026, 3, 4, 10, 0, 0, 123456, UTC)),
        ("2026-03-04T10:00:00", datetime(2026, 3, 4, 10, tzinfo=UTC)),
        ("2026-03-04 10:00:00", datetime(2026, 3, 4, 10, tzinfo=UTC)),
        ("2026-03-04T10:00:00+03", datetime(2026, 3, 4, 7, tzinfo=UTC)),
        ("2026-03-04T10:00:00+0330", datetime(2026, 3, 4, 6, 30, tzinfo=UTC)),
        ("2026-03-04", datetime(2026, 3, 4, tzinfo=UTC)),
        ("2026/03/04 10:00:00", datetime(2026, 3, 4, 10, tzinfo=UTC)),
        ("Wed, 04 Mar 2026 10:00:00 GMT", datetime(2026, 3, 4, 10, tzinfo=UTC)),
        ("Wed, 04 Mar 2026 10:00:00 +0100", datetime(2026, 3, 4, 9, tzinfo=UTC)),
        (1772618400, datetime(2026, 3, 4, 10, tzinfo=UTC)),
        (1772618400.5, datetime(2026, 3, 4, 10, 0, 0, 500000, UTC)),
        (1772618400000, datetime(2026, 3, 4, 10, tzinfo=UTC)),
        ("1772618400000", datetime(2026, 3, 4, 10, tzinfo=UTC)),
        ("+275760-09-13T00:00:00.000Z", EPOCH),
        ("-000001-01-01T00:00:00Z", EPOCH),
    ],
)
def test_an_instant_is_read_in_every_spelling_that_sdks_use(value: object, instant: datetime) -> None:
    assert parse_instant(value) == instant


@pytest.mark.parametrize("value", [None, "", "yesterday", True, [], {}, "12:30", float("nan"), float("inf"), 10**400])
def test_what_names_no_instant_is_none(value: object) -> None:
    assert parse_instant(value) is None


@given(happened=past, wrong_by=st.timedeltas(timedelta(days=-300), timedelta(days=300)), age=st.integers(0, 3_000_000))
def test_an_event_is_dated_by_its_age_when_it_was_sent_however_wrong_the_clock(
    happened: datetime, wrong_by: timedelta, age: int
) -> None:
    received = happened + timedelta(milliseconds=age)
    told, sent_at = happened + wrong_by, received + wrong_by
    assert settle(told.isoformat(), sent_at=sent_at, received_at=received) == happened


@given(told=past, offset=st.integers(0, 10**9))
def test_an_offset_beats_the_timestamp(told: datetime, offset: int) -> None:
    settled = settle(told.isoformat(), offset_ms=offset, sent_at=told, received_at=NOW)
    assert settled == NOW - timedelta(milliseconds=offset)


@given(
    st.one_of(st.text(), st.floats(), st.integers(), st.none(), st.datetimes().map(str)),
    st.one_of(st.floats(), st.integers(), st.none(), st.text()),
    st.one_of(st.none(), st.datetimes(timezones=st.just(UTC))),
)
def test_a_settled_instant_is_never_absurd(timestamp: object, offset: object, sent_at: datetime | None) -> None:
    settled = settle(timestamp, offset_ms=offset, sent_at=sent_at, received_at=NOW)
    assert EPOCH <= settled <= NOW + FUTURE_LIMIT
    assert settled.utcoffset() == timedelta(0)


def test_an_event_more_than_23_hours_ahead_happened_now() -> None:
    assert settle("2026-03-05T10:59:00Z", received_at=NOW) == datetime(2026, 3, 5, 10, 59, tzinfo=UTC)
    assert settle("2026-03-05T11:01:00Z", received_at=NOW) == NOW
    assert settle(None, received_at=NOW) == NOW
