"""Whether the clock may be believed, and which time counts where it may not. Pure.

The boot clock (CLOCK_BOOTTIME) counts sleep and cannot be set. The last trusted time, and what the boot clock has
counted since then or since a later start, is the earliest that it can be.

1. While the machine runs, the trusted time is that earliest time, whatever the wall clock shows: no step moves it, and
   small steps do not add up.
2. After a start the wall clock is believed as far as a power-off of seven days explains it.
3. FORWARD: the wall clock is ahead of that, and deletions stop. They stay stopped over restarts, and when the clock
   comes back, until a person confirms the clock or a time server keeps it.
4. BACK: the wall clock is behind. It is an alarm and no more; the trusted time goes on, so nothing lives longer.
5. A clock that is kept by a time server is right, and so is one that was confirmed: ahead or back, time begins anew
   from there.
6. What no clock in the box can tell: one that is wrong at the very first reading, or was set ahead by less than seven
   days while the power was off. Whoever installs an air-gapped box confirms its clock.

It is judged at every start and before every sweep, and each judgement's mark is kept for the next.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tavs.host.clock import Clock

TOLERANCE = timedelta(minutes=5)
"""A clock set by hand after a glance at a watch; nothing is kept by the minute (RELIABILITY R-05)."""
LONGEST_POWER_OFF = timedelta(days=7)
"""DESIGN 11, Clock."""


class Verdict(enum.StrEnum):
    OK = "ok"
    FORWARD = "forward"
    """Nothing may be deleted."""
    BACK = "back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What the guard remembers."""

    wall: datetime
    """The latest trusted time."""
    boottime_s: float
    boot_id: str
    suspended_since: datetime | None = None
    """Trusted time at which deletions stopped; None while they go on."""
    confirmed_at: datetime | None = None
    """When a person last said that the clock is right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the clocks show at one moment."""

    wall: datetime
    boottime_s: float
    boot_id: str
    is_synchronised: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    mark: Mark
    verdict: Verdict

    @property
    def trusted_now(self) -> datetime:
        """The time by which grants end."""
        return self.mark.wall


def read(clock: Clock) -> Reading:
    return Reading(
        wall=clock.now(),
        boottime_s=clock.boottime(),
        boot_id=clock.boot_id(),
        is_synchronised=clock.is_synchronised(),
    )


def judge(mark: Mark | None, reading: Reading) -> Judgement:
    """`mark` is that of the last judgement or confirmation; None for a box that has never been judged."""
    if mark is None or reading.is_synchronised:
        believed = _begun(reading, confirmed_at=mark.confirmed_at if mark else None)
        return Judgement(mark=believed, verdict=Verdict.OK)
    has_run_on = reading.boot_id == mark.boot_id
    counted_s = reading.boottime_s - mark.boottime_s if has_run_on else reading.boottime_s
    earliest = mark.wall + timedelta(seconds=max(0.0, counted_s))  # a restored machine may count from before the mark
    latest = earliest + (TOLERANCE if has_run_on else LONGEST_POWER_OFF)
    if mark.suspended_since or reading.wall > latest:
        verdict, trusted, suspended_since = Verdict.FORWARD, earliest, mark.suspended_since or earliest
    elif reading.wall < earliest - TOLERANCE:
        verdict, trusted, suspended_since = Verdict.BACK, earliest, None
    else:
        verdict, trusted, suspended_since = Verdict.OK, earliest if has_run_on else max(earliest, reading.wall), None
    moved = replace(
        mark,
        wall=trusted,
        boottime_s=reading.boottime_s,
        boot_id=reading.boot_id,
        suspended_since=suspended_since,
    )
    return Judgement(mark=moved, verdict=verdict)


def counted(told: datetime, wall: datetime, trusted: datetime) -> datetime:
    """A time that the wall clock showed lately, on the trusted clock; `wall` and `trusted` are the two clocks now.

    What a clock that is ahead told before it was set ahead stays as it was told; nothing is later than now.
    """
    ahead = wall - trusted
    if abs(ahead) <= TOLERANCE or (timedelta() < ahead and told <= trusted):
        return told
    return min(told - ahead, trusted)


def confirm(reading: Reading) -> Mark:
    """A person says that the wall clock is right: it counts from here, whatever was believed before."""
    return _begun(reading, confirmed_at=reading.wall)


def _begun(reading: Reading, *, confirmed_at: datetime | None) -> Mark:
    return Mark(wall=reading.wall, boottime_s=reading.boottime_s, boot_id=reading.boot_id, confirmed_at=confirmed_at)
