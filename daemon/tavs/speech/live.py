"""Voices of all live calls at once: blocks of sound in, segments out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tavs.events import CallId, Channel
from tavs.speech.resample import Upsampler
from tavs.speech.segments import Segmenter, Stretch, windows_of
from tavs.speech.utterance import Segment
from tavs.speech.vad import VoiceActivity, VoiceState, Window


@dataclass(slots=True)
class _Voice:
    segmenter: Segmenter
    upsampler: Upsampler = field(default_factory=Upsampler)
    state: VoiceState = field(default_factory=VoiceState)
    rest: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    waiting: deque[Window] = field(default_factory=deque)


class LiveSpeech:
    """Fed from one thread. Every channel of a call is fed contiguously from its first block on."""

    def __init__(self, activity: VoiceActivity) -> None:
        self._activity = activity
        self._voices: dict[CallId, dict[Channel, _Voice]] = {}
        self._sequences: dict[CallId, int] = {}

    def begin(self, call: CallId, sequence: int) -> None:
        """Number the segments of a call from above `sequence`: those up to it were given before this process began."""
        self._sequences[call] = sequence

    def feed(self, call: CallId, channel: Channel, samples: npt.NDArray[np.int16], start_ms: int) -> None:
        """Sound of one channel, int16 [n] at 8 kHz, beginning at `start_ms` of the call."""
        voices = self._voices.setdefault(call, {})
        voice = voices.get(channel)
        if voice is None:
            voice = voices[channel] = _Voice(Segmenter(start_ms))
        windows, voice.rest = windows_of(np.concatenate([voice.rest, voice.upsampler.feed(samples)]))
        voice.waiting.extend(windows)

    def step(self) -> list[Segment]:
        """Look at every window that is complete; segments that ended, in the order of their ends."""
        found: list[Segment] = []
        while ready := [
            (call, channel, voice)
            for call, voices in self._voices.items()
            for channel, voice in voices.items()
            if voice.waiting
        ]:
            windows = [voice.waiting.popleft() for _, _, voice in ready]
            probabilities = self._activity.probabilities(windows, [voice.state for _, _, voice in ready])
            for (call, channel, voice), window, probability in zip(ready, windows, probabilities, strict=True):
                if stretch := voice.segmenter.feed(window, probability):
                    found.append(self._segment(call, channel, stretch))
        return found

    def finish(self, call: CallId) -> list[Segment]:
        """The segments still open at the end of a call, which is forgotten."""
        found = self.step()
        for channel, voice in self._voices.pop(call, {}).items():
            if stretch := voice.segmenter.finish():
                found.append(self._segment(call, channel, stretch))
        self._sequences.pop(call, None)
        return found

    def _segment(self, call: CallId, channel: Channel, stretch: Stretch) -> Segment:
        sequence = self._sequences.get(call, 0) + 1
        self._sequences[call] = sequence
        return Segment(
            call=call,
            channel=channel,
            sequence=sequence,
            t0_ms=stretch.t0_ms,
            t1_ms=stretch.t1_ms,
            samples=stretch.samples,
        )
