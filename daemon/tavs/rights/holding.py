"""Holds as rows: placed, listed, released, each with its row in the audit chain. The reason is prose, and sealed."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta

import nacl.public

from tavs.errors import UsageError
from tavs.events import ArtifactKind, CallId, PartyRef, Purpose
from tavs.retention.holds import CaseRef, Hold, HoldKind, Outcome, covers
from tavs.retention.policy import Artifact, Grant, article, limitation
from tavs.store import audit
from tavs.store.database import Connection, transaction
from tavs.store.grants import give
from tavs.store.kept import artifacts, holds, utc

REVIEW_AFTER = timedelta(days=90)
"""When nobody names a day, somebody looks again after a quarter of a year."""


def place(
    connection: Connection,
    *,
    kind: HoldKind,
    call: CallId | None,
    party_ref: PartyRef | None,
    reason: str,
    owner: str,
    review_on: date | None,
    case: CaseRef,
    transcript_basis: str | None,
    site_public: bytes,
    actor: str,
    now: datetime,
) -> int:
    """The number of the new hold. Raises UsageError for a call that is not there, no reason, no owner, no article."""
    if not reason.strip() or not owner.strip():
        raise UsageError("a hold needs a reason and an owner", "say why it is kept, and who looks after it")
    if call is not None and connection.execute("select 1 from calls where id = ?", (call,)).fetchone() is None:
        raise UsageError("there is no such call", "`tavs calls` lists them")
    review = review_on or (now + REVIEW_AFTER).date()
    if review < now.date():
        raise UsageError("the review date has passed", "name a day to come")
    prose = reason.strip().encode()
    sealed = nacl.public.SealedBox(nacl.public.PublicKey(site_public)).encrypt(prose)
    digest = hashlib.sha256(prose).hexdigest()
    with transaction(connection):
        row = connection.execute(
            "insert into holds (kind, call, party_ref, transcript_basis, case_ref, reason_sealed, reason_sha256, owner,"
            " placed_at, placed_by, review_on) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) returning id",
            (
                kind.value,
                call,
                party_ref,
                transcript_basis and article(transcript_basis),
                case,
                sealed,
                digest,
                owner.strip(),
                utc(now),
                actor,
                review.isoformat(),
            ),
        ).fetchone()
        placed = audit.Kind.RESTRICTION if kind is HoldKind.RESTRICTION else audit.Kind.HOLD_PLACED
        audit.append(
            connection,
            at=now,
            kind=placed,
            actor=actor,
            call=call,
            hold=int(row[0]),
            what=kind,
            review=review,
            reason=audit.Sha256(digest),
            **({"case": case} if case else {}),
        )
    return int(row[0])


def release(
    connection: Connection,
    number: int,
    *,
    outcome: Outcome,
    legal_basis: str,
    until: datetime | None,
    actor: str,
    now: datetime,
) -> int:
    """Release a hold; says how many artifacts got a grant for limitation. Raises UsageError."""
    if (outcome is Outcome.LIMITATION) != (until is not None):
        raise UsageError(
            "limitation needs the day on which claims lapse, and nothing else does", "name it with --until"
        )
    with transaction(connection):
        hold = _standing(connection, number)
        grant = limitation(legal_basis, released_at=now, expires_at=until) if until else None
        kept = _leave(connection, hold, grant, actor, now) if grant else 0
        connection.execute(
            "update holds set released_at = ?, released_by = ?, outcome = ? where id = ?",
            (utc(now), actor, outcome.value, number),
        )
        audit.append(
            connection, at=now, kind=audit.Kind.HOLD_RELEASED, actor=actor, call=hold.call, hold=number, outcome=outcome
        )
    return kept


def _standing(connection: Connection, number: int) -> Hold:
    found = holds(connection, "id = ?", (number,))
    if not found:
        raise UsageError(f"there is no hold {number}", "`tavs hold list` shows them")
    if found[0].released_at:
        raise UsageError(f"hold {number} was released already", "`tavs hold list` shows which stand")
    return found[0]


def _leave(connection: Connection, hold: Hold, grant: Grant, actor: str, now: datetime) -> int:
    """Give what a released hold leaves to everything that it covered; says to how many artifacts."""
    covered = [
        each
        for each in artifacts(connection, "calls.id = ? or calls.party_ref = ?", (hold.call, hold.party_ref))
        if each.kind is not ArtifactKind.MASKED_TRANSCRIPT and covers(hold, each) and not _lasts(each, grant)
    ]
    for each in covered:
        give(connection, each.id, each.call, grant, origin=f"hold {hold.id}", actor=actor, at=now)
    return len(covered)


def _lasts(artifact: Artifact, grant: Grant) -> bool:
    """Whether another hold has left as much: its claims lapse no sooner for this one."""
    return any(each.purpose is Purpose.LIMITATION and each.until >= grant.until for each in artifact.grants)
