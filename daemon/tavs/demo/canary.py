"""The search for what was said: every spelling of the identifiers of a call, in whatever was written.

1. An identifier is looked for as digits, run together, spaced and in pairs, and as words, as they were said, joined and
   spaced, in UTF-8 and UTF-16, without regard to case.
2. A finding is named by its kind; the search never prints what it found.
3. That it finds anything at all is proved by a test that takes the gate away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tavs.masking.spoken import digits

SEPARATORS = ("", " ", "-", ".", "  ")
ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "latin-1")
SHORTEST = 4
"""Characters of the shortest spelling that is searched for: a shorter one occurs by chance."""


def spellings(identifier: Mapping[str, str]) -> set[str]:
    """Every way to write an identifier given as `digits`, as `spoken` number words, or as `words`."""
    found: set[str] = set()
    if number := identifier.get("digits"):
        for size in (len(number), 1, 2, 4, 6):
            pieces = [number[start : start + size] for start in range(0, len(number), size)]
            found |= {separator.join(pieces) for separator in SEPARATORS}
    if spoken := identifier.get("spoken"):
        words = spoken.split()
        found |= {separator.join(words) for separator in SEPARATORS}
        found |= {" ".join(words[start : start + 3]) for start in range(len(words) - 2)}
        found.add(" ".join(digits([word]) for word in words))
    if words_said := identifier.get("words"):
        parts = [words_said, *words_said.split()]
        found |= {part for part in parts if len(part) > SHORTEST}
        found.add(" ".join(words_said))
        found.add(words_said.replace(" ", ""))
    return {each for each in found if len(each) >= SHORTEST}


class Canaries:
    """The identifiers of one call."""

    def __init__(self, identifiers: Mapping[str, Mapping[str, str]]) -> None:
        self._patterns = {kind: _pattern(spellings(identifier)) for kind, identifier in identifiers.items()}

    def __repr__(self) -> str:
        return f"Canaries({', '.join(self._patterns)})"

    def search(self, data: bytes) -> list[str]:
        """The kinds of identifiers that occur in some bytes."""
        folded = data.lower()
        return [kind for kind, pattern in self._patterns.items() if pattern.search(folded)]

    def search_files(self, folders: Iterable[Path]) -> Iterator[tuple[Path, str]]:
        """(file, kind) for every identifier in every file below the folders."""
        for path in (path for folder in folders for path in sorted(folder.rglob("*"))):
            if path.is_file():
                for kind in self.search(path.read_bytes()):
                    yield path, kind


def _pattern(found: set[str]) -> re.Pattern[bytes]:
    encoded = {each.lower().encode(name, "ignore") for each in found for name in ENCODINGS}
    return re.compile(b"|".join(re.escape(each) for each in sorted(encoded, key=len, reverse=True)))
