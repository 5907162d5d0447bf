"""The database file: how it is opened, and what it must be to be opened at all.

1. Writers take turns (`begin immediate`). WAL with FULL synchronisation: an acknowledged row survives a power cut.
2. A library with the WAL-reset bug (3.7.0–3.51.2 but for 3.44.6 and 3.50.7) is refused, whatever put it there.
3. An older schema is brought up step by step, one file in `upgrades/` each, after a copy was laid beside the database.
4. Deleted rows are overwritten and temporary tables stay in memory. What is personal is sealed all the same.
"""

from __future__ import annotations

import importlib.resources
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pysqlite3.dbapi2 as sqlite3

from tavs.errors import StoreError
from tavs.host.files import create

SCHEMA_VERSION = 3
BUSY_MS = 5000
SHARED = 0o660
"""The desk makes the database, the sweep writes it too."""
FIRST_UNSAFE, FIRST_SAFE = (3, 7, 0), (3, 51, 3)
MENDED = frozenset({(3, 44, 6), (3, 50, 7)})

if TYPE_CHECKING:
    from sqlite3 import Connection as Connection  # noqa: PLC0414 - typed as the standard library types it
else:
    Connection = sqlite3.Connection


def refuse_unsafe(version: tuple[int, ...]) -> None:
    """Raises StoreError for a library that can lose a committed row."""
    if FIRST_UNSAFE <= version < FIRST_SAFE and version not in MENDED:
        linked = ".".join(map(str, version))
        raise StoreError(
            f"SQLite {linked} can lose committed rows in WAL mode", "install the pysqlite3 of the lock file"
        )


def open_writer(path: Path) -> Connection:
    """A connection that writes; makes the database where there is none. Raises StoreError.

    The desk holds one for good, the sweep and an officer's command one while they work.
    """
    refuse_unsafe(sqlite3.sqlite_version_info)
    if not path.exists():
        _create(path)
    connection = _connect(f"file:{_quoted(path)}?mode=rw")
    try:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("pragma secure_delete = on")
        _prepare(connection, path)
    except sqlite3.OperationalError as error:
        connection.close()
        raise StoreError(
            f"{path} cannot be opened ({type(error).__name__})",
            "see to owner and mode of its folder and files, and room",
        ) from None
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreError(f"{path} cannot be used ({type(error).__name__})", "restore it from a backup") from None
    return connection


def open_known(path: Path) -> Connection:
    """A connection that writes to a database that is there: only the desk makes one. Raises StoreError."""
    if not path.exists():
        raise StoreError(f"there is no database at {path}", "the desk makes it when it starts")
    return open_writer(path)


def open_reader(path: Path) -> Connection:
    """A connection that cannot write. Raises StoreError where there is no database."""
    refuse_unsafe(sqlite3.sqlite_version_info)
    if not path.exists():
        raise StoreError(f"there is no database at {path}", "TAVS_HOME names the home; the desk makes the database")
    connection = _connect(f"file:{_quoted(path)}?mode=ro")
    try:
        version = connection.execute("pragma user_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreError(f"{path} cannot be read ({type(error).__name__})", "restore it from a backup") from None
    if version != SCHEMA_VERSION:
        connection.close()
        raise StoreError(
            f"the database has schema {version}, not {SCHEMA_VERSION}", "start the desk of this version once"
        )
    return connection


def _connect(uri: str) -> Connection:
    try:
        connection: Connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_MS / 1000)
        connection.execute("pragma temp_store = memory")
        connection.execute("pragma foreign_keys = on")
    except sqlite3.Error as error:
        raise StoreError(
            f"the database cannot be opened ({type(error).__name__})", "check owner and mode of its folder"
        ) from None
    return connection


def _prepare(connection: Connection, path: Path) -> None:
    version = connection.execute("pragma user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"the database has schema {version}, this program knows {SCHEMA_VERSION}", "install the newer package"
        )
    if version == 0:
        _run(connection, _sql("schema.sql"), SCHEMA_VERSION)
    elif version < SCHEMA_VERSION:
        _copy(connection, path.with_name(f"{path.name}.schema-{version}"))
        for step in range(version, SCHEMA_VERSION):
            _run(connection, _sql(f"upgrades/{step}_to_{step + 1}.sql"), step + 1)


def _run(connection: Connection, script: str, version: int) -> None:
    try:
        connection.executescript(f"begin immediate; {script}; pragma user_version = {version}; commit;")
    except sqlite3.DatabaseError:
        if connection.in_transaction:
            connection.execute("rollback")
        if connection.execute("pragma user_version").fetchone()[0] < version:
            raise  # else another program did it meanwhile


def _copy(connection: Connection, target: Path) -> None:
    _create(target)
    copy = sqlite3.connect(target)
    try:
        connection.backup(copy)
    finally:
        copy.close()


def _create(path: Path) -> None:
    """Its log takes owner and mode from it, whoever opens it first (SQLite, findCreateFileMode)."""
    with suppress(FileExistsError):
        os.close(create(path, SHARED))


def _sql(name: str) -> str:
    return importlib.resources.files("tavs.store").joinpath(name).read_text(encoding="utf-8")


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """All of it or nothing; waits for the other writer."""
    connection.execute("begin immediate")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


@contextmanager
def blamed(path: Path) -> Iterator[None]:
    """Turns what SQLite finds of a damaged, full or busy database into a StoreError that names the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreError(
            f"{path} cannot be used ({type(error).__name__})", "see to its disk, and to who else holds it; then again"
        ) from None
    except sqlite3.DatabaseError as error:
        if type(error) is not sqlite3.DatabaseError:
            raise
        raise StoreError(f"{path} cannot be used ({type(error).__name__})", "restore it from a backup") from None


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
