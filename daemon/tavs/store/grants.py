"""What an artifact may be kept for: grants, consents, policies enter and end here, each with its audit row.

Every function expects a transaction that its caller has begun.
"""

from __future__ import annotations

from datetime import datetime

from tavs.events import CallId
from tavs.retention.consent import Evidence
from tavs.retention.policy import EndedBy, Grant, Policy
from tavs.store import audit
from tavs.store.database import Connection
from tavs.store.kept import policy_in_force, utc


def give(
    connection: Connection, artifact: int, call: CallId, grant: Grant, *, origin: str, actor: str, at: datetime
) -> None:
    """A grant for an artifact; one that stands for the purpose is replaced."""
    connection.execute(
        "insert into grants (artifact, purpose, legal_basis, granted_at, expires_at, origin) values (?, ?, ?, ?, ?, ?)"
        " on conflict (artifact, purpose) do update set legal_basis = excluded.legal_basis,"
        " granted_at = excluded.granted_at, expires_at = excluded.expires_at, origin = excluded.origin,"
        " ended_at = null, ended_by = null",
        (artifact, grant.purpose.value, grant.legal_basis, utc(grant.granted_at), utc(grant.expires_at), origin),
    )
    audit.append(
        connection,
        at=at,
        kind=audit.Kind.GRANT,
        actor=actor,
        call=call,
        artifact=artifact,
        purpose=grant.purpose,
        until=grant.expires_at,
    )


def end(
    connection: Connection,
    artifact: int,
    call: CallId,
    grant: Grant,
    *,
    at: datetime,
    by: EndedBy,
    actor: str,
    now: datetime,
) -> bool:
    """End a grant before its time; says whether it lived longer than that."""
    ended = grant.ended(at, by)
    if ended is grant or ended == grant:
        return False
    connection.execute(
        "update grants set ended_at = ?, ended_by = ? where artifact = ? and purpose = ?",
        (utc(at), by.value, artifact, grant.purpose.value),
    )
    audit.append(
        connection,
        at=now,
        kind=audit.Kind.GRANT_ENDED,
        actor=actor,
        call=call,
        artifact=artifact,
        purpose=grant.purpose,
        by=by,
        until=at,
    )
    return True


def enter_evidence(connection: Connection, call: CallId, given: Evidence, *, by: str, now: datetime) -> None:
    connection.execute(
        "insert into consents (call, purpose, answer, source, pressed, prompt, prompt_version, language, at,"
        " recorded_at, recorded_by) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            call,
            given.purpose.value,
            given.answer.value,
            given.source.value,
            given.pressed,
            given.prompt,
            given.prompt_version,
            given.language,
            utc(given.at),
            utc(now),
            by,
        ),
    )
    audit.append(
        connection,
        at=now,
        kind=audit.Kind.CONSENT,
        actor=by,
        call=call,
        purpose=given.purpose,
        answer=given.answer,
        source=given.source,
    )


def enter_policy(connection: Connection, policy: Policy, *, actor: str, now: datetime) -> int:
    """The version of a policy; one that differs from the policy in force becomes the next version, for new calls."""
    known = policy_in_force(connection)
    if known and known[1] == policy:
        return known[0]
    version = known[0] + 1 if known else 1
    connection.execute(
        "insert into policies values (?, ?, ?, ?, ?)", (version, policy.document(), policy.sha256, utc(now), actor)
    )
    audit.append(
        connection, at=now, kind=audit.Kind.POLICY, actor=actor, version=version, sha256=audit.Sha256(policy.sha256)
    )
    return version
