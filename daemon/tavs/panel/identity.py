"""Who makes a request: a cookie, or the word of a reverse proxy that is trusted with it.

1. The proxy's header counts only on a connection from one of the networks of `[panel] proxies`; from anywhere else it
   is not looked at. Twice in one request it is refused: one of the two is not the proxy's.
2. A session that a proxy began is good only on requests for which it vouches again.
"""

from __future__ import annotations

import http
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from tavs.host.clock import Clock
from tavs.panel.accounts import Account, Roster
from tavs.panel.guard import Network, Refused, is_in
from tavs.panel.session import LONGEST_S, Session, Sessions

SESSION_COOKIE = "__Host-tavs"
"""`__Host-`: Secure, for this host alone, not to be set by another (RFC 6265bis section 4.1.3.2)."""
LOGIN_COOKIE = "__Host-tavs-login"
"""The token of the page where one signs in, before there is a session to keep it."""
LANGUAGE_COOKIE = "__Host-tavs-language"
YEAR_S = 365 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    sessions: Sessions
    roster: Roster
    clock: Clock
    proxies: tuple[Network, ...]
    proxy_header: str

    def session(self, request: Request) -> Session | None:
        """The session of a request. Raises Refused where it asks too often, or its proxy names nobody we know."""
        now_s = self.clock.monotonic()
        vouched = self.vouched(request)
        session = self.sessions.find(request.cookies.get(SESSION_COOKIE, ""), now_s)
        if session is None or session.by_proxy != (vouched is not None):
            return None
        if vouched is not None and vouched != session.account:
            return None
        if not session.requests.take("", now_s):
            raise Refused(http.HTTPStatus.TOO_MANY_REQUESTS)
        return session

    def needed(self, request: Request) -> Session:
        """Raises Refused where nobody is signed in."""
        session = self.session(request)
        if session is None:
            raise Refused(http.HTTPStatus.UNAUTHORIZED)
        return session

    def vouched(self, request: Request) -> Account | None:
        """The account that a trusted proxy names. Raises Refused for one we do not know."""
        if not is_in(address(request), self.proxies):
            return None
        named = request.headers.getlist(self.proxy_header)
        if not named:
            return None
        account = self.roster.find(_written(named[0])) if len(named) == 1 else None
        if account is None:
            raise Refused(http.HTTPStatus.FORBIDDEN)
        return account

    def begin(self, response: Response, account: Account, language: str, *, by_proxy: bool = False) -> None:
        cookie = self.sessions.open(account, language, self.clock.monotonic(), by_proxy=by_proxy)
        set_cookie(response, SESSION_COOKIE, cookie, round(LONGEST_S))
        drop_cookie(response, LOGIN_COOKIE)

    def end(self, request: Request, response: Response) -> None:
        self.sessions.end(request.cookies.get(SESSION_COOKIE, ""))
        drop_cookie(response, SESSION_COOKIE)


def _written(value: str) -> str:
    """A field value, given as Latin-1, in the UTF-8 that proxies write today (RFC 9110 section 5.5 leaves it open)."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value


def address(request: Request) -> str:
    """Of the TCP connection; no header is asked."""
    return request.client.host if request.client else ""


def set_cookie(response: Response, name: str, value: str, max_age_s: int | None = None) -> None:
    response.set_cookie(name, value, max_age=max_age_s, path="/", secure=True, httponly=True, samesite="strict")


def drop_cookie(response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="strict")
