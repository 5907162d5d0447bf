"""Files without a row and rows without a file: found and named, never deleted on suspicion.

1. What a listener is still writing is no orphan: its sidecar is open, or its files are younger than a day.
2. A sealed file whose sidecar is missing or unreadable is kept: somebody may mend the sidecar. It is named until then.
3. A row without a hash never had a file: the listener died before it was begun.
4. A row whose file is gone is named too: the next sweep that it is due in writes its receipt all the same.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tavs.events import ArtifactKind, CallId
from tavs.host.home import Home
from tavs.store.database import Connection
from tavs.store.files import KEY, SEALED, sealed

SETTLED = timedelta(days=1)


class Kind(enum.StrEnum):
    FILE_WITHOUT_ROW = "file without row"
    ROW_WITHOUT_FILE = "row without file"
    ROW_WITHOUT_KEY = "row without key"
    """Its content cannot be read by anybody any more."""


@dataclass(frozen=True, slots=True)
class Orphan:
    kind: Kind
    name: str
    """Of the sealed file, which names a call and nobody."""


def find(home: Home, connection: Connection, now: datetime) -> Iterator[Orphan]:
    rows = connection.execute(
        "select call, kind, part, file from artifacts where file is not null and sha256 <> ''"
    ).fetchall()
    entered = {str(row[3]) for row in rows}
    entered |= {str(row[0]) for row in connection.execute("select file from deletions where file is not null")}
    for folder in (home.incoming, home.archive):
        for path in sorted(folder.glob(f"*{SEALED}")):
            if path.name not in entered and _age(path, now) > SETTLED:
                yield Orphan(Kind.FILE_WITHOUT_ROW, path.name)
    for call, kind, part, name in rows:
        path = sealed(home, CallId(call), ArtifactKind(kind), part)
        if not path.exists():
            yield Orphan(Kind.ROW_WITHOUT_FILE, name)
        elif not path.with_suffix(KEY).exists():
            yield Orphan(Kind.ROW_WITHOUT_KEY, name)


def _age(path: Path, now: datetime) -> timedelta:
    try:
        return timedelta(seconds=now.timestamp() - path.stat().st_mtime)
    except FileNotFoundError:
        return timedelta()
