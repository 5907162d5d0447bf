"""One call: what was said lately, when it is worth looking for advice, and what an agent may be shown.

1. Nothing is asked or shown while it is unsure who of the two is the customer, or while advice is paused.
2. The customer's words ask; the agent's words are context only.
3. No section is shown twice in a call, and never more in a minute than an agent can read.
4. Pure: time is the time of the call that the segments carry.
"""

from __future__ import annotations

import enum
import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tavs.advice.engine import Heard, Place
from tavs.advice.ranking import Ranked, Turn
from tavs.events import Channel, MaskedSegment

SEGMENTS = 12
"""Phrases that make a query: about the last half minute of both."""
WINDOW_MS = 60_000
"""What was said longer ago is another matter by now."""
CHARACTERS = 4000
TURN_PAUSE_MS = 4000
"""After it the same voice begins a new turn."""
LEAST_LETTERS = 8
"""New letters of the customer that are worth a look: "vandskade" is, "ja tak" is not."""
SHOWN_AT_ONCE = 2
MINUTE_MS = 60_000

_PLACEHOLDER = re.compile(r"<[A-Z_]+_\d+>")


class Silence(enum.StrEnum):
    """Why no advice is given."""

    ATTRIBUTION = "attribution"
    LANGUAGE = "language"
    BEHIND = "behind"
    ENDED = "ended"
    """Or nobody may see the call any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The last turns, and the segments they were made of."""

    turns: tuple[Turn, ...]
    heard: tuple[Heard, ...]


class Adviser:
    def __init__(self, *, a_minute: int) -> None:
        self._a_minute = a_minute
        self._heard: deque[Heard] = deque(maxlen=SEGMENTS)
        self._new_letters = 0
        self._silences: set[Silence] = set()
        self._shown: set[Place] = set()
        self._times_ms: deque[int] = deque(maxlen=a_minute)

    @property
    def silence(self) -> Silence | None:
        """Why there is no advice now; None while there is."""
        return next((each for each in Silence if each in self._silences), None)

    def pause(self, silence: Silence) -> None:
        self._silences.add(silence)

    def resume(self, silence: Silence) -> None:
        self._silences.discard(silence)

    def hear(self, segment: int, event: MaskedSegment) -> Query | None:
        """The query that this segment makes worth asking; None for most. `segment` is its row.

        Text of the customer ends a pause for the language: another language's would have been withheld.
        """
        self._heard.append(Heard(segment, event))
        if event.channel is not Channel.CUSTOMER:
            return None
        self.resume(Silence.LANGUAGE)
        self._new_letters += sum(map(str.isalpha, _PLACEHOLDER.sub("", event.text.text)))
        if self.silence or self._new_letters < LEAST_LETTERS or not self._room(event.t1_ms):
            return None
        self._new_letters = 0
        heard = self._lately(event.t1_ms)
        return Query(turns=_turns(heard), heard=heard) if heard else None

    def remember(self, shown: Iterable[tuple[Place, int]]) -> None:
        """What was shown before the desk was started anew, each with its time in the call, in ms."""
        for place, t_ms in shown:
            self._shown.add(place)
            self._times_ms.append(t_ms)

    def candidates(self, ranked: Sequence[Ranked]) -> list[Ranked]:
        """Those that the agent has not been shown in this call; an engine is asked about no others."""
        return [] if self.silence else [each for each in ranked if _place(each) not in self._shown]

    def show(self, picked: Sequence[Ranked], at_ms: int) -> list[Ranked]:
        """Those that are shown now, which counts them as shown: the call has gone on while they were picked."""
        found = self.candidates(picked)[: min(SHOWN_AT_ONCE, self._room(at_ms))]
        self._shown.update(map(_place, found))
        self._times_ms.extend([at_ms] * len(found))
        return found

    def _room(self, at_ms: int) -> int:
        """How many more this minute takes."""
        return self._a_minute - sum(at_ms - each < MINUTE_MS for each in self._times_ms)

    def _lately(self, now_ms: int) -> tuple[Heard, ...]:
        found: list[Heard] = []
        characters = 0
        for each in reversed(self._heard):
            characters += len(each.event.text.text)
            if characters > CHARACTERS or now_ms - each.event.t1_ms > WINDOW_MS:
                break
            found.append(each)
        return tuple(reversed(found))


def _turns(heard: Sequence[Heard]) -> tuple[Turn, ...]:
    """Phrases of one voice without a pause are one turn."""
    turns: list[Turn] = []
    last: MaskedSegment | None = None
    for event in (each.event for each in heard):
        if last and last.channel is event.channel and event.t0_ms - last.t1_ms < TURN_PAUSE_MS:
            turns[-1] = Turn(channel=event.channel.value, text=f"{turns[-1].text} {event.text.text}")
        else:
            turns.append(Turn(channel=event.channel.value, text=event.text.text))
        last = event
    return tuple(turns)


def _place(ranked: Ranked) -> Place:
    return ranked.section.doc, ranked.section.number
