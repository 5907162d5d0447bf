"""Makes `call.wav` from `call.json`; for developers, with espeak-ng installed (`make demo-call`).

Stereo A-law at 8 kHz, customer left, agent right, the turns one after the other with a pause between them.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from tavs.audio.wav import RATE_HZ, blocks

HERE = Path(__file__).parent
WORDS_A_MINUTE = 150
PAUSE_S = 0.7
PEAK = 0.5
LEAD_S = 0.6


def spoken(text: str, voice: str) -> npt.NDArray[np.int16]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "turn.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-s", str(WORDS_A_MINUTE), "-w", path, text], check=True)
        sound = np.concatenate([next(iter(block.values())) for block in blocks(path)]).astype(np.float32)
    return np.asarray(sound / np.abs(sound).max() * PEAK * 32767, dtype=np.int16)


def main() -> None:
    turns = json.loads((HERE / "call.json").read_text(encoding="utf-8"))["turns"]
    pause = np.zeros((int(PAUSE_S * RATE_HZ), 2), dtype=np.int16)
    parts = [np.zeros((int(LEAD_S * RATE_HZ), 2), dtype=np.int16)]
    for turn in turns:
        sound = spoken(turn["text"], turn["voice"])
        both = np.zeros((len(sound), 2), dtype=np.int16)
        both[:, 0 if turn["channel"] == "customer" else 1] = sound
        parts += [both, pause]
    whole = np.concatenate(parts)
    with av.open(str(HERE / "call.wav"), "w", format="wav") as container:
        stream = container.add_stream("pcm_alaw", rate=RATE_HZ, layout="stereo")
        frame = av.AudioFrame.from_ndarray(whole.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = RATE_HZ
        container.mux([*stream.encode(frame), *stream.encode(None)])
    print(f"call.wav: {len(whole) / RATE_HZ:.1f} s")


if __name__ == "__main__":
    main()
