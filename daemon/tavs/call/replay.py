"""A sound file as a way in: one call whose two sides are the channels of the file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tavs.call.identity import new_call_id
from tavs.call.session import CallStart, Description, Stream
from tavs.events import Channel

SOURCE = "replay"


def call_of(roles: tuple[Channel, ...], at: datetime, started_s: float) -> CallStart:
    """The call of a file with these channels. Its sound does not come by RTP, so no stream has a port."""
    return CallStart(
        call=new_call_id(at),
        at=at,
        started_s=started_s,
        source=SOURCE,
        trunk="",
        streams=tuple(_streams(roles)),
        description=Description(),
    )


def _streams(roles: tuple[Channel, ...]) -> Iterator[Stream]:
    for index, channel in enumerate(roles):
        yield Stream(index=index, label="", channel=channel, port=0, remote=None, payload_types={}, active=True)
