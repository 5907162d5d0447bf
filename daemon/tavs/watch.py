"""`tavs status --watch`: the same, live; q or Ctrl-C ends it. Without a terminal it is told once."""

from __future__ import annotations

import contextlib
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator

from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from tavs import overview
from tavs.host.clock import Clock
from tavs.host.home import Home
from tavs.overview import Overview

REFRESH_S = 1.5
KEPT_S = 30.0
"""What is kept changes slowly, and a large database takes a moment to be asked."""


def watch(home: Home, clock: Clock) -> Overview:
    """Until somebody ends it; what was shown last."""
    shown = overview.read(home, clock)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("\n".join(shown.lines()))
        return shown
    read_s = clock.monotonic()
    with (
        contextlib.suppress(KeyboardInterrupt),
        _keys() as is_ended,
        Live(draw(shown), screen=True, auto_refresh=False) as live,
    ):
        while not is_ended():
            is_old = clock.monotonic() - read_s >= KEPT_S
            shown = overview.read(home, clock, None if is_old else shown.kept)
            read_s = clock.monotonic() if is_old else read_s
            live.update(draw(shown), refresh=True)
    return shown


def draw(shown: Overview) -> RenderableType:
    alarms = [Text(f"! {alarm}", style="bold red") for alarm in shown.alarms()]
    lines = [line for line in shown.lines() if not line.startswith("ALARM")]
    return Panel(
        Group(*alarms, *([Text("")] if alarms else []), *map(Text, lines)),
        title=f"Tavs  {shown.now.astimezone():%H:%M:%S}",
        subtitle="q ends",
        border_style="red" if alarms else "green",
    )


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[], bool]]:
    """Waits a moment for a key; says whether it was q. The terminal is as before afterwards."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)

    def is_ended() -> bool:
        ready, _, _ = select.select([terminal], [], [], REFRESH_S)
        return bool(ready) and sys.stdin.read(1) in ("q", "Q", "")

    try:
        yield is_ended
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
