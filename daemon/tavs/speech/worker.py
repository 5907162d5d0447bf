"""A speech worker: one process, one model, one segment at a time (`python -m tavs.speech.worker MODEL THREADS`).

1. Both directions are frames of a 4-byte big-endian length: float32 samples in, UTF-8 text out. The first frame out is
   empty and says that the model has answered once.
2. Nothing is written anywhere else: standard output and error of native code go to /dev/null, since it may print words.
3. It dies with the listener (PR_SET_PDEATHSIG, prctl(2)) and when its input ends.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import BinaryIO

import numpy as np

from tavs.catalogue import find, folders
from tavs.errors import TavsError
from tavs.host.home import Home
from tavs.speech.whisper import RATE_HZ, Whisper

PR_SET_PDEATHSIG = 1
FRAME_LIMIT_BYTES = 4 * RATE_HZ * 60
UNUSABLE = 78


def main(name: str, threads: int) -> int:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    try:
        engine = Whisper(find(name, folders(Home.current())), threads)
    except TavsError:
        return UNUSABLE
    engine.transcribe(np.zeros(RATE_HZ, dtype=np.float32))
    _write(sink, b"")
    while (frame := _read(source)) is not None:
        _write(sink, engine.transcribe(np.frombuffer(frame, dtype=np.float32)).encode())
    return 0


def _read(source: BinaryIO) -> bytes | None:
    length = int.from_bytes(source.read(4), "big")
    frame = source.read(length) if 0 < length <= FRAME_LIMIT_BYTES else b""
    return frame if frame and len(frame) == length else None


def _write(sink: BinaryIO, frame: bytes) -> None:
    sink.write(len(frame).to_bytes(4, "big") + frame)
    sink.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
