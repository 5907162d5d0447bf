"""The sound of one stream on the timeline of its call.

1. The timeline is ours: it runs by arrival time from the start of the call, and what did not come is silence in it, so
   hold, loss and late streams never shift one channel against the other (PAINS P8, P21).
2. RTP timestamps order the sound inside the timeline. They are anchored to arrival at the first packet and again
   whenever they stop making sense; a slow drift is absorbed frame by frame where it is quiet.
3. Sound settles REORDER_S after it was due; a packet that comes later is counted, not heard, unless those after it
   show that the sender's clock had stood still: then nothing of them is lost.
4. One SSRC at a time. Another one is heard after the first fell silent or signalling announced a change; a second voice
   at the same time is a stranger's and is counted.
5. Whatever a peer sends, a leg keeps BUFFER_SAMPLES and MOST_GAPS at the most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tavs.audio import g711
from tavs.audio.rtp import RtpPacket, is_rtcp
from tavs.call.session import Codec
from tavs.errors import PeerError
from tavs.events import Channel, GapKind, SoundGap

RATE_HZ = 8000
FRAME_SAMPLES = 160
"""20 ms, the grid on which sound is handed out."""
REORDER_S = 0.12
"""How long sound waits for packets out of order; PROTOCOLS d.4 names 60–200 ms."""
BUFFER_SAMPLES = 3 * RATE_HZ
LEAD_SAMPLES = RATE_HZ * 3 // 10
"""RTP time may run ahead of arrival by this much (a burst); more is a jump of the sender's clock."""
DRIFT_SAMPLES = RATE_HZ * 4 // 100
"""Mean distance between RTP time and arrival that is corrected by a frame at the next quiet packet."""
DRIFT_WEIGHT = 1 / 64
QUIET = 256
"""Peak below which a frame may be dropped or repeated unheard (−42 dBFS)."""
SILENT_SSRC_S = 0.2
LATE_S = 0.06
"""Packets that keep their pace but come too late for this long mean a sender whose clock stood still (hold) or stepped
back; a burst after a stall of the network comes all at once."""
LATE_KEPT = 16
RESTART_STEP = 3000
"""A jump of the sequence number that is a restart, not a loss (RFC 3550 A.1, MAX_DROPOUT)."""
SHORTEST_GAP_SAMPLES = 2 * FRAME_SAMPLES
MOST_GAPS = 500
TABLES = {Codec.PCMA: g711.ALAW, Codec.PCMU: g711.ULAW}


@dataclass(slots=True)
class Counters:
    received: int = 0
    lost: int = 0
    late: int = 0
    duplicate: int = 0
    foreign: int = 0
    malformed: int = 0
    unknown_payload: int = 0


class Leg:
    """RTP packets in, int16 samples at 8 kHz out, contiguous from `position_samples` of the call on."""

    def __init__(
        self,
        *,
        channel: Channel,
        payload_types: Mapping[int, Codec],
        origin_s: float,
        position_samples: int = 0,
    ) -> None:
        self.counters = Counters()
        self._channel = channel
        self._payload_types = payload_types
        self._origin_s = origin_s
        self._base = position_samples
        self._sound = np.zeros(BUFFER_SAMPLES, dtype=np.int16)
        self._filled = np.zeros(BUFFER_SAMPLES, dtype=bool)
        self._gaps: list[SoundGap] = []
        self._losses: list[tuple[int, int]] = []
        self._ssrc: int | None = None
        self._announced = False
        self._anchored = False
        self._last_arrival_s = 0.0
        self._highest = 0
        self._timestamp = 0
        self._position = 0
        self._packet_samples = FRAME_SAMPLES
        self._drift = 0.0
        self._late: list[tuple[RtpPacket, float]] = []
        self._quiet_from: int | None = None

    def retarget(self, payload_types: Mapping[int, Codec], *, active: bool) -> None:
        """Signalling has changed the stream: its payload types, perhaps its source."""
        self._payload_types = payload_types
        self._announced = True
        if not active:
            self._quiet_from = None

    def feed(self, data: bytes, arrival_s: float) -> None:
        """One datagram from the stream's socket, in any order, of any kind."""
        if is_rtcp(data):
            return
        try:
            packet = RtpPacket.parse(data)
        except PeerError:
            self.counters.malformed += 1
            return
        if not self._is_ours(packet, arrival_s):
            self.counters.foreign += 1
            return
        codec = self._payload_types.get(packet.payload_type)
        if codec is None:
            self.counters.unknown_payload += 1
            return
        self.counters.received += 1
        self._last_arrival_s = arrival_s
        position = self._place(packet, arrival_s)
        if position is not None:
            self._hear(packet, codec, position, arrival_s)

    def _hear(self, packet: RtpPacket, codec: Codec, position: int, arrival_s: float) -> None:
        match codec:
            case Codec.CN:
                self._quiet_from = position
            case Codec.TELEPHONE_EVENT:
                duration = int.from_bytes(packet.payload[2:4], "big")
                self._write(position, np.zeros(min(duration, BUFFER_SAMPLES), dtype=np.int16), over=False)
            case _:
                samples = g711.decode(packet.payload, TABLES[codec])
                self._packet_samples = max(len(samples), 1)
                if self._quiet_from is not None:
                    self._mark_quiet(position)
                    self._quiet_from = None
                self._follow_drift(position - self._samples_at(arrival_s), samples)
                self._write(position, samples, over=True)

    def take(self, until_s: float) -> g711.Samples:
        """Everything that has settled by `until_s` and was not taken before, in whole frames."""
        due = int((until_s - REORDER_S - self._origin_s) * RATE_HZ)
        return self._take(due - due % FRAME_SAMPLES)

    def finish(self, end_s: float) -> g711.Samples:
        """The rest up to the end of the call; nothing may be fed afterwards."""
        end = round((end_s - self._origin_s) * RATE_HZ)
        return self._take(end - end % FRAME_SAMPLES)

    def gaps(self) -> tuple[SoundGap, ...]:
        return tuple(self._gaps)

    def _is_ours(self, packet: RtpPacket, arrival_s: float) -> bool:
        if packet.ssrc == self._ssrc:
            return True
        silent = arrival_s - self._last_arrival_s >= SILENT_SSRC_S
        if self._ssrc is None or silent or self._announced:
            self._ssrc = packet.ssrc
            self._announced = False
            self._anchored = False
            return True
        return False

    def _samples_at(self, arrival_s: float) -> int:
        return round((arrival_s - self._origin_s) * RATE_HZ)

    def _place(self, packet: RtpPacket, arrival_s: float) -> int | None:
        """Where on the timeline a packet belongs; None when it is a duplicate or has come too late."""
        arrival = self._samples_at(arrival_s)
        if not self._anchored:
            return self._anchor(packet, max(arrival, self._base + FRAME_SAMPLES - 1))
        step = (packet.sequence_number - self._highest + 0x8000) % 0x10000 - 0x8000
        position = self._position + (packet.timestamp - self._timestamp + 0x80000000) % 0x100000000 - 0x80000000
        if abs(step) > RESTART_STEP or position - arrival > LEAD_SAMPLES:
            return self._anchor(packet, max(arrival, self._base + FRAME_SAMPLES - 1))
        if step == 0:
            self.counters.duplicate += 1
            return None
        if step > 0:
            if step > 1:
                self.counters.lost += step - 1
                self._losses.append((self._position, position))
                del self._losses[:-MOST_GAPS]
            self._highest, self._timestamp, self._position = packet.sequence_number, packet.timestamp, position
        elif position >= self._base and self._is_filled(position):
            self.counters.duplicate += 1
            return None
        if position + FRAME_SAMPLES // 2 <= self._base:
            return self._too_late(packet, arrival_s)
        if step < 0:
            self.counters.lost -= 1
        self._late.clear()
        return position

    def _too_late(self, packet: RtpPacket, arrival_s: float) -> int | None:
        """Count a late packet; where it turns out that the sender's time stood still, place those kept and this one."""
        self.counters.late += 1
        self._late.append((packet, arrival_s))
        del self._late[:-LATE_KEPT]
        first, first_s = self._late[0]
        if arrival_s - first_s < LATE_S:
            return None
        kept = self._late[:-1]
        begin = self._anchor(first, max(self._samples_at(first_s), self._base + FRAME_SAMPLES - 1))
        for each, each_s in kept:
            if codec := self._payload_types.get(each.payload_type):
                self._hear(each, codec, begin + _ahead(each, first), each_s)
        self.counters.late -= len(kept) + 1
        self._highest, self._timestamp = packet.sequence_number, packet.timestamp
        self._position = begin + _ahead(packet, first)
        return self._position

    def _anchor(self, packet: RtpPacket, position: int) -> int:
        position -= position % FRAME_SAMPLES
        self._anchored = True
        self._highest, self._timestamp, self._position = packet.sequence_number, packet.timestamp, position
        self._drift = 0.0
        self._late = []
        return position

    def _follow_drift(self, lead: int, samples: g711.Samples) -> None:
        self._drift += (lead - self._drift) * DRIFT_WEIGHT
        distance = abs(self._drift)
        quiet = len(samples) > 0 and int(np.abs(samples.astype(np.int32)).max()) < QUIET
        if distance > 2 * DRIFT_SAMPLES or (quiet and distance > DRIFT_SAMPLES):
            shift = -FRAME_SAMPLES if self._drift > 0 else FRAME_SAMPLES
            self._position += shift
            self._drift += shift

    def _write(self, position: int, samples: g711.Samples, *, over: bool) -> None:
        skipped = max(0, self._base - position)
        start = position + skipped - self._base
        samples = samples[skipped : skipped + max(0, BUFFER_SAMPLES - start)]
        target = slice(start, start + len(samples))
        if over:
            self._sound[target] = samples
        self._filled[target] = True

    def _is_filled(self, position: int) -> bool:
        offset = position - self._base
        return offset < BUFFER_SAMPLES and bool(self._filled[offset])

    def _mark_quiet(self, until: int) -> None:
        if self._quiet_from is not None:
            start = max(0, self._quiet_from - self._base)
            self._filled[start : max(start, until - self._base)] = True

    def _take(self, end: int) -> g711.Samples:
        parts = []
        while self._base < end:
            count = min(end - self._base, BUFFER_SAMPLES)
            self._mark_quiet(self._base + count)
            self._record_gaps(count)
            parts.append(self._sound[:count].copy())
            for array in (self._sound, self._filled):
                array[: BUFFER_SAMPLES - count] = array[count:].copy()
                array[BUFFER_SAMPLES - count :] = 0
            self._base += count
        self._losses = [loss for loss in self._losses if loss[1] > self._base]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)

    def _record_gaps(self, count: int) -> None:
        edges = np.flatnonzero(np.diff(self._filled[:count].astype(np.int8), prepend=1, append=1))
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            begin, stop = self._base + start, self._base + end
            lost = any(begin < loss[1] and loss[0] < stop for loss in self._losses)
            kind = GapKind.LOSS if lost else GapKind.SILENCE
            self._add_gap(kind, begin, stop, round((end - start) / self._packet_samples) if lost else 0)

    def _add_gap(self, kind: GapKind, begin: int, end: int, packets: int) -> None:
        t0_ms, t1_ms = begin * 1000 // RATE_HZ, end * 1000 // RATE_HZ
        last = self._gaps[-1] if self._gaps else None
        if last and ((last.t1_ms == t0_ms and last.kind == kind) or len(self._gaps) >= MOST_GAPS):
            t0_ms, packets = last.t0_ms, packets + last.packets
            self._gaps.pop()
        elif kind is GapKind.SILENCE and end - begin < SHORTEST_GAP_SAMPLES and end % FRAME_SAMPLES:
            return
        self._gaps.append(SoundGap(channel=self._channel, kind=kind, t0_ms=t0_ms, t1_ms=t1_ms, packets=packets))


def _ahead(packet: RtpPacket, first: RtpPacket) -> int:
    """Samples from one packet to another, across the wrap-around of 32-bit time."""
    return (packet.timestamp - first.timestamp + 0x80000000) % 0x100000000 - 0x80000000
