"""The sweep: what is due goes, and for each thing it says why.

Invariants, each with a test of its name:

1. nothing_goes_before_its_time: what is marked is due at trusted time, holds read in the transaction that marks it.
2. everything_is_accounted_for: an artifact that was entered has its row, or a mark in `deletions`, or a receipt.
3. no_receipt_before_the_key_is_gone: a receipt is written when key and files are destroyed, never before.
4. a_sweep_that_died_is_finished: the next one begins with the marks of the last, and every step may be repeated.
5. nothing_comes_back: what was deleted is not entered again from a sidecar.

Procedure, in batches: 1. mark. 2. Destroy keys, then files (destroy.py). 3. Clear rows, write receipts and audit rows.
At the end: 4. checkpoint with TRUNCATE, whose result is looked at; until it succeeds old pages stay in the log.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from tavs.errors import StoreError
from tavs.events import ArtifactKind, CallId
from tavs.host.home import Home
from tavs.retention.clock_guard import Verdict
from tavs.retention.destroy import Disk, destroy
from tavs.retention.policy import Reason, due
from tavs.store import audit
from tavs.store.database import BUSY_MS, Connection, transaction
from tavs.store.files import keys_of, rest_of
from tavs.store.kept import artifacts, holds, utc

PROGRAM = "keep"
REAL_DISK = Disk()
SETTLED = timedelta(days=1)
BATCH = 100
"""Artifacts between two commits: a call that is being written never waits long."""
CHECKPOINT_TRIES = 20
CHECKPOINT_PAUSE_S = 0.1
"""Between two tries: what reads the database for a moment has ended by then, and whoever writes gets his turn."""


@dataclass(frozen=True, slots=True)
class Item:
    """An artifact that goes, and why."""

    artifact: int
    call: CallId
    kind: ArtifactKind
    part: int
    reason: Reason

    def document(self) -> dict[str, object]:
        return {"call": self.call, "kind": self.kind.value, "part": self.part, "reason": self.reason.value}


@dataclass(slots=True)
class Swept:
    deleted: list[Item] = field(default_factory=list)
    held: int = 0
    """Overdue but for a hold."""
    stuck: int = 0
    """Marked and not destroyed: the disk refused. They are tried again by every sweep."""
    is_erased: bool = True
    """False where a reader kept the log from being emptied: ciphertext without a key is still in it."""


Progress = Callable[[int, int], None]
"""Called with how many are done, of how many."""


def plan(connection: Connection, now: datetime) -> tuple[list[Item], int]:
    """What a sweep at that time deletes, and how many overdue artifacts a hold keeps; touches nothing."""
    overdue = list(artifacts(connection, "keep_until <= ? order by keep_until, artifacts.id", (utc(now),)))
    reasons = due(overdue, holds(connection, "released_at is null"), now)
    marked = _marked(connection)
    going = {item.artifact for item in marked}
    items = [
        Item(each.id, each.call, each.kind, _part(connection, each.id), reasons[each.id])
        for each in overdue
        if each.id in reasons and each.id not in going
    ]
    return marked + items, len(overdue) - len(reasons)


def sweep(
    connection: Connection,
    home: Home,
    *,
    now: datetime,
    at: datetime,
    disk: Disk = REAL_DISK,
    progress: Progress = lambda done, of: None,
) -> Swept:
    """Delete what is due at the trusted time `now`; `at` is the wall clock that receipts carry. Raises StoreError.

    What was marked before a failure stays marked, and goes with the next sweep.
    """
    items, held = plan(connection, now)
    swept = Swept(held=held)
    run = _begin(connection, at)
    for start in range(0, len(items), BATCH):
        batch = items[start : start + BATCH]
        going = _mark(connection, batch, now, at)
        gone = _destroyed(going, home, disk)
        _clear(connection, gone, at)
        swept.deleted += gone
        swept.stuck += len(going) - len(gone)
        progress(start + len(batch), len(items))
    _forget_empty_calls(connection, home, now, disk)
    swept.is_erased = emptied(connection)
    with transaction(connection):
        connection.execute(
            "update sweeps set completed_at = ?, deleted = ?, held = ?, free_bytes = ? where id = ?",
            (utc(at), len(swept.deleted), held, shutil.disk_usage(home.var).free, run),
        )
    return swept


def emptied(connection: Connection) -> bool:
    """Whether the log could be emptied into the database: old pages are gone only then.

    To truncate is to keep every writer out, for as long as SQLite waits for the readers; so it does not wait, and what
    can be moved before holds up nobody.
    """
    connection.execute("pragma wal_checkpoint(passive)")
    connection.execute("pragma busy_timeout = 0")
    try:
        for attempt in range(CHECKPOINT_TRIES):
            if attempt:
                time.sleep(CHECKPOINT_PAUSE_S)
            busy, _, _ = connection.execute("pragma wal_checkpoint(truncate)").fetchone()
            if not busy:
                return True
        return False
    finally:
        connection.execute(f"pragma busy_timeout = {BUSY_MS}")


def suspended(connection: Connection, at: datetime, verdict: Verdict) -> Swept:
    """A run that deleted nothing, because the clock cannot be trusted."""
    with transaction(connection):
        connection.execute("insert into sweeps (started_at, suspended) values (?, ?)", (utc(at), verdict.value))
    return Swept()


@contextmanager
def alone(home: Home) -> Iterator[None]:
    """One sweep at a time. Raises StoreError for the second.

    The folder itself is locked: a full disk has no room for a file, and a file of another user's could not be opened.
    """
    descriptor = os.open(home.database.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StoreError("another sweep is under way", "wait for it; it deletes what this one would have") from None
    try:
        yield
    finally:
        os.close(descriptor)


def _begin(connection: Connection, at: datetime) -> int:
    with transaction(connection):
        row = connection.execute("insert into sweeps (started_at) values (?) returning id", (utc(at),)).fetchone()
    return int(row[0])


def _mark(connection: Connection, batch: Sequence[Item], now: datetime, at: datetime) -> list[Item]:
    """The items of a batch that are due still, marked. Holds and grants are read again here."""
    going: list[Item] = []
    with transaction(connection):
        already = {item.artifact for item in _marked(connection)}
        waiting = [item for item in batch if item.artifact not in already]
        places = ", ".join("?" * len(waiting))
        again = artifacts(connection, f"artifacts.id in ({places})", [item.artifact for item in waiting])
        reasons = due(again, holds(connection, "released_at is null"), now)
        for item in batch:
            if item.artifact in already:
                going.append(item)
            elif item.artifact in reasons:
                reason = reasons[item.artifact]
                connection.execute(
                    "insert into deletions (artifact, call, kind, part, file, reason, marked_at)"
                    " select id, call, kind, part, file, ?, ? from artifacts where id = ?",
                    (reason.value, utc(at), item.artifact),
                )
                going.append(replace(item, reason=reason))
    return going


def _destroyed(going: Sequence[Item], home: Home, disk: Disk) -> list[Item]:
    """The items whose key and files are gone: all at once, or one by one where something refuses."""
    try:
        destroy(*_files(going, home), disk)
    except StoreError:
        if len(going) <= 1:
            return []
        return [item for each in going for item in _destroyed([each], home, disk)]
    return list(going)


def _files(going: Sequence[Item], home: Home) -> tuple[list[Path], list[Path]]:
    keys = [path for item in going for path in keys_of(home, item.call, item.kind, item.part)]
    return keys, [path for item in going for path in rest_of(home, item.call, item.kind, item.part)]


def _clear(connection: Connection, going: Sequence[Item], at: datetime) -> None:
    with transaction(connection):
        for item in going:
            if item.kind is ArtifactKind.MASKED_TRANSCRIPT:
                connection.execute("delete from suggestions where call = ?", (item.call,))
                connection.execute("delete from segments where call = ?", (item.call,))
            connection.execute("delete from artifacts where id = ?", (item.artifact,))
            head = audit.append(
                connection, at=at, kind=audit.Kind.DELETION, actor=PROGRAM, call=item.call, artifact=item.artifact,
                what=item.kind, part=item.part, reason=item.reason,
            )  # fmt: skip
            connection.execute(
                "insert into receipts values (?, ?, ?, ?, ?, ?, ?)",
                (item.artifact, item.call, item.kind.value, item.part, item.reason.value, utc(at), head),
            )
            connection.execute("delete from deletions where artifact = ?", (item.artifact,))


def _forget_empty_calls(connection: Connection, home: Home, now: datetime, disk: Disk) -> None:
    """Calls of which nothing is kept any more, or never was; a day after their end no file of theirs comes in.

    A key for masked text goes with them: where the desk died before it wrote the text, no artifact names it. It takes
    a look at every call to find them, so they are looked for before anybody else has to wait.
    """
    is_empty = (
        "ended_at is not null and not exists (select 1 from artifacts where call = calls.id)"
        " and (ended_at < ? or exists (select 1 from receipts where call = calls.id))"
    )
    settled = utc(now - SETTLED)
    calls = [CallId(row[0]) for row in connection.execute(f"select id from calls where {is_empty}", (settled,))]
    for start in range(0, len(calls), BATCH):
        batch = calls[start : start + BATCH]
        keys = [path for call in batch for path in keys_of(home, call, ArtifactKind.MASKED_TRANSCRIPT, 0)]
        try:
            destroy([path for path in keys if path.exists()], [], disk)
        except StoreError:
            continue  # their rows stay, and the next sweep finds them
        with transaction(connection):
            for call in batch:
                connection.execute(f"delete from calls where id = ? and {is_empty}", (call, settled))


def _marked(connection: Connection) -> list[Item]:
    rows = connection.execute("select artifact, call, kind, part, reason from deletions order by artifact").fetchall()
    return [
        Item(artifact, CallId(call), ArtifactKind(kind), part, Reason(reason))
        for artifact, call, kind, part, reason in rows
    ]


def _part(connection: Connection, artifact: int) -> int:
    return int(connection.execute("select part from artifacts where id = ?", (artifact,)).fetchone()[0])
