"""Sound files (WAV: PCM, A-law, µ-law, any rate) as int16 at 8 kHz, read in blocks by PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from tavs.errors import UsageError
from tavs.events import Channel

RATE_HZ = 8000
CHANNELS_LIMIT = 2

Block = npt.NDArray[np.int16]


def channels(path: Path) -> tuple[Channel, ...]:
    """Who is heard in the file: two channels are customer and agent, one is unknown. Raises UsageError."""
    with _opened(path) as container:
        return _roles(container, path)


def blocks(path: Path) -> Iterator[dict[Channel, Block]]:
    """The sound in blocks of equal length per channel. Raises UsageError for what is no sound file."""
    with _opened(path) as container:
        roles = _roles(container, path)
        layout = "stereo" if len(roles) == CHANNELS_LIMIT else "mono"
        resampler = av.AudioResampler(format="s16", layout=layout, rate=RATE_HZ)
        try:
            for frame in container.decode(audio=0):
                for each in resampler.resample(frame):
                    yield _split(each, roles)
            for each in resampler.resample(None):
                yield _split(each, roles)
        except (av.error.InvalidDataError, av.error.EOFError):
            raise UsageError(f"{path} is damaged", "the sound before the damage was used") from None


def _opened(path: Path) -> av.container.InputContainer:
    if not path.is_file():
        raise UsageError(f"{path} is not a file", "give the path of a WAV file")
    try:
        container = av.open(str(path), "r", format="wav")
    except (av.error.FFmpegError, OSError):
        raise UsageError(f"{path} is not a WAV file", "PCM, A-law and µ-law in RIFF/WAVE are read") from None
    if not container.streams.audio or not container.streams.audio[0].rate:
        container.close()
        raise UsageError(f"{path} holds no sound", "give a WAV file with one or two channels")
    return container


def _roles(container: av.container.InputContainer, path: Path) -> tuple[Channel, ...]:
    count = container.streams.audio[0].channels
    if count > CHANNELS_LIMIT:
        raise UsageError(f"{path} has {count} channels", "one, or two with the customer left and the agent right")
    return (Channel.CUSTOMER, Channel.AGENT) if count == CHANNELS_LIMIT else (Channel.UNKNOWN,)


def _split(frame: av.AudioFrame, roles: tuple[Channel, ...]) -> dict[Channel, Block]:
    interleaved = frame.to_ndarray().reshape(-1, len(roles)).astype(np.int16, copy=False)
    return {channel: np.ascontiguousarray(interleaved[:, number]) for number, channel in enumerate(roles)}
