"""`tavs backup verify`: every hash, every signature, nothing missing. Changes nothing, needs no identity and no box.

A recording that is not there is no fault where the receipts tell that the box has deleted it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pysqlite3.dbapi2 as sqlite3

from tavs.backup import envelope, receipts
from tavs.backup.manifest import Keys, Manifest, Signed, is_too_old, parse
from tavs.backup.replaying import deleted, is_connected
from tavs.backup.target import Target, digest, names
from tavs.errors import StoreError
from tavs.host.credentials import fingerprint


class Trouble(enum.StrEnum):
    MISSING = "missing"
    CHANGED = "changed or cut off"
    UNBOUND = "not bound to the manifest before"
    FOREIGN = "of another box"
    TOO_OLD = "older than 30 days: what was erased since opens with it"
    NO_CONTENT = "no content in this backup"
    NO_KEYS = "no key backup here"
    GAP = "begin after the end of the backup's audit log"


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    what: Trouble

    def __str__(self) -> str:
        return f"{self.name}: {self.what}"


@dataclass(slots=True)
class Verified:
    sequence: int
    box: str
    """Fingerprint of the audit key of the box that made it."""
    made_at: datetime
    content_at: datetime | None
    receipts_at: datetime | None = None
    recordings: int = 0
    keys: list[Keys] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def document(self) -> dict[str, object]:
        return {
            "sequence": self.sequence,
            "box": self.box,
            "made_at": self.made_at.isoformat(),
            "content_at": self.content_at.isoformat() if self.content_at else None,
            "receipts_at": self.receipts_at.isoformat() if self.receipts_at else None,
            "recordings": self.recordings,
            "keys": [
                {
                    "name": each.name,
                    "made_at": each.made_at.isoformat(),
                    "recipient": fingerprint(bytes.fromhex(each.recipient)),
                    "entries": each.count,
                }
                for each in self.keys
            ],
            "faults": [str(each) for each in self.faults],
        }


def verify(folder: Path, now: datetime, *, is_whole: bool = True) -> Verified:
    """What is wrong with a backup. Raises StoreError where there is none, or its manifest is not whole.

    `is_whole` reads every recording again; without it their sizes have to do.
    """
    target = Target(folder)
    latest = target.latest()
    if latest is None:
        raise StoreError(f"there is no backup in {folder}", "is its disk mounted? a backup without a manifest is none")
    manifest = latest.manifest
    found = Verified(
        sequence=manifest.sequence,
        box=fingerprint(bytes.fromhex(manifest.box)),
        made_at=manifest.made_at,
        content_at=manifest.database.made_at if manifest.database else None,
        recordings=len(manifest.recordings),
        keys=list(manifest.keys),
    )
    found.faults += [*_chain(target, latest), *_keys(target, manifest, now)]
    tail = None
    try:
        after = manifest.database.head_sequence if manifest.database else 0
        tail = receipts.read(target.receipts, manifest.box, after=after)
        found.receipts_at = tail.last.at
        if manifest.database and not is_connected(tail, after):
            found.faults.append(Fault("receipts", Trouble.GAP))
    except StoreError:
        there = target.receipts.exists()
        found.faults.append(Fault("receipts", Trouble.CHANGED if there else Trouble.MISSING))
    if manifest.database:
        gone = deleted(tail, manifest.database.head_sequence)
        found.faults += _content(target, manifest, gone, is_whole=is_whole)
    elif not manifest.keys:
        found.faults.append(Fault("content", Trouble.NO_CONTENT))
    return found


def _chain(target: Target, latest: Signed) -> Iterator[Fault]:
    for path in target.manifests()[:-1]:
        try:
            before = parse(path.read_bytes())
        except StoreError:
            yield Fault(path.name, Trouble.CHANGED)
            continue
        is_next = before.manifest.sequence + 1 == latest.manifest.sequence
        if before.manifest.box != latest.manifest.box:
            yield Fault(path.name, Trouble.FOREIGN)
        elif is_next and latest.manifest.previous not in ("", before.sha256):
            yield Fault(path.name, Trouble.UNBOUND)


def _keys(target: Target, manifest: Manifest, now: datetime) -> Iterator[Fault]:
    if not manifest.keys and manifest.database is None:
        yield Fault("keys", Trouble.NO_KEYS)
    for each in manifest.keys:
        path = target.path("keys", each.name)
        trouble = _compared(path, each.size, each.sha256, is_whole=True)
        if trouble is None:
            try:
                if envelope.outer(path).box.hex() != manifest.box:
                    trouble = Trouble.FOREIGN
            except StoreError:
                trouble = Trouble.CHANGED
        if trouble:
            yield Fault(each.name, trouble)
        if is_too_old(each, now):
            yield Fault(each.name, Trouble.TOO_OLD)


def _content(target: Target, manifest: Manifest, gone: set[str], *, is_whole: bool) -> Iterator[Fault]:
    database = manifest.database
    assert database
    path = target.path("database", database.name)
    trouble = _compared(path, database.size, database.sha256, is_whole=True)
    if trouble or not _is_sound(path):
        yield Fault(database.name, trouble or Trouble.CHANGED)
    for setting in manifest.settings:
        if trouble := _compared(target.path("settings", setting.sha256), setting.size, setting.sha256, is_whole=True):
            yield Fault(setting.path, trouble)
    for each in manifest.recordings:
        sealed, sidecar = (target.path("recordings", name) for name in names(each))
        for path, size, sha256 in ((sealed, each.size, each.sha256), (sidecar, each.sidecar_size, each.sidecar_sha256)):
            trouble = _compared(path, size, sha256, is_whole=is_whole)
            if trouble and not (trouble is Trouble.MISSING and each.stem in gone):
                yield Fault(path.name, trouble)


def _compared(path: Path, size: int, sha256: str, *, is_whole: bool) -> Trouble | None:
    try:
        if path.stat().st_size != size or (is_whole and digest(path) != sha256):
            return Trouble.CHANGED
    except FileNotFoundError:
        return Trouble.MISSING
    except OSError:
        return Trouble.CHANGED
    return None


def _is_sound(path: Path) -> bool:
    with closing(sqlite3.connect(f"file:{path.absolute()}?mode=ro&immutable=1", uri=True)) as connection:
        try:
            return bool(connection.execute("pragma quick_check").fetchone() == ("ok",))
        except sqlite3.DatabaseError:
            return False
