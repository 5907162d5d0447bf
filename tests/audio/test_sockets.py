"""RTP sockets: who may be heard."""

import os
import socket
import time
from pathlib import Path

import pytest
from tavs.audio.rtp import RtpPacket
from tavs.audio.sockets import MediaSockets
from tavs.errors import ConfigError, PeerError
from tavs.events import CallId
from tavs.host.clock import RealClock

CALL = CallId("0192f0c1-0000-7000-8000-000000000001")
PACKET = RtpPacket(payload_type=8, marker=False, sequence_number=1, timestamp=2, ssrc=3, payload=b"x" * 160).serialize()


def sender(address: str = "127.0.0.1") -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((address, 0))
    return one


def drained(media: MediaSockets) -> list[bytes]:
    time.sleep(0.02)
    return [data for _, _, _, data in media.poll()]


def test_the_first_source_at_the_named_address_is_heard_and_no_other() -> None:
    media = MediaSockets("43000-43099", RealClock())
    port = media.reserve(CALL, 0)
    media.expect(CALL, 0, ("127.0.0.1", 4000))
    stranger, friend, late = sender("127.0.0.2"), sender(), sender()
    for one in (stranger, friend, late):
        one.sendto(PACKET, ("127.0.0.1", port))
    assert [PACKET] == drained(media)
    assert 2 == media.counters.foreign
    media.close()


def test_what_is_no_rtp_does_not_latch_a_source() -> None:
    media = MediaSockets("43100-43199", RealClock())
    port = media.reserve(CALL, 0)
    noise, friend = sender(), sender()
    noise.sendto(b"hello", ("127.0.0.1", port))
    friend.sendto(PACKET, ("127.0.0.1", port))
    assert [PACKET] == drained(media)
    media.close()


def test_a_socket_of_both_families_hears_either_and_knows_them_apart() -> None:
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    media = MediaSockets("43300-43399", RealClock(), address="::")
    old, new = media.reserve(CALL, 0), media.reserve(CALL, 1)
    media.expect(CALL, 0, ("127.0.0.1", 4000))
    media.expect(CALL, 1, ("::1", 4000))
    sender().sendto(PACKET, ("127.0.0.1", old))
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six:
        six.sendto(PACKET, ("::1", new))
        assert [PACKET, PACKET] == drained(media)
    media.close()


def test_ports_are_even_and_run_out_with_a_sentence() -> None:
    media = MediaSockets("43200-43205", RealClock())
    ports = [media.reserve(CALL, index) for index in range(3)]
    assert all(port % 2 == 0 for port in ports)
    with pytest.raises(PeerError, match="no RTP port"):
        media.reserve(CALL, 3)
    media.release(CALL)
    assert media.reserve(CALL, 4) in ports
    media.close()


@pytest.mark.parametrize("ports", ["", "5", "20000", "30000-20000", "a-b", "1-2", "60000-70000"])
def test_a_range_that_is_none_is_refused(ports: str) -> None:
    with pytest.raises(ConfigError, match="media_ports"):
        MediaSockets(ports, RealClock())


def kept(media: MediaSockets) -> dict[int, socket.socket]:
    """The sockets of a listener as the next one is handed them, by port."""
    found = {}
    for descriptor in list(media._open):
        one = socket.socket(fileno=os.dup(descriptor))
        found[one.getsockname()[1]] = one
    return found


def test_after_a_restart_the_source_heard_before_is_the_only_one_and_what_it_sent_meanwhile_is_heard() -> None:
    media = MediaSockets("43500-43599", RealClock())
    port = media.reserve(CALL, 0)
    named = ("127.0.0.1", 4000)
    media.expect(CALL, 0, named)
    friend, stranger = sender(), sender()
    friend.sendto(PACKET, ("127.0.0.1", port))
    assert [PACKET] == drained(media)
    sources, sockets = media.sources(CALL), kept(media)
    assert {CALL} == media.newly_heard()
    media.close()
    for one in (stranger, friend, stranger):  # nobody reads
        one.sendto(PACKET, ("127.0.0.1", port))
        time.sleep(0.1)
    following = MediaSockets("43500-43599", RealClock())
    following.go_on(CALL, sockets, {0: port}, {0: named}, sources)
    following.expect(CALL, 0, named)
    now_s = RealClock().monotonic()
    [(call, index, arrival_s, data)] = following.waited(CALL)
    assert (CALL, 0, PACKET) == (call, index, data)
    assert 0.15 <= now_s - arrival_s <= 2.0
    stranger.sendto(PACKET, ("127.0.0.1", port))
    assert [] == drained(following)
    friend.sendto(PACKET, ("127.0.0.1", port))
    assert [PACKET] == drained(following)
    assert set() == following.newly_heard()
    following.close()


def test_without_a_source_before_the_restart_the_first_allowed_one_is_taken_after_it() -> None:
    media = MediaSockets("43600-43699", RealClock())
    port = media.reserve(CALL, 0)
    sockets = kept(media)
    media.close()
    stranger, friend = sender("127.0.0.2"), sender()
    for one in (stranger, friend):
        one.sendto(PACKET, ("127.0.0.1", port))
    following = MediaSockets("43600-43699", RealClock())
    following.go_on(CALL, sockets, {0: port}, {0: ("127.0.0.1", 4000)}, {})
    time.sleep(0.02)
    assert [PACKET] == [data for _, _, _, data in following.waited(CALL)]
    assert friend.getsockname() == following.sources(CALL)[0]
    following.close()
