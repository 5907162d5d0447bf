"""PLATE, VIN, IBAN and other codes of letters and digits together, in one word or spelled out."""

from __future__ import annotations

import re

from tavs.masking import iban, plate, vin
from tavs.masking.cues import LABEL_OF
from tavs.masking.span import Span, Window
from tavs.masking.spoken import ARTICLES, FILLERS, digits, is_number

CODES = frozenset(["PLATE", "VIN", "IBAN", "PASSPORT"])
"""What begins with letters."""
WORDS = frozenset("iå")
"""Letters that are words of their own, and count only beside another letter."""
BETWEEN = FILLERS | {"gange"}
SHORTEST_SPELLING = 3
_MIXED = re.compile(r"(?=(?:.*\d){3})(?=.*[a-zæøå])[a-zæøå0-9./-]{4,}")
_MEASURE = re.compile(r"\d+([.,]\d+)?(kr|km|kvm|m2|cm|mm|kg|ml|cl|dl|gb|mb|tb|hk|kw|kwh|w|v|l|m|g|år|ers?|'?erne)")


def is_letter(norm: str) -> bool:
    """A letter said by itself, of any alphabet."""
    return len(norm) == 1 and norm.isalpha() and norm not in WORDS


def find(window: Window) -> list[Span]:
    found: list[Span] = []
    index = 0
    while index < len(window.norms):
        span = _in_words(window, index) or _spelled(window, index)
        if span:
            found.append(span)
        index = span.end if span else index + 1
    return found


def _in_words(window: Window, index: int) -> Span | None:
    norm = window.norm(index).replace("-", "").replace(".", "")
    if iban.is_shaped(norm):
        return Span(index, index + 1, "IBAN")
    if norm[:2].isalpha() and norm[2:].isdigit() and len(norm) == 4 and norm[:2] == "dk":
        end = index + 1
        while end < len(window.norms) and window.norm(end).isdigit():
            end += 1
        return Span(index, end, "IBAN") if end - index >= 3 else None
    if plate.is_shaped(norm):
        return Span(index, index + 1, "PLATE")
    if vin.is_shaped(norm):
        return Span(index, index + 1, "VIN")
    if _MIXED.fullmatch(norm) and not _MEASURE.fullmatch(norm):
        expected = window.expected[index]
        return Span(index, index + 1, expected.label if expected else "NUMBER")
    return None


def _spelled(window: Window, index: int) -> Span | None:
    """Letters and digits one by one: a plate, a code, a spelled name."""
    end, letters = _one_by_one(window, index)
    if end == index or "".join(window.norms[index:end]) in LABEL_OF:
        return None
    text = digits(window.norms[index:end])
    expected = window.expected[index]
    if letters and text and expected and expected.label in ("PLATE", "VIN", "POLICY", "CLAIM", "PASSPORT"):
        return Span(index, end, expected.label)
    if begun := _begun_in_capitals(window, index):
        return begun
    if plate.is_spelled(letters, text):
        return Span(index, end, "PLATE")
    if letters >= 1 and len(text) >= 3 and letters + len(text) >= 5:
        return Span(index, end, expected.label if expected else "PLATE" if letters <= 3 else "VIN")
    if letters >= SHORTEST_SPELLING and letters == end - index:
        return Span(index, end, "EMAIL" if expected and expected.label == "EMAIL" else "PERSON")
    return None


def _one_by_one(window: Window, index: int) -> tuple[int, int]:
    """Where letters and numbers in a row end, and how many of the words are letters; `index` where none begins."""
    end, letters = index, 0
    while end < len(window.norms) and window.same_turn(index, end):
        norm = window.norm(end)
        if end > index and window.said[end - 1].word.ends_clause and (norm in WORDS or norm in ARTICLES):
            break
        if is_letter(norm) or (norm in WORDS and (letters or _is_spelling(window, end))):
            letters += 1
        elif (end == index and not (len(norm) == 2 and norm.isalpha())) or (
            end > index and not (is_number(norm) or (norm in BETWEEN and _goes_on(window, end + 1)))
        ):
            break
        end += 1
    return end, letters


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
    return is_letter(window.norm(index)) or is_number(window.norm(index))
