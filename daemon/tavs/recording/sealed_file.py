"""A sealed file on disk: sidecar first, then the key, then sealed chunks as they come, the sidecar closed last.

1. After a crash at any moment the files say what they are: an open sidecar, and a sealed file that opens up to its last
   whole chunk (`recover.py` closes the sidecar at the next start).
2. A chunk is on the disk at most SYNC_S after it was written.
3. Calls block on the disk; the listener gives them a thread of their own. All raise StoreError when it refuses.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

import msgspec

from tavs.errors import StoreError
from tavs.events import CallId, Sidecar
from tavs.host.clock import Clock
from tavs.host.files import create
from tavs.recording.seal import Kind, Sealer, sealed_key

SYNC_S = 2.0
"""What a power cut may cost at the most (RELIABILITY R-01)."""
SHARED, READABLE = 0o660, 0o664
"""Sealed files and keys are for the listener and the sweep; the desk reads sidecars, in folders that let it in."""


class SealedFile:
    def __init__(self, folder: Path, sidecar: Sidecar, public_key: bytes, clock: Clock) -> None:
        self.sidecar = sidecar
        self._folder = folder
        self._clock = clock
        self._hash = hashlib.sha256()
        self._size = 0
        self._synced_s = clock.monotonic()
        name, _, _ = Path(sidecar.file).stem.rpartition(".")
        self._sealer = Sealer(CallId(name), sidecar.part)
        with _disk():
            write_sidecar(folder, sidecar)
            key = sealed_key(self._sealer.key, public_key, CallId(name), sidecar.part)
            with _created((folder / sidecar.file).with_suffix(".key")) as file:
                file.write(key)
                file.flush()
                os.fsync(file.fileno())
            self._file = _created(folder / sidecar.file)
            self._append(self._sealer.begin())
            sync_folder(folder)

    def append(self, kind: Kind, data: bytes) -> None:
        self._append(self._sealer.chunk(kind, data))

    def describe(self, sidecar: Sidecar) -> None:
        """What is known by now of the call, should it never be closed."""
        with _disk():
            write_sidecar(self._folder, sidecar)
        self.sidecar = sidecar

    def close(self, closed: Sidecar) -> Sidecar:
        """Finish the file; the sidecar returned, with size and hash, is the one on disk."""
        self._append(self._sealer.final())
        with _disk():
            os.fsync(self._file.fileno())
            self._file.close()
            self.sidecar = msgspec.structs.replace(closed, size_bytes=self._size, sha256=self._hash.hexdigest())
            write_sidecar(self._folder, self.sidecar)
        return self.sidecar

    def _append(self, sealed: bytes) -> None:
        with _disk():
            self._file.write(sealed)
            self._file.flush()
            if self._clock.monotonic() - self._synced_s >= SYNC_S:
                os.fdatasync(self._file.fileno())
                self._synced_s = self._clock.monotonic()
        self._hash.update(sealed)
        self._size += len(sealed)


def free_part(folder: Path, stem: str, part: int) -> int:
    """The first part from `part` on of which no sound lies here: a listener that died at once may have begun one."""
    while any((folder / f"{stem}.{part}{ending}").exists() for ending in (".tavs", ".key")):
        part += 1
    return part


def write_sidecar(folder: Path, sidecar: Sidecar) -> None:
    """Replace the sidecar in one step: it is the old one or the new one, never half of either."""
    path = (folder / sidecar.file).with_suffix(".json")
    new = path.with_suffix(".json.new")
    new.unlink(missing_ok=True)
    with os.fdopen(create(new, READABLE), "wb") as file:
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
    return os.fdopen(create(path, SHARED), "wb")


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
