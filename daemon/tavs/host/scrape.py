"""A page of figures for a collector: `GET /metrics`, and nothing else (RFC 9112).

1. A request is read up to a limit and for a moment; few are served at once; a connection is one request.
2. The page is made in a thread: whoever scrapes never holds up the program.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tavs.errors import ConfigError

CLIENTS = 4
PATIENCE_S = 5.0
REQUEST_LIMIT_BYTES = 8 * 1024
"""Also nginx's for a header."""
TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Scrape:
    def __init__(self, page: Callable[[], str]) -> None:
        self._page = page
        self._clients = 0

    async def start(self, address: str) -> asyncio.Server:
        """Listen on `HOST:PORT`. Raises ConfigError for what is none, OSError where it cannot be had."""
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ConfigError(f"[metrics] listen: {address!r} is no address", "write it as 127.0.0.1:9464")
        return await asyncio.start_server(self._serve, host.strip("[]"), int(port), limit=REQUEST_LIMIT_BYTES)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._clients >= CLIENTS:
            writer.close()
            return
        self._clients += 1
        try:
            async with asyncio.timeout(PATIENCE_S):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(await self._answer(request))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            self._clients -= 1
            writer.close()

    async def _answer(self, request: bytes) -> bytes:
        method, _, rest = request.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if path != b"/metrics":
            return response("404 Not Found", "figures are at /metrics\n")
        if method not in (b"GET", b"HEAD"):
            return response("405 Method Not Allowed", "figures are read\n", "Allow: GET, HEAD\r\n")
        page = await asyncio.to_thread(self._page)
        return response("200 OK", page, is_head=method == b"HEAD")


def response(status: str, body: str, header: str = "", *, is_head: bool = False) -> bytes:
    content = body.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {TEXT}\r\nContent-Length: {len(content)}\r\n"
        f"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n{header}Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + (b"" if is_head else content)
