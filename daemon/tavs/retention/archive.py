"""Closed files go from `incoming/`, where the listener writes, to `archive/`, which it cannot touch.

The sidecar goes last: as long as it lies in `incoming/`, the move is not finished and is taken up again.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from tavs.events import Sidecar, SidecarState
from tavs.host.home import Home
from tavs.recording.sealed_file import sync_folder
from tavs.retention.sweep import PROGRAM
from tavs.store import audit
from tavs.store.database import Connection, transaction
from tavs.store.files import KEY, SEALED, SIDECAR


def archive(connection: Connection, home: Home, now: datetime) -> int:
    """Move what is closed and entered, and enter the hash of each sealed file in the audit chain. Says how many."""
    entered = {str(row[0]) for row in connection.execute("select file from artifacts where file is not null")}
    count = 0
    for path in sorted(home.incoming.glob(f"*{SIDECAR}")):
        sidecar = _closed(path)
        if sidecar and sidecar.file in entered:
            _move(path, home)
            with transaction(connection):
                audit.append(
                    connection, at=now, kind=audit.Kind.ARCHIVED, actor=PROGRAM, call=sidecar.call, what=sidecar.kind,
                    part=sidecar.part, sha256=audit.Sha256(sidecar.sha256),
                )  # fmt: skip
            count += 1
    return count


def _closed(path: Path) -> Sidecar | None:
    try:
        sidecar = msgspec.json.decode(path.read_bytes(), type=Sidecar)
    except (OSError, msgspec.DecodeError):
        return None
    return None if sidecar.state is SidecarState.OPEN or not sidecar.sha256 else sidecar


def _move(sidecar: Path, home: Home) -> None:
    for ending in (SEALED, KEY, SIDECAR):
        source = sidecar.with_suffix(ending)
        if source.exists():
            source.rename(home.archive / source.name)
        sync_folder(home.archive)
    sync_folder(home.incoming)
