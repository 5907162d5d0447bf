"""The folder of product terms, read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tavs.advice.sections import Section, parse
from tavs.host.home import Home

CHECKOUT = Path(__file__).parents[3] / "config/terms"
INSTALLED = Path("/etc/tavs/terms")
ENDINGS = frozenset({"md", "html", "txt"})
FILE_LIMIT_BYTES = 4 << 20


def folder(home: Home) -> Path:
    """The site's own terms; the sample terms where it has none yet."""
    for place in (home.terms, home.etc / "terms", INSTALLED):
        if place.is_dir() and any(place.iterdir()):
            return place
    return CHECKOUT


def read(place: Path) -> Iterator[Section]:
    """Every section of every document; files of other kinds, and what cannot be read, are passed over."""
    for path in sorted(place.iterdir()) if place.is_dir() else []:
        ending = path.suffix.removeprefix(".").lower()
        if ending not in ENDINGS or path.stem == "README" or path.stat().st_size > FILE_LIMIT_BYTES:
            continue
        yield from parse(path.stem, ending, path.read_text(encoding="utf-8", errors="replace"))
