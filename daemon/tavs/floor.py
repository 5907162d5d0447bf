"""The calls under way: each one's life from its beginning, or from where the listener before left it, to its end.

1. Nothing here waits for a disk or a model: recordings are written by one thread, voices are found by another, words by
   processes of their own.
2. Whatever fails beside it, the recording goes on: a call is ended by its PBX, by its session timer or by half an hour
   of silence.
3. What the next listener needs to go on with a call lies in memory that outlives this process; how much of the sound is
   sealed stands beside it, so that the gap between two parts is known to the page.
"""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from tavs import announce
from tavs.audio.sockets import Packet
from tavs.call.dialog import Dialog
from tavs.call.kept_call import KeptCall
from tavs.call.party import party_ref
from tavs.call.session import CallStart, Description, EndReason, Stream
from tavs.config import Config
from tavs.conversation import Conversation
from tavs.events import (
    ArtifactClosed,
    CallEnded,
    CallId,
    Channel,
    ConsentHeard,
    Event,
    GapKind,
    PartyRef,
    Sidecar,
    SoundGap,
)
from tavs.host.clock import Clock
from tavs.host.journal import Message, say
from tavs.host.memory_file import MemoryFile
from tavs.live_call import LiveCall, begin_memory, beside
from tavs.masking.detect import Masker
from tavs.masking.gate import Gate
from tavs.recording.recorder import Recorder
from tavs.recording.recover import conclude
from tavs.recording.transcript import beginner
from tavs.script import Script
from tavs.sound import RATE_HZ, Block, Sound
from tavs.speech.utterance import Segment
from tavs.stages import Stages
from tavs.tape import Tape

MEDIA_TICK_S = 0.02
"""How often the RTP sockets are emptied: one packet of 20 ms a stream."""
SOUND_TICKS = 5
"""Every so many of them settled sound goes on to speech: 0.1 s, part of the delay of every phrase."""
CATCH_UP_S = SOUND_TICKS * MEDIA_TICK_S
NO_AUDIO_S = 30.0
"""Signalling without a packet for this long is an alarm (PROTOCOLS d.4)."""
SILENT_END_S = 1800.0
"""A call without a packet for this long is over, even if nobody said so; hold may be long (PAINS P8)."""
GRID_MS = 20
"""Sound begins on the grid of the legs' frames."""
LABELS_A_PART = 100
"""Numbers of labels that a part of a call may use up; the next part's begin above: nobody knows whose these were."""


class Floor:
    """Told about calls by whichever way in it is (call.session.CallFloor)."""

    def __init__(
        self,
        *,
        config: Config,
        masker: Masker,
        index_key: bytes | None,
        stages: Stages,
        clock: Clock,
        hang_up: Callable[[CallId, EndReason], None],
    ) -> None:
        self._config = config
        self._masker = masker
        self._index_key = index_key
        self._stages = stages
        self._clock = clock
        self._hang_up = hang_up
        self._recorder = Recorder(folder=stages.incoming, public_key=stages.public_key, clock=clock)
        self._calls: dict[CallId, LiveCall] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._hearing: asyncio.Task[None] | None = None
        self._failed = 0

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def unrecorded(self) -> int:
        """Calls of which the recording has failed, or whose disk hangs."""
        tapes = [live.tape for live in self._calls.values() if live.tape]
        return sum(tape.has_failed or tape.is_stuck for tape in tapes)

    @property
    def failed(self) -> int:
        """Recordings that failed since the start, those under way included."""
        return self._failed + self.unrecorded

    @property
    def oldest_s(self) -> float:
        """How long the call that began first has lasted; 0 without any."""
        now_s = self._clock.monotonic()
        return max((now_s - live.start.started_s for live in self._calls.values()), default=0.0)

    def follow(self, config: Config, masker: Masker) -> None:
        """The configuration was read again; calls under way follow it where it is about text."""
        self._config, self._masker = config, masker
        for live in self._calls.values():
            live.words.follow(masker, hold_back_ms=self._hold_back_ms, agent_is_shown=self._agent_is_shown)

    def introductions(self) -> Iterator[Event]:
        """The calls under way, for a desk that may not know them."""
        return (each for live in self._calls.values() for each in live.introduction())

    # --- a call begins, goes on, changes, ends -----------------------------------------------------------------------

    def call_started(self, start: CallStart) -> LiveCall:
        live = self._live(start, Sound(start.started_s), memory=begin_memory(start.call))
        self._begin(live)
        say(Message.CALL_STARTED, call=start.call, streams=len(start.streams))
        return live

    def go_on(self, kept: KeptCall, memory: MemoryFile, sockets: Mapping[int, socket.socket]) -> None:
        """Go on with a call of the listener before this one, from the first packet that waits for it.

        `sockets` are all of its sockets, by their ports.
        """
        start, media = kept.start(), self._stages.media
        named = {stream.index: stream.remote for stream in start.streams}
        media.go_on(start.call, sockets, kept.dialog.ports, named, kept.sources)
        waited = media.waited(start.call)
        now_s = self._clock.monotonic()
        sealed_ms = max(memory.marked(), kept.begins_ms)
        begins_ms = _on_grid(sealed_ms, (waited[0][2] if waited else now_s) - start.started_s)
        lost = SoundGap(channel=Channel.UNKNOWN, kind=GapKind.INTERRUPTED, t0_ms=sealed_ms, t1_ms=begins_ms)
        live = self._live(
            start,
            Sound(start.started_s, begins_ms, (lost,)),
            part=kept.part + 1,
            begins_ms=begins_ms,
            memory=memory,
            consents=kept.consents,
        )
        live.remember(kept.dialog, media.sources(start.call))
        self._stages.ears.begin(start.call, begins_ms)
        self._begin(live)
        self._describe(live)
        self._catch_up(live, waited, now_s)
        say(Message.CALL_RESUMED, call=start.call, part=live.part, gap_ms=begins_ms - sealed_ms)

    def remember(self, dialog: Dialog) -> None:
        """The dialog of a call has changed."""
        if live := self._calls.get(dialog.call):
            live.remember(dialog, self._stages.media.sources(dialog.call))

    def call_changed(self, call: CallId, streams: tuple[Stream, ...], description: Description) -> None:
        if live := self._calls.get(call):
            live.party_ref = self._reference(description)
            self._tune(live, streams, description)
            self._describe(live)

    def call_ended(self, call: CallId, reason: EndReason) -> None:
        if live := self._calls.get(call):
            self._empty_sockets()
            self._ends(live, reason)

    def leave(self) -> None:
        """Finish what this process has of every call; the next goes on with them. No packet may be read after it."""
        self._empty_sockets()
        for live in [each for each in self._calls.values() if not each.is_over]:
            self._ends(live, None)

    async def drain(self) -> None:
        """Wait for the last words of calls that have ended."""
        while self._ending:
            await asyncio.wait(self._ending)

    def _live(
        self,
        start: CallStart,
        sound: Sound,
        *,
        part: int = 0,
        begins_ms: int = 0,
        memory: MemoryFile | None = None,
        consents: tuple[ConsentHeard, ...] = (),
    ) -> LiveCall:
        stages, reference = self._stages, self._reference(start.description)
        begin = beginner(stages.incoming, stages.public_key, self._clock, start, reference, part=part)
        words = Conversation(
            call=start.call,
            started_s=start.started_s,
            gate=Gate(
                call=start.call,
                masker=self._masker,
                hold_back_ms=self._hold_back_ms,
                numbered=part * LABELS_A_PART,
            ),
            workers=stages.workers,
            relay=stages.relay,
            clock=self._clock,
            agent_is_shown=self._agent_is_shown,
            script=Script(start.call, begin, stages.writer, consents),
        )
        return LiveCall(
            start=start,
            sound=sound,
            words=words,
            carrying=stages.group.create_task(beside(words.run(), start.call), name="words"),
            party_ref=reference,
            part=part,
            begins_ms=begins_ms,
            memory=memory,
        )

    def _begin(self, live: LiveCall) -> None:
        start = live.start
        if self._config.recording.documentation:
            begin = functools.partial(
                self._recorder.begin, start, live.party_ref, part=live.part, lost=live.sound.lost, on_sealed=live.seals
            )
            live.tape = Tape(start.call, begin, self._stages.writer, live.begins_ms)
        self._calls[start.call] = live
        self._tune(live, start.streams, start.description)
        live.told = live.state()
        self._stages.relay.send(announce.started(start, live.party_ref, live.told))

    def _describe(self, live: LiveCall) -> None:
        live.told = live.state()
        self._stages.relay.send(announce.described(live.start.call, live.description, live.party_ref, live.told))

    def _ends(self, live: LiveCall, reason: EndReason | None) -> None:
        live.is_over = True
        blocks = live.sound.finish(self._clock.monotonic())
        self.carry(live, blocks)
        task = self._stages.group.create_task(beside(self.finish(live, reason), live.start.call), name="end of call")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    # --- sound -------------------------------------------------------------------------------------------------------

    def _tune(self, live: LiveCall, streams: tuple[Stream, ...], description: Description) -> None:
        live.streams, live.description = streams, description
        live.sound.tune(streams)
        live.words.script.answered(description.answers, self._clock.now())
        for stream in streams:
            self._stages.media.expect(live.start.call, stream.index, stream.remote)
        if live.tape and description.sealed != live.sealed:
            live.sealed = description.sealed
            live.tape.seal(
                description.sealed,
                extension=description.extension,
                party_ref=live.party_ref,
                consents=live.words.script.consents,
            )

    async def carry_media(self) -> None:
        ticks = 0
        due_s = self._clock.monotonic()
        while True:
            due_s = max(due_s + (MEDIA_TICK_S if self._calls else CATCH_UP_S), self._clock.monotonic())
            await asyncio.sleep(due_s - self._clock.monotonic())
            self._empty_sockets()
            self._stages.on_media()
            ticks += 1
            if ticks % SOUND_TICKS == 0:
                self._move_sound()

    def _empty_sockets(self) -> None:
        media = self._stages.media
        for call, index, arrival_s, packet in media.poll():
            if live := self._calls.get(call):
                live.sound.feed(index, packet, arrival_s)
        for call in media.newly_heard():
            if (live := self._calls.get(call)) and live.dialog:
                live.remember(live.dialog, media.sources(call))

    def _catch_up(self, live: LiveCall, waited: Iterable[Packet], now_s: float) -> None:
        """Hear what came while nobody read, at the pace at which it came: a leg holds three seconds."""
        taken_s = 0.0
        for _, index, arrival_s, packet in waited:
            if arrival_s - taken_s >= CATCH_UP_S:
                taken_s = arrival_s
                self.carry(live, live.sound.take(arrival_s))
            live.sound.feed(index, packet, arrival_s)
        live.sound.heard_s = now_s  # its silence is counted from here on

    def carry(self, live: LiveCall, blocks: dict[Channel, Block]) -> None:
        """Give sound to the tape and to the ears; `_move_sound` and `finish` see that they listen."""
        live.seal(blocks)
        if not self._config.speech.live:
            return
        for channel, block in blocks.items():
            is_heard = self._config.speech.agent_channel != "off" or live.words.script.is_wanted
            if len(block) and (channel is not Channel.AGENT or is_heard):
                start_ms = live.sound.taken_ms - len(block) * 1000 // RATE_HZ
                self._stages.ears.hear(live.start.call, channel, block, start_ms)

    def _move_sound(self) -> None:
        now_s = self._clock.monotonic()
        for live in [each for each in self._calls.values() if not each.is_over]:
            self.carry(live, live.sound.take(now_s))
            live.words.tick(now_s)
            if live.told != live.state():
                self._describe(live)
            self._notice_silence(live, now_s)
        if self._hearing is None or self._hearing.done():
            self._hearing = self._stages.group.create_task(self.find_voices(), name="voices")

    def _notice_silence(self, live: LiveCall, now_s: float) -> None:
        heard_s = live.sound.heard_s
        if heard_s is None and not live.is_quiet_alarm_given and now_s - live.start.started_s >= NO_AUDIO_S:
            live.is_quiet_alarm_given = True
            say(Message.NO_AUDIO, call=live.start.call)
        if now_s - (heard_s or live.start.started_s) >= SILENT_END_S:
            self._hang_up(live.start.call, EndReason.SILENCE)

    # --- words -------------------------------------------------------------------------------------------------------

    async def find_voices(self) -> None:
        self._understand(await self._stages.ears.listen())

    def _understand(self, segments: list[Segment]) -> None:
        for segment in segments:
            if live := self._calls.get(segment.call):
                live.words.hear(segment, self._stages.group)

    # --- the end -----------------------------------------------------------------------------------------------------

    async def finish(self, live: LiveCall, reason: EndReason | None) -> None:
        """The last words, then the files; without a reason the call goes on and only this part is closed."""
        call, stages = live.start.call, self._stages
        ended_at = self._clock.now() if reason else None
        live.seal({}, is_last=True)
        if reason is None:
            await self._close(live, None)
        if self._hearing:
            await asyncio.wait({self._hearing})
        await self.find_voices()
        self._understand(await stages.ears.finish(call))
        live.words.end()
        await live.carrying
        del self._calls[call]
        if reason and ended_at:
            stages.relay.send(CallEnded(call=call, at=ended_at, reason=reason.value))
            kept = await self._close(live, ended_at)
            earlier = await self._conclude(live, ended_at)
            written = await live.words.script.close(ended_at)
            for sidecar in filter(None, (*earlier, kept, written)):
                stages.relay.send(ArtifactClosed(sidecar=sidecar))
            say(Message.CALL_ENDED, call=call, reason=reason, duration_ms=live.sound.taken_ms)
        else:
            await live.words.script.close(None)
        self._failed += bool(live.tape and live.tape.has_failed)
        if live.memory:
            live.memory.close()

    async def _close(self, live: LiveCall, ended_at: datetime | None) -> Sidecar | None:
        if live.tape is None:
            return None
        kept = await live.tape.close(call_ended_at=ended_at, gaps=live.sound.gaps())
        if kept:
            live.seals(kept.duration_ms)
        return kept

    async def _conclude(self, live: LiveCall, ended_at: datetime) -> list[Sidecar]:
        """The files of the listeners before this one."""
        if not live.part:
            return []
        work = functools.partial(conclude, self._stages.incoming, live.start.call, ended_at)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._stages.writer, work)
        except OSError:
            say(Message.RECORDING_FAILED, call=live.start.call)
            return []

    def _reference(self, description: Description) -> PartyRef | None:
        return party_ref(description.customer_number, self._index_key)

    @property
    def _hold_back_ms(self) -> int:
        return round(self._config.masking.hold_back_s * 1000)

    @property
    def _agent_is_shown(self) -> bool:
        return self._config.speech.agent_channel == "live"


def _on_grid(sealed_ms: int, first_s: float) -> int:
    """Where the sound of the next part begins: with its first packet, and not before the end of the last part."""
    return max(-(-sealed_ms // GRID_MS), int(first_s * 1000) // GRID_MS) * GRID_MS
