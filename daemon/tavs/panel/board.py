"""The calls that agents see, by extension: fed by events, told to browsers. Pure; time comes in as an argument.

1. A call belongs to the extension it is on now. When that changes, both extensions begin again with a snapshot: the
   old one no longer holds the call, the new one holds all of it.
2. Every message has a number that only grows; a browser says the last it had and is told the rest, or is given a
   snapshot where the rest is no longer known.
3. Everything here is bounded: calls, what is kept of each, what is kept for browsers that come back.
4. A call without an extension is on nobody's screen.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from tavs.events import (
    CallDescribed,
    CallEnded,
    CallId,
    CallStarted,
    CallState,
    Channel,
    Event,
    Gap,
    GapKind,
    MaskedSegment,
)
from tavs.panel.subscription import History, Message, Subscription
from tavs.panel.wire import (
    AdviceState,
    CallView,
    GapView,
    SegmentView,
    SignedOut,
    Snapshot,
    SuggestionView,
    VerdictView,
    View,
    WholeCall,
    place,
    serialize,
)
from tavs.store.feedback import Verdict

BEHIND_S = 15.0
"""For so long after it was late the box counts as behind."""
LATE_MS = 5000
"""A segment that took longer, its held-back part left out, was late."""
SHOWN_AFTER_END_S = 15 * 60.0
"""An agent writes the call up while it is still there."""
SHOWN_CALLS = 10
MOST_CALLS = 256
"""Of all extensions: 60 at a time, and those of the last quarter of an hour."""
KEPT_SEGMENTS = 1000
"""Of a call; more than an hour of talk."""
KEPT_TEXT_BYTES = 96 * 1024
"""Of a call; the whole of a long one."""
KEPT_SUGGESTIONS = 200


@dataclass(slots=True, kw_only=True)
class _Call:
    id: CallId
    extension: str
    started_at: datetime
    started_s: float
    state: CallState
    ended_at: datetime | None = None
    ended_s: float | None = None
    behind_s: float = float("-inf")
    """When it was last late."""
    is_foreign: bool = False
    """Another language was spoken last."""
    told: AdviceState = AdviceState.ON
    segments: deque[SegmentView] = field(default_factory=deque)
    text_bytes: int = 0
    suggestions: dict[int, SuggestionView] = field(default_factory=dict)

    def advice(self, now_s: float) -> AdviceState:
        if self.ended_s is not None:
            return AdviceState.ENDED
        if not self.state.is_attributed:
            return AdviceState.ATTRIBUTION
        if self.is_foreign:
            return AdviceState.LANGUAGE
        return AdviceState.BEHIND if now_s - self.behind_s <= BEHIND_S else AdviceState.ON

    def view(self, now_s: float) -> CallView:
        until_s = now_s if self.ended_s is None else self.ended_s
        return CallView(
            call=self.id,
            extension=self.extension,
            started_at=self.started_at.isoformat(),
            ended_at=self.ended_at.isoformat() if self.ended_at else None,
            recorded=self.state.is_recorded,
            consent=self.state.has_consent,
            advice=self.advice(now_s),
            elapsed_ms=max(0, round((until_s - self.started_s) * 1000)),
        )

    def whole(self, now_s: float) -> WholeCall:
        view = self.view(now_s)
        return WholeCall(
            **msgspec.structs.asdict(view),
            segments=tuple(self.segments),
            suggestions=tuple(self.suggestions.values()),
        )

    def keep(self, segment: SegmentView) -> None:
        self.segments.append(segment)
        self.text_bytes += len(segment.text.encode())
        while len(self.segments) > 1 and (len(self.segments) > KEPT_SEGMENTS or self.text_bytes > KEPT_TEXT_BYTES):
            self.text_bytes -= len(self.segments.popleft().text.encode())


class Board:
    """`boot` is a random id of this start of the desk; all times are seconds of the monotonic clock."""

    def __init__(self, boot: str) -> None:
        self._boot = boot
        self._number = 0
        self._forgotten = 0
        """The highest number that no history holds any more."""
        self._calls: dict[CallId, _Call] = {}
        self._histories: dict[str, History] = {}
        self._browsers: dict[str, set[Subscription]] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[CallId]:
        return iter(list(self._calls))

    def apply(self, event: Event, row: int | None, now_s: float) -> None:
        """Take an event that was written; `row` is a segment's number there, None for one that was known before."""
        match event:
            case CallStarted():
                self._start(event, now_s)
            case CallDescribed() if call := self._calls.get(event.call):
                self._describe(call, event, now_s)
            case MaskedSegment() if row is not None and (call := self._calls.get(event.call)):
                self._hear(call, event, row, now_s)
            case Gap():
                self._miss(event, now_s)
            case CallEnded() if (call := self._calls.get(event.call)) and call.ended_s is None:
                call.ended_at, call.ended_s = event.at, now_s
                self._tell(call, now_s)

    def suggest(self, suggestion: SuggestionView) -> None:
        """Show a suggestion that was written; one of a call that is not here goes nowhere."""
        call = self._calls.get(CallId(suggestion.call))
        if call is None:
            return
        call.suggestions[suggestion.id] = suggestion
        while len(call.suggestions) > KEPT_SUGGESTIONS:
            del call.suggestions[next(iter(call.suggestions))]
        self._publish(call.extension, suggestion)

    def judge(self, call_id: CallId, suggestion: int, verdicts: tuple[Verdict, ...]) -> None:
        """What the agent thinks of a suggestion now, for every browser that shows it."""
        call = self._calls.get(call_id)
        if call is None or suggestion not in call.suggestions:
            return
        call.suggestions[suggestion] = msgspec.structs.replace(call.suggestions[suggestion], verdicts=verdicts)
        self._publish(call.extension, VerdictView(call=call_id, suggestion=suggestion, verdicts=verdicts))

    def restore(
        self,
        call_id: CallId,
        extension: str,
        state: CallState,
        *,
        started_at: datetime,
        started_s: float,
        segments: Iterable[SegmentView],
        suggestions: Iterable[SuggestionView],
    ) -> None:
        """Put back a call that was here before the desk started again; nobody listens yet."""
        self._make_room(extension)
        call = _Call(
            id=call_id,
            extension=extension,
            state=state,
            started_at=started_at,
            started_s=started_s,
            suggestions={one.id: one for one in suggestions},
        )
        for segment in segments:
            call.keep(segment)
        call.told = call.advice(started_s)
        self._calls[call_id] = call

    def forget(self, call_id: CallId, now_s: float) -> None:
        """Take a call off every screen: it was erased."""
        call = self._calls.pop(call_id, None)
        if call is not None:
            self._begin_again({call.extension}, now_s)

    def advice_state(self, call_id: CallId, now_s: float) -> AdviceState:
        """Whether advice is to be given; a call that is not known here is on nobody's screen and has ended."""
        call = self._calls.get(call_id)
        return call.advice(now_s) if call else AdviceState.ENDED

    def is_on_a_screen(self, call_id: CallId) -> bool:
        """Whether there is an agent whose call it is."""
        return bool((call := self._calls.get(call_id)) and call.extension)

    def tick(self, now_s: float) -> None:
        """What changes by time alone: a box that has caught up, calls that ended a while ago."""
        for call in list(self._calls.values()):
            if call.ended_s is not None and now_s - call.ended_s > SHOWN_AFTER_END_S:
                self._drop(call)
            elif call.told is not call.advice(now_s):
                self._tell(call, now_s)

    def subscribe(self, extensions: Iterable[str], last_id: str, now_s: float) -> Subscription:
        """A browser of these extensions, already holding a snapshot or what it missed since `last_id`."""
        browser = Subscription(frozenset(extensions) - {""})
        for extension in browser.extensions:
            self._browsers.setdefault(extension, set()).add(browser)
        missed = self._missed(browser.extensions, last_id)
        if missed is None:
            browser.push(self._snapshot(browser.extensions, now_s))
        elif missed:
            browser.push(b"".join(message.body for message in missed))
        return browser

    def leave(self, browser: Subscription) -> None:
        browser.close()
        for extension in browser.extensions:
            present = self._browsers.get(extension, set())
            present.discard(browser)
            if not present:
                self._browsers.pop(extension, None)

    def close(self) -> None:
        """End every browser's stream: the desk stops. They come back by themselves."""
        for browser in {browser for browsers in self._browsers.values() for browser in browsers}:
            browser.close()

    def sign_out(self, browser: Subscription) -> None:
        """Tell a browser that its session has ended, and no more."""
        browser.close(self.signed_out())

    def signed_out(self) -> bytes:
        """Its number is 0: whoever is not signed in is not told how much there was to tell others."""
        return serialize(SignedOut(), self._boot, 0)

    def _start(self, event: CallStarted, now_s: float) -> None:
        if event.call in self._calls:
            return
        self._make_room(event.extension)
        call = _Call(id=event.call, extension=event.extension, started_at=event.at, started_s=now_s, state=event.state)
        self._calls[event.call] = call
        self._tell(call, now_s)

    def _describe(self, call: _Call, event: CallDescribed, now_s: float) -> None:
        call.state = event.state
        if event.extension == call.extension:
            self._tell(call, now_s)
            return
        before, call.extension = call.extension, event.extension
        call.told = call.advice(now_s)
        self._begin_again({before, event.extension}, now_s)

    def _hear(self, call: _Call, event: MaskedSegment, row: int, now_s: float) -> None:
        if event.delay_ms - event.held_ms > LATE_MS:
            call.behind_s = now_s
        if event.channel is Channel.CUSTOMER:
            call.is_foreign = False
        segment = SegmentView(
            call=event.call,
            id=row,
            channel=event.channel.value,
            t0_ms=event.t0_ms,
            t1_ms=event.t1_ms,
            text=event.text.text,
            held=event.held,
            labels=event.labels,
        )
        call.keep(segment)
        self._publish(call.extension, segment)
        self._tell_if_changed(call, now_s)

    def _miss(self, gap: Gap, now_s: float) -> None:
        concerned = [self._calls[gap.call]] if gap.call in self._calls else []
        if gap.call is None and gap.kind is GapKind.OVERLOAD:
            concerned = list(self._calls.values())
        for call in concerned:
            if gap.kind is GapKind.OVERLOAD:
                call.behind_s = now_s
            elif gap.kind is GapKind.LANGUAGE:
                call.is_foreign = True
            if gap.call is not None:
                view = GapView(call=gap.call, kind=gap.kind.value, t0_ms=gap.t0_ms, t1_ms=gap.t1_ms)
                self._publish(call.extension, view)
            self._tell_if_changed(call, now_s)

    def _tell_if_changed(self, call: _Call, now_s: float) -> None:
        if call.told is not call.advice(now_s):
            self._tell(call, now_s)

    def _tell(self, call: _Call, now_s: float) -> None:
        view = call.view(now_s)
        call.told = view.advice
        self._publish(call.extension, view)

    def _publish(self, extension: str, view: View) -> None:
        if not extension:
            return
        self._number += 1
        message = Message(self._number, serialize(view, self._boot, self._number))
        if extension not in self._histories:
            self._histories[extension] = History(self._forgotten)
        self._histories[extension].add(message)
        for browser in self._browsers.get(extension, ()):
            browser.push(message.body)

    def _begin_again(self, extensions: set[str], now_s: float) -> None:
        self._number += 1
        for extension in extensions - {""}:
            self._histories[extension] = History(self._number)
        for browser in {one for extension in extensions for one in self._browsers.get(extension, ())}:
            browser.replace(self._snapshot(browser.extensions, now_s))

    def _missed(self, extensions: frozenset[str], last_id: str) -> list[Message] | None:
        """In order; None where not all of it is known."""
        last = place(last_id, self._boot)
        if last is None or last > self._number:
            return None
        histories = [self._histories[extension] for extension in extensions if extension in self._histories]
        if last < max((history.forgotten for history in histories), default=0):
            return None
        if last < self._forgotten and len(histories) < len(extensions):
            return None
        return list(heapq.merge(*(history.since(last) for history in histories)))

    def _snapshot(self, extensions: frozenset[str], now_s: float) -> bytes:
        shown = sorted(
            (call for call in self._calls.values() if call.extension in extensions),
            key=lambda call: (call.started_s, call.id),
            reverse=True,
        )
        return serialize(
            Snapshot(calls=tuple(call.whole(now_s) for call in shown[:SHOWN_CALLS])), self._boot, self._number
        )

    def _make_room(self, extension: str) -> None:
        """For one more call: of this extension, and of all."""
        own = [call for call in self._calls.values() if call.extension == extension]
        if extension and len(own) >= SHOWN_CALLS:
            self._drop(min(own, key=_worth))
        if len(self._calls) >= MOST_CALLS:
            self._drop(min(self._calls.values(), key=_worth))

    def _drop(self, call: _Call) -> None:
        """Browsers leave out old calls by themselves; an extension without calls needs no history."""
        del self._calls[call.id]
        if not any(other.extension == call.extension for other in self._calls.values()):
            self._histories.pop(call.extension, None)
            self._forgotten = self._number


def _worth(call: _Call) -> tuple[bool, float]:
    return call.ended_s is None, call.started_s
