"""The files are the truth: sidecars that the relay never spoke of are entered, with their grants."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tavs.events import Sidecar, SidecarState
from tavs.store.keeper import Keeper

SIDECAR_LIMIT_BYTES = 1 << 20
SEALED = ".tavs"


@dataclass(frozen=True, slots=True)
class Reconciled:
    entered: int
    unreadable: int


def reconcile(folders: Iterable[Path], keeper: Keeper) -> Reconciled:
    """Enter every closed sidecar that has no artifact yet, and settle what nobody will tell of any more.

    Sidecars that are open, or of a call that has not ended, belong to a listener that runs.
    """
    entered = unreadable = 0
    running = set()
    for path in (folder / name for folder in folders for name in _sidecars(folder)):
        if keeper.has_entered(path.with_suffix(SEALED).name):
            continue
        sidecar = _read(path)
        if sidecar is None:
            unreadable += 1
        elif sidecar.state is SidecarState.OPEN or sidecar.call_ended_at is None:
            running.add(sidecar.call)
        else:
            entered += keeper.enter(sidecar)
    keeper.settle(running)
    return Reconciled(entered, unreadable)


def _sidecars(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.name.endswith(".json"))


def _read(path: Path) -> Sidecar | None:
    try:
        if path.stat().st_size > SIDECAR_LIMIT_BYTES:
            return None
        return msgspec.json.decode(path.read_bytes(), type=Sidecar)
    except (OSError, msgspec.DecodeError):
        return None
