"""The sound of one call: its streams on one timeline, cut into blocks for the recording and for speech."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from tavs.audio.leg import Leg
from tavs.call.session import Stream
from tavs.events import Channel, SoundGap

RATE_HZ = 8000
SIDE = {Channel.CUSTOMER: 0, Channel.UNKNOWN: 0, Channel.AGENT: 1}
"""Where a channel is heard in a recording: customer left, agent right, a mixed stream left."""

Block = npt.NDArray[np.int16]
"""Shape [n], 8 kHz."""


class Sound:
    """The legs of a call. Everything it gives is contiguous and of equal length on all channels."""

    def __init__(self, started_s: float, begins_ms: int = 0, lost: tuple[SoundGap, ...] = ()) -> None:
        """`begins_ms` and what was `lost` before it: where the listener before this one left off."""
        self.heard_s: float | None = None
        """When the last packet came, on the monotonic clock; None before the first."""
        self._started_s = started_s
        self.lost = lost
        self._legs: dict[int, tuple[Channel, Leg]] = {}
        self._taken_samples = begins_ms * RATE_HZ // 1000

    @property
    def taken_ms(self) -> int:
        return self._taken_samples * 1000 // RATE_HZ

    def tune(self, streams: Iterable[Stream]) -> None:
        """Follow an answer: a new stream gets a leg, a known one may change payload types or pause."""
        for stream in streams:
            if stream.index in self._legs:
                leg = self._legs[stream.index][1]
                leg.retarget(stream.payload_types, active=stream.active)
                self._legs[stream.index] = (stream.channel, leg)
            elif stream.port:
                leg = Leg(
                    channel=stream.channel,
                    payload_types=stream.payload_types,
                    origin_s=self._started_s,
                    position_samples=self._taken_samples,
                )
                self._legs[stream.index] = (stream.channel, leg)

    def feed(self, index: int, packet: bytes, arrival_s: float) -> None:
        if index in self._legs:
            self.heard_s = arrival_s
            self._legs[index][1].feed(packet, arrival_s)

    def take(self, until_s: float) -> dict[Channel, Block]:
        """What has settled since the last take; the end of the call settles everything."""
        return self._mixed([(channel, leg.take(until_s)) for channel, leg in self._legs.values()])

    def finish(self, end_s: float) -> dict[Channel, Block]:
        return self._mixed([(channel, leg.finish(end_s)) for channel, leg in self._legs.values()])

    def place(self, blocks: dict[Channel, Block]) -> dict[Channel, Block]:
        """Sound that did not come by RTP, placed after what there is."""
        return self._mixed(list(blocks.items()))

    def gaps(self) -> tuple[SoundGap, ...]:
        found = [gap for _, leg in self._legs.values() for gap in leg.gaps()]
        return tuple(sorted([*self.lost, *found], key=lambda gap: (gap.t0_ms, gap.channel)))

    def _mixed(self, taken: list[tuple[Channel, Block]]) -> dict[Channel, Block]:
        blocks: dict[Channel, Block] = {}
        for channel, block in taken:
            blocks[channel] = _sum(blocks[channel], block) if channel in blocks else block
        self._taken_samples += max((len(block) for block in blocks.values()), default=0)
        return blocks


def stereo(collected: Iterable[dict[Channel, Block]]) -> npt.NDArray[np.int16]:
    """Blocks one after the other as [n, 2] for the recording."""
    return np.concatenate([_sides(blocks) for blocks in collected])


def _sides(blocks: dict[Channel, Block]) -> npt.NDArray[np.int16]:
    samples = max((len(block) for block in blocks.values()), default=0)
    sides = np.zeros((samples, 2), dtype=np.int16)
    for channel, block in blocks.items():
        side = SIDE[channel]
        sides[: len(block), side] = _sum(sides[: len(block), side], block)
    return sides


def _sum(one: Block, other: Block) -> Block:
    return np.asarray(np.clip(one.astype(np.int32) + other, -32768, 32767), dtype=np.int16)
