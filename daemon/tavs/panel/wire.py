"""What a browser is told, field by field: the `data` of server-sent events (WHATWG HTML section 9.2).

1. A message is `id: BOOT-N`, `event: KIND`, `data: JSON` on one line; nothing that is not listed here goes out.
2. Text of a call stays text: JSON in an event stream, never markup.
"""

from __future__ import annotations

import enum
from typing import Literal

import msgspec

from tavs.store.feedback import Verdict


class AdviceState(enum.StrEnum):
    """Whether suggestions come, and why not."""

    ON = "on"
    BEHIND = "behind"
    LANGUAGE = "language"
    ATTRIBUTION = "attribution"
    ENDED = "ended"


class CallView(msgspec.Struct, frozen=True, kw_only=True):
    call: str
    extension: str
    started_at: str
    ended_at: str | None
    recorded: bool
    consent: bool | None
    advice: AdviceState
    elapsed_ms: int


class SegmentView(msgspec.Struct, frozen=True, kw_only=True):
    call: str
    id: int
    channel: str
    t0_ms: int
    t1_ms: int
    text: str
    held: bool
    labels: tuple[str, ...]

    def __repr__(self) -> str:
        return f"SegmentView({len(self.text)} characters)"


class GapView(msgspec.Struct, frozen=True, kw_only=True):
    call: str
    kind: str
    t0_ms: int
    t1_ms: int


class SuggestionView(msgspec.Struct, frozen=True, kw_only=True):
    call: str
    id: int
    doc: str
    section: str
    title: str
    product: str
    quote: str
    """A verbatim sentence of the section, or empty."""
    engine: Literal["local", "openai", "fallback"]
    t_ms: int
    verdicts: tuple[Verdict, ...] = ()


class VerdictView(msgspec.Struct, frozen=True, kw_only=True):
    call: str
    suggestion: int
    verdicts: tuple[Verdict, ...]


class WholeCall(CallView, frozen=True, kw_only=True):
    segments: tuple[SegmentView, ...]
    suggestions: tuple[SuggestionView, ...]


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    calls: tuple[WholeCall, ...]


class SignedOut(msgspec.Struct, frozen=True, kw_only=True):
    """The session has ended: the page goes where one signs in."""


View = CallView | SegmentView | GapView | SuggestionView | VerdictView | Snapshot | SignedOut

KINDS: dict[type[View], str] = {
    CallView: "call",
    SegmentView: "segment",
    GapView: "gap",
    SuggestionView: "suggestion",
    VerdictView: "verdict",
    Snapshot: "snapshot",
    SignedOut: "signed_out",
}
PING = b": ping\n\n"
_encoder = msgspec.json.Encoder()


def serialize(view: View, boot: str, number: int) -> bytes:
    """One message. JSON escapes CR and LF, so that a text can neither end it nor begin another."""
    return b"id: %s-%d\nevent: %s\ndata: %s\n\n" % (
        boot.encode("ascii"),
        number,
        KINDS[type(view)].encode("ascii"),
        _encoder.encode(view),
    )


def place(last_id: str, boot: str) -> int | None:
    """The number in a Last-Event-ID; None where it is of another start of the desk, or nothing we ever sent."""
    sent_by, _, number = last_id.rpartition("-")
    if sent_by != boot or not (number.isascii() and number.isdigit() and len(number) < 20):
        return None
    return int(number)
