"""Room that is kept back so that a full disk can still be told to delete, and how long the room will last.

1. The reserve is really allocated: a file of holes would be no room at all.
2. Only the eraser frees it, and only on a full disk; whoever records finds the disk full without it.
3. It is made again as soon as there is room for it and for the next sweep; it is never what fills the disk.
4. A forecast warns. Nothing is ever deleted early to make room.
"""

from __future__ import annotations

import errno
import os
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from tavs.errors import StoreError
from tavs.host.files import create
from tavs.host.home import Home
from tavs.recording.sealed_file import sync_folder
from tavs.store.database import SHARED

RESERVE_BYTES = 64 << 20
"""Many times what a sweep writes before it first gives something back: a batch of rows and the log they go through."""
SWEEP_BYTES = 16 << 20
SWEEP_FILES = 16
"""With less than this free, in bytes or in inodes, a disk counts as full."""

FORECAST_WINDOW = timedelta(days=14)
"""Two of each day of the week."""
FORECAST_MINIMUM = timedelta(days=1)
"""The mornings of a call centre say nothing about its nights."""
DAY = timedelta(days=1)


def path(home: Home) -> Path:
    """On the database's file system: that is what a sweep writes to."""
    return home.database.parent / "reserve"


def is_whole(home: Home) -> bool:
    return _allocated_bytes(path(home)) >= RESERVE_BYTES


def make(home: Home) -> bool:
    """Make the reserve where there is room for it; says whether it is there. Raises StoreError."""
    file = path(home)
    with _disk():
        missing_bytes = RESERVE_BYTES - _allocated_bytes(file)
        if missing_bytes > 0 and not _is_full(file.parent, taken_bytes=missing_bytes, taken_files=1):
            _allocate(file)
        return is_whole(home)


@contextmanager
def freed_if_full(home: Home) -> Iterator[bool]:
    """For the eraser: the room it needs, on a full disk out of the reserve. Says whether that was so."""
    file = path(home)
    with _disk():
        is_needed = _is_full(file.parent)
        if is_needed:
            file.unlink(missing_ok=True)
            sync_folder(file.parent)
    try:
        yield is_needed
    finally:
        make(home)


def forecast(samples: Sequence[tuple[datetime, int]], now: datetime) -> float | None:
    """Days until the disk is full, from samples of its free bytes; None where it does not fill or nobody can tell."""
    recent = sorted((at, free_bytes) for at, free_bytes in samples if timedelta(0) <= now - at <= FORECAST_WINDOW)
    if not recent or recent[-1][0] - recent[0][0] < FORECAST_MINIMUM:
        return None
    days = [(at - now) / DAY for at, _ in recent]
    growth = statistics.linear_regression(days, [free_bytes for _, free_bytes in recent]).slope
    return max(0.0, days[-1] + recent[-1][1] / -growth) if growth < 0 else None


def _allocated_bytes(file: Path) -> int:
    try:
        status = file.stat()
    except FileNotFoundError:
        return 0
    return min(status.st_size, status.st_blocks * 512)


def _is_full(folder: Path, taken_bytes: int = 0, taken_files: int = 0) -> bool:
    """Whether a sweep has no room, with that much more taken. A file system without a count of inodes says 0."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize - taken_bytes < SWEEP_BYTES or (
        disk.f_files > 0 and disk.f_favail - taken_files < SWEEP_FILES
    )


def _allocate(file: Path) -> None:
    descriptor = os.open(file, os.O_WRONLY) if file.exists() else create(file, SHARED)
    try:
        os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
    except OSError as error:
        file.unlink()
        if error.errno != errno.ENOSPC:
            raise
    finally:
        os.close(descriptor)


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the reserve cannot be used ({os.strerror(error.errno or 0).lower()})",
            "check mode and health of the database's folder",
        ) from None
