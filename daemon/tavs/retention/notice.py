"""The privacy notice, rendered from the policy in force and from what the box really does (DESIGN 2, N7).

1. It is a list of facts first and words second: both languages say the same facts, in the same order.
2. A fact is there only where its feature is on; a rule of the policy only where the box makes what the rule keeps.
3. Every period and legal basis comes from the policy; none stands in a text.
4. The texts are data, `notice-da.toml` and `notice-en.toml`, one entry a fact.
"""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Literal

import msgspec

from tavs.errors import ConfigError, UsageError
from tavs.events import ArtifactKind, Purpose
from tavs.retention.periods import Period
from tavs.retention.policy import Policy, Rule

Language = Literal["da", "en"]
LANGUAGES: tuple[Language, ...] = ("da", "en")

CONSENT, CONTRACT = "6(1)(a)", "6(1)(b)"
LEGITIMATE_INTEREST = "6(1)(f)"
OPEN_TO_OBJECTION = frozenset({"6(1)(e)", LEGITIMATE_INTEREST})
"""GDPR article 21(1)."""
PORTABLE = frozenset({CONSENT, CONTRACT})
"""GDPR article 20(1)."""
LISTED = ("rule", "rule_consent")
_ARTICLE = re.compile(r"(?P<article>\d+)(?:\((?P<paragraph>\d+)\)(?:\((?P<letter>[a-z])\))?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What this box does, from its effective configuration."""

    recording: bool
    transcripts: bool
    """Sealed transcripts are made."""
    live_speech: bool
    """What the customer says is turned into masked text during the call, for advice."""
    agent_channel: Literal["off", "context", "live"]
    health_masking: bool
    remote_advice: bool
    remote_recipient: str = ""
    """Who runs the remote advisory model, as the customer should read it; '' where the site did not say."""
    off_box_speech: bool = False
    advice_basis: str = CONTRACT
    """Legal basis of the live path (DESIGN 2, N5b). Never consent: nobody is asked before the box listens."""

    def __post_init__(self) -> None:
        if CONSENT in _articles(self.advice_basis):
            raise ConfigError("advice during the call cannot rest on consent", "the box does not ask before it listens")

    def keeps(self, kind: ArtifactKind) -> bool:
        match kind:
            case ArtifactKind.RECORDING:
                return self.recording
            case ArtifactKind.TRANSCRIPT:
                return self.transcripts
            case ArtifactKind.MASKED_TRANSCRIPT:
                return self.live_speech


@dataclass(frozen=True, slots=True)
class Basis:
    articles: tuple[str, ...]
    """As the policy writes them: 6(1)(f)."""


@dataclass(frozen=True, slots=True)
class Use:
    """What is kept or done, named so that a person can object to it."""

    kind: ArtifactKind | None
    """None: the advice during the call."""
    purpose: Purpose | None = None


Value = str | int | datetime.date | Period | Basis | ArtifactKind | Purpose | tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    heading: str
    key: str
    values: Mapping[str, Value] = field(default_factory=dict)


def render(
    policy: Policy,
    features: Features,
    *,
    site_name: str,
    contact: str,
    lang: str,
    version: int,
    date: datetime.date,
) -> str:
    """The notice as plain text with Markdown headings. Raises UsageError for a language it does not speak."""
    texts = _texts(lang)
    lines = [f"# {texts.headings['title'].format(site=site_name)}"]
    heading, was_listed = "title", False
    for fact in facts(policy, features, site_name=site_name, contact=contact, version=version, date=date):
        if fact.heading != heading:
            heading, was_listed = fact.heading, False
            lines += ["", f"## {texts.headings[heading]}"]
        is_listed = fact.key in LISTED or heading == "rights"
        if not (is_listed and was_listed):
            lines.append("")
        lines.append(("- " if is_listed else "") + texts.sentence(fact))
        was_listed = is_listed
    return "\n".join(lines) + "\n"


def facts(
    policy: Policy, features: Features, *, site_name: str, contact: str, version: int, date: datetime.date
) -> list[Fact]:
    """What there is to say, in no language."""
    rules = tuple(rule for rule in policy.rules if features.keeps(rule.kind))
    return [
        Fact("title", "edition", {"version": version, "date": date}),
        Fact("title", "controller", {"site": site_name, "contact": contact}),
        *_during(rules, features),
        *_keeping(rules, features),
        *_longer(rules),
        *_access(features),
        *_rights(rules, features),
        *_objection(rules, features),
        Fact("complaint", "complaint"),
    ]


def _during(rules: tuple[Rule, ...], features: Features) -> Iterator[Fact]:
    def fact(key: str, **values: Value) -> Fact:
        return Fact("during", key, values)

    if features.recording:
        yield fact("recorded")
    if not features.live_speech:
        return
    yield fact("live")
    yield fact("live_basis", basis=Basis(_articles(features.advice_basis)))
    if features.agent_channel != "off":
        yield fact(f"agent_{features.agent_channel}")
    yield fact("masked")
    if features.health_masking:
        yield fact("masked_health")
    is_kept_unmasked = any(rule.kind is ArtifactKind.TRANSCRIPT for rule in rules)
    yield fact("unmasked_in_transcript" if is_kept_unmasked else "unmasked_briefly")
    yield fact("no_decisions")


def _keeping(rules: tuple[Rule, ...], features: Features) -> Iterator[Fact]:
    for rule in rules:
        key = "rule_consent" if rule.needs_consent else "rule"
        values: dict[str, Value] = {
            "kind": rule.kind,
            "purpose": rule.purpose,
            "period": rule.period,
            "basis": Basis(_articles(rule.legal_basis)),
        }
        yield Fact("keeping", key, values)
    for purpose in dict.fromkeys(rule.purpose for rule in rules):
        yield Fact("keeping", f"why_{purpose}")
    if any(LEGITIMATE_INTEREST in _articles(rule.legal_basis) for rule in rules):
        yield Fact("keeping", "interest")
    if any(rule.needs_consent for rule in rules):
        yield Fact("keeping", "consent")
    kinds = [rule.kind for rule in rules]
    if ArtifactKind.TRANSCRIPT in kinds:
        yield Fact("keeping", "transcript_unmasked")
    if rules:
        yield Fact("keeping", "metadata")
        yield Fact("keeping", "frozen" if _holdable(rules) else "frozen_always")
    if len(set(kinds)) < len(kinds):
        yield Fact("keeping", "each_purpose")
    if rules:
        yield Fact("keeping", "deleted")


def _longer(rules: tuple[Rule, ...]) -> Iterator[Fact]:
    holdable = _holdable(rules)
    if not holdable:
        return
    yield Fact("longer", "hold", {"kind": holdable[0]})
    if holdable == (ArtifactKind.RECORDING, ArtifactKind.TRANSCRIPT):
        yield Fact("longer", "hold_transcript")
    yield Fact("longer", "hold_limitation", {"kind": holdable[0]})
    if any(rule.kind is ArtifactKind.MASKED_TRANSCRIPT for rule in rules):
        yield Fact("longer", "masked_never_longer")


def _access(features: Features) -> Iterator[Fact]:
    if features.recording or features.transcripts:
        yield Fact("access", "stays")
    elif features.live_speech:
        yield Fact("access", "stays_live")
    if features.off_box_speech and (features.live_speech or features.transcripts):
        yield Fact("access", "off_box_speech")
    if features.live_speech and features.remote_advice:
        if features.remote_recipient:
            yield Fact("access", "remote_named", {"recipient": features.remote_recipient})
        else:
            yield Fact("access", "remote")


def _rights(rules: tuple[Rule, ...], features: Features) -> Iterator[Fact]:
    for key in ("access_right", "rectification", "erasure", "restriction"):
        yield Fact("rights", key)
    if any(PORTABLE & set(_articles(rule.legal_basis)) for rule in rules):
        yield Fact("rights", "portability")
    if any(rule.needs_consent for rule in rules):
        yield Fact("rights", "withdrawal")
    hears_agents = features.live_speech and features.agent_channel != "off"
    if features.recording or features.transcripts or hears_agents:
        yield Fact("rights", "agents_too")


def _objection(rules: tuple[Rule, ...], features: Features) -> Iterator[Fact]:
    """A section of its own: the right must stand apart from all other information (GDPR article 21(4))."""
    uses = [Use(rule.kind, rule.purpose) for rule in rules if OPEN_TO_OBJECTION & set(_articles(rule.legal_basis))]
    if features.live_speech and OPEN_TO_OBJECTION & set(_articles(features.advice_basis)):
        uses.append(Use(None))
    if uses:
        yield Fact("objection", "objection", {"what": tuple(uses)})


def _holdable(rules: tuple[Rule, ...]) -> tuple[ArtifactKind, ...]:
    """What a hold can keep (DESIGN 11); masked text is not among it."""
    kinds = {rule.kind for rule in rules}
    return tuple(kind for kind in (ArtifactKind.RECORDING, ArtifactKind.TRANSCRIPT) if kind in kinds)


def _articles(legal_basis: str) -> tuple[str, ...]:
    return tuple(legal_basis.split(", "))


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language."""

    words: dict[str, str]
    units: dict[str, tuple[str, str]]
    """One and many."""
    calendar: dict[str, tuple[str, ...]]
    bases: dict[str, str]
    headings: dict[str, str]
    facts: dict[str, str]

    def sentence(self, fact: Fact) -> str:
        said = self.facts[fact.key].format_map({name: self.say(value) for name, value in fact.values.items()})
        return said[:1].upper() + said[1:]

    def say(self, value: Value) -> str:
        match value:
            case Purpose() | ArtifactKind():
                return self.words[value.value]
            case Basis():
                return self._joined([self._basis(article) for article in value.articles])
            case Period():
                return self._period(value)
            case datetime.date():
                month = self.calendar["months"][value.month - 1]
                return self.words["date"].format(day=value.day, month=month, year=value.year)
            case tuple():
                return self._joined([self._use(use) for use in value])
            case _:
                return str(value)

    def _basis(self, article: str) -> str:
        parts = _ARTICLE.fullmatch(article)
        if parts is None:
            raise ConfigError("a legal basis is no article of the GDPR", "write it as 6(1)(f)")
        depth = sum(part is not None for part in parts.groups())
        said = self.words[f"basis_{depth}"].format_map(parts.groupdict())
        meaning = self.bases.get(article)
        return f"{said} ({meaning})" if meaning else said

    def _period(self, period: Period) -> str:
        counts = ((period.years, "years"), (period.months, "months"), (period.days, "days"))
        return self._joined([f"{count} {self.units[unit][count != 1]}" for count, unit in counts if count])

    def _use(self, use: Use) -> str:
        if use.kind is None:
            return self.words["live"]
        return self.words[use.kind.value] + (f" ({self.words[use.purpose.value]})" if use.purpose else "")

    def _joined(self, parts: list[str]) -> str:
        *first, last = parts
        return f"{', '.join(first)} {self.words['and']} {last}" if first else last


def _texts(lang: str) -> Texts:
    if lang not in LANGUAGES:
        raise UsageError(f"there is no notice in {lang!r}", f"it is written in {' and '.join(LANGUAGES)}")
    file = resources.files("tavs.retention") / f"notice-{lang}.toml"
    return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Texts)
