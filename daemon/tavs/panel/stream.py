"""Messages to one browser for as long as it listens: `text/event-stream` (WHATWG HTML section 9.2).

1. Something is written every fifteen seconds at least, so that a proxy keeps the connection and a dead one is noticed.
2. A browser that does not read is given up: its messages are bounded, and a write that takes too long ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from tavs.errors import PeerError
from tavs.panel.subscription import Subscription
from tavs.panel.wire import PING

PING_S = 15.0
WRITE_S = 20.0
"""A browser that reads takes what waits in far less, over the slowest of office networks."""
RETRY = b"retry: 2000\n\n"
"""Milliseconds after which a browser comes back."""


class EventStream(StreamingResponse):
    media_type = "text/event-stream"

    def __init__(self, subscription: Subscription, left: Callable[[], None], *, ping_s: float = PING_S) -> None:
        """`left` is called when it is over, however that comes."""
        super().__init__(_messages(subscription, ping_s))
        self._left = left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises PeerError where the browser does not read."""

        async def in_time(message: Message) -> None:
            try:
                async with asyncio.timeout(WRITE_S):
                    await send(message)
            except TimeoutError:
                raise PeerError("a browser does not read what it asked for") from None

        try:
            await super().__call__(scope, receive, in_time)
        finally:
            self._left()


class LastWords(StreamingResponse):
    """One message, and the end: a refusal that an EventSource can read."""

    media_type = "text/event-stream"

    def __init__(self, body: bytes) -> None:
        super().__init__(_once(body))


async def _messages(subscription: Subscription, ping_s: float) -> AsyncIterator[bytes]:
    filled = asyncio.Event()
    subscription.wake = filled.set
    yield RETRY
    while True:
        filled.clear()
        if waiting := subscription.take():
            yield waiting
            continue
        if subscription.is_closed:
            return
        try:
            async with asyncio.timeout(ping_s):
                await filled.wait()
        except TimeoutError:
            yield PING


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
