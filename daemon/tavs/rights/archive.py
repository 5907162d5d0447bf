"""An export as one zip file that proves what is in it.

1. The archive appears under its name whole or not at all: written beside it, owner only, synced, then renamed.
2. Same entries, same bytes: no clock, no compression, the entries in the order they come. What fills an archive is
   Opus, which does not shrink.
3. `MANIFEST.json` comes last and names every other entry with its size and SHA-256.
4. Names are plain, relative and different in any spelling, so that they unpack alike everywhere and nowhere else.
5. A file that is there already is never overwritten. The name of an archive may name a person: no message repeats it.
"""

from __future__ import annotations

import enum
import hashlib
import io
import os
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tavs.errors import StoreError, UsageError
from tavs.store.audit import Sha256

MANIFEST = "MANIFEST.json"
FORMAT = "tavs export 1"
_NAME = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]*/)*[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_MANIFEST_LIMIT_BYTES = 16 * 1024 * 1024
"""An entry takes some 150 bytes: a hundred thousand of them."""
_BLOCK_BYTES = 1 << 20


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: str
    about: dict[str, str | int]
    """What the archive is: of which call, for whom, when, with which head of the audit chain."""
    entries: tuple[Entry, ...]


class Trouble(enum.StrEnum):
    MISSING = "missing"
    """The manifest names it, the archive does not hold it."""
    UNKNOWN = "unknown"
    """The archive holds it, the manifest does not name it."""
    REPEATED = "repeated"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    name: str
    what: Trouble


def write_zip(target: Path, entries: Iterable[tuple[str, bytes]], about: Mapping[str, str | int]) -> Sha256:
    """The hash of the archive. Raises UsageError where the target is there already, StoreError where the disk refuses.

    Entries are taken one by one, so that one of them at a time is in memory.
    """
    if target.exists() or target.is_symlink():
        raise UsageError("a file is there already under the name of the export", "name another file")
    partial = target.with_name(f".{target.name}.part")
    try:
        with _new(partial) as file:
            _write(file, entries, about)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        partial.rename(target)
        _sync(target.parent)
    except OSError as error:
        raise StoreError(
            f"an export cannot be written ({os.strerror(error.errno or 0).lower()})",
            "check the folder, its owner and the free space",
        ) from None
    finally:
        partial.unlink(missing_ok=True)
    return Sha256(digest)


def verify_zip(path: Path) -> list[Fault]:
    """What is wrong with an archive; nothing where it is whole. Raises StoreError for what is no archive of ours."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _manifest(archive)
            held = [each.filename for each in archive.infolist() if each.filename != MANIFEST]
            known = {entry.name: entry for entry in manifest.entries}
            return [
                *(Fault(name=name, what=Trouble.MISSING) for name in known if name not in held),
                *(Fault(name=name, what=Trouble.UNKNOWN) for name in dict.fromkeys(held) if name not in known),
                *(Fault(name=name, what=Trouble.REPEATED) for name in dict.fromkeys(held) if held.count(name) > 1),
                *(
                    Fault(name=name, what=Trouble.CHANGED)
                    for name, entry in known.items()
                    if held.count(name) == 1 and not _is_whole(archive, entry)
                ),
            ]
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError):
        raise _stranger() from None


def _write(file: io.BufferedRandom, entries: Iterable[tuple[str, bytes]], about: Mapping[str, str | int]) -> None:
    written: list[Entry] = []
    spellings = {MANIFEST.lower()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in entries:
            if _NAME.fullmatch(name) is None or name.lower() in spellings:
                raise ValueError("an entry of an export has a name that is not plain, or has it twice")
            spellings.add(name.lower())
            archive.writestr(_information(name), data)
            written.append(Entry(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest()))
        manifest = Manifest(format=FORMAT, about=dict(about), entries=tuple(written))
        plain = msgspec.json.encode(manifest, order="deterministic")
        archive.writestr(_information(MANIFEST), msgspec.json.format(plain, indent=2) + b"\n")


def _information(name: str) -> zipfile.ZipInfo:
    """An entry of 1 January 1980, where the time of zip begins, for its owner only."""
    information = zipfile.ZipInfo(name)
    information.create_system = 3
    information.external_attr = 0o100600 << 16
    return information


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    found = [each for each in archive.infolist() if each.filename == MANIFEST]
    if len(found) != 1 or found[0].file_size > _MANIFEST_LIMIT_BYTES:
        raise _stranger()
    try:
        manifest = msgspec.json.decode(archive.read(found[0]), type=Manifest)
    except (msgspec.MsgspecError, zlib.error):
        raise _stranger() from None
    if manifest.format != FORMAT:
        raise _stranger()
    return manifest


def _is_whole(archive: zipfile.ZipFile, entry: Entry) -> bool:
    if archive.getinfo(entry.name).file_size != entry.size:
        return False
    digest, left = hashlib.sha256(), entry.size
    try:
        with archive.open(entry.name) as file:
            while left >= 0 and (block := file.read(_BLOCK_BYTES)):
                digest.update(block)
                left -= len(block)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError):
        return False
    return left == 0 and digest.hexdigest() == entry.sha256


def _stranger() -> StoreError:
    return StoreError("the file is not a whole export of Tavs", "it was cut off or changed, or it is another file")


@contextmanager
def _new(path: Path) -> Iterator[io.BufferedRandom]:
    """A file that was not there before, readable by its owner only; the rest of a broken export goes first."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w+b") as file:
        yield file


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
