"""Content into a backup: the database at one moment, closed recordings, settings.

1. The database is copied first; a recording that the box deletes meanwhile is told of by the receipts.
2. A recording is copied under its name once and hashed against its sidecar. One that is not as its sidecar says is
   named and left out; a good copy that is there already stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec
import pysqlite3.dbapi2 as sqlite3

from tavs.backup import box
from tavs.backup.manifest import Database, Found, Manifest, Recording, Setting, plan
from tavs.backup.target import OWNER_ONLY, Differs, Target, blamed, digest
from tavs.errors import StoreError
from tavs.host.home import Home
from tavs.store import audit
from tavs.store.database import SCHEMA_VERSION, Connection, open_reader

Progress = Callable[[int, int], None]
"""Called with how many recordings are done, of how many."""

VERSIONS, ROLLBACK = 18, b"\1\1"
"""Where a database says that it has a write-ahead log (SQLite file format, section 1.3.3); a copy has none."""


@dataclass(slots=True)
class Made:
    """What a run did."""

    sequence: int = 0
    recordings: int = 0
    """In the backup now."""
    copied: int = 0
    gone: int = 0
    """Cleared, since the box has deleted them."""
    damaged: list[str] = field(default_factory=list)
    """Sealed files that are not as their sidecars say."""
    keys: int = 0
    """Entries of the new key backup; 0 where none was made."""
    outlived: list[str] = field(default_factory=list)
    """Key backups that open what was erased since, and are needed no more."""
    too_old: list[str] = field(default_factory=list)
    """Key backups that should be gone by now."""
    pruned: int = 0
    receipts_until: int = 0
    """The last audit row in the receipts."""
    is_new_recipient: bool = False

    def document(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Work:
    """One run: from where to where, and what it did so far."""

    home: Home
    target: Target
    sequence: int
    """Of the manifest that it will have."""
    made: Made


def content(work: Work, manifest: Manifest, now: datetime, progress: Progress) -> Manifest:
    """The manifest with what is in the backup now. Raises StoreError."""
    made, target = work.made, work.target
    database = _database(work, now)
    known = {each.stem: each for each in manifest.recordings}
    there = target.sizes("recordings")
    todo = plan(list(box.recordings(work.home, known)), known, there)
    copied = list(todo.copied)
    for done, found in enumerate(todo.missing):
        progress(done, len(todo.missing))
        recording = _recording(work, found, there)
        if recording:
            copied.append(recording)
        elif found.stem in made.damaged and found.stem in known:
            copied.append(known[found.stem])
    progress(len(todo.missing), len(todo.missing))
    settings = tuple(_settings(work))
    return msgspec.structs.replace(manifest, database=database, recordings=tuple(copied), settings=settings)


def _database(work: Work, now: datetime) -> Database:
    """A copy at one moment, whoever writes meanwhile (SQLite backup API, in one step)."""
    name, target = f"{work.sequence:08}.db", work.target
    part = target.path("database", f"{name}.copy")
    with blamed():
        for path in target.folder.glob("database/*.copy*"):
            path.unlink()
        part.touch(OWNER_ONLY)
    try:
        with (
            closing(open_reader(work.home.database)) as connection,
            closing(sqlite3.connect(f"file:{_quoted(part)}?nolock=1", uri=True)) as copy,
        ):  # no locks, which some network file systems lack: nobody else knows this name
            copy.execute("pragma synchronous = off")
            connection.execute("begin")
            last = head(connection)
            connection.backup(copy)
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"the copy of the database cannot be written ({type(error).__name__})",
            "has the backup's disk room, is it mounted? then again",
        ) from None
    with blamed():
        with part.open("r+b") as file:
            file.seek(VERSIONS)
            file.write(ROLLBACK)
        part.rename(target.path("database", name))
        path = target.path("database", name)
        return Database(
            name=name, size=path.stat().st_size, sha256=digest(path), schema=SCHEMA_VERSION, made_at=now,
            head_sequence=last.sequence, head_hash=last.hash,
        )  # fmt: skip


def _recording(work: Work, found: Found, there: Mapping[str, int]) -> Recording | None:
    """None where it went meanwhile or is damaged."""
    home, target, made = work.home, work.target, work.made
    told = box.sidecar(home, found.stem)
    sealed, plain = (box.located(home, f"{found.stem}.{ending}") for ending in ("tavs", "json"))
    if told is None or sealed is None or plain is None:
        return None
    if found.size != told.size_bytes:
        made.damaged.append(found.stem)
        return None
    name = f"{found.stem}.tavs"
    try:
        if there.get(name) == told.size_bytes and digest(target.path("recordings", name)) == told.sha256:
            size, sha256 = told.size_bytes, told.sha256  # copied by a run that was killed
        else:
            size, sha256 = target.copy(sealed, "recordings", name, told.sha256)
        sidecar_size, sidecar_sha256 = target.copy(plain, "recordings", f"{found.stem}.json")
    except FileNotFoundError:
        return None
    except Differs:
        made.damaged.append(found.stem)
        return None
    made.copied += 1
    return Recording(
        stem=found.stem, folder=found.folder, size=size, sha256=sha256, sidecar_size=sidecar_size,
        sidecar_sha256=sidecar_sha256,
    )  # fmt: skip


def _settings(work: Work) -> Iterator[Setting]:
    target = work.target
    there = target.sizes("settings")
    for name, path in box.settings(work.home):
        try:
            sha256, status = digest(path), path.stat()
            if there.get(sha256) != status.st_size:
                status_size, copied = target.copy(path, "settings", sha256)
                if copied != sha256:
                    raise StoreError(f"{path} changed while it was copied", "give the command again")
                there[sha256] = status_size
        except FileNotFoundError:
            continue
        yield Setting(path=name, mode=status.st_mode & 0o777, size=there[sha256], sha256=sha256)


def head(connection: Connection) -> audit.Head:
    return audit.head(connection) or audit.Head(0, audit.GENESIS)


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
