import base64
import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from furze.capture import wire
from furze.capture.encoding import MAX_UNPACKED_BYTES, Encoded
from furze.capture.types import Arrival
from furze.events.types import Event, decode_events, encode_events
from furze.platform.errors import FurzeError

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ARRIVAL = Arrival(NOW)
TOKEN = "phc_shop"

# Whole numbers beyond 64 bits are read as floats, as JavaScript would.
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
wire_names = st.sampled_from(
    (
        *("event", "distinct_id", "properties", "timestamp", "uuid", "offset", "batch", "sent_at"),
        *("token", "api_key", "$token", "$ignore_sent_at"),
        *("$set", "$set_once", "$unset", "$elements", "$elements_chain", "$groups"),
    )
)
wire_like = st.recursive(
    json_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(wire_names, inner, max_size=8),
    max_leaves=20,
)


def captured(body: bytes, **options: Any) -> list[Event]:
    submission = wire.read(Encoded(body, **options))
    assert submission.token == TOKEN
    return wire.events(submission, 1, ARRIVAL)


def text(value: object) -> bytes:
    return json.dumps(value).encode()


def refusal(body: object, **options: Any) -> tuple[int, str]:
    with pytest.raises(FurzeError) as caught:
        wire.events(wire.read(Encoded(body if isinstance(body, bytes) else text(body), **options)), 1, ARRIVAL)
    return caught.value.status, caught.value.detail


def taken_or_refused(request: Encoded) -> list[Event]:
    refused = None
    try:
        return wire.events(wire.read(request), 1, Arrival(NOW, "::1"))
    except FurzeError as error:
        refused = error
    assert refused.status in (400, 401, 413)
    assert refused.detail.encode()
    return []


SIGNUP = {"event": "signup", "distinct_id": "u1", "properties": {"plan": "pro"}}
SINGLE = {"token": TOKEN, **SIGNUP}
BATCH = {"api_key": TOKEN, "batch": [SIGNUP]}


@pytest.mark.parametrize(
    ("body", "options"),
    [
        (text(SINGLE), {}),
        (text([SINGLE]), {}),
        (text(BATCH), {}),
        (text({"$token": TOKEN, **SIGNUP}), {}),
        (text({**SIGNUP, "properties": {"plan": "pro", "token": TOKEN}}), {}),
        (gzip.compress(text(BATCH)), {}),
        (gzip.compress(text(BATCH)), {"encoding": "gzip", "compression": "gzip-js"}),
        (zlib.compress(text(BATCH)), {"encoding": "deflate"}),
        (zlib.compress(text(BATCH))[2:-4], {"encoding": "deflate"}),
        (zstd.compress(text(BATCH)), {"encoding": "zstd"}),
        (b"data=" + quote(text(SINGLE)).encode(), {}),
        (b"data=" + quote(base64.b64encode(text(SINGLE))).encode(), {"compression": "base64"}),
        (b"data=" + base64.b64encode(text(SINGLE)), {}),
        (b"ip=1&data=" + quote(text(SIGNUP)).encode() + b"&api_key=" + TOKEN.encode(), {}),
        (b"", {"query": {"data": base64.b64encode(text(SINGLE)).decode()}}),
        (b"", {"query": {"data": text(SINGLE).decode()}}),
        (base64.b64encode(text(SINGLE)), {"compression": "base64"}),
        (b"data=" + quote(base64.b64encode(gzip.compress(text(SINGLE)))).encode(), {}),
    ],
    ids=count(),
)
def test_every_shape_of_body_gives_the_same_event(body: bytes, options: dict[str, Any]) -> None:
    (event,) = captured(body, **options)
    assert (event.event, event.distinct_id, event.properties["plan"]) == ("signup", "u1", "pro")
    assert event.uuid.version == 7
    assert event.timestamp == event.created_at == NOW


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({"api_key": TOKEN, "batch": []}, 400, "request holds no event"),
        ([], 400, "request holds no event"),
        ({"token": TOKEN, "event": "", "distinct_id": "u"}, 400, "event submitted with an empty event name"),
        ({"token": TOKEN, "event": "a"}, 400, "event submitted without a distinct_id"),
        ({"token": TOKEN, "event": "a", "distinct_id": None}, 400, "event submitted without a distinct_id"),
        ({"token": TOKEN, "event": "a", "distinct_id": ""}, 400, "event submitted with an empty distinct_id"),
        (SIGNUP, 401, "event submitted without an api_key"),
        (
            [SINGLE, {**SINGLE, "token": "phc_other"}],
            401,
            "batch submitted with inconsistent api_key values",
        ),
        ({**SIGNUP, "token": " "}, 401, "API key is not valid: empty"),
        ({**SIGNUP, "token": "p" * 65}, 401, "API key is not valid: too_long"),
        ({**SIGNUP, "token": "phc_ü"}, 401, "API key is not valid: not_ascii"),
        ({**SIGNUP, "token": "phx_secret"}, 401, "API key is not valid: personal_api_key"),
    ],
)
def test_what_cannot_be_captured_is_refused_in_posthogs_words(body: object, status: int, detail: str) -> None:
    assert refusal(body) == (status, detail)


@pytest.mark.parametrize(
    ("body", "options"),
    [
        (b"", {}),
        (b"not json", {}),
        (b'{"a":', {}),
        (b"17", {}),
        (b'"text"', {}),
        (text([1]), {}),
        (text({**SINGLE, "properties": [1]}), {}),
        (text({**SINGLE, "uuid": "nothing"}), {}),
        (text({**SINGLE, "uuid": 7}), {}),
        (b"[" * 3000 + b"]" * 3000, {}),
        (b'{"token":"phc_shop","event":"a","distinct_id":"b","properties":{"x":' + b"[" * 500 + b"]" * 500 + b"}}", {}),
    ],
    ids=count(),
)
def test_a_body_that_is_no_event_says_what_is_wrong_with_it(body: bytes, options: dict[str, Any]) -> None:
    status, detail = refusal(body, **options)
    assert status == 400
    assert detail.startswith("failed to parse request: ")


@pytest.mark.parametrize(
    ("body", "options"),
    [
        (gzip.compress(text(BATCH))[:-10], {}),
        (b"\x1f\x8b\x08 broken", {}),
        (zstd.compress(text(BATCH))[:-3], {}),
        (b"\x01\x02", {"encoding": "br"}),
        (b"x", {"encoding": "deflate"}),
        (text(BATCH), {"compression": "lz64"}),
    ],
    ids=count(),
)
def test_a_body_that_cannot_be_unpacked_says_so(body: bytes, options: dict[str, Any]) -> None:
    status, detail = refusal(body, **options)
    assert status == 400
    assert detail.startswith("failed to decode request: ")


@pytest.mark.parametrize("compress", [partial(gzip.compress, compresslevel=1), zstd.compress])
def test_a_decompression_bomb_is_stopped_at_the_limit(compress: Any) -> None:
    assert refusal(compress(b" " * (MAX_UNPACKED_BYTES + 1)))[0] == 413


def test_the_envelopes_token_counts_and_events_without_one_go_with_the_others() -> None:
    (event,) = captured(text({"api_key": TOKEN, "batch": [{**SIGNUP, "token": "phc_else"}]}))
    assert event.event == "signup"
    assert len(captured(text([SINGLE, SIGNUP]))) == 2


@pytest.mark.parametrize(
    ("raw", "distinct_id"),
    [
        ({"distinct_id": "top", "properties": {"distinct_id": "within"}}, "top"),
        ({"$distinct_id": "dollar"}, "dollar"),
        ({"properties": {"distinct_id": "within"}}, "within"),
        ({"distinct_id": None, "properties": {"distinct_id": "within"}}, "within"),
        ({"distinct_id": 17}, "17"),
        ({"distinct_id": {"a": [1, "é"]}}, '{"a":[1,"é"]}'),
        ({"distinct_id": True}, "true"),
        ({"distinct_id": "x" * 300}, "x" * 200),
        ({"distinct_id": "nul\0"}, "nul�"),
    ],
)
def test_the_distinct_id_is_found_and_made_text(raw: dict[str, Any], distinct_id: str) -> None:
    (event,) = captured(text({"token": TOKEN, "event": "a", **raw}))
    assert event.distinct_id == distinct_id


def test_person_properties_beside_the_properties_are_kept_within_them() -> None:
    raw = {
        "$set": {"a": 1, "b": 1},
        "$set_once": {"c": None},
        "$unset": ["d"],
        "properties": {"$set": {"a": 0, "z": 0}},
    }
    (event,) = captured(text({**SINGLE, **raw}))
    assert event.properties == {"$set": {"a": 1, "b": 1, "z": 0}, "$set_once": {"c": None}, "$unset": ["d"]}


def test_the_clients_address_is_filled_in_unless_sent() -> None:
    submission = wire.read(
        Encoded(text({"api_key": TOKEN, "batch": [SIGNUP, {**SIGNUP, "properties": {"$ip": "1.1.1.1"}}]}))
    )
    first, second = wire.events(submission, 1, Arrival(NOW, "10.0.0.9"))
    assert (first.properties["$ip"], second.properties["$ip"]) == ("10.0.0.9", "1.1.1.1")


def test_elements_become_a_chain_and_leave_the_properties() -> None:
    elements = [
        {"tag_name": "a", "$el_text": 'Buy "now"', "attr__href": "/buy", "attr__class": "btn big", "nth_child": 2},
        {"tag_name": "body", "nth_child": 1, "nth_of_type": 1, "attr__id": "top"},
    ]
    (event,) = captured(text({**SINGLE, "properties": {"$elements": elements}}))
    assert event.elements_chain == (
        'a.big.btn:attr__class="btn big"attr__href="/buy"href="/buy"nth-child="2"nth-of-type="0"text="Buy \\"now\\""'
        ';body:attr__id="top"attr_id="top"nth-child="1"nth-of-type="1"'
    )
    assert event.properties == {}
    (sent,) = captured(text({**SINGLE, "properties": {"$elements_chain": "button.x", "$elements": elements}}))
    assert (sent.elements_chain, sent.properties) == ("button.x", {})


def test_the_senders_clock_is_corrected_unless_the_event_says_not_to() -> None:
    sent_at, told = NOW + timedelta(hours=5), NOW + timedelta(hours=5) - timedelta(minutes=1)
    raw = {**SIGNUP, "timestamp": told.isoformat()}
    fixed = {**raw, "properties": {"$ignore_sent_at": True}}
    events = captured(text({"api_key": TOKEN, "sent_at": sent_at.isoformat(), "batch": [raw, fixed]}))
    assert [event.timestamp for event in events] == [NOW - timedelta(minutes=1), told]
    milliseconds = str(int(sent_at.timestamp() * 1000))
    (by_query,) = captured(text({**SINGLE, "timestamp": told.isoformat()}), query={"_": milliseconds})
    assert by_query.timestamp == NOW - timedelta(minutes=1)


def test_broken_utf8_and_odd_numbers_cost_nothing() -> None:
    body = b'{"token":"phc_shop","event":"a","distinct_id":"u","properties":{"x":"\xff\xfe","y":NaN,"z":1e400}}'
    (event,) = captured(body)
    assert event.properties["x"] == "��"


def test_engage_names_its_event() -> None:
    body = text({"$token": TOKEN, "$distinct_id": "u1", "$set": {"plan": "pro"}})
    submission = wire.read(Encoded(body), nameless_event="$identify")
    (event,) = wire.events(submission, 1, ARRIVAL)
    assert (event.event, event.distinct_id, event.properties) == ("$identify", "u1", {"$set": {"plan": "pro"}})


@given(st.one_of(json_values, wire_like, st.dictionaries(wire_names, wire_like)))
def test_any_json_is_taken_or_refused_and_what_is_taken_can_be_stored(value: object) -> None:
    with_token = {**value, "token": TOKEN} if isinstance(value, dict) else value
    events = taken_or_refused(Encoded(text(with_token)))
    stored = decode_events(encode_events(events))
    assert [event.uuid for event in stored] == [event.uuid for event in events]
    json.dumps([event.properties for event in stored]).encode()


@given(st.binary(max_size=200), st.sampled_from(["", "gzip", "deflate", "zstd", "br", "base64"]))
def test_any_bytes_are_taken_or_refused(body: bytes, hint: str) -> None:
    taken_or_refused(Encoded(body, compression=hint, encoding=hint))


@given(
    uuid=st.uuids(version=4),
    name=st.text(min_size=1, max_size=50).filter(lambda name: name.strip()),
    distinct_id=st.text(min_size=1, max_size=50).filter(lambda name: name.strip()),
    properties=st.dictionaries(st.text(max_size=8).filter(lambda name: not name.startswith("$")), plain_values),
)
def test_what_is_sent_comes_back(uuid: UUID, name: str, distinct_id: str, properties: dict[str, Any]) -> None:
    raw = {"uuid": str(uuid), "event": name, "distinct_id": distinct_id, "properties": properties}
    (event,) = captured(gzip.compress(text({"api_key": TOKEN, "batch": [raw]})))
    expected = json.loads(text(properties).replace(rb"\u0000", rb"\ufffd"))
    assert event.uuid == uuid
    assert event.distinct_id == distinct_id.replace("\0", "�")
    assert repr(event.properties) == repr(expected)


def test_a_uuid_sent_empty_is_made_here() -> None:
    assert captured(text({**SINGLE, "uuid": ""}))[0].uuid.version == 7
    known = uuid4()
    assert captured(text({**SINGLE, "uuid": str(known).upper()}))[0].uuid == known
