"""`tavs backup`: a box into a folder, while its programs run.

    database ─▶ recordings ─▶ settings ─▶ receipts ─▶ keys ─▶ manifest

1. Keys come after all content: whatever is in the manifest can be opened with them.
2. Killed at any moment, the last manifest stands, and the next run goes on with what was copied.
3. A backup that is older than the box knows it, or another one, is not written over.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from tavs.backup import box, envelope, note, receipts
from tavs.backup.copying import Made, Progress, Work, content, head
from tavs.backup.manifest import Keys, Manifest, Signed, is_too_old, superseded
from tavs.backup.recipient import Recipient
from tavs.backup.target import Target, blamed, digest
from tavs.errors import StoreError, UsageError
from tavs.host import credentials
from tavs.host.clock import Clock
from tavs.host.files import create
from tavs.host.home import Home
from tavs.store.database import blamed as database_blamed
from tavs.store.database import open_reader


def make(
    home: Home,
    folder: Path,
    clock: Clock,
    recipient: Recipient | None,
    *,
    has_content: bool = True,
    prune: bool = False,
    is_anew: bool = False,
    progress: Progress = lambda done, of: None,
) -> Made:
    """Bring the backup in `folder` up to date: content, a key backup where there is a recipient, receipts always.

    `is_anew` begins a new chain of manifests over what lies there. Raises UsageError, ConfigError, StoreError.
    """
    seed = credentials.load("audit", home)
    key = credentials.audit_public(seed).hex()
    with alone(home), credentials.in_use(home), database_blamed(home.database):
        target = Target(folder)
        latest = _latest(home, target, key, is_anew=is_anew)
        target.prepare()
        work = Work(home, target, target.next_sequence(), Made())
        manifest = latest.manifest if latest else _first(key, clock.now())
        if has_content:
            manifest = content(work, manifest, clock.now(), progress)
        _receipts(work, manifest, seed, clock.now())
        if recipient:
            manifest = _keys(work, manifest, recipient, seed, clock.now())
        if has_content or recipient:
            manifest = _pruned(manifest, work.made, clock.now(), prune=prune)
            previous = latest.sha256 if latest else ""
            latest = target.publish(
                msgspec.structs.replace(manifest, sequence=work.sequence, previous=previous, made_at=clock.now()), seed
            )
            _remember(home, folder, latest, clock.now())
            work.made.gone = target.clear(latest.manifest)
        else:
            _remember(home, folder, latest or Signed(manifest, ""), clock.now())
        work.made.sequence, work.made.recordings = (latest.manifest.sequence if latest else 0), len(manifest.recordings)
        return work.made


@contextmanager
def alone(home: Home) -> Iterator[None]:
    """One backup of a box at a time. Raises UsageError for the second."""
    path = home.var / "backup.lock"
    try:
        descriptor = create(path, 0o600)
    except FileExistsError:
        descriptor = os.open(path, os.O_RDWR)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError("another backup of this box is under way", "wait for it; it goes on by itself") from None
        yield
    finally:
        os.close(descriptor)


def check_chain(home: Home, folder: Path, latest: Signed | None) -> None:
    """Whether the backup is the one that this box knows, and no older one. Raises StoreError."""
    known = note.read(home).places.get(str(folder.resolve()))
    if known is None or known.sequence == 0:
        return
    if latest is None:
        raise StoreError(
            f"the backup that was in {folder} is not there",
            "is its disk mounted? `--new` begins another one in the empty folder",
        )
    found = latest.manifest
    is_older = found.backup != known.backup or found.sequence < known.sequence
    if is_older or (found.sequence == known.sequence and latest.sha256 != known.sha256):
        raise StoreError(
            f"{folder} holds backup {found.sequence}, and this box made {known.sequence} there:"
            " an older or another one was put in its place",
            "find out who did; `--new` goes on with what lies there",
        )


def _latest(home: Home, target: Target, key: str, *, is_anew: bool) -> Signed | None:
    if not target.folder.is_dir():
        raise UsageError(f"{target.folder} is not a folder", "name a folder on a mounted disk")
    try:
        latest = target.latest()
    except StoreError:
        if not is_anew:
            raise
        return None
    if latest and latest.manifest.box != key:
        raise UsageError(f"{target.folder} holds the backup of another box", "every box needs a folder of its own")
    if is_anew:
        return None
    check_chain(home, target.folder, latest)
    return latest


def _first(key: str, now: datetime) -> Manifest:
    return Manifest(backup=uuid.uuid4().hex, sequence=0, previous="", box=key, made_at=now)


def _receipts(work: Work, manifest: Manifest, seed: bytes, now: datetime) -> None:
    with closing(open_reader(work.home.database)) as connection, blamed():
        begin = manifest.database.head_sequence if manifest.database else head(connection).sequence
        work.made.receipts_until = receipts.append(work.target.receipts, connection, seed, now, begin=begin).sequence


def _keys(work: Work, manifest: Manifest, recipient: Recipient, seed: bytes, now: datetime) -> Manifest:
    target, name = work.target, f"{work.sequence:08}.keys"

    def fill(file: BinaryIO) -> None:
        work.made.keys = envelope.write(file, box.keys(work.home), recipient, seed, now)

    size, sha256 = target.write("keys", name, fill)
    with blamed("cannot be read"):
        if digest(target.path("keys", name)) != sha256:
            raise StoreError("the key backup is not as it was written", "see to the backup's disk, then again")
    new = Keys(name=name, size=size, sha256=sha256, made_at=now, recipient=recipient.public.hex(), count=work.made.keys)
    there = target.sizes("keys")
    older = [each for each in manifest.keys if each.name in there]
    work.made.is_new_recipient = bool(older) and older[-1].recipient != new.recipient
    return msgspec.structs.replace(manifest, keys=(*older, new))


def _pruned(manifest: Manifest, made: Made, now: datetime, *, prune: bool) -> Manifest:
    """Without the key backups that can go; what the new manifest does not name is destroyed once it is there."""
    outlived = [each.name for each in superseded(manifest.keys, now)]
    kept = tuple(each for each in manifest.keys if each.name not in outlived) if prune else manifest.keys
    made.pruned = len(outlived) if prune else 0
    made.outlived = [] if prune else outlived
    made.too_old = [each.name for each in kept if is_too_old(each, now)]
    return msgspec.structs.replace(manifest, keys=kept)


def _remember(home: Home, folder: Path, latest: Signed, now: datetime) -> None:
    manifest, known = latest.manifest, note.read(home)
    newest = manifest.keys[-1] if manifest.keys else None
    found = note.Place(
        backup=manifest.backup,
        sequence=manifest.sequence,
        sha256=latest.sha256,
        content_at=manifest.database.made_at if manifest.database else None,
        keys_at=newest.made_at if newest else None,
        receipts_at=now,
        recipient=credentials.fingerprint(bytes.fromhex(newest.recipient)) if newest else "",
    )
    note.write(home, note.Note(places={**known.places, str(folder.resolve()): found}))
