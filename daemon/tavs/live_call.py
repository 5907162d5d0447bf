"""One call under way: what the listener holds of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field

from tavs import announce
from tavs.audio.sockets import stored_as
from tavs.call import kept_call
from tavs.call.dialog import Dialog
from tavs.call.kept_call import KeptCall
from tavs.call.session import CallStart, Description, Stream
from tavs.conversation import Conversation
from tavs.events import CallId, CallState, Channel, Event, PartyRef
from tavs.host import fd_store
from tavs.host.journal import Message, report, say
from tavs.host.memory_file import MemoryFile
from tavs.sound import RATE_HZ, Block, Sound, stereo
from tavs.tape import Tape

SEALED_SAMPLES = RATE_HZ // 4
"""Sound that is sealed at a time; with the page under way a crash costs less than a second."""


@dataclass(slots=True)
class LiveCall:
    start: CallStart
    sound: Sound
    words: Conversation
    carrying: asyncio.Task[None]
    party_ref: PartyRef | None
    part: int = 0
    """Which of its listeners this is, and the number of the files it writes."""
    begins_ms: int = 0
    """Where on the call's timeline its sound begins here."""
    memory: MemoryFile | None = None
    """What the next listener would find; None where nobody keeps it."""
    dialog: Dialog | None = None
    tape: Tape | None = None
    streams: tuple[Stream, ...] = ()
    description: Description = field(default_factory=Description)
    sealed: bytes = b""
    unsealed: list[dict[Channel, Block]] = field(default_factory=list)
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

    def seal(self, blocks: dict[Channel, Block], *, is_last: bool = False) -> None:
        """Collect blocks to a quarter of a second and hand it to the tape."""
        if self.tape is None:
            return
        self.unsealed.append(blocks)
        collected = sum(max((len(block) for block in each.values()), default=0) for each in self.unsealed)
        if collected >= SEALED_SAMPLES or (is_last and collected):
            self.tape.write(stereo(self.unsealed))
            self.unsealed.clear()

    def remember(self, dialog: Dialog, sources: dict[int, tuple[str, int]]) -> None:
        """Write down what the next listener needs to go on."""
        self.dialog = dialog
        if self.memory is None or self.is_over:
            return
        kept = KeptCall(
            dialog=dialog,
            at=self.start.at,
            started_s=self.start.started_s,
            trunk=self.start.trunk,
            part=self.part,
            begins_ms=self.begins_ms,
            sources=sources,
            consents=self.words.script.consents,
        )
        self.memory.write(kept_call.serialize(kept))

    def seals(self, sealed_ms: int) -> None:
        """Note how much of the sound here no crash can take any more."""
        if self.memory:
            self.memory.mark(self.begins_ms + sealed_ms)

    def introduction(self) -> tuple[Event, Event]:
        """For a desk that may not know the call: how it began, and how it is now."""
        call = self.start.call
        return (
            announce.started(self.start, self.party_ref, self.told),
            announce.described(call, self.description, self.party_ref, self.told),
        )


def begin_memory(call: CallId) -> MemoryFile | None:
    """Memory that outlives this process; None where nobody would keep it."""
    try:
        memory = MemoryFile.begin(call)
    except OSError:
        return None
    if fd_store.store(stored_as(call), [memory.descriptor]):
        return memory
    memory.close()
    return None


async def beside(work: Coroutine[None, None, None], call: CallId) -> None:
    """The boundary of a call: whatever goes wrong inside ends with it and not with the calls beside it."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - one of the places where style rule 18 allows it
        say(Message.FAILED, call=call)
        report(error)
