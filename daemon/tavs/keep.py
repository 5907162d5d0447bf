"""Process 3, by a timer: closed files go to the archive, what is due goes for good, the audit chain is signed.

    incoming ─▶ archive ─▶ sweep ─▶ what left the box ─▶ head of the chain

1. Deletion depends on a clock that can be trusted (retention/clock_guard.py): a jump stops it until somebody confirms.
2. A policy that cannot be read stops everything here before anything is touched.
3. A full disk does not stop it: the reserve is for this program only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime

from tavs.errors import StoreError
from tavs.host import credentials
from tavs.host.clock import Clock
from tavs.host.home import Home
from tavs.host.journal import Digest, Message, say
from tavs.host.metrics import Figure, write
from tavs.retention import clock_guard, reserve
from tavs.retention.archive import archive
from tavs.retention.clock_guard import Verdict
from tavs.retention.policy import load
from tavs.retention.sweep import PROGRAM, Item, Progress, Swept, alone, plan, suspended, sweep
from tavs.status import figures, read
from tavs.store import audit, egress
from tavs.store.clock_mark import read_mark, trusted_now, write_mark
from tavs.store.database import Connection, blamed, open_reader, open_writer, transaction


@dataclass(frozen=True, slots=True)
class Kept:
    """One run."""

    swept: Swept
    archived: int
    is_suspended: bool
    """The clock has jumped: nothing was deleted."""
    head: audit.Head | None


def rehearse(home: Home, now: datetime) -> tuple[list[Item], int]:
    """What a sweep at that time would delete, and how many overdue artifacts are held. Touches nothing."""
    load(home.retention)
    with blamed(home.database), closing(open_reader(home.database)) as connection:
        return plan(connection, now)


def run(
    home: Home, clock: Clock, *, pretended: datetime | None = None, progress: Progress = lambda done, of: None
) -> Kept:
    """One run. `pretended` takes the place of the trusted time in a test home. Raises ConfigError, StoreError."""
    load(home.retention)
    if not home.database.exists():
        raise StoreError(f"there is no database at {home.database}", "the desk makes it when it starts")
    with (
        alone(home),
        reserve.freed_if_full(home),
        blamed(home.database),
        closing(open_writer(home.database)) as connection,
    ):
        kept = _run(connection, home, clock, pretended, progress)
    with suppress(OSError):  # a full disk costs the figures before anything else
        write(home.metrics / "keep.prom", [*figures(read(home, clock.now())), *_chain(kept.head)])
    return kept


def _chain(head: audit.Head | None) -> Iterator[Figure]:
    """The signed head of the audit log, so that a log cut or written anew later shows."""
    if head:
        yield Figure("audit_head", head.sequence, "Rows of the audit log, and its head.", {"hash": Digest(head.hash)})


def _run(connection: Connection, home: Home, clock: Clock, pretended: datetime | None, progress: Progress) -> Kept:
    now = clock.now()
    with transaction(connection):
        judgement = clock_guard.judge(read_mark(connection), clock_guard.read(clock))
        write_mark(connection, judgement.mark)
    if judgement.verdict is Verdict.BACK:
        say(Message.CLOCK_BEHIND)
    archived = archive(connection, home, now)
    is_suspended = judgement.verdict is Verdict.FORWARD and pretended is None
    if is_suspended:
        say(Message.CLOCK_JUMPED)
        swept = suspended(connection, now, judgement.verdict)
    else:
        swept = sweep(connection, home, now=pretended or judgement.trusted_now, at=now, progress=progress)
        say(Message.SWEPT, deleted=len(swept.deleted), held=swept.held, stuck=swept.stuck)
        if not swept.is_erased:
            say(Message.NOT_ERASED_YET)
    with transaction(connection):
        egress.trim(connection, trusted_now(connection, clock))
        egress.witness(connection, actor=PROGRAM, at=now)
    head = _sign(connection, home, now)
    if head:
        say(Message.AUDIT_HEAD, sequence=head.sequence, hash=Digest(head.hash))
    return Kept(swept, archived, is_suspended, head)


def _sign(connection: Connection, home: Home, now: datetime) -> audit.Head | None:
    with transaction(connection):
        return audit.sign_head(connection, credentials.load("audit", home), now)
