"""Who is let in, decided before a byte of TLS is read: by network, by how many are in already.

1. A connection from outside `[panel] allow` is closed where it is accepted; it costs neither a handshake nor a task.
2. The number of connections is bounded, in all and of one address, so that files stay for the database and the relay.
   Reverse proxies speak for many and are bounded by the whole only.
3. A connection that has not finished its handshake counts apart and is bounded far lower: whoever says nothing keeps
   out nobody but itself.
4. A connection that is dead without a word is noticed by the kernel (TCP_USER_TIMEOUT, tcp(7)).
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from typing import Any

from tavs.panel.guard import Network, is_in

Peer = tuple[Any, ...]
"""Address, port and what else the family has (socket(7))."""
MOST = 640
"""200 browsers with two connections each, and half as much again; below the 1,024 files of an ordinary process."""
MOST_OF_ADDRESS = 480
"""All of them may sit behind one terminal server; nobody alone takes the rest."""
MOST_UNFINISHED = 32
"""Handshakes of an address that are under way; each takes milliseconds, and a browser that is refused tries again."""
DEAD_AFTER_MS = 40_000
SEND_BUFFER_BYTES = 128 * 1024
"""What the kernel may hold for a browser that does not read."""


class Admitted(socket.socket):
    """A connection that says when it is closed."""

    on_close: Callable[[], None] = staticmethod(lambda: None)

    def close(self) -> None:
        super().close()
        told, self.on_close = self.on_close, lambda: None
        told()


class Door(socket.socket):
    """A listening socket that hands on only whom it lets in; it takes over `listener`."""

    def __init__(self, listener: socket.socket, *, allow: tuple[Network, ...], proxies: tuple[Network, ...]) -> None:
        super().__init__(fileno=listener.detach())
        self.refused = 0
        self._allow = allow
        self._proxies = proxies
        self._inside: Counter[str] = Counter()
        self._unfinished: set[Peer] = set()

    @property
    def inside(self) -> int:
        return self._inside.total()

    def accept(self) -> tuple[socket.socket, Peer]:
        """The next that is let in. Raises BlockingIOError when nobody waits, as the event loop expects it."""
        connection, peer = super().accept()
        address = str(peer[0])
        if self._lets_in(address):
            return self._admit(connection, address, peer), peer
        self.refused += 1
        connection.close()
        raise BlockingIOError  # the loop comes back for the next, after what else it has to do

    def has_finished(self, peer: Peer) -> None:
        """The handshake of the connection from `peer`, as `accept` named it, is over."""
        self._unfinished.discard(peer)

    def _lets_in(self, address: str) -> bool:
        is_proxy = is_in(address, self._proxies)
        if not is_proxy and not (is_in(address, self._allow) and self._has_room(address)):
            return False
        return self.inside < MOST

    def _has_room(self, address: str) -> bool:
        unfinished = sum(peer[0] == address for peer in self._unfinished)
        return self._inside[address] < MOST_OF_ADDRESS and unfinished < MOST_UNFINISHED

    def _admit(self, connection: socket.socket, address: str, peer: Peer) -> Admitted:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_AFTER_MS)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        admitted = Admitted(fileno=connection.detach())
        self._inside[address] += 1
        self._unfinished.add(peer)

        def closed() -> None:
            self._unfinished.discard(peer)
            self._inside[address] -= 1
            if not self._inside[address]:
                del self._inside[address]

        admitted.on_close = closed
        return admitted
