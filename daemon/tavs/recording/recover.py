"""What a listener finds of the one before it: sidecars still open are closed as interrupted.

No sound is deleted. What goes is a sidecar that was never finished, and a key whose sealed file was never begun: its
sidecar stays, and says that there was a call and that nothing is kept of it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tavs.events import Channel, GapKind, Sidecar, SidecarState, SoundGap
from tavs.host.clock import Clock
from tavs.recording.sealed_file import write_sidecar


def recover(folder: Path, clock: Clock) -> list[Sidecar]:
    """The sidecars that were closed now. Unreadable ones stay as they are."""
    for path in folder.glob("*.json.new"):
        path.unlink()
    return [_closed(folder, sidecar, clock) for sidecar in _open(folder)]


def _open(folder: Path) -> list[Sidecar]:
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            sidecar = msgspec.json.decode(path.read_bytes(), type=Sidecar)
        except (msgspec.DecodeError, OSError):
            continue
        if sidecar.state is SidecarState.OPEN:
            found.append(sidecar)
    return found


def _closed(folder: Path, sidecar: Sidecar, clock: Clock) -> Sidecar:
    sealed = folder / sidecar.file
    digest, size, written_at = "", 0, sidecar.opened_at
    if not sealed.exists():
        sealed.with_suffix(".key").unlink(missing_ok=True)
    else:
        with sealed.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        status = sealed.stat()
        size, written_at = status.st_size, datetime.fromtimestamp(status.st_mtime, UTC)
    duration_ms = max(0, round((written_at - sidecar.opened_at).total_seconds() * 1000))
    closed = msgspec.structs.replace(
        sidecar,
        state=SidecarState.INTERRUPTED,
        closed_at=clock.now(),
        call_ended_at=max(written_at, sidecar.call_started_at),
        duration_ms=duration_ms,
        size_bytes=size,
        sha256=digest,
        gaps=(SoundGap(channel=Channel.UNKNOWN, kind=GapKind.INTERRUPTED, t0_ms=duration_ms, t1_ms=duration_ms),),
    )
    write_sidecar(folder, closed)
    return closed
