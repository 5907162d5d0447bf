"""The power fails while something is written: what was acknowledged is there, and the rest is whole. A part of it all.

The whole of it, every change, is `python tests/bench/retention.py --only power-cuts`.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from unittest.mock import patch

import pytest

sys.path.append(str(Path(__file__).parents[1] / "bench"))

import crashes
import killer
import power
from crashes import AT
from killer import Tell
from office import FIRST
from power import CASES, Cut, Powerless
from tavs.errors import StoreError
from tavs.host.clock import SimulatedClock
from tavs.host.home import Home
from tavs.recording.seal import AUDIO, Opener, Sealer
from tavs.relay import Received
from tavs.retention.destroy import Disk
from tavs.store.database import open_writer

STEP = 61
"""Every so manieth change of a scenario; the bench takes all."""


Act = Callable[[Home, Random, Tell], None]


@pytest.fixture(autouse=True)
def able() -> None:
    if not killer.is_able():
        pytest.skip("this machine does not let us hold up system calls")
    if not power.is_able():
        pytest.skip("this machine does not let us mount a file system")


@pytest.mark.parametrize("place", range(len(CASES)), ids=[scenario.name for scenario in CASES])
def test_what_was_acknowledged_outlives_a_power_cut_and_the_rest_is_whole(place: int) -> None:
    matrix = power.everywhere(CASES[place], STEP, place)
    assert [] == matrix.violations
    assert matrix.cuts.total() == matrix.points.total() > 0
    assert matrix.acknowledged > 0, "something had been promised"


# --- that it would be found -----------------------------------------------------------------------------------------


def deaf(_: int) -> None:
    """A sync that does not."""


def record_without_sync(home: Home, random: Random, tell: Tell) -> None:
    with patch.object(os, "fsync", deaf), patch.object(os, "fdatasync", deaf):
        crashes.record(home, FIRST, ("yes",), random, tell)


def hear_without_sync(home: Home, random: Random, tell: Tell) -> None:
    with closing(open_writer(home.database)) as connection:
        connection.execute("pragma synchronous = off")
        desk = crashes.keeper(home, connection, SimulatedClock(AT))
        for sequence, event in enumerate(crashes.frames(FIRST, random, crashes.sidecars_of(home, FIRST))):
            desk.apply(Received("heard", sequence, event))
            tell(f"kept {sequence}")
        os._exit(0)  # to close is to move the log, with a sync


def sweep_without_sync(home: Home, random: Random, tell: Tell) -> None:
    with patch.object(Disk, "sync", lambda disk, folders: None):
        power.sweep_all(home, random, tell)


@pytest.mark.parametrize(
    ("name", "act", "complaint"),
    [
        ("record yes", record_without_sync, "No such file"),
        ("desk, heard again", hear_without_sync, "was committed"),
        (power.SWEEP, sweep_without_sync, "its key is on the disk"),
    ],
    ids=["recording", "rows", "deletion"],
)
def test_a_sync_that_is_missing_is_found(name: str, act: Act, complaint: str) -> None:
    scenario = next(each for each in CASES if each.name == name)
    with power.prepared_disk(scenario) as (prepared, image), pytest.raises((AssertionError, OSError), match=complaint):
        broken = replace(prepared, scenario=replace(scenario, act=act))
        power.die(broken, image, 0, Cut.NOTHING, Random(1), Powerless())


@pytest.mark.parametrize("missing", [1, 30, 1500])
def test_zeros_up_to_the_end_are_a_file_that_was_cut_off(missing: int) -> None:
    """ext4, in its usual mode too: a neighbour's sync takes the new length of a file along, and not its content."""
    sealer = Sealer(FIRST, 0)
    synced = sealer.begin() + sealer.chunk(AUDIO, b"synced")
    for tail in (bytes(missing), sealer.chunk(AUDIO, b"half of it")[:12] + bytes(missing + 100)):
        opener = Opener(io.BytesIO(synced + tail), sealer.key, FIRST, 0)
        assert [b"synced"] == [chunk.data for chunk in opener]
        assert not opener.is_complete
        with pytest.raises(StoreError):
            list(Opener(io.BytesIO(synced + bytes(4) + tail + b"changed"), sealer.key, FIRST, 0))
    assert [] == list(Opener(io.BytesIO(bytes(missing)), sealer.key, FIRST, 0))


# --- the disk -------------------------------------------------------------------------------------------------------


def write(path: Path, content: bytes, *, is_synced: bool) -> None:
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(content)
        file.flush()
        if is_synced:
            os.fsync(file.fileno())


def found_after(folder: Path, cut: Cut) -> dict[str, bytes]:
    """Three files: one synced, one not, one synced and then written over; as a cut leaves them."""
    live, copy = folder / "live", folder / "copy"
    power.make_disk(live)
    with power.mounted(live) as disk:
        write(disk / "over", b"old", is_synced=True)
        write(disk / "synced", b"there", is_synced=True)
        write(disk / "unsynced", b"lost", is_synced=False)
        write(disk / "over", b"new", is_synced=False)
        power.cut_power(live, disk, copy, cut, Random(2))
        with power.mounted(copy) as found:
            return {path.name: path.read_bytes() for path in power.files_below(found)}


def test_a_cut_loses_what_was_not_synced_and_nothing_else(tmp_path: Path) -> None:
    assert {"over": b"old", "synced": b"there"} == found_after(tmp_path, Cut.NOTHING)


def test_a_cut_may_keep_a_name_without_its_content(tmp_path: Path) -> None:
    assert {"over": b"old", "synced": b"there", "unsynced": b""} == found_after(tmp_path, Cut.NAMES)


def test_content_may_reach_the_disk_before_what_was_written_earlier(tmp_path: Path) -> None:
    with patch.object(Random, "choice", lambda random, options: "content"):
        assert {"over": b"new", "synced": b"there"} == found_after(tmp_path, Cut.SOME)


def test_a_tear_takes_a_part_of_what_was_not_synced_and_leaves_the_rest(tmp_path: Path) -> None:
    live, copy = tmp_path / "live", tmp_path / "copy"
    power.make_disk(live)
    with power.mounted(live) as disk:
        write(disk / "synced.tavs", b"there", is_synced=True)
        write(disk / "torn.tavs", b"a" * 3000, is_synced=True)
        write(disk / "torn.tavs", b"b" * 3000, is_synced=False)
        power.cut_power(live, disk, copy, Cut.NOTHING, Random(2))
        with power.mounted(copy) as found:
            assert 1 == power.tear(disk, found, Random(2))
            assert b"there" == (found / "synced.tavs").read_bytes()
            torn = (found / "torn.tavs").read_bytes()
    new = torn.count(b"b")
    assert 3000 - 1 - power.BLOCK_BYTES <= new < 3000
    assert b"b" * new + b"a" * (3000 - new) == torn
