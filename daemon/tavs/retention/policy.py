"""What may be kept for what, on which basis, and until when. Pure: the table and the calendar.

No evidence of consent, no grant for quality. Every period runs from the end of the call and is frozen in the grant.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from tavs.events import ArtifactKind, Purpose
from tavs.retention.periods import Period


@dataclass(frozen=True, slots=True)
class Rule:
    kind: ArtifactKind
    purpose: Purpose
    legal_basis: str
    """Article of the GDPR."""
    period: Period
    needs_consent: bool


@dataclass(frozen=True, slots=True)
class Grant:
    purpose: Purpose
    legal_basis: str
    granted_at: datetime
    expires_at: datetime


DEFAULTS = (
    Rule(ArtifactKind.RECORDING, Purpose.DOCUMENTATION, "6(1)(f)", Period(years=1), False),
    Rule(ArtifactKind.RECORDING, Purpose.QUALITY, "6(1)(a)", Period(months=6), True),
    Rule(ArtifactKind.TRANSCRIPT, Purpose.QUALITY, "6(1)(a)", Period(years=3), True),
    Rule(ArtifactKind.MASKED_TRANSCRIPT, Purpose.TRAINING, "6(1)(f)", Period(days=30), False),
)


def grants_for(
    kind: ArtifactKind,
    *,
    call_ended_at: datetime,
    zone: ZoneInfo,
    has_consent: bool,
    rules: tuple[Rule, ...] = DEFAULTS,
) -> tuple[Grant, ...]:
    """The grants an artifact of a call gets when the call ends."""
    return tuple(
        Grant(rule.purpose, rule.legal_basis, call_ended_at, rule.period.after(call_ended_at, zone))
        for rule in rules
        if rule.kind is kind and (has_consent or not rule.needs_consent)
    )
