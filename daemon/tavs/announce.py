"""What the desk is told of a call when it begins and when more is known of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tavs.call.session import CallStart, Description, Flag, Stream
from tavs.events import CallDescribed, CallId, CallStarted, CallState, Channel, PartyRef

UNSURE = frozenset({Flag.NO_METADATA, Flag.BROKEN_METADATA, Flag.UNCLAIMED_STREAM})
"""Signalling that leaves open who of the two is the customer (PAINS P4)."""


def started(start: CallStart, reference: PartyRef | None, state: CallState) -> CallStarted:
    return CallStarted(
        call=start.call,
        at=start.at,
        source=start.source,
        trunk=start.trunk,
        extension=start.description.extension,
        party_ref=reference,
        flags=tuple(flag.value for flag in start.description.flags),
        state=state,
    )


def described(call: CallId, description: Description, reference: PartyRef | None, state: CallState) -> CallDescribed:
    return CallDescribed(
        call=call,
        extension=description.extension,
        party_ref=reference,
        flags=tuple(flag.value for flag in description.flags),
        state=state,
    )


def is_attributed(streams: Sequence[Stream], description: Description) -> bool:
    """Whether it is sure whose voice is on which stream."""
    return not UNSURE & set(description.flags) and all(stream.channel is not Channel.UNKNOWN for stream in streams)
