"""What callers say and what terms of insurance say: `config/synonyms.txt`, and the site's own lines beside it.

1. A group goes one way: its words on the left stand for those on the right.
2. `a_b` on the left are words that follow each other. `word*` on the right is a line of insurance, `word+` a kind of
   thing.
3. What is no group is passed over; a broken line costs itself alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tavs.advice.danish import stem, words
from tavs.host.home import Home

FILE = "synonyms.txt"
SHIPPED = (Path(__file__).parents[3] / "config" / FILE, Path("/usr/share/tavs") / FILE)
"""Of a checkout and of an installed box."""
FILE_LIMIT_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a word or phrase of a caller stands for."""

    words: tuple[str, ...] = ()
    """Of terms."""
    marks: tuple[str, ...] = ()
    """Lines of insurance (`bil*`) and kinds of things (`krop+`)."""


@dataclass(frozen=True, slots=True)
class Thesaurus:
    meanings: Mapping[tuple[str, ...], Meaning] = field(default_factory=dict)
    """By the stems of what is said."""
    vocabulary: frozenset[str] = frozenset()
    """Stems of all its words."""
    _phrases: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    """By their first stem."""

    @classmethod
    def read(cls, home: Home) -> Thesaurus:
        """What is shipped, and the site's own. A file that is missing or too large has no lines."""
        return cls.parse(f"{_text(_shipped_place())}\n{_text(home.etc / FILE)}")

    @classmethod
    def shipped(cls) -> Thesaurus:
        return cls.parse(_text(_shipped_place()))

    @classmethod
    def parse(cls, text: str) -> Thesaurus:
        said: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        for line in text.splitlines():
            left, colon, right = line.partition(":")
            if not colon or left.lstrip().startswith("#"):
                continue
            for phrase in left.split():
                if key := tuple(map(stem, words(phrase.replace("_", " ")))):
                    said[key] += right.lower().split()
        meanings = {key: _meaning(meant) for key, meant in said.items()}
        phrases: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
        for key in meanings:
            if len(key) > 1:
                phrases[key[0]].append(key)
        alone = {key[0] for key in meanings if len(key) == 1}
        meant_words = {stem(word) for meaning in meanings.values() for word in meaning.words}
        return cls(meanings, frozenset(alone | meant_words), {first: tuple(keys) for first, keys in phrases.items()})

    def word(self, stemmed: str) -> Meaning | None:
        return self.meanings.get((stemmed,))

    def phrases(self, stemmed: Sequence[str]) -> Iterator[Meaning]:
        """What the phrases in a turn stand for; `stemmed` are all its words in their order."""
        for start, first in enumerate(stemmed):
            for key in self._phrases.get(first, ()):
                if tuple(stemmed[start : start + len(key)]) == key:
                    yield self.meanings[key]


def _shipped_place() -> Path:
    return next((place for place in SHIPPED if place.is_file()), SHIPPED[0])


def _meaning(meant: Sequence[str]) -> Meaning:
    marks = tuple(dict.fromkeys(each for each in meant if each[-1] in "*+"))
    plain = (word for each in meant if each[-1] not in "*+" for word in words(each))
    return Meaning(tuple(dict.fromkeys(plain)), marks)


def _text(place: Path) -> str:
    try:
        with place.open("rb") as file:
            data = file.read(FILE_LIMIT_BYTES + 1)
    except OSError:
        return ""
    return data.decode("utf-8", errors="replace") if len(data) <= FILE_LIMIT_BYTES else ""
