"""A clock that cannot be believed: nothing goes before its true time, and nothing stays because a clock was set back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tavs.host.clock import RealClock, SimulatedClock
from tavs.retention.clock_guard import LONGEST_POWER_OFF, TOLERANCE, Judgement, Mark, Verdict, confirm, judge, read

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY, YEAR = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(days=365))


@dataclass
class Box:
    """A machine with its clock, its guard, and what time it truly is."""

    truth: datetime = START
    clock: SimulatedClock = field(default_factory=lambda: SimulatedClock(START))
    mark: Mark | None = None
    judgements: list[Judgement] = field(default_factory=list)
    starts: int = 0
    off: timedelta = timedelta(0)
    """How long it was off in all."""

    def judged(self) -> Judgement:
        self.judgements.append(judge(self.mark, read(self.clock)))
        self.mark = self.judgements[-1].mark
        return self.judgements[-1]

    def run(self, length: timedelta) -> None:
        self.truth += length
        self.clock.advance(length.total_seconds())

    def step(self, length: timedelta) -> None:
        self.clock.set(self.clock.now() + length)

    def keep_time(self) -> None:
        self.clock.set(self.truth, is_synchronised=True)

    def confirm_the_truth(self) -> None:
        self.clock.set(self.truth)
        self.mark = confirm(read(self.clock))

    def power_off(self, length: timedelta) -> None:
        self.truth += length
        self.clock.restart(length.total_seconds())
        self.starts += 1
        self.off += length


def running() -> Box:
    box = Box()
    box.judged()
    box.run(DAY)
    assert (Verdict.OK, box.truth) == verdict_and_time(box.judged())
    return box


def verdict_and_time(judgement: Judgement) -> tuple[Verdict, datetime]:
    return judgement.verdict, judgement.trusted_now


def test_an_honest_clock_is_believed_over_years_and_short_power_offs() -> None:
    box = running()
    for off in (MINUTE, 3 * DAY, LONGEST_POWER_OFF):
        box.run(200 * DAY)
        box.judged()
        box.power_off(off)
        assert (Verdict.OK, box.truth) == verdict_and_time(box.judged())


@pytest.mark.parametrize(
    "step", [HOUR, DAY, 30 * DAY, 10 * YEAR, datetime(2038, 1, 19, 4, tzinfo=UTC) - START, 80 * YEAR], ids=str
)
def test_a_jump_forward_stops_deletions_and_moves_no_trusted_time(step: timedelta) -> None:
    box = running()
    box.step(step)
    assert (Verdict.FORWARD, box.truth) == verdict_and_time(box.judged())
    box.run(DAY)
    assert (Verdict.FORWARD, box.truth) == verdict_and_time(box.judged())
    assert box.truth - DAY == box.judged().mark.suspended_since


@pytest.mark.parametrize("step", [HOUR, DAY, 50 * YEAR], ids=str)
def test_a_jump_back_prolongs_nothing(step: timedelta) -> None:
    box = running()
    box.step(-step)
    assert (Verdict.BACK, box.truth) == verdict_and_time(box.judged())
    box.run(400 * DAY)
    assert (Verdict.BACK, box.truth) == verdict_and_time(box.judged())


def test_a_hardware_clock_that_starts_at_nought_lets_time_go_on_from_the_mark() -> None:
    box = running()
    box.power_off(DAY)
    box.clock.set(datetime(1970, 1, 1, tzinfo=UTC))
    box.run(HOUR)
    assert (Verdict.BACK, box.truth - DAY) == verdict_and_time(box.judged())
    box.run(30 * DAY)
    assert (Verdict.BACK, box.truth - DAY) == verdict_and_time(box.judged())


@pytest.mark.parametrize("off", [LONGEST_POWER_OFF + MINUTE, 45 * DAY], ids=str)
def test_a_box_that_was_off_for_too_long_waits_for_a_person(off: timedelta) -> None:
    box = running()
    box.power_off(off)
    assert (Verdict.FORWARD, box.truth - off) == verdict_and_time(box.judged())
    box.confirm_the_truth()
    assert (Verdict.OK, box.truth) == verdict_and_time(box.judged())
    assert box.truth == box.judged().mark.confirmed_at


def test_small_steps_do_not_add_up() -> None:
    box = running()
    box.step(TOLERANCE)
    assert (Verdict.OK, box.truth) == verdict_and_time(box.judged())
    box.step(TOLERANCE)
    assert (Verdict.FORWARD, box.truth) == verdict_and_time(box.judged())


def test_a_suspension_outlasts_a_restart_and_a_clock_that_came_back() -> None:
    box = running()
    box.step(3 * DAY)
    box.judged()
    box.power_off(timedelta(0))
    assert Verdict.FORWARD is box.judged().verdict
    box.step(-3 * DAY)
    assert (Verdict.FORWARD, box.truth) == verdict_and_time(box.judged())


def test_a_time_server_ends_a_suspension_and_corrects_a_mark_that_was_ahead() -> None:
    box = running()
    box.step(10 * YEAR)
    box.judged()
    box.keep_time()
    assert (Verdict.OK, box.truth) == verdict_and_time(box.judged())
    box.clock.set(box.truth + 9 * DAY)
    box.mark = confirm(read(box.clock))
    box.keep_time()
    assert (Verdict.OK, box.truth) == verdict_and_time(box.judged())
    assert box.truth + 9 * DAY == box.judged().mark.confirmed_at


def test_a_machine_restored_to_an_earlier_moment_of_the_same_start_does_not_go_back() -> None:
    box = running()
    restored = SimulatedClock(box.truth)
    assert (Verdict.OK, box.truth) == verdict_and_time(judge(box.mark, read(restored)))


LENGTHS = st.integers(0, 90 * 24).map(lambda hours: hours * HOUR)
STEPS = st.one_of(
    st.integers(-50 * 365, 10 * 365).map(lambda days: days * DAY),
    st.integers(-600, 600).map(lambda seconds: timedelta(seconds=seconds)),
)
RUN, STEP, OFF, KEPT, CONFIRMED = (
    st.tuples(st.just("run"), LENGTHS),
    st.tuples(st.just("step"), STEPS),
    st.tuples(st.just("power off"), LENGTHS),
    st.tuples(st.just("kept"), st.just(timedelta(0))),
    st.tuples(st.just("confirmed"), st.just(timedelta(0))),
)


def done(box: Box, action: str, length: timedelta) -> None:
    match action:
        case "run":
            box.run(length)
        case "step" if 1950 < (box.clock.now() + length).year < 3000:
            box.step(length)
        case "power off":
            box.power_off(length)
        case "kept":
            box.keep_time()
        case "confirmed":
            box.confirm_the_truth()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(RUN, STEP, OFF, KEPT, CONFIRMED), max_size=25))
def test_nothing_goes_before_its_true_time_and_nothing_much_after_it(actions: list[tuple[str, timedelta]]) -> None:
    """With steps that were seen before the power went; five minutes at each start may not have been."""
    box = running()
    for action, length in actions:
        done(box, action, length)
        judgement = box.judged()
        assert judgement.trusted_now <= box.truth + box.starts * TOLERANCE
        assert judgement.trusted_now >= box.truth - box.off
        assert (judgement.verdict is Verdict.FORWARD) == (judgement.mark.suspended_since is not None)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(RUN, STEP, OFF), max_size=25))
def test_the_trusted_time_never_goes_back_by_itself(actions: list[tuple[str, timedelta]]) -> None:
    box = running()
    for action, length in actions:
        done(box, action, length)
        box.judged()
    times = [judgement.trusted_now for judgement in box.judgements]
    assert sorted(times) == times


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(LENGTHS, STEPS, LENGTHS), max_size=10))
def test_a_hardware_clock_set_ahead_while_off_gains_at_most_seven_days_a_start(
    starts: list[tuple[timedelta, timedelta, timedelta]],
) -> None:
    box = running()
    for off, step, length in starts:
        box.power_off(off)
        done(box, "step", step)
        assert box.judged().trusted_now <= box.truth + box.starts * LONGEST_POWER_OFF
        box.run(length)
        box.judged()


def test_the_clock_of_this_machine_can_be_read_and_is_believed_at_first() -> None:
    clock = RealClock()
    reading = read(clock)
    assert 36 == len(reading.boot_id)
    assert 0 < reading.boottime_s <= clock.boottime()
    assert (Verdict.OK, reading.wall) == verdict_and_time(judge(None, reading))
