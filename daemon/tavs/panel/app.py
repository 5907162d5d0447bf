"""The agents' page: its routes, each from a request to an answer.

1. An account is shown calls of its own extensions. Of any other there is no answer, as of one that never was (404).
2. Who signs in wrong, and who is not known, wait as long and read the same.
3. One password is looked at at a time: it costs memory on purpose.
"""

from __future__ import annotations

import asyncio
import http
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Protocol
from zoneinfo import ZoneInfo

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from tavs.advice.sections import Section
from tavs.host.clock import Clock
from tavs.panel import passwords
from tavs.panel.accounts import Account, Roster, folded
from tavs.panel.board import Board
from tavs.panel.guard import BODY_LIMIT_BYTES, Guard, Refused, body, form, is_token, refuse_other_origins
from tavs.panel.identity import LANGUAGE_COOKIE, LOGIN_COOKIE, YEAR_S, Identity, address, set_cookie
from tavs.panel.limits import LoginLimit
from tavs.panel.pages import Pages
from tavs.panel.session import Session
from tavs.panel.stream import EventStream, LastWords
from tavs.panel.texts import LANGUAGES
from tavs.store import feedback
from tavs.store.database import Connection

MOST_HASHING = 64
"""Who may wait for a password to be looked at; about two seconds' worth."""
SAID_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class Terms(Protocol):
    """The product terms (advice/library.py)."""

    def in_force(self, day: date) -> Sequence[Section]:
        """The sections that hold on a day."""


class Opinion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the page sends to `/feedback`."""

    suggestion: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    verdict: feedback.Verdict


@dataclass(slots=True, kw_only=True)
class App:
    board: Board
    identity: Identity
    pages: Pages
    connection: Connection
    terms: Callable[[], Terms]
    clock: Clock
    zone: ZoneInfo
    site: str
    language: str
    limit: LoginLimit = field(default_factory=LoginLimit)
    hashing: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    opinions: msgspec.json.Decoder[Opinion] = field(default_factory=lambda: msgspec.json.Decoder(Opinion))

    @property
    def roster(self) -> Roster:
        return self.identity.roster

    def asgi(self) -> ASGIApp:
        routes = [
            Route("/", self.page, methods=["GET"]),
            Route("/login", self.login_page, methods=["GET"]),
            Route("/login", self.login, methods=["POST"]),
            Route("/logout", self.logout, methods=["POST"]),
            Route("/language", self.choose_language, methods=["POST"]),
            Route("/events", self.events, methods=["GET"]),
            Route("/section/{doc}/{number}", self.section, methods=["GET"]),
            Route("/feedback", self.judge, methods=["POST"]),
            Route("/static/{name}", self.static, methods=["GET"]),
        ]
        return Guard(Router(routes, redirect_slashes=False, max_body_size=BODY_LIMIT_BYTES))

    async def page(self, request: Request) -> Response:
        session = self.identity.session(request)
        if session:
            return self._page(
                "panel.html",
                language=session.language,
                token=session.token,
                account=session.account.name,
                extensions=list(session.account.extensions),
            )
        vouched = self.identity.vouched(request)
        if vouched is None:
            return _to("/login")
        response = _to("/")
        self.identity.begin(response, vouched, self._language(request, vouched), by_proxy=True)
        return response

    async def login_page(self, request: Request) -> Response:
        if self.identity.vouched(request) or self.identity.session(request):
            return _to("/")
        return self._login(request)

    async def login(self, request: Request) -> Response:
        refuse_other_origins(request)
        if self.identity.vouched(request):
            return _to("/")
        fields = await form(request)
        name, now_s = folded(fields.get("account", "")), self.clock.monotonic()
        if not is_token(fields.get("token", ""), _login_token(request)):
            return self._login(request, http.HTTPStatus.FORBIDDEN, problem="form_expired", account=name)
        if self.waiting >= MOST_HASHING or not self.limit.allows(address(request), name, now_s):
            return self._login(request, http.HTTPStatus.TOO_MANY_REQUESTS, problem="login_limited", account=name)
        account = await self._checked(name, fields.get("password", ""))
        if account is None:
            return self._login(request, http.HTTPStatus.UNAUTHORIZED, problem="wrong_login", account=name)
        self.limit.was_right(address(request), name, now_s)
        response = _to("/")
        self.identity.end(request, response)
        self.identity.begin(response, account, self._language(request, account))
        return response

    async def logout(self, request: Request) -> Response:
        refuse_other_origins(request)
        session, response = self.identity.session(request), _to("/login")
        if session:
            _refuse_without_token(session, (await form(request)).get("token", ""))
        self.identity.end(request, response)
        return response

    async def choose_language(self, request: Request) -> Response:
        refuse_other_origins(request)
        session, fields = self.identity.session(request), await form(request)
        token = session.token if session else _login_token(request)
        if not is_token(fields.get("token", ""), token):
            raise Refused(http.HTTPStatus.FORBIDDEN)
        chosen = fields.get("language", "")
        if chosen not in LANGUAGES:
            raise Refused(http.HTTPStatus.BAD_REQUEST)
        if session:
            session.language = chosen
        response = _to("/")
        set_cookie(response, LANGUAGE_COOKIE, chosen, YEAR_S)
        return response

    async def events(self, request: Request) -> Response:
        if request.method == "HEAD":
            raise Refused(http.HTTPStatus.METHOD_NOT_ALLOWED)
        session = self.identity.session(request)
        if session is None:
            return LastWords(self.board.signed_out())
        browser = self.board.subscribe(
            session.account.extensions, request.headers.get("last-event-id", ""), self.clock.monotonic()
        )
        self.identity.sessions.attach(session, browser)

        def left() -> None:
            self.board.leave(browser)
            self.identity.sessions.detach(session, browser)

        return EventStream(browser, left)

    async def section(self, request: Request) -> Response:
        session = self.identity.needed(request)
        began = feedback.started_at(
            self.connection, request.query_params.get("call", ""), extensions=session.account.extensions
        )
        if began is None:
            raise Refused(http.HTTPStatus.NOT_FOUND)
        wanted = (request.path_params["doc"], request.path_params["number"])
        for found in self.terms().in_force(began.astimezone(self.zone).date()):
            if (found.doc, found.number) == wanted:
                return _json(
                    {
                        "doc": found.doc,
                        "number": found.number,
                        "title": found.title,
                        "product": found.product,
                        "version": found.version,
                        "text": found.text,
                    }
                )
        raise Refused(http.HTTPStatus.NOT_FOUND)

    async def judge(self, request: Request) -> Response:
        refuse_other_origins(request)
        session = self.identity.needed(request)
        _refuse_without_token(session, request.headers.get("x-token", ""))
        try:
            opinion = self.opinions.decode(await body(request))
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Refused(http.HTTPStatus.BAD_REQUEST) from None
        judged = feedback.judge(
            self.connection,
            opinion.suggestion,
            opinion.verdict,
            extensions=session.account.extensions,
            now=self.clock.now(),
        )
        if judged is None:
            raise Refused(http.HTTPStatus.NOT_FOUND)
        self.board.judge(judged.call, opinion.suggestion, judged.verdicts)
        return Response(status_code=http.HTTPStatus.NO_CONTENT)

    async def static(self, request: Request) -> Response:
        file = self.pages.static.get(request.path_params["name"])
        if file is None:
            raise Refused(http.HTTPStatus.NOT_FOUND)
        headers = {"etag": file.etag}
        if request.headers.get("if-none-match") == file.etag:
            return Response(status_code=http.HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(file.content, media_type=file.media_type, headers=headers)

    async def _checked(self, name: str, password: str) -> Account | None:
        self.waiting += 1
        try:
            async with self.hashing:
                looked_at = password if len(password) <= passwords.LONGEST else ""
                return await asyncio.to_thread(self.roster.check, name, looked_at)
        finally:
            self.waiting -= 1

    def _login(self, request: Request, status: http.HTTPStatus = http.HTTPStatus.OK, **values: str) -> Response:
        token = _login_token(request) or secrets.token_urlsafe(32)
        response = self._page("login.html", status, language=self._language(request, None), token=token, **values)
        set_cookie(response, LOGIN_COOKIE, token)
        return response

    def _page(
        self, template: str, status: http.HTTPStatus = http.HTTPStatus.OK, *, language: str, **values: Any
    ) -> Response:
        return Response(self.pages.render(template, language, site=self.site, **values), status, media_type="text/html")

    def _language(self, request: Request, account: Account | None) -> str:
        chosen = request.cookies.get(LANGUAGE_COOKIE, "")
        if chosen in LANGUAGES:
            return chosen
        return (account.language if account else "") or self.language


def _refuse_without_token(session: Session, given: str) -> None:
    if not is_token(given, session.token):
        raise Refused(http.HTTPStatus.FORBIDDEN)


def _login_token(request: Request) -> str:
    token = request.cookies.get(LOGIN_COOKIE, "")
    return token if SAID_TOKEN.fullmatch(token) else ""


def _to(path: str) -> RedirectResponse:
    """See Other (RFC 9110 section 15.4.4): what follows is a GET, and a reload sends no form again."""
    return RedirectResponse(path, http.HTTPStatus.SEE_OTHER)


def _json(document: dict[str, str]) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
