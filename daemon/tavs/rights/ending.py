"""The end of a box: everything that was kept is destroyed, the keys before all else, and a receipt says so.

1. Nobody's evidence goes by accident: not without `--confirm`, not while a hold stands, not while a program runs, and
   not where no database can tell which holds there are.
2. The keys of the box come first: when they are gone nothing sealed opens any more, here or in a backup. Then the keys
   of each recording and text, and what lies in clear; then the sealed files; the database last.
3. Made again after a crash at any step it ends what it began.
4. What is not personal stays: the configuration, models, terms.
5. The receipt is signed with the audit key just before that key goes; its public half stands in it.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import nacl.signing
import pysqlite3.dbapi2 as sqlite3
import typer

from tavs.errors import ConfigError, StoreError, UsageError
from tavs.host import credentials
from tavs.host.clock import RealClock
from tavs.host.home import Home
from tavs.host.login import login
from tavs.retention.commands import AsJson
from tavs.retention.destroy import Disk, destroy
from tavs.retention.sweep import alone
from tavs.store import audit
from tavs.store.database import Connection, blamed, open_known

BLOCK_BYTES = 1 << 20
BUSY_MS = 500
REACH = "copies elsewhere are not reached: what was exported in clear, and the settings of this box in its backups"


class Blocks(Disk):
    """A database may be larger than memory, so it is overwritten block by block."""

    def overwrite(self, folder: int, name: str) -> None:
        descriptor = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        with os.fdopen(descriptor, "wb") as file:
            left = os.fstat(descriptor).st_size
            while left > 0:
                left -= file.write(os.urandom(min(left, BLOCK_BYTES)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What there is to destroy, in the order in which it goes."""

    masters: tuple[Path, ...]
    clear: tuple[Path, ...]
    """Keys of single recordings and texts, exports, reviews: overwritten before they are unlinked."""
    sealed: tuple[Path, ...]
    database: tuple[Path, ...]

    @property
    def is_all_but_over(self) -> bool:
        """Only the database is left, perhaps overwritten already: there is nothing that a hold in it could keep."""
        return not (self.masters or self.clear or self.sealed)

    @property
    def recordings(self) -> int:
        return sum(path.suffix == ".tavs" for path in self.sealed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was destroyed, by whom; nothing of what was said."""

    at: datetime
    by: str
    calls: int
    first: str | None
    """When the first of the calls began; None where there were none."""
    last: str | None
    sealed_files: int
    keys: int
    audit_rows: int
    audit_head: str | None

    def document(self) -> dict[str, object]:
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {"at": self.at.isoformat(timespec="seconds")}

    def told(self) -> bytes:
        """The bytes that are signed: JSON, keys in order, no spaces."""
        return json.dumps(self.document(), sort_keys=True, separators=(",", ":")).encode()


def survey(home: Home) -> Kept:
    """Everything personal below a home. What is no longer there is not in it."""
    places = (
        (home.keys, "*"),
        (home.root / "etc/credstore.encrypted", "tavs.*"),
        (home.root / "etc/credstore", "tavs.*"),
        (home.etc / "panel", "*"),
    )
    masters = [path for folder, pattern in places for path in sorted(folder.glob(pattern))]
    clear: list[Path] = []
    sealed: list[Path] = []
    database: list[Path] = []
    for path in _files(home.var, spared=(home.models, home.terms)):
        if path.is_symlink():
            sealed.append(path)
        elif path.is_relative_to(home.database.parent):
            database.append(path)
        elif ".key" in path.name or path.is_relative_to(home.text_keys) or not _is_sealed(path, home):
            clear.append(path)
        else:
            sealed.append(path)
    return Kept(
        masters=tuple(path for path in masters if path.is_file() and not path.is_symlink()),
        clear=tuple(clear),
        sealed=tuple(sealed),
        database=tuple(database),
    )


def end(home: Home, *, actor: str, now: datetime, disk: Disk | None = None) -> tuple[Receipt, str | None]:
    """Destroy everything; the receipt, and its signature where the audit key was still there.

    Raises UsageError while a hold stands or a program runs, StoreError where the disk or the database refuses.
    """
    disk = disk or Blocks()
    if not home.var.exists():
        raise UsageError(f"there is nothing at {home.var}", "TAVS_HOME names the home")
    with _keys_alone(home), alone(home) if home.database.parent.exists() else nullcontext():
        kept = survey(home)
        if not home.database.exists() and kept.sealed:
            raise StoreError(
                "there is no database, so nobody knows which holds stand over the recordings",
                "restore it from a backup, or remove the recordings by hand",
            )
        with _exclusive(home) if home.database.exists() and not kept.is_all_but_over else nullcontext() as connection:
            receipt = _receipt(connection, kept, actor, now)
            signature = _signed(receipt, home)
            destroy(kept.masters, (), disk)
            destroy(kept.clear, kept.sealed, disk)
        destroy([path for path in kept.database if path.exists()], (), disk)
    return receipt, signature


def command(
    confirm: Annotated[bool, typer.Option("--confirm", help="Do it: there is no way back.")] = False,
    as_json: AsJson = False,
) -> None:
    """End this box: destroy every key, recording and text, and print a receipt."""
    home = Home.current()
    kept = survey(home)
    if not confirm:
        raise UsageError(
            f"{len(kept.masters)} keys, {kept.recordings} sealed recordings and texts and the database would go",
            "stop the programs (`systemctl stop tavs.target`), then `tavs destroy --confirm`; there is no way back",
        )
    receipt, signature = end(home, actor=login(), now=RealClock().now())
    document = {**receipt.document(), "signature": signature}
    if as_json:
        print(json.dumps(document))
        return
    for name, value in document.items():
        print(f"{name.replace('_', ' '):14}{'none' if value is None else value}")
    print(f"tavs: hint: {REACH}", file=sys.stderr)


def _is_sealed(path: Path, home: Home) -> bool:
    return path.is_relative_to(home.incoming.parent)


def _files(top: Path, spared: tuple[Path, ...]) -> Iterator[Path]:
    for folder, names, files in os.walk(top):
        here = Path(folder)
        links = [name for name in names if (here / name).is_symlink()]
        names[:] = sorted(name for name in names if here / name not in spared)
        yield from (here / name for name in sorted([*files, *links]))


def _running(what: str) -> UsageError:
    return UsageError(f"{what}: nothing was destroyed", "stop the programs first: `systemctl stop tavs.target`")


@contextmanager
def _keys_alone(home: Home) -> Iterator[None]:
    """The listener and the desk keep this lock while they hold keys (credentials.in_use)."""
    descriptor = os.open(home.var, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise _running("the keys are in use") from None
    finally:
        os.close(descriptor)


@contextmanager
def _exclusive(home: Home) -> Iterator[Connection]:
    """The database for nobody else, and no hold in it. Raises UsageError."""
    with blamed(home.database), closing(open_known(home.database)) as connection:
        connection.execute(f"pragma busy_timeout = {BUSY_MS}")
        connection.execute("pragma locking_mode = exclusive")
        try:
            connection.execute("begin exclusive")
        except sqlite3.OperationalError:
            raise _running("the database is in use") from None
        standing = connection.execute("select count(*) from holds where released_at is null").fetchone()[0]
        if standing:
            raise UsageError(
                f"{standing} holds stand: nothing was destroyed", "`tavs hold list` shows them; release them first"
            )
        yield connection
        connection.execute("rollback")


def _receipt(connection: Connection | None, kept: Kept, actor: str, now: datetime) -> Receipt:
    calls, first, last, head = 0, None, None, None
    if connection:
        calls, first, last = connection.execute(
            "select count(*), min(started_at), max(started_at) from calls"
        ).fetchone()
        head = audit.head(connection)
    return Receipt(
        at=now,
        by=actor,
        calls=calls,
        first=first,
        last=last,
        sealed_files=kept.recordings,
        keys=len(kept.masters) + sum(".key" in path.name for path in kept.clear),
        audit_rows=head.sequence if head else 0,
        audit_head=head.hash if head else None,
    )


def _signed(receipt: Receipt, home: Home) -> str | None:
    """Public half and signature, in hexadecimal; None where the key went in an attempt before."""
    try:
        key = nacl.signing.SigningKey(credentials.load("audit", home))
    except ConfigError:
        return None
    return f"{bytes(key.verify_key).hex()}:{key.sign(receipt.told()).signature.hex()}"
