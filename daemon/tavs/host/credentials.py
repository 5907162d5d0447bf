"""Keys: systemd credentials on an installed box, 0600 files in a development home; never environment or config file.

| name | who holds it | what it does |
|---|---|---|
| `site-public` | listener | seals recordings |
| `site-private` | officers | opens them |
| `desk` | desk, command line | wraps the keys of masked text |
| `index` | listener, command line | hashes the caller's number |
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import nacl.public
import nacl.utils

from tavs.errors import ConfigError
from tavs.host.home import Home

Name = Literal["site-public", "site-private", "desk", "index"]
KEY_BYTES = 32


def load(name: Name, home: Home) -> bytes:
    """32 bytes. Raises ConfigError where the key is missing, unreadable or of another length."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(folder) / name if folder else home.keys / f"{name}.key"
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


def create(home: Home) -> None:
    """Make the keys of a development home; those that are there stay."""
    home.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (home.keys / "site-private.key").exists():
        private = nacl.public.PrivateKey.generate()
        _write(home.keys / "site-private.key", bytes(private))
        _write(home.keys / "site-public.key", bytes(private.public_key))
    for name in ("desk", "index"):
        if not (home.keys / f"{name}.key").exists():
            _write(home.keys / f"{name}.key", nacl.utils.random(KEY_BYTES))


def _write(path: Path, key: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
