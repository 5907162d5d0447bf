"""What tests of the page stand on: a home, its database, its board, its page, and browsers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec
from tavs.advice.sections import Section
from tavs.config import Config
from tavs.events import CallId, CallStarted, CallState, Channel, Event, MaskedSegment, MaskedText
from tavs.host import certificate, credentials
from tavs.host.clock import RealClock
from tavs.host.home import Home
from tavs.panel import accounts
from tavs.panel.board import Board
from tavs.panel.serve import Panel, new_boot
from tavs.panel.wire import SuggestionView
from tavs.relay import Received
from tavs.run import prepare
from tavs.store.database import open_writer
from tavs.store.keeper import Keeper
from tavs.store.text_keys import TextKeys

PAGES = Path(__file__).parent / "pages"
PASSWORD = "korrekt hest batteri hæfteklamme"
ANNA, BO = "4512", "4600"
"""Extensions of the two agents."""
CALL = CallId("0192f0c1-0000-7000-8000-000000000001")
OTHER_CALL = CallId("0192f0c1-0000-7000-8000-000000000002")
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATIENCE_S = 20.0


class MovedClock(RealClock):
    """The real clock, moved by a test."""

    moved_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.moved_s


class Terms:
    def in_force(self, day: date) -> list[Section]:
        text = "Vi dækker skade ved skybrud." if day >= AT.date() else "Udgået."
        return [Section(doc="hus", number="2.1", title="Skybrud", text=text, product="Husforsikring")]


@dataclass(frozen=True)
class Sent:
    """One message as a browser reads it."""

    id: str
    kind: str
    data: Any


class House:
    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        prepare(self.home)
        self.clock = MovedClock()
        certificate.create(self.home, self.clock.now())
        for name, extension in (("anna", ANNA), ("bo", BO)):
            accounts.add(self.home, name, PASSWORD, extensions=(extension,), language="", now=self.clock.now())
        self.connection = open_writer(self.home.database)
        self.keeper = Keeper(
            self.connection,
            TextKeys(self.home.text_keys, credentials.load("desk", self.home)),
            self.clock,
            ZoneInfo("Europe/Copenhagen"),
        )
        self.board = Board(new_boot())
        self.settings: dict[str, Any] = {}
        self.handed: socket.socket | None = None
        self.panel: Panel | None = None
        self.task: asyncio.Task[None] | None = None
        self._sequence = 0

    def make_panel(self) -> Panel:
        config = msgspec.convert({"panel": {"listen": "127.0.0.1:0", **self.settings}}, Config)
        return Panel(
            self.home,
            config,
            clock=self.clock,
            board=self.board,
            connection=self.connection,
            terms=Terms,
            handed=self.handed,
            pages=PAGES,
        )

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        self.panel = self.make_panel()
        task = self.task = asyncio.create_task(self.panel.run())
        try:
            async with asyncio.timeout(PATIENCE_S):
                while self.panel.bound is None:
                    await asyncio.sleep(0.01)
                yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @property
    def url(self) -> str:
        assert self.panel and self.panel.bound
        return f"https://127.0.0.1:{self.panel.bound[1]}"

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(certificate.places(self.home).certificate))

    def client(self, address: str = "127.0.0.1", headers: dict[str, str] | None = None) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(verify=self.tls(), local_address=address)
        return httpx.AsyncClient(transport=transport, base_url=self.url, headers=headers, timeout=PATIENCE_S)

    async def sign_in(self, client: httpx.AsyncClient, name: str = "anna", password: str = PASSWORD) -> httpx.Response:
        token = token_in((await client.get("/login")).text)
        return await client.post(
            "/login", data={"account": name, "password": password, "token": token}, headers=self.own()
        )

    @contextlib.asynccontextmanager
    async def agent(self, name: str = "anna") -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
        """A browser that is signed in, and the token of its page."""
        async with self.client() as client:
            assert 303 == (await self.sign_in(client, name)).status_code
            yield client, token_in((await client.get("/")).text)

    def own(self, **more: str) -> dict[str, str]:
        """What a browser says of a form of our own page."""
        return {"origin": self.url, "sec-fetch-site": "same-origin", **more}

    def tell(self, event: Event) -> int | None:
        """An event as the desk takes it: written, then shown."""
        row = self.keeper.apply(Received("boot", self._sequence, event))
        self._sequence += 1
        self.board.apply(event, row, self.clock.monotonic())
        return row

    def begin(self, call: CallId = CALL, extension: str = ANNA) -> None:
        self.tell(
            CallStarted(call=call, at=AT, source="siprec", extension=extension, state=CallState(is_recorded=True))
        )

    def say(self, text: str, call: CallId = CALL, sequence: int = 0) -> int:
        row = self.tell(segment(text, call, sequence))
        assert row is not None
        return row

    def suggest(self, row: int, call: CallId = CALL) -> int:
        self.connection.execute(
            "insert into suggestions (call, segment, doc, section, title, score, t_ms, delay_ms)"
            " values (?, ?, 'hus', '2.1', 'Skybrud', 0.9, 5000, 300)",
            (call, row),
        )
        number = int(self.connection.execute("select max(id) from suggestions").fetchone()[0])
        self.board.suggest(suggestion(number, call))
        return number


def segment(text: str, call: CallId = CALL, sequence: int = 0, channel: Channel = Channel.CUSTOMER) -> MaskedSegment:
    return MaskedSegment(
        call=call, channel=channel, sequence=sequence, t0_ms=sequence * 1000, t1_ms=sequence * 1000 + 900,
        text=MaskedText(text), labels=("PERSON",)
    )  # fmt: skip


def suggestion(number: int, call: CallId = CALL) -> SuggestionView:
    return SuggestionView(
        call=call, id=number, doc="hus", section="2.1", title="Skybrud", product="Husforsikring",
        quote="Vi dækker skade ved skybrud.", engine="local", t_ms=5000
    )  # fmt: skip


def token_in(page: str) -> str:
    found = re.search(r'(?:content|value)="([A-Za-z0-9_-]{43})"', page)
    assert found, page
    return found[1]


def read(block: str) -> Sent | None:
    """A message between two empty lines; None for a comment or a setting."""
    fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
    if "event" not in fields:
        return None
    return Sent(fields["id"], fields["event"], json.loads(fields["data"]))


def messages(body: bytes) -> list[Sent]:
    return [sent for block in body.decode().split("\n\n") if (sent := read(block))]


class Browser:
    """An EventSource: reads messages, and comes back with the last id it had."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.last_id = ""

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[AsyncIterator[Sent]]:
        headers = {"last-event-id": self.last_id} if self.last_id else {}
        async with self.client.stream("GET", "/events", headers=headers) as response:
            assert 200 == response.status_code
            yield self._messages(response)

    async def _messages(self, response: httpx.Response) -> AsyncIterator[Sent]:
        rest = ""
        async for piece in response.aiter_text():
            *blocks, rest = (rest + piece).split("\n\n")
            for block in blocks:
                if sent := read(block):
                    self.last_id = sent.id
                    yield sent
