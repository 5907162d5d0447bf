"""DATE_OF_BIRTH: a date after "født" or the question for it, and a full date of long ago."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tavs.masking.number import MONTHS, UNITS
from tavs.masking.span import Span, Window
from tavs.masking.spoken import ARTICLES, digits, ends_half, is_number

_ORDINAL_ROOTS = (
    "første", "anden", "tredje", "fjerde", "femte", "sjette", "syvende", "ottende", "niende", "tiende", "ellevte",
    "tolvte", "trettende", "fjortende", "femtende", "sekstende", "syttende", "attende", "nittende", "tyvende",
    "tredivte", "tredivete",
)  # fmt: skip
_WRITTEN = re.compile(r"\d{1,2}([./-]\d{1,2}([./-](\d{4}|\d{2}))?)?\.?")
FIRST_BIRTH_YEAR, LAST_BIRTH_YEAR = 1928, 2019
"""A full date up to here is taken for a birthday even where nobody says so; damages are reported sooner."""


def find(window: Window) -> list[Span]:
    found: list[Span] = []
    index = 0
    while index < len(window.norms):
        end = _date(window, index)
        if end > index and _is_birth(window, index, end):
            found.append(Span(index - (index > 0 and window.norm(index - 1) == "den"), end, "DATE_OF_BIRTH"))
        index = max(end, index + 1)
    return found


def is_ordinal(norm: str) -> bool:
    return norm.endswith(_ORDINAL_ROOTS)


def is_whole(norms: Sequence[str]) -> bool:
    """Whether a date has its year, so that no piece of it is to come."""
    return len(digits(norms)) >= 6 or (any(norm in MONTHS for norm in norms) and len(digits(norms)) >= 4)


def _date(window: Window, index: int) -> int:
    """Where a date that begins here ends: day, month, year, in words or digits."""
    norm = window.norm(index)
    if not (
        is_ordinal(norm)
        or _WRITTEN.fullmatch(norm)
        or (is_number(norm) and window.norm(index + 1) in MONTHS)
        or norm in MONTHS
    ):
        return index
    end = index + 1
    while end < len(window.norms) and end - index < 9 and window.same_turn(index, end):
        word = window.norm(end)
        ends_year = window.norm(end - 1) == "og" and window.norm(end - 2) in ("hundrede", "tusind")
        is_article = word in ARTICLES and not is_number(window.norm(end + 1)) and not ends_year
        after = window.norm(end + 1)
        halved = ends_half(word, after) or ends_half(window.norm(end - 1), word)
        goes_on = (is_number(word) and not is_article) or word in MONTHS or is_ordinal(word) or halved
        joins = word in ("og", "i", "den") and (is_number(after) or is_ordinal(after) or after == "halv")
        if not goes_on and not joins:
            break
        end += 1
    return end


def _is_birth(window: Window, index: int, end: int) -> bool:
    expected = window.expected[index]
    if expected and expected.label == "DATE_OF_BIRTH" and window.norm(end).strip(".") not in UNITS:
        return end - index > 1 or sum(map(str.isdigit, window.norm(index))) >= 4
    year = digits(window.norms[index:end])[-4:]
    if _is_day_in_month(window, index) and _is_past_year(digits(window.norms[index + 3 : end])):
        return True
    has_month = any(norm in MONTHS for norm in window.norms[index:end]) or window.norm(index).count(".") >= 2
    return has_month and len(year) == 4 and 1900 <= int(year) <= LAST_BIRTH_YEAR


def _is_day_in_month(window: Window, index: int) -> bool:
    """`syvende i tolvte`."""
    return is_ordinal(window.norm(index)) and window.norm(index + 1) == "i" and is_ordinal(window.norm(index + 2))


def _is_past_year(year: str) -> bool:
    """A year in which somebody was born rather than something happened."""
    if len(year) == 2:
        return not LAST_BIRTH_YEAR % 100 < int(year) < FIRST_BIRTH_YEAR % 100
    return len(year) == 4 and FIRST_BIRTH_YEAR <= int(year) <= LAST_BIRTH_YEAR
