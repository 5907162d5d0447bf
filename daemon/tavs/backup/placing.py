"""The pieces of a backup into an empty home, each of them whole or not there, however often it is tried.

1. What the receipts tell to be deleted is not restored at all: neither key nor file.
2. The database takes its name when the receipts are in it: there is never one here that forgot a hold or an erasure.
3. A file is in place when it has its hash; one that is there already is not copied again. All are on the disk before
   the database is put in place.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tavs.backup import box, envelope
from tavs.backup.copying import Progress
from tavs.backup.envelope import Entry
from tavs.backup.manifest import Database, Manifest, Recording, Signed
from tavs.backup.receipts import Tail
from tavs.backup.recipient import Identity
from tavs.backup.replaying import Replayed, deleted, replay
from tavs.backup.target import Target, digest, names
from tavs.errors import StoreError
from tavs.host import credentials
from tavs.host.credentials import OWNER_ONLY
from tavs.host.files import create, write_whole
from tavs.host.home import Home
from tavs.recording.sealed_file import READABLE, SHARED, sync_folder
from tavs.retention.destroy import Disk, destroy
from tavs.store import audit
from tavs.store.database import blamed, open_writer, transaction
from tavs.store.files import KEY

PARTIAL = ".part"
FOLDER_MODE = 0o750
PANEL_MODE = 0o640


@dataclass(frozen=True, slots=True)
class Source:
    """A backup that may be restored."""

    target: Target
    signed: Signed
    database: Database
    keys: Path
    identity: Identity
    tail: Tail | None

    @property
    def manifest(self) -> Manifest:
        return self.signed.manifest

    @property
    def is_complete(self) -> bool:
        """Whether nothing was decided that the receipts do not tell."""
        return self.tail is not None and self.tail.last.is_last

    @property
    def receipts_at(self) -> datetime:
        """Until when decisions are known."""
        return max(self.tail.last.at, self.database.made_at) if self.tail else self.database.made_at


def recordings(home: Home, source: Source, progress: Progress) -> dict[str, Recording]:
    """Every sealed file that was not deleted since, where it lay; the folder of each by its stem."""
    gone = deleted(source.tail, source.database.head_sequence)
    wanted = [each for each in source.manifest.recordings if each.stem not in gone]
    for done, each in enumerate(wanted):
        progress(done, len(wanted))
        sealed, sidecar = names(each)
        folder = box.folder(home, each.folder)
        _copy(source.target.path("recordings", sealed), folder / sealed, each.sha256, SHARED)
        _copy(source.target.path("recordings", sidecar), folder / sidecar, each.sidecar_sha256, READABLE)
    progress(len(wanted), len(wanted))
    return {each.stem: each for each in wanted}


def settings(home: Home, source: Source) -> None:
    for each in source.manifest.settings:
        path = home.root / each.path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        if path.exists() and digest(path) != each.sha256:
            path.rename(path.with_name(f"{path.name}.before-restore"))
        _copy(source.target.path("settings", each.sha256), path, each.sha256, each.mode)


def keys(home: Home, source: Source, restored: dict[str, Recording]) -> None:
    """The box's own keys, and those of what is restored; of a text that was deleted since, or is not known, none."""
    gone = deleted(source.tail, source.database.head_sequence)
    store = credentials.store(home)
    store.prepare()
    for entry in envelope.entries(source.keys, source.identity):
        match entry.place:
            case "master":
                write_whole(store.path(entry.name), store.encode(entry.name, entry.data), OWNER_ONLY)
            case "recording":
                recording = restored.get(entry.name.removesuffix(KEY))
                if recording:
                    _put(box.folder(home, recording.folder), entry, SHARED)
            case "text":
                if entry.name.removesuffix(KEY) not in gone:
                    _put(home.text_keys, entry, SHARED)
            case "panel":
                _put(home.etc / "panel", entry, PANEL_MODE)
    store.offer()


def database(home: Home, source: Source, restored: dict[str, Recording], *, actor: str, now: datetime) -> None:
    path = home.database
    waiting = path.with_name(f"{path.name}.restored")
    for ending in ("", "-wal", "-shm", "-journal", PARTIAL):
        waiting.with_name(waiting.name + ending).unlink(missing_ok=True)
    _copy(source.target.path("database", source.database.name), waiting, source.database.sha256, SHARED)
    _settle(home)
    verify_key = bytes.fromhex(source.manifest.box)
    with blamed(waiting), closing(open_writer(waiting)) as connection, transaction(connection):
        done = Replayed(0, 0, 0)
        if source.tail:
            done = replay(connection, source.tail, restored.keys(), actor=actor, now=now, verify_key=verify_key)
        audit.append(
            connection, at=now, kind=audit.Kind.RESTORED, actor=actor, backup=source.database.made_at,
            receipts=source.receipts_at, complete=int(source.is_complete), rows=done.rows, deleted=done.deleted,
            lost=done.lost,
        )  # fmt: skip
        texts = {str(row[0]) for row in connection.execute("select distinct call from segments")}
    destroy([path for path in home.text_keys.glob(f"*{KEY}") if path.name.removesuffix(KEY) not in texts], (), Disk())
    for old in path.parent.glob(f"{waiting.name}.schema-*"):
        old.unlink()  # of an older schema, without the receipts
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    waiting.rename(path)
    sync_folder(path.parent)


def _settle(home: Home) -> None:
    """Everything so far on the disk at once: one by one, 5,000 recordings took a minute instead of seconds."""
    folders = [os.open(folder, os.O_RDONLY | os.O_DIRECTORY) for folder in (home.var, home.etc)]
    try:
        Disk().sync(folders)
    finally:
        for folder in folders:
            os.close(folder)


def _copy(source: Path, target: Path, sha256: str, mode: int) -> None:
    """A file of the backup under its name in the home; one that is there already stays if it is the same."""
    if target.exists() and digest(target) == sha256:
        return
    part = target.with_name(target.name + PARTIAL)
    part.unlink(missing_ok=True)
    found = hashlib.sha256()
    try:
        opened = source.open("rb")
    except FileNotFoundError:
        raise StoreError(
            f"{source.name} is missing in the backup", "`tavs backup verify` names everything; use another copy"
        ) from None
    with opened, os.fdopen(create(part, mode), "wb") as file:
        while block := opened.read(1 << 20):
            found.update(block)
            file.write(block)
    if found.hexdigest() != sha256:
        part.unlink()
        raise StoreError(
            f"{source.name} was changed or cut off in the backup",
            "`tavs backup verify` names everything; use another copy",
        )
    part.rename(target)


def _put(folder: Path, entry: Entry, mode: int) -> None:
    """A small file, in one step; it is still to be synced."""
    if "/" in entry.name or entry.name.startswith("."):
        raise StoreError("a key backup names a file outside of its folder", "use another copy of it")
    folder.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    part = folder / f"{entry.name}{PARTIAL}"
    part.unlink(missing_ok=True)
    with os.fdopen(create(part, mode), "wb") as file:
        file.write(entry.data)
    part.rename(folder / entry.name)
