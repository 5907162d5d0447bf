"""What a backup consists of, and what is to be done to bring one up to date. Pure.

1. The manifest names everything with size and SHA-256, is signed by the box's audit key and bound to the one before by
   its hash. It is written last: a backup without a valid manifest does not exist.
2. What lies under a name never changes: a recording is copied once. What the box has deleted goes from the backup.
3. A key backup serves until a whole newer one is there. An older one for the same recipient opens nothing that lives
   and everything that was erased since, so it can go at once; 30 days after it was made it must (DESIGN 11).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec
import nacl.exceptions
import nacl.signing

from tavs.errors import StoreError

FORMAT = "tavs backup 1"
KEYS_LIVE = timedelta(days=30)
SIGNED = b"tavs backup manifest 1\n"
SIGNATURE_BYTES = 64

Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Stem = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f-]{36}(\.[a-z_]+)?\.[0-9]+\Z")]
Folder = Literal["incoming", "archive"]


class _Named(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of a manifest; what is not named here is not in it."""


class Recording(_Named, frozen=True, kw_only=True):
    """A closed sealed file and its sidecar, STEM.tavs and STEM.json."""

    stem: Stem
    folder: Folder
    """Where it lay on the box."""
    size: int
    sha256: Sha256
    sidecar_size: int
    sidecar_sha256: Sha256


class Setting(_Named, frozen=True, kw_only=True):
    """A file of the configuration or the terms, kept under its hash."""

    path: Annotated[str, msgspec.Meta(pattern=r"^(etc/tavs|var/lib/tavs/(terms|reviews))(/[^/\0]+)+\Z")]
    """Below the home's root."""
    mode: int
    size: int
    sha256: Sha256

    @property
    def is_plain(self) -> bool:
        """Whether it stays below where it belongs."""
        return not {".", ".."}.intersection(self.path.split("/"))


class Database(_Named, frozen=True, kw_only=True):
    name: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{8}\.db\Z")]
    size: int
    sha256: Sha256
    schema: int
    made_at: datetime
    head_sequence: int
    """Last row of the audit log in it; 0 for none."""
    head_hash: Sha256


class Keys(_Named, frozen=True, kw_only=True):
    """A key backup."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{8}\.keys\Z")]
    size: int
    sha256: Sha256
    made_at: datetime
    recipient: Sha256
    """Public half, in hexadecimal."""
    count: int


class Manifest(_Named, frozen=True, kw_only=True):
    format: Literal["tavs backup 1"] = "tavs backup 1"
    backup: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    """Which chain of manifests this is."""
    sequence: int
    previous: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]
    """SHA-256 of the manifest before; empty for the first."""
    box: Sha256
    """Public half of the audit key that signs it, in hexadecimal."""
    made_at: datetime
    database: Database | None = None
    recordings: tuple[Recording, ...] = ()
    settings: tuple[Setting, ...] = ()
    keys: tuple[Keys, ...] = ()
    """The newest last."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A manifest as it lies on a disk."""

    manifest: Manifest
    sha256: str


def serialize(manifest: Manifest, seed: bytes) -> tuple[bytes, str]:
    """The file and its SHA-256."""
    body = msgspec.json.encode(manifest, order="deterministic")
    whole = body + b"\n" + nacl.signing.SigningKey(seed).sign(SIGNED + body).signature.hex().encode() + b"\n"
    return whole, hashlib.sha256(whole).hexdigest()


def parse(whole: bytes) -> Signed:
    """Raises StoreError for what was not signed as it stands by the box that it names."""
    body, _, rest = whole.partition(b"\n")
    try:
        found = msgspec.json.decode(body, type=Manifest)
        signature = bytes.fromhex(rest.decode("ascii"))
        if rest != signature.hex().encode() + b"\n":
            raise ValueError("a line that is not as it was written")
        nacl.signing.VerifyKey(bytes.fromhex(found.box)).verify(SIGNED + body, signature)
    except (ValueError, msgspec.MsgspecError, nacl.exceptions.CryptoError):
        raise StoreError(
            "a manifest of the backup was changed or cut off",
            "take it out of the folder `manifests` if the one before is to count",
        ) from None
    if not all(each.is_plain for each in found.settings):
        raise StoreError("a manifest names a file outside of the home", "use another copy of the backup")
    return Signed(found, hashlib.sha256(whole).hexdigest())


@dataclass(frozen=True, slots=True)
class Found:
    """A closed recording on the box, by its sizes."""

    stem: str
    folder: Folder
    size: int
    sidecar_size: int


@dataclass(frozen=True, slots=True)
class Plan:
    copied: tuple[Recording, ...]
    """As they will stand in the manifest: they are there already, only the folder may have changed."""
    missing: tuple[Found, ...]


def plan(box: Sequence[Found], known: Mapping[str, Recording], there: Mapping[str, int]) -> Plan:
    """What of the box is in the backup; `known` by the last manifest, `there` are names and sizes at the target."""
    copied, missing = [], []
    for found in box:
        before = known.get(found.stem)
        sizes = (there.get(f"{found.stem}.tavs"), there.get(f"{found.stem}.json"))
        if before and sizes == (found.size, found.sidecar_size) == (before.size, before.sidecar_size):
            copied.append(msgspec.structs.replace(before, folder=found.folder))
        else:
            missing.append(found)
    return Plan(tuple(copied), tuple(missing))


def superseded(keys: Sequence[Keys], now: datetime) -> list[Keys]:
    """Key backups that can go: one for the same recipient is newer, or any is and they are too old."""
    known = sorted(keys, key=lambda each: each.made_at)
    return [each for each in known[:-1] if each.recipient == known[-1].recipient or is_too_old(each, now)]


def is_too_old(keys: Keys, now: datetime) -> bool:
    """Whether what was erased since should no longer be readable with it."""
    return now - keys.made_at >= KEYS_LIVE
