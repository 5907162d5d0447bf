"""The one socket between the listener and the desk, and the only language spoken on it.

1. One way: the listener writes, the desk reads; nothing ever comes back.
2. A frame is a 4-byte big-endian length and msgpack of (boot, sequence, event). `boot` is a random id per start of the
   listener, `sequence` counts its events from 0.
3. A connection begins with a frame without an event: its sequence is that of the next event, so the desk sees at once
   what was lost while it was away. Behind what waits the calls under way are told again: a desk that was started anew
   has not seen them begin.
4. The backlog is bounded: the oldest frames go first, and the jump in the sequence says so.
5. The desk treats every byte as untrusted: limits before allocation, unknown fields and types end the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from tavs.errors import PeerError
from tavs.events import Event, MaskedText

FRAME_LIMIT_BYTES = 64 * 1024
"""A segment of speech is a few hundred bytes; a sidecar with a thousand gaps about 60 KiB."""

BACKLOG_FRAMES = 20_000
"""About half an hour of 60 calls without a desk."""

BACKLOG_BYTES = 16 * 1024 * 1024
"""What the backlog may cost in memory, whatever the frames are."""

RETRY_S = 0.2
"""Pause before the next attempt to reach the desk."""


class Received(msgspec.Struct, frozen=True, array_like=True):
    """A frame as it travels. `event` is None in the frame that opens a connection."""

    boot: str
    sequence: int
    event: Event | None


def _encode_text(value: object) -> object:
    if isinstance(value, MaskedText):
        return value.text
    raise NotImplementedError(type(value).__name__)


def _decode_text(kind: type, value: object) -> object:
    if kind is MaskedText and isinstance(value, str):
        return MaskedText(value)
    raise NotImplementedError(kind.__name__)


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_text)
_decoder = msgspec.msgpack.Decoder(Received, dec_hook=_decode_text)


def serialize(frame: Received) -> bytes:
    """The frame with its length. Raises ValueError above FRAME_LIMIT_BYTES."""
    body = _encoder.encode(frame)
    if len(body) > FRAME_LIMIT_BYTES:
        raise ValueError(f"a frame of {len(body)} bytes")
    return len(body).to_bytes(4, "big") + body


def parse(body: bytes) -> Received:
    """The frame in `body`, without its length. Raises PeerError."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, ValueError):
        raise PeerError("a relay frame is not of the agreed form") from None


async def receive(reader: asyncio.StreamReader) -> AsyncIterator[Received]:
    """Frames until the listener closes. Raises PeerError on a frame that breaks the rules."""
    while True:
        try:
            length = int.from_bytes(await reader.readexactly(4), "big")
            if length > FRAME_LIMIT_BYTES:
                raise PeerError(f"a relay frame of {length} bytes is over the limit")
            body = await reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        yield parse(body)


class RelaySender:
    """The listener's end: `send` never waits, `run` carries the backlog to the desk for as long as it is awaited."""

    def __init__(self, path: Path, *, frames: int = BACKLOG_FRAMES, size_bytes: int = BACKLOG_BYTES) -> None:
        self.greeting: Callable[[], Iterable[Event]] = tuple
        """What every connection is told after the backlog."""
        self.boot = os.urandom(8).hex()
        self.lost = 0
        """Frames dropped because the backlog was full or an event did not fit a frame."""
        self._path = path
        self._frames = frames
        self._size_bytes = size_bytes
        self._backlog: deque[tuple[int, bytes]] = deque()
        self._backlog_bytes = 0
        self._sequence = 0
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()

    @property
    def waiting(self) -> int:
        return len(self._backlog)

    def send(self, event: Event) -> None:
        sequence, self._sequence = self._sequence, self._sequence + 1
        try:
            frame = serialize(Received(self.boot, sequence, event))
        except ValueError:
            self.lost += 1
            return
        self._backlog.append((sequence, frame))
        self._backlog_bytes += len(frame)
        self._emptied.clear()
        while len(self._backlog) > self._frames or self._backlog_bytes > self._size_bytes:
            self._drop_oldest()
            self.lost += 1
        self._filled.set()

    async def run(self) -> None:
        while True:
            try:
                _, writer = await asyncio.open_unix_connection(sock=await _connect(self._path))
            except OSError:
                await asyncio.sleep(RETRY_S)
                continue
            try:
                await self._carry(writer)
            except OSError:
                await asyncio.sleep(RETRY_S)
            finally:
                writer.close()

    async def drain(self, timeout_s: float) -> None:
        """Wait until the backlog has been handed over, at most `timeout_s`."""
        async with asyncio.timeout(timeout_s):
            await self._emptied.wait()

    async def _carry(self, writer: asyncio.StreamWriter) -> None:
        for event in self.greeting():
            self.send(event)
        first = self._backlog[0][0] if self._backlog else self._sequence
        writer.write(serialize(Received(self.boot, first, None)))
        while True:
            await writer.drain()
            if not self._backlog:
                self._filled.clear()
                await self._filled.wait()
                if writer.is_closing():
                    return
            sequence, frame = self._backlog[0]
            writer.write(frame)
            await writer.drain()
            if self._backlog and self._backlog[0][0] == sequence:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        _, frame = self._backlog.popleft()
        self._backlog_bytes -= len(frame)
        if not self._backlog:
            self._emptied.set()


async def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        with short_path(path) as reachable:
            await asyncio.get_running_loop().sock_connect(connection, reachable)
    except OSError:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A socket's path in a form that fits sun_path (108 bytes, unix(7)) however deep its folder lies."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
