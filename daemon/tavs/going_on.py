"""What a listener finds of the one before it: sockets, connections, and calls to go on with.

1. What cannot be gone on with is let go: its session gets a BYE where one can be sent, its sockets are closed.
2. Nothing that is found can stop the start; the worst of it is a call that ends.
"""

from __future__ import annotations

import os
import re
import socket
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field

from tavs.audio.sockets import stored_as
from tavs.call import kept_call
from tavs.call.kept_call import KeptCall
from tavs.call.siprec import LISTENERS, STREAM
from tavs.call.transactions import Outgoing
from tavs.errors import PeerError
from tavs.events import CallId
from tavs.host import fd_store
from tavs.host.memory_file import MemoryFile

_CALL = re.compile(r"call-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_STREAM = re.compile(rf"{STREAM}(\d{{1,15}})")


@dataclass(slots=True)
class FoundCall:
    """A call by what is there of it."""

    call: CallId
    memory: MemoryFile | None = None
    sockets: dict[int, socket.socket] = field(default_factory=dict)
    """By our port."""
    farewell: Outgoing | None = field(default=None, repr=False)
    kept: KeptCall | None = None

    @property
    def sealed_ms(self) -> int:
        """Of the recording that was under way."""
        begins_ms = self.kept.begins_ms if self.kept else 0
        return max(0, self.memory.marked() - begins_ms) if self.memory else 0

    @property
    def is_whole(self) -> bool:
        """Whether everything is there that it takes to go on."""
        ports = self.kept.dialog.ports.values() if self.kept else ()
        return self.kept is not None and all({port, port + 1} <= self.sockets.keys() for port in ports)

    def let_go(self) -> None:
        """Close everything of it, here and where it is kept."""
        fd_store.forget(stored_as(self.call))
        for each in self.sockets.values():
            each.close()
        if self.memory:
            self.memory.close()


@dataclass(slots=True)
class Found:
    listeners: list[socket.socket] = field(default_factory=list)
    streams: dict[int, socket.socket] = field(default_factory=dict)
    """Connections that were accepted, by their numbers."""
    calls: dict[CallId, FoundCall] = field(default_factory=dict)

    def to_go_on(self) -> dict[CallId, int]:
        """The calls that can go on, each with the ms of sound in the recording that was under way."""
        return {call: each.sealed_ms for call, each in self.calls.items() if each.is_whole}


def find(handed: Iterable[tuple[str, int]]) -> Found:
    """Sort what was handed over; what has another name is closed."""
    found = Found()
    for name, descriptor in handed:
        call, stream = _CALL.fullmatch(name), _STREAM.fullmatch(name)
        is_socket = stat.S_ISSOCK(os.fstat(descriptor).st_mode)
        if call:
            its = found.calls.setdefault(CallId(call[1]), FoundCall(CallId(call[1])))
            _add(its, descriptor, is_socket=is_socket)
        elif stream and is_socket:
            found.streams[int(stream[1])] = socket.socket(fileno=descriptor)
        elif name == LISTENERS and is_socket:
            found.listeners.append(socket.socket(fileno=descriptor))
        else:
            os.close(descriptor)
    for each in found.calls.values():
        _read(each)
    return found


def _add(call: FoundCall, descriptor: int, *, is_socket: bool) -> None:
    if is_socket:
        port = socket.socket(fileno=descriptor)
        port.setblocking(False)
        call.sockets[port.getsockname()[1]] = port
    elif call.memory is None:
        call.memory = MemoryFile(descriptor)
    else:
        os.close(descriptor)


def _read(call: FoundCall) -> None:
    data = call.memory.read() if call.memory else None
    if data is None:
        return
    try:
        read = kept_call.parse(data)
    except PeerError:
        return
    call.farewell = read.farewell
    if read.call and read.call.dialog.call == call.call:
        call.kept = read.call
