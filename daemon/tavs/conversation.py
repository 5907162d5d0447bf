"""The words of one call: segments to utterances, through the gate, to the relay.

1. Utterances reach the gate in the order their segments ended, whatever order the speech workers finish in.
2. The agent's words inform the gate; they reach the relay only where the site shows them (`agent_channel = "live"`).
3. What cannot be understood or masked becomes a gap; the call goes on. So does what a caller says in another language.
"""

from __future__ import annotations

import asyncio

from tavs.events import CallId, Channel, Gap, GapKind, MaskedSegment
from tavs.host.clock import Clock
from tavs.masking.detect import Masker
from tavs.masking.gate import Gate, Released
from tavs.masking.language import CallerLanguage
from tavs.relay import RelaySender
from tavs.script import Script
from tavs.speech.utterance import Segment, Utterance
from tavs.speech.workers import Dropped, SpeechWorkers

REMEMBERED = 64
"""Utterances whose arrival is remembered; the gate holds none for longer than a few."""


class Conversation:
    def __init__(
        self,
        *,
        call: CallId,
        started_s: float,
        gate: Gate,
        workers: SpeechWorkers,
        relay: RelaySender,
        clock: Clock,
        agent_is_shown: bool,
        script: Script,
    ) -> None:
        self.script = script
        self._call = call
        self._started_s = started_s
        self._gate = gate
        self._workers = workers
        self._relay = relay
        self._clock = clock
        self._agent_is_shown = agent_is_shown
        self._language = CallerLanguage()
        self._segments: asyncio.Queue[tuple[Segment, asyncio.Task[Utterance | Dropped]] | None] = asyncio.Queue()
        self._heard_at_s: dict[int, float] = {}
        self._under_way = 0

    def hear(self, segment: Segment, group: asyncio.TaskGroup) -> None:
        """Have a segment turned into text; its place in the conversation is that of this call."""
        words = group.create_task(self._workers.transcribe(segment), name=f"segment {segment.sequence}")
        self._under_way += 1
        self._segments.put_nowait((segment, words))

    def end(self) -> None:
        """No segment will follow."""
        self._segments.put_nowait(None)

    @property
    def is_idle(self) -> bool:
        """Every segment so far has become text or a gap."""
        return self._under_way == 0

    def follow(self, masker: Masker, *, hold_back_ms: int, agent_is_shown: bool) -> None:
        """The configuration was read again."""
        self._gate.follow(masker, hold_back_ms)
        self._agent_is_shown = agent_is_shown

    async def run(self) -> None:
        """Carry segments to the relay until the end of the call, then everything the gate still held."""
        while waiting := await self._segments.get():
            segment, words = waiting
            heard = await words
            if isinstance(heard, Dropped):
                self._lose(segment, heard.kind)
            else:
                self._understand(segment, heard)
            self._under_way -= 1
        self._release(self._gate.flush())

    def tick(self, now_s: float) -> None:
        """Let go what has been held back as long as it may be."""
        self._release(self._gate.tick(round((now_s - self._started_s) * 1000)))

    def _understand(self, segment: Segment, heard: Utterance) -> None:
        self.script.hear(heard)
        if heard.channel is Channel.AGENT or self._language.is_known(heard.text):
            self._remember(segment.sequence)
            self._release(self._gate.feed(heard))
        else:
            self._lose(segment, GapKind.LANGUAGE)

    def _release(self, released: list[Released]) -> None:
        now_s = self._clock.monotonic()
        for part in released:
            heard_at_s = self._heard_at_s.get(part.sequence, now_s)
            if part.withheld:
                self._relay.send(
                    Gap(
                        kind=GapKind.WITHHELD, call=self._call, channel=part.channel, t0_ms=part.t0_ms, t1_ms=part.t1_ms
                    )
                )
            elif part.text.text and (part.channel is not Channel.AGENT or self._agent_is_shown):
                self._relay.send(
                    MaskedSegment(
                        call=self._call,
                        channel=part.channel,
                        sequence=part.sequence,
                        t0_ms=part.t0_ms,
                        t1_ms=part.t1_ms,
                        text=part.text,
                        labels=part.labels,
                        held=part.held,
                        delay_ms=max(0, round((now_s - self._started_s) * 1000) - part.phrase_end_ms),
                        held_ms=round((now_s - heard_at_s) * 1000) if part.held else 0,
                    )
                )

    def _remember(self, sequence: int) -> None:
        self._heard_at_s[sequence] = self._clock.monotonic()
        if len(self._heard_at_s) > REMEMBERED:
            del self._heard_at_s[next(iter(self._heard_at_s))]

    def _lose(self, segment: Segment, kind: GapKind) -> None:
        self._relay.send(
            Gap(kind=kind, call=self._call, channel=segment.channel, t0_ms=segment.t0_ms, t1_ms=segment.t1_ms)
        )
