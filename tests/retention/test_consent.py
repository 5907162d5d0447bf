"""Evidence of consent: what is a yes, and the many things that are none."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.events import Purpose
from tavs.retention.consent import Answer, Evidence, Source, decide

ASKED_AT = datetime(2031, 3, 4, 9, tzinfo=UTC)
YES, NO, UNCLEAR = Answer.YES, Answer.NO, Answer.UNCLEAR


def evidence(
    answer: Answer = YES,
    source: Source = Source.DTMF,
    after_s: int = 0,
    *,
    pressed: str = "1",
    prompt: str = "menu",
    purpose: Purpose = Purpose.QUALITY,
) -> Evidence:
    return Evidence(
        purpose=purpose,
        answer=answer,
        source=source,
        pressed=pressed if source is Source.DTMF else "",
        prompt="" if source is Source.OFFICER else prompt,
        prompt_version="3",
        language="da",
        at=ASKED_AT + timedelta(seconds=after_s),
    )


ANY = st.builds(
    evidence,
    st.sampled_from(Answer),
    st.sampled_from(Source),
    st.integers(0, 5),
    pressed=st.sampled_from(["1", "2", "11"]),
    prompt=st.sampled_from(["", "menu", "transfer"]),
)


@pytest.mark.parametrize(
    "answers",
    [
        [evidence()],
        [evidence(source=Source.PBX)],
        [evidence(), evidence()],
        [evidence(), evidence(source=Source.PBX, after_s=2)],
        [evidence(NO), evidence(after_s=60, prompt="transfer")],
        [evidence(NO), evidence(source=Source.OFFICER, after_s=60)],
    ],
    ids=["a key", "the menu's event", "entered twice", "two sources agree", "asked again", "told an officer"],
)
def test_a_clear_yes_is_consent(answers: list[Evidence]) -> None:
    assert decide(answers) is True


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [evidence(NO)],
        [evidence(UNCLEAR)],
        [evidence(), evidence(UNCLEAR, Source.HEADER)],
        [evidence(), evidence(NO, after_s=1)],
        [evidence(NO), evidence(after_s=1)],
        [evidence(), evidence(NO, Source.PBX, after_s=2)],
        [evidence(NO, Source.HEADER, prompt=""), evidence(after_s=9)],
        [evidence(), evidence(after_s=1)],
        [evidence(pressed="11")],
        [evidence(), evidence(pressed="2", after_s=1)],
        [evidence(), evidence(NO, after_s=60, prompt="transfer")],
        [evidence(), evidence(NO, Source.OFFICER, after_s=86_400)],
        [evidence(), evidence(NO, Source.PBX, after_s=86_400, prompt="")],
        [evidence(NO, Source.OFFICER), evidence(source=Source.PBX, after_s=60)],
        [evidence(purpose=Purpose.DOCUMENTATION)],
    ],
    ids=[
        "none",
        "no",
        "unclear",
        "yes and unclear",
        "yes, then no",
        "no, then yes",
        "the menu says otherwise",
        "a header that names no prompt says otherwise",
        "the key twice",
        "a doubled key",
        "two keys",
        "asked again",
        "withdrawn at an officer",
        "withdrawn by an event",
        "an officer's no and a later event",
        "another purpose",
    ],
)
def test_anything_else_is_none(answers: list[Evidence]) -> None:
    assert decide(answers) is False


@given(st.lists(ANY, max_size=6))
def test_no_consent_without_a_yes(answers: Sequence[Evidence]) -> None:
    assert not decide(answers) or any(each.answer is YES for each in answers)


@given(st.lists(ANY, max_size=6), st.randoms())
def test_the_order_of_the_rows_and_a_row_entered_twice_change_nothing(answers: list[Evidence], chance: Random) -> None:
    again = chance.sample(answers, len(answers)) + answers[:2]
    assert decide(answers) is decide(again)


@given(st.lists(ANY, max_size=6))
def test_a_withdrawal_is_the_end_of_it_whatever_was_said_before(answers: list[Evidence]) -> None:
    assert decide([*answers, evidence(NO, Source.OFFICER, after_s=10)]) is False
    assert decide([*answers, evidence(NO, Source.PBX, after_s=10, prompt="")]) is False


@given(st.lists(ANY, min_size=1, max_size=6))
def test_one_more_doubt_never_makes_a_consent(answers: list[Evidence]) -> None:
    doubt = replace(answers[-1], answer=UNCLEAR, prompt="", source=Source.METADATA)
    assert not decide([*answers, doubt]) or any(each.source is Source.OFFICER for each in answers)


def test_what_was_pressed_is_not_printed() -> None:
    assert "4711" not in repr(evidence(pressed="4711"))
