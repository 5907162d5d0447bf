"""The RTP sockets of all calls, emptied together: one poll of a tick costs little, a callback per packet would not.

1. Packets of a stream are taken from the address its PBX named or from `media_allow`, and in that only from the first
   source that sent valid RTP; everything else is a stranger's (RELIABILITY R-08: learning a source later is injection).
2. What the kernel had to drop is counted from its own figures.
3. The sockets outlive this process (host/fd_store.py): what came while nobody read waits in them, with the time of its
   arrival, and the next listener hears it. A source once heard stays the only one.
"""

from __future__ import annotations

import errno
import ipaddress
import select
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tavs.audio.rtp import RtpPacket
from tavs.errors import ConfigError, PeerError
from tavs.events import CallId
from tavs.host import fd_store
from tavs.host.clock import Clock

RECEIVE_BUFFER_BYTES = 1 << 20
"""Asked of the kernel: some ten seconds of one stream, should this process be held up."""
PACKET_BYTES = 2048
MAPPED = "::ffff:"
"""How a socket of both families names an IPv4 peer (RFC 4291 section 2.5.5.2)."""
PACKETS_A_POLL = 256
"""Of one socket at one poll: a flood on one stream must not hold up the others."""

WAITED_PACKETS = 4096
"""Taken of one socket that waited for this process: more than any receive buffer holds."""
SO_TIMESTAMPNS = 35
"""asm-generic/socket.h; the control message that tells a packet's time has the same number."""
TIMESPEC = struct.Struct("@ll")

Packet = tuple[CallId, int, float, bytes]
"""Call, stream, arrival on the monotonic clock, bytes."""
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(slots=True)
class _Port:
    call: CallId
    index: int
    rtp: socket.socket
    rtcp: socket.socket
    named: str | None = None
    latched: tuple[str, int] | None = None


@dataclass(slots=True)
class SocketCounters:
    packets: int = 0
    foreign: int = 0
    """From an address that is not the stream's."""


@dataclass(slots=True)
class MediaSockets:
    """Ports for the streams of calls, and the packets that arrive on them."""

    ports: str
    clock: Clock
    allow: Sequence[Network] = ()
    address: str = "0.0.0.0"
    counters: SocketCounters = field(default_factory=SocketCounters)
    _open: dict[int, _Port] = field(default_factory=dict)
    _next: int = 0
    _poller: select.epoll = field(default_factory=select.epoll)
    _first: int = 0
    _last: int = 0
    _latched: set[CallId] = field(default_factory=set)

    def __post_init__(self) -> None:
        first, _, last = self.ports.partition("-")
        if not (first.isdigit() and last.isdigit() and 1024 <= int(first) < int(last) <= 65535):
            raise ConfigError("media_ports is not a range of ports", "write it as FIRST-LAST, for example 20000-20999")
        self._first, self._last = int(first) + int(first) % 2, int(last)
        self._next = self._first

    def reserve(self, call: CallId, index: int) -> int:
        """An even RTP port with the RTCP port above it, both bound. Raises PeerError when none is free."""
        for _ in range((self._last - self._first + 1) // 2):
            number = self._next
            self._next = number + 2 if number + 3 <= self._last else self._first
            if pair := self._bind(number):
                fd_store.store(stored_as(call), [each.fileno() for each in pair])
                self._watch(_Port(call, index, *pair))
                return number
        raise PeerError("no RTP port is free", "widen [intake.siprec] media_ports")

    def go_on(
        self,
        call: CallId,
        found: Mapping[int, socket.socket],
        ports: Mapping[int, int],
        named: Mapping[int, tuple[str, int] | None],
        sources: Mapping[int, tuple[str, int]],
    ) -> None:
        """Take over the sockets of a call, by port, that began before this process.

        By stream: our ports, where signalling lets it come from, and where it did come from.
        """
        for index, number in ports.items():
            remote = named.get(index)
            port = _Port(call, index, found[number], found[number + 1], remote[0] if remote else None)
            port.latched = sources.get(index)
            self._watch(port)

    def waited(self, call: CallId) -> list[Packet]:
        """What came for a call while nobody read, in the order and with the time of its arrival."""
        now_s = self.clock.monotonic()
        offset_s = now_s - self.clock.now().timestamp()
        found: list[Packet] = []
        for port in {id(each): each for each in self._open.values() if each.call == call}.values():
            for data, source, stamp_s in _drain_stamped(port.rtp):
                if self._is_expected(port, data, source):
                    found.append((call, port.index, min(now_s, stamp_s + offset_s) if stamp_s else now_s, data))
        self.counters.packets += len(found)
        return sorted(found, key=lambda packet: packet[2])

    def sources(self, call: CallId) -> dict[int, tuple[str, int]]:
        """By stream, where its sound comes from, as far as there was any."""
        return {port.index: port.latched for port in self._open.values() if port.call == call and port.latched}

    def newly_heard(self) -> set[CallId]:
        """The calls of which a stream has been heard for the first time since this was asked last."""
        found, self._latched = self._latched, set()
        return found

    def expect(self, call: CallId, index: int, remote: tuple[str, int] | None) -> None:
        """Say where signalling lets a stream come from; a change forgets the source heard so far."""
        named = remote[0] if remote else None
        for port in self._open.values():
            if port.call == call and port.index == index and port.named != named:
                port.named, port.latched = named, None

    def release(self, call: CallId) -> None:
        """Close the sockets of a call for good."""
        self._shut(call)
        fd_store.forget(stored_as(call))

    def poll(self) -> Iterator[Packet]:
        """Every waiting packet."""
        arrival_s = self.clock.monotonic()
        for descriptor, _ in self._poller.poll(0, max(1, len(self._open))):
            port = self._open[descriptor]
            if descriptor == port.rtcp.fileno():
                _discard(port.rtcp)
                continue
            for data, source in _drain(port.rtp):
                if self._is_expected(port, data, source):
                    self.counters.packets += 1
                    yield port.call, port.index, arrival_s, data
                else:
                    self.counters.foreign += 1

    def kernel_drops(self) -> int:
        """Packets the kernel threw away because a receive buffer was full (the `drops` column of /proc/net/udp)."""
        ours = {port.rtp.getsockname()[1] for port in self._open.values()}
        tables = (Path(name) for name in ("/proc/net/udp", "/proc/net/udp6"))
        lines = (line for table in tables if table.exists() for line in table.read_text("ascii").splitlines()[1:])
        columns = (line.split() for line in lines)
        return sum(int(each[-1]) for each in columns if int(each[1].rpartition(":")[2], 16) in ours)

    @property
    def ports_used(self) -> int:
        """Pairs, one a stream."""
        return len(self._open) // 2

    def close(self) -> None:
        """Close everything here; what is kept outside of this process stays."""
        for call in {port.call for port in self._open.values()}:
            self._shut(call)
        self._poller.close()

    def _watch(self, port: _Port) -> None:
        for each in (port.rtp, port.rtcp):
            self._open[each.fileno()] = port
            self._poller.register(each.fileno(), select.EPOLLIN)

    def _shut(self, call: CallId) -> None:
        for descriptor, port in [item for item in self._open.items() if item[1].call == call]:
            del self._open[descriptor]
            self._poller.unregister(descriptor)
            (port.rtp if port.rtp.fileno() == descriptor else port.rtcp).close()

    def _is_expected(self, port: _Port, data: bytes, source: tuple[str, int]) -> bool:
        if source == port.latched:
            return True
        if port.latched is not None or not self._may_send(port, source[0]):
            return False
        try:
            RtpPacket.parse(data)
        except PeerError:
            return False
        port.latched = source
        self._latched.add(port.call)
        return True

    def _may_send(self, port: _Port, address: str) -> bool:
        if port.named in (None, address):
            return True
        return any(ipaddress.ip_address(address) in network for network in self.allow)

    def _bind(self, number: int) -> tuple[socket.socket, socket.socket] | None:
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        bound: list[socket.socket] = []
        for port in (number, number + 1):
            each = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
            bound.append(each)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            try:
                each.bind((self.address, port))
            except OSError as error:
                for opened in bound:
                    opened.close()
                if error.errno == errno.EADDRINUSE:
                    return None
                raise ConfigError("the RTP ports cannot be bound", "check [intake.siprec] media_address") from None
        bound[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        bound[0].setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        return bound[0], bound[1]


def stored_as(call: CallId) -> str:
    """The name under which the service manager keeps everything of a call."""
    return f"call-{call}"


def _drain(source: socket.socket) -> Iterator[tuple[bytes, tuple[str, int]]]:
    for _ in range(PACKETS_A_POLL):
        try:
            data, sender = source.recvfrom(PACKET_BYTES)
        except OSError:
            return
        yield data, (sender[0].removeprefix(MAPPED), sender[1])


def _drain_stamped(source: socket.socket) -> Iterator[tuple[bytes, tuple[str, int], float]]:
    """The same with the wall-clock second at which the kernel took each packet."""
    for _ in range(WAITED_PACKETS):
        try:
            data, control, _, sender = source.recvmsg(PACKET_BYTES, socket.CMSG_SPACE(TIMESPEC.size))
        except OSError:
            return
        stamps = [content for _, kind, content in control if kind == SO_TIMESTAMPNS and len(content) == TIMESPEC.size]
        seconds, nanoseconds = TIMESPEC.unpack(stamps[0]) if stamps else (0, 0)
        yield data, (sender[0].removeprefix(MAPPED), sender[1]), seconds + nanoseconds / 1e9


def _discard(source: socket.socket) -> None:
    for _ in _drain(source):
        continue
