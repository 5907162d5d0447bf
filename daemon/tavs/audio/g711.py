"""G.711 (ITU-T Recommendation G.711, 1988): A-law and µ-law by table, both ways."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]


def _alaw_table() -> Samples:
    codes = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = (codes >> 4) & 7, codes & 15
    magnitude = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(codes & 0x80, magnitude, -magnitude).astype(np.int16)


def _ulaw_table() -> Samples:
    codes = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((codes & 15) << 3) + 0x84) << ((codes >> 4) & 7)) - 0x84
    return np.where(codes & 0x80, -magnitude, magnitude).astype(np.int16)


ALAW = _alaw_table()
ULAW = _ulaw_table()


def _encoder(table: Samples) -> npt.NDArray[np.uint8]:
    """For each int16 sample the code whose value lies nearest."""
    order = np.argsort(table, kind="stable")
    values = table[order].astype(np.int32)
    samples = np.arange(-32768, 32768, dtype=np.int32)
    right = np.clip(np.searchsorted(values, samples), 1, 255)
    nearest = np.where(samples - values[right - 1] <= values[right] - samples, right - 1, right)
    return order[nearest].astype(np.uint8)


def decode(payload: bytes, table: Samples) -> Samples:
    """Samples of a payload, shape [len(payload)], 8 kHz."""
    return table[np.frombuffer(payload, dtype=np.uint8)]


def encode(samples: Samples, table: Samples) -> bytes:
    """The payload whose decoding lies nearest to the samples."""
    return _encoder(table)[samples.astype(np.int32) + 32768].tobytes()
