"""Power cuts: the scenarios of crashes.py on an ext4 of their own, whose disk is copied at a death as it is then.

1. The home lies on an ext4 in a file, mounted by loop. What the file system has not written back is not in the file;
   it writes nothing back by itself for longer than a scenario takes (COMMIT_S, and the kernel's 30 s for old pages).
2. The child dies at its change n (killer.py). The file is copied, without a sync, and the copy is mounted: its journal
   is played, what was not synced is lost. From there on it is a death like any other: crashes.die.
3. A disk takes what it was not told to take, too, in any order. A cut is one of Cut: nothing else; the names of all
   files and no content of any; of each file nothing, or its content, or both. Then files may be torn in their last
   block, where they were not synced.
4. What was acknowledged is looked for in the copy before anything is started, with nothing to repair it.

It is ext4 that is cut here, in its least careful way (data=writeback, no allocation at a rename); a file system that
breaks fsync is not. Needs root, loop devices and mkfs.ext4.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from random import Random
from unittest.mock import patch

import crashes
import killer
import msgspec
from crashes import ALL_DUE, AT, SCENARIOS, Prepared, Scenario
from killer import Tell
from office import FIRST
from tavs.errors import StoreError
from tavs.events import ArtifactKind, CallId, Sidecar, SidecarState
from tavs.host.clock import SimulatedClock
from tavs.host.home import Home
from tavs.recording.rotation import unfinished
from tavs.relay import Received
from tavs.retention.sweep import plan, sweep
from tavs.store.database import open_reader, open_writer
from tavs.store.files import keys_of, rest_of

IMAGE_BYTES = 12 << 20
COMMIT_S = 300
OPTIONS = f"loop,nodiscard,data=writeback,noauto_da_alloc,commit={COMMIT_S}"
BLOCK_BYTES = 1024
"""Of an ext4 this small."""
EVERYTHING = 1 | 2 | 4
"""sync_file_range(2): wait before, write, wait after; content only, and no flush of the journal."""
DONE = "done"
_LIBC = ctypes.CDLL(None, use_errno=True)


class Cut(Enum):
    """What reaches the disk though nobody synced it."""

    NOTHING = "nothing"
    NAMES = "names"
    SOME = "some"


@dataclass(slots=True)
class Powerless:
    points: Counter[str] = field(default_factory=Counter)
    """Cuts by scenario."""
    cuts: Counter[str] = field(default_factory=Counter)
    """By what reached the disk all the same."""
    lost_something: int = 0
    """Cuts after which a file was another than it had been for the programs, or was not there."""
    torn_files: int = 0
    acknowledged: int = 0
    """What had been promised before a cut, and was there."""
    violations: list[str] = field(default_factory=list)


# --- a disk ---------------------------------------------------------------------------------------------------------


def make_disk(image: Path) -> None:
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True, capture_output=True)


@contextmanager
def mounted(image: Path) -> Iterator[Path]:
    folder = image.with_name(f"{image.name}.mounted")
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", OPTIONS, str(image), str(folder)], check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def is_able() -> bool:
    """Whether this machine lets us mount a file system from a file."""
    with crashes.workshop() as folder:
        try:
            make_disk(folder / "disk")
            with mounted(folder / "disk"):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


def cut_power(live: Path, folder: Path, copy: Path, cut: Cut, random: Random) -> None:
    """The disk `live`, mounted on `folder`, as a power cut leaves it now."""
    if cut is Cut.NAMES:
        with (folder / "other").open("wb") as file:  # its sync takes the journal along, and no other file's content
            os.fsync(file.fileno())
    elif cut is Cut.SOME:
        for path in sorted(files_below(folder)):
            what = random.choice(("nothing", "content", "both"))
            with path.open("rb") as file:
                if what == "content":
                    none = ctypes.c_int64(0)
                    assert _LIBC.sync_file_range(file.fileno(), none, none, EVERYTHING) == 0
                elif what == "both":
                    os.fsync(file.fileno())
    shutil.copyfile(live, copy)


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "other"]


def contents(folder: Path) -> dict[Path, str]:
    """By name; not the index of the log, which SQLite makes anew."""
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files_below(folder)
        if not path.name.endswith("-shm")
    }


def tear(was: Path, found: Path, random: Random) -> int:
    """Let a part of what was written to the last block of files, and not synced, be on the disk; how many files."""
    count = 0
    for path in sorted(files_below(found)):
        written = was / path.relative_to(found)
        if path.suffix == ".json" or path.name.endswith("-shm") or not written.exists():
            continue
        if written.stat().st_ino != path.stat().st_ino:
            continue  # another file took its name
        new, old = written.read_bytes(), path.read_bytes()
        differing = [place for place in range(len(new)) if new[place : place + 1] != old[place : place + 1]]
        if not differing:
            continue
        place = max(differing[0], differing[-1] - random.randint(0, BLOCK_BYTES))
        torn = new[:place] + old[place:]
        if path.suffix != ".tavs" and random.random() < 0.5:
            torn = torn.ljust(len(new), b"\0")
        path.write_bytes(torn)
        count += 1
    return count


# --- scenarios: those of crashes.py, with what is promised ----------------------------------------------------------


def promising(scenario: Scenario) -> Scenario:
    """It tells when it has returned; all of it must be there from then on."""

    def act(home: Home, random: Random, tell: Tell) -> None:
        scenario.act(home, random, tell)
        tell(DONE)

    return replace(scenario, act=act, again=scenario.again or scenario.act)


def recording_of(scenario: Scenario) -> Scenario:
    """What was written counts when it was synced."""

    def act(home: Home, random: Random, tell: Tell) -> None:
        def telling(sync: Callable[[int], None]) -> Callable[[int], None]:
            def and_tell(descriptor: int) -> None:
                size, path = os.fstat(descriptor).st_size, Path(f"/proc/self/fd/{descriptor}").readlink()
                sync(descriptor)
                if path.suffix == ".tavs":
                    tell(f"wrote {path.stem} {size}")

            return and_tell

        def all_but_writes(line: str) -> None:
            if not line.startswith("wrote "):
                tell(line)

        with patch.object(os, "fsync", telling(os.fsync)), patch.object(os, "fdatasync", telling(os.fdatasync)):
            scenario.act(home, random, all_but_writes)

    return replace(scenario, act=act)


def hear_all(home: Home, random: Random, tell: Tell) -> None:
    with closing(open_writer(home.database)) as connection:
        desk = crashes.keeper(home, connection, SimulatedClock(AT))
        for sequence, event in enumerate(crashes.frames(FIRST, random, crashes.sidecars_of(home, FIRST))):
            desk.apply(Received("heard", sequence, event))
            tell(f"kept {sequence}")


def sweep_all(home: Home, random: Random, tell: Tell) -> None:
    """In batches of one: each is reported, by its receipt, before the next is touched."""
    with closing(open_writer(home.database)) as connection, patch("tavs.retention.sweep.BATCH", 1):
        items, _ = plan(connection, ALL_DUE)

        def progress(done: int, of: int) -> None:
            item = items[done - 1]
            tell(f"deleted {item.call} {item.kind.value} {item.part}")

        swept = sweep(connection, home, now=ALL_DUE, at=ALL_DUE, progress=progress)
        assert items == swept.deleted


def of_crashes(name: str) -> Scenario:
    return next(each for each in SCENARIOS if each.name == name)


SWEEP = "sweep"
MASTERS = {"rotate site": "site-private.key", "rotate desk": "desk.key"}
"""What is destroyed when such a scenario is done."""
CASES = (
    recording_of(of_crashes("record yes")),
    recording_of(of_crashes("record yes then no")),
    replace(of_crashes("desk, heard again"), act=hear_all),
    Scenario(name=SWEEP, before=crashes.two_calls, act=sweep_all, is_one_step=False),
    *(promising(of_crashes(name)) for name in MASTERS),
    promising(of_crashes("archive")),
    promising(of_crashes("withdraw")),
    promising(of_crashes("hold add")),
)


# --- what must hold -------------------------------------------------------------------------------------------------


def promises_hold(before: Home, found: Home, image: bytes, told: tuple[str, ...], name: str) -> None:
    """Before anything is started again: on the disk as it was found."""
    for line in told:
        what, *words = line.split()
        if what == "closed":
            sidecar = msgspec.json.decode((found.incoming / f"{words[0]}.json").read_bytes(), type=Sidecar)
            assert SidecarState.CLOSED is sidecar.state, f"{words[0]} was closed and is {sidecar.state}"
            content = (found.incoming / sidecar.file).read_bytes()
            assert sidecar.sha256 == hashlib.sha256(content).hexdigest(), f"{words[0]} was closed and is another"
        elif what == "wrote":
            assert (found.incoming / f"{words[0]}.tavs").stat().st_size >= int(words[1]), f"{line}, and synced"
        elif what == "deleted":
            call, kind, part = CallId(words[0]), ArtifactKind(words[1]), int(words[2])
            there = [*keys_of(found, call, kind, part), *rest_of(found, call, kind, part)]
            assert [] == [path.name for path in there if path.exists()], f"{line}, and there again"
            for key in keys_of(before, call, kind, part):
                assert not key.exists() or key.read_bytes() not in image, f"{line}, and its key is on the disk"
    if DONE in told and (master := MASTERS.get(name)):
        old = (before.keys / master).read_bytes()
        assert () == unfinished(found), "a finished rotation is unfinished"
        assert (found.keys / master).read_bytes() != old, "a finished rotation is undone"
        assert old not in image, "the old key is on the disk"


def rows_hold(prepared: Prepared, home: Home, told: tuple[str, ...]) -> None:
    """After the restart: rows that were committed."""
    prepared.scenario.check(home, told)
    if DONE in told:
        found = crashes.rows(home)
        assert found == prepared.after, f"it was done, and is not: {crashes.difference(found, prepared.after)}"
    with closing(open_reader(home.database)) as connection:
        kept = [int(line.split()[1]) for line in told if line.startswith("kept ")]
        if kept:
            row = connection.execute("select sequence from relay where boot = 'heard'").fetchone()
            assert row and row[0] >= kept[-1], f"event {kept[-1]} was committed, and {row} is the last"
        for line in told:
            if line.startswith("deleted "):
                query = "select count(*) from receipts where call = ? and kind = ? and part = ?"
                assert (1,) == connection.execute(query, line.split()[1:]).fetchone(), f"{line}, without a receipt"


def start_once_more(prepared: Prepared, told: tuple[str, ...]) -> Callable[[Home, Random, Tell], None]:
    """Where a deletion was cut off, its key opens nothing any more: the sweep has to end it."""

    def act(home: Home, random: Random, tell: Tell) -> None:
        for line in told:
            tell(line)
        if prepared.scenario.name == SWEEP:
            crashes.start_again(home)
            sweep_all(home, random, lambda _: None)

    return act


# --- the matrix -----------------------------------------------------------------------------------------------------


@contextmanager
def prepared_disk(scenario: Scenario, seed: int = 0) -> Iterator[tuple[Prepared, Path]]:
    """A scenario, and a disk with its home on which all is synced."""
    with crashes.workshop() as folder:
        prepared, image = crashes.prepare(scenario, folder, seed), folder / "template"
        make_disk(image)
        with mounted(image) as disk:
            shutil.copytree(prepared.template.root, disk / "home")
        yield prepared, image


def die(prepared: Prepared, image: Path, kill_at: int, cut: Cut, random: Random, matrix: Powerless) -> None:
    """One cut before change `kill_at`, or after all of it where that is 0. Raises AssertionError."""
    scenario = prepared.scenario
    live, copy = image.with_name("live"), image.with_name("cut")
    shutil.copyfile(image, live)
    is_torn = random.random() < 0.5
    with mounted(live) as disk:
        home = Home(disk / "home")
        began = time.monotonic()
        ended = crashes.do(home, lambda tell: scenario.act(home, Random(prepared.seed), tell), kill_at)
        was = contents(disk)
        cut_power(live, disk, copy, cut, random)
        assert time.monotonic() - began < 15, "the kernel may have written pages back by itself"
        raw = copy.read_bytes()
        with mounted(copy) as found:
            matrix.lost_something += contents(found) != was
            matrix.torn_files += tear(disk, found, random) if is_torn else 0
            left = Home(found / "home")
            promises_hold(prepared.template, left, raw, ended.told, scenario.name)
            after_all = replace(
                scenario, act=start_once_more(prepared, ended.told), again=scenario.again or scenario.act,
                check=lambda home, told: rows_hold(prepared, home, told),
            )  # fmt: skip
            crashes.die(replace(prepared, scenario=after_all, template=left), 0, None)
            crashes.old_keys_are_gone(prepared.template, prepared.home)
            matrix.acknowledged += len(ended.told)
    matrix.cuts[cut.value + (", torn" if is_torn else "")] += 1


def everywhere(scenario: Scenario, step: int = 1, start: int = 0) -> Powerless:
    """A cut before every `step`-th change of a scenario and after the last, of each kind in turn."""
    matrix = Powerless()
    with prepared_disk(scenario) as (prepared, image):
        cuts = list(Cut)
        for place in sorted({0, *range(start % step, len(prepared.changes) + 1, step)}):
            cut, random = cuts[(place // step + start) % len(cuts)], Random(place + 1000 * start)
            try:
                die(prepared, image, place, cut, random, matrix)
            except (AssertionError, StoreError, OSError) as error:
                matrix.violations.append(f"{scenario.name}, change {place}, cut with {cut.value}: {error!r}")
            matrix.points[scenario.name] += 1
    return matrix


def everywhere_in(point: tuple[int, int, int]) -> Powerless:
    """By its place: a scenario does not travel to another process."""
    place, step, start = point
    return everywhere(CASES[place], step, start)


def figures() -> dict[str, object]:
    """For tests/bench/retention.py.

    Every change of a recording is cut in every way; of the others once, and which way turns from one to the next. A
    sweep is long and does the same again and again: every second one.
    """
    if not (is_able() and killer.is_able()):
        raise SystemExit("power cuts need root, loop devices, mkfs.ext4 and seccomp notifications")
    began = time.perf_counter()
    points_of = [
        (place, 2 if each.name == SWEEP else 1, place + turn)
        for place, each in enumerate(CASES)
        for turn in range(len(Cut) if each.name.startswith("record") else 1)
    ]
    with ProcessPoolExecutor() as pool:
        every = list(pool.map(everywhere_in, points_of))
    violations = [each for matrix in every for each in matrix.violations]
    for violation in violations[:20]:
        print(violation, file=sys.stderr)
    points = sum((matrix.points for matrix in every), Counter())
    return {
        "violations": [len(violations), 0],
        "points": [points.total(), 200],
        "points_by_scenario": dict(points),
        "cut_with": dict(sum((matrix.cuts for matrix in every), Counter())),
        "lost_something": sum(matrix.lost_something for matrix in every),
        "torn_files": sum(matrix.torn_files for matrix in every),
        "acknowledged_and_there": sum(matrix.acknowledged for matrix in every),
        "seconds": round(time.perf_counter() - began),
    }
