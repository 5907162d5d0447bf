"""PLATE, VIN, IBAN and other codes of letters and digits together, in one word or spelled out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from tavs.masking import iban, plate, vin
from tavs.masking.cues import LABEL_OF, NUMERIC
from tavs.masking.lexicon import listed
from tavs.masking.number import MASKED_DIGITS, UNITS
from tavs.masking.span import Span, Window
from tavs.masking.spoken import ARTICLES, FILLERS, digits, ends_half, is_number

CODES = frozenset(["PLATE", "VIN", "IBAN", "PASSPORT"])
"""What begins with letters."""
WITH_LETTERS = CODES | {"POLICY", "CLAIM"}
"""What letters may be a part of."""
LONGEST_HALF = 8
WORDS = frozenset("iå")
"""Letters that are words of their own, and count only beside another letter."""
BETWEEN = FILLERS | {"gange"}
SHORTEST_SPELLING = 3
VOWELS = frozenset("aeiouyæøå")
SHORT_WORDS = frozenset(
    """
    ad af at be bi bo by ca cm da de dl dr du dø eh en er et eu fx få gå ha hm ho hr id ih in is it ja jo kg kl km ko kr ks ku
    la le ma mf mm må na no nr nu ny nå of og ok om op os pc pr på så se si st th ti to tv ud ue up uf uh us vi ve
    ya yo æh øh øl åh år øm øv
    """.split()
)
"""Words of two letters."""
_MIXED = re.compile(r"(?=(?:.*\d){3})(?=.*[a-zæøå])[a-zæøå0-9./-]{4,}")
_SOME = re.compile(r"(?=.*\d)(?=.*[a-zæøå])[a-zæøå0-9./-]{2,}")
_MEASURE = re.compile(r"\d+([.,]\d+)?(kr|km|kvm|m2|cm|mm|kg|ml|cl|dl|gb|mb|tb|hk|kw|kwh|w|v|l|m|g|år|ers?|'?erne)")


def is_letter(norm: str) -> bool:
    """A letter said by itself, of any alphabet."""
    return len(norm) == 1 and norm.isalpha() and norm not in WORDS


@lru_cache(maxsize=65536)
def is_prefix(norm: str) -> bool:
    """Two letters that are no word, or three that are none of everyday: a code may begin with them.

    >>> is_prefix("rj"), is_prefix("bk"), is_prefix("er"), is_prefix("pol"), is_prefix("bil")
    (True, True, False, True, False)
    """
    if not norm.isalpha() or is_number(norm):
        return False
    if len(norm) == 2:
        return norm not in SHORT_WORDS
    return len(norm) == 3 and not (set(norm) & VOWELS and norm in listed("ordinary.txt"))


def is_consonants(norm: str) -> bool:
    """Letters that nobody can say as a word."""
    return len(norm) >= 3 and norm.isalpha() and not set(norm) & VOWELS


def find(window: Window) -> list[Span]:
    found: list[Span] = []
    index = 0
    while index < len(window.norms):
        span = _in_words(window, index) or _spelled(window, index) or _prefixed(window, index)
        if span:
            found.append(span)
        index = span.end if span else index + 1
    return found


def _in_words(window: Window, index: int) -> Span | None:
    norm = window.norm(index).replace("-", "").replace(".", "")
    if iban.is_shaped(norm):
        return Span(index, index + 1, "IBAN")
    if norm[:2].isalpha() and norm[2:].isdigit() and len(norm) == 4:
        end = index + 1
        while end < len(window.norms) and any(map(str.isdigit, window.norm(end))) and window.same_turn(index, end):
            end += 1
        if end - index >= 4:
            return Span(index, end, "IBAN")
    if plate.is_shaped(norm):
        return Span(index, index + 1, "PLATE")
    if vin.is_shaped(norm):
        return Span(index, index + 1, "VIN")
    expected = window.expected[index]
    about = expected.label if expected and expected.label in WITH_LETTERS else None
    is_mixed = _MIXED.fullmatch(norm) or (about and _SOME.fullmatch(norm))
    if is_mixed and not _MEASURE.fullmatch(norm):
        return Span(index, index + 1, expected.label if expected else "NUMBER")
    if about == "VIN" and len(norm) <= LONGEST_HALF and is_consonants(norm):
        return Span(index, index + 1, about)
    return None


def _spelled(window: Window, index: int) -> Span | None:
    """Letters and digits one by one: a plate, a code, a spelled name."""
    end, letters = _one_by_one(window, index)
    if end == index or "".join(window.norms[index:end]) in LABEL_OF:
        return None
    text = digits(window.norms[index:end])
    expected = window.expected[index]
    if letters and text and expected and expected.label in WITH_LETTERS:
        return Span(index, end, expected.label)
    if letters >= 2 and letters == end - index and expected and expected.label in CODES:
        return Span(index, end, expected.label)
    if begun := _begun_in_capitals(window, index):
        return begun
    if plate.is_spelled(letters, text) or (letters == 2 and len(text) >= 2):
        return Span(index, end, "PLATE")
    if letters >= 1 and len(text) >= 3 and letters + len(text) >= 5:
        return Span(index, end, expected.label if expected else "PLATE" if letters <= 3 else "VIN")
    if letters >= SHORTEST_SPELLING and letters == end - index:
        return Span(index, end, "EMAIL" if expected and expected.label == "EMAIL" else "PERSON")
    return None


def _prefixed(window: Window, index: int) -> Span | None:
    """`RJ 60-3391`: letters that are no word, written together before the digits they belong to."""
    letters = window.norm(index)
    if not is_prefix(letters) or window.lexicon.is_kept(letters):
        return None
    end = index + 1
    while end < len(window.norms) and window.same_turn(index, end) and is_number(window.norm(end)):
        end += 1
    while end > index + 1 and window.norm(end - 1) in ARTICLES:
        end -= 1
    text = digits(window.norms[index + 1 : end])
    expected = window.expected[index]
    about = expected.label if expected and expected.label in NUMERIC else None
    if end == index + 1 and about in CODES and window.said[index].word.is_capital:
        return Span(index, end, about or "PLATE")
    if len(text) < (2 if about in CODES else MASKED_DIGITS) or window.norm(end).strip(".") in UNITS:
        return None
    return Span(index, end, about or ("PLATE" if plate.is_spelled(len(letters), text) else "NUMBER"))


def _one_by_one(window: Window, index: int) -> tuple[int, int]:
    """Where letters and numbers in a row end, and how many of the words are letters; `index` where none begins."""
    end, letters = index, 0
    while end < len(window.norms) and window.same_turn(index, end):
        norm = window.norm(end)
        if end > index and norm == "som" and is_letter(window.norm(end - 1)):
            end += 2 + (window.norm(end + 1) == "i")  # `b som i bent`
            continue
        if end > index and window.said[end - 1].word.ends_clause and (norm in WORDS or norm in ARTICLES):
            break
        if is_letter(norm) or (norm in WORDS and (letters or _is_spelling(window, end))):
            letters += 1
        elif (end == index and not (len(norm) == 2 and norm.isalpha())) or (
            end > index and not (_is_counted(window, end) or (norm in BETWEEN and _goes_on(window, end + 1)))
        ):
            break
        end += 1
    return min(end, len(window.norms)), letters


def is_spelling_out(norms: Sequence[str]) -> bool:
    """Whether the last word stands in "b som i bent": its letter is being explained."""
    return any(
        norms[at] == "som"
        and at > 0
        and is_letter(norms[at - 1])
        and len(norms) - at <= 2 + (norms[at + 1 : at + 2] == ["i"])
        for at in range(max(0, len(norms) - 3), len(norms))
    )


def _begun_in_capitals(window: Window, index: int) -> Span | None:
    """`AB 12 345`: two letters written together."""
    first = window.norm(index)
    if not (len(first) == 2 and first.isalpha() and first.isascii() and window.said[index].word.is_capital):
        return None
    end = index + 1
    while end < len(window.norms) and is_number(window.norm(end)) and window.norm(end) not in ARTICLES:
        end += 1
    return Span(index, end, "PLATE") if 4 <= len(digits(window.norms[index + 1 : end])) <= 5 else None


def _is_spelling(window: Window, index: int) -> bool:
    """A letter that is a word as well, before two more letters."""
    return is_letter(window.norm(index + 1)) and len(window.norm(index + 2)) == 1


def _goes_on(window: Window, index: int) -> bool:
    return is_letter(window.norm(index)) or _is_counted(window, index)


def _is_counted(window: Window, index: int) -> bool:
    norm = window.norm(index)
    is_half = ends_half(norm, window.norm(index + 1)) or ends_half(window.norm(index - 1), norm)
    return is_number(norm) or is_half
