"""Whatever writes is killed in the middle, started again, and nothing is lost or left: a part of the crash matrix.

The whole of it, every change and random ones, is `python tests/bench/retention.py --only crashes`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from random import Random

import pytest

sys.path.append(str(Path(__file__).parents[1] / "bench"))

import crashes
import killer
from crashes import SCENARIOS, Scenario
from killer import Tell
from tavs.host.home import Home

STEP = 29
"""Every so manieth change of a scenario; the bench takes all."""
RANDOM_SEEDS = range(1000, 1004)
UNABLE = "this machine does not let us hold up system calls"


@pytest.fixture(autouse=True)
def able() -> None:
    if not killer.is_able():
        pytest.skip(UNABLE)


@pytest.mark.parametrize("place", range(len(SCENARIOS)), ids=[scenario.name for scenario in SCENARIOS])
def test_what_was_killed_in_the_middle_is_whole_after_a_restart(place: int) -> None:
    matrix = crashes.everywhere(SCENARIOS[place], STEP, place)
    assert [] == matrix.violations
    assert matrix.changes.total() == matrix.points.total() > 0, "all of them died"


@pytest.mark.parametrize("seed", RANDOM_SEEDS)
def test_what_dies_again_while_it_starts_is_whole_too(seed: int) -> None:
    matrix = crashes.anywhere(seed, count=4)
    assert [] == matrix.violations
    assert 4 == matrix.points.total()


def test_a_violation_is_found(tmp_path: Path) -> None:
    def half(home: Home, random: Random, tell: Tell) -> None:
        (home.incoming / "half.key").write_bytes(b"half of a key")
        (home.incoming / "half.key").unlink()

    matrix = crashes.everywhere(Scenario(name="leaves a key", before=crashes.nothing_more, act=half))
    assert 3 == len(matrix.violations), "after the open, in the write, before the unlink"


# --- the killer ------------------------------------------------------------------------------------------------------


def three(folder: Path, tell: Tell) -> None:
    for name in ("a", "b"):
        with (folder / name).open("wb", buffering=0) as file:
            file.write(b"0123456789")
            file.write(b"abcdefghij")
        tell(name)
    (folder / "a").unlink()


WORK = ("openat", "write", "write") * 2 + ("unlink",)


def test_every_change_is_seen_and_those_elsewhere_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "watched"
    folder.mkdir()

    def work(tell: Tell) -> None:
        (tmp_path / "watched").chmod(0o700)
        three(folder, tell)
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - no file at all
            nothing.read()

    ended = killer.run(work, folder)
    assert (("chmod", *WORK), False, ("a", "b"), "") == (ended.changes, ended.is_killed, ended.told, ended.failure)


@pytest.mark.parametrize("number", range(1, len(WORK) + 1))
def test_it_dies_before_its_change(tmp_path: Path, number: int) -> None:
    ended = killer.run(lambda tell: three(tmp_path, tell), tmp_path, number)
    assert (WORK[:number], True) == (ended.changes, ended.is_killed)
    assert tuple("ab"[: (number - 1) // 3]) == ended.told
    written = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert 10 * WORK[: number - 1].count("write") == written


@pytest.mark.parametrize(("part", "written"), [(0.0, b""), (0.3, b"abc"), (1.0, b"abcdefghij")])
def test_a_write_is_torn_where_it_stands_in_the_file(tmp_path: Path, part: float, written: bytes) -> None:
    killer.run(lambda tell: three(tmp_path, tell), tmp_path, 3, part)
    assert b"0123456789" + written == (tmp_path / "a").read_bytes()


def test_what_the_child_raises_is_told(tmp_path: Path) -> None:
    def work(tell: Tell) -> None:
        tell("begun")
        raise ValueError("an invented failure")

    ended = killer.run(work, tmp_path)
    assert (("begun",), False) == (ended.told, ended.is_killed)
    assert "an invented failure" in ended.failure
