"""What systemd knows of our units (systemctl(1), `show`). On a machine without systemd: nothing, and no error."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RUNNING = Path("/run/systemd/system")
"""sd_booted(3)."""
ACTIVE = ("tavs-listen.service", "tavs-desk.service", "tavs-relay.socket", "tavs-keep.timer", "tavs-firewall.service")
"""Those that are active on a box that works, most important first."""
ONESHOT = "tavs-keep.service"
PROPERTIES = ("Id", "LoadState", "ActiveState", "SubState", "Result", "NRestarts", "StatusText")
TIMEOUT_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    name: str
    load: str
    active: str
    sub: str
    result: str
    """`success`, or how it ended."""
    restarts: int
    text: str
    """What the program says of itself (STATUS=)."""

    def trouble(self) -> str | None:
        if self.name == ONESHOT:
            return None if self.result == "success" else f"the last sweep failed ({self.result})"
        if self.active in ("active", "reloading"):
            return None
        return f"{self.name} is {'not installed' if self.load == 'not-found' else self.active}"

    def line(self) -> str:
        restarts = f", started again {self.restarts} times" if self.restarts else ""
        return f"{self.name}: {self.active} ({self.sub}){restarts}" + (f": {self.text}" if self.text else "")


def read() -> tuple[Unit, ...]:
    """Our units in the order of ACTIVE; empty where systemd does not run or does not answer."""
    if not RUNNING.is_dir():
        return ()
    try:
        done = subprocess.run(
            ["systemctl", "show", f"--property={','.join(PROPERTIES)}", *ACTIVE, ONESHOT],
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(parse(done.stdout))


def parse(shown: str) -> Iterator[Unit]:
    """Units as `systemctl show` prints them: properties a line, an empty line between two.

    >>> [unit.trouble() for unit in parse("Id=tavs-desk.service\\nLoadState=loaded\\nActiveState=failed\\n")]
    ['tavs-desk.service is failed']
    """
    for block in shown.strip().split("\n\n"):
        known = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if not known.get("Id"):
            continue
        restarts = known.get("NRestarts", "")
        yield Unit(
            name=known["Id"],
            load=known.get("LoadState", ""),
            active=known.get("ActiveState", ""),
            sub=known.get("SubState", ""),
            result=known.get("Result", ""),
            restarts=int(restarts) if restarts.isdigit() else 0,
            text=known.get("StatusText", ""),
        )
