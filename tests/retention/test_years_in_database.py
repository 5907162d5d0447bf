"""Days of a site through its database and its files, with clocks that go wrong: nothing differs from a naive model."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tavs.retention.policy import Reason
from years import compare, steps

MEMORY = Path("/dev/shm")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is any: nobody pulls the plug here, and a disk is slow to sync."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=MEMORY) as root:
        yield Path(root)


def test_on_no_day_do_rows_keys_or_files_differ_from_a_naive_model_whatever_the_clock_does(folder: Path) -> None:
    deleted: Counter[str] = Counter()
    happened: Counter[str] = Counter()
    for seed in (0, 5):
        found = compare(folder / str(seed), days=400, calls_a_day=2, seed=seed, year=200)
        assert [] == found.differences
        assert (400, 2) == (found.days, found.audits)
        assert found.receipts == found.deleted.total()
        assert found.stopped_days
        deleted += found.deleted
        happened += found.happened
    assert set(Reason) == set(deleted), "a reason that never occurred was not compared"
    assert {
        "Called", "Lost", "Found", "AnsweredLater", "Demanded", "Held", "Released", "Applied", "Announced", "Swept",
        "Jumped", "PoweredOff", "Righted",
    } == set(happened)  # fmt: skip


def test_steps_are_the_same_every_time_they_are_told() -> None:
    assert list(steps(40, 5, seed=1)) == list(steps(40, 5, seed=1))
    assert list(steps(40, 5, seed=1)) != list(steps(40, 5, seed=2))
