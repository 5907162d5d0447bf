"""Advice on all running calls: whose words are asked about, what is shown, and what a query that fails costs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from scripted import CALL, THEFT, WATER
from tavs.advice.counsel import WAITING, Advice, Counsel
from tavs.advice.engine import Heard, LocalEngine, Picked
from tavs.advice.ranking import Ranked, Ranker
from tavs.advice.shelf import Shelf
from tavs.config import Advice as Settings
from tavs.desk import SILENCES
from tavs.events import (
    CallDescribed,
    CallEnded,
    CallId,
    CallStarted,
    CallState,
    Channel,
    Event,
    Gap,
    GapKind,
    MaskedSegment,
    MaskedText,
)
from tavs.host.clock import RealClock
from tavs.panel.board import Board

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
OTHER = CallId("0192f0c1-0000-7000-8000-000000000002")
STORY = "vi havde skybrud og der kom vand i kælderen"
BURGLARY = "der har været indbrud med tyveri i min bolig"


class Asked(LocalEngine):
    """The ranker's own order, once the test lets it go on."""

    def __init__(self) -> None:
        self.calls: list[CallId] = []
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.failures = 0

    async def pick(self, call: CallId, heard: Sequence[Heard], candidates: Sequence[Ranked]) -> Picked:
        self.calls.append(call)
        await self.goes_on.wait()
        if self.failures:
            self.failures -= 1
            raise RuntimeError("hemmeligt")
        return await super().pick(call, heard, candidates)


class Room:
    """A board, and the counsel that asks it, as the desk has them."""

    def __init__(self, a_minute: int = 3) -> None:
        self.clock = RealClock()
        self.board = Board("boot")
        self.engine = Asked()
        self.shown: list[Advice] = []
        self.show: Callable[[Advice], None] = self.shown.append
        self.counsel = Counsel(
            shelf=cast(Shelf, SimpleNamespace(ranker=Ranker((WATER, THEFT)))),
            engine=self.engine,
            pauses=lambda call: SILENCES.get(self.board.advice_state(call, self.clock.monotonic())),
            show=self._shows,
            a_minute=a_minute,
            clock=self.clock,
        )
        self._row = 0

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.counsel.run())
        try:
            yield
            await settled()
            assert not task.done()
        finally:
            task.cancel()

    def take(self, event: Event, row: int | None = None) -> None:
        self.board.apply(event, row, self.clock.monotonic())
        self.counsel.take(event, row)

    def begin(self, call: CallId = CALL, extension: str = "4512") -> None:
        self.take(CallStarted(call=call, at=AT, source="siprec", extension=extension, state=CallState()))

    def say(self, text: str = STORY, call: CallId = CALL, channel: Channel = Channel.CUSTOMER) -> None:
        self._row += 1
        t0_ms = self._row * 5000
        self.take(
            MaskedSegment(
                call=call, channel=channel, sequence=self._row, t0_ms=t0_ms, t1_ms=t0_ms + 3000, text=MaskedText(text)
            ),
            self._row,
        )  # fmt: skip

    def _shows(self, advice: Advice) -> None:
        self.show(advice)

    @property
    def sections(self) -> list[str]:
        return [each.ranked.section.doc for each in self.shown]


async def settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


def gap(kind: GapKind) -> Gap:
    return Gap(kind=kind, call=CALL, channel=Channel.CUSTOMER, t0_ms=0, t1_ms=10)


COMES: dict[str, Callable[[Room], Any]] = {
    "erased or restricted": lambda room: room.board.forget(CALL, room.clock.monotonic()),
    "ended": lambda room: room.take(CallEnded(call=CALL, at=AT, reason="bye")),
    "unattributed": lambda room: room.take(
        CallDescribed(call=CALL, extension="4512", state=CallState(is_attributed=False))
    ),
    "behind": lambda room: room.take(gap(GapKind.OVERLOAD)),
    "language": lambda room: room.take(gap(GapKind.LANGUAGE)),
}
LASTS = {name: comes for name, comes in COMES.items() if name != "language"}
"""Until something else happens than that the customer is understood."""


def test_a_story_is_asked_about_and_its_section_shown() -> None:
    async def scenario() -> None:
        room = Room()
        async with room.open():
            room.begin()
            room.say()
        assert [CALL] == room.engine.calls
        assert [(CALL, 1, "husforsikring", "local")] == [
            (each.call, each.segment, each.ranked.section.doc, each.engine) for each in room.shown
        ]

    asyncio.run(scenario())


@pytest.mark.parametrize("comes", LASTS.values(), ids=LASTS)
def test_words_of_a_call_without_advice_are_not_asked_about(comes: Callable[[Room], Any]) -> None:
    async def scenario() -> None:
        room = Room()
        async with room.open():
            room.begin()
            comes(room)
            room.say()
        assert ([], []) == (room.engine.calls, room.shown)

    asyncio.run(scenario())


@pytest.mark.parametrize("comes", COMES.values(), ids=COMES)
def test_a_query_that_waits_is_not_asked_when_advice_has_ended(comes: Callable[[Room], Any]) -> None:
    async def scenario() -> None:
        room = Room()
        room.begin()
        room.say()
        comes(room)
        async with room.open():
            pass
        assert ([], []) == (room.engine.calls, room.shown)

    asyncio.run(scenario())


@pytest.mark.parametrize("comes", COMES.values(), ids=COMES)
def test_nothing_is_shown_when_advice_has_ended_during_the_pick(comes: Callable[[Room], Any]) -> None:
    async def scenario() -> None:
        room = Room()
        room.engine.goes_on.clear()
        async with room.open():
            room.begin()
            room.say()
            await settled()
            assert [CALL] == room.engine.calls
            comes(room)
            room.engine.goes_on.set()
        assert [] == room.shown

    asyncio.run(scenario())


def test_a_customer_who_is_understood_again_is_advised_again() -> None:
    async def scenario() -> None:
        room = Room()
        async with room.open():
            room.begin()
            room.take(gap(GapKind.LANGUAGE))
            room.say(channel=Channel.AGENT)
            await settled()
            assert [] == room.engine.calls
            room.say()
        assert ["husforsikring"] == room.sections

    asyncio.run(scenario())


def test_a_call_that_nobody_began_is_not_asked_about() -> None:
    async def scenario() -> None:
        room = Room()
        async with room.open():
            room.say()
        assert ([], []) == (room.engine.calls, room.shown)
        assert not room.counsel._advisers

    asyncio.run(scenario())


def test_words_after_the_end_of_a_call_leave_nothing_behind() -> None:
    room = Room()
    room.begin()
    room.say()
    assert room.counsel._advisers
    room.take(CallEnded(call=CALL, at=AT, reason="bye"))
    room.say()
    assert not room.counsel._advisers


def test_a_segment_that_was_known_before_is_not_asked_about_again() -> None:
    async def scenario() -> None:
        room = Room()
        async with room.open():
            room.begin()
            room.take(
                MaskedSegment(
                    call=CALL, channel=Channel.CUSTOMER, sequence=1, t0_ms=0, t1_ms=3000, text=MaskedText(STORY)
                ),
                None,
            )
        assert [] == room.engine.calls

    asyncio.run(scenario())


def test_an_engine_that_fails_costs_its_own_query_only(capfd: pytest.CaptureFixture[str]) -> None:
    async def scenario() -> None:
        room = Room()
        room.engine.failures = 1
        async with room.open():
            room.begin()
            room.begin(OTHER, "4600")
            room.say()
            room.say(BURGLARY, OTHER)
            await settled()
            assert ["indboforsikring"] == room.sections
            room.say()
        assert ["indboforsikring", "husforsikring"] == room.sections

    asyncio.run(scenario())
    told = capfd.readouterr().err
    assert "RuntimeError" in told
    assert "hemmeligt" not in told


def test_a_suggestion_that_cannot_be_written_costs_itself_only() -> None:
    async def scenario() -> None:
        room = Room()

        def full(advice: Advice) -> None:
            raise OSError("disk full")

        room.show = full
        async with room.open():
            room.begin()
            room.say()
            await settled()
            room.show = room.shown.append
            room.say(BURGLARY)
        assert ["indboforsikring"] == room.sections

    asyncio.run(scenario())


def test_an_engine_that_takes_its_time_holds_up_its_own_query_only() -> None:
    async def scenario() -> None:
        room = Room()
        room.engine.goes_on.clear()
        async with room.open():
            room.begin()
            room.begin(OTHER, "4600")
            room.say()
            room.say(BURGLARY, OTHER)
            await settled()
            assert [CALL, OTHER] == room.engine.calls
            room.engine.goes_on.set()

    asyncio.run(scenario())


def test_no_section_is_shown_twice() -> None:
    async def scenario() -> None:
        room = Room()
        async with room.open():
            room.begin()
            room.say()
            await settled()
            room.say()
            await settled()
            room.say(BURGLARY)
        assert ["husforsikring", "indboforsikring"] == room.sections

    asyncio.run(scenario())


def test_two_picks_under_way_at_once_show_a_section_once() -> None:
    async def scenario() -> None:
        room = Room()
        room.engine.goes_on.clear()
        async with room.open():
            room.begin()
            room.say()
            room.say()
            await settled()
            assert [CALL, CALL] == room.engine.calls
            room.engine.goes_on.set()
        assert ["husforsikring"] == room.sections

    asyncio.run(scenario())


def test_what_was_shown_before_a_restart_is_neither_asked_about_nor_shown_again() -> None:
    async def scenario() -> None:
        room = Room()
        room.begin()
        room.counsel.remember(CALL, [((WATER.doc, WATER.number), 1000)])
        async with room.open():
            room.say()
            await settled()
            assert [] == room.engine.calls
            room.say(BURGLARY)
        assert ["indboforsikring"] == room.sections

    asyncio.run(scenario())


def test_what_was_shown_before_a_restart_counts_for_the_minute() -> None:
    async def scenario() -> None:
        room = Room(a_minute=1)
        room.begin()
        room.counsel.remember(CALL, [(("bilforsikring", "1.1"), 1000)])
        async with room.open():
            room.say()
        assert ([], []) == (room.engine.calls, room.shown)

    asyncio.run(scenario())


def test_a_new_measure_is_that_of_the_calls_that_begin() -> None:
    async def scenario() -> None:
        room = Room()
        room.counsel.follow(Settings(a_minute=1))
        async with room.open():
            room.begin()
            room.say()
            await settled()
            room.say(BURGLARY)
        assert ["husforsikring"] == room.sections

    asyncio.run(scenario())


def test_when_too_many_wait_the_oldest_query_goes() -> None:
    async def scenario() -> None:
        room = Room()
        calls = [CallId(f"0192f0c1-0000-7000-8000-{number:012}") for number in range(WAITING + 2)]
        for number, call in enumerate(calls):
            room.begin(call, str(number))
            room.say(STORY, call)
        async with room.open():
            for _ in range(WAITING):
                await settled()
        assert calls[2:] == room.engine.calls

    asyncio.run(scenario())
