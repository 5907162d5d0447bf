"""What the desk counts of the events that pass, for a collector of metrics. Numbers only: no call, no text, no number.

Counters begin at 0 with each start of the desk, as collectors expect.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from tavs.advice.openai import Outcome
from tavs.events import ArtifactClosed, CallEnded, CallStarted, Channel, Gap, GapKind, MaskedSegment, SidecarState
from tavs.host.metrics import Figure, Histogram, Kind
from tavs.relay import Received

DELAY_BOUNDS_MS = (250, 500, 750, 1000, 1500, 2000, 3000, 5000, 10000)
"""Around the targets: a second without holding back, and what masking may hold back at most."""


class Engine(enum.StrEnum):
    """Who picked a suggestion (schema.sql, suggestions.engine)."""

    LOCAL = "local"
    OPENAI = "openai"
    FALLBACK = "fallback"


class Tally:
    def __init__(self, *, asked: Mapping[Outcome, int] | None = None, refused: Callable[[], int] = lambda: 0) -> None:
        """What others count: `asked` the engine of an advisory model, where there is one; `refused` the page's door."""
        self._asked = asked
        self._refused = refused
        self._started = 0
        self._ended = 0
        self._recordings: Counter[SidecarState] = Counter()
        self._recorded_ms = 0
        self._segments: Counter[Channel] = Counter()
        self._gaps: Counter[GapKind] = Counter()
        self._suggestions: Counter[Engine] = Counter()
        self._delays = Histogram("delay_ms", "End of a phrase to its release by the gate.", DELAY_BOUNDS_MS)
        self._held = Histogram("held_ms", "The part of it that was held back on purpose.", DELAY_BOUNDS_MS)

    def take(self, received: Received) -> None:
        match received.event:
            case CallStarted():
                self._started += 1
            case CallEnded():
                self._ended += 1
            case MaskedSegment() as segment:
                self._segments[segment.channel] += 1
                self._delays.feed(segment.delay_ms)
                self._held.feed(segment.held_ms)
            case ArtifactClosed(sidecar=sidecar):
                self._recordings[sidecar.state] += 1
                self._recorded_ms += sidecar.duration_ms
                self._gaps.update(gap.kind for gap in sidecar.gaps)
            case Gap(kind=kind, count=count):
                self._gaps[kind] += count

    def suggested(self, engine: str) -> None:
        self._suggestions[Engine(engine)] += 1

    def figures(self) -> Iterator[Figure | Histogram]:
        def count(name: str, value: float, help: str, **labels: enum.StrEnum) -> Figure:
            return Figure(name, value, help, dict(labels), Kind.COUNTER)

        yield count("calls_started_total", self._started, "Calls that began.")
        yield count("calls_ended_total", self._ended, "Calls that ended.")
        for state in (SidecarState.CLOSED, SidecarState.INTERRUPTED):
            yield count("artifacts_closed_total", self._recordings[state], "Sealed files closed.", state=state)
        yield count("artifacts_closed_seconds_total", self._recorded_ms / 1000, "How long they last.")
        for channel in Channel:
            yield count("segments_total", self._segments[channel], "Masked segments.", channel=channel)
        yield self._delays
        yield self._held
        for kind in GapKind:
            yield count("gaps_total", self._gaps[kind], "What is missing, by why.", kind=kind)
        for engine in Engine:
            yield count("suggestions_total", self._suggestions[engine], "Sections shown, by who picked.", engine=engine)
        yield count("panel_refused_total", self._refused(), "Connections the page did not let in.")
        if self._asked is not None:
            for outcome, asked in ((each, self._asked.get(each, 0)) for each in Outcome):
                yield count("advice_queries_total", asked, "Queries to an advisory model, by end.", outcome=outcome)
