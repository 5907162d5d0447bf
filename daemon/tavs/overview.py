"""`tavs status`: how the box is, alarms first: what the running listener says, what systemd knows, what is kept.

1. Whether calls are recorded is asked of the listener itself; no answer is the first alarm. There is no way to be green
   while nothing is recorded (RELIABILITY R-35).
2. What cannot be found out is said, not left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tavs import status
from tavs.control import State
from tavs.errors import StoreError
from tavs.host import units
from tavs.host.clock import Clock
from tavs.host.control_socket import ask
from tavs.host.expiry import ends_at
from tavs.host.home import Home
from tavs.host.units import Unit
from tavs.status import Status

FREE_BYTES = 2 << 30
"""A week of 60 calls at once at 4 kB/s each, office hours, with room to spare for the database."""
CERTIFICATE_SOON = timedelta(days=30)
BEHIND_S = 2.0
"""Words that come later help nobody in the call."""
RELAY_WAITING = 200
"""Some ten seconds of 60 calls: a desk that takes nothing, not one that is busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    now: datetime
    listener: State | None
    kept: Status | None
    store_trouble: str
    """Why nothing is known of what is kept."""
    units: tuple[Unit, ...]
    """Empty where no systemd runs them."""
    certificate_ends: datetime | None
    free_bytes: int | None
    """Of the recordings' disk."""
    is_synchronised: bool

    def alarms(self) -> Iterator[str]:
        yield from _listener_alarms(self.listener)
        yield from filter(None, (unit.trouble() for unit in self.units))
        if self.free_bytes is None:
            yield "the recordings' disk cannot be looked at (ask as root)"
        elif self.free_bytes < FREE_BYTES:
            yield f"{self.free_bytes >> 20} MiB are left for recordings: give the disk room, nothing goes early"
        if self.store_trouble:
            yield self.store_trouble
        if self.kept:
            yield from self.kept.alarms()
        if self.certificate_ends and self.certificate_ends - self.now < CERTIFICATE_SOON:
            left = self.certificate_ends - self.now
            yield (
                f"the certificate of the agents' page ends in {left.days} days"
                if left > timedelta()
                else "the certificate of the agents' page has ended"
            )

    def lines(self) -> Iterator[str]:
        yield from (f"ALARM  {alarm}" for alarm in self.alarms())
        if self.listener:
            yield from _listener_lines(self.listener)
        yield from (unit.line() for unit in self.units)
        if self.free_bytes is not None:
            yield f"{self.free_bytes / 1e9:.0f} GB free for recordings{self._forecast()}"
        if self.kept:
            yield from self.kept.details()
        suspended = bool(self.kept and self.kept.suspended_since)
        yield (
            f"clock {'not trusted' if suspended else 'trusted'},"
            f" {'kept right by a time server' if self.is_synchronised else 'no time server keeps it right'}"
        )
        if self.certificate_ends:
            yield f"certificate ends {self.certificate_ends.date()}"

    def document(self) -> dict[str, object]:
        return {
            **(self.kept.document() if self.kept else {}),
            "alarms": list(self.alarms()),
            "listener": _fields(self.listener) if self.listener else None,
            "units": {unit.name: unit.active for unit in self.units},
            "certificate_ends": self.certificate_ends.isoformat() if self.certificate_ends else None,
            "free_bytes": self.free_bytes,
            "clock_synchronised": self.is_synchronised,
        }

    def _forecast(self) -> str:
        days = self.kept.days_to_full if self.kept else None
        return f", full in {days:.0f} days" if days is not None else ""


def read(home: Home, clock: Clock, kept: Status | None = None) -> Overview:
    """`kept`: what was read of the database a moment ago."""
    trouble = ""
    if kept is None:
        try:
            kept = status.read(home, clock.now())
        except StoreError as error:
            trouble = f"{error.message} ({error.hint})"
        except PermissionError:
            trouble = "what is kept cannot be looked at (ask as root)"
    return Overview(
        now=clock.now(),
        listener=ask(home.control_socket) or ask(home.state_socket),
        kept=kept,
        store_trouble=trouble,
        units=units.read() if home.is_installed else (),
        certificate_ends=ends_at(home.certificate),
        free_bytes=_free_bytes(home),
        is_synchronised=clock.is_synchronised(),
    )


def _listener_alarms(state: State | None) -> Iterator[str]:
    if state is None:
        yield "the listener does not answer: no call is recorded (`systemctl status tavs-listen`, or ask as root)"
        return
    if not state.is_recording:
        yield "calls are not recorded: [recording] documentation is false"
    if state.recordings_failing:
        yield f"{state.recordings_failing} of {state.calls} calls under way are not recorded: the disk refuses"
    if state.recordings_failed > state.recordings_failing:
        yield f"{state.recordings_failed} recordings have failed since the listener started (see its journal)"
    if state.is_text_live and not state.is_masking_usable:
        yield "no text can be masked, so none leaves the listener (`tavs check`)"
    if state.is_text_live and not state.speech_workers:
        yield "no speech worker runs: calls are recorded, not turned into text"
    if state.lag_s > BEHIND_S:
        yield f"live text is {state.lag_s:.1f} s behind (`tavs check --capacity`)"
    if state.relay_waiting > RELAY_WAITING:
        yield f"{state.relay_waiting} events wait for the desk (`systemctl status tavs-desk`)"
    if state.kernel_drops:
        yield f"the kernel has dropped {state.kernel_drops} packets of calls under way: the box is held up"


def _listener_lines(state: State) -> Iterator[str]:
    oldest = f", the oldest for {_span(state.oldest_call_s)}" if state.calls else ""
    yield f"{state.calls} calls under way{oldest}; {state.ports_used} streams"
    if state.is_text_live:
        workers = f"{state.speech_workers} speech workers"
        yield f"{workers}, {state.lag_s:.1f} s behind, {state.speech_dropped} phrases left out"
    yield f"relay: {state.relay_waiting} events wait, {state.relay_lost} lost"
    yield f"listener {state.version} up for {_span(state.uptime_s)}"


def _free_bytes(home: Home) -> int | None:
    try:
        place = next(each for each in (home.incoming, *home.incoming.parents) if each.exists())
        disk = os.statvfs(place)
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize


def _fields(state: State) -> dict[str, object]:
    return {name: getattr(state, name) for name in state.__struct_fields__}


def _span(seconds: float) -> str:
    """
    >>> [_span(seconds) for seconds in (59, 3599, 90000, 700000)]
    ['59 s', '59 min', '25 h', '8 days']
    """
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (48 * 3600, 3600, "h")):
        if seconds < limit:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds // 86400:.0f} days"
