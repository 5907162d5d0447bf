"""What stops a deletion: a complaint, a dispute, a case, an access request, a restriction. Pure.

1. A hold is over one call, or over all calls of a number, those that come in later too.
2. It keeps the recording; the transcript only where the officer gave a legal basis for it; masked text for training
   never: that dies at its 30 days.
3. Several holds may cover one artifact; it is kept until the last of them is released.
4. A restriction is a hold that also stops every use of everything of its calls.
5. A hold prolongs no grant. What is overdue when it is released goes with the next sweep, unless the outcome leaves a
   grant for limitation.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NewType, Protocol

from tavs.errors import UsageError
from tavs.events import ArtifactKind, CallId, PartyRef

CaseRef = NewType("CaseRef", str)
"""Letters, perhaps a year, a number: `K-2031/118`. It stands in rows and in the audit log, so it names nobody."""

CASE_REF = re.compile(r"[A-Z]{1,4}-?(?:(?:(?:19|20)[0-9]{2}|[0-9]{2})[-/])?[0-9]{1,7}", re.ASCII)
"""At most seven digits in a row: a Danish telephone number has eight, a CPR number ten."""


class HoldKind(enum.StrEnum):
    COMPLAINT = "complaint"
    DISPUTE = "dispute"
    CASE = "case"
    ACCESS = "access"
    """The person asked for a copy (GDPR article 15)."""
    RESTRICTION = "restriction"
    """The person asked that it be kept and not used (GDPR article 18)."""


class Outcome(enum.StrEnum):
    """How a hold was released."""

    CLOSED = "closed"
    LIMITATION = "limitation"
    """The case may still lead to claims: what was held keeps a `limitation` grant until they lapse."""


class Kept(Protocol):
    """What a hold looks at in an artifact."""

    @property
    def call(self) -> CallId: ...
    @property
    def kind(self) -> ArtifactKind: ...
    @property
    def party_ref(self) -> PartyRef | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    id: int
    kind: HoldKind
    call: CallId | None = None
    party_ref: PartyRef | None = None
    transcript_basis: str | None = None
    """Legal basis on which the transcript is kept too; None where it is not."""
    case_ref: CaseRef = CaseRef("")
    """Empty where there is none."""
    owner: str = field(repr=False)
    placed_at: datetime
    review_on: date
    """Somebody must have looked again by this day."""
    released_at: datetime | None = None
    outcome: Outcome | None = None

    def __post_init__(self) -> None:
        if (self.call is None) == (self.party_ref is None):
            raise UsageError("a hold is over one call or over the calls of one number", "name one of the two")

    @property
    def is_active(self) -> bool:
        return self.released_at is None


def case_ref(text: str) -> CaseRef:
    """Raises UsageError for anything but a reference; the text itself is not repeated, it may be a name or a number."""
    if CASE_REF.fullmatch(text) is None:
        raise UsageError(
            "the case reference has another form than allowed",
            "up to four capital letters and a number of up to seven digits, perhaps with a year: K-2031/118",
        )
    return CaseRef(text)


def covers(hold: Hold, artifact: Kept) -> bool:
    """Whether the hold keeps the artifact from being deleted."""
    if not hold.is_active or not _is_over(hold, artifact.call, artifact.party_ref):
        return False
    match artifact.kind:
        case ArtifactKind.RECORDING:
            return True
        case ArtifactKind.TRANSCRIPT:
            return hold.transcript_basis is not None
        case ArtifactKind.MASKED_TRANSCRIPT:
            return False


def restricts(holds: Iterable[Hold], call: CallId, party_ref: PartyRef | None) -> bool:
    """Whether nothing of the call may be used."""
    return any(
        hold.kind is HoldKind.RESTRICTION and hold.is_active and _is_over(hold, call, party_ref) for hold in holds
    )


def overdue_reviews(holds: Iterable[Hold], today: date) -> list[Hold]:
    """Holds that somebody should have looked at again, the longest overdue first."""
    overdue = (hold for hold in holds if hold.is_active and hold.review_on < today)
    return sorted(overdue, key=lambda hold: (hold.review_on, hold.id))


def _is_over(hold: Hold, call: CallId, party_ref: PartyRef | None) -> bool:
    return hold.call == call if hold.party_ref is None else hold.party_ref == party_ref
