"""Heard types: what was said, before masking. They print as their size, never as their content."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tavs.events import CallId, Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of speech of one channel, ready for speech-to-text."""

    call: CallId
    channel: Channel
    sequence: int
    """Counts the segments of a call over all its channels, from 1."""
    t0_ms: int
    t1_ms: int
    samples: npt.NDArray[np.float32]
    """Shape [n], 16 kHz, in −1…1."""

    def __repr__(self) -> str:
        return f"Segment({self.sequence}, {self.t1_ms - self.t0_ms} ms)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """The text of a segment as it was heard. Never logged, stored or sent: only `masking/` takes it."""

    call: CallId
    channel: Channel
    sequence: int
    t0_ms: int
    t1_ms: int
    text: str

    def __repr__(self) -> str:
        return f"Utterance({self.sequence}, {len(self.text)} characters)"
