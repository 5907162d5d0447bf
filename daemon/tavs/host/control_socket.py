"""The sockets on which the running listener is asked, and how to ask it (control.py).

1. `control.sock` is for root and the group tavs-admin: its folder's group and its mode say so, and the kernel's word on
   who has connected (SO_PEERCRED, unix(7)). `state.sock` answers `status` to anybody on this machine, for that is
   numbers alone; the desk asks there, and is no administrator.
2. A unit with PrivateUsers= sees everybody but root and itself as nobody; of those the file's mode alone decides.
3. A connection is one request. Few are served at once, each for a moment; whoever asks never holds up a call.
4. A socket that cannot be made is said and costs the answers, not the calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import grp
import os
import pwd
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from tavs.control import (
    ANSWER_LIMIT_BYTES,
    REQUEST_LIMIT_BYTES,
    Answer,
    Request,
    State,
    Verb,
    parse_answer,
    parse_request,
    serialize,
)
from tavs.errors import PeerError
from tavs.host.clock import Clock
from tavs.host.home import Home
from tavs.host.journal import Message, say
from tavs.relay import short_path

ADMINISTRATORS = "tavs-admin"
CLIENTS = 8
"""At once; one more is not answered."""
PATIENCE_S = 2.0
"""For a client to ask and to read; for the listener to answer."""
FRESH_S = 0.5
"""What was counted this lately is told again: counting costs a look at the kernel's tables."""
CREDENTIALS = struct.Struct("3i")
"""struct ucred: pid, uid, gid."""
OVERFLOW_UID = 65534
"""Who has no number in our user namespace (user_namespaces(7))."""

NOT_FOR_YOU = Answer(error=f"only root and the group {ADMINISTRATORS} may ask here")


class Control:
    def __init__(self, home: Home, state: Callable[[], State], clock: Clock) -> None:
        self._home = home
        self._state = state
        self._clock = clock
        self._told: tuple[float, State] | None = None
        self._clients = 0

    async def run(self) -> None:
        """Answer until cancelled, or not at all by rule 4."""
        async with contextlib.AsyncExitStack() as servers:
            try:
                for path, mode, is_control in (
                    (self._home.control_socket, 0o660, True),
                    (self._home.state_socket, 0o666, False),
                ):
                    listening = _bound(path, mode, self._home)
                    serve = functools.partial(self._serve, is_control=is_control)
                    server = await asyncio.start_unix_server(serve, sock=listening, limit=REQUEST_LIMIT_BYTES)
                    await servers.enter_async_context(server)
            except OSError:
                say(Message.CONTROL_UNUSABLE)
            await asyncio.Event().wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_control: bool) -> None:
        if self._clients >= CLIENTS:
            writer.close()
            return
        self._clients += 1
        try:
            async with asyncio.timeout(PATIENCE_S):
                line = await reader.readline()
                may_ask = not is_control or may_administer(_peer_uid(writer.get_extra_info("socket")), os.geteuid())
                writer.write(serialize(self._answer(line) if may_ask else NOT_FOR_YOU))
                await writer.drain()
        except (TimeoutError, OSError, ValueError):  # too slow, gone, or a line without end
            return
        finally:
            self._clients -= 1
            writer.close()

    def _answer(self, line: bytes) -> Answer:
        try:
            match parse_request(line):
                case Verb.STATUS:
                    return Answer(state=self._now())
        except PeerError as error:
            return Answer(error=error.message)

    def _now(self) -> State:
        now_s = self._clock.monotonic()
        if self._told is None or now_s - self._told[0] >= FRESH_S:
            self._told = (now_s, self._state())
        return self._told[1]


def may_administer(uid: int, own_uid: int, administrators: Callable[[int], bool] | None = None) -> bool:
    """By rules 1 and 2, for somebody whom the file's mode has let in."""
    return uid in (0, own_uid, OVERFLOW_UID) or (administrators or _is_administrator)(uid)


def ask(path: Path, verb: Verb = Verb.STATUS) -> State | None:
    """How the listener is; None where it does not answer, or not for us."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, short_path(path) as reachable:
            connection.settimeout(PATIENCE_S)
            connection.connect(reachable)
            connection.sendall(serialize(Request(verb)))
            received = b""
            while not received.endswith(b"\n") and len(received) <= ANSWER_LIMIT_BYTES:
                if not (more := connection.recv(ANSWER_LIMIT_BYTES)):
                    break
                received += more
            return parse_answer(received).state
    except (OSError, PeerError):
        return None


def _bound(path: Path, mode: int, home: Home) -> socket.socket:
    """In its folder, which systemd-tmpfiles(8) makes on an installed box. Raises OSError."""
    if not home.is_installed:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        with short_path(path) as reachable:
            listening.bind(reachable)
        path.chmod(mode)
        listening.listen(CLIENTS)
    except OSError:
        listening.close()
        raise
    return listening


def _peer_uid(connection: socket.socket) -> int:
    _, uid, _ = CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
    return int(uid)


def _is_administrator(uid: int) -> bool:
    try:
        group = grp.getgrnam(ADMINISTRATORS)
        person = pwd.getpwuid(uid)
    except KeyError:
        return False
    return person.pw_gid == group.gr_gid or person.pw_name in group.gr_mem
