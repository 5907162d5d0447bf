"""A sealed recording opened again, by whoever holds the site's private key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tavs.errors import StoreError
from tavs.events import CallId
from tavs.recording.seal import AUDIO, DETAILS, Chunk, Kind, Opener, opened_key


@dataclass(frozen=True, slots=True)
class OpenedFile:
    chunks: tuple[Chunk, ...]
    is_complete: bool
    """False for a file that was cut off; what is there up to its last whole chunk is good."""

    def of(self, kind: Kind) -> bytes:
        return b"".join(chunk.data for chunk in self.chunks if chunk.kind == kind)


@dataclass(frozen=True, slots=True)
class OpenedRecording:
    ogg: bytes
    details: tuple[bytes, ...]
    is_complete: bool

    def __repr__(self) -> str:
        return f"OpenedRecording({len(self.ogg)} bytes)"


def open_recording(sealed: Path, private_key: bytes) -> OpenedRecording:
    """`sealed` is CALL.PART.tavs with CALL.PART.key beside it. Raises StoreError."""
    found = open_sealed(sealed, private_key)
    return OpenedRecording(
        ogg=found.of(AUDIO),
        details=tuple(chunk.data for chunk in found.chunks if chunk.kind == DETAILS),
        is_complete=found.is_complete,
    )


def open_sealed(sealed: Path, private_key: bytes) -> OpenedFile:
    """A sealed file of any kind, NAME.PART.tavs with NAME.PART.key beside it. Raises StoreError."""
    name, _, part = sealed.stem.rpartition(".")
    if not name or not part.isdigit():
        raise StoreError(
            "the name of a recording is not CALL.PART.tavs", "recordings keep the names they were written with"
        )
    try:
        key = opened_key(sealed.with_suffix(".key").read_bytes(), private_key, CallId(name), int(part))
        with sealed.open("rb") as file:
            opener = Opener(file, key, CallId(name), int(part))
            chunks = tuple(opener)
    except FileNotFoundError:
        raise StoreError(
            "a recording or its key is not there", "a recording whose key was destroyed is erased"
        ) from None
    return OpenedFile(chunks, opener.is_complete)
