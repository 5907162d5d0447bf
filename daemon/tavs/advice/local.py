"""Advice by the ranker alone: what to show for the last turns of a call, and when to keep quiet."""

from __future__ import annotations

from collections import deque

from tavs.advice.ranking import Ranked, Ranker, Turn

TURNS = 4
"""Turns that make a query: the customer's last words and what they answer."""
SHOWN_A_MINUTE = 4
SHOWN_AT_ONCE = 2
MINUTE_MS = 60_000


class Adviser:
    """One call. No section is shown twice, and never more than an agent can read."""

    def __init__(self, ranker: Ranker) -> None:
        self._ranker = ranker
        self._turns: deque[Turn] = deque(maxlen=TURNS)
        self._shown: set[tuple[str, str]] = set()
        self._times_ms: deque[int] = deque(maxlen=SHOWN_A_MINUTE)

    def hear(self, channel: str, text: str, at_ms: int) -> list[Ranked]:
        """The sections to show now that this masked text has come."""
        self._turns.append(Turn(channel=channel, text=text))
        if channel == "agent":
            return []
        found: list[Ranked] = []
        for ranked in self._ranker.rank(list(self._turns), most=SHOWN_AT_ONCE):
            key = (ranked.section.doc, ranked.section.number)
            full = len(self._times_ms) == SHOWN_A_MINUTE and at_ms - self._times_ms[0] < MINUTE_MS
            if key not in self._shown and not full:
                self._shown.add(key)
                self._times_ms.append(at_ms)
                found.append(ranked)
        return found
