"""Who is signed in: sessions in memory, found by the hash of a random cookie. Pure; time comes in as an argument.

1. A cookie is 32 random bytes; only its SHA-256 is here, so nothing that leaks from memory signs anybody in.
2. A session ends after ten hours without a request, after fourteen in any case, when its account changes or goes, and
   with the desk. Its open streams are told and closed at once.
3. An account has a few sessions at most, a session a few streams; the oldest gives way.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from tavs.panel.accounts import Account
from tavs.panel.limits import Buckets
from tavs.panel.subscription import Subscription

IDLE_S = 10 * 3600.0
"""Longer than a shift: the page is watched, not clicked."""
LONGEST_S = 14 * 3600.0
MOST_OF_AN_ACCOUNT = 8
MOST = 2000
MOST_STREAMS = 5
"""A browser opens six connections to a host (HTTP/1.1); one is left for what is clicked."""
REQUESTS, REQUEST_REFILL_S = 60, 0.2
"""A session's own limit: a script gone mad does not take the desk from the others."""


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    account: Account
    language: str
    token: str
    """Stands in the page and comes back with every form."""
    by_proxy: bool
    opened_s: float
    used_s: float
    streams: list[Subscription] = field(default_factory=list)
    requests: Buckets = field(default_factory=lambda: Buckets(REQUESTS, REQUEST_REFILL_S, most=1))

    def __repr__(self) -> str:
        return f"Session({len(self.streams)} streams)"


class Sessions:
    """`sign_out` tells a stream that its session has ended."""

    def __init__(self, sign_out: Callable[[Subscription], None]) -> None:
        self._sign_out = sign_out
        self._sessions: dict[bytes, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, account: Account, language: str, now_s: float, *, by_proxy: bool = False) -> str:
        """Begin a session; the cookie by which it is found."""
        own = [key for key, session in self._sessions.items() if session.account.name == account.name]
        for key in own[: max(0, len(own) - MOST_OF_AN_ACCOUNT + 1)]:
            self._end(key)
        while len(self._sessions) >= MOST:
            self._end(next(iter(self._sessions)))
        cookie = secrets.token_urlsafe(32)
        self._sessions[_key(cookie)] = Session(
            account=account,
            language=language,
            token=secrets.token_urlsafe(32),
            by_proxy=by_proxy,
            opened_s=now_s,
            used_s=now_s,
        )
        return cookie

    def find(self, cookie: str, now_s: float) -> Session | None:
        """The session of a cookie, which is used by that."""
        session = self._sessions.get(_key(cookie))
        if session is None or _is_over(session, now_s):
            return None
        session.used_s = now_s
        return session

    def end(self, cookie: str) -> None:
        if _key(cookie) in self._sessions:
            self._end(_key(cookie))

    def settle(self, find: Callable[[str], Account | None], now_s: float) -> None:
        """End what is over, and what is of an account that is gone or not as it was."""
        for key, session in list(self._sessions.items()):
            if _is_over(session, now_s) or find(session.account.name) != session.account:
                self._end(key)

    def attach(self, session: Session, stream: Subscription) -> None:
        while len(session.streams) >= MOST_STREAMS:
            session.streams.pop(0).close()
        session.streams.append(stream)

    def detach(self, session: Session, stream: Subscription) -> None:
        if stream in session.streams:
            session.streams.remove(stream)

    def _end(self, key: bytes) -> None:
        for stream in self._sessions.pop(key).streams:
            self._sign_out(stream)


def _key(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()


def _is_over(session: Session, now_s: float) -> bool:
    return now_s - session.used_s > IDLE_S or now_s - session.opened_s > LONGEST_S
