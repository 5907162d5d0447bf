"""The files are the truth: sidecars that the relay never spoke of are entered, with their grants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tavs.events import Sidecar
from tavs.store.keeper import Keeper

SIDECAR_LIMIT_BYTES = 1 << 20
SEALED = ".tavs"


@dataclass(frozen=True, slots=True)
class Reconciled:
    entered: int
    unreadable: int


def reconcile(folders: Iterable[Path], keeper: Keeper) -> Reconciled:
    """Enter every closed sidecar that has no artifact yet. Those still open belong to a listener that runs."""
    entered = unreadable = 0
    known = keeper.entered_files()
    for path in (path for folder in folders for path in sorted(folder.glob("*.json"))):
        if path.with_suffix(SEALED).name in known:
            continue
        sidecar = _read(path)
        if sidecar is None:
            unreadable += 1
        else:
            entered += keeper.enter(sidecar)
    return Reconciled(entered, unreadable)


def _read(path: Path) -> Sidecar | None:
    try:
        if path.stat().st_size > SIDECAR_LIMIT_BYTES:
            return None
        return msgspec.json.decode(path.read_bytes(), type=Sidecar)
    except (OSError, msgspec.DecodeError):
        return None
