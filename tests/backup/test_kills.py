"""Killed at any moment a backup or a restore goes on: nothing half is ever taken for whole."""

from __future__ import annotations

import itertools
import os
import random
import signal
import time
import traceback
from collections.abc import Callable

from office import YES, call_id
from small_life import Life, faults, kept, opens, snapshot
from tavs.backup import note
from tavs.backup.checking import verify
from tavs.events import CallId
from tavs.host.home import Home

DEATHS = 50


def died(work: Callable[[], object], after_s: float) -> bool:
    """Whether the work, in a process of its own, was killed before its end."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - the parent is told by the exit status
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or 0 == os.waitstatus_to_exitcode(status), "it ended with an error"
    return os.WIFSIGNALED(status)


def length_s(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def is_finished(home: Home) -> bool:
    """Receipts of the disk end before the disaster, so the end of a restore waits to be accepted."""
    found = note.restore(home)
    return found is not None and found.state == "receipts-missing"


def test_a_backup_that_is_killed_again_and_again_is_whole_at_the_end(life: Life) -> None:
    for number in range(10, 16):
        life.office.call(call_id(number), answers=[YES])
    longest_s, chance, deaths = length_s(life.backup), random.Random(12), 0
    while deaths < DEATHS:
        if deaths % 10 == 0:  # something to copy, and something to clear
            life.office.call(call_id(20 + deaths), answers=[YES])
            life.erase(call_id(10 + deaths // 10))
            life.sweep()
        deaths += died(life.backup, chance.uniform(0, longest_s))
        faults_now = verify(life.disk, life.office.now).faults
        assert [] == faults_now, "the last manifest stands whenever it was killed"
    life.backup(prune=True)
    assert [] == verify(life.disk, life.office.now).faults
    assert not [name for name in snapshot(life.disk) if name.endswith((".part", ".copy"))]
    life.restore()
    assert kept(life.home) == kept(life.new)


def test_a_restore_that_is_killed_again_and_again_is_whole_at_the_end(life: Life) -> None:
    life.backup()
    life.erase(call_id(1))
    life.hold(call_id(2))
    life.sweep()
    life.backup(has_content=False)
    chance, deaths = random.Random(12), 0
    longest_s = length_s(life.restore)
    for number in itertools.count():
        home = Home(life.new.root.with_name(f"new-{number}"))
        while not is_finished(home):
            deaths += died(lambda place=home: life.restore(place), chance.uniform(0, longest_s * 1.2))  # type: ignore[misc]
        assert kept(life.home) == kept(home)
        assert [] == faults(home)
        assert all(opens(home, call_id(call)) for call in (1, 2, 3))
        assert not [name for name in snapshot(home.var) if name.endswith((".part", ".restored"))]
        if deaths >= DEATHS // 2:
            break


def test_a_box_that_works_on_while_it_is_backed_up_comes_back_whole(life: Life) -> None:
    """Calls come in, are erased and swept in another process; each backup is whole and restores to a sound box."""
    child = os.fork()
    if child == 0:
        try:
            for number in itertools.count(100):
                life.office.call(call_id(number), answers=[YES])
                life.erase(call_id(number))
                if number % 3 == 0:
                    life.sweep()
        finally:
            os._exit(1)
    try:
        for number in range(8):
            life.backup()
            assert [] == verify(life.disk, life.office.now).faults
            home = Home(life.new.root.with_name(f"new-{number}"))
            life.restore(home)
            assert [] == faults(home)
            assert all(opens(home, CallId(call)) for call, kind in kept(home) if kind == "recording")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert 8 < life.backup().recordings
