"""What is recorded, asked and promised while the clock is wrong or late counts from the time that it really was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from office import FIRST, PROMPTED, SECOND, YES, Office
from tavs import keep
from tavs.events import Purpose
from tavs.retention import applying, reserve
from tavs.retention.clock_guard import counted
from tavs.retention.consent import Answer, Evidence, Source
from tavs.retention.policy import EndedBy
from tavs.rights import consenting, subject
from tavs.store.clock_mark import trusted_now

AT = datetime(2031, 3, 1, 12, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
PROPER = {("recording", "documentation"): "2032-03-01", ("recording", "quality"): "2031-09-01",
          ("transcript", "quality"): "2034-03-01", ("masked_transcript", "training"): "2031-03-31"}  # fmt: skip


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    one = Office(tmp_path / "home", AT)
    keep.run(one.home, one.clock)
    yield one
    one.close()
    reserve.path(one.home).unlink(missing_ok=True)


def given(office: Office, answer: Answer, source: Source) -> bool:
    evidence = Evidence(
        purpose=Purpose.QUALITY, answer=answer, source=source, pressed="", prompt="", prompt_version="", language="",
        at=office.now,
    )  # fmt: skip
    return consenting.enter(office.connection, FIRST, evidence, zone="Europe/Copenhagen", actor="pbx", now=office.now)


@pytest.mark.parametrize("step", [-18_250 * DAY, -3 * DAY, 3 * DAY, 3652 * DAY])
def test_a_call_of_a_wrong_clock_is_kept_as_long_as_any_other(office: Office, step: timedelta) -> None:
    office.clock.set(AT + step)
    office.call(FIRST, answers=[PROMPTED])
    assert trusted_now(office.connection, office.clock) == AT
    office.clock.set(AT)
    assert office.grants(FIRST) == PROPER
    assert AT.isoformat() == office.connection.execute("select ended_at from calls").fetchone()[0]


def test_a_call_of_a_clock_that_started_at_nought_is_there_after_the_next_sweep(office: Office) -> None:
    office.clock.restart(3600)
    office.clock.set(datetime(2000, 1, 1, tzinfo=UTC))
    office.call(FIRST)
    assert [] == keep.run(office.home, office.clock).swept.deleted
    assert 3 == len(office.files(".tavs")) + len(office.files(f"{FIRST}.key")) + len(office.files(".0.key"))


def test_answers_keep_their_order_on_a_wrong_clock(office: Office) -> None:
    office.clock.set(AT + 3652 * DAY)
    office.call(FIRST, answers=[YES])
    office.clock.set(AT)
    office.clock.advance(60)
    subject.ask(office.connection, FIRST, EndedBy.WITHDRAWAL, actor="officer", now=office.now)
    office.clock.advance(60)
    assert given(office, Answer.YES, Source.OFFICER), "the later word of an officer replaces what the menu heard"


@pytest.mark.parametrize(
    ("told", "wall", "expected"),
    [
        (AT - MINUTE, AT + 4 * MINUTE, AT - MINUTE),
        (AT + 9 * DAY, AT + 10 * DAY, AT - DAY),
        (AT - DAY, AT + 10 * DAY, AT - DAY),
        (AT - 12 * DAY, AT - 10 * DAY, AT - 2 * DAY),
        (AT - DAY, AT - 10 * DAY, AT),
    ],
)
def test_what_a_wrong_clock_told_is_counted_and_never_later_than_now(
    told: datetime, wall: datetime, expected: datetime
) -> None:
    assert expected == counted(told, wall, AT)


def test_a_consent_that_comes_late_lasts_no_longer_than_policies_confirmed_since(office: Office) -> None:
    office.call(FIRST)
    text = office.home.retention.read_text(encoding="utf-8")
    office.home.retention.write_text(text.replace('"6 months"', '"45 days"'), encoding="utf-8")
    applying.apply(office.home, "Europe/Copenhagen", office.now, "officer", is_confirmed=True)
    assert given(office, Answer.YES, Source.PBX)
    assert "2031-04-15" == office.grants(FIRST)["recording", "quality"]
    office.call(SECOND, answers=[YES])
    assert "2031-04-15" == office.grants(SECOND)["recording", "quality"], "the desk that runs goes by it too"


def test_what_was_erased_comes_back_by_an_officer_only(office: Office) -> None:
    office.call(FIRST, answers=[YES])
    office.clock.advance(60)
    subject.ask(office.connection, FIRST, EndedBy.ERASURE, actor="officer", now=office.now)
    office.clock.advance(60)
    assert not given(office, Answer.YES, Source.PBX)
    assert not any(purpose == "quality" for _, purpose in office.grants(FIRST))
