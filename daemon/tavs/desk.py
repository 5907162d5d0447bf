"""Process 2: has never heard anybody. Events come in, rows and advice come out.

    relay ─▶ store ─▶ advice

1. What comes over the relay is untrusted input: a frame that breaks the rules ends the connection, not the desk.
2. Writing comes first; advice is given beside it and is the first to be left out when the desk is behind.
3. Files are the truth: at start, and whenever events were lost, sidecars are read again.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from zoneinfo import ZoneInfo

from tavs.advice import terms
from tavs.advice.local import Adviser
from tavs.advice.ranking import Ranker
from tavs.config import Config
from tavs.errors import ConfigError, PeerError
from tavs.events import CallEnded, CallId, MaskedSegment
from tavs.host import credentials, systemd
from tavs.host.clock import Clock
from tavs.host.home import Home
from tavs.host.journal import Message, say
from tavs.relay import Received, receive
from tavs.retention.policy import load
from tavs.store.clock_mark import trusted_now
from tavs.store.database import open_writer, transaction
from tavs.store.grants import enter_policy
from tavs.store.keeper import PROGRAM, Keeper, Suggestion
from tavs.store.reconcile import reconcile
from tavs.store.text_keys import TextKeys

ADVICE_WAITING = 32
"""Segments that may wait for advice; the oldest is left out when one more comes."""
RECONCILE_S = 600.0
"""New sidecars are read again this often besides, so that no grant depends on a single event."""


class Desk:
    def __init__(self, home: Home, config: Config, clock: Clock) -> None:
        self._home = home
        self._clock = clock
        keys = TextKeys(home.text_keys, credentials.load("desk", home))
        policy = load(home.retention)
        connection = open_writer(home.database)
        with transaction(connection):
            enter_policy(connection, policy, actor=PROGRAM, now=trusted_now(connection, clock))
        self._keeper = Keeper(connection, keys, clock, ZoneInfo(config.site.timezone))
        self._ranker = Ranker(terms.read(terms.folder(home)))
        self._advisers: dict[CallId, Adviser] = {}
        self._waiting: asyncio.Queue[tuple[int, MaskedSegment, float]] = asyncio.Queue(ADVICE_WAITING)
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
            group.create_task(self._advise(), name="advice")
            group.create_task(self._watch_files(), name="files")
            group.create_task(self._keep_alive(), name="watchdog")
            systemd.notify("READY=1", f"STATUS={len(self._ranker)} sections of terms")
            say(Message.READY, sections=len(self._ranker))

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
        came_s = self._clock.monotonic()
        segment = self._keeper.apply(received)
        event = received.event
        if event is None:
            self._lost_events.set()
        elif isinstance(event, MaskedSegment) and segment is not None:
            if self._waiting.full():
                self._waiting.get_nowait()
            self._waiting.put_nowait((segment, event, came_s))
        elif isinstance(event, CallEnded):
            self._advisers.pop(event.call, None)

    async def _advise(self) -> None:
        while True:
            segment, event, came_s = await self._waiting.get()
            adviser = self._advisers.setdefault(event.call, Adviser(self._ranker))
            for ranked in adviser.hear(event.channel.value, event.text.text, event.t1_ms):
                delay_ms = event.delay_ms + round((self._clock.monotonic() - came_s) * 1000)
                shown = Suggestion(
                    doc=ranked.section.doc,
                    section=ranked.section.number,
                    title=ranked.section.title,
                    score=ranked.score,
                    t_ms=event.t1_ms + delay_ms,
                    delay_ms=delay_ms,
                )
                self._keeper.suggest(event.call, segment, shown)

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

    async def _keep_alive(self) -> None:
        interval_s = systemd.watchdog_interval_s() or 10.0
        while True:
            self.watchdog.progress("loop")
            self.watchdog.ping()
            await asyncio.sleep(interval_s)


async def run(home: Home, config: Config, clock: Clock) -> None:
    with credentials.in_use(home):
        await Desk(home, config, clock).run()
