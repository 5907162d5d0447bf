"""A circuit breaker: an endpoint that fails again and again is left alone for a while, then asked once. Pure."""

from __future__ import annotations

import enum

FAILURES = 5
"""In a row; with a deadline of two seconds the fifth comes when advice has been late for some phrases of one call."""
REST_S = 30.0


class State(enum.Enum):
    CLOSED = enum.auto()
    """Everything goes through."""
    OPEN = enum.auto()
    """Nothing does, until the rest is over."""
    HALF_OPEN = enum.auto()
    """One request is under way to see whether it works again; nothing else goes through."""


class Event(enum.Enum):
    ANSWERED = enum.auto()
    FAILED_ONCE_MORE = enum.auto()
    FAILED_TOO_OFTEN = enum.auto()
    RESTED = enum.auto()
    NOT_ASKED = enum.auto()


TRANSITIONS = {
    (State.CLOSED, Event.ANSWERED): State.CLOSED,
    (State.CLOSED, Event.NOT_ASKED): State.CLOSED,
    (State.CLOSED, Event.FAILED_ONCE_MORE): State.CLOSED,
    (State.CLOSED, Event.FAILED_TOO_OFTEN): State.OPEN,
    (State.OPEN, Event.ANSWERED): State.OPEN,  # of a request that was under way before
    (State.OPEN, Event.FAILED_ONCE_MORE): State.OPEN,
    (State.OPEN, Event.FAILED_TOO_OFTEN): State.OPEN,
    (State.OPEN, Event.RESTED): State.HALF_OPEN,
    (State.OPEN, Event.NOT_ASKED): State.OPEN,
    (State.HALF_OPEN, Event.ANSWERED): State.CLOSED,
    (State.HALF_OPEN, Event.NOT_ASKED): State.OPEN,
    (State.HALF_OPEN, Event.FAILED_ONCE_MORE): State.OPEN,
    (State.HALF_OPEN, Event.FAILED_TOO_OFTEN): State.OPEN,
}


class Breaker:
    """Whoever may ask says afterwards how it went."""

    def __init__(self, *, failures: int = FAILURES, rest_s: float = REST_S) -> None:
        self.state = State.CLOSED
        self._limit = failures
        self._rest_s = rest_s
        self._failures = 0
        self._opened_s = 0.0

    def may_ask(self, now_s: float) -> bool:
        """Monotonic seconds. After the rest the first who asks is the probe."""
        if self.state is State.CLOSED:
            return True
        if self.state is State.HALF_OPEN or now_s - self._opened_s < self._rest_s:
            return False
        self._follow(Event.RESTED, now_s)
        return True

    def answered(self, now_s: float) -> None:
        self._failures = 0
        self._follow(Event.ANSWERED, now_s)

    def failed(self, now_s: float) -> None:
        self._failures += 1
        too_often = self._failures >= self._limit
        self._follow(Event.FAILED_TOO_OFTEN if too_often else Event.FAILED_ONCE_MORE, now_s)

    def passed_by(self, now_s: float) -> None:
        """Whoever might ask did not: nothing is known of the endpoint, and the next may be the probe at once."""
        self._follow(Event.NOT_ASKED, now_s - self._rest_s)

    def _follow(self, event: Event, now_s: float) -> None:
        before, self.state = self.state, TRANSITIONS[self.state, event]
        if self.state is State.OPEN and before is not State.OPEN:
            self._opened_s = now_s
