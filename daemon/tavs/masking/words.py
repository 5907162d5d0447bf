"""Text as words: where each stands, how it compares, and in what company it was said."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

from tavs.events import Channel

INVISIBLE = dict.fromkeys([0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD, 0x180E, *range(0x202A, 0x202F)])
"""Zero-width characters, soft hyphen and direction marks: they hide a number from a pattern, not from a reader."""
PIECE = re.compile(r"\S+")
LONGEST_WORD = 64
"""A longer run without a space is cut, so that one word never costs more than a sentence."""
ABBREVIATIONS = frozenset("sct skt gl nr dr hr kl ca h.c chr a b c e f h j k l m p r s t".split())
"""Words whose full stop ends no sentence."""
SENTENCE_END = frozenset(".?!")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of an utterance."""

    start: int
    end: int
    """Offsets of the word without the punctuation around it."""
    norm: str = field(repr=False)
    """Folded form that lists and patterns are compared with."""
    is_capital: bool
    ends_sentence: bool
    begins_sentence: bool
    ends_clause: bool
    """A comma or more stands behind it."""


@lru_cache(maxsize=65536)
def folded(text: str) -> str:
    """NFKC, without combining marks that stand alone, without invisible characters, case folded, digits as ASCII."""
    visible = unicodedata.normalize("NFKC", text.translate(INVISIBLE)).casefold().translate(INVISIBLE)
    return "".join(_digit(character) for character in visible if not unicodedata.combining(character))


def words(text: str, begins: bool = True) -> list[Word]:
    """The words of an utterance; `begins` says whether it begins a sentence, which only what was said before can tell."""
    found: list[Word] = []
    for piece in PIECE.finditer(text):
        if not any(character.isalnum() or character == "%" for character in piece[0]):
            continue  # a dash between two numbers separates nothing
        for start in range(piece.start(), piece.end(), LONGEST_WORD):
            raw = text[start : min(start + LONGEST_WORD, piece.end())]
            core = raw.strip("\"'“”»«„(),.;:?!…-–—[]{}*_<>")
            left = raw.find(core) if core else 0
            core = core or raw
            tail = raw[left + len(core) :]
            norm = folded(core)
            ends = bool(SENTENCE_END & set(tail)) and not (tail == "." and norm in ABBREVIATIONS)
            found.append(
                Word(
                    start=start + left,
                    end=start + left + len(core),
                    norm=norm,
                    is_capital=core[:1].isupper(),
                    ends_sentence=ends,
                    begins_sentence=begins,
                    ends_clause=ends or "," in tail or ";" in tail,
                )
            )
            begins = ends
    return found


def visible(text: str) -> str:
    """The text on one line, without characters that only a terminal or a renderer would obey."""
    kinds = ((each, unicodedata.category(each)) for each in text)
    shown = "".join(" " if kind in ("Cc", "Zl", "Zp") else each for each, kind in kinds if kind != "Cf")
    return " ".join(shown.split())


@dataclass(frozen=True, slots=True)
class Said:
    """A word in its conversation."""

    word: Word
    channel: Channel
    utterance: int
    """Sequence of the utterance it came in."""
    at_ms: int

    @property
    def norm(self) -> str:
        return self.word.norm


def _digit(character: str) -> str:
    value = unicodedata.digit(character, None)
    return character if value is None or character.isascii() else str(value)
