"""Evidence that comes after the call, and the grants that follow from all the evidence there is then."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from tavs.errors import UsageError
from tavs.events import CallId, Purpose
from tavs.retention.consent import Evidence, decide
from tavs.retention.policy import EndedBy, Grant
from tavs.store.database import Connection, transaction
from tavs.store.grants import end, enter_evidence, give
from tavs.store.kept import artifacts, evidence, policy_of

_WORD = re.compile(r"[A-Za-z0-9_.*#-]{0,32}", re.ASCII)
"""As the PBX writes it (call/consent.py): rows hold no prose."""


def enter(connection: Connection, call: CallId, given: Evidence, *, zone: str, actor: str, now: datetime) -> bool:
    """Whether the call has consent now. Raises UsageError for a call that is not there and for prose.

    A consent gives what the call's policy gives from its end; what takes it away ends the grants that rested on it.
    """
    if not all(map(_WORD.fullmatch, (given.pressed, given.prompt, given.prompt_version, given.language))):
        raise UsageError("evidence is in the words of a phone menu", "keys, ids and versions of up to 32 characters")
    with transaction(connection):
        row = connection.execute("select ended_at from calls where id = ?", (call,)).fetchone()
        if row is None:
            raise UsageError("there is no such call", "`tavs calls` lists them")
        enter_evidence(connection, call, given, by=actor, now=now)
        has_consent = decide(evidence(connection, call))
        known = policy_of(connection, call)
        if row[0] and known:
            version, policy = known
            for each in artifacts(connection, "calls.id = ?", (call,)):
                if has_consent:
                    for grant in policy.grants_for(
                        each.kind, call_ended_at=datetime.fromisoformat(row[0]), zone=ZoneInfo(zone), has_consent=True
                    ):
                        if grant.purpose is Purpose.QUALITY and grant.until > now and not _lives(each.grants, now):
                            give(connection, each.id, call, grant, origin=f"policy {version}", actor=actor, at=now)
                else:
                    for grant in each.grants:
                        if grant.purpose is Purpose.QUALITY:
                            end(connection, each.id, call, grant, at=now, by=EndedBy.WITHDRAWAL, actor=actor, now=now)
    return has_consent


def _lives(grants: tuple[Grant, ...], now: datetime) -> bool:
    return any(grant.purpose is Purpose.QUALITY and grant.until > now for grant in grants)
