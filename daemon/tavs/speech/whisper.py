"""whisper.cpp through pywhispercpp: quantised ggml weights, Danish, nothing carried over between segments."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import numpy.typing as npt
from pywhispercpp.model import Model

from tavs.catalogue import ModelFile
from tavs.errors import ModelError
from tavs.speech import guard

RATE_HZ = 16_000
FRAME_SAMPLES = 320
"""An encoder frame is 20 ms."""
FULL_WINDOW_FRAMES = 1500
SHORTEST_SAMPLES = RATE_HZ // 2
"""whisper.cpp returns nothing for very short input, so short segments are padded with silence."""


class Engine(Protocol):
    def transcribe(self, samples: npt.NDArray[np.float32]) -> str:
        """Text of float32 [n] at 16 kHz; empty where nothing was said."""


class Whisper:
    def __init__(self, model: ModelFile, threads: int) -> None:
        self._margin = model.audio_ctx_margin
        self._floor = model.audio_ctx_floor
        try:
            self._model = Model(
                str(model.path),
                redirect_whispercpp_logs_to=None,
                language="da",
                n_threads=threads,
                print_progress=False,
                print_realtime=False,
                print_timestamps=False,
                no_context=True,
                no_timestamps=True,
                single_segment=True,
                temperature=0.0,
                temperature_inc=0.0,
                suppress_blank=True,
            )
        except (RuntimeError, OSError, ValueError):
            raise ModelError(f"model {model.name} cannot be loaded", f"verify {model.path}") from None

    def transcribe(self, samples: npt.NDArray[np.float32]) -> str:
        if not np.isfinite(samples).all():
            return ""
        duration_s = len(samples) / RATE_HZ
        padded = np.pad(samples, (0, max(0, SHORTEST_SAMPLES - len(samples))))
        frames = min(max(len(padded) // FRAME_SAMPLES + self._margin, self._floor), FULL_WINDOW_FRAMES)
        text, probability = self._once(padded, frames)
        if frames < FULL_WINDOW_FRAMES and guard.is_doubtful(text, duration_s, probability):
            again, certainty = self._once(padded, FULL_WINDOW_FRAMES)
            if certainty >= probability or guard.is_loop(text):
                text = again
        return "" if guard.is_loop(text) else text

    def _once(self, samples: npt.NDArray[np.float32], frames: int) -> tuple[str, float]:
        """Text and mean token probability."""
        segments = self._model.transcribe(samples, audio_ctx=frames, extract_probability=True)
        text = " ".join(segment.text.strip() for segment in segments).lstrip("- ").strip()
        certainties = [float(each.probability) for each in segments if not math.isnan(float(each.probability))]
        return text, min(certainties, default=1.0)
