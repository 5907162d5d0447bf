"""Opus in Ogg (RFC 6716, RFC 7845) through PyAV, as a stream of whole pages."""

from __future__ import annotations

import io
from collections.abc import Iterator

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream

from tavs.errors import PeerError

RATE_HZ = 8000
BIT_RATE = 32_000
"""Both sides of a call together; 8–12 kbit/s is the sweet spot of a narrow-band voice (RFC 6716 section 2.1.1)."""
PAGE_US = 250_000
"""What is sealed at a time: with all that is under way a crash costs less than a second."""

GRANULE_HZ = 48_000
"""Pages count their sound at this rate, whatever went in (RFC 7845 section 4)."""

Stereo = npt.NDArray[np.int16]
"""Shape [n, 2], 8 kHz: customer left, agent right."""


class _Pages(io.RawIOBase):
    """Where the muxer writes; it cannot seek, so everything written stands."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self.written += piece
        return len(piece)


class Encoder:
    """Blocks of samples in, bytes of the Ogg stream out as pages fill."""

    def __init__(self) -> None:
        self._pages = _Pages()
        self._container = av.open(
            self._pages, "w", format="ogg", container_options={"page_duration": str(PAGE_US), "flush_packets": "1"}
        )
        self._stream: AudioStream = self._container.add_stream("libopus", rate=RATE_HZ, layout="stereo")
        self._stream.bit_rate = BIT_RATE
        self._stream.codec_context.options = {"application": "voip", "compression_level": "3", "mapping_family": "0"}
        self._position = 0
        self._skipped = 0
        self._granule = 0

    @property
    def paged_ms(self) -> int:
        """How much sound is in the whole pages given out so far (RFC 7845 section 4)."""
        return max(0, self._granule - self._skipped) * 1000 // GRANULE_HZ

    def encode(self, block: Stereo) -> bytes:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block.reshape(1, -1)), format="s16", layout="stereo")
        frame.sample_rate = RATE_HZ
        frame.pts = self._position
        self._position += len(block)
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
        return self._taken()

    def finish(self) -> bytes:
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()
        return self._taken()

    def _taken(self) -> bytes:
        taken = bytes(self._pages.written)
        self._pages.written.clear()
        if (head := taken.find(b"OpusHead")) >= 0:
            self._skipped = int.from_bytes(taken[head + 10 : head + 12], "little")
        if (page := taken.rfind(b"OggS")) >= 0:
            self._granule = max(self._granule, int.from_bytes(taken[page + 6 : page + 14], "little", signed=True))
        return taken


def decode(ogg: bytes, rate_hz: int = RATE_HZ) -> Stereo:
    """All samples of an Ogg stream, whole or cut off. Raises PeerError where there is no stream at all."""
    blocks: list[Stereo] = []
    try:
        with av.open(io.BytesIO(ogg), "r", format="ogg") as container:
            resampler = av.AudioResampler(format="s16", layout="stereo", rate=rate_hz)
            for frame in _frames(container):
                blocks += [_array(each) for each in resampler.resample(frame)]
            blocks += [_array(each) for each in resampler.resample(None)]
    except (av.error.InvalidDataError, av.error.EOFError):
        if not blocks:
            raise PeerError("there is no Ogg stream to decode") from None
    return np.concatenate(blocks) if blocks else np.zeros((0, 2), dtype=np.int16)


def _frames(container: av.container.InputContainer) -> Iterator[av.AudioFrame]:
    yield from container.decode(audio=0)


def _array(frame: av.AudioFrame) -> Stereo:
    return frame.to_ndarray().reshape(-1, 2).astype(np.int16, copy=False)
