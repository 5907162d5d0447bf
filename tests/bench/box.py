"""What the packages cost on a machine: their size, the install, the start, idle programs, a restart in mid-call.

    TAVS_BOX_PACKAGES=FOLDER tests/bench/box.py        (root; `make deb` builds the packages)

Prints one JSON document; each figure has its target beside it where there is one.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parents[1]
sys.path[:0] = [str(HERE / "box"), str(HERE / "wire"), str(HERE.parent / "daemon")]

from box import DESK, KEEP, LISTEN, PROGRAMS, Box  # noqa: E402
from caller import cut  # noqa: E402
from machine import impossible, machine, wait_for  # noqa: E402

IDLE_S = 60.0
READY_TARGET_S, IDLE_TARGET_PERCENT, GAP_TARGET_MS = 3.0, 1.0, 2000
STARTS, RESTARTS = 3, 2
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def main() -> None:
    if why := impossible():
        sys.exit(f"tavs: error: {why}")
    packages = Path(os.environ["TAVS_BOX_PACKAGES"]).resolve()
    with machine() as new, tempfile.TemporaryDirectory() as folder:
        boot_s = new.boot()
        box = Box(new, Path(folder))
        box.put(packages)
        install_s, _ = box.install()
        new.wait_active(*PROGRAMS)
        box.configure()
        time.sleep(5)
        found = {
            "packages_mb": {
                path.name: round(path.stat().st_size / 1e6, 1) for path in sorted(packages.glob("tavs*.deb"))
            },
            "installed_mb": _installed_mb(box),
            "boot_s": round(boot_s, 1),
            "install_s": round(install_s, 1),
            "ready_s": {"target": READY_TARGET_S} | {unit: _starts(box, unit) for unit in PROGRAMS},
            "idle_cpu_percent": {"target": IDLE_TARGET_PERCENT} | _idle(box),
            "memory_mb": {unit: _memory_mb(box, unit) for unit in PROGRAMS},
            "sweep": _sweep(box),
            "restart_gap_ms": {"target": GAP_TARGET_MS} | {name: _gaps(box, how) for name, how in RESTART.items()},
        }
    print(json.dumps(found, indent=1))


def _restart(box: Box) -> None:
    box.machine.run("systemctl", "restart", LISTEN)


def _kill(box: Box) -> None:
    box.machine.run("kill", "-KILL", str(box.machine.main_pid(LISTEN)))


RESTART: dict[str, Callable[[Box], None]] = {"systemctl restart": _restart, "kill -9": _kill}


def _installed_mb(box: Box) -> float:
    sizes = box.machine.run("du", "-sk", "/usr/lib/tavs", "/usr/share/tavs").stdout.splitlines()
    return round(sum(int(line.split()[0]) for line in sizes) / 1e3, 1)


def _starts(box: Box, unit: str) -> list[float]:
    """`systemctl start`, which returns when the unit is ready, in seconds."""
    found = []
    for _ in range(STARTS):
        box.machine.run("systemctl", "stop", unit)
        began = time.monotonic()
        box.machine.run("systemctl", "start", unit)
        found.append(round(time.monotonic() - began, 2))
    return found


def _idle(box: Box) -> dict[str, float]:
    """Of one core, all processes of a unit together."""
    time.sleep(10)
    before = {unit: _ticks(box, unit) for unit in PROGRAMS}
    time.sleep(IDLE_S)
    return {unit: round((_ticks(box, unit) - before[unit]) / TICKS_A_SECOND / IDLE_S * 100, 2) for unit in PROGRAMS}


def _pids(box: Box, unit: str) -> list[str]:
    group = box.machine.property(unit, "ControlGroup")
    return box.machine.shell(
        f"cat /sys/fs/cgroup/systemd{group}/cgroup.procs /sys/fs/cgroup{group}/cgroup.procs 2>/dev/null || true"
    ).stdout.split()


def _ticks(box: Box, unit: str) -> int:
    """User and system time of the processes of a unit, in clock ticks (proc(5), stat)."""
    total = 0
    for pid in set(_pids(box, unit)):
        fields = box.machine.path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total


def _memory_mb(box: Box, unit: str) -> float:
    """What the unit's processes have to themselves, and their share of the rest (Pss)."""
    lines = [
        line
        for pid in set(_pids(box, unit))
        for line in box.machine.run("cat", f"/proc/{pid}/smaps_rollup").stdout.splitlines()
        if line.startswith("Pss:")
    ]
    return round(sum(int(line.split()[1]) for line in lines) / 1e3, 1)


def _sweep(box: Box) -> dict[str, float]:
    began = time.monotonic()
    box.machine.run("systemctl", "start", KEEP)
    return {"seconds": round(time.monotonic() - began, 2)}


def _gaps(box: Box, how: Callable[[Box], None]) -> list[int]:
    """What is missing of a running call, in ms, as the recording tells it."""
    found = []
    sound = cut(box.folder, 4, 16)
    for _ in range(RESTARTS):
        placed, call = box.place(sound)
        time.sleep(4)
        before = box.machine.main_pid(LISTEN)
        how(box)
        wait_for(lambda before=before: box.machine.main_pid(LISTEN) not in (0, before), 20, "it does not come back")
        box.machine.wait_active(LISTEN, DESK)
        placed.wait()
        box.wait_kept(call)
        found.append(box.lost_ms(call))
    return found


if __name__ == "__main__":
    main()
