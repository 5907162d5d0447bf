"""Server transactions over UDP and TCP (RFC 3261 section 17.2), and our own requests until they are answered.

1. A request seen again gets the answer it got before; nothing is done twice.
2. A 200 to an INVITE is repeated over UDP until its ACK, T1 doubling up to T2, for 64·T1 (section 13.3.1.4).
3. Everything here is forgotten after 64·T1, and there is a bound on how much is kept.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from tavs.call.dialog import Peer

T1_S = 0.5
T2_S = 4.0
LIFETIME_S = 64 * T1_S
KEPT_LIMIT = 20_000
"""Answers kept for repetition: 32 s of 600 requests a second."""

Key = tuple[str, str, str]
"""Branch, sent-by and method of the topmost Via."""

Waiting = tuple[str, str, str, str] | str
"""What is waited for: the ACK of a dialog's CSeq number, or the answer to a branch of ours."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Bytes for a peer."""

    peer: Peer
    data: bytes


@dataclass(slots=True)
class _Repeated:
    outgoing: Outgoing
    at_s: float
    interval_s: float
    until_s: float


class Answers:
    """What has been answered, for requests that come again."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, tuple[float, Outgoing]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def known(self, key: Key) -> Outgoing | None:
        found = self._kept.get(key)
        return found[1] if found else None

    def keep(self, key: Key, outgoing: Outgoing, now_s: float) -> None:
        self._kept[key] = (now_s + LIFETIME_S, outgoing)
        while len(self._kept) > KEPT_LIMIT:
            self._kept.popitem(last=False)

    def forget(self, now_s: float) -> None:
        while self._kept and next(iter(self._kept.values()))[0] <= now_s:
            self._kept.popitem(last=False)


class Repetitions:
    """Bytes that are sent again over UDP until somebody answers or 64·T1 have passed."""

    def __init__(self) -> None:
        self._waiting: dict[Waiting, _Repeated] = {}

    def begin(self, key: Waiting, outgoing: Outgoing, now_s: float) -> None:
        self._waiting[key] = _Repeated(outgoing, now_s + T1_S, T1_S, now_s + LIFETIME_S)

    def end(self, key: Waiting) -> None:
        self._waiting.pop(key, None)

    def due(self, now_s: float) -> tuple[list[Outgoing], list[Waiting]]:
        """What to send again now, and the keys that nobody answered in time."""
        again: list[Outgoing] = []
        unanswered = [key for key, each in self._waiting.items() if each.until_s <= now_s]
        for key in unanswered:
            del self._waiting[key]
        for each in self._waiting.values():
            if each.at_s <= now_s:
                each.interval_s = min(2 * each.interval_s, T2_S)
                each.at_s = now_s + each.interval_s
                if each.outgoing.peer.transport == "udp":
                    again.append(each.outgoing)
        return again, unanswered
