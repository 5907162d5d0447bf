"""The sockets of the recording server: UDP and TCP listeners, who may speak, and how fast.

1. Only peers in `allow` are heard; others are counted and nothing of theirs is parsed.
2. A token bucket stands before the parser: a flood over UDP is dropped and counted, over TCP it is read more slowly.
3. Losing the framing of a stream closes that stream and nothing else.
4. What is listened on and every stream of an allowed peer outlive this process (host/fd_store.py); whoever starts next
   goes on with them. What is said of a call is remembered before it is said.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import itertools
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tavs.call import sip
from tavs.call.dialog import Dialog, Peer
from tavs.call.session import CallFloor, EndReason, MediaPorts
from tavs.call.srs import RecordingServer
from tavs.call.transactions import Outgoing
from tavs.config import Siprec
from tavs.errors import ConfigError, PeerError
from tavs.events import CallId
from tavs.host import fd_store
from tavs.host.clock import Clock

LISTENERS = "sip"
"""The name under which the service manager keeps what is listened on."""
STREAM = "stream-"
"""The same for a connection, by its number."""
DUE_S = 0.1
CONNECTIONS_LIMIT = 256
"""Streams at once: every PBX and SBC of a site with room to spare."""
LEAVE_S = 0.05
"""For messages that were read and not yet answered when this process leaves."""
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
        self,
        *,
        config: Siprec,
        floor: CallFloor,
        media: MediaPorts,
        clock: Clock,
        consent_header: str = "",
        remember: Callable[[Dialog], None] = lambda _: None,
    ) -> None:
        self.counters = Counters()
        self.server = RecordingServer(
            floor=floor, media=media, clock=clock, media_address=config.media_address, consent_header=consent_header
        )
        self._config = config
        self._clock = clock
        self._remember = remember
        self._is_leaving = False
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

    async def start(
        self, waiting: Iterable[socket.socket] = (), streams: Mapping[int, socket.socket] | None = None
    ) -> None:
        """Listen on every address of the configuration, on sockets that wait for us where there are any.

        `streams` are connections, by their numbers, that were accepted before. Raises ConfigError with what to do.
        """
        handed = list(waiting)
        found: dict[str, socket.socket] = {}
        for text in self._config.listen:
            if match := next((each for each in handed if _listens_on(each, *_address(text))), None):
                handed.remove(match)
                found[text] = match
        for each in handed:
            each.close()
        for text in self._config.listen:
            kind, host, port = _address(text)
            try:
                await self._listen(kind, found.get(text) or _bound(kind, host, port))
            except OSError as error:
                raise ConfigError(
                    f"{text} cannot be listened on ({_why(error)})",
                    "free the port or change [intake.siprec] listen",
                ) from None
        fd_store.forget(LISTENERS)
        fd_store.store(LISTENERS, self._descriptors())
        for number, connection in sorted((streams or {}).items()):
            await self._accept(number, connection)

    async def run(self) -> None:
        """Repetitions and session timers, for as long as it is awaited."""
        while True:
            await asyncio.sleep(DUE_S)
            self._send(self.server.due())

    def end(self, call: CallId, reason: EndReason) -> None:
        self._send(self.server.end(call, reason))

    def say(self, outgoing: Outgoing) -> None:
        """Send what is ready to be sent."""
        self._send([outgoing])

    def follow(self, config: Siprec, consent_header: str) -> None:
        """Follow a configuration that was read again, as far as that goes while calls run. Raises ConfigError."""
        self._allow = networks(config.allow, "allow")
        self.server.consent_header = consent_header

    async def close(self) -> None:
        """End every session with a BYE and close the sockets."""
        self._send(self.server.end_all())
        for number in self._connections:
            fd_store.forget(f"{STREAM}{number}")
        await self._shut()

    async def leave(self) -> None:
        """Stop listening and say nothing: whoever starts next goes on. What was read already is answered first."""
        self._is_leaving = True
        for writer in self._connections.values():
            writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(LEAVE_S)
        await self._shut()

    async def _shut(self) -> None:
        for server in self._servers:
            server.close()
        for writer in list(self._connections.values()):
            writer.close()
        for transport in self._datagrams.values():
            transport.close()
        await asyncio.sleep(0)

    async def _listen(self, kind: str, bound: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        if kind == "udp":
            transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self._datagram), sock=bound)
            name = transport.get_extra_info("sockname")
            self._datagrams[(name[0], name[1])] = transport
        else:
            self._servers.append(await asyncio.start_server(self._accepted, sock=bound))

    def _descriptors(self) -> list[int]:
        datagrams = [each.get_extra_info("socket").fileno() for each in self._datagrams.values()]
        return [*datagrams, *(each.fileno() for server in self._servers for each in server.sockets)]

    async def _accept(self, number: int, connection: socket.socket) -> None:
        """Go on with a connection that was accepted before this process began."""
        connection.setblocking(False)
        reader = asyncio.StreamReader()
        serve = functools.partial(self._serve, number=number, is_kept=True)
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: asyncio.StreamReaderProtocol(reader, serve), connection
        )
        self._numbers = itertools.count(max(number + 1, next(self._numbers)))
        await asyncio.sleep(0)  # from here on it can be written to

    def _is_allowed(self, host: str) -> bool:
        address = ipaddress.ip_address(host.partition("%")[0])
        if any(address in network for network in self._allow):
            return True
        self.counters.not_allowed += 1
        return False

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

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._serve(reader, writer, number=next(self._numbers), is_kept=False)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, number: int, is_kept: bool
    ) -> None:
        remote, local = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        if not remote or not self._is_allowed(remote[0]) or len(self._connections) >= CONNECTIONS_LIMIT:
            fd_store.forget(f"{STREAM}{number}")
            writer.close()
            return
        peer = Peer("tcp", remote[0], remote[1], (local[0], local[1]), number)
        self._connections[number] = writer
        if not is_kept:
            fd_store.store(f"{STREAM}{number}", [writer.get_extra_info("socket").fileno()])
        try:
            await self._read(reader, peer)
            if not self._is_leaving:
                fd_store.forget(f"{STREAM}{number}")
        finally:
            del self._connections[number]
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, peer: Peer) -> None:
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

    def _send(self, outgoing: Iterable[Outgoing]) -> None:
        for dialog in self.server.changed():
            self._remember(dialog)
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


def _bound(kind: str, host: str, port: int) -> socket.socket:
    """A socket of ours; for TCP it listens. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if kind == "tcp":
        return socket.create_server((host, port), family=family, backlog=100)
    bound = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def _listens_on(each: socket.socket, kind: str, host: str, port: int) -> bool:
    """Whether a socket is the one for an address of the configuration; port 0 is whatever there is."""
    name = each.getsockname()
    wanted = socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
    return each.type == wanted and name[0] == host and port in (0, name[1])


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
