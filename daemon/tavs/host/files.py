"""A small file that is there whole or not at all, whatever happens while it is written; and whose it is.

1. A file has the mode it is given, whatever the umask.
2. What a command makes as root belongs to whom the file before it belonged to, else to whom the folder belongs to: the
   programs go on working with it under their own users.
"""

from __future__ import annotations

import os
from pathlib import Path

PARTIAL = ".part"
"""What a death may leave; the next attempt writes over it."""


def create(path: Path, mode: int, *, like: Path | None = None) -> int:
    """A descriptor of a new file, for writing; by rule 2 the file is owned as `like`. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    if os.geteuid() == 0:
        belong(descriptor, like if like and like.exists() else path.parent)
    os.fchmod(descriptor, mode)
    return descriptor


def belong(file: int | Path, like: Path) -> None:
    """Give a file the owner and group of another, or of a folder; only root can. Raises OSError."""
    owned = like.stat()
    os.chown(file, owned.st_uid, owned.st_gid)


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """On the disk, name and all, when it returns. Raises OSError."""
    part = path.with_name(path.name + PARTIAL)
    part.unlink(missing_ok=True)
    descriptor = create(part, mode, like=path)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    part.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
