"""What an artifact may be kept for: grants, consents, policies enter and end here, each with its audit row.

Every function expects a transaction that its caller has begun.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from tavs.events import ArtifactKind, CallId, Purpose
from tavs.retention.consent import Evidence, decide
from tavs.retention.policy import EndedBy, Grant, Policy
from tavs.store import audit
from tavs.store.database import Connection
from tavs.store.kept import artifacts, evidence, policies_since, policy_in_force, utc


def grants_due(
    connection: Connection,
    call: CallId,
    kind: ArtifactKind,
    *,
    call_ended_at: datetime,
    zone: ZoneInfo,
    has_consent: bool,
) -> tuple[str, list[Grant]]:
    """Where they come from, and what an artifact gets whenever it or its consent comes in.

    That is what the call's policy gave at its end, less what policies confirmed since have shortened.
    """
    (version, policy, _), *later = policies_since(connection, call)
    found = policy.grants_for(kind, call_ended_at=call_ended_at, zone=zone, has_consent=has_consent)
    for _, shorter, confirmed_at in later:
        if confirmed_at:
            found = tuple(shorter.shorten(kind, each, zone=zone, confirmed_at=confirmed_at) for each in found)
    return f"policy {version}", list(found)


def give(
    connection: Connection, artifact: int, call: CallId, grant: Grant, *, origin: str, actor: str, at: datetime
) -> None:
    """A grant for an artifact; one that stands for the purpose is replaced."""
    connection.execute(
        "insert into grants (artifact, purpose, legal_basis, granted_at, expires_at, origin, ended_at, ended_by)"
        " values (?, ?, ?, ?, ?, ?, ?, ?)"
        " on conflict (artifact, purpose) do update set legal_basis = excluded.legal_basis,"
        " granted_at = excluded.granted_at, expires_at = excluded.expires_at, origin = excluded.origin,"
        " ended_at = excluded.ended_at, ended_by = excluded.ended_by",
        (
            artifact,
            grant.purpose.value,
            grant.legal_basis,
            utc(grant.granted_at),
            utc(grant.expires_at),
            origin,
            utc(grant.ended_at) if grant.ended_at else None,
            grant.ended_by.value if grant.ended_by else None,
        ),
    )
    audit.append(
        connection,
        at=at,
        kind=audit.Kind.GRANT,
        actor=actor,
        call=call,
        artifact=artifact,
        purpose=grant.purpose,
        until=grant.until,
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


def follow_evidence(connection: Connection, call: CallId, *, zone: ZoneInfo, actor: str, now: datetime) -> bool:
    """Whether the evidence there is gives consent; the grants of a call that has ended are made to agree with it.

    A consent gives what the call's policy gives from its end, less what was shortened since; what takes it away ends
    the grants that rested on it.
    """
    has_consent = decide(evidence(connection, call))
    (ended_at,) = connection.execute("select ended_at from calls where id = ?", (call,)).fetchone()
    for each in artifacts(connection, "calls.id = ?", (call,)) if ended_at else ():
        living = [grant for grant in each.grants if grant.purpose is Purpose.QUALITY and grant.until > now]
        if not has_consent:
            for grant in living:
                end(connection, each.id, call, grant, at=now, by=EndedBy.WITHDRAWAL, actor=actor, now=now)
        elif not living:
            origin, found = grants_due(
                connection, call, each.kind, call_ended_at=datetime.fromisoformat(ended_at), zone=zone, has_consent=True
            )
            for grant in found:
                if grant.purpose is Purpose.QUALITY and grant.until > now:
                    give(connection, each.id, call, grant, origin=origin, actor=actor, at=now)
    return has_consent


def enter_policy(connection: Connection, policy: Policy, *, actor: str, now: datetime) -> int:
    """The version of a policy; one that differs from the policy in force becomes the next version, for new calls."""
    known = policy_in_force(connection)
    if known and known[1] == policy:
        return known[0]
    version = known[0] + 1 if known else 1
    connection.execute(
        "insert into policies (version, document, sha256, in_force_from, applied_by) values (?, ?, ?, ?, ?)",
        (version, policy.document(), policy.sha256, utc(now), actor),
    )
    audit.append(
        connection, at=now, kind=audit.Kind.POLICY, actor=actor, version=version, sha256=audit.Sha256(policy.sha256)
    )
    return version
