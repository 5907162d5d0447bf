"""`tavs support-bundle`: what support needs to know of a box, and nothing of anybody.

1. A part is made of numbers and of words that we wrote (telling.py, facts.py). There is no database in it, no
   recording, no key, no name, no telephone number, no extension, no reference to a person, nothing of the environment.
2. A part that cannot be made is told by the type of its error, and costs no other.
3. The file is for whoever called this alone (0600) and takes no other's place.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from tavs import check, overview
from tavs.errors import TavsError, UsageError
from tavs.exposition import TABLES
from tavs.host import units
from tavs.host.clock import Clock
from tavs.host.home import Home
from tavs.host.journal import failure
from tavs.host.reach import TABLE
from tavs.store.database import blamed, open_reader
from tavs.support import facts
from tavs.support.telling import Journal, sentence

LINES = 5000
"""The last entries of our units."""
TIMEOUT_S = 30
OWNER_ONLY = 0o600
FIGURE = re.compile(r'tavs_[a-z_]+(\{hash="[0-9a-f]{64}"\})? -?[0-9.e+-]+')
ABOUT = """\
Tavs support bundle. Numbers, enums and words of the program itself; no text of a call, no recording, no key, no name,
no telephone number, no extension, no reference to a person. `hidden` and `…` stand for what was left out.
"""

Run = Callable[[list[str]], str]
"""Runs a program; what it printed. Raises OSError, TimeoutExpired."""


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, check=False, timeout=TIMEOUT_S)
    return done.stdout.decode(errors="replace")


def default_name(now: datetime) -> str:
    return f"tavs-support-{now:%Y%m%dT%H%M%SZ}.tar.gz"


def write(out: Path, home: Home, clock: Clock, programs: Run = run) -> None:
    """Raises UsageError where something stands there already, OSError where the disk refuses."""
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    except FileExistsError:
        raise UsageError(f"{out} is there already", "name another file by --out") from None
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in parts(home, clock, programs):
            entry = tarfile.TarInfo(f"tavs-support/{name}")
            entry.size, entry.mtime, entry.mode = len(content), int(clock.now().timestamp()), OWNER_ONLY
            archive.addfile(entry, io.BytesIO(content))


def parts(home: Home, clock: Clock, programs: Run = run) -> Iterator[tuple[str, bytes]]:
    yield "about.txt", ABOUT.encode()
    documents: dict[str, Callable[[], object]] = {
        "versions": facts.versions,
        "config": lambda: facts.config(home),
        "machine": lambda: facts.machine(home),
        "folders": lambda: facts.places(home),
        "rows": lambda: _rows(home),
        "figures": lambda: _figures(home),
        "status": lambda: _status(home, clock),
        "check": lambda: _check(home),
        "units": lambda: _units(programs),
        "firewall": lambda: _firewall(programs),
        "journal": lambda: _journal(programs),
    }
    for name, document in documents.items():
        yield f"{name}.json", json.dumps(_made(document), ensure_ascii=False, indent=1).encode() + b"\n"


def _made(document: Callable[[], object]) -> object:
    try:
        return document()
    except TavsError as error:
        return {"failed": type(error).__name__, "why": sentence(error.message)}
    except Exception as error:  # noqa: BLE001 - by rule 2, and a bundle is made where something is wrong already
        return {"failed": failure(error)}


def _rows(home: Home) -> dict[str, int]:
    with blamed(home.database), closing(open_reader(home.database)) as connection:
        return {
            table: int(connection.execute(f"select count(*) from {table}").fetchone()[0])
            for table in (*TABLES, "holds", "consents", "deletions", "sweeps", "policies", "relay")
        }


def _figures(home: Home) -> list[str]:
    """What the last sweep told a collector."""
    try:
        lines = (home.metrics / "keep.prom").read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    return [line for line in lines if FIGURE.fullmatch(line)]


def _status(home: Home, clock: Clock) -> object:
    shown = overview.read(home, clock)
    return {**shown.document(), "alarms": [sentence(alarm) for alarm in shown.alarms()]}


def _check(home: Home) -> list[object]:
    return [
        {"level": found.level.value, "what": sentence(found.what), "remedy": sentence(found.remedy)}
        for found in check.findings(home)
    ]


def _units(programs: Run) -> list[object]:
    names = [*units.ACTIVE, units.ONESHOT]
    properties = [
        *units.PROPERTIES,
        "ExecMainStatus",
        "MemoryCurrent",
        "MemoryPeak",
        "CPUUsageNSec",
        "NFileDescriptorStore",
    ]
    shown = programs(["systemctl", "show", f"--property={','.join(properties)}", *names])
    return [
        {
            key: value
            for key, _, value in (line.partition("=") for line in block.splitlines())
            if key in properties and key != "StatusText" and re.fullmatch(r"[\w.@\[\]-]{0,80}", value)
        }
        for block in shown.strip().split("\n\n")
        if block
    ]


def _firewall(programs: Run) -> list[str]:
    """Rules of our own table: addresses, ports and counters; a comment that is none of ours is left out."""
    lines = programs(["nft", "list", "table", *TABLE.split()]).splitlines()
    return [line for line in lines if '"' not in line or re.search(r'"(tavs-\w+|[0-9a-f]{64})"', line)]


def _journal(programs: Run) -> list[object]:
    shown = programs(
        ["journalctl", "--unit=tavs*", "--output=json", f"--lines={LINES}", "--no-pager", "--quiet"],
    )
    return list(Journal().tell(shown.splitlines()))
