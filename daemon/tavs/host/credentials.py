"""Keys: systemd credentials on an installed box (credstore.py), 0600 files in a development home (key_files.py); never
environment or config file.

| name | who holds it | what it does |
|---|---|---|
| `site-public` | listener | seals recordings |
| `site-private` | officers | opens them |
| `desk` | desk, command line | wraps the keys of masked text |
| `index` | listener, command line | hashes the caller's number |
| `index-KEYID` | command line | finds the calls that an earlier `index` hashed, until the last of them is gone |
| `audit` | sweep, command line | signs the head of the audit log |
| `audit-public` | whoever verifies it | checks the signature |
| `advice-key` | desk | shows who asks the advisory model; optional, and made by whoever runs that one |

1. Every secret of ours is 32 random bytes; the public halves are derived from them (X25519, Ed25519).
2. A key that is there is never made anew. Where only the public half of a pair is there, the private one is kept
   elsewhere, and none is made.
3. A program that holds keys in memory says so: what it sealed after a rotation nobody could open any more.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

import nacl.public
import nacl.signing
import nacl.utils

from tavs.errors import ConfigError, UsageError
from tavs.host.credstore import ABSENT, Credstore, Handed
from tavs.host.files import write_whole
from tavs.host.home import Home
from tavs.host.key_files import KEY_BYTES, KeyFiles

Name = Literal["site-public", "site-private", "desk", "index", "audit", "audit-public"]
NAMES: tuple[Name, ...] = get_args(Name)
OWNER_ONLY = 0o600
TEXT_LIMIT_BYTES = 4096
"""A signed token with many claims; keys of endpoints are mostly below 200."""
FINGERPRINT_CHARACTERS = 16


def site_public(private: bytes) -> bytes:
    return bytes(nacl.public.PrivateKey(private).public_key)


def audit_public(seed: bytes) -> bytes:
    return bytes(nacl.signing.SigningKey(seed).verify_key)


_SINGLE: tuple[Name, ...] = ("desk", "index")
_PAIRS: tuple[tuple[Name, Name, Callable[[bytes], bytes]], ...] = (
    ("site-private", "site-public", site_public),
    ("audit", "audit-public", audit_public),
)


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """What may be shown of a key."""

    name: str
    fingerprint: str | None
    """None where the key is missing or unusable."""

    @property
    def is_present(self) -> bool:
        return self.fingerprint is not None


class KeyStore(Protocol):
    """Where keys lie: one file each, whose content only the store understands."""

    def path(self, name: str) -> Path: ...
    def encode(self, name: str, key: bytes) -> bytes: ...
    def read(self, name: str, path: Path | None = None) -> bytes:
        """The key, from the file that takes its place where one is named. Raises ConfigError."""

    def kept_index(self) -> list[Path]:
        """Earlier index keys."""

    def name(self, path: Path) -> str: ...
    def partial(self) -> list[Path]:
        """What a death while a key was written has left."""

    def prepare(self) -> None: ...
    def offer(self) -> None: ...


def store(home: Home) -> KeyStore:
    """Where the keys of a home can be changed. Raises UsageError for a program to which systemd handed them."""
    if os.environ.get("CREDENTIALS_DIRECTORY"):
        raise UsageError("keys that systemd hands over are not changed from here", "call `tavs keys` as root")
    return Credstore(home) if home.is_installed else KeyFiles(home.keys)


def load(name: Name, home: Home) -> bytes:
    """32 bytes. Raises ConfigError where the key is missing, unreadable or of another length."""
    return _readable(home).read(name)


def optional(name: Name, home: Home) -> bytes | None:
    """For whoever goes on without it: None where `load` would refuse."""
    try:
        return load(name, home)
    except ConfigError:
        return None


def load_text(name: Literal["advice-key"], home: Home) -> str | None:
    """A key that another system gave, to be shown to it; None where there is none. Raises ConfigError."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(folder) / name if folder else KeyFiles(home.keys).path(name)
    try:
        text = path.read_bytes().removesuffix(b"\n")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"the key {name} cannot be read ({type(error).__name__})", f"see to {path}") from None
    if text == ABSENT:
        return None
    if not 0 < len(text) <= TEXT_LIMIT_BYTES or not all(0x21 <= each <= 0x7E for each in text):
        raise ConfigError(f"the key {name} is no line of printable ASCII", f"{path} holds the key alone")
    return text.decode("ascii")


@contextmanager
def in_use(home: Home) -> Iterator[None]:
    """Meanwhile no key of this home is rotated (recording/rotation.py); waits for a rotation that is under way."""
    if not home.var.exists():
        yield
        return
    descriptor = os.open(home.var, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def index_keys(home: Home) -> list[bytes]:
    """The index key in use and the earlier ones that are still needed, newest first. Raises ConfigError."""
    there = _readable(home)
    kept = [there.read(there.name(path), path) for path in _newest_first(there.kept_index())]
    return list(dict.fromkeys([load("index", home), *kept]))


def fingerprint(key: bytes) -> str:
    """By which a key can be told from another and shown to anybody."""
    return hashlib.sha256(key).hexdigest()[:FINGERPRINT_CHARACTERS]


def status(home: Home) -> list[KeyStatus]:
    """Every key there should be, and the earlier index keys there are."""
    there = _readable(home)
    kept = [there.name(path) for path in _newest_first(there.kept_index())]
    return [_status(name, there) for name in (*NAMES, *kept)]


def create(home: Home) -> None:
    """Make the keys that are missing; those that are there stay. Raises ConfigError, UsageError, OSError."""
    there = store(home)
    there.prepare()
    for name in _SINGLE:
        if not there.path(name).exists():
            _make(there, name, nacl.utils.random(KEY_BYTES))
    for private, public, half in _PAIRS:
        if not there.path(public).exists():
            _make(there, public, half(_secret(there, private)))
    there.offer()


def _readable(home: Home) -> KeyStore | Handed:
    handed = os.environ.get("CREDENTIALS_DIRECTORY")
    return Handed(Path(handed)) if handed else store(home)


def _newest_first(paths: list[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _status(name: str, there: KeyStore | Handed) -> KeyStatus:
    try:
        return KeyStatus(name, fingerprint(there.read(name)))
    except ConfigError:
        return KeyStatus(name, None)


def _secret(there: KeyStore, name: Name) -> bytes:
    """The secret that is there, or a new one."""
    if not there.path(name).exists():
        _make(there, name, nacl.utils.random(KEY_BYTES))
    return there.read(name)


def _make(there: KeyStore, name: Name, key: bytes) -> None:
    write_whole(there.path(name), there.encode(name, key), OWNER_ONLY)
