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
import signal
from pathlib import Path
from zoneinfo import ZoneInfo

import pysqlite3.dbapi2 as sqlite3

from tavs import config as configuration
from tavs import exposition, reloading
from tavs.advice import openai
from tavs.advice.counsel import Advice, Counsel
from tavs.advice.engine import Engine, LocalEngine
from tavs.advice.local import Silence
from tavs.advice.openai import OpenAiEngine
from tavs.advice.shelf import Shelf
from tavs.backup.note import refuse_unfinished
from tavs.config import Config
from tavs.errors import ConfigError, PeerError
from tavs.events import CallId
from tavs.host import credentials, systemd
from tavs.host.clock import Clock
from tavs.host.home import Home
from tavs.host.journal import Message, report, say
from tavs.panel.board import Board
from tavs.panel.recall import over, recall, shown, withdrawn
from tavs.panel.serve import Panel, new_boot
from tavs.panel.wire import AdviceState, SuggestionView
from tavs.relay import Received, receive
from tavs.reloading import Program
from tavs.retention.policy import load
from tavs.store.clock_mark import trusted_now
from tavs.store.database import Connection, open_writer, transaction
from tavs.store.egress import EgressLog
from tavs.store.grants import enter_policy
from tavs.store.keeper import PROGRAM, Keeper, Suggestion
from tavs.store.reconcile import reconcile
from tavs.store.text_keys import TextKeys
from tavs.tally import Tally

RECONCILE_S = 600.0
"""New sidecars are read again this often besides, so that no grant depends on a single event."""
RIGHTS_S = 5.0
AGAIN_S = 1.0
"""Pause before a database that is busy or full is written to again."""
SILENCES = {
    AdviceState.BEHIND: Silence.BEHIND,
    AdviceState.LANGUAGE: Silence.LANGUAGE,
    AdviceState.ATTRIBUTION: Silence.ATTRIBUTION,
    AdviceState.ENDED: Silence.ENDED,
}


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
        self._engine = _engine(home, config, connection, clock)
        self._counsel = Counsel(
            shelf=self._shelf,
            engine=self._engine,
            pauses=self._silence,
            show=self._suggest,
            a_minute=config.advice.a_minute,
            clock=clock,
        )
        for call in self._board:
            self._counsel.remember(call, shown(connection, call))
        self._panel = (
            Panel(
                home, config, clock=clock, board=self._board, connection=connection, terms=lambda: self._shelf.library
            )
            if config.panel.listen
            else None
        )
        self._config = config
        self._tally = Tally(
            asked=self._engine.outcomes if isinstance(self._engine, OpenAiEngine) else None,
            refused=lambda: self._panel.refused if self._panel else 0,
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
            group.create_task(
                exposition.serve(self._home, self._config.metrics.listen, self._clock, self._tally), name="metrics"
            )
            if self._panel:
                group.create_task(self._panel.run(), name="panel")
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._reload)
            systemd.notify("READY=1", f"STATUS={len(self._shelf.ranker)} sections of terms")
            say(Message.READY, sections=len(self._shelf.ranker))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._connection:
            self._connection.close()  # a listener that starts again replaces the one before it
        self._connection = writer
        try:
            async for received in receive(reader):
                self._take(received, await self._written(received))
                await asyncio.sleep(0)
        except PeerError:
            say(Message.RELAY_REFUSED)
        finally:
            writer.close()

    async def _written(self, received: Received) -> int | None:
        """The row of a segment. A database that is busy or full is waited for: what was read here is nowhere else."""
        is_told = False
        while True:
            try:
                return self._keeper.apply(received)
            except sqlite3.OperationalError as error:
                if not is_told:
                    say(Message.DATABASE_BUSY)
                    report(error)
                is_told = True
                await asyncio.sleep(AGAIN_S)

    def _take(self, received: Received, row: int | None) -> None:
        self._tally.take(received)
        event = received.event
        if event is None:
            self._lost_events.set()
            return
        self._board.apply(event, row, self._clock.monotonic())
        self._counsel.take(event, row)

    def _silence(self, call: CallId) -> Silence | None:
        """Why there is to be no advice on a call now; words that nobody would see an answer to go nowhere either."""
        if isinstance(self._engine, OpenAiEngine) and not self._board.is_on_a_screen(call):
            return Silence.ENDED
        return SILENCES.get(self._board.advice_state(call, self._clock.monotonic()))

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
        self._tally.suggested(advice.engine)
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

    def _reload(self) -> None:
        """Follow the configuration as it is now as far as that goes; one that cannot be used changes nothing."""
        systemd.notify("RELOADING=1", f"MONOTONIC_USEC={round(self._clock.monotonic() * 1_000_000)}")
        try:
            read = configuration.load(self._home).config
        except ConfigError as error:
            say(Message.RELOAD_REFUSED)
            systemd.notify("READY=1", f"STATUS=reload refused, nothing changed: {error.message}")
            return
        changes = reloading.changes(self._config, read, Program.DESK)
        self._config = reloading.followed(self._config, read, Program.DESK)
        self._counsel.follow(self._config.advice)
        say(Message.RELOADED, followed=len(changes.live), needs_restart=len(changes.restart))
        systemd.notify("READY=1", f"STATUS={changes.line()}")

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
            for ended in over(self._database, self._board):
                self._board.apply(ended, None, self._clock.monotonic())
                self._counsel.take(ended, None)

    async def _keep_alive(self) -> None:
        interval_s = systemd.watchdog_interval_s() or 10.0
        while True:
            self.watchdog.progress("loop")
            self.watchdog.ping()
            await asyncio.sleep(interval_s)


def _engine(home: Home, config: Config, connection: Connection, clock: Clock) -> Engine:
    """The engine of the configuration; the ranker alone in place of one that cannot be used."""
    if config.advice.engine == "local":
        return LocalEngine()
    try:
        return openai.configured(config.advice, home, EgressLog(connection, clock), clock)
    except ConfigError:
        say(Message.ADVICE_UNUSABLE)
        return LocalEngine()


async def run(home: Home, config: Config, clock: Clock) -> None:
    refuse_unfinished(home)
    with credentials.in_use(home):
        await Desk(home, config, clock).run()
