"""One document read by a process that is allowed little (`reader.py`): what it answers, or why it does not."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import BinaryIO

import msgspec

from tavs.advice.formats.document import Reading
from tavs.advice.reader import NO_MEMORY, Answer
from tavs.errors import PeerError

_ANEW = "save it anew, or cut it into parts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of the process that reads one document."""

    memory_bytes: int = 1536 << 20
    """Of addresses: an interpreter with its libraries takes about 150 MiB of them."""
    cpu_s: int = 120
    wall_s: float = 180.0


def read(doc: str, ending: str, file: BinaryIO, limits: Limits) -> Reading:
    """Raises PeerError for a document that cannot be read or that its reader did not survive."""
    command = [sys.executable, "-m", "tavs.advice.reader", doc, ending, str(limits.memory_bytes), str(limits.cpu_s)]
    with tempfile.TemporaryFile() as sink:
        try:
            done = subprocess.run(
                command, stdin=file, stdout=sink, stderr=subprocess.DEVNULL, timeout=limits.wall_s, check=False
            )
        except subprocess.TimeoutExpired:
            raise PeerError("takes too long to read", _ANEW) from None
        if done.returncode == -signal.SIGXCPU:
            raise PeerError("takes too long to read", _ANEW)
        if done.returncode in {NO_MEMORY, -signal.SIGKILL}:
            raise PeerError("needs more memory than a document may", _ANEW)
        sink.seek(0)
        try:
            answer = msgspec.json.decode(sink.read(), type=Answer) if done.returncode == 0 else Answer()
        except msgspec.DecodeError:
            answer = Answer()
    if answer.document is None:
        raise PeerError(answer.fault or "is damaged", answer.hint or "open it and save it anew")
    return Reading(answer.document, answer.remarks)
