"""A desk that starts again in the middle of a call goes on where it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from house import ANNA, AT, CALL, OTHER_CALL, House, Terms, messages, segment
from tavs.advice.sections import Section
from tavs.events import CallDescribed, CallId, CallState
from tavs.host import credentials
from tavs.panel.board import Board
from tavs.panel.recall import recall, withdrawn
from tavs.store import feedback
from tavs.store.text_keys import TextKeys


def section(doc: str, number: str) -> Section | None:
    return next((one for one in Terms().in_force(AT.date()) if (one.doc, one.number) == (doc, number)), None)


def started_anew(house: House, after: timedelta) -> Board:
    """The board of a desk that starts that long after the call began."""
    keys, board = TextKeys(house.home.text_keys, credentials.load("desk", house.home)), Board("another")
    recall(board, house.connection, keys, house.home.incoming, section, now=AT + after, now_s=1000.0)
    return board


def shown(board: Board) -> list[dict[str, Any]]:
    return list(messages(board.subscribe({ANNA}, "", 1000.0).take())[0].data["calls"])


def test_a_running_call_is_there_with_text_suggestions_and_what_was_thought_of_them(house: House) -> None:
    house.begin()
    first = house.say("vand i kælderen")
    house.say("efter regnen", sequence=1)
    feedback.judge(house.connection, house.suggest(first), "useful", extensions={ANNA}, now=AT)
    (house.home.incoming / f"{CALL}.0.tavs").touch()
    call = shown(started_anew(house, timedelta(minutes=2)))[0]
    assert (120_000, AT.isoformat(), True) == (call["elapsed_ms"], call["started_at"], call["recorded"])
    assert ["vand i kælderen", "efter regnen"] == [one["text"] for one in call["segments"]]
    assert [("Skybrud", "Husforsikring", ["useful"])] == [
        (one["title"], one["product"], one["verdicts"]) for one in call["suggestions"]
    ]


def test_no_advice_is_given_until_the_listener_has_said_whose_voice_is_whose(house: House) -> None:
    house.begin()
    board = started_anew(house, timedelta(minutes=1))
    board.apply(segment("ord"), 99, 1000.0)
    assert "attribution" == shown(board)[0]["advice"]
    board.apply(CallDescribed(call=CALL, extension=ANNA, state=CallState(is_recorded=True)), None, 1001.0)
    assert ("on", True) == (shown(board)[0]["advice"], shown(board)[0]["recorded"])


@pytest.mark.parametrize("ended_at", [None, AT.isoformat()], ids=["of another agent", "over"])
def test_calls_of_others_and_calls_that_are_over_are_not_there(house: House, ended_at: str | None) -> None:
    house.begin(OTHER_CALL if ended_at is None else CALL, "4600" if ended_at is None else ANNA)
    house.connection.execute("update calls set ended_at = ?", (ended_at,))
    assert [] == shown(started_anew(house, timedelta(minutes=1)))


def test_text_whose_key_is_gone_stays_gone(house: House) -> None:
    house.begin()
    house.say("hemmeligt")
    (house.home.text_keys / f"{CALL}.key").unlink()
    assert [[]] == [call["segments"] for call in shown(started_anew(house, timedelta(minutes=1)))]


def test_what_was_erased_or_restricted_meanwhile_is_to_leave_every_screen(house: House) -> None:
    house.begin()
    running = [CallId(row[0]) for row in house.connection.execute("select id from calls")]
    gone = CallId("018f0000-0000-7000-8000-00000000dead")
    assert [gone] == withdrawn(house.connection, [*running, gone])
