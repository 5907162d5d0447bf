"""The wet end: the agents' page on its socket, inside the desk's event loop, always TLS.

1. The page never takes the desk with it. A certificate, a template or a port that cannot be used is told to the
   journal and tried again; meanwhile there is no page and everything is stored as before.
2. No request is logged: neither who looked, nor at what.
3. A request has its time, a connection its bounds (`door.py`), a browser its queue (`subscription.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import secrets
import socket
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import uvicorn
from jinja2 import TemplateError
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from tavs.config import Config
from tavs.errors import ConfigError
from tavs.host.certificate import ServerContext
from tavs.host.clock import Clock
from tavs.host.home import Home
from tavs.host.journal import Message, say
from tavs.panel.accounts import Roster
from tavs.panel.app import App, Terms
from tavs.panel.board import Board
from tavs.panel.door import Door
from tavs.panel.guard import Network
from tavs.panel.identity import Identity
from tavs.panel.pages import FOLDER, Pages
from tavs.panel.session import Sessions
from tavs.store.database import Connection

HEADER_LIMIT_BYTES = 16 * 1024
REQUEST_S = 15.0
"""From the connection, or from the answer before, to a whole header; then it is closed."""
HANDSHAKE_S, SHUTDOWN_S = 10.0, 3.0
"""Of TLS; a browser that does not read is cut off after the second."""
GRACE_S = 3
"""What is under way may still be written when the desk stops."""
BACKLOG = 256
WRITE_BUFFER_BYTES = 64 * 1024
READ_BUFFER_BYTES = 16 * 1024
"""Of a connection, for what comes in: the event loop would set 256 KiB aside for each, 50 MB for 200 browsers."""
TICK_S = 1.0
AGAIN_S = 30.0
"""Pause before a page that could not be served is tried again."""


def new_boot() -> str:
    """What tells the numbers of one start of the desk from those of another."""
    return secrets.token_hex(6)


class Panel:
    """The page of one desk. `run` belongs into the desk's task group; `board` is fed by the desk."""

    def __init__(
        self,
        home: Home,
        config: Config,
        *,
        clock: Clock,
        board: Board,
        connection: Connection,
        terms: Callable[[], Terms],
        handed: socket.socket | None = None,
        pages: Path = FOLDER,
    ) -> None:
        """`connection` writes; `handed` is a listening socket, else `[panel] listen` is bound. Raises ConfigError."""
        self._home = home
        self._clock = clock
        self._board = board
        self._connection = connection
        self._terms = terms
        self._config = config
        self._handed = handed
        self._pages = pages
        self._allow = _networks("panel.allow", config.panel.allow)
        self._proxies = _networks("panel.proxies", config.panel.proxies)
        self._address = _address(config.panel.listen)
        self._roster = Roster(home)
        self.sessions = Sessions(board.sign_out)
        self.bound: tuple[str, int] | None = None
        """Where the page is, once it is served."""
        self._door: Door | None = None

    @property
    def inside(self) -> int:
        """Connections that are open."""
        return self._door.inside if self._door else 0

    @property
    def refused(self) -> int:
        """Connections that were not let in, since the page is served."""
        return self._door.refused if self._door else 0

    async def run(self) -> None:
        """Serve until cancelled."""
        is_told = False
        while True:
            try:
                door, tls, pages = self._open()
            except (ConfigError, OSError, TemplateError):
                if not is_told:
                    say(Message.PANEL_UNUSABLE)
                is_told = True
                await asyncio.sleep(AGAIN_S)
                continue
            await self._serve(door, tls, pages)

    def _open(self) -> tuple[Door, ServerContext, Pages]:
        tls, pages = ServerContext(self._home), Pages(self._pages)
        listener = self._handed.dup() if self._handed else _listener(*self._address)
        listener.setblocking(False)
        return Door(listener, allow=self._allow, proxies=self._proxies), tls, pages

    async def _serve(self, door: Door, tls: ServerContext, pages: Pages) -> None:
        server = _Server(self._application(pages), door, tls)
        host, port = door.getsockname()[:2]
        self.bound, self._door = (host, port), door
        serving = asyncio.create_task(server.serve(), name="panel server")
        try:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(self._watch(tls), name="panel watch")
                await asyncio.shield(serving)
                watching.cancel()
        finally:
            self.bound, self._door = None, None
            server.should_exit = True
            self._board.close()
            await serving
            door.close()

    def _application(self, pages: Pages) -> ASGIApp:
        config = self._config
        identity = Identity(
            sessions=self.sessions,
            roster=self._roster,
            clock=self._clock,
            proxies=self._proxies,
            proxy_header=config.panel.proxy_header,
        )
        return App(
            board=self._board,
            identity=identity,
            pages=pages,
            connection=self._connection,
            terms=self._terms,
            clock=self._clock,
            zone=ZoneInfo(config.site.timezone),
            site=config.site.name,
            language=config.panel.language,
        ).asgi()

    async def _watch(self, tls: ServerContext) -> None:
        """What changes by time, and what changes on disk."""
        while True:
            now_s = self._clock.monotonic()
            self._board.tick(now_s)
            try:
                self._roster.reload()
            except ConfigError:
                say(Message.ACCOUNTS_REFUSED)
            try:
                tls.reload()
            except ConfigError:
                say(Message.CERTIFICATE_REFUSED)
            self.sessions.settle(self._roster.find, now_s)
            await asyncio.sleep(TICK_S)


class _Protocol(H11Protocol):
    """HTTP/1.1 on one connection, with a time for each request to arrive in."""

    _patience: asyncio.TimerHandle | None = None
    door: Door

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """TLS has been agreed upon: only then is there anything for HTTP to be spoken on."""
        super().connection_made(transport)
        self.door.has_finished(transport.get_extra_info("peername"))
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._wait_no_more()

    def on_response_complete(self) -> None:
        answered = self.cycle
        super().on_response_complete()
        if self.cycle is answered:
            self._wait()

    def _wait(self) -> None:
        self._wait_no_more()
        self._patience = self.loop.call_later(REQUEST_S, self.transport.abort)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()


class _Server(uvicorn.Server):
    """Without signals, logs and processes of its own: those are the desk's."""

    def __init__(self, app: ASGIApp, door: Door, tls: ServerContext) -> None:
        for name in ("uvicorn.error", "uvicorn.access"):
            logging.getLogger(name).disabled = True  # they would print addresses, paths and errors with their values
        super().__init__(
            uvicorn.Config(
                cast(Any, app),
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                interface="asgi3",
                h11_max_incomplete_event_size=HEADER_LIMIT_BYTES,
                timeout_graceful_shutdown=GRACE_S,
                reset_contextvars=True,
            )
        )
        self._door = door
        self._tls = tls

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        SSLProtocol.max_size = READ_BUFFER_BYTES

        def protocol() -> _Protocol:
            made = _Protocol(self.config, self.server_state, self.lifespan.state)
            made.door = self._door
            return made

        server = await loop.create_server(
            protocol,
            sock=self._door,
            ssl=self._tls.context,
            backlog=BACKLOG,
            ssl_handshake_timeout=HANDSHAKE_S,
            ssl_shutdown_timeout=SHUTDOWN_S,
        )
        self.servers = [server]
        self.started = True


def _networks(key: str, written: tuple[str, ...]) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(each) for each in written)
    except ValueError:
        raise ConfigError(f"{key} holds something that is no network", "write each as 10.1.0.0/16") from None


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(host)
        number = int(port)
    except ValueError:
        number = -1
    if not 0 <= number <= 65535:
        raise ConfigError("panel.listen is no address and port", 'write it as "0.0.0.0:8443" or "[::]:8443"')
    return host, number


def _listener(host: str, port: int) -> socket.socket:
    """Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=family == socket.AF_INET6)
