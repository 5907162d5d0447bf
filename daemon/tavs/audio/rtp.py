"""RTP packets (RFC 3550 section 5.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tavs.errors import PeerError

HEADER = struct.Struct("!BBHII")
VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpPacket:
    payload_type: int
    marker: bool
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes

    def __repr__(self) -> str:
        return f"RtpPacket({self.payload_type}, {self.sequence_number}, {len(self.payload)} bytes)"

    @classmethod
    def parse(cls, data: bytes) -> RtpPacket:
        """Raises PeerError for anything that is no RTP packet."""
        if len(data) < HEADER.size:
            raise PeerError("an RTP packet is shorter than its fixed header")
        first, second, sequence_number, timestamp, ssrc = HEADER.unpack_from(data)
        if first >> 6 != VERSION:
            raise PeerError("an RTP packet has an unknown version")
        start = HEADER.size + 4 * (first & 0x0F)
        if first & 0x10:
            if len(data) < start + 4:
                raise PeerError("an RTP packet ends inside its header extension")
            start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
        end = len(data)
        if start > end:
            raise PeerError("an RTP packet ends inside its header")
        if first & 0x20:
            padding = data[-1]
            if not 0 < padding <= end - start:
                raise PeerError("an RTP packet has more padding than payload")
            end -= padding
        return cls(
            payload_type=second & 0x7F,
            marker=bool(second & 0x80),
            sequence_number=sequence_number,
            timestamp=timestamp,
            ssrc=ssrc,
            payload=data[start:end],
        )

    def serialize(self) -> bytes:
        second = self.payload_type | (0x80 if self.marker else 0)
        return HEADER.pack(VERSION << 6, second, self.sequence_number, self.timestamp, self.ssrc) + self.payload


def is_rtcp(data: bytes) -> bool:
    """Whether a packet on a shared port is RTCP (RFC 5761 section 4): packet types 192–223."""
    return len(data) >= 2 and 192 <= data[1] <= 223
