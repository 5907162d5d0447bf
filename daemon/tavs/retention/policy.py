"""What may be kept for what, on which basis, and until when. Pure, but for `load`, which reads one file.

1. Nothing is kept without a grant: an artifact is due when the last of its grants has ended, at once if it has none.
2. Every period runs from the end of the call and is frozen in the grant. A grant may end before its time, by the
   person or by a confirmed shorter policy; nothing makes it longer.
3. A hold keeps what is due (holds.py) and prolongs no grant.
4. Each purpose decides for its use: a grant that has ended is used no more, whatever else still keeps the artifact.
5. No evidence of consent (consent.py), no grant for quality.
6. A file that is missing, empty or wrong is an error, never a policy under which everything is due.
"""

from __future__ import annotations

import difflib
import enum
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from tavs.errors import ConfigError, StoreError, UsageError
from tavs.events import ArtifactKind, CallId, PartyRef, Purpose
from tavs.retention.holds import Hold, covers, restricts
from tavs.retention.periods import Period

LONGEST = Period(years=30)
"""No claim lives longer (forældelsesloven § 3, stk. 3), so nothing that documents one has to."""
LONGEST_TRAINING = Period(days=30)
"""What the customer is told about masked text; no site may promise itself more."""

_ARTICLE = re.compile(r"6\(1\)\([a-f]\)(, 9\(2\)\([a-j]\))?")
_CONSENT = "6(1)(a)"
_STAYS = "the policy in force stays in force"


class EndedBy(enum.StrEnum):
    """What ended a grant before its time."""

    WITHDRAWAL = "withdrawal"
    OBJECTION = "objection"
    ERASURE = "erasure"
    POLICY = "policy"


class Reason(enum.StrEnum):
    """Why an artifact is due: how the grant that ended last came to its end."""

    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    OBJECTED = "objected"
    ERASED = "erased"
    NO_GRANT = "no_grant"
    POLICY_SHORTENED = "policy_shortened"


_REASONS = {
    None: Reason.EXPIRED,
    EndedBy.WITHDRAWAL: Reason.WITHDRAWN,
    EndedBy.OBJECTION: Reason.OBJECTED,
    EndedBy.ERASURE: Reason.ERASED,
    EndedBy.POLICY: Reason.POLICY_SHORTENED,
}


@dataclass(frozen=True, slots=True)
class Rule:
    kind: ArtifactKind
    purpose: Purpose
    legal_basis: str
    """Articles of the GDPR."""
    period: Period
    needs_consent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    purpose: Purpose
    legal_basis: str
    granted_at: datetime
    """From here its period runs: the end of the call, or the release of a hold."""
    expires_at: datetime
    ended_at: datetime | None = None
    """Before `expires_at`, and possibly still to come; None for a grant that runs to its time."""
    ended_by: EndedBy | None = None

    @property
    def until(self) -> datetime:
        return self.ended_at or self.expires_at

    def ended(self, at: datetime, by: EndedBy) -> Grant:
        """The grant as it is when it ends at that time; one that ends sooner stays as it is."""
        return replace(self, ended_at=at, ended_by=by) if at < self.until else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    id: int
    call: CallId
    kind: ArtifactKind
    party_ref: PartyRef | None
    grants: tuple[Grant, ...]

    @property
    def last(self) -> Grant | None:
        """The grant that keeps it longest."""
        return max(self.grants, key=lambda grant: (grant.until, grant.purpose), default=None)


@dataclass(frozen=True, slots=True)
class Policy:
    rules: tuple[Rule, ...]

    def grants_for(
        self, kind: ArtifactKind, *, call_ended_at: datetime, zone: ZoneInfo, has_consent: bool
    ) -> tuple[Grant, ...]:
        """The grants an artifact of a call gets when the call ends."""
        return tuple(
            Grant(
                purpose=rule.purpose,
                legal_basis=rule.legal_basis,
                granted_at=call_ended_at,
                expires_at=rule.period.after(call_ended_at, zone),
            )
            for rule in self.rules
            if rule.kind is kind and (has_consent or not rule.needs_consent)
        )

    def shorten(self, kind: ArtifactKind, grant: Grant, *, zone: ZoneInfo, confirmed_at: datetime) -> Grant:
        """A grant given before, under this policy. It never gets longer, and never ends before it was confirmed."""
        for rule in self.rules:
            if (rule.kind, rule.purpose) == (kind, grant.purpose):
                return grant.ended(max(rule.period.after(grant.granted_at, zone), confirmed_at), EndedBy.POLICY)
        return grant

    def document(self) -> str:
        """The policy as it is kept in the database: the tables of the file as canonical JSON."""
        tables: dict[str, dict[str, dict[str, object]]] = {}
        for rule in self.rules:
            tables.setdefault(rule.kind, {})[rule.purpose] = {
                "period": rule.period.words(),
                "legal_basis": rule.legal_basis,
                "consent": rule.needs_consent,
            }
        return json.dumps(tables, sort_keys=True, separators=(",", ":"))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.document().encode()).hexdigest()

    @classmethod
    def from_document(cls, text: str) -> Policy:
        """Raises StoreError for what `document` did not write."""
        try:
            return _parse(msgspec.json.decode(text, type=dict[str, object]))
        except (msgspec.DecodeError, ConfigError):
            raise StoreError("a kept policy does not read as one", "compare the database with a backup") from None


DEFAULT = Policy(
    (
        Rule(ArtifactKind.RECORDING, Purpose.DOCUMENTATION, "6(1)(f)", Period(years=1)),
        Rule(ArtifactKind.RECORDING, Purpose.QUALITY, "6(1)(a)", Period(months=6), needs_consent=True),
        Rule(ArtifactKind.TRANSCRIPT, Purpose.QUALITY, "6(1)(a)", Period(years=3), needs_consent=True),
        Rule(ArtifactKind.MASKED_TRANSCRIPT, Purpose.TRAINING, "6(1)(f)", Period(days=30)),
    )
)
"""What the customer is told unless the site says otherwise, and all that may be granted: a policy may leave out and
change periods and bases, it cannot keep anything for a purpose that stands nowhere here."""


def limitation(legal_basis: str, *, released_at: datetime, expires_at: datetime) -> Grant:
    """What a released hold leaves to the artifacts it covered. Raises UsageError."""
    if not released_at < expires_at <= LONGEST.after(released_at, ZoneInfo("UTC")):
        raise UsageError("the limitation ends before it begins or after 30 years", "name the day the claims lapse")
    basis = article(legal_basis)
    return Grant(purpose=Purpose.LIMITATION, legal_basis=basis, granted_at=released_at, expires_at=expires_at)


def article(legal_basis: str) -> str:
    """Raises UsageError for what an officer wrote instead of an article; it may be prose and is not repeated."""
    if _ARTICLE.fullmatch(legal_basis) is None:
        raise UsageError("that is no legal basis", "write the article of the GDPR as 6(1)(f)")
    return legal_basis


def shortened(old: Policy, new: Policy) -> list[Rule]:
    """The rules of the new policy under which something ends sooner than under the old one."""
    periods = {(rule.kind, rule.purpose): rule.period for rule in old.rules}
    return [
        rule
        for rule in new.rules
        if (before := periods.get((rule.kind, rule.purpose))) and _may_outlast(before, rule.period)
    ]


def due(artifacts: Iterable[Artifact], holds: Iterable[Hold], now: datetime) -> dict[int, Reason]:
    """Which of the artifacts have to go, by their ids, and why."""
    known = tuple(holds)
    return {
        artifact.id: reason
        for artifact in artifacts
        if (reason := _over(artifact, now)) and not any(covers(hold, artifact) for hold in known)
    }


def may_use(artifact: Artifact, purpose: Purpose, holds: Iterable[Hold], now: datetime) -> bool:
    """Whether the artifact may be used for the purpose: a living grant for it, and no restriction.

    What a hold keeps may be used to document the case it is kept for.
    """
    known = tuple(holds)
    if restricts(known, artifact.call, artifact.party_ref):
        return False
    return any(grant.purpose is purpose and now < grant.until for grant in artifact.grants) or (
        purpose is Purpose.DOCUMENTATION and any(covers(hold, artifact) for hold in known)
    )


class Ending(enum.StrEnum):
    """What stands between an artifact and its deletion."""

    DUE = "due"
    """Nothing: the next sweep takes it."""
    TIME = "time"
    """Its last grant."""
    HOLD = "hold"
    """At least one hold, whenever its last grant ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    at: datetime
    """End of the last grant: the artifact is not deleted before; `now` for one that has none."""
    what: Ending


def next_event(artifact: Artifact, holds: Iterable[Hold], now: datetime) -> Fate:
    """What will become of the artifact, and when."""
    at = artifact.last.until if artifact.last else now
    if any(covers(hold, artifact) for hold in holds):
        return Fate(at=at, what=Ending.HOLD)
    return Fate(at=at, what=Ending.DUE if at <= now else Ending.TIME)


def load(path: Path) -> Policy:
    """The policy in a retention.toml. Raises ConfigError with the file and the key."""
    try:
        return _parse(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot be read ({type(error).__name__})", f"check owner, mode and encoding; {_STAYS}"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}", f"strings stand in quotes; {_STAYS}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.message}", f"{error.hint}; {_STAYS}") from None


class _Table(msgspec.Struct, frozen=True, kw_only=True):
    period: str
    legal_basis: str
    consent: bool = False


def _parse(tables: Mapping[str, object]) -> Policy:
    """Raises ConfigError with the key."""
    rules: dict[tuple[ArtifactKind, Purpose], Rule] = {}
    for kind in tables:
        _known(kind, {rule.kind for rule in DEFAULT.rules}, "")
        for purpose, table in _table(tables[kind], kind).items():
            _known(purpose, {rule.purpose for rule in DEFAULT.rules if rule.kind == kind}, f"{kind}.")
            rule = _rule(ArtifactKind(kind), Purpose(purpose), _table(table, f"{kind}.{purpose}"))
            rules[rule.kind, rule.purpose] = rule
    if (ArtifactKind.RECORDING, Purpose.DOCUMENTATION) not in rules:
        raise ConfigError(
            "[recording.documentation] is missing, and every recording would be due",
            "write the table; whether calls are recorded at all is said in tavs.toml",
        )
    return Policy(tuple(rules[rule.kind, rule.purpose] for rule in DEFAULT.rules if (rule.kind, rule.purpose) in rules))


def _rule(kind: ArtifactKind, purpose: Purpose, table: Mapping[str, object]) -> Rule:
    key = f"{kind}.{purpose}"
    for name in table:
        _known(name, set(_Table.__struct_fields__), f"{key}.")
    try:
        given = msgspec.convert(table, _Table)
        period = Period.parse(given.period)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$.")
        raise ConfigError(
            f"{'.'.join(filter(None, (key, place.rstrip('`'))))}: {reason[:1].lower()}{reason[1:]}",
            "a rule has a period, a legal_basis and perhaps consent = true",
        ) from None
    except ConfigError as error:
        raise ConfigError(f"{key}.period: {error.message}", error.hint) from None
    if period.years + period.months / 12 > LONGEST.years:  # 9999 days, the most that can be written, are fewer
        raise ConfigError(f"{key}.period: longer than {LONGEST.words()}", "no claim lives longer")
    if purpose is Purpose.TRAINING and _may_outlast(period, LONGEST_TRAINING):
        raise ConfigError(f"{key}.period: longer than {LONGEST_TRAINING.words()}", "the customer was promised no more")
    if _ARTICLE.fullmatch(given.legal_basis) is None:
        raise ConfigError(f"{key}.legal_basis: {given.legal_basis!r} is no article", "write it as 6(1)(f)")
    if given.legal_basis.startswith(_CONSENT) and not given.consent:
        raise ConfigError(f"{key}.consent: missing, and {_CONSENT} is consent", "write consent = true")
    if given.consent and purpose is not Purpose.QUALITY:
        raise ConfigError(f"{key}.consent: customers are asked about quality only", "name another legal basis")
    return Rule(kind=kind, purpose=purpose, legal_basis=given.legal_basis, period=period, needs_consent=given.consent)


def _table(found: object, key: str) -> dict[str, object]:
    if not isinstance(found, dict):
        raise ConfigError(f"{key} is a table", f"write [{key}] and its keys below it")
    return found


def _known(name: str, names: set[str], prefix: str) -> None:
    if name not in names:
        nearest = difflib.get_close_matches(name, sorted(names), n=1, cutoff=0.0)[0]
        raise ConfigError(f"unknown key {prefix}{name}", f"the nearest known key is {prefix}{nearest}")


def _over(artifact: Artifact, now: datetime) -> Reason | None:
    last = artifact.last
    if last is None:
        return Reason.NO_GRANT
    return _REASONS[last.ended_by] if last.until <= now else None


_STARTS = [datetime(year, month, 1, tzinfo=UTC) for year in range(2024, 2028) for month in range(1, 13)]
"""Months and days differ in length by the month they begin in and by where 29 February lies, and by nothing else."""


def _may_outlast(one: Period, other: Period) -> bool:
    """Whether a call can end on a day from which `one` ends later than `other`."""
    return any(one.after(start, ZoneInfo("UTC")) > other.after(start, ZoneInfo("UTC")) for start in _STARTS)
