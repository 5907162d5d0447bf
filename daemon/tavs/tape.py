"""A recording as the event loop sees it: blocks go to a thread, and nothing waits for the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime

from tavs.errors import StoreError
from tavs.events import CallId, Channel, ConsentHeard, GapKind, PartyRef, Sidecar, SoundGap
from tavs.host.journal import Message, say
from tavs.recording.ogg import RATE_HZ, Stereo
from tavs.recording.recorder import Recording

UNWRITTEN_LIMIT = 120
"""Blocks of a quarter of a second that a call keeps for a disk that hangs: half a minute (RELIABILITY R-06)."""


class Tape:
    """Beginning, writing and closing happen in the writer's thread, in order.

    A disk that refuses ends the recording of this call, loudly and once; the call goes on.
    """

    def __init__(self, call: CallId, begin: Callable[[], Recording], writer: Executor, begins_ms: int = 0) -> None:
        self._call = call
        self._writer = writer
        self._recording: Recording | None = None
        self._unwritten = 0
        self._written_ms = begins_ms
        self._given_up: list[SoundGap] = []
        self.has_failed = False
        self._submit(lambda: self._begin(begin))

    @property
    def is_stuck(self) -> bool:
        """The disk hangs: what is said now is lost."""
        return self._unwritten >= UNWRITTEN_LIMIT

    def write(self, block: Stereo) -> None:
        """Append int16 [n, 2]; a block too many for a disk that hangs becomes a gap of silence."""
        start_ms, self._written_ms = self._written_ms, self._written_ms + len(block) * 1000 // RATE_HZ
        if self._unwritten >= UNWRITTEN_LIMIT:
            block[:] = 0
            self._given_up.append(
                SoundGap(channel=Channel.UNKNOWN, kind=GapKind.OVERLOAD, t0_ms=start_ms, t1_ms=self._written_ms)
            )
            del self._given_up[:-UNWRITTEN_LIMIT]
            return
        self._unwritten += 1
        self._submit(lambda: self._write(block))

    def seal(
        self, details: bytes, *, extension: str, party_ref: PartyRef | None, consents: tuple[ConsentHeard, ...]
    ) -> None:
        def sealed() -> None:
            if self._recording:
                self._recording.describe(extension=extension, party_ref=party_ref, consents=consents)
                self._recording.details(details)

        self._submit(sealed)

    async def close(self, *, call_ended_at: datetime | None, gaps: tuple[SoundGap, ...]) -> Sidecar | None:
        """The sidecar on disk; None where the recording failed. Without an end the call goes on as another part."""

        def closed() -> Sidecar | None:
            if self._recording is None:
                return None
            return self._recording.close(call_ended_at=call_ended_at, gaps=(*gaps, *self._given_up))

        try:
            return await asyncio.get_running_loop().run_in_executor(self._writer, closed)
        except StoreError:
            self._fail()
            return None

    def _begin(self, begin: Callable[[], Recording]) -> None:
        self._recording = begin()

    def _write(self, block: Stereo) -> None:
        try:
            if self._recording:
                self._recording.write(block)
        finally:
            self._unwritten -= 1

    def _submit(self, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except StoreError:
                self._fail()

        self._writer.submit(guarded)

    def _fail(self) -> None:
        self._recording, self.has_failed = None, True
        say(Message.RECORDING_FAILED, call=self._call)
