"""Where one phrase ends and the next begins: windows with voice probabilities in, stretches of speech out.

1. Speech begins at a window above ON and ends after PAUSE_WINDOWS below OFF; both keep a little sound around them.
2. A stretch that grows to LONGEST_WINDOWS is cut at its quietest window of the last third.
3. Less than SHORTEST_WINDOWS of voice is a click, not speech. Digital silence is never speech.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tavs.speech.vad import WINDOW_MS, WINDOW_SAMPLES, Window

ON = 0.5
OFF = 0.35
PAUSE_WINDOWS = 9
"""288 ms."""
BEFORE_WINDOWS = 6
AFTER_WINDOWS = 4
SHORTEST_WINDOWS = 4
LONGEST_WINDOWS = 6000 // WINDOW_MS
SILENT_PEAK = 1e-3
"""−60 dBFS; below it nobody speaks, whatever the detector remembers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    t0_ms: int
    t1_ms: int
    """End of the voice; the samples go on a little longer."""
    samples: npt.NDArray[np.float32]

    def __repr__(self) -> str:
        return f"Stretch({self.t1_ms - self.t0_ms} ms)"


class Segmenter:
    """One channel. `start_ms` is the call time of the first sample."""

    def __init__(self, start_ms: int) -> None:
        self._start_ms = start_ms
        self._count = 0
        self._windows: list[Window] = []
        """Before speech the last few windows, during speech all since its beginning."""
        self._loudness: list[float] = []
        self._speaking = False
        self._first_voiced = 0
        self._last_voiced = 0
        self._voiced = 0

    def feed(self, window: Window, probability: float) -> Stretch | None:
        """One window of WINDOW_SAMPLES; a stretch when it just ended."""
        peak = float(np.abs(window).max())
        is_voice = peak >= SILENT_PEAK and probability >= (OFF if self._speaking else ON)
        self._windows.append(window)
        self._loudness.append(float(np.dot(window, window)))
        self._count += 1
        if is_voice:
            if not self._speaking:
                self._speaking = True
                self._voiced = 0
                self._first_voiced = self._count - 1
            self._voiced += 1
            self._last_voiced = self._count
        if not self._speaking:
            self._keep_last(BEFORE_WINDOWS)
            return None
        if self._count - self._last_voiced >= PAUSE_WINDOWS:
            return self._end()
        if self._count - self._first_voiced >= LONGEST_WINDOWS:
            return self._cut()
        return None

    def finish(self) -> Stretch | None:
        return self._end() if self._speaking else None

    def _end(self) -> Stretch | None:
        self._speaking = False
        stretch = self._stretch(self._last_voiced) if self._voiced >= SHORTEST_WINDOWS else None
        self._keep_last(min(BEFORE_WINDOWS, self._count - self._last_voiced))
        return stretch

    def _cut(self) -> Stretch:
        third = LONGEST_WINDOWS // 3
        quietest = int(np.argmin(self._loudness[-third:-1])) - third
        kept = -quietest - 1
        end = self._count - kept
        stretch = self._stretch(end, after=0)
        self._keep_last(kept)
        self._first_voiced = end
        self._last_voiced = max(self._last_voiced, end)
        self._voiced = SHORTEST_WINDOWS
        return stretch

    def _stretch(self, end: int, after: int = AFTER_WINDOWS) -> Stretch:
        base = self._count - len(self._windows)
        until = min(end + after, self._count) - base
        return Stretch(
            t0_ms=self._start_ms + self._first_voiced * WINDOW_MS,
            t1_ms=self._start_ms + end * WINDOW_MS,
            samples=np.concatenate(self._windows[:until]),
        )

    def _keep_last(self, windows: int) -> None:
        del self._windows[: len(self._windows) - windows]
        del self._loudness[: len(self._loudness) - windows]


def windows_of(samples: npt.NDArray[np.float32]) -> tuple[list[Window], npt.NDArray[np.float32]]:
    """Whole windows, and what is left over."""
    whole = len(samples) // WINDOW_SAMPLES
    cut = whole * WINDOW_SAMPLES
    return list(samples[:cut].reshape(whole, WINDOW_SAMPLES)), samples[cut:]
