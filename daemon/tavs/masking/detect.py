"""All kinds of personal data together: every detector looks, overlaps become one, the more telling label stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from tavs.catalogue import find
from tavs.config import Masking
from tavs.errors import ModelError
from tavs.host.journal import Message, say
from tavs.masking import birth, code, health, mail, names, number, organisation, person, place, rules
from tavs.masking.cues import LABEL_OF
from tavs.masking.lexicon import Lexicon, lexicon
from tavs.masking.names import NameModel
from tavs.masking.rules import Rules
from tavs.masking.span import Span, Window
from tavs.masking.spoken import FILLERS, is_half, is_number
from tavs.masking.words import Word

DETECTORS = (
    mail.find, code.find, birth.find, place.find, number.find, organisation.find, person.find, health.find,
)  # fmt: skip
RANK = (
    "EMAIL", "IBAN", "DATE_OF_BIRTH", "CPR", "CARD", "ACCOUNT", "PHONE", "POLICY", "CLAIM", "PASSPORT", "VIN", "PLATE",
    "URL_USER", "ADDRESS", "LOCATION", "ORG", "PERSON", "HEALTH", "NUMBER",
)  # fmt: skip
"""Labels from the most to the least telling; the first of those that overlap names the stretch."""


TRADE = frozenset(["forsikring", "forsikringer", "forsikringsselskab", "pension", "assurance"])
GREETED = frozenset(["til", "fra", "hos", "i", "velkommen"])
ANNOUNCING = names.ANNOUNCING | organisation.ANNOUNCING | health.ANNOUNCING


class Masker:
    """The detectors as a site has switched them."""

    def __init__(self, rules: Rules | None = None, model: NameModel | None = None) -> None:
        self._rules = rules or Rules()
        self._model = model
        self._listed = frozenset(norm for entry in self._rules.always for norm in entry)
        self.lexicon: Lexicon = replace(lexicon(), site=self._rules.never)
        self._is_dull = lru_cache(maxsize=65536)(self._is_dull_norm)

    def find(self, window: Window) -> list[Span]:
        """Every stretch of the window that may not travel, apart from each other and in order."""
        found = [(span, 0) for span in self._listed_details(window)]
        if self._model and self._is_worth_reading(window):
            found += [(span, 1) for span in names.find(window, self._model)]
        length = len(window.norms)
        joined: list[tuple[Span, int]] = []
        for span, origin in sorted(found):
            if span.label in self._rules.without or _is_insurer(window, span):
                continue
            if joined and (span.start < joined[-1][0].end or _is_one_condition(window, joined[-1][0], span)):
                joined[-1] = _merged(joined[-1], (span, origin))
            else:
                joined.append((span, origin))
        return [Span(span.start, min(span.end, length), span.label) for span, _ in joined]

    def is_dull(self, word: Word) -> bool:
        """A word with which no personal detail begins, goes on or ends."""
        stands_out = word.is_capital and not word.begins_sentence and not self.lexicon.is_kept(word.norm)
        return not stands_out and self._is_dull(word.norm)

    def announces(self, word: Word) -> bool:
        """A word behind which even dull words may be a detail."""
        return word.norm in ANNOUNCING or not self.is_dull(word)

    def is_listed(self, norm: str) -> bool:
        """A word that the site always masks, alone or with others."""
        return norm in self._listed

    def _is_worth_reading(self, window: Window) -> bool:
        """Whether a name may be among the words: dull ones and numbers are none, but behind a word that announces."""
        if any(norm in ANNOUNCING for norm in window.norms[max(0, window.first - 2) :]):
            return True
        undecided = (said.word for said in window.said[window.first :])
        return not all(is_number(word.norm) or word.norm in FILLERS or self.is_dull(word) for word in undecided)

    def _listed_details(self, window: Window) -> Iterator[Span]:
        for detector in DETECTORS:
            yield from detector(window)
        yield from rules.find(window, self._rules)

    def _is_dull_norm(self, norm: str) -> bool:
        special = (
            is_number(norm)
            or is_half(norm)
            or norm == "halv"
            or code.is_letter(norm)
            or code.is_prefix(norm)
            or norm in LABEL_OF
            or norm in person.KIN
            or norm in place.LONE
            or norm in place.FLOOR
            or norm in number.MONTHS
            or norm in organisation.FORMS
            or norm in organisation.FIRST_WORDS
            or norm in organisation.TRADES
            or norm in health.MODIFIERS
            or health.is_harm(norm)
            or health.is_body(norm)
            or health.is_condition(norm)
            or norm in place.PREFIXES
            or birth.is_ordinal(norm)
            or mail.is_part(norm)
            or norm in self._listed
            or self.lexicon.may_be_piece(norm)
        )
        return self.lexicon.is_ordinary(norm) and not special


def _is_insurer(window: Window, span: Span) -> bool:
    """`velkommen til Nordlys Forsikring`: a company of the trade is nobody."""
    is_short = span.label in ("PERSON", "LOCATION", "ORG") and span.end - span.start <= 2
    return (
        is_short
        and window.norm(span.end) in TRADE
        and bool(GREETED & set(window.norms[max(0, span.start - 3) : span.start]))
    )


def _is_one_condition(window: Window, first: Span, second: Span) -> bool:
    """`blodprop i lungen`: a condition and where it is."""
    between = window.norms[first.end : second.start]
    is_health = first.label == second.label == "HEALTH"
    return is_health and len(between) <= 2 and all(norm in health.BETWEEN for norm in between)


def _merged(one: tuple[Span, int], other: tuple[Span, int]) -> tuple[Span, int]:
    """Two that overlap as one; lists and cues name it before the model does, the more telling label before the other."""
    (first, origin), (second, other_origin) = one, other
    longer, shorter = sorted((first, second), key=lambda span: span.start - span.end)
    if (longer.label, shorter.label) == ("PERSON", "LOCATION") and origin == other_origin:
        label = longer.label  # a surname that is a town as well
    else:
        _, _, label = min(
            (origin, RANK.index(first.label), first.label), (other_origin, RANK.index(second.label), second.label)
        )
    return Span(first.start, max(first.end, second.end), label), min(origin, other_origin)


class Withholder(Masker):
    """Stands in where the site's own model or rules cannot be used: nothing may travel (DESIGN 5.5)."""

    def __init__(self, reason: ModelError) -> None:
        super().__init__()
        self._reason = reason

    def find(self, window: Window) -> list[Span]:
        raise ModelError(self._reason.message, self._reason.hint)

    def is_dull(self, word: Word) -> bool:
        return False


def masker(section: Masking, places: Sequence[Path]) -> Masker:
    """The detectors as a site has configured them, with the model found in one of `places`.

    Raises ModelError for a model that cannot be used, ConfigError for a rule that would let names through.
    """
    model = NameModel(find(section.names, places)) if section.names else None
    return Masker(rules.of(section), model)


def masker_or_none_travels(section: Masking, places: Sequence[Path]) -> Masker:
    """The same for a program that must go on: with a model that cannot be used it runs, and no text travels."""
    try:
        return masker(section, places)
    except ModelError as error:
        say(Message.MASKING_UNUSABLE)
        return Withholder(error)


@lru_cache(maxsize=65536)
def keeps_open(norm: str) -> bool:
    """A word after which a detail may go on even beyond the end of a sentence."""
    return (
        is_number(norm)
        or is_half(norm)
        or code.is_letter(norm)
        or norm in LABEL_OF
        or norm in place.LONE
        or norm in place.STOREYS
        or norm.endswith(place.STRONG)
        or norm in number.MONTHS
        or birth.is_ordinal(norm)
        or mail.is_part(norm)
    )
