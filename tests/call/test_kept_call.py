"""The state of a call for the next listener: everything comes back, and nothing that is wrong does any harm."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tavs.call import kept_call, sip
from tavs.call.kept_call import SCHEMA, KeptCall
from tavs.call.session import EndReason
from tavs.call.srs import RecordingServer
from tavs.errors import PeerError
from tavs.events import ConsentHeard
from test_srs import CAPTURES, TCP, UDP, Box

CONSENT = ConsentHeard(answer="yes", source="header", pressed="1", at=datetime(2026, 3, 1, 9, tzinfo=UTC))


def kept(box: Box) -> KeptCall:
    [dialog] = box.server.changed()
    start = box.floor.started[0]
    return KeptCall(
        dialog=dialog,
        at=start.at,
        started_s=start.started_s,
        trunk=start.trunk,
        part=2,
        begins_ms=61_240,
        sources={0: ("192.0.2.10", 40_000)},
        consents=(CONSENT,),
    )


def after_a_restart(box: Box) -> Box:
    """The same peer before a server that begins anew with what was kept."""
    read = kept_call.parse(kept_call.serialize(kept(box)))
    assert read.call is not None
    following = Box(box.peer)
    following.clock = box.clock
    following.server = RecordingServer(floor=following.floor, media=following.ports, clock=box.clock)
    following.server.go_on(read.call.dialog)
    return following


def test_everything_of_a_call_comes_back() -> None:
    count = 0
    for capture in sorted(CAPTURES.glob("invite_*.sip")):
        box = Box()
        if box.invite(capture.name).status == 200:
            count += 1
            state = kept(box)
            assert state == kept_call.parse(kept_call.serialize(state)).call
            assert state.start() == box.floor.started[0]
    assert count >= 8


def test_a_name_that_is_no_utf8_comes_back_byte_by_byte() -> None:
    box = Box()
    invite = (CAPTURES / "invite_two_legs.sip").read_bytes().replace(b"From: <", b'From: "J\xf8rgen" <', 1)
    box.say(invite)
    state = kept(box)
    assert "J\udcf8rgen" in state.dialog.remote_party
    again = kept_call.parse(kept_call.serialize(state)).call
    assert state == again


def test_a_call_goes_on_from_where_it_was_and_ends_by_bye() -> None:
    box = Box()
    answer = box.invite()
    box.inside("ACK", 101, answer.first("to"))
    following = after_a_restart(box)
    assert [200] == [each.status for each in following.inside("INFO", 102, answer.first("to"))]
    assert [500] == [each.status for each in following.inside("INFO", 100, answer.first("to"))]
    assert [200] == [each.status for each in following.inside("BYE", 103, answer.first("to"))]
    assert [EndReason.BYE] == following.floor.ended
    assert [] == following.floor.started


def test_an_answer_without_its_ack_is_repeated_by_the_next_listener_until_it_comes() -> None:
    box = Box()
    answer = box.invite()
    following = after_a_restart(box)
    assert [sip.serialize(answer)] == following.due(0.6)
    assert answer == following.invite(), "the INVITE that came again began something new"
    following.inside("ACK", 101, answer.first("to"))
    assert [] == following.due(10)


def test_the_session_timer_goes_on_and_ends_a_session_that_nobody_keeps_alive() -> None:
    box = Box()
    answer = box.invite("invite_session_timer.sip")
    box.inside("ACK", 101, answer.first("to"))
    box.clock.advance(40)
    following = after_a_restart(box)
    assert [] == following.due(1759)
    [bye] = following.due(2)
    assert bye.startswith(b"BYE ")
    assert [EndReason.TIMER] == following.floor.ended


@pytest.mark.parametrize("peer", [UDP, TCP])
def test_whoever_cannot_read_the_state_can_still_say_goodbye(peer: object) -> None:
    box = Box(peer)  # type: ignore[arg-type]
    answer = box.invite()
    state = kept(box)
    document = json.loads(kept_call.serialize(state))
    document["schema"] = SCHEMA + 1
    document["state"] = {"of": "another time"}
    read = kept_call.parse(json.dumps(document).encode())
    bye = sip.parse(read.farewell.data)
    assert read.call is None
    assert peer == read.farewell.peer
    assert ("BYE", answer.first("to")) == (bye.method, bye.first("from"))
    assert bye.first("cseq") == f"{state.dialog.local_sequence + 1} BYE"


def test_a_state_cut_at_every_length_is_refused() -> None:
    box = Box()
    box.invite()
    data = kept_call.serialize(kept(box))
    for length in range(len(data)):
        with pytest.raises(PeerError):
            kept_call.parse(data[:length])


@given(st.binary(max_size=400))
def test_noise_is_refused(data: bytes) -> None:
    try:
        kept_call.parse(data)
    except PeerError:
        return


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner))


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_state_with_any_value_in_any_place_is_read_or_left(data: st.DataObject) -> None:
    box = Box()
    box.invite()
    document = json.loads(kept_call.serialize(kept(box)))
    place = document
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        deeper = isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans())
        if not deeper:
            break
        place = place[key]
    place[key] = data.draw(JSON)
    try:
        read = kept_call.parse(json.dumps(document).encode())
    except PeerError:
        return
    if read.call:
        kept_call.parse(kept_call.serialize(read.call))


def test_nothing_of_a_call_is_printed() -> None:
    box = Box()
    box.invite()
    state = kept(box)
    read = kept_call.parse(kept_call.serialize(state))
    assert "sip:" not in repr(state) + repr(read)
