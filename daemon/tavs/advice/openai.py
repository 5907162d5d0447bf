"""The advisory model behind an OpenAI-compatible endpoint: asked within a deadline, believed in nothing.

1. A row is in the log of what leaves the box before the first byte is sent, for each attempt; no row, no request.
2. One host. No redirect is followed, no proxy of the environment used, no cookie kept, no compressed answer read.
3. All of it ends within the deadline, one retry included. Whatever fails, the answer is the ranker's own.
4. An endpoint that fails again and again is left alone for a while. What a model writes does not count as that: words
   of a customer on one call must not take advice from the others.
"""

from __future__ import annotations

import asyncio
import enum
import http.cookiejar
import ssl
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

import httpx

from tavs.advice import endpoint as endpoints
from tavs.advice import prompt, reply
from tavs.advice.breaker import Breaker, State
from tavs.advice.endpoint import Endpoint
from tavs.advice.engine import Heard, Picked
from tavs.advice.ranking import Ranked
from tavs.advice.sections import Section
from tavs.advice.slots import Slots
from tavs.config import Advice
from tavs.errors import PeerError, StoreError
from tavs.events import CallId
from tavs.host import credentials
from tavs.host.clock import Clock
from tavs.host.home import Home
from tavs.host.journal import Message, report, say

UNDER_WAY = 4
"""Requests at once: what a small server of one card answers side by side."""
ANSWER_LIMIT_BYTES = 64 * 1024
"""A chat completion of 300 tokens is about 2 KiB; some servers put the question beside it."""
RETRY_PAUSE_S = 0.05
OTHER_FORM = frozenset({400, 422})
"""Statuses (RFC 9110 section 15.5) of servers that do not know the form in which a schema is asked for."""
TOO_MANY_REQUESTS = 429

_OTHER = {prompt.Form.SCHEMA: prompt.Form.OBJECT, prompt.Form.OBJECT: prompt.Form.SCHEMA}


class Outcome(enum.StrEnum):
    """How a query ended."""

    PICKED = "picked"
    REPLACED = "replaced"
    """A newer query of the call took its place before it was sent."""
    RESTING = "resting"
    """The endpoint is left alone."""
    UNRECORDED = "unrecorded"
    """The row of what leaves could not be written."""
    UNREACHABLE = "unreachable"
    LATE = "late"
    STATUS = "status"
    """Another HTTP status than 200."""
    TOO_LARGE = "too-large"
    NO_COMPLETION = "no-completion"
    """The endpoint answered something else than a chat completion."""
    BROKE_RULES = "broke-rules"
    """The model did."""
    FAILED = "failed"
    """Our own mistake; reported by type and place."""


class Ledger(Protocol):
    def write(
        self,
        *,
        call: CallId,
        host: str,
        model: str,
        segments: Sequence[int],
        sections: Sequence[tuple[str, str, str, str]],
        payload: bytes,
    ) -> None:
        """Commit the row of a payload that is to leave; sections are document, version, number and digest.

        Raises StoreError.
        """


class _FailedError(Exception):
    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


class OpenAiEngine:
    def __init__(
        self,
        *,
        endpoint: Endpoint,
        model: str,
        deadline_s: float,
        ledger: Ledger,
        clock: Clock,
        tls: ssl.SSLContext,
        key: str | None = None,
    ) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.breaker = Breaker()
        self._endpoint = endpoint
        self._model = model
        self._deadline_s = deadline_s
        self._ledger = ledger
        self._clock = clock
        self._slots = Slots(UNDER_WAY)
        self._form: prompt.Form | None = None  # that has been answered
        self._client = httpx.AsyncClient(
            verify=tls,
            trust_env=False,
            follow_redirects=False,
            cookies=http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(deadline_s, connect=deadline_s / 2),
            limits=httpx.Limits(max_connections=UNDER_WAY, max_keepalive_connections=UNDER_WAY),
            headers={
                "User-Agent": "tavs",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
                **({"Authorization": f"Bearer {key}"} if key else {}),
            },
        )

    async def pick(self, call: CallId, heard: Sequence[Heard], candidates: Sequence[Ranked]) -> Picked:
        """The model's choice among the candidates, or all of them, marked as fall-back, where it gives none in time.

        Where a newer query of the call took its place nothing is picked: the newer one's pick is coming.
        """
        if not candidates:
            return Picked()
        try:
            async with asyncio.timeout(self._deadline_s):
                picked = await self._ask(call, heard, candidates)
            outcome = Outcome.PICKED
        except TimeoutError:
            outcome = Outcome.LATE
        except _FailedError as failed:
            outcome = failed.outcome
        except Exception as error:  # noqa: BLE001 - the boundary of a call: it goes on with the ranker's advice
            report(error)
            outcome = Outcome.FAILED
        self.outcomes[outcome] += 1
        match outcome:
            case Outcome.PICKED:
                return picked
            case Outcome.REPLACED:
                return Picked(engine="fallback")
            case Outcome.BROKE_RULES:
                say(Message.ADVICE_REFUSED, call=call)
        return Picked(tuple(candidates), engine="fallback")

    def follow(self, advice: Advice) -> None:
        self._deadline_s = advice.deadline_s

    async def close(self) -> None:
        await self._client.aclose()

    async def _ask(self, call: CallId, heard: Sequence[Heard], candidates: Sequence[Ranked]) -> Picked:
        sections = [each.section for each in candidates]
        async with self._slots.taken(call) as is_mine:
            if not is_mine:
                raise _FailedError(Outcome.REPLACED)
            if not self.breaker.may_ask(self._clock.monotonic()):
                raise _FailedError(Outcome.RESTING)
            written = await self._watched(call, heard, candidates)
        try:
            choices = reply.choose(written, sections)
        except PeerError:
            raise _FailedError(Outcome.BROKE_RULES) from None
        quotes = {(sections[each.place].doc, sections[each.place].number): each.quote for each in choices if each.quote}
        return Picked(tuple(candidates[each.place] for each in choices), quotes, "openai")

    async def _watched(self, call: CallId, heard: Sequence[Heard], candidates: Sequence[Ranked]) -> str:
        """What the model wrote; the breaker is told how the endpoint did, whatever ends the request."""
        tell = self.breaker.failed
        try:
            body = await self._post(call, heard, candidates)
            written = reply.content(body)
            tell = self.breaker.answered
        except PeerError:
            raise _FailedError(Outcome.NO_COMPLETION) from None
        except _FailedError as failed:
            if failed.outcome is Outcome.UNRECORDED:
                tell = self.breaker.passed_by
            raise
        finally:
            before = self.breaker.state
            tell(self._clock.monotonic())
            if self.breaker.state is State.OPEN and before is State.CLOSED:
                say(Message.ADVICE_UNREACHABLE)
        return written

    async def _post(self, call: CallId, heard: Sequence[Heard], candidates: Sequence[Ranked]) -> bytes:
        form, outcome = self._form or prompt.Form.SCHEMA, Outcome.UNREACHABLE
        for attempt in range(2):
            if attempt:
                await asyncio.sleep(RETRY_PAUSE_S)
            payload = self._recorded(form, call, heard, [each.section for each in candidates])
            try:
                async with self._client.stream("POST", self._endpoint.url, content=payload) as response:
                    status = response.status_code
                    if status == httpx.codes.OK:
                        body = await _limited(response)
                        self._form = form
                        return body
            except (httpx.HTTPError, httpx.StreamError, OSError):
                outcome = Outcome.UNREACHABLE
                continue
            outcome = Outcome.STATUS
            is_broken = status >= httpx.codes.INTERNAL_SERVER_ERROR
            if status in OTHER_FORM or (is_broken and self._form is None):
                form = _OTHER[form]
            elif not is_broken and status != TOO_MANY_REQUESTS:
                break
        raise _FailedError(outcome)

    def _recorded(self, form: prompt.Form, call: CallId, heard: Sequence[Heard], sections: Sequence[Section]) -> bytes:
        """The payload, of which the row is committed."""
        payload = prompt.build(self._model, [each.event for each in heard], sections, form)
        try:
            self._ledger.write(
                call=call,
                host=self._endpoint.host,
                model=self._model,
                segments=[each.segment for each in heard],
                sections=[(each.doc, each.version, each.number, prompt.digest(each)) for each in sections],
                payload=payload,
            )
        except StoreError:
            raise _FailedError(Outcome.UNRECORDED) from None
        return payload


def configured(advice: Advice, home: Home, ledger: Ledger, clock: Clock) -> OpenAiEngine:
    """The engine of the configuration. Raises ConfigError."""
    return OpenAiEngine(
        endpoint=endpoints.endpoint(advice),
        model=advice.model,
        deadline_s=advice.deadline_s,
        ledger=ledger,
        clock=clock,
        tls=endpoints.trust(advice.ca),
        key=credentials.load_text("advice-key", home),
    )


async def _limited(response: httpx.Response) -> bytes:
    """The body as it came. A compressed one is not read: a kilobyte may hold a gigabyte."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise _FailedError(Outcome.NO_COMPLETION)
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > ANSWER_LIMIT_BYTES:
            raise _FailedError(Outcome.TOO_LARGE)
    return bytes(body)
