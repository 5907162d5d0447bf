"""A recording on disk: sidecar first, then the key, then sealed chunks as they come, the sidecar closed last.

1. After a crash at any moment the files say what they are: an open sidecar, and a sealed file that opens up to its last
   whole chunk (`recover.py` closes the sidecar at the next start).
2. A chunk holds at most a second of sound and is on the disk at most SYNC_S later.
3. Calls block on the disk; the listener gives them a thread of their own.
"""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from tavs.errors import StoreError
from tavs.events import ArtifactKind, CallId, PartyRef, Sidecar, SidecarState, SoundGap
from tavs.host.clock import Clock
from tavs.recording.ogg import RATE_HZ, Encoder, Stereo
from tavs.recording.seal import AUDIO, CHUNK_LIMIT_BYTES, DETAILS, Sealer, sealed_key

SYNC_S = 2.0
"""Sound that a power cut may cost at the most (RELIABILITY R-01)."""


class Recording:
    """One open sealed file. Every method raises StoreError when the disk refuses."""

    def __init__(self, folder: Path, sidecar: Sidecar, public_key: bytes, clock: Clock) -> None:
        self._folder = folder
        self._sidecar = sidecar
        self._clock = clock
        self._hash = hashlib.sha256()
        self._size = 0
        self._samples = 0
        self._synced_s = clock.monotonic()
        self._encoder = Encoder()
        sealer = Sealer(sidecar.call, sidecar.part)
        self._sealer = sealer
        with _disk():
            write_sidecar(folder, sidecar)
            key = sealed_key(sealer.key, public_key, sidecar.call, sidecar.part)
            with _created(folder / f"{sidecar.call}.{sidecar.part}.key") as file:
                file.write(key)
                file.flush()
                os.fsync(file.fileno())
            self._file = _created(folder / sidecar.file)
            self._append(sealer.begin())
            sync_folder(folder)

    def write(self, block: Stereo) -> None:
        """Append sound, int16 [n, 2] at 8 kHz."""
        self._samples += len(block)
        if ogg := self._encoder.encode(block):
            self._append(self._sealer.chunk(AUDIO, ogg))

    def details(self, data: bytes) -> None:
        """Append what may not lie open: numbers, raw metadata."""
        self._append(self._sealer.chunk(DETAILS, data[: CHUNK_LIMIT_BYTES // 2]))

    def describe(self, *, extension: str, party_ref: PartyRef | None) -> None:
        self._sidecar = msgspec.structs.replace(self._sidecar, extension=extension, party_ref=party_ref)

    def close(self, *, call_ended_at: datetime, gaps: tuple[SoundGap, ...]) -> Sidecar:
        """Finish the file; the sidecar returned is the one on disk."""
        self._append(self._sealer.chunk(AUDIO, self._encoder.finish()) + self._sealer.final())
        with _disk():
            os.fsync(self._file.fileno())
            self._file.close()
            self._sidecar = msgspec.structs.replace(
                self._sidecar,
                state=SidecarState.CLOSED,
                closed_at=self._clock.now(),
                call_ended_at=call_ended_at,
                duration_ms=self._samples * 1000 // RATE_HZ,
                gaps=gaps,
                size_bytes=self._size,
                sha256=self._hash.hexdigest(),
            )
            write_sidecar(self._folder, self._sidecar)
        return self._sidecar

    def _append(self, sealed: bytes) -> None:
        with _disk():
            self._file.write(sealed)
            self._file.flush()
            if self._clock.monotonic() - self._synced_s >= SYNC_S:
                os.fdatasync(self._file.fileno())
                self._synced_s = self._clock.monotonic()
        self._hash.update(sealed)
        self._size += len(sealed)


class Recorder:
    """Begins recordings in one folder for one site."""

    def __init__(self, *, folder: Path, public_key: bytes, clock: Clock) -> None:
        self._folder = folder
        self._public_key = public_key
        self._clock = clock

    def begin(
        self,
        *,
        call: CallId,
        part: int,
        source: str,
        call_started_at: datetime,
        trunk: str,
        extension: str,
        party_ref: PartyRef | None,
    ) -> Recording:
        sidecar = Sidecar(
            call=call,
            kind=ArtifactKind.RECORDING,
            part=part,
            file=f"{call}.{part}.tavs",
            state=SidecarState.OPEN,
            source=source,
            call_started_at=call_started_at,
            opened_at=self._clock.now(),
            trunk=trunk,
            extension=extension,
            party_ref=party_ref,
        )
        return Recording(self._folder, sidecar, self._public_key, self._clock)


def sidecar_path(folder: Path, sidecar: Sidecar) -> Path:
    return folder / f"{sidecar.call}.{sidecar.part}.json"


def write_sidecar(folder: Path, sidecar: Sidecar) -> None:
    """Replace the sidecar in one step: it is the old one or the new one, never half of either."""
    path = sidecar_path(folder, sidecar)
    new = path.with_suffix(".json.new")
    with new.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(sidecar), indent=1) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _created(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb")


class _disk:
    """Turns what the disk says into a StoreError."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, place: object) -> None:
        if isinstance(error, OSError):
            raise StoreError(
                f"a recording cannot be written ({os.strerror(error.errno or 0).lower()})",
                "check free space, mode and health of the recordings' disk",
            ) from None
