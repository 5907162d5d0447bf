"""Product, version and validity of a document: from named fields, or from the lines in front of its sections.

Understood as a label or within a line: "Produkt: indbo", "Version: IN-07", "Betingelser nr. 12-3",
"Gælder fra: 1. januar 2026 til 31. december 2027", "gyldig fra 01.01.2026", "udløber 31/12-2027".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

LINE_LIMIT = 300
"""Longer lines are text."""

_NAMES = {
    "title": "title",
    "titel": "title",
    "product": "product",
    "produkt": "product",
    "version": "version",
    "valid_from": "valid_from",
    "gælder_fra": "valid_from",
    "gyldig_fra": "valid_from",
    "valid_to": "valid_to",
    "gælder_til": "valid_to",
    "gyldig_til": "valid_to",
}
_MONTHS = (
    *("januar", "februar", "marts", "april", "maj", "juni"),
    *("juli", "august", "september", "oktober", "november", "december"),
)
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_NUMERIC = re.compile(r"(\d{1,2})[./-]\s?(\d{1,2})[./ -]\s?(\d{4})(?!\d)")
_WORDS = re.compile(rf"(\d{{1,2}})\.?\s+({'|'.join(month[:3] for month in _MONTHS)})[a-z]*\.?\s+(\d{{4}})(?!\d)", re.I)
_PRODUCT = re.compile(r"(?:produkt|product)\s*:\s*(\S.*)", re.I)
_VERSION_LINE = re.compile(r"(?:version|udgave)\s*:\s*(\S.*)", re.I)
_VERSION = re.compile(
    r"\b(?:version|(?:betingelser|betingelserne|vilkår|forsikringsbetingelser|forsikringsvilkår)\s+nr\.?"
    r"|(?:betingelses|vilkårs)(?:nr\.?|nummer))\s*:?\s*(\w[\w./-]*)",
    re.I,
)
_IN_FORCE = r"\b(?:gælder|gyldige?|gældende|i\s+kraft|valid)\s+"
_FROM = re.compile(_IN_FORCE + r"(?:fra(?:\s+og\s+med)?|from)\s*:?\s*(?:den\s+)?", re.I)
_TO = re.compile(rf"(?:{_IN_FORCE}(?:til(?:\s+og\s+med)?|to)|\budløber)\s*:?\s*(?:den\s+)?", re.I)
_UNTIL = re.compile(r"\s*(?:til(?:\s+og\s+med)?|–|-)\s*(?:den\s+)?", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    title: str = ""
    product: str = ""
    version: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    remarks: tuple[str, ...] = ()


def find(named: Mapping[str, str], lines: Iterable[str]) -> Fields:
    """Named fields come first; what they leave open is looked for in the lines."""
    texts = {key: _plain(text) for name, text in named.items() if (key := _key(name)) and _plain(text)}
    for line in lines:
        for key, text in _labelled(line[:LINE_LIMIT]):
            texts.setdefault(key, text)
    days = {key: day(texts[key]) for key in ("valid_from", "valid_to") if key in texts}
    remarks = [f"{key} is no day that can be read" for key, found in days.items() if found is None]
    first, last = days.get("valid_from"), days.get("valid_to")
    if first is None and last is None:
        remarks.append("says nothing of its validity, and counts always")
    elif first and last and last < first:
        remarks.append("ends before it begins, and never counts")
    return Fields(
        title=texts.get("title", ""),
        product=texts.get("product", ""),
        version=texts.get("version", ""),
        valid_from=first,
        valid_to=last,
        remarks=tuple(remarks),
    )


def day(text: str) -> date | None:
    """The day that a text begins with; None for none.

    >>> day("1. januar 2026"), day("2026-01-01"), day("01.01.2026"), day("1/1-2026"), day("30. februar 2026")
    (datetime.date(2026, 1, 1), datetime.date(2026, 1, 1), datetime.date(2026, 1, 1), datetime.date(2026, 1, 1), None)
    """
    found = _day(text)
    return found[0] if found else None


def _day(text: str) -> tuple[date, int] | None:
    """And where it ends."""
    try:
        if iso := _ISO.match(text):
            return date(int(iso[1]), int(iso[2]), int(iso[3])), iso.end()
        if numeric := _NUMERIC.match(text):
            return date(int(numeric[3]), int(numeric[2]), int(numeric[1])), numeric.end()
        if words := _WORDS.match(text):
            month = next(place for place, name in enumerate(_MONTHS, start=1) if name.startswith(words[2].lower()))
            return date(int(words[3]), month, int(words[1])), words.end()
    except ValueError:
        return None
    return None


def _key(name: str) -> str | None:
    return _NAMES.get(re.sub(r"[\s-]+", "_", name.strip().lower()))


def _plain(text: str) -> str:
    return " ".join(text.split()).strip("\"'")


def _labelled(line: str) -> Iterable[tuple[str, str]]:
    text = " ".join(line.split())
    if product := _PRODUCT.match(text):
        yield "product", product[1]
    if version := _VERSION_LINE.match(text) or _VERSION.search(text):
        yield "version", version[1].rstrip(".")
    if begins := _FROM.search(text):
        rest = text[begins.end() :]
        yield "valid_from", rest
        first = _day(rest)
        if first and (until := _UNTIL.match(rest, first[1])) and _day(rest[until.end() :]):
            yield "valid_to", rest[until.end() :]
    if ends := _TO.search(text):
        yield "valid_to", text[ends.end() :]
