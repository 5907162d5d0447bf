"""What a listener finds of the one before it: files still open are closed as interrupted, and calls get their end.

1. No sound is deleted. What goes is a sidecar that was never finished, and a key whose sealed file was never begun: its
   sidecar stays, and says that there was a call and that nothing is kept of it.
2. A file without an end of its call belongs to a call that goes on: it counts for nothing yet. All parts of a call get
   the same end, when it ends or when nobody is there to go on with it: then that is when its last byte was written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tavs.events import ArtifactKind, CallId, Channel, GapKind, Sidecar, SidecarState, SoundGap
from tavs.host.clock import Clock
from tavs.recording.sealed_file import write_sidecar


def recover(folder: Path, clock: Clock, going_on: Mapping[CallId, int] | None = None) -> list[Sidecar]:
    """The sidecars that changed now. Unreadable ones stay as they are.

    `going_on`: calls that are under way, each with the ms of sound known to be in the recording that is open.
    """
    for path in folder.glob("*.json.new"):
        path.unlink()
    under_way = going_on or {}
    unfinished = list(_without_end(folder, "*.json"))
    ends: dict[CallId, datetime] = {}
    for sidecar in unfinished:
        written_at = _written_at(folder, sidecar)
        ends[sidecar.call] = max(ends.get(sidecar.call, sidecar.call_started_at), written_at)
    found = []
    for sidecar in unfinished:
        ended_at = None if sidecar.call in under_way else ends[sidecar.call]
        if sidecar.state is SidecarState.OPEN:
            closed = _closed(folder, sidecar, clock, under_way.get(sidecar.call))
        else:
            closed = sidecar
        ended = msgspec.structs.replace(closed, call_ended_at=ended_at)
        if ended != sidecar:
            write_sidecar(folder, ended)
            found.append(ended)
    return found


def conclude(folder: Path, call: CallId, ended_at: datetime) -> list[Sidecar]:
    """Give the earlier parts of a call its end; those that had none. Raises OSError."""
    found = [
        msgspec.structs.replace(each, call_ended_at=ended_at)
        for each in _without_end(folder, f"{call}.*.json")
        if each.state is not SidecarState.OPEN
    ]
    for sidecar in found:
        write_sidecar(folder, sidecar)
    return found


def _without_end(folder: Path, names: str) -> Iterator[Sidecar]:
    for path in sorted(folder.glob(names)):
        try:
            sidecar = msgspec.json.decode(path.read_bytes(), type=Sidecar)
        except (msgspec.DecodeError, OSError):
            continue
        if sidecar.call_ended_at is None:
            yield sidecar


def _written_at(folder: Path, sidecar: Sidecar) -> datetime:
    try:
        return datetime.fromtimestamp((folder / sidecar.file).stat().st_mtime, UTC)
    except FileNotFoundError:
        return sidecar.opened_at


def _closed(folder: Path, sidecar: Sidecar, clock: Clock, sealed_ms: int | None) -> Sidecar:
    """Where the call goes on, its gap is known to the next part only."""
    sealed = folder / sidecar.file
    digest, size = "", 0
    if not sealed.exists():
        sealed.with_suffix(".key").unlink(missing_ok=True)
    else:
        with sealed.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = sealed.stat().st_size
    written_ms = max(0, round((_written_at(folder, sidecar) - sidecar.opened_at).total_seconds() * 1000))
    is_known = sealed_ms is not None and sidecar.kind is ArtifactKind.RECORDING
    duration_ms = sealed_ms if sealed_ms is not None and is_known else written_ms
    begins_ms = max((gap.t1_ms for gap in sidecar.gaps if gap.kind is GapKind.INTERRUPTED), default=0)
    end_ms = begins_ms + duration_ms
    cut = SoundGap(channel=Channel.UNKNOWN, kind=GapKind.INTERRUPTED, t0_ms=end_ms, t1_ms=end_ms)
    return msgspec.structs.replace(
        sidecar,
        state=SidecarState.INTERRUPTED,
        closed_at=clock.now(),
        duration_ms=duration_ms,
        size_bytes=size,
        sha256=digest,
        gaps=sidecar.gaps if sealed_ms is not None else (*sidecar.gaps, cut),
    )
