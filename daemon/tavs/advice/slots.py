"""How many requests are under way at once, and what waits meanwhile: of each call its newest query only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tavs.events import CallId


class Slots:
    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: dict[CallId, asyncio.Future[bool]] = {}

    @asynccontextmanager
    async def taken(self, call: CallId) -> AsyncIterator[bool]:
        """Waits for a slot; False where a newer query of the call came meanwhile and has the place in the queue."""
        is_mine = await self._take(call)
        try:
            yield is_mine
        finally:
            if is_mine:
                self._release()

    async def _take(self, call: CallId) -> bool:
        if self._free:
            self._free -= 1
            return True
        mine: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        older = self._waiting.get(call)
        if older and not older.done():
            older.set_result(False)
        self._waiting[call] = mine
        try:
            return await mine
        except asyncio.CancelledError:
            if self._waiting.get(call) is mine:
                del self._waiting[call]
            elif mine.done() and not mine.cancelled() and mine.result():
                self._release()  # the slot came in the moment in which nobody wanted it any more
            raise

    def _release(self) -> None:
        while self._waiting:
            first = self._waiting.pop(next(iter(self._waiting)))
            if not first.done():  # else its deadline came in this moment
                first.set_result(True)
                return
        self._free += 1
