"""Process 1: hears calls. Read this first; it is a call's life from top to bottom.

    PBX ─▶ call ─▶ audio ─┬▶ recording        (sealed; this process cannot read back what it wrote)
                          └▶ speech ─▶ masking ─▶ relay

1. The event loop answers signalling and moves packets; it never waits for a disk or a model. Recordings are written by
   one thread, voices are found by another, words by processes of their own.
2. Whatever fails beside it, the recording goes on: a call is ended by its PBX, by its session timer or by half an hour
   of silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tavs import announce
from tavs.audio import wav
from tavs.audio.sockets import MediaSockets
from tavs.call import replay
from tavs.call.party import party_ref
from tavs.call.session import CallStart, Description, EndReason, Stream
from tavs.call.siprec import SiprecIntake, networks
from tavs.catalogue import find, folders, verify
from tavs.config import Config
from tavs.conversation import Conversation
from tavs.events import ArtifactClosed, CallEnded, CallId, Channel, PartyRef
from tavs.host import credentials, systemd
from tavs.host.clock import Clock, SimulatedClock
from tavs.host.home import Home
from tavs.host.journal import Message, report, say
from tavs.live_call import LiveCall
from tavs.masking.detect import masker_or_none_travels
from tavs.masking.gate import Gate
from tavs.recording.recorder import Recorder
from tavs.recording.recover import recover
from tavs.recording.transcript import beginner
from tavs.relay import RelaySender
from tavs.script import Script
from tavs.sound import RATE_HZ, Block, Sound, stereo
from tavs.speech.live import LiveSpeech
from tavs.speech.transcribe import VOICE_MODEL
from tavs.speech.utterance import Segment
from tavs.speech.vad import VoiceActivity
from tavs.speech.workers import SpeechWorkers, most_useful_threads
from tavs.tape import Tape

MEDIA_TICK_S = 0.02
"""How often the RTP sockets are emptied: one packet of 20 ms a stream."""
SOUND_TICKS = 5
"""Every so many of them settled sound goes on to speech: 0.1 s, part of the delay of every phrase."""
SEALED_SAMPLES = RATE_HZ // 4
"""Sound that is sealed at a time; with the page under way a crash costs less than a second."""
NO_AUDIO_S = 30.0
"""Signalling without a packet for this long is an alarm (PROTOCOLS d.4)."""
SILENT_END_S = 1800.0
"""A call without a packet for this long is over, even if nobody said so; hold may be long (PAINS P8)."""
IDLE_S = 0.005
STATUS_S = 10.0
DRAIN_S = 5.0
"""What a stop waits for words and events still under way."""

Heard = tuple[CallId, Channel, Block, int]
"""A block of one channel and its place in the call, in ms."""


class Listener:
    def __init__(self, home: Home, config: Config, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._index_key = credentials.load("index", home)
        self._public_key = credentials.load("site-public", home)
        self._recorder = Recorder(folder=home.incoming, public_key=self._public_key, clock=clock)
        self._incoming = home.incoming
        self._relay = RelaySender(home.relay_socket)
        self._relay.greeting = lambda: (each for live in self._calls.values() for each in live.introduction())
        siprec = config.intake.siprec
        both_families = ":" in siprec.media_address or any("[" in each for each in siprec.listen)
        self._media = MediaSockets(
            siprec.media_ports, clock, networks(siprec.media_allow, "media_allow"), "::" if both_families else "0.0.0.0"
        )
        self._intake = SiprecIntake(
            config=siprec, floor=self, media=self._media, clock=clock, consent_header=config.consent.sip_header
        )
        places = folders(home)
        model = find(config.speech.model, places)
        verify(model)
        self._live = LiveSpeech(VoiceActivity(find(VOICE_MODEL, places).path))
        workers = config.speech.workers
        self._workers = SpeechWorkers(model.name, workers, clock, most_useful_threads(workers))
        self._masker = masker_or_none_travels(config.masking, places)
        self._calls: dict[CallId, LiveCall] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._to_hear: list[Heard] = []
        self._hearing: asyncio.Task[None] | None = None
        self._writer = ThreadPoolExecutor(1, "recording")
        self._ears = ThreadPoolExecutor(1, "voices")
        self._group = asyncio.TaskGroup()
        self._watchdog = systemd.Watchdog(("media", "voices"))

    # --- a call begins, changes, ends (call.session.CallFloor) -------------------------------------------------------

    def call_started(self, start: CallStart) -> None:
        description = start.description
        reference = party_ref(description.customer_number, self._index_key)
        words = Conversation(
            call=start.call,
            started_s=start.started_s,
            gate=Gate(
                call=start.call, masker=self._masker, hold_back_ms=round(self._config.masking.hold_back_s * 1000)
            ),
            workers=self._workers,
            relay=self._relay,
            clock=self._clock,
            agent_is_shown=self._config.speech.agent_channel == "live",
            script=Script(
                start.call, beginner(self._incoming, self._public_key, self._clock, start, reference), self._writer
            ),
        )
        live = LiveCall(
            start=start,
            sound=Sound(start.started_s),
            tape=self._begin_tape(start, reference) if self._config.recording.documentation else None,
            words=words,
            carrying=self._group.create_task(_beside(words.run(), start.call), name="words"),
            streams=start.streams,
            description=description,
            party_ref=reference,
            sealed=b"",
            unsealed=[],
        )
        self._calls[start.call] = live
        self._tune(live, start.streams, description)
        live.told = live.state()
        self._relay.send(announce.started(start, reference, live.told))
        say(Message.CALL_STARTED, call=start.call, streams=len(start.streams))

    def call_changed(self, call: CallId, streams: tuple[Stream, ...], description: Description) -> None:
        if live := self._calls.get(call):
            live.party_ref = party_ref(description.customer_number, self._index_key)
            self._tune(live, streams, description)
            self._describe(live)

    def _describe(self, live: LiveCall) -> None:
        live.told = live.state()
        self._relay.send(announce.described(live.start.call, live.description, live.party_ref, live.told))

    def call_ended(self, call: CallId, reason: EndReason) -> None:
        if live := self._calls.get(call):
            self._empty_sockets()
            live.is_over = True
            blocks = live.sound.finish(self._clock.monotonic())
            self._seal(live, blocks, is_last=True)
            self._hear(live, blocks)
            task = self._group.create_task(_beside(self._end(live, reason), call), name="end of call")
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    # --- sound -------------------------------------------------------------------------------------------------------

    def _tune(self, live: LiveCall, streams: tuple[Stream, ...], description: Description) -> None:
        live.streams, live.description = streams, description
        live.sound.tune(streams)
        live.words.script.answered(description.answers, self._clock.now())
        for stream in streams:
            self._media.expect(live.start.call, stream.index, stream.remote)
        if live.tape and description.sealed != live.sealed:
            live.sealed = description.sealed
            live.tape.seal(
                description.sealed,
                extension=description.extension,
                party_ref=live.party_ref,
                consents=live.words.script.consents,
            )

    def _begin_tape(self, start: CallStart, reference: PartyRef | None) -> Tape:
        return Tape(start.call, lambda: self._recorder.begin(start, reference), self._writer)

    async def _carry_media(self) -> None:
        ticks = 0
        due_s = self._clock.monotonic()
        while True:
            due_s = max(due_s + MEDIA_TICK_S, self._clock.monotonic())
            await asyncio.sleep(due_s - self._clock.monotonic())
            self._empty_sockets()
            self._watchdog.progress("media")
            ticks += 1
            if ticks % SOUND_TICKS == 0:
                self._move_sound()

    def _empty_sockets(self) -> None:
        for call, index, arrival_s, packet in self._media.poll():
            if live := self._calls.get(call):
                live.sound.feed(index, packet, arrival_s)

    def _move_sound(self) -> None:
        now_s = self._clock.monotonic()
        for live in [each for each in self._calls.values() if not each.is_over]:
            blocks = live.sound.take(now_s)
            self._seal(live, blocks)
            self._hear(live, blocks)
            live.words.tick(now_s)
            if live.told != live.state():
                self._describe(live)
            self._notice_silence(live, now_s)
        if self._hearing is None or self._hearing.done():
            self._hearing = self._group.create_task(self._find_voices(), name="voices")

    def _seal(self, live: LiveCall, blocks: dict[Channel, Block], *, is_last: bool = False) -> None:
        """Collect blocks to a quarter of a second and hand it to the tape."""
        if live.tape is None:
            return
        live.unsealed.append(blocks)
        collected = sum(max((len(block) for block in each.values()), default=0) for each in live.unsealed)
        if collected >= SEALED_SAMPLES or (is_last and collected):
            live.tape.write(stereo(live.unsealed))
            live.unsealed.clear()

    def _notice_silence(self, live: LiveCall, now_s: float) -> None:
        heard_s = live.sound.heard_s
        if heard_s is None and not live.is_quiet_alarm_given and now_s - live.start.started_s >= NO_AUDIO_S:
            live.is_quiet_alarm_given = True
            say(Message.NO_AUDIO, call=live.start.call)
        if now_s - (heard_s or live.start.started_s) >= SILENT_END_S:
            self._intake.end(live.start.call, EndReason.SILENCE)

    # --- words -------------------------------------------------------------------------------------------------------

    def _hear(self, live: LiveCall, blocks: dict[Channel, Block]) -> None:
        """Give sound to the ears; `_move_sound` and `_end` see that they listen."""
        if not self._config.speech.live:
            return
        for channel, block in blocks.items():
            is_heard = self._config.speech.agent_channel != "off" or live.words.script.is_wanted
            if len(block) and (channel is not Channel.AGENT or is_heard):
                start_ms = live.sound.taken_ms - len(block) * 1000 // RATE_HZ
                self._to_hear.append((live.start.call, channel, block, start_ms))

    async def _find_voices(self) -> None:
        heard, self._to_hear = self._to_hear, []
        self._understand(await asyncio.get_running_loop().run_in_executor(self._ears, self._listen_to, heard))
        self._watchdog.progress("voices")

    def _understand(self, segments: list[Segment]) -> None:
        for segment in segments:
            if live := self._calls.get(segment.call):
                live.words.hear(segment, self._group)

    def _listen_to(self, heard: list[Heard]) -> list[Segment]:
        for call, channel, block, start_ms in heard:
            self._live.feed(call, channel, block, start_ms)
        return self._live.step()

    # --- the end of a call -------------------------------------------------------------------------------------------

    async def _end(self, live: LiveCall, reason: EndReason) -> None:
        call = live.start.call
        ended_at = self._clock.now()
        if self._hearing:
            await asyncio.wait({self._hearing})
        await self._find_voices()
        self._understand(await asyncio.get_running_loop().run_in_executor(self._ears, self._live.finish, call))
        live.words.end()
        await live.carrying
        del self._calls[call]
        self._relay.send(CallEnded(call=call, at=ended_at, reason=reason.value))
        if live.tape and (sidecar := await live.tape.close(call_ended_at=ended_at, gaps=live.sound.gaps())):
            self._relay.send(ArtifactClosed(sidecar=sidecar))
        if written := await live.words.script.close(ended_at):
            self._relay.send(ArtifactClosed(sidecar=written))
        say(Message.CALL_ENDED, call=call, reason=reason, duration_ms=live.sound.taken_ms)

    # --- the process -------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Hear calls until cancelled, then end them properly."""
        async with self._started():
            await self._intake.start()
            for name, work in (
                ("signalling", self._intake.run()),
                ("media", self._carry_media()),
                ("status", self._report()),
            ):
                self._group.create_task(work, name=name)
            systemd.notify("READY=1", f"X_LISTENING={' '.join(self._intake.addresses)}")
            say(Message.READY, workers=self._config.speech.workers)
            try:
                await asyncio.Event().wait()
            finally:
                systemd.notify("STOPPING=1")
                await self._intake.close()

    async def replay(self, file: Path, clock: SimulatedClock) -> None:
        """Hear one file as one call, as fast as words can be had; `clock` runs with the sound."""
        roles = wav.channels(file)
        async with self._started():
            systemd.notify("READY=1")
            start = replay.call_of(roles, clock.now(), clock.monotonic())
            self.call_started(start)
            live = self._calls[start.call]
            for block in wav.blocks(file):
                placed = live.sound.place(block)
                clock.advance(max(len(each) for each in placed.values()) / RATE_HZ)
                self._seal(live, placed)
                self._hear(live, placed)
                await self._find_voices()
                while not live.words.is_idle:
                    await asyncio.sleep(IDLE_S)
                live.words.tick(clock.monotonic())
            live.is_over = True
            self._seal(live, {}, is_last=True)
            await self._end(live, EndReason.BYE)

    @asynccontextmanager
    async def _started(self) -> AsyncIterator[None]:
        """Relay and speech workers around whatever is heard; what is under way is finished at the end."""
        async with self._group:
            relaying = self._group.create_task(self._relay.run(), name="relay")
            workers = await self._workers.start(self._group) if self._config.speech.live else []
            for sidecar in recover(self._incoming, self._clock):
                say(Message.RECORDING_RECOVERED, call=sidecar.call)
                self._relay.send(ArtifactClosed(sidecar=sidecar))
            try:
                yield
            finally:
                with suppress(TimeoutError):
                    async with asyncio.timeout(DRAIN_S):
                        while self._ending:
                            await asyncio.wait(self._ending)
                        await self._relay.drain(DRAIN_S)
                for task in (relaying, *workers):
                    task.cancel()
                await self._workers.close()
                self._media.close()
                self._writer.shutdown()
                self._ears.shutdown()

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
            systemd.notify(f"STATUS={len(self._calls)} calls, {self._workers.lag_s:.1f} s behind")

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


async def _beside(work: Coroutine[None, None, None], call: CallId) -> None:
    """The boundary of a call: whatever goes wrong inside ends with it and not with the calls beside it."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - one of the places where style rule 18 allows it
        say(Message.FAILED, call=call)
        report(error)


async def run(home: Home, config: Config, clock: Clock, replayed: Path | None = None) -> None:
    with credentials.in_use(home):
        simulated = SimulatedClock(clock.now())
        listener = Listener(home, config, simulated if replayed else clock)
        await (listener.replay(replayed, simulated) if replayed else listener.run())
