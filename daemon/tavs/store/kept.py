"""Rows of what is kept as the values that retention decides on."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

from tavs.errors import StoreError
from tavs.events import ArtifactKind, CallId, PartyRef, Purpose
from tavs.retention.consent import Answer, Evidence, Source
from tavs.retention.holds import CaseRef, Hold, HoldKind, Outcome
from tavs.retention.policy import Artifact, EndedBy, Grant, Policy
from tavs.store.database import Connection

GRANT_COLUMNS = "purpose, legal_basis, granted_at, expires_at, ended_at, ended_by"


def utc(moment: datetime) -> str:
    """How a time of day is written in every row, so that rows sort by time."""
    return moment.astimezone(UTC).isoformat()


def artifacts(connection: Connection, where: str, values: Iterable[object] = ()) -> Iterator[Artifact]:
    """The artifacts of a condition on `artifacts` and `calls`, with their grants."""
    rows = connection.execute(
        f"select artifacts.id, call, kind, party_ref from artifacts join calls on calls.id = call where {where}",
        tuple(values),
    ).fetchall()
    for number, call, kind, party_ref in rows:
        yield Artifact(
            id=number,
            call=CallId(call),
            kind=ArtifactKind(kind),
            party_ref=PartyRef(party_ref) if party_ref else None,
            grants=tuple(grants(connection, number)),
        )


def grants(connection: Connection, artifact: int) -> Iterator[Grant]:
    rows = connection.execute(f"select {GRANT_COLUMNS} from grants where artifact = ? order by purpose", (artifact,))
    for purpose, legal_basis, granted_at, expires_at, ended_at, ended_by in rows:
        yield Grant(
            purpose=Purpose(purpose),
            legal_basis=legal_basis,
            granted_at=datetime.fromisoformat(granted_at),
            expires_at=datetime.fromisoformat(expires_at),
            ended_at=datetime.fromisoformat(ended_at) if ended_at else None,
            ended_by=EndedBy(ended_by) if ended_by else None,
        )


def holds(connection: Connection, where: str = "true", values: Iterable[object] = ()) -> tuple[Hold, ...]:
    rows = connection.execute(
        "select id, kind, call, party_ref, transcript_basis, case_ref, owner, placed_at, review_on, released_at,"
        f" outcome from holds where {where} order by id",
        tuple(values),
    ).fetchall()
    return tuple(map(_hold, rows))


def _hold(row: tuple[Any, ...]) -> Hold:
    number, kind, call, party_ref, transcript_basis, case, owner, placed_at, review_on, released_at, outcome = row
    return Hold(
        id=number,
        kind=HoldKind(kind),
        call=CallId(call) if call else None,
        party_ref=PartyRef(party_ref) if party_ref else None,
        transcript_basis=transcript_basis,
        case_ref=CaseRef(case),
        owner=owner,
        placed_at=datetime.fromisoformat(placed_at),
        review_on=date.fromisoformat(review_on),
        released_at=datetime.fromisoformat(released_at) if released_at else None,
        outcome=Outcome(outcome) if outcome else None,
    )


def holds_over(connection: Connection, call: CallId, party_ref: PartyRef | None) -> tuple[Hold, ...]:
    """The holds that stand over a call, by itself or by its number."""
    return holds(connection, "released_at is null and (call = ? or party_ref = ?)", (call, party_ref))


def evidence(connection: Connection, call: CallId) -> list[Evidence]:
    rows = connection.execute(
        "select purpose, answer, source, pressed, prompt, prompt_version, language, at from consents"
        " where call = ? order by id",
        (call,),
    ).fetchall()
    return [
        Evidence(
            purpose=Purpose(purpose),
            answer=Answer(answer),
            source=Source(source),
            pressed=pressed,
            prompt=prompt,
            prompt_version=prompt_version,
            language=language,
            at=datetime.fromisoformat(at),
        )
        for purpose, answer, source, pressed, prompt, prompt_version, language, at in rows
    ]


def policy_in_force(connection: Connection) -> tuple[int, Policy] | None:
    """The policy with the highest version; None before the first was entered."""
    row = connection.execute("select version, document from policies order by version desc limit 1").fetchone()
    return (row[0], Policy.from_document(row[1])) if row else None


def policies_since(connection: Connection, call: CallId) -> list[tuple[int, Policy, datetime | None]]:
    """The policy in force when a call ended and those after it, each with when it was confirmed for what was kept.

    For a call that runs it begins with the policy in force now. Raises StoreError where no policy was ever entered.
    """
    rows = connection.execute(
        "select version, document, confirmed_at from policies where version >= coalesce("
        "(select policy from calls where id = ?), (select max(version) from policies)) order by version",
        (call,),
    ).fetchall()
    if not rows:
        raise StoreError("no retention policy is in force", "the desk enters it when it starts")
    return [
        (version, _policy(document), datetime.fromisoformat(confirmed_at) if confirmed_at else None)
        for version, document, confirmed_at in rows
    ]


@functools.lru_cache(maxsize=64)
def _policy(document: str) -> Policy:
    return Policy.from_document(document)


def policy_since(connection: Connection) -> tuple[int, datetime] | None:
    """The version of the policy in force, and since when."""
    row = connection.execute("select version, in_force_from from policies order by version desc limit 1").fetchone()
    return (row[0], datetime.fromisoformat(row[1])) if row else None
