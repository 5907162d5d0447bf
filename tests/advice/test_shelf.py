"""The terms that count today: followed while they change, and never the end of anything when they cannot be read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from scripted import THEFT, WATER
from tavs.advice import library, shelf, thesaurus
from tavs.advice.library import Library, samples
from tavs.advice.ranking import Turn
from tavs.advice.sections import Document, Section
from tavs.advice.shelf import Shelf
from tavs.host.clock import RealClock
from tavs.host.home import Home

ZONE = ZoneInfo("Europe/Copenhagen")
PATIENCE_S = 20.0
TOLD = Turn(channel="customer", text="der er vand i kælderen")
MADE_UP = Turn(channel="customer", text="vi havde plaskefjollet og der kom knaldskyl i huset")
BROKEN = [
    b"", b"null", b"[]", b"{}", b"\xff" * 10, b"[" * 100_000, b'{"form":2,"documents":[]}', b'{"form":1,"x":' + b"[" * 100_000,
    b'{"form":1,"documents":[{}]}', b'{"form":1,"documents":[{"doc":"\xff"}]}', b'{"form":1,"documents":',
]  # fmt: skip


class MovedClock(RealClock):
    moved = timedelta()

    def now(self) -> datetime:
        return super().now() + self.moved


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.etc.mkdir(parents=True)
    made.terms.mkdir(parents=True)
    return made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MovedClock:
    monkeypatch.setattr(shelf, "LOOK_S", 0.01)
    return MovedClock()


def document(section: Section, valid_from: date | None = None) -> Document:
    return Document(
        doc=section.doc, title=section.title, product=section.product, valid_from=valid_from, sections=(section,)
    )


def write(home: Home, *sections: Section) -> None:
    library.write(home, [document(each) for each in sections])


@contextlib.asynccontextmanager
async def followed(terms: Shelf) -> AsyncIterator[None]:
    task = asyncio.create_task(terms.run())
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.01)


async def some_looks() -> None:
    await asyncio.sleep(0.2)


def found(terms: Shelf, said: str) -> list[str]:
    return [each.section.doc for each in terms.ranker.rank([Turn(channel="customer", text=said)], most=8)]


@pytest.mark.parametrize("content", BROKEN, ids=lambda content: repr(content[:30]))
def test_terms_that_do_not_read_as_such_cost_the_advice_and_nothing_else(
    home: Home, clock: MovedClock, capfd: pytest.CaptureFixture[str], content: bytes
) -> None:
    (home.terms / library.FILE).write_bytes(content)
    terms = Shelf(home, ZONE, clock)
    assert (0, ()) == (len(terms.ranker), terms.library.documents)
    assert [] == found(terms, "vandskade i kælderen")
    assert None is terms.section(WATER.doc, WATER.number)
    assert 1 == capfd.readouterr().err.count("terms-refused")


def test_a_home_without_terms_has_the_samples(home: Home, clock: MovedClock) -> None:
    terms = Shelf(home, ZONE, clock)
    assert terms.library.is_sample
    assert len(terms.ranker) == sum(len(each.sections) for each in samples())


def test_terms_that_change_are_followed(home: Home, clock: MovedClock, capfd: pytest.CaptureFixture[str]) -> None:
    async def scenario() -> None:
        write(home, WATER)
        terms = Shelf(home, ZONE, clock)
        assert WATER == terms.section(WATER.doc, WATER.number)
        async with followed(terms):
            write(home, THEFT)
            await until(lambda: terms.section(THEFT.doc, THEFT.number))
        assert None is terms.section(WATER.doc, WATER.number)
        assert [THEFT.doc] == found(terms, "tyveri fra min bolig")

    asyncio.run(scenario())
    assert 1 == capfd.readouterr().err.count("terms-read")


def test_terms_that_break_leave_the_old_ones_and_are_told_once(
    home: Home, clock: MovedClock, capfd: pytest.CaptureFixture[str]
) -> None:
    async def scenario() -> None:
        write(home, WATER)
        terms = Shelf(home, ZONE, clock)
        async with followed(terms):
            (home.terms / library.FILE).write_bytes(b"{")
            await some_looks()
            assert WATER == terms.section(WATER.doc, WATER.number)
            assert 1 == capfd.readouterr().err.count("terms-refused")
            (home.terms / library.FILE).write_bytes(b"[{")
            await some_looks()
            assert 1 == capfd.readouterr().err.count("terms-refused")
            write(home, THEFT)
            await until(lambda: terms.section(THEFT.doc, THEFT.number))

    asyncio.run(scenario())


@pytest.mark.parametrize("at_start", [True, False])
def test_a_failure_that_passes_by_itself_is_over_without_a_change_of_the_file(
    home: Home, clock: MovedClock, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], at_start: bool
) -> None:
    fails = at_start
    read = Library.read

    def sometimes(place: Home) -> Library:
        if fails:
            raise OSError("too many open files")
        return read(place)

    monkeypatch.setattr(Library, "read", sometimes)

    async def scenario() -> None:
        nonlocal fails
        write(home, WATER)
        terms = Shelf(home, ZONE, clock)
        async with followed(terms):
            fails = True
            write(home, WATER, THEFT)
            await some_looks()
            assert None is terms.section(THEFT.doc, THEFT.number)
            fails = False
            await until(lambda: terms.section(THEFT.doc, THEFT.number))

    asyncio.run(scenario())
    assert 1 + at_start == capfd.readouterr().err.count("terms-refused")


def test_the_synonyms_of_the_site_are_followed(home: Home, clock: MovedClock) -> None:
    async def scenario() -> None:
        write(home, WATER, THEFT)
        terms = Shelf(home, ZONE, clock)
        async with followed(terms):
            before = terms.ranker.rank([MADE_UP], most=8)
            (home.etc / thesaurus.FILE).write_text("plaskefjollet: skybrud\nknaldskyl: kælder\n", encoding="utf-8")
            await until(lambda: before != terms.ranker.rank([MADE_UP], most=8))
            assert WATER == terms.ranker.rank([MADE_UP], most=8)[0].section
            (home.etc / thesaurus.FILE).unlink()
            await until(lambda: before == terms.ranker.rank([MADE_UP], most=8))

    asyncio.run(scenario())


def test_terms_that_begin_tomorrow_count_from_midnight_of_the_site(home: Home, clock: MovedClock) -> None:
    async def scenario() -> None:
        today = clock.now().astimezone(ZONE).date()
        newer = replace(WATER, text="Forsikringen dækker alt vand.", version="3")
        library.write(home, [document(WATER), document(newer, today + timedelta(days=1))])
        terms = Shelf(home, ZONE, clock)
        async with followed(terms):
            assert WATER == terms.section(WATER.doc, WATER.number)
            clock.moved = timedelta(days=1)
            await until(lambda: [newer] == [each.section for each in terms.ranker.rank([TOLD], most=8)])
            assert newer == terms.section(WATER.doc, WATER.number)

    asyncio.run(scenario())
