"""The agents' page with a desk behind it that a test or a picture plays on: the real routes over TLS, invented calls."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tavs.events import (
    CallDescribed,
    CallEnded,
    CallId,
    CallStarted,
    CallState,
    Channel,
    Event,
    Gap,
    MaskedSegment,
    MaskedText,
)
from tavs.host.clock import RealClock
from tavs.host.home import Home
from tavs.panel import accounts
from tavs.panel.accounts import Roster
from tavs.panel.app import App
from tavs.panel.board import Board
from tavs.panel.identity import Identity
from tavs.panel.pages import Pages
from tavs.panel.session import Sessions
from tavs.panel.wire import SuggestionView
from tavs.store.database import Connection, open_writer

ACCOUNT, PASSWORD, EXTENSION = "sofie", "korrekt hest batteri", "4512"
OTHER_ACCOUNT, OTHER_EXTENSION = "jonas", "4600"
Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Section:
    doc: str
    number: str
    title: str
    product: str
    text: str
    version: str = "IN-07"


SECTIONS = (
    Section(
        doc="indboforsikring", number="4.2", title="Udstrømning af vand", product="indbo",
        text="Forsikringen dækker skade på indbo forårsaget af vand, der pludseligt og tilfældigt strømmer ud af røranlæg, husholdningsmaskiner"
        " og akvarier. Langsom udsivning og dryp, som har fundet sted over tid, er undtaget. Skade på gulvbelægning, vægge og selve"
        " installationen hører under bygningsforsikringen. Er udstrømningen forårsaget af overboende, erstatter selskabet skaden og gør regres"
        " gældende mod den ansvarlige.",
    ),
    Section(
        doc="indboforsikring", number="1.2", title="Forsikringssted og dækning uden for hjemmet", product="indbo",
        text="Forsikringen dækker i helårsboligen på den adresse, der fremgår af policen, samt i tilhørende kælder- og loftsrum.",
    ),
    Section(
        doc="faelles-betingelser", number="2.1", title="Selvrisiko", product="fælles",
        text="Selvrisikoen fremgår af policen og trækkes fra erstatningen for hver skade.", version="FB-03",
    ),
    Section(
        doc="husforsikring", number="3.4", title="Skjulte rør og stikledninger", product="hus",
        text="Utætheder i skjulte vand- og varmerør dækkes, når røret ligger i mur, gulv eller krybekælder.", version="HU-11",
    ),
)  # fmt: skip
QUOTES = {
    "4.2": "Langsom udsivning og dryp, som har fundet sted over tid, er undtaget.",
    "1.2": "",
    "2.1": "Selvrisikoen fremgår af policen og trækkes fra erstatningen for hver skade.",
    "3.4": "Utætheder i skjulte vand- og varmerør dækkes, når røret ligger i mur, gulv eller krybekælder.",
}


class Terms:
    def in_force(self, day: date) -> tuple[Section, ...]:
        return SECTIONS


class Stage:
    """A desk in a thread. Its methods may be called from any other; each returns when it is done."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        for place in (self.home.etc, self.home.database.parent):
            place.mkdir(parents=True, exist_ok=True)
        for name, extension in ((ACCOUNT, EXTENSION), (OTHER_ACCOUNT, OTHER_EXTENSION)):
            accounts.add(self.home, name, PASSWORD, extensions=(extension,), language="", now=datetime.now(UTC))
        self._pair = _pair(folder)
        self._clock = RealClock()
        self._roster = Roster(self.home)
        self._roster.reload()
        self._pages = Pages()
        self.port = _free_port()
        self.address = f"https://localhost:{self.port}"
        self._rows = 0
        self._calls = 0
        self._boots = 0
        self._sequence = 0
        self.begin_again()

    def begin_again(self) -> None:
        """A new start of the desk, that knows no calls and no sessions; `rise` opens its doors."""
        self._boots += 1
        self.board = Board(f"boot{self._boots}")
        self.sessions = Sessions(self.board.sign_out)
        self.rise()

    def rise(self) -> None:
        started: Future[None] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), daemon=True)
        self._thread.start()
        started.result(timeout=20)

    def fall(self) -> None:
        """The desk is gone from the network; what it knows stays, as if the cable was pulled."""
        if self._loop.is_closed():
            return
        self.cut()
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(timeout=20)

    def cut(self) -> None:
        """End every open stream; browsers come back."""
        self.do(lambda: [each.close() for browsers in self.board._browsers.values() for each in list(browsers)])

    def do(self, act: Callable[[], Answer]) -> Answer:
        done: Future[Answer] = Future()
        self._loop.call_soon_threadsafe(lambda: _settle(done, act))
        return done.result(timeout=20)

    # What happens on the floor

    def call(
        self, *, extension: str = EXTENSION, ago_s: float = 0.0, recorded: bool = True, consent: bool | None = True
    ) -> CallId:
        self._calls += 1
        call = CallId(f"0192f0c1-0000-7000-8000-{self._calls:012d}")
        at = datetime.now(UTC) - timedelta(seconds=ago_s)
        state = CallState(is_recorded=recorded, has_consent=consent)
        self.do(lambda: self._connection.execute(
            "insert into calls (id, started_at, source, trunk, extension, flags) values (?, ?, 'siprec', '', ?, '[]')", (call, at.isoformat(), extension)))  # fmt: skip
        self.tell(CallStarted(call=call, at=at, source="siprec", extension=extension, state=state), ago_s=ago_s)
        if ago_s:
            self.describe(call, extension=extension, recorded=recorded, consent=consent)
        return call

    def describe(
        self,
        call: CallId,
        *,
        extension: str = EXTENSION,
        attributed: bool = True,
        recorded: bool = True,
        consent: bool | None = True,
    ) -> None:
        state = CallState(is_recorded=recorded, has_consent=consent, is_attributed=attributed)
        self.tell(CallDescribed(call=call, extension=extension, state=state))

    def say(self, call: CallId, channel: Channel, text: str, t0_ms: int = 0, *, late_ms: int = 0) -> int:
        self._rows += 1
        self._sequence += 1
        row = self._rows
        segment = MaskedSegment(
            call=call, channel=channel, sequence=self._sequence, t0_ms=t0_ms, t1_ms=t0_ms + 2000, text=MaskedText(text), delay_ms=late_ms
        )  # fmt: skip
        self.do(lambda: self._connection.execute(
            "insert into segments values (?, ?, ?, ?, ?, ?, '[]', 0, 0, 0, x'00')", (row, call, channel.value, self._sequence, t0_ms, t0_ms + 2000)))  # fmt: skip
        self.tell(segment, row)
        return row

    def suggest(
        self, call: CallId, number: str, *, t_ms: int = 0, quote: str | None = None, engine: str = "local"
    ) -> int:
        section = next(each for each in SECTIONS if each.number == number)

        def suggest() -> int:
            cursor = self._connection.execute(
                "insert into suggestions (call, segment, doc, section, title, score, t_ms, delay_ms, engine) values (?, ?, ?, ?, ?, 0.9, ?, 0, ?)",
                (call, self._rows, section.doc, number, section.title, t_ms, engine),
            )
            view = SuggestionView(
                call=call, id=int(cursor.lastrowid or 0), doc=section.doc, section=number, title=section.title, product=section.product,
                quote=QUOTES[number] if quote is None else quote, engine=engine, t_ms=t_ms,
            )  # fmt: skip
            self.board.suggest(view)
            return view.id

        return self.do(suggest)

    def end(self, call: CallId) -> None:
        self.tell(CallEnded(call=call, at=datetime.now(UTC), reason="bye"))

    def miss(self, gap: Gap) -> None:
        self.tell(gap)

    def tell(self, event: Event, row: int | None = None, *, ago_s: float = 0.0) -> None:
        self.do(lambda: self.board.apply(event, row, self._clock.monotonic() - ago_s))

    def verdicts(self) -> list[tuple[int, str]]:
        """As they lie in the store."""
        return self.do(
            lambda: self._connection.execute("select suggestion, verdict from feedback order by rowid").fetchall()
        )

    async def _serve(self, started: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection: Connection = open_writer(self.home.database)
        identity = Identity(
            sessions=self.sessions, roster=self._roster, clock=self._clock, proxies=(), proxy_header="X-Remote-User"
        )
        app = App(
            board=self.board, identity=identity, pages=self._pages, connection=self._connection, terms=Terms, clock=self._clock,
            zone=ZoneInfo("Europe/Copenhagen"), site="Nordhavn Forsikring", language="da",
        )  # fmt: skip
        config = uvicorn.Config(
            app.asgi(), host="127.0.0.1", port=self.port, ssl_certfile=self._pair, log_level="critical", lifespan="off",
            timeout_graceful_shutdown=1, timeout_keep_alive=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        serving = asyncio.create_task(self._server.serve())
        while not self._server.started and not serving.done():
            await asyncio.sleep(0.01)
        started.set_result(None)
        await serving
        self._connection.close()


def _settle(done: Future[Answer], act: Callable[[], Answer]) -> None:
    try:
        done.set_result(act())
    except Exception as error:  # noqa: BLE001 - the caller's thread raises it
        done.set_exception(error)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _pair(folder: Path) -> Path:
    """A key and a certificate for localhost, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    began = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(began).not_valid_after(began + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pair = folder / "localhost.pem"
    pair.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(pair)
    return pair
