"""Process 2: has never heard anybody. Events come in; rows, advice and the agents' page come out.

    relay ─▶ store ─┬▶ panel
                    └▶ advice ─▶ store, panel

1. What comes over the relay is untrusted input: a frame that breaks the rules ends the connection, not the desk.
2. Writing comes first; page and advice are given beside it, and advice is the first to be left out.
3. Files are the truth: at start, and whenever events were lost, sidecars are read again.
4. Terms, a certificate or an advisory model that cannot be used cost what they are for, and nothing else.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from zoneinfo import ZoneInfo

from tavs.advice import openai
from tavs.advice.counsel import Advice, Counsel
from tavs.advice.engine import Engine, LocalEngine
from tavs.advice.local import Silence
from tavs.advice.shelf import Shelf
from tavs.config import Config
from tavs.errors import ConfigError, PeerError
from tavs.host import credentials, systemd
from tavs.host.clock import Clock
from tavs.host.home import Home
from tavs.host.journal import Message, say
from tavs.panel.board import Board
from tavs.panel.recall import recall, withdrawn
from tavs.panel.serve import Panel, new_boot
from tavs.panel.wire import AdviceState, SuggestionView
from tavs.relay import Received, receive
from tavs.retention.policy import load
from tavs.store.clock_mark import trusted_now
from tavs.store.database import open_writer, transaction
from tavs.store.egress import EgressLog
from tavs.store.grants import enter_policy
from tavs.store.keeper import PROGRAM, Keeper, Suggestion
from tavs.store.reconcile import reconcile
from tavs.store.text_keys import TextKeys

RECONCILE_S = 600.0
"""New sidecars are read again this often besides, so that no grant depends on a single event."""
RIGHTS_S = 5.0
SILENCES = {AdviceState.BEHIND: Silence.BEHIND, AdviceState.LANGUAGE: Silence.LANGUAGE}


class Desk:
    def __init__(self, home: Home, config: Config, clock: Clock) -> None:
        self._home = home
        self._clock = clock
        zone = ZoneInfo(config.site.timezone)
        keys = TextKeys(home.text_keys, credentials.load("desk", home))
        policy = load(home.retention)
        connection = open_writer(home.database)
        with transaction(connection):
            enter_policy(connection, policy, actor=PROGRAM, now=trusted_now(connection, clock))
        self._database = connection
        self._keeper = Keeper(connection, keys, clock, zone)
        self._board = Board(new_boot())
        self._shelf = Shelf(home, zone, clock, config.advice.embeddings)
        recall(
            self._board,
            connection,
            keys,
            home.incoming,
            self._shelf.section,
            now=clock.now(),
            now_s=clock.monotonic(),
        )
        engine: Engine = LocalEngine()
        if config.advice.engine == "openai":
            engine = openai.configured(config.advice, home, EgressLog(connection, clock), clock)
        self._counsel = Counsel(
            shelf=self._shelf,
            engine=engine,
            pauses=lambda call: SILENCES.get(self._board.advice_state(call, clock.monotonic())),
            show=self._suggest,
            a_minute=config.advice.a_minute,
            clock=clock,
        )
        self._panel = (
            Panel(
                home, config, clock=clock, board=self._board, connection=connection, terms=lambda: self._shelf.library
            )
            if config.panel.listen
            else None
        )
        self._connection: asyncio.StreamWriter | None = None
        self._lost_events = asyncio.Event()
        self.watchdog = systemd.Watchdog(("loop",))

    async def run(self) -> None:
        """Serve the relay until cancelled. Raises ConfigError where no socket was handed over."""
        handed = systemd.listen_sockets()
        if not handed:
            raise ConfigError("the desk was handed no relay socket", "start it by its unit or by `tavs run`")
        self._reconcile(self._home.incoming, self._home.archive)
        handed[0].setblocking(False)
        server = await asyncio.start_unix_server(self._serve, sock=handed[0])
        async with server, asyncio.TaskGroup() as group:
            group.create_task(self._counsel.run(), name="advice")
            group.create_task(self._shelf.run(), name="terms")
            group.create_task(self._watch_files(), name="files")
            group.create_task(self._watch_rights(), name="rights")
            group.create_task(self._keep_alive(), name="watchdog")
            if self._panel:
                group.create_task(self._panel.run(), name="panel")
            systemd.notify("READY=1", f"STATUS={len(self._shelf.ranker)} sections of terms")
            say(Message.READY, sections=len(self._shelf.ranker))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._connection:
            self._connection.close()  # a listener that starts again replaces the one before it
        self._connection = writer
        try:
            async for received in receive(reader):
                self._take(received)
                await asyncio.sleep(0)
        except PeerError:
            say(Message.RELAY_REFUSED)
        finally:
            writer.close()

    def _take(self, received: Received) -> None:
        row = self._keeper.apply(received)
        event = received.event
        if event is None:
            self._lost_events.set()
            return
        self._board.apply(event, row, self._clock.monotonic())
        self._counsel.take(event, row)

    def _suggest(self, advice: Advice) -> None:
        section = advice.ranked.section
        number = self._keeper.suggest(
            advice.call,
            advice.segment,
            Suggestion(
                doc=section.doc,
                section=section.number,
                title=section.title,
                score=advice.ranked.score,
                engine=advice.engine,
                t_ms=advice.t_ms,
                delay_ms=advice.delay_ms,
            ),
        )
        if number is None:
            return
        self._board.suggest(
            SuggestionView(
                call=advice.call,
                id=number,
                doc=section.doc,
                section=section.number,
                title=section.title,
                product=section.product,
                quote=advice.quote,
                engine=advice.engine,
                t_ms=advice.t_ms,
            )
        )

    async def _watch_files(self) -> None:
        while True:
            try:
                async with asyncio.timeout(RECONCILE_S):
                    await self._lost_events.wait()
            except TimeoutError:
                self._reconcile(self._home.incoming)
                continue
            self._lost_events.clear()
            self._reconcile(self._home.incoming)

    def _reconcile(self, *folders: Path) -> None:
        """The archive is read at the start only: what lies there was entered before it was moved there."""
        found = reconcile(folders, self._keeper)
        if found.entered or found.unreadable:
            say(Message.RECONCILED, entered=found.entered, unreadable=found.unreadable)

    async def _watch_rights(self) -> None:
        """What an officer erased or restricted goes from every screen."""
        while True:
            await asyncio.sleep(RIGHTS_S)
            for call in withdrawn(self._database, self._board):
                self._board.forget(call, self._clock.monotonic())

    async def _keep_alive(self) -> None:
        interval_s = systemd.watchdog_interval_s() or 10.0
        while True:
            self.watchdog.progress("loop")
            self.watchdog.ping()
            await asyncio.sleep(interval_s)


async def run(home: Home, config: Config, clock: Clock) -> None:
    with credentials.in_use(home):
        await Desk(home, config, clock).run()
