"""Every figure of the box, for the collector that asks the desk: what passed by, what is kept, how the listener is.

1. The listener is asked each time: that it does not answer is a figure too (`tavs_listener_up 0`), never an old number.
2. What the last sweep left in its own file is told as it stands there; rows are counted at most once a minute.
3. What cannot be read is left out, and an alert on its absence tells (packaging/prometheus/tavs.rules.yml).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Lock

from tavs.control import State
from tavs.errors import StoreError
from tavs.host.clock import Clock
from tavs.host.control_socket import ask
from tavs.host.expiry import ends_at
from tavs.host.home import Home
from tavs.host.journal import Message, say
from tavs.host.metrics import Figure, Histogram, Kind, Version, exposition
from tavs.host.scrape import Scrape
from tavs.host.version import version
from tavs.store.database import blamed, open_reader
from tavs.tally import Tally

TABLES = ("calls", "artifacts", "segments", "suggestions", "gaps", "receipts", "audit")
ROWS_S = 60.0


class Page:
    """Made in a thread of the responder (host/scrape.py), one at a time."""

    def __init__(self, home: Home, clock: Clock, tally: Tally, listener: Callable[[Path], State | None] = ask) -> None:
        self._home = home
        self._clock = clock
        self._tally = tally
        self._listener = listener
        self._rows: tuple[float, list[Figure]] | None = None
        self._lock = Lock()

    def __call__(self) -> str:
        with self._lock:
            return exposition(self._figures()) + self._swept()

    def _figures(self) -> Iterator[Figure | Histogram]:
        yield Figure("build_info", 1, "Which version runs here.", {"version": Version(version())})
        yield from listener_figures(self._listener(self._home.state_socket))
        yield from self._tally.figures()
        yield from self._counted_rows()
        yield from _disk(self._home)
        if ends := ends_at(self._home.certificate):
            yield Figure("certificate_ends_timestamp_seconds", ends.timestamp(), "When the page's certificate ends.")

    def _counted_rows(self) -> list[Figure]:
        now_s = self._clock.monotonic()
        if self._rows is None or now_s - self._rows[0] >= ROWS_S:
            self._rows = now_s, _rows(self._home.database)
        return self._rows[1]

    def _swept(self) -> str:
        try:
            return (self._home.metrics / "keep.prom").read_text(encoding="ascii")
        except OSError:
            return ""


def listener_figures(state: State | None) -> Iterator[Figure]:
    yield Figure("listener_up", state is not None, "1 where the listener answers.")
    if state is None:
        return
    yield Figure("recording_enabled", state.is_recording, "1 where calls are to be recorded.")
    yield Figure("recordings_failing", state.recordings_failing, "Calls under way whose recording has failed.")
    yield Figure("text_enabled", state.is_text_live, "1 where speech is to be turned into text.")
    yield Figure("masking_usable", state.is_masking_usable, "1 where text can be masked.")
    yield Figure("calls_running", state.calls, "Calls under way.")
    yield Figure("oldest_call_seconds", state.oldest_call_s, "How long the oldest of them has lasted.")
    yield Figure("lag_seconds", state.lag_s, "How long the phrase last begun had waited.")
    yield Figure("speech_workers", state.speech_workers, "Speech workers that run.")
    yield Figure("relay_waiting", state.relay_waiting, "Events that the desk has not taken yet.")
    yield Figure("ports_used", state.ports_used, "Pairs of ports in use, one a stream.")
    yield Figure("listener_uptime_seconds", state.uptime_s, "Since the listener started.")
    for name, value, help in (
        ("recordings_failed_total", state.recordings_failed, "Recordings that failed."),
        ("speech_dropped_total", state.speech_dropped, "Phrases left out of the text because the box was behind."),
        ("speech_workers_lost_total", state.speech_workers_lost, "Speech workers that had to be replaced."),
        ("relay_lost_total", state.relay_lost, "Events that did not reach the desk."),
        ("packets_foreign_total", state.packets_foreign, "Packets of strangers."),
        ("peers_refused_total", state.peers_refused, "Requests from an address that is not allowed."),
    ):
        yield Figure(name, value, help, kind=Kind.COUNTER)
    yield Figure("kernel_drops", state.kernel_drops, "Packets the kernel dropped on the sockets that are open.")


def _rows(database: Path) -> list[Figure]:
    try:
        with blamed(database), closing(open_reader(database)) as connection:
            return [
                Figure(f"{table}_rows", connection.execute(f"select count(*) from {table}").fetchone()[0], "Rows kept.")
                for table in TABLES
            ]
    except StoreError:
        return []


def _disk(home: Home) -> Iterator[Figure]:
    try:
        disk = os.statvfs(home.incoming)
    except OSError:
        return
    yield Figure("disk_size_bytes", disk.f_blocks * disk.f_frsize, "Of the recordings' disk.")
    yield Figure("disk_free_bytes", disk.f_bavail * disk.f_frsize, "Of the recordings' disk.")


async def serve(home: Home, address: str, clock: Clock, tally: Tally) -> None:
    """For as long as it is awaited; an address that is taken costs the figures, not the desk. Raises ConfigError."""
    if not address:
        return
    try:
        server = await Scrape(Page(home, clock, tally)).start(address)
    except OSError:
        say(Message.METRICS_UNUSABLE)
        return
    async with server:
        await server.serve_forever()
