"""The recording server as a pure protocol: what is answered, and what happens on the floor."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tavs.call import sip
from tavs.call.dialog import TRANSITIONS, Happening, Peer, State
from tavs.call.session import CallStart, Description, EndReason, Flag, Stream
from tavs.call.srs import RecordingServer
from tavs.errors import PeerError
from tavs.events import CallId, Channel
from tavs.host.clock import SimulatedClock

CAPTURES = Path(__file__).parents[1] / "captures/siprec"
UDP = Peer("udp", "192.0.2.10", 5060, ("192.0.2.20", 5060))
TCP = Peer("tcp", "192.0.2.10", 40000, ("192.0.2.20", 5060), 1)


class Floor:
    def __init__(self) -> None:
        self.started: list[CallStart] = []
        self.changed: list[tuple[Stream, ...]] = []
        self.ended: list[EndReason] = []

    def call_started(self, start: CallStart) -> None:
        self.started.append(start)

    def call_changed(self, call: CallId, streams: tuple[Stream, ...], description: Description) -> None:
        self.changed.append(streams)

    def call_ended(self, call: CallId, reason: EndReason) -> None:
        self.ended.append(reason)


class Ports:
    def __init__(self, free: int = 100) -> None:
        self.free = free
        self.released = 0

    def reserve(self, call: CallId, index: int) -> int:
        if not self.free:
            raise PeerError("none")
        self.free -= 1
        return 20000 + 2 * index

    def release(self, call: CallId) -> None:
        self.released += 1


class Box:
    """A server with its floor, a clock that stands still, and one peer."""

    def __init__(self, peer: Peer = UDP, free: int = 100) -> None:
        self.floor, self.ports, self.peer = Floor(), Ports(free), peer
        self.clock = SimulatedClock(datetime(2026, 3, 1, tzinfo=UTC))
        self.server = RecordingServer(floor=self.floor, media=self.ports, clock=self.clock)

    def say(self, data: bytes) -> list[sip.Message]:
        return [sip.parse(each.data) for each in self.server.receive(sip.parse(data), self.peer)]

    def invite(self, name: str = "invite_two_legs.sip") -> sip.Message:
        return self.say((CAPTURES / name).read_bytes())[-1]

    def inside(self, method: str, number: int, to: str, body: str = "", extra: str = "") -> list[sip.Message]:
        return self.say(
            f"{method} sip:srs@192.0.2.20 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK{method}{number};rport\r\n"
            f"From: <sip:src@192.0.2.10>;tag=35e195d2\r\nTo: {to}\r\nCall-ID: d253c800-b0d1ea39@192.0.2.10\r\n"
            f"CSeq: {number} {method}\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )

    def due(self, seconds: float) -> list[bytes]:
        self.clock.advance(seconds)
        return [each.data for each in self.server.due()]


def test_a_call_from_invite_to_bye() -> None:
    box = Box()
    trying, answer = box.say((CAPTURES / "invite_two_legs.sip").read_bytes())
    assert [100, 200] == [trying.status, answer.status]
    assert "+sip.srs" in answer.first("contact")
    assert 2 == answer.body.count(b"a=recvonly")
    assert b"a=label:1" in answer.body and b"a=label:2" in answer.body
    [start] = box.floor.started
    assert [Channel.CUSTOMER, Channel.AGENT] == [stream.channel for stream in start.streams]
    assert "4512" == start.description.extension
    assert () == start.description.flags
    assert [] == box.inside("ACK", 101, answer.first("to"))
    assert [200] == [each.status for each in box.inside("BYE", 102, answer.first("to"))]
    assert [EndReason.BYE] == box.floor.ended
    assert 1 == box.ports.released


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("invite_no_metadata.sip", (Flag.NO_METADATA,)),
        ("invite_broken_metadata.sip", (Flag.BROKEN_METADATA, Flag.UNCLAIMED_STREAM)),
        ("invite_entity_bomb.sip", (Flag.BROKEN_METADATA, Flag.UNCLAIMED_STREAM)),
        ("invite_oracle_draft.sip", ()),
        ("invite_bare_lf.sip", ()),
        ("invite_compact_folded.sip", (Flag.NO_METADATA,)),
    ],
)
def test_metadata_never_refuses_a_call(name: str, flags: tuple[Flag, ...]) -> None:
    box = Box()
    assert 200 == box.invite(name).status
    assert flags == box.floor.started[0].description.flags


def test_an_answer_over_udp_is_repeated_until_its_ack_and_then_forgotten() -> None:
    box = Box()
    answer = box.invite()
    assert 1 == len(box.due(0.5))
    assert 0 == len(box.due(0.5))
    assert 1 == len(box.due(0.5))
    box.inside("ACK", 101, answer.first("to"))
    assert [] == box.due(10)


def test_an_answer_that_nobody_acknowledges_ends_the_call() -> None:
    box = Box()
    box.invite()
    sent = [data for _ in range(80) for data in box.due(0.5)]
    assert [EndReason.TIMER] == box.floor.ended
    assert any(data.startswith(b"BYE ") for data in sent)


def test_over_tcp_nothing_is_repeated() -> None:
    box = Box(TCP)
    box.invite()
    assert [] == box.due(5)


def test_a_request_that_comes_again_gets_the_same_answer_and_starts_no_second_call() -> None:
    box = Box()
    first, second = box.invite(), box.invite()
    assert first == second
    assert 1 == len(box.floor.started)


def test_hold_and_resume_are_answered_in_kind_and_keep_the_ports() -> None:
    box = Box()
    answer = box.invite()
    to = answer.first("to")
    kind = "Content-Type: application/sdp\r\n"
    offer = "v=0\r\nc=IN IP4 192.0.2.10\r\nm=audio 4000 RTP/AVP 8\r\na={}\r\na=label:1\r\nm=audio 4002 RTP/AVP 8\r\na={}\r\n"
    held = box.inside("INVITE", 102, to, offer.format("inactive", "inactive"), kind)[-1]
    assert 2 == held.body.count(b"a=inactive")
    assert [False, False] == [stream.active for stream in box.floor.changed[-1]]
    resumed = box.inside("UPDATE", 103, to, offer.format("sendonly", "sendonly"), kind)[-1]
    assert 2 == resumed.body.count(b"a=recvonly")
    ports = lambda message: [line for line in message.body.split(b"\r\n") if line.startswith(b"m=")]  # noqa: E731
    assert [line.split()[1] for line in ports(answer)] == [line.split()[1] for line in ports(resumed)]


def test_metadata_alone_is_answered_without_a_session_description() -> None:
    box = Box()
    to = box.invite("invite_no_metadata.sip").first("to")
    document = "<recording><participant id='p'><aor>sip:4777@x</aor><send>1</send></participant></recording>"
    kind = "Content-Type: application/rs-metadata+xml\r\n"
    assert b"" == box.inside("UPDATE", 102, to, document, kind)[-1].body
    assert [Channel.AGENT, Channel.CUSTOMER] == [stream.channel for stream in box.floor.changed[-1]]


def test_a_stream_added_later_gets_a_port_of_its_own() -> None:
    box = Box()
    to = box.invite("invite_one_mixed_stream.sip").first("to")
    offer = (
        "v=0\r\nc=IN IP4 192.0.2.10\r\nm=audio 4000 RTP/AVP 0\r\na=label:9\r\nm=audio 4002 RTP/AVP 0\r\na=label:10\r\n"
    )
    box.inside("INVITE", 102, to, offer, "Content-Type: application/sdp\r\n")
    assert [20000, 20002] == [stream.port for stream in box.floor.changed[-1]]


def test_the_session_timer_is_accepted_and_ends_a_call_that_nobody_keeps_alive() -> None:
    box = Box()
    answer = box.invite("invite_session_timer.sip")
    assert "1800;refresher=uac" == answer.first("session-expires")
    assert ["<sip:p1;lr>, <sip:p2;lr>"] == answer.all("record-route")
    box.inside("ACK", 101, answer.first("to"))
    box.due(1000)
    box.inside("UPDATE", 102, answer.first("to"), extra="Session-Expires: 1800;refresher=uac\r\n")
    box.due(1500)
    assert [] == box.floor.ended
    assert any(data.startswith(b"BYE ") for data in box.due(400))
    assert [EndReason.TIMER] == box.floor.ended


@pytest.mark.parametrize(
    ("name", "status", "header"),
    [("invite_short_session.sip", 422, "min-se"), ("invite_unknown_require.sip", 420, "unsupported")],
)
def test_what_we_cannot_do_is_refused_with_what_we_can(name: str, status: int, header: str) -> None:
    answer = Box().invite(name)
    assert status == answer.status
    assert answer.first(header)


def test_outside_a_dialog_options_is_fine_and_bye_is_unknown() -> None:
    box = Box()
    to = "<sip:srs@192.0.2.20>"
    assert [200] == [each.status for each in box.inside("OPTIONS", 1, to)]
    assert [481] == [each.status for each in box.inside("BYE", 2, f"{to};tag=nobody")]
    assert [481] == [each.status for each in box.inside("CANCEL", 3, to)]
    assert [405] == [each.status for each in box.inside("REGISTER", 4, to)]


@pytest.mark.parametrize("via", [",", ";", '"', "<" * 3000, "SIP/2.0/UDP", "SIP/2.0/UDP a;branch", "\t"])
def test_a_via_that_is_none_is_a_bad_request_or_nothing(via: str) -> None:
    box = Box()
    head = f"INVITE sip:a SIP/2.0\r\nVia: {via}\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n"
    assert all(each.status in (100, 400, 488) for each in box.say(head.encode()))
    assert [] == box.floor.started


def test_a_cancel_after_the_answer_changes_nothing() -> None:
    box = Box()
    box.invite()
    data = (CAPTURES / "invite_two_legs.sip").read_bytes().split(b"\r\nContent-Type", 1)[0]
    data = data.replace(b"INVITE sip:", b"CANCEL sip:").replace(b"101 INVITE", b"101 CANCEL")
    assert [200] == [each.status for each in box.say(data + b"\r\n\r\n")]
    assert [] == box.floor.ended


def test_a_full_or_draining_box_says_so_and_takes_calls_no_more() -> None:
    full = Box(free=1)
    assert (503, "10") == ((answer := full.invite()).status, answer.first("retry-after"))
    assert [] == full.floor.started
    draining = Box()
    draining.invite()
    assert any(out.data.startswith(b"BYE ") for out in draining.server.end_all())
    assert [EndReason.SHUTDOWN] == draining.floor.ended
    assert [503] == [each.status for each in draining.inside("OPTIONS", 9, "<sip:a>")]


def test_nothing_leaves_the_end_but_repetition() -> None:
    for (state, happening), after in TRANSITIONS.items():
        if state is State.ENDED:
            assert State.ENDED is after, happening
    assert all((state, Happening.BYE) in TRANSITIONS for state in State)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(sorted(CAPTURES.glob("*.sip"))), st.integers(0, 5000), st.binary(max_size=10), st.integers(0, 60)
)
def test_no_mutated_request_raises_or_ends_a_call_beside_it(path: Path, place: int, put: bytes, drop: int) -> None:
    box = Box()
    box.invite()
    data = path.read_bytes()
    place %= len(data)
    try:
        message = sip.parse(data[:place] + put + data[place + drop :])
    except PeerError:
        return
    for out in box.server.receive(message, box.peer):
        assert out.data.startswith(b"SIP/2.0 ")
    assert [] == box.floor.ended
