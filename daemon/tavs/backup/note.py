"""What the box remembers of its backups (`backup.json`), and whether a restore is unfinished (`restore.json`).

1. By its note a box knows an older backup that was put in the place of a newer one, and a disk that is not mounted.
2. While a restore is unfinished no program starts and nothing is swept: what was decided after the backup may not be
   known yet. Both files are written whole.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from tavs.errors import ConfigError, StoreError
from tavs.host.files import write_whole
from tavs.host.home import Home

T = TypeVar("T")
READABLE = 0o644
"""No secret is in them, and `tavs status` of anybody reads them."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that this box was backed up to."""

    backup: str
    sequence: int
    """Of the last manifest; 0 where there is none yet."""
    sha256: str
    content_at: datetime | None = None
    keys_at: datetime | None = None
    receipts_at: datetime | None = None
    recipient: str = ""
    """Fingerprint of who can open the key backup."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    places: dict[str, Place] = {}

    @property
    def content_at(self) -> datetime | None:
        """When content was last backed up, wherever."""
        return max(filter(None, (each.content_at for each in self.places.values())), default=None)

    @property
    def keys_at(self) -> datetime | None:
        return max(filter(None, (each.keys_at for each in self.places.values())), default=None)

    @property
    def receipts_at(self) -> datetime | None:
        return max(filter(None, (each.receipts_at for each in self.places.values())), default=None)


class Restore(msgspec.Struct, frozen=True, kw_only=True):
    """A restore that is under way, or whose receipts were not complete and nobody has accepted that yet."""

    state: Literal["unfinished", "receipts-missing"]
    manifest: str
    """SHA-256 of the manifest that is restored."""
    backup_at: datetime
    """When the database's copy was made."""
    receipts_at: datetime
    """Until when decisions are known: what was decided later on the old box is missing."""
    is_complete: bool = False
    """Nothing was decided later: the old box said so when it went out of service."""
    is_entered: bool = False
    """The database is in its place, receipts applied."""


def path(home: Home) -> Path:
    return home.var / "backup.json"


def marker(home: Home) -> Path:
    return home.var / "restore.json"


def read(home: Home) -> Note:
    """An empty note where there is none. Raises StoreError for one that does not read as one."""
    return _read(path(home), Note) or Note()


def write(home: Home, note: Note) -> None:
    """Raises OSError."""
    write_whole(path(home), msgspec.json.format(msgspec.json.encode(note), indent=1) + b"\n", READABLE)


def restore(home: Home) -> Restore | None:
    """None where nothing is restored. Raises StoreError for a marker that does not read as one."""
    return _read(marker(home), Restore)


def write_restore(home: Home, found: Restore) -> None:
    """Raises OSError."""
    write_whole(marker(home), msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n", READABLE)


def refuse_unfinished(home: Home) -> None:
    """Whoever serves or deletes calls this first. Raises ConfigError (exit 78) while a restore is unfinished."""
    if not marker(home).exists():
        return
    try:
        found = restore(home)
    except StoreError:
        found = None
    if found is None or found.state == "unfinished":
        raise ConfigError(
            "a restore of this box is not finished, and what was decided after its backup may not be known yet",
            "give the same `tavs restore` again; it goes on where it stopped",
        )


def _read(file: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError:
        raise StoreError(f"{file.name} does not read as what this program wrote", f"move {file} away") from None
