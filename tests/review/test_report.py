"""The residual risk of masking: what a reader marks is counted, and no word of what was read is kept."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.errors import UsageError
from tavs.masking.detect import RANK
from tavs.review.bound import upper_bound
from tavs.review.report import LABELS, latest, read_through, store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXTS = ["jeg hedder <PERSON_1>", "ring til svendsen på <PHONE_1>", "det er <ADDRESS_1>", "tak for det"]


def test_every_label_that_masking_gives_can_be_marked() -> None:
    assert set(RANK) == set(LABELS)


def answers(*given: str):
    waiting = iter(given)
    return lambda _: next(waiting)


def test_what_the_reader_marks_is_counted_by_label() -> None:
    report = read_through(TEXTS, answers("", "person", "", ""), "reader", NOW)
    assert 4 == report.segments
    assert {"PERSON": 1} == report.misses
    assert upper_bound(1, 4) == report.bounds()["PERSON"]
    assert upper_bound(0, 4) == report.bounds()["CPR"]


def test_an_unknown_label_is_asked_for_again_and_stop_ends_early() -> None:
    report = read_through(TEXTS, answers("navn", "PERSON, PHONE", "stop"), "reader", NOW)
    assert 1 == report.segments
    assert {"PERSON": 1, "PHONE": 1} == report.misses


def test_the_report_is_kept_without_a_word_of_the_text(tmp_path: Path) -> None:
    report = read_through(TEXTS, answers("", "person", "", ""), "reader", NOW)
    written = store(report, tmp_path / "reviews").read_text(encoding="utf-8")
    assert not any(word in written for word in ("svendsen", "hedder", "<PERSON_1>", "ring"))
    assert report.misses == latest(tmp_path / "reviews").misses
    assert any("PERSON" in line and "75" in line for line in latest(tmp_path / "reviews").lines())


def test_without_a_report_the_hint_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="read through"):
        latest(tmp_path)


@given(st.integers(1, 400), st.data())
def test_the_bound_lies_above_what_was_found_and_falls_with_more_reading(segments: int, data: st.DataObject) -> None:
    misses = data.draw(st.integers(0, segments))
    bound = upper_bound(misses, segments)
    assert misses / segments <= bound <= 1
    assert upper_bound(misses, segments * 2) <= bound


def test_nothing_found_in_three_hundred_means_less_than_one_in_a_hundred() -> None:
    assert 0.00993 == pytest.approx(upper_bound(0, 300), abs=0.0001)  # 1 - 0.05 ** (1 / 300)
