from datetime import UTC, datetime
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from furze.events.types import Event, decode_events, encode_events

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=10,
)
_INSTANTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def event(**fields: object) -> Event:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    given = {"project_id": 1, "uuid": uuid4(), "event": "e", "distinct_id": "d", "timestamp": now, "created_at": now}
    return Event(**(given | fields))  # type: ignore[arg-type]


@given(st.text(), st.uuids(), _INSTANTS, st.dictionaries(st.text(max_size=5), _JSON, max_size=4))
def test_events_survive_the_queue(name: str, uuid: UUID, instant: datetime, properties: dict[str, object]) -> None:
    events = [event(event=name, uuid=uuid, timestamp=instant, properties=properties), event()]

    assert decode_events(encode_events(events)) == events


def test_what_the_encoding_cannot_hold_is_made_to_fit_rather_than_refused() -> None:
    odd = event(event="\ud800", properties={"\udfff": [1 << 70, {"deep": -(1 << 64)}], "huge": 10**400, "ok": True})

    (kept,) = decode_events(encode_events([odd]))

    assert kept.event == "?"
    assert kept.properties == {"?": [float(1 << 70), {"deep": -float(1 << 64)}], "huge": "1" + "0" * 400, "ok": True}
