"""All kinds of personal data together: every detector looks, overlaps become one, the more telling label stays."""

from __future__ import annotations

from functools import lru_cache

from tavs.masking import birth, code, health, mail, number, organisation, person, place
from tavs.masking.cues import LABEL_OF
from tavs.masking.lexicon import Lexicon, lexicon
from tavs.masking.span import Span, Window
from tavs.masking.spoken import is_half, is_number
from tavs.masking.words import Word

DETECTORS = (mail.find, code.find, birth.find, place.find, number.find, organisation.find, person.find)
RANK = (
    "EMAIL", "IBAN", "DATE_OF_BIRTH", "CPR", "CARD", "ACCOUNT", "PHONE", "POLICY", "CLAIM", "PASSPORT", "VIN", "PLATE",
    "URL_USER", "ADDRESS", "LOCATION", "ORG", "PERSON", "HEALTH", "NUMBER",
)  # fmt: skip
"""Labels from the most to the least telling; the first of those that overlap names the stretch."""


class Masker:
    """The detectors as a site has switched them."""

    def __init__(self, *, health: bool = True) -> None:
        self.lexicon: Lexicon = lexicon()
        self._masks_health = health

    def find(self, window: Window) -> list[Span]:
        """Every stretch of the window that may not travel, apart from each other and in order."""
        detectors = (*DETECTORS, health.find) if self._masks_health else DETECTORS
        length = len(window.norms)
        found = [Span(span.start, min(span.end, length), span.label) for find in detectors for span in find(window)]
        joined: list[Span] = []
        for span in sorted(found):
            if joined and span.start < joined[-1].end:
                last = joined.pop()
                label = min(last.label, span.label, key=RANK.index)
                joined.append(Span(last.start, max(last.end, span.end), label))
            else:
                joined.append(span)
        return joined


def is_dull(word: Word) -> bool:
    """A word with which no personal detail begins, goes on or ends."""
    stands_out = word.is_capital and not word.begins_sentence and not lexicon().is_kept(word.norm)
    return not stands_out and _is_dull(word.norm)


@lru_cache(maxsize=65536)
def _is_dull(norm: str) -> bool:
    special = (
        is_number(norm)
        or is_half(norm)
        or norm in code.SPELLED
        or norm in LABEL_OF
        or norm in person.KIN
        or norm in place.LONE
        or norm in place.FLOOR
        or norm in number.MONTHS
        or norm in organisation.FORMS
        or norm.startswith(health.HARMS)
        or norm in health.BODY
        or birth.is_ordinal(norm)
        or mail.is_part(norm)
    )
    return lexicon().is_ordinary(norm) and not special


@lru_cache(maxsize=65536)
def keeps_open(norm: str) -> bool:
    """A word after which a detail may go on even beyond the end of a sentence."""
    return (
        is_number(norm)
        or is_half(norm)
        or norm in code.SPELLED
        or norm in LABEL_OF
        or norm in place.LONE
        or norm in place.STOREYS
        or norm.endswith(place.STRONG)
        or norm in number.MONTHS
        or birth.is_ordinal(norm)
        or mail.is_part(norm)
    )
