"""Voices as the event loop sees them: blocks of sound go to a thread, and nothing waits for its model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from tavs.events import CallId, Channel
from tavs.sound import Block
from tavs.speech.live import LiveSpeech
from tavs.speech.utterance import Segment

Heard = tuple[CallId, Channel, Block, int]
"""A block of one channel and its place in the call, in ms."""


class Ears:
    def __init__(self, speech: LiveSpeech, thread: Executor, on_progress: Callable[[], None]) -> None:
        self._speech = speech
        self._thread = thread
        self._on_progress = on_progress
        self._waiting: list[Heard] = []

    def begin(self, call: CallId, sequence: int) -> None:
        """Number the segments of a call from above `sequence`; before anything of it is heard."""
        self._speech.begin(call, sequence)

    def hear(self, call: CallId, channel: Channel, block: Block, start_ms: int) -> None:
        self._waiting.append((call, channel, block, start_ms))

    async def listen(self) -> list[Segment]:
        """The segments that have ended by now."""
        heard, self._waiting = self._waiting, []
        found = await asyncio.get_running_loop().run_in_executor(self._thread, self._listen_to, heard)
        self._on_progress()
        return found

    async def finish(self, call: CallId) -> list[Segment]:
        """The segments of a call that are still open; nothing may be heard of it afterwards."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._speech.finish, call)

    def _listen_to(self, heard: list[Heard]) -> list[Segment]:
        for call, channel, block, start_ms in heard:
            self._speech.feed(call, channel, block, start_ms)
        return self._speech.step()
