"""An endpoint that fails is left alone for a while, then asked once."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.advice.breaker import TRANSITIONS, Breaker, Event, State

FAILURES, REST_S = 3, 10.0


def breaker() -> Breaker:
    return Breaker(failures=FAILURES, rest_s=REST_S)


def opened() -> Breaker:
    found = breaker()
    for _ in range(FAILURES):
        found.failed(100.0)
    return found


def test_the_table_knows_every_event_in_every_state_that_it_can_come_in() -> None:
    impossible = {(State.CLOSED, Event.RESTED), (State.HALF_OPEN, Event.RESTED)}
    assert set(itertools.product(State, Event)) - impossible == set(TRANSITIONS)


def test_failures_in_a_row_open_it_and_an_answer_between_them_does_not() -> None:
    found = breaker()
    for _ in range(5):
        found.failed(0.0)
        found.failed(0.0)
        found.answered(0.0)
    assert (State.CLOSED, True) == (found.state, found.may_ask(0.0))
    assert State.OPEN is opened().state


def test_nothing_goes_through_until_it_has_rested_and_then_one_request_does() -> None:
    found = opened()
    assert not found.may_ask(100.0 + REST_S - 0.01)
    assert found.may_ask(100.0 + REST_S)
    assert State.HALF_OPEN is found.state
    assert not found.may_ask(100.0 + 2 * REST_S)


def test_a_probe_that_is_answered_closes_it() -> None:
    found = opened()
    found.may_ask(200.0)
    found.answered(200.0)
    assert (State.CLOSED, True) == (found.state, found.may_ask(200.0))
    found.failed(200.0)
    assert State.CLOSED is found.state


def test_a_probe_that_fails_begins_another_rest() -> None:
    found = opened()
    found.may_ask(200.0)
    found.failed(201.0)
    assert not found.may_ask(201.0 + REST_S - 0.01)
    assert found.may_ask(201.0 + REST_S)


def test_an_answer_to_an_older_request_does_not_end_the_rest() -> None:
    found = opened()
    found.answered(101.0)
    assert not found.may_ask(102.0)


def test_a_probe_that_was_not_sent_leaves_the_next_to_be_the_probe() -> None:
    found = opened()
    found.may_ask(200.0)
    found.passed_by(200.0)
    assert (State.OPEN, True) == (found.state, found.may_ask(200.0))


def test_what_was_not_sent_neither_opens_it_nor_shortens_a_rest() -> None:
    found = Breaker()
    for _ in range(50):
        found.passed_by(0.0)
    assert (State.CLOSED, True) == (found.state, found.may_ask(0.0))
    found = opened()
    found.passed_by(101.0)
    assert not found.may_ask(100.0 + REST_S - 0.01)


@pytest.mark.parametrize("limit", [1, 5])
@given(st.lists(st.sampled_from(["ask", "answer", "fail", "pass"]), max_size=60))
def test_whatever_happens_it_is_open_only_after_failures_and_never_for_good(limit: int, steps: list[str]) -> None:
    found, now = Breaker(failures=limit, rest_s=REST_S), 0.0
    for step in steps:
        now += 1.0
        do = {"ask": found.may_ask, "answer": found.answered, "fail": found.failed, "pass": found.passed_by}[step]
        do(now)
    if steps.count("fail") < limit:
        assert State.CLOSED is found.state
    found.failed(now)
    assert found.may_ask(now + REST_S) or State.HALF_OPEN is found.state
