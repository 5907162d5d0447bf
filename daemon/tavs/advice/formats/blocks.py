"""What every format is read into: blocks of lines, each with how much it looks like a heading."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_HANGING = re.compile(r"(?:og|eller|samt|el\.|men|til|som)\b")
"""Behind a hyphen at the end of a line: "brand- og tyveridækning" is two words, and the hyphen is meant."""
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl"})
_LOOKS_NUMBERED = re.compile(r"(?:§\s*)?[1-9]\d?(?:\.\d{1,2})*\.?\s+[\"”»'(]?[A-ZÆØÅÄÖÜÉ]")
_ENDS_SENTENCE = re.compile(r"[.:;!?]\W*\Z")
LINES_OF_HEADING = 2
SHARE_OF_LINE = 0.8
"""A heading that is followed by text without a gap is shorter than the lines of the text."""


class Kind(enum.Enum):
    HEADING = "heading"
    """The format itself says so."""
    STRONG = "strong"
    """Bolder or larger than the text around it."""
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Block:
    lines: tuple[str, ...]
    kind: Kind = Kind.TEXT
    level: int = 0
    """Of a heading, 1 the highest; 0 where nothing is known of it."""

    @property
    def text(self) -> str:
        return joined(self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A document as its format gives it."""

    blocks: Sequence[Block]
    fields: Mapping[str, str] = field(default_factory=dict)
    """By the names that the format has for them."""
    running: Sequence[str] = ()
    """Lines of page headers and footers, each once."""
    remarks: Sequence[str] = ()


def joined(lines: Iterable[str]) -> str:
    """One line, words that were cut at line ends whole again."""
    text = ""
    for line in lines:
        more = " ".join(line.translate(_LIGATURES).split())
        if text.endswith("\u00ad"):
            text = text[:-1] + more
        elif re.search(r"\w-\Z", text) and more[:1].isalnum() and not _HANGING.match(more):
            text = (text[:-1] if text[-2].islower() and more[0].islower() else text) + more
        elif more:
            text = f"{text} {more}"
    return text.replace("\u00ad", "").strip()


def paragraph(lines: Sequence[str], kind: Kind = Kind.TEXT) -> Iterator[Block]:
    """Lines that stand together; a numbered heading that nothing sets apart becomes a block of its own."""
    if kind is not Kind.TEXT or len(lines) <= LINES_OF_HEADING:
        yield Block(tuple(lines), kind)
        return
    if sum(bool(_LOOKS_NUMBERED.match(line)) for line in lines) > len(lines) / 2:  # a table of contents
        yield from (Block((line,)) for line in lines)
        return
    width = max(map(len, lines))
    waiting: list[str] = []
    for line in lines:
        is_heading = (
            _LOOKS_NUMBERED.match(line)
            and len(line) <= SHARE_OF_LINE * width
            and (not waiting or _ENDS_SENTENCE.search(waiting[-1]))
            and not _ENDS_SENTENCE.search(line)
        )
        if is_heading:
            if waiting:
                yield Block(tuple(waiting))
            yield Block((line,))
            waiting = []
        else:
            waiting.append(line)
    if waiting:
        yield Block(tuple(waiting))
