"""The transcript of a call as the event loop sees it: in memory until there is a consent, then sealed line by line.

1. Without consent nothing is ever written, and what was kept in memory goes with the call.
2. After an answer that contradicts a consent nothing more is written, and the answer stands in the sidecar at once:
   should this process die, the desk must not take the first answer for the last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime

from tavs.call.consent import HeardAnswer, is_consent
from tavs.errors import StoreError
from tavs.events import CallId, ConsentHeard, Sidecar
from tavs.host.journal import Message, say
from tavs.recording.transcript import Begin, Line, Transcript
from tavs.speech.utterance import Utterance

REMEMBERED = 4000
"""Utterances kept for a consent that comes late: more than a working day of talk in one call."""


class Script:
    def __init__(self, call: CallId, begin: Begin, writer: Executor, consents: tuple[ConsentHeard, ...] = ()) -> None:
        """`consents` were heard by the listener before this one."""
        self._call = call
        self._begin = begin
        self._writer = writer
        self._answers = {_heard(each): each for each in consents}
        self._waiting: list[Line] = []
        self._file: Transcript | None = None
        self._has_failed = False

    @property
    def consents(self) -> tuple[ConsentHeard, ...]:
        return tuple(self._answers.values())

    @property
    def has_consent(self) -> bool | None:
        """None while there is no answer."""
        return is_consent(self._answers) if self._answers else None

    @property
    def is_wanted(self) -> bool:
        """Whether every answer so far is a consent."""
        return is_consent(self._answers) and not self._has_failed

    def answered(self, answers: tuple[HeardAnswer, ...], now: datetime) -> None:
        """Answers of the customer; those that are known already stay as they were heard first."""
        known = self.consents
        for each in answers:
            self._answers.setdefault(
                each,
                ConsentHeard(
                    answer=each.answer,
                    source="header",
                    pressed=each.pressed,
                    prompt=each.prompt,
                    prompt_version=each.prompt_version,
                    language=each.language,
                    at=now,
                ),
            )
        if self.consents != known:
            self._note()
        if self.is_wanted:
            self._write()

    def hear(self, said: Utterance) -> None:
        if said.text and len(self._waiting) < REMEMBERED:
            self._waiting.append(Line(channel=said.channel, t0_ms=said.t0_ms, t1_ms=said.t1_ms, text=said.text))
        if self.is_wanted:
            self._write()

    async def close(self, call_ended_at: datetime | None) -> Sidecar | None:
        """The sidecar on disk; None where no consent was given or the disk refused."""

        def closed() -> Sidecar | None:
            return self._file.close(call_ended_at=call_ended_at, consents=self.consents) if self._file else None

        try:
            return await asyncio.get_running_loop().run_in_executor(self._writer, closed)
        except StoreError:
            self._fail()
            return None

    def _note(self) -> None:
        consents = self.consents

        def noted() -> None:
            if self._file:
                self._file.answered(consents)

        self._submit(noted)

    def _write(self) -> None:
        if not self._waiting:
            return
        lines, self._waiting = self._waiting, []
        consents = self.consents

        def written() -> None:
            self._file = self._file or self._begin(consents)
            for line in lines:
                self._file.write(line)

        self._submit(written)

    def _submit(self, work: Callable[[], None]) -> None:
        def guarded() -> None:
            if self._has_failed:
                return
            try:
                work()
            except StoreError:
                self._fail()

        self._writer.submit(guarded)

    def _fail(self) -> None:
        self._has_failed, self._file = True, None
        say(Message.RECORDING_FAILED, call=self._call)


def _heard(consent: ConsentHeard) -> HeardAnswer:
    return HeardAnswer(consent.answer, consent.pressed, consent.prompt, consent.prompt_version, consent.language)
