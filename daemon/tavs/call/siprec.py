"""The sockets of the recording server: UDP and TCP listeners, who may speak, and how fast.

1. Only peers in `allow` are heard; others are counted and nothing of theirs is parsed.
2. A token bucket stands before the parser: a flood over UDP is dropped and counted, over TCP it is read more slowly.
3. Losing the framing of a stream closes that stream and nothing else.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tavs.call import sip
from tavs.call.dialog import Peer
from tavs.call.session import CallFloor, EndReason, MediaPorts
from tavs.call.srs import RecordingServer
from tavs.call.transactions import Outgoing
from tavs.config import Siprec
from tavs.errors import ConfigError, PeerError
from tavs.events import CallId
from tavs.host.clock import Clock

DUE_S = 0.1
CONNECTIONS_LIMIT = 256
"""Streams at once: every PBX and SBC of a site with room to spare."""
WRITE_LIMIT_BYTES = 1 << 20
"""What a peer may leave unread before its stream is closed."""
MESSAGES_A_SECOND = 500
"""60 calls set up at once send some 300 messages; a flood is thousands."""
BURST = 1000


@dataclass(slots=True)
class Counters:
    not_allowed: int = 0
    malformed: int = 0
    flooded: int = 0
    framing_lost: int = 0


class Bucket:
    """A token bucket: BURST messages at once, MESSAGES_A_SECOND in the long run."""

    def __init__(self, now_s: float) -> None:
        self._tokens = float(BURST)
        self._at_s = now_s

    def take(self, now_s: float) -> bool:
        """Whether there is a token now."""
        self._fill(now_s)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def reserve(self, now_s: float) -> float:
        """Take a token and say how many seconds it has to be waited for."""
        self._fill(now_s)
        self._tokens -= 1
        return max(0.0, -self._tokens / MESSAGES_A_SECOND)

    def _fill(self, now_s: float) -> None:
        self._tokens = min(BURST, self._tokens + (now_s - self._at_s) * MESSAGES_A_SECOND)
        self._at_s = now_s


class SiprecIntake:
    def __init__(
        self, *, config: Siprec, floor: CallFloor, media: MediaPorts, clock: Clock, consent_header: str = ""
    ) -> None:
        self.counters = Counters()
        self.server = RecordingServer(
            floor=floor, media=media, clock=clock, media_address=config.media_address, consent_header=consent_header
        )
        self._config = config
        self._clock = clock
        self._allow = networks(config.allow, "allow")
        self._bucket = Bucket(clock.monotonic())
        self._connections: dict[int, asyncio.StreamWriter] = {}
        self._numbers = itertools.count(1)
        self._servers: list[asyncio.Server] = []
        self._datagrams: dict[tuple[str, int], asyncio.DatagramTransport] = {}

    @property
    def addresses(self) -> tuple[str, ...]:
        """What is bound, as `udp:ADDRESS:PORT`."""
        streams = [("tcp", each.getsockname()) for server in self._servers for each in server.sockets]
        datagrams = [("udp", name) for name in self._datagrams]
        return tuple(f"{kind}:{name[0]}:{name[1]}" for kind, name in [*datagrams, *streams])

    async def start(self) -> None:
        """Bind every address of the configuration. Raises ConfigError with what to do."""
        for text in self._config.listen:
            kind, host, port = _address(text)
            try:
                if kind == "udp":
                    await self._listen_datagrams(host, port)
                else:
                    self._servers.append(await asyncio.start_server(self._serve, host, port))
            except OSError as error:
                raise ConfigError(
                    f"{text} cannot be listened on ({_why(error)})",
                    "free the port or change [intake.siprec] listen",
                ) from None

    async def run(self) -> None:
        """Repetitions and session timers, for as long as it is awaited."""
        while True:
            await asyncio.sleep(DUE_S)
            self._send(self.server.due())

    def end(self, call: CallId, reason: EndReason) -> None:
        self._send(self.server.end(call, reason))

    async def close(self) -> None:
        """End every session with a BYE and close the sockets."""
        self._send(self.server.end_all())
        for server in self._servers:
            server.close()
        for writer in list(self._connections.values()):
            writer.close()
        for transport in self._datagrams.values():
            transport.close()
        await asyncio.sleep(0)

    def _is_allowed(self, host: str) -> bool:
        address = ipaddress.ip_address(host.partition("%")[0])
        if any(address in network for network in self._allow):
            return True
        self.counters.not_allowed += 1
        return False

    async def _listen_datagrams(self, host: str, port: int) -> None:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(self._datagram), local_addr=(host, port)
        )
        name = transport.get_extra_info("sockname")
        self._datagrams[(name[0], name[1])] = transport

    def _datagram(self, local: tuple[str, int], data: bytes, source: tuple[str, int]) -> None:
        if not self._is_allowed(source[0]):
            return
        if not self._bucket.take(self._clock.monotonic()):
            self.counters.flooded += 1
            return
        if not data.strip(b"\r\n\0"):
            return
        try:
            message = sip.parse(data)
        except PeerError:
            self.counters.malformed += 1
            return
        self._send(self.server.receive(message, Peer("udp", source[0], source[1], _reached(local, source))))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        remote, local = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        if remote is None or not self._is_allowed(remote[0]) or len(self._connections) >= CONNECTIONS_LIMIT:
            writer.close()
            return
        number = next(self._numbers)
        peer = Peer("tcp", remote[0], remote[1], (local[0], local[1]), number)
        self._connections[number] = writer
        framer = sip.Framer()
        try:
            while data := await reader.read(16384):
                for message in framer.feed(data):
                    await asyncio.sleep(self._bucket.reserve(self._clock.monotonic()))
                    self._send(self.server.receive(message, peer))
        except PeerError:
            self.counters.framing_lost += 1
        except OSError:
            return
        finally:
            del self._connections[number]
            writer.close()

    def _send(self, outgoing: Iterable[Outgoing]) -> None:
        for each in outgoing:
            if each.peer.transport == "udp":
                self._send_datagram(each)
            elif writer := self._connections.get(each.peer.connection):
                writer.write(each.data)
                if writer.transport.get_write_buffer_size() > WRITE_LIMIT_BYTES:
                    writer.transport.abort()

    def _send_datagram(self, outgoing: Outgoing) -> None:
        local = outgoing.peer.local
        exact = self._datagrams.get(local)
        wildcard = [each for name, each in self._datagrams.items() if name[1] == local[1]]
        for transport in [exact] if exact else wildcard[:1]:
            transport.sendto(outgoing.data, (outgoing.peer.host, outgoing.peer.port))


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, on_datagram: Callable[[tuple[str, int], bytes, tuple[str, int]], None]) -> None:
        self._on_datagram = on_datagram
        self._local = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        name = transport.get_extra_info("sockname")
        self._local = (name[0], name[1])

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        self._on_datagram(self._local, data, (source[0], source[1]))


def networks(texts: Iterable[str], key: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Raises ConfigError naming the entry that is no network."""
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            raise ConfigError(f"[intake.siprec] {key}: {text!r} is no network", "write it as 192.0.2.0/24") from None
    return found


def _address(text: str) -> tuple[str, str, int]:
    kind, _, place = text.partition(":")
    host, _, port = place.rpartition(":")
    if kind not in ("udp", "tcp") or not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"[intake.siprec] listen: {text!r} is no address", "write it as udp:0.0.0.0:5060")
    return kind, host.strip("[]"), int(port)


def _reached(local: tuple[str, int], source: tuple[str, int]) -> tuple[str, int]:
    """Our address towards a peer, where the socket is bound to all of them."""
    if not ipaddress.ip_address(local[0].partition("%")[0]).is_unspecified:
        return local
    family = socket.AF_INET6 if ":" in source[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(source)
        return (probe.getsockname()[0], local[1])


def _why(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
