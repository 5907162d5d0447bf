"""One open browser: what waits for it, and what it missed while it was away. Pure.

1. What waits is bounded. A browser that does not keep up loses its place and is closed; the others never notice.
2. A snapshot replaces whatever waits: it says all of it.
3. What was sent is kept for a while, so that a browser that comes back is told only what it missed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

MOST_WAITING = 256
"""Messages; the agents' own calls bring about one a second, so this is minutes."""
KEPT_MESSAGES = 256
KEPT_BYTES = 256 * 1024
"""What an extension's messages may cost, in memory: a few minutes of the busiest call."""


class Message(NamedTuple):
    number: int
    """Ascending over all extensions, so that messages of several can be put in order."""
    body: bytes


class Subscription:
    """Messages for one browser, taken by whoever writes to it."""

    def __init__(self, extensions: frozenset[str]) -> None:
        self.extensions = extensions
        self.is_closed = False
        """Nothing more is put in; what waits may still be taken."""
        self.wake: Callable[[], None] = lambda: None
        """Called when something waits or the end has come."""
        self._waiting: deque[bytes] = deque()

    def push(self, body: bytes) -> None:
        if self.is_closed:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.clear()
            self.close()
            return
        self._waiting.append(body)
        self.wake()

    def replace(self, body: bytes) -> None:
        """Put a snapshot in place of what waits."""
        self._waiting.clear()
        self.push(body)

    def close(self, last_words: bytes = b"") -> None:
        if self.is_closed:
            return
        if last_words:
            self._waiting.append(last_words)
        self.is_closed = True
        self.wake()

    def take(self) -> bytes:
        """Everything that waits, in order."""
        taken = b"".join(self._waiting)
        self._waiting.clear()
        return taken


class History:
    """The last messages of one extension."""

    def __init__(self, begun_after: int) -> None:
        self.forgotten = begun_after
        """The highest number of which something may be missing here."""
        self._kept: deque[Message] = deque()
        self._bytes = 0

    def add(self, message: Message) -> None:
        self._kept.append(message)
        self._bytes += len(message.body)
        while len(self._kept) > KEPT_MESSAGES or self._bytes > KEPT_BYTES:
            oldest = self._kept.popleft()
            self._bytes -= len(oldest.body)
            self.forgotten = oldest.number

    def since(self, number: int) -> list[Message]:
        return [message for message in self._kept if message.number > number]
