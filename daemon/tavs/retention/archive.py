"""Closed files go from `incoming/`, where the listener writes, to `archive/`, which it cannot touch.

1. The hash in the audit chain is made here, of the file as it is, and not taken from what the listener says of it.
2. The sidecar goes last: as long as it lies in `incoming/`, the move is not finished and is taken up again, and told of
   in the audit chain once more.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import msgspec

from tavs.events import Sidecar, SidecarState
from tavs.host.home import Home
from tavs.recording.sealed_file import sync_folder
from tavs.retention.sweep import PROGRAM
from tavs.store import audit
from tavs.store.database import Connection, transaction
from tavs.store.files import KEY, SEALED, SIDECAR, sealed


def archive(connection: Connection, home: Home, now: datetime) -> int:
    """Move what is closed and entered, and enter the hash of each sealed file in the audit chain. Says how many."""
    count = 0
    for path in sorted(home.incoming.glob(f"*{SIDECAR}")):
        sidecar = _closed(path)
        digest = _digest(sealed(home, sidecar.call, sidecar.kind, sidecar.part)) if sidecar else None
        if sidecar and digest and _is_entered(connection, sidecar):
            with transaction(connection):
                audit.append(
                    connection, at=now, kind=audit.Kind.ARCHIVED, actor=PROGRAM, call=sidecar.call, what=sidecar.kind,
                    part=sidecar.part, sha256=digest,
                )  # fmt: skip
            _move(path, home)
            count += 1
    return count


def _is_entered(connection: Connection, sidecar: Sidecar) -> bool:
    row = connection.execute(
        "select 1 from artifacts where call = ? and kind = ? and part = ? and file = ?",
        (sidecar.call, sidecar.kind.value, sidecar.part, sidecar.file),
    ).fetchone()
    return row is not None


def _closed(path: Path) -> Sidecar | None:
    try:
        sidecar = msgspec.json.decode(path.read_bytes(), type=Sidecar)
    except (OSError, msgspec.DecodeError):
        return None
    return None if sidecar.state is SidecarState.OPEN or not sidecar.sha256 else sidecar


def _digest(file: Path) -> audit.Sha256 | None:
    """None where there is no file: `tavs check` names its row."""
    try:
        with file.open("rb") as opened:
            return audit.Sha256(hashlib.file_digest(opened, "sha256").hexdigest())
    except FileNotFoundError:
        return None


def _move(sidecar: Path, home: Home) -> None:
    for ending in (SEALED, KEY, SIDECAR):
        source = sidecar.with_suffix(ending)
        if source.exists():
            source.rename(home.archive / source.name)
        sync_folder(home.archive)
    sync_folder(home.incoming)
