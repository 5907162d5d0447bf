"""The only place that asks what time it is."""

from __future__ import annotations

import ctypes
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

STA_UNSYNC = 0x0040
"""linux/timex.h: nobody keeps the clock in step; set at boot, and whenever the clock is set by hand."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall clock, aware UTC."""

    def monotonic(self) -> float:
        """Seconds that never step; only differences mean anything."""

    def boottime(self) -> float:
        """Seconds since the machine was started, its sleep included; nothing sets them."""

    def boot_id(self) -> str:
        """Which start of the machine this is."""

    def is_synchronised(self) -> bool:
        """Whether a time server keeps the wall clock right; False where the kernel does not say."""


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def boottime(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def boot_id(self) -> str:
        return BOOT_ID.read_text(encoding="ascii").strip()

    def is_synchronised(self) -> bool:
        state = _Timex()
        answered = ctypes.CDLL(None).adjtimex(ctypes.byref(state)) >= 0
        return answered and not state.status & STA_UNSYNC


class SimulatedClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime, monotonic: float = 0.0) -> None:
        self._now = start
        self._monotonic = monotonic
        self._boottime = 0.0
        self._boots = 1
        self._is_synchronised = False

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def boottime(self) -> float:
        return self._boottime

    def boot_id(self) -> str:
        return f"boot-{self._boots}"

    def is_synchronised(self) -> bool:
        return self._is_synchronised

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
        self._boottime += seconds

    def set(self, now: datetime, *, is_synchronised: bool = False) -> None:
        """Step the wall clock alone, as a person or a time server does."""
        self._now = now
        self._is_synchronised = is_synchronised

    def restart(self, off_s: float) -> None:
        """The machine is off for a while; its hardware clock goes on from what the wall clock showed."""
        self._now += timedelta(seconds=off_s)
        self._boottime = 0.0
        self._boots += 1
        self._is_synchronised = False


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), named up to its status; no modes set: the clock is asked, not changed."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )
    status: int
