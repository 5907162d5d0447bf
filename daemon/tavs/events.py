"""What may travel from the listener to the desk, and nothing else.

1. Every event is one of the closed types below; a field that is not listed here cannot be sent.
2. Text travels as `MaskedText` only. It is made in `masking/` and in `relay.py` when a frame is decoded; a test
   searches the source for any other maker.
3. No event holds a telephone number, a name, a file path or a header of a PBX.
4. Times of day are aware UTC datetimes; times inside a call are milliseconds from its start.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, NewType

import msgspec

CallId = NewType("CallId", str)
"""UUIDv7 (RFC 9562 section 5.7) in its 36-character form."""

SentCall = Annotated[CallId, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")]
"""A call id as it comes in from elsewhere: files are named by it, so nothing else may stand there."""
SentFile = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f-]{36}(\.[a-z_]+)?\.[0-9]+\.tavs\Z")]
SentSha256 = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]

PartyRef = NewType("PartyRef", str)
"""`KEYID:HEX`, a keyed hash of the caller's E.164 number; without the index key it names nobody."""


class Channel(enum.StrEnum):
    """Whose voice it is."""

    CUSTOMER = "customer"
    AGENT = "agent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class MaskedText:
    """Text in which every personal detail has been replaced by `<LABEL_n>`; it keeps nothing of what was masked."""

    text: str

    def __repr__(self) -> str:
        return f"MaskedText({len(self.text)} characters)"


class GapKind(enum.StrEnum):
    """Why something of a call is missing."""

    SILENCE = "silence"
    """No packet came: hold, a muted or dead stream."""
    LOSS = "loss"
    """Packets were lost on the way."""
    INTERRUPTED = "interrupted"
    """The listener stopped in the middle of the call."""
    OVERLOAD = "overload"
    """The box was behind: a segment was dropped before it was turned into text."""
    SPEECH = "speech"
    """Speech-to-text failed twice on a segment."""
    WITHHELD = "withheld"
    """A masking detector failed; the utterance was kept back."""
    RELAY = "relay"
    """Events did not reach the desk."""
    LANGUAGE = "language"
    """The caller speaks another language than the site: what was said is withheld rather than nonsense shown."""


class Purpose(enum.StrEnum):
    """What an artifact may be used for."""

    DOCUMENTATION = "documentation"
    QUALITY = "quality"
    TRAINING = "training"
    LIMITATION = "limitation"
    """Claims that a closed case may still lead to, after a hold was released (forældelse)."""


class ArtifactKind(enum.StrEnum):
    """What is kept of a call."""

    RECORDING = "recording"
    TRANSCRIPT = "transcript"
    MASKED_TRANSCRIPT = "masked_transcript"


class SidecarState(enum.StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    INTERRUPTED = "interrupted"


class SoundGap(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of one channel of a recording that holds no sound of the call."""

    channel: Channel
    kind: GapKind
    t0_ms: int
    t1_ms: int
    packets: int = 0
    """Packets lost; 0 where nothing was sent."""


class ConsentHeard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the customer answered when asked for consent to quality, as it reached the listener."""

    answer: Literal["yes", "no", "unclear"]
    source: Literal["dtmf", "header", "metadata", "pbx"]
    pressed: str = ""
    """The key or value as it came."""
    prompt: str = ""
    prompt_version: str = ""
    language: str = ""
    at: datetime


class Sidecar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The plain file beside a sealed artifact: written first, closed last; no content, no number."""

    call: SentCall
    kind: ArtifactKind
    part: int
    """0 for the first file of the call; a restart of the listener begins the next one."""
    file: SentFile
    """Name of the sealed file in the same folder."""
    state: SidecarState
    source: str
    """Way in: `siprec` or `replay`."""
    call_started_at: datetime
    opened_at: datetime
    closed_at: datetime | None = None
    call_ended_at: datetime | None = None
    trunk: str = ""
    extension: str = ""
    party_ref: PartyRef | None = None
    duration_ms: int = 0
    gaps: tuple[SoundGap, ...] = ()
    consents: tuple[ConsentHeard, ...] = ()
    size_bytes: int = 0
    sha256: SentSha256 = ""
    """Of the sealed file as it lies on disk."""


class CallState(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent is told about the call itself."""

    is_recorded: bool = False
    has_consent: bool | None = None
    """To quality; None while the customer has not been heard on it."""
    is_attributed: bool = True
    """Whether it is sure who of the two is the customer; where it is not, no advice is given."""


class CallStarted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    call: SentCall
    at: datetime
    source: str
    trunk: str = ""
    """Name or address of the PBX that sent the call."""
    extension: str = ""
    """The agent's own extension, the key by which a panel shows the call."""
    party_ref: PartyRef | None = None
    flags: tuple[str, ...] = ()
    """What was odd about the signalling, from the closed list in `call/`."""
    state: CallState = CallState()


class CallDescribed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What is known of a call has changed: later metadata, a transfer, an answer to the question for consent."""

    call: SentCall
    extension: str = ""
    party_ref: PartyRef | None = None
    flags: tuple[str, ...] = ()
    state: CallState = CallState()


class MaskedSegment(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A stretch of speech as masked text; the same `sequence` comes again, `held`, for the part held back."""

    call: SentCall
    channel: Channel
    sequence: int
    t0_ms: int
    t1_ms: int
    text: MaskedText
    labels: tuple[str, ...] = ()
    held: bool = False
    delay_ms: int = 0
    """End of the phrase → released by the gate."""
    held_ms: int = 0
    """The part of `delay_ms` that the gate held back on purpose."""


class ArtifactClosed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A sealed file is complete. The sidecar on disk says the same and is the truth."""

    sidecar: Sidecar


class Gap(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something is missing between two times; `call` is None where it touches the whole box."""

    kind: GapKind
    call: SentCall | None = None
    channel: Channel | None = None
    t0_ms: int = 0
    t1_ms: int = 0
    count: int = 1


class CallEnded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    call: SentCall
    at: datetime
    reason: str
    """From the closed list in `call/`: bye, cancel, timer, silence, shutdown."""


Event = CallStarted | CallDescribed | MaskedSegment | ArtifactClosed | Gap | CallEnded
