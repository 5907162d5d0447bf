"""An office with a backup disk and a stick beside it, and a new box to restore into."""

from __future__ import annotations

import hashlib
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from office import Office
from tavs import keep
from tavs.backup.copying import Made
from tavs.backup.making import make
from tavs.backup.recipient import Identity, new_identity
from tavs.backup.restoring import Restored, examine, restore
from tavs.events import ArtifactKind, CallId
from tavs.host import credentials
from tavs.host.home import Home
from tavs.recording.opened import open_recording
from tavs.retention.holds import CaseRef, HoldKind
from tavs.retention.policy import EndedBy
from tavs.rights import holding, subject
from tavs.store import audit
from tavs.store.database import open_reader


class Life:
    """One box, its disk for backups and what is on the stick."""

    def __init__(self, top: Path, office: Office) -> None:
        self.office = office
        self.home = office.home
        self.disk = top / "disk"
        self.disk.mkdir()
        self.new = Home(top / "new")
        self.identity: Identity = new_identity(credentials.fingerprint(credentials.load("audit-public", self.home)))

    def backup(self, **options: Any) -> Made:
        return make(self.home, self.disk, self.office.clock, self.identity.recipient, **options)

    def sweep(self) -> None:
        keep.run(self.home, self.office.clock)

    def erase(self, call: CallId) -> None:
        subject.ask(self.office.connection, call, EndedBy.ERASURE, actor="officer", now=self.office.now)

    def hold(self, call: CallId) -> int:
        return holding.place(
            self.office.connection, kind=HoldKind.CASE, call=call, party_ref=None, reason="en sag", owner="officer",
            review_on=None, case=CaseRef(""), transcript_basis=None,
            site_public=credentials.load("site-public", self.home), actor="officer", now=self.office.now,
        )  # fmt: skip

    def later(self, **time: int) -> None:
        self.office.clock.advance(timedelta(**time).total_seconds())

    @property
    def keys(self) -> Path:
        """The newest key backup."""
        return sorted(self.disk.glob("keys/*.keys"))[-1]

    def restore(self, home: Home | None = None, **options: Any) -> Restored:
        source = examine(self.disk, self.keys, self.identity, **options)
        return restore(home or self.new, source, self.office.clock, actor="officer")


def opens(home: Home, call: CallId, part: int = 0) -> bool:
    path = home.archive / f"{call}.{part}.tavs"
    path = path if path.exists() else home.incoming / path.name
    return bool(open_recording(path, credentials.load("site-private", home)).ogg)


def kept(home: Home) -> dict[tuple[str, str], str]:
    """(call, kind) of every artifact with the end of its last grant."""
    with closing(open_reader(home.database)) as connection:
        rows = connection.execute("select call, kind, keep_until from artifacts order by call, kind").fetchall()
    return {(call, kind): until for call, kind, until in rows}


def faults(home: Home) -> list[str]:
    with closing(open_reader(home.database)) as connection:
        return [str(each) for each in audit.verify(connection, credentials.load("audit-public", home))]


def rows(home: Home, query: str) -> list[tuple[Any, ...]]:
    with closing(open_reader(home.database)) as connection:
        return list(connection.execute(query).fetchall())


def snapshot(folder: Path) -> dict[str, str]:
    """Every file below a folder by its hash."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


RECORDING, TRANSCRIPT, MASKED = ArtifactKind.RECORDING, ArtifactKind.TRANSCRIPT, ArtifactKind.MASKED_TRANSCRIPT
