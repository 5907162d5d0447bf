"""What a person may ask for: to find, to take consent back, to object, to be erased (GDPR articles 7, 15, 17, 18, 21).

1. A number is not a person: each call is confirmed by whoever handles the request, before anything is done to it.
2. Who wants it erased has taken consent back: what a phone menu tells of later gives nothing back.
3. Nothing is deleted here. Grants end, and what has none left goes with the next sweep, under the holds that stand.
4. What stays is named, with the reason and the day it ends.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tavs.call.party import normalised, party_ref
from tavs.errors import UsageError
from tavs.events import ArtifactKind, CallId, PartyRef, Purpose
from tavs.host import credentials
from tavs.host.home import Home
from tavs.retention.consent import Answer, Evidence, Source
from tavs.retention.policy import EndedBy, Ending, Grant, next_event
from tavs.store import audit
from tavs.store.database import Connection, transaction
from tavs.store.grants import end, enter_evidence
from tavs.store.kept import artifacts, holds_over

REGION = "DK"


class Stays(enum.StrEnum):
    """Why an artifact is not erased."""

    DOCUMENTATION = "documentation of agreements and claims (GDPR article 17(3)(e))"
    LIMITATION = "claims that have not lapsed (GDPR article 17(3)(e))"
    CONSENT = "consent that was not taken back (GDPR article 6(1)(a))"
    HOLD = "a hold"


@dataclass(frozen=True, slots=True)
class Kept:
    """An artifact after a request: what stays, why, and until when."""

    call: CallId
    kind: ArtifactKind
    why: Stays
    until: datetime | None
    """None for a hold, which has no end of its own."""

    def document(self) -> dict[str, object]:
        until = self.until.isoformat() if self.until else None
        return {"call": self.call, "kind": self.kind.value, "why": self.why.value, "until": until}


@dataclass(frozen=True, slots=True)
class Done:
    """What a request changed."""

    ended: int
    """Grants that ended now."""
    stays: tuple[Kept, ...]


REQUESTS = {
    EndedBy.WITHDRAWAL: (audit.Kind.WITHDRAWAL, frozenset([Purpose.QUALITY, Purpose.TRAINING])),
    EndedBy.OBJECTION: (audit.Kind.OBJECTION, frozenset([Purpose.TRAINING])),
    EndedBy.ERASURE: (audit.Kind.ERASURE, frozenset([Purpose.QUALITY, Purpose.TRAINING])),
}
"""What each request ends. Documentation stays: legal claims need it (17(3)(e)), which outweighs objections (21(1))."""


def references(home: Home, number: str) -> list[PartyRef]:
    """The keyed hashes of a number, one for each index key that still has calls. Raises UsageError for no number."""
    if normalised(number, REGION) is None:
        raise UsageError("that is no telephone number", "write it as dialled, or with its country as +45 …")
    found = (party_ref(number, key, REGION) for key in credentials.index_keys(home))
    return [reference for reference in found if reference]


def calls_of(connection: Connection, references: list[PartyRef]) -> list[tuple[CallId, str]]:
    """(call, when it began) of a number, the newest first."""
    places = ", ".join("?" * len(references))
    rows = connection.execute(
        f"select id, started_at from calls where party_ref in ({places}) order by started_at desc", references
    )
    return [(CallId(call), started_at) for call, started_at in rows]


def ask(connection: Connection, call: CallId, by: EndedBy, *, actor: str, now: datetime) -> Done:
    """End what a request ends for one confirmed call. Raises UsageError for a call that is not there or still runs."""
    kind, purposes = REQUESTS[by]
    with transaction(connection):
        reference = _reference(connection, call)
        if by in (EndedBy.WITHDRAWAL, EndedBy.ERASURE):
            enter_evidence(connection, call, _taken_back(now), by=actor, now=now)
        ended = sum(
            end(connection, each.id, call, grant, at=now, by=by, actor=actor, now=now)
            for each in artifacts(connection, "calls.id = ?", (call,))
            for grant in each.grants
            if grant.purpose in purposes or (by is EndedBy.OBJECTION and _is_open_to_objection(grant))
        )
        audit.append(connection, at=now, kind=kind, actor=actor, call=call, ended=ended)
        stays = tuple(_stays(connection, call, reference, now))
    return Done(ended, stays)


def _is_open_to_objection(grant: Grant) -> bool:
    """Quality, where the site has it rest on an interest of its own instead of consent (GDPR article 21(1))."""
    return grant.purpose is Purpose.QUALITY and not grant.legal_basis.startswith("6(1)(a)")


def _reference(connection: Connection, call: CallId) -> PartyRef | None:
    row = connection.execute("select party_ref, ended_at from calls where id = ?", (call,)).fetchone()
    if row is None:
        raise UsageError("there is no such call", "`tavs calls` lists them")
    if row[1] is None:
        raise UsageError("the call has not ended, and what it will leave is not there yet", "ask again when it has")
    return PartyRef(row[0]) if row[0] else None


def _taken_back(now: datetime) -> Evidence:
    return Evidence(
        purpose=Purpose.QUALITY,
        answer=Answer.NO,
        source=Source.OFFICER,
        pressed="",
        prompt="",
        prompt_version="",
        language="",
        at=now,
    )


def _stays(connection: Connection, call: CallId, reference: PartyRef | None, now: datetime) -> Iterator[Kept]:
    standing = holds_over(connection, call, reference)
    for each in artifacts(connection, "calls.id = ?", (call,)):
        living = [grant for grant in each.grants if grant.until > now]
        if living:
            last = max(living, key=lambda grant: grant.until)
            yield Kept(call, each.kind, _why(last), last.until)
        if next_event(each, standing, now).what is Ending.HOLD:
            yield Kept(call, each.kind, Stays.HOLD, None)


def _why(grant: Grant) -> Stays:
    reasons = {Purpose.LIMITATION: Stays.LIMITATION, Purpose.QUALITY: Stays.CONSENT}
    return reasons.get(grant.purpose, Stays.DOCUMENTATION)
