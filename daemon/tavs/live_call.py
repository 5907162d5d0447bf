"""One call under way: what the listener holds of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tavs import announce
from tavs.call.session import CallStart, Description, Stream
from tavs.conversation import Conversation
from tavs.events import CallState, Channel, Event, PartyRef
from tavs.sound import Block, Sound
from tavs.tape import Tape


@dataclass(slots=True)
class LiveCall:
    start: CallStart
    sound: Sound
    tape: Tape | None
    words: Conversation
    carrying: asyncio.Task[None]
    streams: tuple[Stream, ...]
    description: Description
    party_ref: PartyRef | None
    sealed: bytes
    unsealed: list[dict[Channel, Block]]
    told: CallState = field(default_factory=CallState)
    """What the desk knows of its state."""
    is_over: bool = False
    is_quiet_alarm_given: bool = False

    def state(self) -> CallState:
        """What the agent should know of it now."""
        return CallState(
            is_recorded=self.tape is not None and not self.tape.has_failed,
            has_consent=self.words.script.has_consent,
            is_attributed=announce.is_attributed(self.streams, self.description),
        )

    def introduction(self) -> tuple[Event, Event]:
        """For a desk that may not know the call: how it began, and how it is now."""
        call = self.start.call
        return (
            announce.started(self.start, self.party_ref, self.told),
            announce.described(call, self.description, self.party_ref, self.told),
        )
