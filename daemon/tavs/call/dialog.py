"""A recording session as a state table (RFC 3261 section 12, RFC 7866), and what is known of it.

                 ACK         BYE      NO_ACK   EXPIRED  SHUTDOWN
    ANSWERED  →  CONFIRMED   ENDED    ENDED    ENDED    ENDED
    CONFIRMED →  CONFIRMED   ENDED    –        ENDED    ENDED
    ENDED     →  ENDED       ENDED    –        –        –

A CANCEL always comes too late: the final answer leaves with the INVITE's arrival (RFC 3261 section 9.2).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from tavs.call.consent import HeardAnswer
from tavs.call.metadata import Metadata
from tavs.call.sdp import Media
from tavs.call.session import Description, Stream
from tavs.events import CallId


class State(enum.Enum):
    ANSWERED = "answered"
    CONFIRMED = "confirmed"
    ENDED = "ended"


class Happening(enum.Enum):
    ACK = "ack"
    BYE = "bye"
    NO_ACK = "no-ack"
    EXPIRED = "expired"
    SHUTDOWN = "shutdown"


TRANSITIONS: dict[tuple[State, Happening], State] = {
    (State.ANSWERED, Happening.ACK): State.CONFIRMED,
    (State.ANSWERED, Happening.BYE): State.ENDED,
    (State.ANSWERED, Happening.NO_ACK): State.ENDED,
    (State.ANSWERED, Happening.EXPIRED): State.ENDED,
    (State.ANSWERED, Happening.SHUTDOWN): State.ENDED,
    (State.CONFIRMED, Happening.ACK): State.CONFIRMED,
    (State.CONFIRMED, Happening.BYE): State.ENDED,
    (State.CONFIRMED, Happening.EXPIRED): State.ENDED,
    (State.CONFIRMED, Happening.SHUTDOWN): State.ENDED,
    (State.ENDED, Happening.ACK): State.ENDED,
    (State.ENDED, Happening.BYE): State.ENDED,
}

DialogId = tuple[str, str, str]
"""Call-ID, our tag, their tag (RFC 3261 section 12)."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a message came from and where its answer goes."""

    transport: str
    """`udp` or `tcp`."""
    host: str
    port: int
    local: tuple[str, int]
    """The address of ours that it reached."""
    connection: int = 0
    """Of a stream transport."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The last request of a dialog that was answered, should it come again."""

    transaction: tuple[str, str, str]
    """Branch, sent-by and method of its topmost Via."""
    sequence: str
    """The number of its CSeq, which the ACK of an INVITE carries too."""
    peer: Peer
    data: bytes = field(repr=False)


@dataclass(slots=True, kw_only=True)
class Dialog:
    """One recording session."""

    id: DialogId
    call: CallId
    peer: Peer
    remote_target: str
    route_set: tuple[str, ...]
    local_party: str = field(repr=False)
    """Our side of From/To with its tag."""
    remote_party: str = field(repr=False)
    remote_sequence: int
    local_sequence: int = 0
    state: State = State.ANSWERED
    session_id: int = 0
    session_version: int = 0
    media: tuple[Media, ...] = ()
    ports: dict[int, int] = field(default_factory=dict)
    streams: tuple[Stream, ...] = ()
    answer: bytes = field(default=b"", repr=False)
    metadata: Metadata = field(default_factory=Metadata, repr=False)
    has_metadata: bool = False
    is_broken: bool = False
    """Some document of metadata could not be read."""
    documents: list[str] = field(default_factory=list, repr=False)
    """Raw metadata, the newest last; bounded."""
    identities: dict[str, str] = field(default_factory=dict, repr=False)
    """From, To, P-Asserted-Identity of the INVITE: sealed with the recording."""
    answers: tuple[HeardAnswer, ...] = ()
    """Different answers of the customer, the first first; bounded."""
    description: Description = field(default_factory=Description)
    interval_s: int | None = None
    expires_s: float | None = None
    refresh_s: float | None = None
    """When we have to refresh the session ourselves (RFC 4028, refresher=uas)."""
    answered: Answered | None = None

    def happen(self, happening: Happening) -> bool:
        """Follow the table; says whether the session ended by this."""
        before = self.state
        self.state = TRANSITIONS.get((before, happening), before)
        return self.state is State.ENDED and before is not State.ENDED
