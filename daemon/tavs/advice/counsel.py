"""Advice on all running calls: masked words in, sections for the agents out.

    segment ─▶ adviser of the call ─▶ ranker ─▶ engine ─▶ show

1. Advice is the first to be left out: what waits is bounded, and the oldest query goes when one more comes.
2. An engine that takes its time holds up its own query and no other.
3. A pause is judged when a call is heard, when its query's turn comes, and again before anything is shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from tavs import config as configuration
from tavs.advice.engine import Engine, Place
from tavs.advice.local import Adviser, Query, Silence
from tavs.advice.ranking import Ranked, Turn
from tavs.advice.shelf import Shelf
from tavs.events import CallEnded, CallId, Event, MaskedSegment
from tavs.host.clock import Clock
from tavs.host.journal import report

WAITING = 32
"""Queries that may wait for the ranker."""
TURNS = 4
"""Of both voices, which a query reaches back."""
CANDIDATES = 8
"""Sections an engine may choose among."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A section to show, and what led to it."""

    call: CallId
    segment: int
    """Row of the phrase that led to it."""
    ranked: Ranked
    quote: str
    """A sentence of the section, as the terms have it; empty where the engine named none."""
    engine: Literal["local", "openai", "fallback"]
    t_ms: int
    """Time in the call at which it is shown."""
    delay_ms: int
    """From the end of that phrase."""


class Pauses(Protocol):
    def __call__(self, call: CallId) -> Silence | None:
        """Why there is to be no advice on a call now."""


@dataclass(frozen=True, slots=True)
class _Asked:
    event: MaskedSegment
    segment: int
    query: Query
    came_s: float


class Counsel:
    def __init__(
        self,
        *,
        shelf: Shelf,
        engine: Engine,
        pauses: Pauses,
        show: Callable[[Advice], None],
        a_minute: int,
        clock: Clock,
    ) -> None:
        self._shelf = shelf
        self._engine = engine
        self._pauses = pauses
        self._show = show
        self._a_minute = a_minute
        self._clock = clock
        self._advisers: dict[CallId, Adviser] = {}
        self._waiting: asyncio.Queue[_Asked] = asyncio.Queue(WAITING)

    def take(self, event: Event, row: int | None) -> None:
        """An event that was written; `row` is a segment's number, None for one that was known before."""
        match event:
            case MaskedSegment() if row is not None:
                self._hear(event, row)
            case CallEnded():
                self._advisers.pop(event.call, None)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                asked = await self._waiting.get()
                adviser = self._advisers.get(asked.event.call)
                if adviser:
                    group.create_task(self._advise(asked, adviser), name="advise")
                await asyncio.sleep(0)

    async def _advise(self, asked: _Asked, adviser: Adviser) -> None:
        self._pause(adviser, asked.event.call)
        try:
            if candidates := adviser.candidates(self._rank(asked.query.turns)):
                await self._pick(asked, adviser, candidates)
        except Exception as error:  # noqa: BLE001 - the boundary of a query: the desk and the other calls go on
            report(error)

    def _rank(self, turns: tuple[Turn, ...]) -> list[Ranked]:
        """By the longest stretch up to now that tells of something: who gave their name before tells of damage now."""
        stretches = (turns[start:] for start in range(max(0, len(turns) - TURNS), len(turns)))
        found = (self._shelf.ranker.rank(each, most=CANDIDATES) for each in stretches)
        return next(filter(None, found), [])

    def follow(self, advice: configuration.Advice) -> None:
        """The configuration was read again; calls under way keep their measure."""
        self._a_minute = advice.a_minute
        self._engine.follow(advice)

    def remember(self, call: CallId, shown: Iterable[tuple[Place, int]]) -> None:
        """What an agent was shown of a call before the desk was started anew."""
        self._adviser(call).remember(shown)

    def _hear(self, event: MaskedSegment, row: int) -> None:
        if self._pauses(event.call) is Silence.ENDED:
            return
        came_s = self._clock.monotonic()
        adviser = self._adviser(event.call)
        self._pause(adviser, event.call)
        if query := adviser.hear(row, event):
            if self._waiting.full():
                self._waiting.get_nowait()
            self._waiting.put_nowait(_Asked(event, row, query, came_s))

    async def _pick(self, asked: _Asked, adviser: Adviser, candidates: list[Ranked]) -> None:
        event = asked.event
        picked = await self._engine.pick(event.call, asked.query.heard, candidates)
        self._pause(adviser, event.call)
        delay_ms = event.delay_ms + round((self._clock.monotonic() - asked.came_s) * 1000)
        at_ms = event.t1_ms + delay_ms
        for ranked in adviser.show(picked.ranked, at_ms):
            place = (ranked.section.doc, ranked.section.number)
            self._show(
                Advice(
                    call=event.call,
                    segment=asked.segment,
                    ranked=ranked,
                    quote=picked.quotes.get(place, ""),
                    engine=picked.engine,
                    t_ms=at_ms,
                    delay_ms=delay_ms,
                )
            )

    def _adviser(self, call: CallId) -> Adviser:
        return self._advisers.setdefault(call, Adviser(a_minute=self._a_minute))

    def _pause(self, adviser: Adviser, call: CallId) -> None:
        now = self._pauses(call)
        for silence in Silence:
            if silence is now:
                adviser.pause(silence)
            else:
                adviser.resume(silence)
