"""What a running call needs to go on under the next listener, as bytes for a file in memory. Pure.

1. Around it stands an envelope that never changes its form: which schema the state has, and a BYE that is ready to be
   sent. So whoever cannot read the state can still say goodbye.
2. What follows from the rest is not kept: streams and description are found anew from media and metadata.
3. Seconds are those of the monotonic clock, which a restart of a program does not set back; a restart of the machine
   leaves no such file behind.
4. JSON, since a header may hold bytes that are no UTF-8, and these survive only its escapes.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from typing import Any

import msgspec

from tavs.call.describe import describe
from tavs.call.dialog import Dialog, Peer
from tavs.call.requests import request_of
from tavs.call.session import CallStart, Description
from tavs.call.transactions import Outgoing
from tavs.errors import PeerError
from tavs.events import ConsentHeard

SCHEMA = 1
"""To be raised with every change of what is kept, by this file or in `Dialog`."""


class KeptCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    dialog: Dialog
    at: datetime
    started_s: float
    trunk: str
    part: int
    """The file under way."""
    begins_ms: int
    """Where on the call's timeline its sound begins."""
    sources: dict[int, tuple[str, int]] = {}
    """Where the sound of a stream comes from; others are strangers."""
    consents: tuple[ConsentHeard, ...] = ()
    """What the customer answered, with the time of each answer."""

    def __repr__(self) -> str:
        return f"KeptCall({self.dialog.call}, part {self.part})"

    def start(self) -> CallStart:
        return CallStart(
            call=self.dialog.call,
            at=self.at,
            started_s=self.started_s,
            source="siprec",
            trunk=self.trunk,
            streams=self.dialog.streams,
            description=self.dialog.description,
        )


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    schema: int
    peer: Peer
    farewell: bytes
    state: Any

    def __repr__(self) -> str:
        return f"Envelope({self.schema})"


@dataclasses.dataclass(frozen=True, slots=True)
class Read:
    """What a file in memory says."""

    farewell: Outgoing = dataclasses.field(repr=False)
    call: KeptCall | None
    """None where the state is of another schema."""


def serialize(kept: KeptCall) -> bytes:
    dialog = dataclasses.replace(kept.dialog, streams=(), description=Description())
    _, farewell = request_of(dialog, "BYE", dialog.local_sequence + 1)
    envelope = Envelope(
        schema=SCHEMA,
        peer=dialog.peer,
        farewell=farewell.data,
        state=msgspec.structs.replace(kept, dialog=dialog),
    )
    return json.dumps(msgspec.to_builtins(envelope, str_keys=True)).encode("ascii")


def parse(data: bytes) -> Read:
    """Raises PeerError for what cannot be read at all."""
    try:
        envelope = msgspec.convert(json.loads(data), Envelope, str_keys=True)
    except (ValueError, RecursionError):
        raise PeerError("the state of a call cannot be read") from None
    return Read(Outgoing(envelope.peer, envelope.farewell), _state(envelope))


def _state(envelope: Envelope) -> KeptCall | None:
    if envelope.schema != SCHEMA:
        return None
    try:
        kept = msgspec.convert(envelope.state, KeptCall, str_keys=True)
        describe(kept.dialog)
    except (ValueError, LookupError, TypeError):
        return None
    return kept
