"""A new master key, the living keys wrapped anew, the old master key destroyed: what was shredded stays shredded.

An old image of the disk still holds the wrapped keys of what was erased since; only the master key of its time opens
them. Invariants:

1. The new master key is whole on the disk, as FILE.new beside the old one, before anything is wrapped with it. While
   that file is there a rotation is under way; every wrapped key then opens with one of the two.
2. The old master key is destroyed only after a pass over all wrapped keys in which each opened with the new one. One
   that opens with neither stops the rotation before that.
3. A file is replaced in one step (FILE.part, fsync, rename): it is the old one or the new one. A FILE.part that a crash
   left behind is a copy of a key and is destroyed first of all.
4. Run again after a crash at any step, a rotation goes on where it stopped.

Overwriting is the best that a program can do; on flash the medium may keep a copy (RELIABILITY 10), and who has both
the old image and the old master key can open what was in it.

5. A key file stays its owner's, also when root wraps it anew: the sweep has to destroy it one day.

Only one rotation runs in a home, and none while the listener or the desk holds keys in memory (credentials.in_use). The
sweep and an officer's command destroy key files or open them: the caller sees to it that none runs meanwhile.
"""

from __future__ import annotations

import enum
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import nacl.exceptions
import nacl.public
import nacl.secret
import nacl.utils

from tavs.call.party import KEY_ID_CHARACTERS
from tavs.errors import StoreError, UsageError
from tavs.host import credentials
from tavs.host.credentials import OWNER_ONLY, KeyStore, fingerprint, site_public
from tavs.host.files import belong, create
from tavs.host.home import Home
from tavs.host.key_files import KEY_BYTES
from tavs.recording.sealed_file import sync_folder


class Key(enum.StrEnum):
    """What can be rotated."""

    SITE = "site"
    DESK = "desk"
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class Rotated:
    key: Key
    count: int
    """Wrapped keys that the new key opens: all there are."""
    sha256: str
    """Of the new key, for the site of its public half."""


class Disk:
    """The few things a rotation does to a disk; each is over when it returns."""

    def write(self, path: Path, content: bytes, mode: int) -> None:
        descriptor = create(path, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)

    def overwrite(self, path: Path) -> None:
        """Random bytes in the place of what is there."""
        with path.open("r+b") as file:
            file.write(nacl.utils.random(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())

    def rename(self, path: Path, target: Path) -> None:
        path.rename(target)

    def unlink(self, path: Path) -> None:
        path.unlink()

    def sync(self, folder: Path) -> None:
        sync_folder(folder)


REAL_DISK = Disk()

Rewrap = Callable[[bytes], bytes]
"""What was wrapped with the old key, wrapped with the new one; what was already, as it is. Raises StoreError."""


class _Box(Protocol):
    """Wraps and unwraps with one master key."""

    def encrypt(self, plaintext: bytes, /) -> bytes: ...
    def decrypt(self, ciphertext: bytes, /) -> bytes: ...


def rotate_site(home: Home, elsewhere: Callable[[Rewrap], object], disk: Disk = REAL_DISK) -> Rotated:
    """A new pair for the site; `incoming/` and `archive/` are wrapped anew. Raises StoreError, UsageError.

    `elsewhere` does the same with what is sealed to the site outside of these folders, the reasons of holds; when it
    returns, that is on the disk. It is called again when the rotation is run again.
    """
    folders = (home.incoming, home.archive)
    with _alone(home) as keys:
        _destroy_parts(keys, folders, disk)
        old = keys.read("site-private")
        new = _begin(keys, "site-private", disk)
        old_box, new_box = _site_box(old), _site_box(new)
        count = _wrap_anew(folders, old_box, new_box, disk)
        elsewhere(partial(_wrapped_row, old=old_box, new=new_box))
        _replace(keys, "site-public", site_public(new), disk)
        _finish(keys, "site-private", disk)
    return Rotated(Key.SITE, count, hashlib.sha256(site_public(new)).hexdigest())


def rotate_desk(home: Home, disk: Disk = REAL_DISK) -> Rotated:
    """A new key for masked text; `text-keys/` is wrapped anew. Raises StoreError, UsageError."""
    with _alone(home) as keys:
        _destroy_parts(keys, (home.text_keys,), disk)
        old = keys.read("desk")
        new = _begin(keys, "desk", disk)
        count = _wrap_anew((home.text_keys,), nacl.secret.SecretBox(old), nacl.secret.SecretBox(new), disk)
        _finish(keys, "desk", disk)
    return Rotated(Key.DESK, count, hashlib.sha256(new).hexdigest())


def rotate_index(home: Home, disk: Disk = REAL_DISK) -> Rotated:
    """A new key for numbers; the old one is kept, by its id, for its calls. Raises StoreError, UsageError."""
    with _alone(home) as keys:
        _destroy_parts(keys, (), disk)
        old, new = keys.read("index"), nacl.utils.random(KEY_BYTES)
        _replace(keys, f"index-{fingerprint(old)[:KEY_ID_CHARACTERS]}", old, disk)
        _replace(keys, "index", new, disk)
    return Rotated(Key.INDEX, 0, hashlib.sha256(new).hexdigest())


def retire_index(home: Home, living_key_ids: Collection[str], disk: Disk = REAL_DISK) -> int:
    """Destroy the kept keys by which no call and no hold is found any more; how many. Raises StoreError, UsageError."""
    with _alone(home) as keys:
        living = {keys.path(f"index-{key_id}") for key_id in living_key_ids}
        retired = sorted(set(keys.kept_index()) - living)
        _destroy(retired, disk)
    return len(retired)


def unfinished(home: Home) -> tuple[Key, ...]:
    """Rotations that a crash has stopped: run them again."""
    masters = {Key.SITE: "site-private", Key.DESK: "desk"}
    keys = credentials.store(home)
    return tuple(key for key, name in masters.items() if _next(keys, name).exists())


@contextmanager
def _alone(home: Home) -> Iterator[KeyStore]:
    """One rotation at a time, and none while a program holds keys."""
    keys = credentials.store(home)
    try:
        descriptor = os.open(home.var, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield keys
        finally:
            os.close(descriptor)
    except BlockingIOError:
        raise UsageError(
            "the keys are in use: by the listener or the desk, or another rotation is under way",
            "stop the programs first: what they sealed to the old key nobody could open",
        ) from None
    except OSError as error:
        raise StoreError(
            f"the rotation stopped ({os.strerror(error.errno or 0).lower()})",
            "see to the disk and run it again: it goes on where it stopped",
        ) from None


def _begin(keys: KeyStore, name: str, disk: Disk) -> bytes:
    """The new master key: that of a rotation under way, or one made now."""
    path = _next(keys, name)
    if not path.exists():
        _put(path, keys.encode(name, nacl.utils.random(KEY_BYTES)), OWNER_ONLY, disk)
    disk.sync(path.parent)
    return keys.read(name, path)


def _finish(keys: KeyStore, name: str, disk: Disk) -> None:
    """Destroy the old master key and let the new one take its name, which ends the rotation."""
    master = keys.path(name)
    disk.overwrite(master)
    disk.rename(_next(keys, name), master)
    disk.sync(master.parent)


def _wrap_anew(folders: tuple[Path, ...], old: _Box, new: _Box, disk: Disk) -> int:
    """Pass over the wrapped keys until each opens with the new key as it is found; how many they are."""
    while True:
        found = [path for folder in folders for path in sorted(folder.rglob("*.key"))]
        lost, is_done = [], True
        for path in found:
            sealed = path.read_bytes()
            wrapped = _wrapped(sealed, old, new)
            if wrapped is None:
                lost.append(path)
            elif wrapped != sealed:
                _put(path, wrapped, stat.S_IMODE(path.stat().st_mode), disk)
                is_done = False
        for folder in sorted({path.parent for path in found}):  # a run that was killed may have left them unsynced
            disk.sync(folder)
        if lost:
            raise StoreError(
                f"{len(lost)} of {len(found)} key files open with neither the old nor the new key: {lost[0].name} …",
                "restore them from a backup, or let the sweep finish if it was erasing them, and rotate again;"
                " the old key is still there",
            )
        if is_done:
            return len(found)


def _wrapped(sealed: bytes, old: _Box, new: _Box) -> bytes | None:
    """None where neither key opens it."""
    if _opened(sealed, new) is not None:
        return sealed
    plain = _opened(sealed, old)
    return None if plain is None else bytes(new.encrypt(plain))


def _wrapped_row(sealed: bytes, *, old: _Box, new: _Box) -> bytes:
    wrapped = _wrapped(sealed, old, new)
    if wrapped is None:
        raise StoreError(
            "a sealed text in the database opens with neither the old nor the new key",
            "restore the database from a backup and rotate again; the old key is still there",
        )
    return wrapped


def _opened(sealed: bytes, box: _Box) -> bytes | None:
    try:
        return box.decrypt(sealed)
    except nacl.exceptions.CryptoError:
        return None


def _replace(keys: KeyStore, name: str, key: bytes, disk: Disk) -> None:
    path = keys.path(name)
    _put(path, keys.encode(name, key), OWNER_ONLY, disk)
    disk.sync(path.parent)


def _put(path: Path, content: bytes, mode: int, disk: Disk) -> None:
    """In one step; the folder is still to be synced."""
    part = path.with_name(f"{path.name}.part")
    disk.write(part, content, mode)
    if os.geteuid() == 0 and path.exists():
        belong(part, path)
    disk.rename(part, path)


def _destroy_parts(keys: KeyStore, folders: tuple[Path, ...], disk: Disk) -> None:
    wrapped = [path for folder in folders for path in sorted(folder.rglob("*.key*.part"))]
    _destroy([*keys.partial(), *wrapped], disk)


def _destroy(paths: list[Path], disk: Disk) -> None:
    for path in paths:
        disk.overwrite(path)
        disk.unlink(path)
    for folder in sorted({path.parent for path in paths}):
        disk.sync(folder)


def _next(keys: KeyStore, name: str) -> Path:
    path = keys.path(name)
    return path.with_name(f"{path.name}.new")


def _site_box(private: bytes) -> nacl.public.SealedBox[nacl.public.PrivateKey]:
    return nacl.public.SealedBox(nacl.public.PrivateKey(private))
