"""`tavs restore`: a backup into an empty home, which is not served before all that was decided since is known to it.

    manifest, keys, receipts verified ─▶ marker ─▶ recordings ─▶ settings ─▶ keys ─▶ database with receipts ─▶ sweep

1. Nothing is written before everything that proves the backup is read: manifest and key backup are signed by one box,
   and it is the box that the identity was made for.
2. From the first file to the end a marker keeps every program and every sweep from the home (note.py).
3. What became due meanwhile is swept before anything is served.
4. Killed at any moment, the same command goes on.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from tavs import keep
from tavs.backup import box, envelope, note, placing, receipts
from tavs.backup.copying import Progress
from tavs.backup.manifest import Database, Manifest
from tavs.backup.placing import FOLDER_MODE, Source
from tavs.backup.receipts import Tail
from tavs.backup.recipient import Identity
from tavs.backup.replaying import is_connected
from tavs.backup.target import Target
from tavs.errors import StoreError, UsageError
from tavs.host.clock import Clock
from tavs.host.credentials import fingerprint
from tavs.host.home import Home
from tavs.store import audit
from tavs.store.database import SCHEMA_VERSION, blamed, open_known, transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    recordings: int
    backup_at: datetime
    receipts_at: datetime
    is_complete: bool
    swept: int
    """Artifacts that had become due meanwhile."""
    missing_keys: tuple[str, ...]
    """Keys of the box that the key backup does not hold."""
    unreadable: int
    """Sealed files whose key it does not hold: erased since, or younger than the key backup."""

    def document(self) -> dict[str, object]:
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {"backup_at": self.backup_at.isoformat(), "receipts_at": self.receipts_at.isoformat()}


def examine(folder: Path, keys: Path, identity: Identity, *, told: Path | None = None, box_is: str = "") -> Source:
    """Everything that proves a backup. Raises StoreError, UsageError.

    `told` are receipts from elsewhere; `box_is` the fingerprint of the box, where the identity does not name it.
    """
    target = Target(folder)
    signed = target.latest()
    if signed is None or signed.manifest.database is None:
        raise StoreError(
            f"there is no backup of content in {folder}", "is its disk mounted? `tavs backup verify` tells"
        )
    manifest, database = signed.manifest, signed.manifest.database
    assert database
    if database.schema > SCHEMA_VERSION:
        raise StoreError(
            f"the backup has schema {database.schema}, this program knows {SCHEMA_VERSION}", "install the newer package"
        )
    made_by = fingerprint(bytes.fromhex(manifest.box))
    if (box_is or identity.box) not in ("", made_by):
        raise StoreError(
            f"the backup was made by the box {made_by}, the identity is for {box_is or identity.box}",
            "if that is right, say so with --box",
        )
    if envelope.outer(keys).box.hex() != manifest.box:
        raise StoreError("key backup and content are of two boxes", "name the key backup of the same box with --keys")
    for _ in envelope.entries(keys, identity):
        pass  # to its end: a key backup that was cut is found before anything is written
    return Source(target, signed, database, keys, identity, _tail(target, manifest, database, told))


def restore(
    home: Home, source: Source, clock: Clock, *, actor: str, progress: Progress = lambda done, of: None
) -> Restored:
    """Raises UsageError for a home that is not empty or in use, StoreError; then give it again and it goes on."""
    with _disk():
        home.var.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        with alone(home):
            marker = _begin(home, source)
            for folder in (home.etc, home.database.parent, home.text_keys, home.incoming, home.archive, home.models):
                folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
            if not marker.is_entered:
                restored = placing.recordings(home, source, progress)
                placing.settings(home, source)
                placing.keys(home, source, restored)
                placing.database(home, source, restored, actor=actor, now=clock.now())
                marker = msgspec.structs.replace(_marked(source), is_entered=True)
                note.write_restore(home, marker)
            swept = _sweep(home, clock)
            missing, unreadable = tuple(box.missing_keys(home)), box.unreadable(home)
            _end(home, source, marker)
    return Restored(
        recordings=len(source.manifest.recordings),
        backup_at=source.database.made_at,
        receipts_at=marker.receipts_at,
        is_complete=marker.is_complete,
        swept=swept,
        missing_keys=missing,
        unreadable=unreadable,
    )


def accept(home: Home, *, by: str, now: datetime) -> datetime:
    """Somebody answers for what was decided after the receipts and is not known; since when. Raises UsageError."""
    found = note.restore(home)
    if found is None or found.state != "receipts-missing":
        raise UsageError("no restore waits to be accepted", "`tavs check` tells when one does")
    with blamed(home.database), closing(open_known(home.database)) as connection, transaction(connection):
        audit.append(
            connection, at=now, kind=audit.Kind.RESTORED, actor=by, backup=found.backup_at, receipts=found.receipts_at,
            accepted=1,
        )  # fmt: skip
    note.marker(home).unlink()
    return found.receipts_at


@contextmanager
def alone(home: Home) -> Iterator[None]:
    """No program, no rotation and no other restore. Raises UsageError."""
    descriptor = os.open(home.var, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                "the home is in use: a program runs, or another restore",
                "stop the programs: `systemctl stop tavs.target`",
            ) from None
        yield
    finally:
        os.close(descriptor)


def _tail(target: Target, manifest: Manifest, database: Database, told: Path | None) -> Tail | None:
    """The receipts that reach furthest; None where there are none. Those that were named have to fit."""
    head = database.head_sequence
    found = [
        receipts.read(path, manifest.box, after=head)
        for path in (target.receipts, told)
        if path and (path == told or path.exists())
    ]
    if told and not is_connected(found[-1], head):
        raise UsageError(
            f"the receipts begin after row {found[-1].begin.sequence} of the audit log, the backup ends with {head}",
            "use receipts that go further back",
        )
    fitting = [each for each in found if is_connected(each, head)]
    return max(fitting, key=lambda each: (each.last.sequence, each.last.at, each.last.is_last), default=None)


def _begin(home: Home, source: Source) -> note.Restore:
    marker = note.restore(home)
    if marker and marker.state == "unfinished":
        if marker.manifest != source.signed.sha256:
            raise UsageError(
                "another restore of this home is not finished", "give the same command as before, or empty the home"
            )
        return marker
    if marker or not _is_empty(home):
        raise UsageError("the home is not empty: nothing was restored", "restore into a newly installed box")
    marker = _marked(source)
    note.write_restore(home, marker)
    return marker


def _marked(source: Source) -> note.Restore:
    return note.Restore(
        state="unfinished",
        manifest=source.signed.sha256,
        backup_at=source.database.made_at,
        receipts_at=source.receipts_at,
        is_complete=source.is_complete,
    )


def _is_empty(home: Home) -> bool:
    """Whether nothing of anybody is kept here; a newly installed box has keys, a policy and an empty database."""
    folders = (home.incoming, home.archive, home.text_keys)
    if any(folder.exists() and any(folder.iterdir()) for folder in folders):
        return False
    if not home.database.exists():
        return True
    with blamed(home.database), closing(open_known(home.database)) as connection:
        tables = ("calls", "artifacts", "holds", "receipts", "deletions")
        return not any(connection.execute(f"select 1 from {each} limit 1").fetchone() for each in tables)


def _sweep(home: Home, clock: Clock) -> int:
    kept = keep.run(home, clock)
    if kept.is_suspended:
        raise StoreError(
            "the clock cannot be trusted after so long a time, so what became due cannot be deleted yet",
            "set the clock right, `tavs clock confirm`, and give the same `tavs restore` again",
        )
    if kept.swept.stuck:
        raise StoreError(
            f"{kept.swept.stuck} artifacts are due and were not destroyed", "see to the disk, then again: it goes on"
        )
    return len(kept.swept.deleted)


def _end(home: Home, source: Source, marker: note.Restore) -> None:
    signed, manifest = source.signed, source.manifest
    known = note.read(home)
    place = note.Place(
        backup=manifest.backup, sequence=manifest.sequence, sha256=signed.sha256, content_at=source.database.made_at,
        receipts_at=marker.receipts_at,
    )  # fmt: skip
    note.write(home, note.Note(places={**known.places, str(source.target.folder.resolve()): place}))
    if marker.is_complete:
        note.marker(home).unlink()
    else:
        note.write_restore(home, msgspec.structs.replace(marker, state="receipts-missing"))


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the restore stopped ({os.strerror(error.errno or 0).lower()})",
            "see to both disks and give the same command again: it goes on where it stopped",
        ) from None
