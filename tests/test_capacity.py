"""How many calls a box carries: what the arithmetic says of boxes that are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.capacity import MOST_CALLS, TARGET_S, Measured, Phrase, carried, delay

LENGTH_S = 60.0
EVERY_SIX = [Phrase(ends_s=6.0 * number, takes_s=0.5) for number in range(1, 11)]
"""A phrase of half a second's work every six seconds: a worker is busy a twelfth of the time."""


def test_one_call_waits_for_nobody() -> None:
    assert 0.5 == pytest.approx(delay(EVERY_SIX, 1, 1, LENGTH_S))


def test_a_box_carries_what_its_workers_have_time_for_and_not_more() -> None:
    calls, delay_s = carried(EVERY_SIX, 1, LENGTH_S)
    assert 6 <= calls <= 12
    assert delay_s <= TARGET_S < delay(EVERY_SIX, 1, calls + 1, LENGTH_S)


def test_twice_the_workers_carry_about_twice_as_much() -> None:
    one, two = (carried(EVERY_SIX, workers, LENGTH_S)[0] for workers in (1, 2))
    assert 2 * one <= two <= 3 * one


def test_a_model_slower_than_the_target_carries_nobody_and_says_so() -> None:
    slow = [Phrase(ends_s=6.0, takes_s=1.5)]
    calls, delay_s = carried(slow, 4, LENGTH_S)
    assert (0, 1.5) == (calls, pytest.approx(delay_s))
    assert "not even one call" in Measured(workers=1, phrase_s=1.5, calls=0, delay_s=delay_s).line()


def test_a_box_that_carries_more_than_is_tried_says_so() -> None:
    calls, delay_s = carried([Phrase(ends_s=6.0, takes_s=0.0001)], 1, LENGTH_S)
    assert MOST_CALLS == calls
    assert "200 or more live calls" in Measured(workers=2, phrase_s=0.0001, calls=calls, delay_s=delay_s).line()


@given(
    st.lists(st.tuples(st.floats(0, 60), st.floats(0.01, 2)), min_size=1, max_size=8),
    st.integers(1, 4),
    st.integers(1, 12),
)
def test_a_phrase_never_takes_less_than_its_own_time(
    phrases: list[tuple[float, float]], workers: int, calls: int
) -> None:
    found = [Phrase(*phrase) for phrase in phrases]
    assert delay(found, workers, calls, LENGTH_S) >= min(phrase.takes_s for phrase in found) - 1e-6
