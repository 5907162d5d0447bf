"""Process 1: hears calls. Read this first, then `floor.py`: a call's life from top to bottom.

    PBX ─▶ call ─▶ audio ─┬▶ recording        (sealed; this process cannot read back what it wrote)
                          └▶ speech ─▶ masking ─▶ relay

1. The event loop answers signalling and moves packets; it never waits for a disk or a model.
2. It may die or be restarted in the middle of calls: the service manager keeps its sockets and the state of its calls
   (host/fd_store.py, call/kept_call.py), and the next start goes on with both before it does anything else.
3. SIGTERM ends the calls, with a BYE each. SIGUSR1 leaves them to the next start and says nothing; it is what a restart
   sends (`RestartKillSignal=`). SIGHUP reads the configuration again. An end that nobody ordered leaves calls alone.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from tavs import config as configuration
from tavs import reloading
from tavs.audio import wav
from tavs.audio.sockets import MediaSockets
from tavs.backup.note import refuse_unfinished
from tavs.call import replay
from tavs.call.session import EndReason
from tavs.call.siprec import SiprecIntake, networks
from tavs.catalogue import find, folders, verify
from tavs.condition import Condition
from tavs.config import Config
from tavs.control import State
from tavs.ears import Ears
from tavs.errors import ModelError, TavsError
from tavs.events import ArtifactClosed, CallId
from tavs.floor import Floor
from tavs.going_on import Found, FoundCall
from tavs.going_on import find as found_before
from tavs.host import credentials, systemd
from tavs.host.clock import Clock, SimulatedClock
from tavs.host.control_socket import Control
from tavs.host.home import Home
from tavs.host.journal import Message, say
from tavs.host.version import version
from tavs.masking.detect import Withholder, masker, masker_or_none_travels
from tavs.recording.recover import recover
from tavs.relay import RelaySender
from tavs.reloading import Program
from tavs.sound import RATE_HZ
from tavs.speech.live import LiveSpeech
from tavs.speech.transcribe import VOICE_MODEL
from tavs.speech.vad import VoiceActivity
from tavs.speech.workers import SpeechWorkers, most_useful_threads
from tavs.stages import Stages

IDLE_S = 0.005
STATUS_S = 10.0
DRAIN_S = 5.0
"""What a stop waits for words and events still under way."""
LEAVE_DRAIN_S = 2.0
"""The same for a restart: meanwhile packets wait in the kernel, which holds some seconds of them."""
ORDERS_LIMIT = 8


class _Finished(Exception):
    """What was to be waited for has been."""


class Listener:
    def __init__(self, home: Home, config: Config, clock: Clock) -> None:
        self._home = home
        self._config = config = _that_can_be_followed(config, home)
        self._clock = clock
        self._relay = RelaySender(home.relay_socket)
        siprec = config.intake.siprec
        both_families = ":" in siprec.media_address or any("[" in each for each in siprec.listen)
        self._media = MediaSockets(
            siprec.media_ports, clock, networks(siprec.media_allow, "media_allow"), "::" if both_families else "0.0.0.0"
        )
        places = folders(home)
        workers = config.speech.workers
        self._workers = SpeechWorkers(config.speech.model, workers, clock, most_useful_threads(workers))
        self._masker = masker_or_none_travels(config.masking, places)
        self._writer = ThreadPoolExecutor(1, "recording")
        self._thread_of_ears = ThreadPoolExecutor(1, "voices")
        self._group = asyncio.TaskGroup()
        self._background: list[asyncio.Task[None]] = []
        self._watchdog = watchdog = systemd.Watchdog(("media", "voices"))
        self._ears = Ears(
            LiveSpeech(VoiceActivity(find(VOICE_MODEL, places).path)),
            self._thread_of_ears,
            lambda: watchdog.progress("voices"),
        )
        self._floor = Floor(
            config=config,
            masker=self._masker,
            index_key=credentials.optional("index", home),
            stages=Stages(
                media=self._media,
                incoming=home.incoming,
                public_key=credentials.load("site-public", home),
                ears=self._ears,
                workers=self._workers,
                relay=self._relay,
                group=self._group,
                writer=self._writer,
                on_media=lambda: watchdog.progress("media"),
            ),
            clock=clock,
            hang_up=self._hang_up,
        )
        self._relay.greeting = self._floor.introductions
        self._intake = SiprecIntake(
            config=siprec,
            floor=self._floor,
            media=self._media,
            clock=clock,
            consent_header=config.consent.sip_header,
            remember=self._floor.remember,
        )
        self._orders: asyncio.Queue[signal.Signals] = asyncio.Queue(ORDERS_LIMIT)
        self._drain_s = DRAIN_S
        self._note = ""
        self._started_s = self._configured_s = clock.monotonic()

    async def run(self) -> None:
        """Hear calls until told to stop or to leave."""
        self._obey(signal.SIGHUP, signal.SIGUSR1)
        found = found_before(systemd.handed())
        async with self._started():
            dropped = self._take_over(found)
            media = self._begin(self._floor.carry_media(), "media")
            self._begin(Control(self._home, self._state, self._clock).run(), "control")
            await self._start_workers()
            await self._intake.start(found.listeners, found.streams)
            for each in dropped:
                if each.farewell:
                    self._intake.say(each.farewell)
            self._begin(self._intake.run(), "signalling")
            self._begin(self._report(), "status")
            self._obey(signal.SIGTERM, signal.SIGINT)
            systemd.notify("READY=1", f"X_LISTENING={' '.join(self._intake.addresses)}", f"STATUS={self._condition()}")
            say(Message.READY, workers=self._config.speech.workers)
            while (order := await self._orders.get()) is signal.SIGHUP:
                await self._reload()
            systemd.notify("STOPPING=1")
            if order is signal.SIGUSR1:
                await self._leave(media)
            else:
                await self._intake.close()

    async def replay(self, file: Path, clock: SimulatedClock) -> None:
        """Hear one file as one call, as fast as words can be had; `clock` runs with the sound."""
        roles = wav.channels(file)
        async with self._started():
            self._take_over(Found())
            await self._start_workers()
            systemd.notify("READY=1")
            live = self._floor.call_started(replay.call_of(roles, clock.now(), clock.monotonic()))
            for block in wav.blocks(file):
                placed = live.sound.place(block)
                clock.advance(max(len(each) for each in placed.values()) / RATE_HZ)
                self._floor.carry(live, placed)
                await self._floor.find_voices()
                while not live.words.is_idle:
                    await asyncio.sleep(IDLE_S)
                live.words.tick(clock.monotonic())
            await self._floor.finish(live, EndReason.BYE)

    # --- what the listener before this one left ----------------------------------------------------------------------

    def _take_over(self, found: Found) -> list[FoundCall]:
        """Close the files of the listener before this one and go on with its calls; those that cannot go on."""
        for sidecar in recover(self._home.incoming, self._clock, found.to_go_on()):
            say(Message.RECORDING_RECOVERED, call=sidecar.call)
            self._relay.send(ArtifactClosed(sidecar=sidecar))
        dropped = []
        for each in found.calls.values():
            if each.kept and each.memory and each.is_whole:
                self._floor.go_on(each.kept, each.memory, each.sockets)
                self._intake.server.go_on(each.kept.dialog)
            else:
                say(Message.CALL_DROPPED, call=each.call)
                each.let_go()
                dropped.append(each)
        return dropped

    async def _leave(self, media: asyncio.Task[None]) -> None:
        """Finish what is open here and say nothing to anybody: the next start goes on."""
        self._drain_s = LEAVE_DRAIN_S
        await self._intake.leave()
        media.cancel()
        await asyncio.wait({media})
        self._floor.leave()

    # --- the process -------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _started(self) -> AsyncIterator[None]:
        """The relay around whatever is heard; what is under way is finished at the end, or given up in time."""
        try:
            async with self._group:
                self._begin(self._relay.run(), "relay")
                try:
                    yield
                finally:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._drain_s):
                            await self._floor.drain()
                            await self._relay.drain(self._drain_s)
                    for task in self._background:
                        task.cancel()
                    await self._workers.close()
                    self._media.close()
                    self._writer.shutdown()
                    self._thread_of_ears.shutdown()
                raise _Finished  # ends the group with every task in it
        except BaseExceptionGroup as failures:
            _, others = failures.split(_Finished)
            if others:
                raise others from None

    def _begin(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = self._group.create_task(work, name=name)
        self._background.append(task)
        return task

    async def _start_workers(self) -> None:
        if self._config.speech.live:
            self._background += await self._workers.start(self._group)

    def _obey(self, *signals: signal.Signals) -> None:
        for each in signals:
            asyncio.get_running_loop().add_signal_handler(each, self._order, each)

    def _order(self, order: signal.Signals) -> None:
        with suppress(asyncio.QueueFull):
            self._orders.put_nowait(order)

    def _hang_up(self, call: CallId, reason: EndReason) -> None:
        self._intake.end(call, reason)

    async def _reload(self) -> None:
        """Follow the configuration as it is now as far as that goes; one that cannot be used changes nothing."""
        systemd.notify("RELOADING=1", f"MONOTONIC_USEC={round(self._clock.monotonic() * 1_000_000)}")
        try:
            read = configuration.load(self._home).config
            changes = reloading.changes(self._config, read, Program.LISTEN)
            config = reloading.followed(self._config, read, Program.LISTEN)
            masker_now = self._masker
            if config.masking != self._config.masking or isinstance(self._masker, Withholder):
                masker_now = await asyncio.to_thread(masker, config.masking, folders(self._home))
            allowed = networks(config.intake.siprec.media_allow, "media_allow")
            self._intake.follow(config.intake.siprec, config.consent.sip_header)
        except TavsError as error:
            self._note = f"reload refused, nothing changed: {error.message}"
            say(Message.RELOAD_REFUSED)
        else:
            self._config, self._masker, self._media.allow = config, masker_now, allowed
            self._floor.follow(config, masker_now)
            self._configured_s = self._clock.monotonic()
            self._note = changes.line() if changes.restart else ""
            say(Message.RELOADED, followed=len(changes.live), needs_restart=len(changes.restart))
        systemd.notify("READY=1", f"STATUS={self._condition()}")

    async def _report(self) -> None:
        """Status line, watchdog and what went wrong since the last time; no ping when packets or voices stand still."""
        interval_s = min(systemd.watchdog_interval_s() or STATUS_S, STATUS_S)
        before = self._troubles()
        while True:
            await asyncio.sleep(interval_s)
            self._watchdog.ping()
            now = self._troubles()
            for message in now:
                if now[message] > before[message]:
                    say(message, count=now[message])
            before = now
            systemd.status(self._condition())

    def _condition(self) -> str:
        condition = Condition(
            calls=len(self._floor),
            lag_s=self._workers.lag_s,
            unrecorded=self._floor.unrecorded,
            is_masking=not isinstance(self._masker, Withholder),
            missing_workers=self._workers.count - len(self._workers.pids) if self._config.speech.live else 0,
            note=self._note,
        )
        return condition.line()

    def _state(self) -> State:
        """What whoever asks is told (control.py)."""
        now_s = self._clock.monotonic()
        return State(
            calls=len(self._floor),
            oldest_call_s=self._floor.oldest_s,
            is_recording=self._config.recording.documentation,
            recordings_failing=self._floor.unrecorded,
            recordings_failed=self._floor.failed,
            is_text_live=self._config.speech.live,
            is_masking_usable=not isinstance(self._masker, Withholder),
            lag_s=self._workers.lag_s,
            speech_workers=len(self._workers.pids),
            speech_dropped=self._workers.counters.dropped,
            speech_workers_lost=self._workers.counters.workers_lost,
            relay_waiting=self._relay.waiting,
            relay_lost=self._relay.lost,
            packets_foreign=self._media.counters.foreign,
            kernel_drops=self._media.kernel_drops(),
            ports_used=self._media.ports_used,
            peers_refused=self._intake.counters.not_allowed,
            uptime_s=now_s - self._started_s,
            configured_s=now_s - self._configured_s,
            version=version(),
        )

    def _troubles(self) -> dict[Message, int]:
        """Counters that somebody should hear of when they grow."""
        return {
            Message.PEERS_REFUSED: self._intake.counters.not_allowed,
            Message.PEERS_FLOODING: self._intake.counters.flooded,
            Message.SPEECH_BEHIND: self._workers.counters.dropped,
            Message.RELAY_LOST: self._relay.lost,
            Message.PACKETS_FOREIGN: self._media.counters.foreign,
            Message.PACKETS_DROPPED: self._media.kernel_drops(),
        }


def _that_can_be_followed(config: Config, home: Home) -> Config:
    """The configuration, without live text where the speech model cannot be used: recording goes on."""
    try:
        verify(find(config.speech.model, folders(home)))
    except ModelError:
        say(Message.SPEECH_UNUSABLE)
        speech = msgspec.structs.replace(config.speech, live=False)
        return msgspec.structs.replace(config, speech=speech)
    return config


async def run(home: Home, config: Config, clock: Clock, replayed: Path | None = None) -> None:
    refuse_unfinished(home)
    with credentials.in_use(home):
        simulated = SimulatedClock(clock.now())
        listener = Listener(home, config, simulated if replayed else clock)
        await (listener.replay(replayed, simulated) if replayed else listener.run())
