"""What the machine below must be like: its clock, its disk, and nothing that writes memory away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tavs.config import Config
from tavs.finding import Finding, Level
from tavs.host.clock import Clock
from tavs.host.home import Home
from tavs.overview import FREE_BYTES

FREE_FILES = 10_000
"""Some days of calls, each with two files."""
FLEETING = ("tmpfs", "ramfs", "overlay")
REMOTE = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs")
"""Locks and the shared memory of SQLite's log are not to be trusted there (sqlite.org/wal.html)."""
ZONES = Path("/usr/share/zoneinfo")
ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class Mount:
    kind: str
    options: frozenset[str]


def findings(home: Home, config: Config, clock: Clock, root: Path = ROOT) -> Iterator[Finding]:
    """`root` holds proc and etc of the machine."""
    serious = Level.TROUBLE if home.is_installed else Level.NOTE
    yield from _clock(config, clock, root)
    yield from _room(home)
    yield from _disk(home, root, serious)
    yield from _memory(root, serious)


def mounts(table: str) -> dict[str, Mount]:
    """What is mounted where, from /proc/self/mountinfo (proc(5)); later lines lie over earlier ones.

    >>> mounts("36 35 8:1 / /var rw,noatime - ext4 /dev/sda1 rw")["/var"].kind
    'ext4'
    """
    found = {}
    for line in table.splitlines():
        before, separator, after = line.partition(" - ")
        place, kind = before.split(), after.split()
        if separator and len(place) >= 6 and kind:
            found[place[4].replace("\\040", " ")] = Mount(kind[0], frozenset(place[5].split(",")))
    return found


def _clock(config: Config, clock: Clock, root: Path) -> Iterator[Finding]:
    zone = config.site.timezone
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        yield Finding(Level.TROUBLE, f"there is no time zone {zone}", "correct [site] timezone: Europe/Copenhagen")
    else:
        link = root / "etc/localtime"
        shown = str(link.resolve()).partition(f"{ZONES.name}/")[2] if link.is_symlink() else ""
        if shown and shown != zone:
            yield Finding(
                Level.NOTE,
                f"the machine shows times of {shown}, Tavs counts in {zone}",
                f"timedatectl set-timezone {zone}",
            )
    if clock.is_synchronised():
        yield Finding(Level.FINE, "a time server keeps the clock right")
    else:
        yield Finding(
            Level.NOTE,
            "no time server keeps the clock right, and deletion goes by it",
            "name one in systemd-timesyncd or chrony, or compare the clock by hand once a month",
        )


def _room(home: Home) -> Iterator[Finding]:
    place = next(each for each in (home.incoming, *home.incoming.parents) if each.exists())
    disk = os.statvfs(place)
    free = disk.f_bavail * disk.f_frsize
    if free < FREE_BYTES:
        yield Finding(Level.TROUBLE, f"{free >> 20} MiB are free for recordings", "make room; nothing is deleted early")
    else:
        yield Finding(Level.FINE, f"{free >> 30} GiB are free for recordings")
    if 0 < disk.f_files and disk.f_favail < FREE_FILES:
        yield Finding(Level.TROUBLE, f"the disk takes {disk.f_favail} more files only", "make it anew with more inodes")


def _disk(home: Home, root: Path, serious: Level) -> Iterator[Finding]:
    table = mounts(_text(root / "proc/self/mountinfo"))
    for place, name in ((home.incoming, "recordings"), (home.database.parent, "the database")):
        resolved = place.resolve()
        mount = next((table[str(each)] for each in (resolved, *resolved.parents) if str(each) in table), None)
        if mount is None:
            continue
        if mount.kind in FLEETING:
            yield Finding(
                serious, f"{name} lie on {mount.kind} and go with a restart", f"give {place} a disk of its own"
            )
        if mount.kind in REMOTE:
            yield Finding(
                Level.TROUBLE,
                f"{name} lie on {mount.kind}, across a network",
                "use a disk of this machine: locks fail there",
            )
        if "ro" in mount.options:
            yield Finding(Level.TROUBLE, f"the disk of {name} is read-only", "dmesg tells why; mount it for writing")


def _memory(root: Path, serious: Level) -> Iterator[Finding]:
    """Words of a call lie in memory alone: nothing of it may be written away."""
    swaps = [line.split()[0] for line in _text(root / "proc/swaps").splitlines()[1:] if line.strip()]
    if written := [each for each in swaps if "zram" not in each]:
        yield Finding(
            Level.NOTE,
            f"there is swap ({', '.join(written)}); the units keep out of it, the command line does not",
            "swapoff, or encrypt it with a key that is new at each start",
        )
    pattern = _text(root / "proc/sys/kernel/core_pattern").strip()
    if pattern.startswith("|") and "systemd-coredump" not in pattern:
        yield Finding(
            serious,
            "the memory of a program that crashes is handed to another program (kernel.core_pattern)",
            "sysctl kernel.core_pattern=core, in /etc/sysctl.d for good: a limit does not stop a pipe (core(5))",
        )
    dumps = [each for each in (root / "var/lib/systemd/coredump").glob("core.*") if "tavs" in each.name]
    if dumps:
        yield Finding(
            serious,
            f"{len(dumps)} dumps of our programs lie in {dumps[0].parent}",
            "remove them: words of calls may be in them",
        )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
