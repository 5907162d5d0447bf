"""A small file that is there whole or not at all, whatever happens while it is written."""

from __future__ import annotations

import os
from pathlib import Path

PARTIAL = ".part"
"""What a death may leave; the next attempt writes over it."""


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """On the disk, name and all, when it returns. Raises OSError."""
    part = path.with_name(path.name + PARTIAL)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
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
