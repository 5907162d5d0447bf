"""What every answer carries, and what every request must bring. Pure but for passing bytes on.

1. A page may load from its own origin only, and be framed by nobody (CSP level 3).
2. A form is taken from our own page only: the browser says where it comes from (Fetch Metadata, else Origin), and it
   carries the token that stands in the page.
3. An error is a plain line by its status; what went wrong is told to the journal, as type and place.
"""

from __future__ import annotations

import asyncio
import http
import ipaddress
import secrets
from collections.abc import Iterable
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tavs.errors import PeerError
from tavs.host.journal import report

BODY_LIMIT_BYTES = 8 * 1024
"""A form is a few hundred bytes; a name and a password at their longest about two thousand."""
BODY_S = 10.0
MOST_FIELDS = 8
FORM = "application/x-www-form-urlencoded"
STORED_PATHS = "/static/"
"""What is the same for everybody."""

HEADERS = (
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("strict-transport-security", "max-age=31536000"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),  # `no-referrer` would make browsers send `Origin: null` with a form
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
)
_RAW = [(name.encode("ascii"), value.encode("ascii")) for name, value in HEADERS]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Refused(Exception):
    """A request that is answered by its status alone."""

    def __init__(self, status: http.HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Guard:
    """The outermost layer: headers on the way out, errors as plain lines."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        has_begun = False
        cached = b"no-cache" if scope["path"].startswith(STORED_PATHS) else b"no-store"

        async def guarded(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                message["headers"] = [*message["headers"], *_RAW, (b"cache-control", cached)]
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except Refused as refused:
            await _plain(refused.status)(scope, receive, guarded)
        except (PeerError, ClientDisconnect):
            raise  # the server closes the connection; there is nobody to tell
        except Exception as error:  # the boundary of a request: the desk and the other browsers go on
            report(error)
            if has_begun:
                raise
            await _plain(http.HTTPStatus.INTERNAL_SERVER_ERROR)(scope, receive, guarded)


async def body(request: Request) -> bytes:
    """Raises Refused for one that does not come in time; its size is limited before."""
    try:
        async with asyncio.timeout(BODY_S):
            return await request.body()
    except TimeoutError:
        raise Refused(http.HTTPStatus.REQUEST_TIMEOUT) from None


async def form(request: Request) -> dict[str, str]:
    """The fields of a form, the last of each name. Raises Refused."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Refused(http.HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    try:
        text = (await body(request)).decode("ascii")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"))
    except ValueError:
        raise Refused(http.HTTPStatus.BAD_REQUEST) from None


def refuse_other_origins(request: Request) -> None:
    """Raises Refused for a form or script of another page. `Host` is compared with, never believed."""
    site = request.headers.get("sec-fetch-site")
    if site is None:
        is_own = request.headers.get("origin", "") == f"https://{request.headers.get('host', '')}"
    else:
        is_own = site == "same-origin"
    if not is_own:
        raise Refused(http.HTTPStatus.FORBIDDEN)


def is_token(given: str, token: str) -> bool:
    return bool(token) and secrets.compare_digest(given.encode(), token.encode())


def is_in(address: str, networks: Iterable[Network]) -> bool:
    """An IPv4 address counts as itself, however a dual-stack socket spells it."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    plain = (isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped) or found
    return any(plain in network for network in networks)


def _plain(status: http.HTTPStatus) -> PlainTextResponse:
    return PlainTextResponse(f"{status.value} {status.phrase}\n", status_code=status)
