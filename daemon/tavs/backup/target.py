"""The folder that a backup lies in: a mounted disk or a network file system. The only file here that writes to it.

    manifests/00000012.json · recordings/CALL.PART.tavs, .json · database/00000012.db · settings/SHA256 ·
    keys/00000012.keys · receipts.jsonl

1. A file is written as NAME.part and takes its name when it is whole. What a kill has left is written over or cleared.
2. Everything is on the disk, by one sync of the file system, before the manifest that names it appears.
3. What no manifest of the last two names is cleared only after the newest of them is on the disk.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from tavs.backup.manifest import Manifest, Recording, Signed, parse, serialize
from tavs.errors import StoreError
from tavs.retention.destroy import Disk, destroy

OURS = {
    "manifests": re.compile(r"[0-9]{8}\.json(\.part)?"),
    "recordings": re.compile(r"[0-9a-f-]{36}(\.[a-z_]+)?\.[0-9]+\.(tavs|json)(\.part)?"),
    "database": re.compile(r"[0-9]{8}\.db(\.copy(-[a-z]+)?)?"),
    "settings": re.compile(r"[0-9a-f]{64}(\.part)?"),
    "keys": re.compile(r"[0-9]{8}\.keys(\.part)?"),
}
"""Folders, and the names of what is put there: nothing else is ever cleared, whose ever it is."""
FOLDERS = tuple(OURS)
GENERATIONS = 2
"""The one before serves where the last manifest is damaged."""
BLOCK_BYTES = 1 << 20
PARTIAL = ".part"
OWNER_ONLY = 0o600


class Differs(Exception):
    """What was copied has another hash than it should have."""


class Target:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def receipts(self) -> Path:
        return self.folder / "receipts.jsonl"

    def path(self, kind: str, name: str) -> Path:
        return self.folder / kind / name

    def prepare(self) -> None:
        """Folders of a backup in a folder that is there. Raises StoreError."""
        with blamed():
            for name in FOLDERS:
                (self.folder / name).mkdir(exist_ok=True, mode=0o700)

    def manifests(self) -> list[Path]:
        """The newest last."""
        return sorted(self.folder.glob("manifests/[0-9]*.json"))

    def latest(self) -> Signed | None:
        """The newest manifest; None where there is none. Raises StoreError where it is damaged or cannot be read."""
        found = self.manifests()
        with blamed("cannot be read"):
            return parse(found[-1].read_bytes()) if found else None

    def next_sequence(self) -> int:
        found = self.manifests()
        return int(found[-1].stem) + 1 if found else 1

    def sizes(self, kind: str) -> dict[str, int]:
        """Whole files of a folder."""
        with blamed("cannot be read"), os.scandir(self.folder / kind) as found:
            return {each.name: each.stat().st_size for each in found if not each.name.endswith(PARTIAL)}

    def copy(self, source: Path, kind: str, name: str, expected: str = "") -> tuple[int, str]:
        """Size and SHA-256 of what was copied.

        Raises FileNotFoundError where the source is gone, Differs where it is not as expected, StoreError.
        """
        with source.open("rb") as file:
            return self.write(kind, name, lambda target: shutil.copyfileobj(file, target, BLOCK_BYTES), expected)

    def write(self, kind: str, name: str, fill: Callable[[BinaryIO], object], expected: str = "") -> tuple[int, str]:
        """A new file under its name; its size and SHA-256, read back. Raises Differs, StoreError."""
        part = self.path(kind, name + PARTIAL)
        with blamed():
            try:
                with _new(part) as file:
                    fill(file)
                    file.flush()
                    file.seek(0)
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                    size = os.fstat(file.fileno()).st_size
                if expected not in ("", digest):
                    raise Differs(name)
                part.rename(self.path(kind, name))
            except BaseException:
                with suppress(OSError):
                    part.unlink()  # a full disk gets its room back
                raise
        return size, digest

    def publish(self, manifest: Manifest, seed: bytes) -> Signed:
        """Put a manifest over everything that was written. Raises StoreError."""
        whole, digest = serialize(manifest, seed)
        name = f"{manifest.sequence:08}.json"
        with blamed():
            self._sync()
            with _new(self.path("manifests", name + PARTIAL)) as file:
                file.write(whole)
                file.flush()
                os.fsync(file.fileno())
            self.path("manifests", name + PARTIAL).rename(self.path("manifests", name))
            self._sync()  # some network file systems cannot sync a folder
        return Signed(manifest, digest)

    def clear(self, manifest: Manifest) -> int:
        """Remove what the last two manifests do not name, of recordings what the last does not; how many recordings."""
        generations = [manifest]
        for path in self.manifests()[:-1][-(GENERATIONS - 1) :]:
            with suppress(StoreError):
                generations.append(parse(path.read_bytes()).manifest)
        kept = {
            "manifests": {f"{each.sequence:08}.json" for each in generations},
            "database": {each.database.name for each in generations if each.database},
            "settings": {setting.sha256 for each in generations for setting in each.settings},
            "keys": {key.name for key in manifest.keys},
            "recordings": {name for each in manifest.recordings for name in names(each)},
        }
        with blamed():
            return [self._clear(kind, kept[kind]) for kind in FOLDERS][FOLDERS.index("recordings")] // 2

    def destroy_keys(self, found: Collection[str]) -> None:
        """Overwrite and remove key backups. Raises StoreError."""
        destroy([self.path("keys", name) for name in found], (), Disk())

    def _clear(self, kind: str, kept: Collection[str]) -> int:
        with os.scandir(self.folder / kind) as found:
            ours = [each for each in found if each.is_file(follow_symlinks=False) and OURS[kind].fullmatch(each.name)]
        going = [each.path for each in ours if each.name not in kept]
        if kind == "keys":
            self.destroy_keys([Path(path).name for path in going])
            return len(going)
        for path in going:
            Path(path).unlink()
        return len(going)

    def _sync(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            Disk().sync([descriptor])
        finally:
            os.close(descriptor)


def names(recording: Recording) -> tuple[str, str]:
    return f"{recording.stem}.tavs", f"{recording.stem}.json"


def digest(path: Path) -> str:
    """SHA-256 of a file, as the disk has it. Raises OSError."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def blamed(what: str = "cannot be written") -> Iterator[None]:
    """Turns what a disk says into a StoreError."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the backup {what} ({os.strerror(error.errno or 0).lower()})",
            "see to its disk: is it mounted, has it room, is it writable? then again: it goes on where it stopped",
        ) from None


@contextmanager
def _new(path: Path) -> Iterator[io.BufferedRandom]:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, OWNER_ONLY)
    with os.fdopen(descriptor, "w+b") as file:
        yield file
