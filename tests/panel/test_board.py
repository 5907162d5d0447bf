"""The board: what agents see of their calls, told once each, whatever comes and goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from house import ANNA, BO, CALL, OTHER_CALL, Sent, messages, segment, suggestion
from hypothesis import given
from hypothesis import strategies as st
from tavs.events import CallDescribed, CallEnded, CallId, CallStarted, CallState, Channel, Gap, GapKind, MaskedText
from tavs.panel import board as rules
from tavs.panel.board import Board
from tavs.panel.subscription import KEPT_BYTES, KEPT_MESSAGES, MOST_WAITING
from tavs.panel.wire import AdviceState

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def begin(board: Board, call: CallId = CALL, extension: str = ANNA, now_s: float = 0.0) -> None:
    board.apply(CallStarted(call=call, at=AT, source="siprec", extension=extension), None, now_s)


def call_id(number: int) -> CallId:
    return CallId(f"0192f0c1-0000-7000-8000-{number:012x}")


@dataclass
class Screen:
    """What a page shows, by the rules of the wire."""

    calls: dict[str, dict[str, Any]] = field(default_factory=dict)

    def read(self, sent: Sent) -> None:
        data = sent.data
        if sent.kind == "snapshot":
            self.calls = {call["call"]: _by_id(call) for call in data["calls"]}
        elif sent.kind == "call":
            self.calls.setdefault(data["call"], {"segments": {}, "suggestions": {}}).update(data)
        elif sent.kind in ("segment", "suggestion"):
            self.calls[data["call"]][f"{sent.kind}s"][data["id"]] = data
        elif sent.kind == "verdict":
            self.calls[data["call"]]["suggestions"][data["suggestion"]]["verdicts"] = data["verdicts"]

    def read_all(self, body: bytes) -> str:
        """The last id of what was read."""
        read = messages(body)
        for sent in read:
            self.read(sent)
        return read[-1].id if read else ""

    def shown(self) -> dict[str, dict[str, Any]]:
        """All but the running clock, which a page counts by itself."""
        return {
            call: {key: value for key, value in all_.items() if key != "elapsed_ms"}
            for call, all_ in self.calls.items()
        }


def _by_id(call: dict[str, Any]) -> dict[str, Any]:
    return call | {kind: {one["id"]: one for one in call[kind]} for kind in ("segments", "suggestions")}


ACTIONS = st.lists(
    st.tuples(st.sampled_from("start end say suggest judge transfer gap wait erase".split()), st.integers(0, 3)),
    max_size=60,
)


def act(board: Board, action: str, number: int, row: int, now_s: float) -> None:
    """One thing that happens; `row` only grows."""
    call = call_id(number)
    match action:
        case "start":
            begin(board, call, ANNA if number % 2 else BO, now_s)
        case "end":
            board.apply(CallEnded(call=call, at=AT, reason="bye"), None, now_s)
        case "say":
            board.apply(segment("ord", call, row), row, now_s)
        case "suggest":
            board.suggest(suggestion(number, call))
        case "judge":
            board.judge(call, number, ("useful",))
        case "transfer":
            board.apply(CallDescribed(call=call, extension=(ANNA, BO, "", "4999")[row % 4]), None, now_s)
        case "gap":
            board.apply(Gap(kind=GapKind.OVERLOAD, call=call if row % 2 else None), None, now_s)
        case "erase":
            board.forget(call, now_s)
        case "wait":
            board.tick(now_s)


@given(actions=ACTIONS, cuts=st.lists(st.booleans(), min_size=60, max_size=60), both=st.booleans())
def test_whoever_is_cut_off_and_comes_back_sees_what_all_others_see(
    actions: list[tuple[str, int]], cuts: list[bool], both: bool
) -> None:
    extensions = {ANNA, BO} if both else {ANNA}
    board, cut, whole = Board("boot"), Screen(), Screen()
    now_s, last_id = 0.0, ""
    steady = board.subscribe(extensions, "", now_s)
    shaky = board.subscribe(extensions, "", now_s)
    for row, ((action, number), is_cut) in enumerate(zip(actions, cuts, strict=False), 1):
        now_s += 10.0 * (action == "wait")
        act(board, action, number, row, now_s)
        whole.read_all(steady.take())
        if is_cut:
            board.leave(shaky)
            continue
        if shaky.is_closed:
            shaky = board.subscribe(extensions, last_id, now_s)
        last_id = cut.read_all(shaky.take()) or last_id
    if shaky.is_closed:
        shaky = board.subscribe(extensions, last_id, now_s)
    cut.read_all(shaky.take())
    assert whole.shown() == cut.shown()
    fresh = Screen()
    fresh.read_all(board.subscribe(extensions, "", now_s).take())
    assert fresh.shown() == whole.shown()


@given(cuts=st.sets(st.integers(0, 39)))
def test_a_browser_that_comes_back_soon_reads_the_same_messages_once_each(cuts: set[int]) -> None:
    board, read = Board("boot"), list[Sent]()
    begin(board)
    steady, shaky = board.subscribe({ANNA}, "", 0.0), board.subscribe({ANNA}, "", 0.0)
    read += messages(shaky.take())
    for number in range(40):
        board.apply(segment(f"ord {number}", sequence=number), number + 1, 0.0)
        if number in cuts:
            board.leave(shaky)
            shaky = board.subscribe({ANNA}, read[-1].id, 0.0)
        read += messages(shaky.take())
    assert messages(steady.take()) == read


@pytest.mark.parametrize(
    "last_id", ["", "x", "other-3", "boot-", "boot--1", "boot-999", "boot-²", "boot-1e3", "boot-" + "9" * 40]
)
def test_an_id_we_do_not_know_brings_a_snapshot(last_id: str) -> None:
    board = Board("boot")
    begin(board)
    assert ["snapshot"] == [sent.kind for sent in messages(board.subscribe({ANNA}, last_id, 0.0).take())]


def test_a_browser_that_was_away_too_long_gets_a_snapshot() -> None:
    board = Board("boot")
    begin(board)
    last = messages(board.subscribe({ANNA}, "", 0.0).take())[-1].id
    for number in range(KEPT_MESSAGES):
        board.apply(segment("ord", sequence=number), number + 1, 0.0)
    assert KEPT_MESSAGES == len(messages(board.subscribe({ANNA}, last, 0.0).take()))
    board.apply(segment("ord", sequence=999), 999, 0.0)
    assert ["snapshot"] == [sent.kind for sent in messages(board.subscribe({ANNA}, last, 0.0).take())]


def test_a_slow_browser_costs_only_itself() -> None:
    board = Board("boot")
    begin(board)
    slow, quick = board.subscribe({ANNA}, "", 0.0), board.subscribe({ANNA}, "", 0.0)
    read = messages(quick.take())
    for number in range(MOST_WAITING + 5):
        board.apply(segment("ord", sequence=number), number + 1, 0.0)
        read += messages(quick.take())
    assert (True, False) == (slow.is_closed, quick.is_closed)
    assert b"" == slow.take()
    assert MOST_WAITING + 6 == len(read)
    assert "snapshot" == messages(board.subscribe({ANNA}, "", 0.0).take())[0].kind


def test_calls_of_other_extensions_and_of_none_are_on_no_screen() -> None:
    board = Board("boot")
    begin(board, CALL, BO)
    begin(board, OTHER_CALL, "")
    for extensions in ({ANNA}, {""}, set()):
        browser = board.subscribe(extensions, "", 0.0)
        board.apply(segment("hemmeligt"), 1, 0.0)
        board.apply(segment("hemmeligt", OTHER_CALL), 2, 0.0)
        assert [{"calls": []}] == [sent.data for sent in messages(browser.take())]


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (Gap(kind=GapKind.OVERLOAD, call=CALL), AdviceState.BEHIND),
        (Gap(kind=GapKind.OVERLOAD), AdviceState.BEHIND),
        (Gap(kind=GapKind.LOSS, call=CALL), AdviceState.ON),
        (Gap(kind=GapKind.LANGUAGE, call=CALL), AdviceState.LANGUAGE),
        (Gap(kind=GapKind.OVERLOAD, call=OTHER_CALL), AdviceState.ON),
        (CallDescribed(call=CALL, extension=ANNA, state=CallState(is_attributed=False)), AdviceState.ATTRIBUTION),
        (CallEnded(call=CALL, at=AT, reason="bye"), AdviceState.ENDED),
    ],
    ids=["dropped here", "box behind", "packets lost", "foreign language", "dropped elsewhere", "unsure", "over"],
)
def test_advice_says_why_it_is_silent(event: Any, state: AdviceState) -> None:
    board = Board("boot")
    begin(board)
    browser = board.subscribe({ANNA}, "", 0.0)
    browser.take()
    board.apply(event, None, 1.0)
    assert state is board.advice_state(CALL, 1.0)
    told = [sent.data["advice"] for sent in messages(browser.take()) if sent.kind == "call"]
    assert ([] if state is AdviceState.ON else [state.value]) == told


def test_a_late_segment_makes_the_box_behind_until_it_has_caught_up() -> None:
    board = Board("boot")
    begin(board)
    late = segment("sent")
    on_purpose = type(late)(**{**_fields(late), "delay_ms": 9000, "held_ms": 4000})
    board.apply(on_purpose, 1, 1.0)
    assert AdviceState.ON is board.advice_state(CALL, 1.0)
    board.apply(type(late)(**{**_fields(late), "delay_ms": 9001, "held_ms": 4000}), 2, 2.0)
    browser = board.subscribe({ANNA}, "", 2.0)
    browser.take()
    board.tick(17.0)
    assert (AdviceState.BEHIND, b"") == (board.advice_state(CALL, 17.0), browser.take())
    board.tick(17.1)
    assert ["on"] == [sent.data["advice"] for sent in messages(browser.take())]


def test_the_customer_speaking_the_language_again_ends_the_pause_and_the_agent_does_not() -> None:
    board = Board("boot")
    begin(board)
    board.apply(Gap(kind=GapKind.LANGUAGE, call=CALL, t0_ms=1, t1_ms=2), None, 0.0)
    board.apply(segment("ja", channel=Channel.AGENT), 1, 0.0)
    assert AdviceState.LANGUAGE is board.advice_state(CALL, 0.0)
    board.apply(segment("ja"), 2, 0.0)
    assert AdviceState.ON is board.advice_state(CALL, 0.0)


def test_what_was_written_before_is_not_shown_again() -> None:
    board = Board("boot")
    begin(board)
    browser = board.subscribe({ANNA}, "", 0.0)
    browser.take()
    board.apply(segment("igen"), None, 0.0)
    begin(board)
    assert b"" == browser.take()


def test_ended_calls_stay_a_quarter_of_an_hour() -> None:
    board = Board("boot")
    begin(board)
    board.apply(CallEnded(call=CALL, at=AT, reason="bye"), None, 60.0)
    shown = messages(board.subscribe({ANNA}, "", 100.0).take())[0].data["calls"][0]
    assert (60_000, AT.isoformat(), "ended") == (shown["elapsed_ms"], shown["ended_at"], shown["advice"])
    board.tick(60.0 + rules.SHOWN_AFTER_END_S)
    assert 1 == len(board)
    board.tick(60.1 + rules.SHOWN_AFTER_END_S)
    assert 0 == len(board)


def test_the_newest_ten_calls_are_shown_newest_first() -> None:
    board = Board("boot")
    for number in range(15):
        begin(board, call_id(number), ANNA, float(number))
        board.apply(CallEnded(call=call_id(number), at=AT, reason="bye"), None, float(number))
    shown = messages(board.subscribe({ANNA}, "", 20.0).take())[0].data["calls"]
    assert [call_id(number) for number in range(14, 4, -1)] == [call["call"] for call in shown]


def test_memory_is_bounded_whatever_comes() -> None:
    board = Board("boot")
    for number in range(2 * rules.MOST_CALLS):
        begin(board, call_id(number), f"{number}", float(number))
    assert rules.MOST_CALLS == len(board)
    assert rules.MOST_CALLS >= len(board._histories)
    call = call_id(2 * rules.MOST_CALLS - 1)
    for number in range(3000):
        board.apply(segment("x" * 500, call, number), number + 1, 0.0)
        board.suggest(suggestion(number, call))
    kept = board._calls[call]
    assert rules.KEPT_TEXT_BYTES >= sum(len(one.text) for one in kept.segments)
    assert rules.KEPT_SUGGESTIONS == len(kept.suggestions)
    assert KEPT_BYTES >= sum(len(m.body) for m in board._histories[f"{2 * rules.MOST_CALLS - 1}"].since(0))


def test_running_calls_stay_when_room_is_made_for_new_ones() -> None:
    board = Board("boot")
    begin(board, call_id(0), "running", 0.0)
    for number in range(1, 2 * rules.MOST_CALLS):
        begin(board, call_id(number), f"{number}", float(number))
        board.apply(CallEnded(call=call_id(number), at=AT, reason="bye"), None, float(number))
    assert AdviceState.ON is board.advice_state(call_id(0), 1000.0)


def test_what_was_said_is_in_no_repr() -> None:
    board = Board("boot")
    begin(board)
    board.apply(segment("hemmeligt"), 1, 0.0)
    assert "hemmeligt" not in repr(board._calls) + repr(MaskedText("hemmeligt"))


def _fields(struct: Any) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}
