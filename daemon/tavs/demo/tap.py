"""A look at the relay: everything that crosses it is passed on and kept for the search."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from tavs.relay import short_path


class Tap:
    """Listens where the listener sends, and passes on to where the desk listens."""

    def __init__(self, listens: Path, desk: Path) -> None:
        self.traffic = bytearray()
        self._listens = listens
        self._desk = desk

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self._listens.unlink(missing_ok=True)
        with short_path(self._listens) as reachable:
            server = await asyncio.start_unix_server(self._carry, reachable)
        async with server:
            yield

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with short_path(self._desk) as reachable:
            _, onward = await asyncio.open_unix_connection(reachable)
        try:
            while data := await reader.read(65536):
                self.traffic += data
                onward.write(data)
                await onward.drain()
        finally:
            onward.close()
            writer.close()
