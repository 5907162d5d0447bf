"""What the customer answered, and whether it is a consent. Pure.

1. The default is no: no evidence, no consent.
2. An answer stands until a later asking replaces it. Another prompt replaces the prompts before it; an officer's word
   replaces everything before it, and only an officer replaces an officer.
3. What did not say which prompt it answers is never taken for another asking: it stands beside the rest.
4. Everything that stands has to be a clear yes. A no beside a yes, an unclear answer, two keys, one key pressed twice:
   no consent.
5. The same piece of evidence entered twice is one.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tavs.events import Purpose


class Answer(enum.StrEnum):
    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


class Source(enum.StrEnum):
    """How the answer is known."""

    DTMF = "dtmf"
    """A key of the telephone, heard in the call."""
    HEADER = "header"
    METADATA = "metadata"
    PBX = "pbx"
    """An event of the phone menu."""
    OFFICER = "officer"
    """The customer told a person: consent given or withdrawn after the menu."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    purpose: Purpose
    answer: Answer
    source: Source
    pressed: str = field(repr=False)
    """The key or value as it came; empty where the source has none."""
    prompt: str
    """Id of what was asked; empty where not known."""
    prompt_version: str
    language: str
    at: datetime


def decide(evidence: Sequence[Evidence], purpose: Purpose = Purpose.QUALITY) -> bool:
    """Whether the evidence of one call amounts to consent."""
    given = frozenset(each for each in evidence if each.purpose is purpose)
    standing = [each for each in given if not any(_replaces(other, each) for other in given)]
    keys = [each for each in standing if each.source is Source.DTMF]
    return bool(standing) and all(map(_is_clear_yes, standing)) and len(keys) <= 1


def _replaces(later: Evidence, earlier: Evidence) -> bool:
    if later.at <= earlier.at:
        return False
    if Source.OFFICER in (later.source, earlier.source):
        return later.source is Source.OFFICER
    return bool(later.prompt and earlier.prompt) and _asking(later) != _asking(earlier)


def _asking(evidence: Evidence) -> tuple[str, str]:
    return evidence.prompt, evidence.prompt_version


def _is_clear_yes(evidence: Evidence) -> bool:
    return evidence.answer is Answer.YES and (evidence.source is not Source.DTMF or len(evidence.pressed) == 1)
