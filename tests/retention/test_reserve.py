"""A full disk can still be told to delete, and it is known beforehand when it will be full."""

from __future__ import annotations

import errno
import random
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pysqlite3.dbapi2 as sqlite3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.errors import StoreError
from tavs.host.home import Home
from tavs.retention import reserve
from tavs.retention.reserve import RESERVE_BYTES, SWEEP_BYTES, forecast, freed_if_full, is_whole, make

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SIZE = RESERVE_BYTES + 2 * SWEEP_BYTES


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.database.parent.mkdir(parents=True)
    return home


@pytest.fixture
def small(home: Home) -> Iterator[Home]:
    """A home whose database lies on a file system of its own, with room for the reserve and two sweeps."""
    folder = home.database.parent
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},nr_inodes=200", "tmpfs", str(folder)]
    try:
        is_mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        is_mounted = False
    if not is_mounted:
        pytest.skip("this machine does not let us mount a file system")
    yield home
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(home: Home) -> Path:
    """Another program's file, in the last free byte."""
    other = home.database.with_name("other")
    with other.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError as error:
            assert errno.ENOSPC == error.errno
    return other


def test_the_reserve_is_really_allocated(home: Home) -> None:
    assert not is_whole(home)
    assert make(home)
    status = reserve.path(home).stat()
    assert (RESERVE_BYTES, True, 0o660) == (
        status.st_size,
        status.st_blocks * 512 >= RESERVE_BYTES,
        status.st_mode & 0o777,
    )


def test_a_reserve_of_holes_is_none_and_is_made_whole(home: Home) -> None:
    with reserve.path(home).open("wb") as file:
        file.truncate(RESERVE_BYTES)
    assert not is_whole(home)
    assert make(home)
    assert is_whole(home)


def test_with_room_enough_the_eraser_does_not_touch_it(home: Home) -> None:
    make(home)
    before = reserve.path(home).stat()
    with freed_if_full(home) as is_freed:
        assert not is_freed
        assert before == reserve.path(home).stat()
    assert before == reserve.path(home).stat()


def test_the_first_sweep_makes_it(home: Home) -> None:
    with freed_if_full(home):
        assert not is_whole(home)
    assert is_whole(home)


def test_at_no_byte_free_a_row_can_be_deleted_only_with_the_reserve(small: Home) -> None:
    assert make(small)
    connection = sqlite3.connect(small.database, isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("create table rows (content blob)")
    connection.executemany("insert into rows values (randomblob(3000))", [()] * 200)
    connection.execute("pragma wal_checkpoint(truncate)")
    other = fill(small)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        connection.execute("delete from rows")
    with freed_if_full(small) as is_freed:
        assert is_freed
        connection.execute("delete from rows")
        connection.execute("pragma wal_checkpoint(truncate)")
        assert not is_whole(small)
    assert not is_whole(small), "what is still full gets no reserve"
    other.unlink()
    with freed_if_full(small) as is_freed:
        assert not is_freed
    assert is_whole(small)
    connection.close()


def test_a_failed_sweep_makes_it_again_all_the_same(small: Home) -> None:
    make(small)
    other = fill(small)
    with pytest.raises(KeyboardInterrupt), freed_if_full(small):
        other.unlink()
        raise KeyboardInterrupt
    assert is_whole(small)


def test_the_reserve_is_never_what_fills_the_disk(small: Home) -> None:
    small.database.write_bytes(bytes(SIZE - RESERVE_BYTES - SWEEP_BYTES + (1 << 16)))
    assert not make(small)
    assert not reserve.path(small).exists()
    small.database.write_bytes(b"")
    assert make(small)


def test_a_disk_without_inodes_is_full_too(small: Home) -> None:
    make(small)
    for number in range(190):
        small.database.with_name(str(number)).touch()
    with freed_if_full(small) as is_freed:
        assert is_freed


def test_a_folder_that_is_not_there_is_an_error_and_not_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such file"), freed_if_full(Home(tmp_path)):
        pytest.fail("there is nothing to free")


def samples(*free_bytes: int, each: timedelta = DAY) -> list[tuple[datetime, int]]:
    """Up to now."""
    return [
        (NOW - each * back, free) for back, free in zip(range(len(free_bytes) - 1, -1, -1), free_bytes, strict=True)
    ]


def test_a_disk_that_loses_as_much_each_day_is_full_when_that_much_is_gone() -> None:
    assert 7.0 == pytest.approx(forecast(samples(1000, 900, 800, 700), NOW))
    assert 5.0 == pytest.approx(forecast(samples(1000, 900, 800, 700), NOW + 2 * DAY))
    assert 0.0 == forecast(samples(300, 200, 100, 0), NOW + DAY)


@pytest.mark.parametrize(
    "known",
    [
        [],
        samples(1000),
        samples(1000, 500, 100, each=timedelta(hours=2)),
        samples(800, 800, 800),
        samples(700, 800, 900),
        [(at - 30 * DAY, free) for at, free in samples(1000, 900, 800)],
        [(at + 30 * DAY, free) for at, free in samples(1000, 900, 800)],
    ],
    ids=["nothing", "one", "an afternoon", "as much", "more and more", "long ago", "still to come"],
)
def test_nobody_tells_when_a_disk_is_full_that_does_not_fill_or_is_not_known(known: list[tuple[datetime, int]]) -> None:
    assert forecast(known, NOW) is None


@given(st.integers(1, 10**9), st.integers(0, 10**12), st.integers(2, 14), st.randoms(use_true_random=False))
def test_the_order_of_the_samples_does_not_matter(daily: int, left: int, days: int, chance: random.Random) -> None:
    known = samples(*(left + daily * back for back in range(days - 1, -1, -1)))
    chance.shuffle(known)
    assert left / daily == pytest.approx(forecast(known, NOW), rel=1e-6, abs=1e-6)
