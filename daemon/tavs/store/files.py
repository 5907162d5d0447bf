"""Where the files of an artifact lie: CALL.PART of recordings, CALL.transcript.PART of transcripts."""

from __future__ import annotations

from pathlib import Path

from tavs.events import ArtifactKind, CallId
from tavs.host.home import Home

SEALED, KEY, SIDECAR = ".tavs", ".key", ".json"
PARTIAL = ".part"
"""What a rotation of keys that was killed may leave (recording/rotation.py)."""


def stem(call: CallId, kind: ArtifactKind, part: int) -> str:
    return f"{call}.{part}" if kind is ArtifactKind.RECORDING else f"{call}.{kind.value}.{part}"


def sealed(home: Home, call: CallId, kind: ArtifactKind, part: int) -> Path:
    """The sealed file, its key and its sidecar beside it; where it would be archived if it is nowhere."""
    name = stem(call, kind, part) + SEALED
    incoming = home.incoming / name
    return incoming if incoming.exists() else home.archive / name


def keys_of(home: Home, call: CallId, kind: ArtifactKind, part: int) -> list[Path]:
    """The key files by which the artifact can be read, wherever they may lie."""
    folders = (home.text_keys,) if kind is ArtifactKind.MASKED_TRANSCRIPT else (home.incoming, home.archive)
    name = str(call) if kind is ArtifactKind.MASKED_TRANSCRIPT else stem(call, kind, part)
    return [folder / (name + ending) for folder in folders for ending in (KEY, f"{KEY}{PARTIAL}")]


def rest_of(home: Home, call: CallId, kind: ArtifactKind, part: int) -> list[Path]:
    """The other files of the artifact."""
    if kind is ArtifactKind.MASKED_TRANSCRIPT:
        return []
    name = stem(call, kind, part)
    return [
        folder / (name + ending)
        for ending in (SEALED, SIDECAR, f"{SIDECAR}.new")
        for folder in (home.incoming, home.archive)
    ]
