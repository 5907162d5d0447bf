"""Who may open the agents' page, and which extensions are theirs: one small file that only `tavs accounts` writes.

1. The file is written whole, by one command at a time, readable to the desk and to nobody else.
2. The desk reads it again when it has changed. What is unreadable changes nothing: what was known stays.
3. Whoever is not in the file takes as long to refuse as whoever is, and is told the same.
"""

from __future__ import annotations

import fcntl
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from tavs.errors import ConfigError, UsageError
from tavs.host.files import write_whole
from tavs.host.home import Home
from tavs.panel import passwords

NAME = re.compile(r"[a-z0-9æøå](?:[a-z0-9æøå._@-]{0,62}[a-z0-9æøå])?")
EXTENSION = re.compile(r"[0-9A-Za-z*#+._-]{1,32}")
MOST_EXTENSIONS = 16
MOST_ACCOUNTS = 5000
LIMIT_BYTES = 4 * 1024 * 1024
MODE = 0o640


class Account(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    password: str
    """As `passwords.digest` writes it; empty where only a reverse proxy signs in."""
    extensions: tuple[str, ...]
    language: Literal["", "da", "en"] = ""
    """Empty: the page's own default."""
    created_at: datetime
    signed_out_at: datetime | None = None
    """When its sessions were last ended by hand."""

    def __repr__(self) -> str:
        return f"Account({len(self.extensions)} extensions)"


class _Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    accounts: tuple[Account, ...] = ()


def path(home: Home) -> Path:
    return home.etc / "panel/accounts.json"


def read(home: Home) -> dict[str, Account]:
    """By name; none where there is no file. Raises ConfigError."""
    place = path(home)
    try:
        if place.stat().st_size > LIMIT_BYTES:
            raise ConfigError(f"{place}: is larger than accounts are", "write it anew with `tavs accounts`")
        written = msgspec.json.decode(place.read_bytes(), type=_Written)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"{place}: cannot be read ({type(error).__name__})", "check owner and mode") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ConfigError(f"{place}: not as `tavs accounts` writes it", "restore it from a backup") from None
    return {account.name: account for account in written.accounts}


def add(
    home: Home,
    name: str,
    password: str,
    *,
    extensions: tuple[str, ...],
    language: Literal["", "da", "en"],
    now: datetime,
) -> None:
    """A new account; an empty password is one that only a reverse proxy signs in. Raises UsageError, ConfigError."""
    known_name = refuse_name(name)
    if not 0 < len(extensions) <= MOST_EXTENSIONS or not all(EXTENSION.fullmatch(each) for each in extensions):
        raise UsageError("an account has one to sixteen extensions", "write each as the PBX tells it: --extension 4512")
    with _changing(home) as accounts:
        if known_name in accounts:
            raise UsageError("there is an account of that name", "`tavs accounts passwd` changes its password")
        if len(accounts) >= MOST_ACCOUNTS:
            raise UsageError(f"there are {MOST_ACCOUNTS} accounts already", "remove those nobody uses")
        accounts[known_name] = Account(
            name=known_name,
            password=_kept(password, known_name),
            extensions=tuple(dict.fromkeys(extensions)),
            language=language,
            created_at=now,
        )


def set_password(home: Home, name: str, password: str) -> None:
    """Raises UsageError, ConfigError."""
    _change(home, name, lambda account: msgspec.structs.replace(account, password=_kept(password, account.name)))


def end_sessions(home: Home, name: str, now: datetime) -> None:
    """Raises UsageError, ConfigError."""
    _change(home, name, lambda account: msgspec.structs.replace(account, signed_out_at=now))


def remove(home: Home, name: str) -> None:
    """Raises UsageError, ConfigError."""
    with _changing(home) as accounts:
        if accounts.pop(folded(name), None) is None:
            raise _unknown()


def folded(name: str) -> str:
    """Names are one whatever the case they are typed in."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def refuse_name(name: str) -> str:
    """The name as it is kept. Raises UsageError."""
    known = folded(name)
    if not NAME.fullmatch(known):
        raise UsageError("that is no name of an account", "letters, digits and ._@- inside; at most 64")
    return known


class Roster:
    """The accounts as the desk knows them."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._stamp: tuple[int, ...] = ()
        self._accounts: dict[str, Account] = {}
        self._nobody = passwords.digest("")

    def reload(self) -> bool:
        """Read the file if it has changed; says whether it had. Raises ConfigError, once for each change."""
        stamp = self._current_stamp()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        self._accounts = read(self._home)
        return True

    def find(self, name: str) -> Account | None:
        return self._accounts.get(folded(name))

    def check(self, name: str, password: str) -> Account | None:
        """The account, if the password is right. As slow for nobody as for somebody: not for an event loop."""
        account = self.find(name)
        kept = account.password if account and account.password else self._nobody
        is_right = passwords.is_right(password, kept)
        return account if account and account.password and is_right else None

    def _current_stamp(self) -> tuple[int, ...]:
        try:
            found = path(self._home).stat()
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_size, found.st_ino


def _kept(password: str, name: str) -> str:
    if not password:
        return ""
    passwords.refuse_weak(password, name)
    return passwords.digest(password)


def _change(home: Home, name: str, changed: Callable[[Account], Account]) -> None:
    with _changing(home) as accounts:
        account = accounts.get(folded(name))
        if account is None:
            raise _unknown()
        accounts[account.name] = changed(account)


def _unknown() -> UsageError:
    return UsageError("there is no account of that name", "`tavs accounts list` shows them")


@contextmanager
def _changing(home: Home) -> Iterator[dict[str, Account]]:
    """The accounts, to be changed and written back; nobody else changes them meanwhile."""
    descriptor = os.open(home.etc, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        accounts = read(home)
        yield accounts
        written = _Written(accounts=tuple(sorted(accounts.values(), key=lambda account: account.name)))
        path(home).parent.mkdir(exist_ok=True, mode=0o750)
        write_whole(path(home), msgspec.json.format(msgspec.json.encode(written), indent=1) + b"\n", MODE)
    finally:
        os.close(descriptor)
