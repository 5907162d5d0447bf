"""Silero's voice activity detector on onnxruntime, all channels in one batch.

A window is 512 samples at 16 kHz (32 ms), preceded by the last 64 samples of the one before it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

WINDOW_SAMPLES = 512
CONTEXT_SAMPLES = 64
RATE_HZ = 16_000
WINDOW_MS = WINDOW_SAMPLES * 1000 // RATE_HZ

Window = npt.NDArray[np.float32]


class VoiceState:
    """What the detector remembers of one channel."""

    def __init__(self) -> None:
        self.state = np.zeros((2, 1, 128), dtype=np.float32)
        self.context = np.zeros(CONTEXT_SAMPLES, dtype=np.float32)


class VoiceActivity:
    def __init__(self, model: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._rate = np.array(RATE_HZ, dtype=np.int64)

    def probabilities(self, windows: list[Window], states: list[VoiceState]) -> list[float]:
        """How likely each window holds a voice; the states move on by one window."""
        batch = np.stack([np.concatenate([each.context, window]) for window, each in zip(windows, states, strict=True)])
        state = np.concatenate([each.state for each in states], axis=1)
        found, after = self._session.run(None, {"input": batch, "state": state, "sr": self._rate})
        for number, (window, each) in enumerate(zip(windows, states, strict=True)):
            each.state = after[:, number : number + 1]
            each.context = window[-CONTEXT_SAMPLES:]
        return [float(value) for value in found[:, 0]]
