"""What a way in tells the listener about calls, whichever way in it is."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tavs.call.consent import HeardAnswer
from tavs.events import CallId, Channel


class Codec(enum.StrEnum):
    """Payloads we understand, by their names in the RTP parameters registry (RFC 3551 section 6)."""

    PCMU = "PCMU"
    PCMA = "PCMA"
    CN = "CN"
    TELEPHONE_EVENT = "telephone-event"


class EndReason(enum.StrEnum):
    BYE = "bye"
    CANCEL = "cancel"
    TIMER = "timer"
    SILENCE = "silence"
    SHUTDOWN = "shutdown"


class Flag(enum.StrEnum):
    """What was odd about the signalling of a call that was recorded all the same."""

    NO_METADATA = "no-metadata"
    BROKEN_METADATA = "broken-metadata"
    UNCLAIMED_STREAM = "unclaimed-stream"
    """A stream that no participant was said to send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One `m=` line of a recording session as it was answered."""

    index: int
    """Position in the session description, from 0; the identity of the stream within its call."""
    label: str
    channel: Channel
    port: int
    """Our RTP port; 0 where the line was refused."""
    remote: tuple[str, int] | None
    """Where the PBX says it sends from (its `c=` and `m=` lines); None for 0.0.0.0."""
    payload_types: Mapping[int, Codec]
    active: bool
    """False while the line is inactive: hold, pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Who takes part, as far as the signalling says. `sealed` never leaves the recording."""

    extension: str = ""
    customer_number: str = field(default="", repr=False)
    flags: tuple[Flag, ...] = ()
    answers: tuple[HeardAnswer, ...] = ()
    """What the customer answered to the question for consent, as far as the PBX says."""
    sealed: bytes = field(default=b"", repr=False)
    """Raw metadata and numbers as JSON, to be sealed with the recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStart:
    call: CallId
    at: datetime
    started_s: float
    """The same moment on the monotonic clock: zero of the call's timeline."""
    source: str
    trunk: str
    streams: tuple[Stream, ...]
    description: Description


class CallFloor(Protocol):
    """Who is told about calls. None of these may block or raise."""

    def call_started(self, start: CallStart) -> object: ...

    def call_changed(self, call: CallId, streams: tuple[Stream, ...], description: Description) -> None: ...

    def call_ended(self, call: CallId, reason: EndReason) -> None: ...


class MediaPorts(Protocol):
    """Who has the RTP ports."""

    def reserve(self, call: CallId, index: int) -> int:
        """An even, bound UDP port for this stream. Raises PeerError when none is free."""

    def release(self, call: CallId) -> None:
        """Close all ports of a call; an unknown call is no error."""
