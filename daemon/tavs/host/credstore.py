"""The keys of an installed box, as systemd keeps them (systemd-creds(1)), and what it handed to a unit.

1. A secret is `/etc/credstore.encrypted/tavs.NAME`: encrypted to the TPM and to a secret of this machine, or to the
   latter where there is no TPM; on another machine it is worth nothing. No state of the firmware is part of it: an
   update would else take the keys (RELIABILITY 11). A public half is `/etc/credstore/tavs.NAME`, in clear.
2. A key goes to systemd-creds and comes from it by a pipe; it never stands in a file, an argument or the environment.
3. What a unit can do without is offered to it as a link in /run/tavs/keys, and only where it opens on this machine:
   systemd starts no unit with a credential that does not open.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from tavs.errors import ConfigError
from tavs.host.files import PARTIAL
from tavs.host.home import Home
from tavs.host.key_files import checked, read_key

PREFIX = "tavs."
PUBLIC = frozenset({"site-public", "audit-public"})
OFFERED = ("index", "panel-key", "advice-key")
ABSENT = b"missing"
"""What the units have in the place of a credential that is not offered (SetCredential=)."""
TIMEOUT_S = 50
"""For the TPM; some firmware never answers."""
TRIES = 3
"""A TPM may be busy at boot."""

Creds = Callable[[tuple[str, ...], bytes], bytes]
"""Runs systemd-creds with arguments and input; its output. Raises ConfigError."""


def systemd_creds(arguments: tuple[str, ...], given: bytes) -> bytes:
    try:
        done = subprocess.run(
            ["systemd-creds", *arguments], input=given, capture_output=True, check=False, timeout=TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(
            f"systemd-creds does not answer ({type(error).__name__})", "see to the TPM, then again"
        ) from None
    if done.returncode:
        raise ConfigError("systemd-creds refuses", f"as root: systemd-creds {' '.join(arguments)}")
    return done.stdout


class Credstore:
    def __init__(self, home: Home, creds: Creds = systemd_creds) -> None:
        self._clear = home.root / "etc/credstore"
        self._encrypted = home.root / "etc/credstore.encrypted"
        self._offered = home.offered_keys
        self._creds = creds

    def path(self, name: str) -> Path:
        return (self._clear if name in PUBLIC else self._encrypted) / f"{PREFIX}{name}"

    def encode(self, name: str, key: bytes) -> bytes:
        if name in PUBLIC:
            return key
        return self._creds(("encrypt", f"--name={name}", "--with-key=auto", "--tpm2-pcrs=", "-", "-"), key)

    def read(self, name: str, path: Path | None = None) -> bytes:
        place = path or self.path(name)
        if name in PUBLIC:
            return read_key(name, place, "`tavs keys init` makes it")
        return checked(name, self._decrypted(name, place), place)

    def kept_index(self) -> list[Path]:
        return [path for path in self._encrypted.glob(f"{PREFIX}index-*") if path.suffix != PARTIAL]

    def name(self, path: Path) -> str:
        return path.name.removeprefix(PREFIX)

    def partial(self) -> list[Path]:
        return sorted([*self._clear.glob(f"{PREFIX}*{PARTIAL}"), *self._encrypted.glob(f"{PREFIX}*{PARTIAL}")])

    def prepare(self) -> None:
        for folder in (self._clear, self._encrypted):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def offer(self) -> None:
        """By rule 3. Raises OSError."""
        self._offered.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in OFFERED:
            link = self._offered / name
            link.unlink(missing_ok=True)
            if self._opens(name):
                link.symlink_to(self.path(name))

    def _opens(self, name: str) -> bool:
        try:
            self._decrypted(name, self.path(name))
        except ConfigError:
            return False
        return True

    def _decrypted(self, name: str, path: Path) -> bytes:
        if not path.exists():
            raise ConfigError(f"the key {name} is missing", f"looked for {path}; `tavs keys init` makes it")
        for attempt in range(TRIES):
            try:
                return self._creds(("decrypt", f"--name={name}", str(path), "-"), b"")
            except ConfigError:
                if attempt + 1 == TRIES:
                    break
        raise ConfigError(
            f"the key {name} does not open on this machine",
            f"as root: systemd-creds decrypt --name={name} {path} says why; the key backup has another copy",
        )


class Handed:
    """What systemd handed to this unit, in a folder of its own ($CREDENTIALS_DIRECTORY)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        return self._folder / name

    def read(self, name: str, path: Path | None = None) -> bytes:
        place = path or self.path(name)
        if place.exists() and place.read_bytes() == ABSENT:
            raise ConfigError(f"the key {name} is missing", "`tavs keys status` tells, `tavs keys init` makes it")
        return read_key(name, place, "a new home gets its keys by `tavs run`")

    def kept_index(self) -> list[Path]:
        return list(self._folder.glob("index-*"))

    def name(self, path: Path) -> str:
        return path.name
