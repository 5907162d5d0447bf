"""Keys: systemd credentials on an installed box, 0600 files in a development home; never environment or config file.

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
from typing import Literal, get_args

import nacl.public
import nacl.signing
import nacl.utils

from tavs.errors import ConfigError
from tavs.host.files import write_whole
from tavs.host.home import Home

Name = Literal["site-public", "site-private", "desk", "index", "audit", "audit-public"]
NAMES: tuple[Name, ...] = get_args(Name)
KEY_BYTES = 32
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


def load(name: Name, home: Home) -> bytes:
    """32 bytes. Raises ConfigError where the key is missing, unreadable or of another length."""
    folder, suffix = _place(home)
    return _read(name, folder / f"{name}{suffix}")


def load_text(name: Literal["advice-key"], home: Home) -> str | None:
    """A key that another system gave, to be shown to it; None where there is none. Raises ConfigError."""
    folder, suffix = _place(home)
    path = folder / f"{name}{suffix}"
    try:
        text = path.read_bytes().removesuffix(b"\n")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"the key {name} cannot be read ({type(error).__name__})", f"see to {path}") from None
    if not 0 < len(text) <= TEXT_LIMIT_BYTES or not all(0x21 <= each <= 0x7E for each in text):
        raise ConfigError(f"the key {name} is no line of printable ASCII", f"{path} holds the key alone")
    return text.decode("ascii")


@contextmanager
def in_use(home: Home) -> Iterator[None]:
    """Meanwhile no key of a development home is rotated (recording/rotation.py); waits for one that is under way."""
    if os.environ.get("CREDENTIALS_DIRECTORY") or not home.keys.exists():
        yield
        return
    descriptor = os.open(home.keys, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def index_keys(home: Home) -> list[bytes]:
    """The index key in use and the earlier ones that are still needed, newest first. Raises ConfigError."""
    kept = [_read(path.name, path) for path in _kept_index(home)]
    return list(dict.fromkeys([load("index", home), *kept]))


def fingerprint(key: bytes) -> str:
    """By which a key can be told from another and shown to anybody."""
    return hashlib.sha256(key).hexdigest()[:FINGERPRINT_CHARACTERS]


def status(home: Home) -> list[KeyStatus]:
    """Every key there should be, and the earlier index keys there are."""
    folder, suffix = _place(home)
    places = {str(name): folder / f"{name}{suffix}" for name in NAMES}
    places |= {path.name.removesuffix(suffix): path for path in _kept_index(home)}
    return [_status(name, path) for name, path in places.items()]


def create(home: Home) -> None:
    """Make the keys of a development home; those that are there stay."""
    home.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in _SINGLE:
        _secret(home, name)
    for private, public, half in _PAIRS:
        path = home.keys / f"{public}.key"
        if not path.exists():
            _write(path, half(_secret(home, private)))


def _place(home: Home) -> tuple[Path, str]:
    """The folder of the keys, and what their file names end with."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return (Path(folder), "") if folder else (home.keys, ".key")


def _kept_index(home: Home) -> list[Path]:
    folder, suffix = _place(home)
    return sorted(folder.glob(f"index-*{suffix}"), key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _read(name: str, path: Path) -> bytes:
    try:
        key = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the key {name} cannot be read ({type(error).__name__})",
            f"looked for {path}; a new home gets its keys by `tavs run`",
        ) from None
    if len(key) != KEY_BYTES:
        raise ConfigError(
            f"the key {name} has {len(key)} bytes, not {KEY_BYTES}", f"restore {path} from the key backup"
        )
    return key


def _status(name: str, path: Path) -> KeyStatus:
    try:
        return KeyStatus(name, fingerprint(_read(name, path)))
    except ConfigError:
        return KeyStatus(name, None)


def _secret(home: Home, name: Name) -> bytes:
    """The secret that is there, or a new one."""
    path = home.keys / f"{name}.key"
    if not path.exists():
        _write(path, nacl.utils.random(KEY_BYTES))
    return _read(name, path)


def _write(path: Path, key: bytes) -> None:
    write_whole(path, key, 0o600)
