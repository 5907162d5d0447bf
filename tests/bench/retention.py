"""What is kept, measured: `python tests/bench/retention.py [--only PART]`. Every figure stands beside its target.

four-years  200 calls a day through the policy and through a naive model of it; days on which they differ.
years-in-database  the same through a home on disk, with clock faults: rows, keys and files after every day.
sweep       10,000 artifacts that are due, with real files, of 10,000, 100,000 and 1,000,000 that are kept; beside it a
            program that writes as the desk does. A sweep is a whole run of process 3, in a process of its own.
crashes     whatever writes, killed at every change it makes to a home and at random ones; what does not hold then.
power-cuts  the same on a disk that loses what was not synced; as root.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "daemon"), str(ROOT / "tests/retention")]

if TYPE_CHECKING:
    from tavs.host.home import Home
    from tavs.store.database import Connection

Figures = dict[str, object]

SIZES = (10_000, 100_000, 1_000_000)
DUE = 10_000
THREE_YEARS = timedelta(days=1095)
START = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = ("recording", "recording", "recording", "transcript", "masked_transcript")
PURPOSES = {"recording": "documentation", "transcript": "quality", "masked_transcript": "training"}
SEALED_BYTES, KEY_BYTES, TEXT_BYTES = 16 << 10, 120, 160
STANDING_HOLDS = 200
WRITES_APART_S = 0.01
LONGEST_SWEEP_S, LONGEST_WAIT_MS, MOST_MEMORY_MB = 30.0, 100.0, 150.0
MOST_GROWTH = 1.5
"""What a sweep of a hundred times as many artifacts, of which as many are due, may cost, of the processor."""


def four_years() -> Figures:
    from test_four_years import compare

    began = time.perf_counter()
    found = compare(days=4 * 365 + 1, calls_a_day=200, seed=1)
    for difference in found.differences[:10]:
        print(difference, file=sys.stderr)
    return {
        "differences": [len(found.differences), 0],
        "deleted": dict(sorted(found.deleted.items())),
        "kept": found.kept,
        "looked_at": found.looked_at,
        "seconds": round(time.perf_counter() - began),
    }


def sweep() -> Figures:
    figures: Figures = {str(size): _swept(size) for size in SIZES}
    cost = [figures[str(size)]["cpu_seconds"] for size in SIZES]  # type: ignore[index]
    return figures | {"growth_with_what_is_kept": [round(cost[-1] / cost[0], 2), MOST_GROWTH]}


def _swept(size: int) -> Figures:
    from tavs.host.home import Home

    processes = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir=os.environ.get("TAVS_BENCH_FOLDER")) as folder:
        began = time.perf_counter()
        home = Home(Path(folder) / "home")
        now = _build(home, size)
        os.sync()
        print(f"{size} artifacts made in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        figures: dict[str, Figures] = {}
        for name, target in (("alone", _pause), ("beside", _sweep_once)):
            stop, told = processes.Event(), processes.SimpleQueue()
            writer = processes.Process(target=_write, args=(home.root, stop, told), daemon=True)
            writer.start()
            told.get()
            work = processes.Process(target=target, args=(home.root, now, told))
            work.start()
            work.join()
            if work.exitcode != 0:
                raise SystemExit(f"the sweep of {size} artifacts failed")
            done = told.get()
            stop.set()
            figures[name] = told.get() | done
            writer.join()
    beside = figures["beside"]
    return {
        "due": [beside["deleted"], DUE],
        "seconds": [beside["seconds"], LONGEST_SWEEP_S],
        "cpu_seconds": beside["cpu_seconds"],
        "writer_longest_wait_ms": [beside["longest_wait_ms"], LONGEST_WAIT_MS],
        "memory_mb": [beside["memory_mb"], MOST_MEMORY_MB],
        "writer": {
            name: {k: v for k, v in each.items() if "_ms" in k or k == "writes"} for name, each in figures.items()
        },
    }


def _build(home: Home, size: int) -> datetime:
    """A home with that many artifacts of three years; the time at which DUE of them are due."""
    from tavs.run import prepare
    from tavs.store.database import open_writer

    prepare(home)
    apart = THREE_YEARS / size
    with closing(open_writer(home.database)) as connection:
        connection.execute("pragma synchronous = off")
        triggers = connection.execute(
            "select name, sql from sqlite_master where type = 'trigger' and tbl_name = 'grants'"
        ).fetchall()
        connection.execute("begin immediate")
        for name, _ in triggers:
            connection.execute(f"drop trigger {name}")
        _fill(connection, size, apart)
        for _, statement in triggers:
            connection.execute(statement)
        connection.execute("commit")
        connection.execute("pragma wal_checkpoint(truncate)")
    for number in range(DUE):
        _plant(home, number)
    return START + apart * (DUE - 1) + THREE_YEARS


def _fill(connection: Connection, size: int, apart: timedelta) -> None:
    def ends() -> Iterator[tuple[int, str, str, str, str]]:
        for number in range(size):
            at = START + apart * number
            yield number, _call(number), KINDS[number % 5], at.isoformat(), (at + THREE_YEARS).isoformat()

    connection.executemany(
        "insert into calls values (?, ?, ?, 'bye', 'siprec', '192.0.2.1', '4512', ?, '[]', 1)",
        ((call, at, at, f"k:{number % 50_000:x}") for number, call, _, at, _ in ends()),
    )
    connection.executemany(
        "insert into artifacts values (?, ?, ?, 0, ?, ?, 16384, 300000, 'closed', ?)",
        (
            (
                number + 1,
                call,
                kind,
                None if kind == "masked_transcript" else f"{_stem(call, kind)}.tavs",
                "0" * 64,
                until,
            )
            for number, call, kind, _, until in ends()
        ),
    )
    connection.executemany(
        "insert into grants values (?, ?, '6(1)(f)', ?, ?, 'policy 1', null, null)",
        ((number + 1, PURPOSES[kind], at, until) for number, _, kind, at, until in ends()),
    )
    connection.executemany(
        "insert into segments values (?, ?, 'customer', ?, 0, 900, '[]', 0, 500, 0, ?)",
        (
            (number * 3 + place, call, place, os.urandom(TEXT_BYTES))
            for number, call, kind, _, _ in ends()
            if kind == "masked_transcript"
            for place in range(3)
        ),
    )
    hashes = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(2)]
    connection.executemany(
        "insert into audit values (?, ?, 'grant', 'desk', ?, ?, ?, ?)",
        (
            (
                number + 1,
                at,
                call,
                json.dumps({"artifact": number + 1, "purpose": PURPOSES[kind], "until": until}),
                *hashes,
            )
            for number, call, kind, at, until in ends()
        ),
    )
    connection.executemany(
        "insert into holds (kind, party_ref, case_ref, reason_sealed, reason_sha256, owner, placed_at, placed_by,"
        " review_on) values ('case', ?, '', x'00', '', 'somebody', ?, 'officer', '2030-01-01')",
        ((f"k:held{number}", START.isoformat()) for number in range(STANDING_HOLDS)),
    )


def _plant(home: Home, number: int) -> None:
    call, kind = _call(number), KINDS[number % 5]
    if kind == "masked_transcript":
        (home.text_keys / f"{call}.key").write_bytes(os.urandom(KEY_BYTES))
        return
    for ending, size in ((".tavs", SEALED_BYTES), (".key", KEY_BYTES), (".json", 700)):
        (home.archive / f"{_stem(call, kind)}{ending}").write_bytes(os.urandom(size))


def _call(number: int) -> str:
    return f"0192f0c1-0000-7000-8000-{number:012x}"


def _stem(call: str, kind: str) -> str:
    return f"{call}.0" if kind == "recording" else f"{call}.{kind}.0"


def _sweep_once(root: Path, now: datetime, told: multiprocessing.SimpleQueue[Figures]) -> None:
    from tavs import keep
    from tavs.host.clock import RealClock
    from tavs.host.home import Home

    began, began_cpu = time.perf_counter(), time.process_time()
    kept = keep.run(Home(root), RealClock(), pretended=now)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - began_cpu
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak_kb = int(status.partition("VmHWM:")[2].split()[0])
    told.put(
        {
            "deleted": len(kept.swept.deleted),
            "seconds": round(seconds, 2),
            "cpu_seconds": round(cpu_seconds, 2),
            "memory_mb": round(peak_kb / 1024, 1),
        }
    )


def _pause(root: Path, now: datetime, told: multiprocessing.SimpleQueue[Figures]) -> None:
    """In place of a sweep: what the writer waits for anyway."""
    time.sleep(3)
    told.put({})


def _write(root: Path, stop: Event, told: multiprocessing.SimpleQueue[Figures]) -> None:
    """Segments of a running call, one transaction each, as the desk writes them."""
    from tavs.host.home import Home
    from tavs.store.database import open_writer

    waits: list[float] = []
    wholes: list[float] = []
    with closing(open_writer(Home(root).database)) as connection:
        call = "0192f0c1-0000-7000-9000-000000000001"
        connection.execute(
            "insert into calls values (?, ?, null, null, 'siprec', '192.0.2.1', '4512', null, '[]', null)"
            " on conflict do nothing",
            (call, START.isoformat()),
        )
        told.put({})
        while not stop.is_set():
            began = time.perf_counter()
            connection.execute("begin immediate")
            has_turn = time.perf_counter()
            connection.execute(
                "insert into segments (call, channel, sequence, t0_ms, t1_ms, labels, held, delay_ms, held_ms, sealed)"
                " values (?, 'customer', ?, 0, 900, '[]', 0, 500, 0, ?)",
                (call, len(waits), os.urandom(TEXT_BYTES)),
            )
            connection.execute("commit")
            wholes.append((time.perf_counter() - began) * 1000)
            waits.append((has_turn - began) * 1000)
            time.sleep(WRITES_APART_S)
    told.put(
        {
            "writes": len(waits),
            "longest_wait_ms": round(max(waits), 1),
            "wait_p99_ms": round(statistics.quantiles(waits, n=100)[98], 1),
            "longest_write_ms": round(max(wholes), 1),
        }
    )


def years_in_database() -> Figures:
    from years_in_database import years_in_database as part

    return part()


def crashes() -> Figures:
    sys.path.append(str(ROOT / "tests/rights"))
    from crashes import figures

    return figures()


def power_cuts() -> Figures:
    sys.path.append(str(ROOT / "tests/rights"))
    from power import figures

    return figures()


PARTS: dict[str, Callable[[], Figures]] = {
    "four-years": four_years,
    "years-in-database": years_in_database,
    "sweep": sweep,
    "crashes": crashes,
    "power-cuts": power_cuts,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, help="one part instead of all")
    only = parser.parse_args().only
    print(json.dumps({name: part() for name, part in PARTS.items() if only in (None, name)}, indent=1))


if __name__ == "__main__":
    main()
