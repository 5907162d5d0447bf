"""Reads one document in a process of its own: `python -m tavs.advice.reader DOC ENDING MEMORY CPU`, the file as input.

1. It can use no more memory (bytes) and time (seconds of CPU) than it is given, and writes to its output alone, up to a
   limit: a file made to harm harms this process only.
2. It is given an open file and opens none of the site's; it dies with the import (PR_SET_PDEATHSIG, prctl(2)).
3. What it finds is one JSON document; what it finds wrong is one too. Anything else is a damaged file.
"""

from __future__ import annotations

import contextlib
import ctypes
import resource
import signal
import sys

import msgspec

from tavs.advice.formats.document import read
from tavs.advice.sections import Document
from tavs.errors import PeerError

PR_SET_PDEATHSIG = 1
ANSWER_LIMIT_BYTES = 32 << 20
NO_MEMORY = 3
CPU_GRACE_S = 1


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    document: Document | None = None
    remarks: tuple[str, ...] = ()
    fault: str = ""
    hint: str = ""


def main(doc: str, ending: str, memory_bytes: int, cpu_s: int) -> int:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    _limit(memory_bytes, cpu_s)
    with contextlib.redirect_stdout(sys.stderr):
        try:
            found = read(doc, ending, sys.stdin.buffer)
            answer = Answer(document=found.document, remarks=found.remarks)
        except PeerError as error:
            answer = Answer(fault=error.message, hint=error.hint)
        except MemoryError:
            return NO_MEMORY
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    sys.stdout.buffer.flush()
    return 0


def _limit(memory_bytes: int, cpu_s: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + CPU_GRACE_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (ANSWER_LIMIT_BYTES, ANSWER_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
