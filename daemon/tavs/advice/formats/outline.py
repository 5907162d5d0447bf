"""Blocks → numbered sections.

1. What a format calls a heading is one; what is set bolder or larger is one if it begins with a number; a plain line
   only where a document has no better, if it is short, begins with a capital letter and ends like no sentence.
2. A number has parts of one or two digits: "5.000 kr." at the start of a line is none. One without a point
   ("4 Bygning") is believed of what only looks like a heading if it goes on where the last chapter ended.
3. A heading without text is a chapter or an entry in a table of contents, and no section.
4. Of two sections with one number the first is kept, and the second is told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tavs.advice.formats.blocks import LINES_OF_HEADING, Block, Kind, joined

_NUMBERED = re.compile(r"(?P<mark>§\s*)?(?P<number>[1-9]\d?(?:\.\d{1,2})*)\.?\s+(?P<title>\S.*)")
_TITLE = re.compile(r"[\"”»'(]?[A-ZÆØÅÄÖÜÉ0-9].*[^.,;:]")
_LEADERS = re.compile(r"(?:\.\s?){4,}\d{1,3}\s*\Z|…\s*\d{1,3}\s*\Z|\t\s*\d{1,3}\s*\Z")
"""Dots or a tabulator and the number of a page: an entry in a table of contents."""
TITLE_LIMIT = 160
LISTED = 2
"""So many headings without text in front of one that comes again later: it ends a table of contents."""
NAMED = 3
"""Headings without a number that are told by name."""


@dataclass(slots=True)
class Found:
    number: str
    title: str
    level: int = 0
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return joined(self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    sections: Sequence[Found]
    preface: Sequence[Block]
    """What stands in front of the first section."""
    remarks: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Candidate:
    place: int
    number: str
    title: str
    kind: Kind

    @property
    def chapter(self) -> int:
        return int(self.number.split(".")[0])

    @property
    def is_chapter(self) -> bool:
        return "." not in self.number


def outline(blocks: Sequence[Block]) -> Outline:
    listless = [block for block in blocks if not _LEADERS.search(block.lines[-1] if block.lines else "")]
    headings = {each.place: each for each in _headings(listless)}
    preface: list[Block] = []
    found: list[Found] = []
    unnumbered: list[str] = []
    current: Found | None = None
    for place, block in enumerate(listless):
        if heading := headings.get(place):
            current = Found(heading.number, heading.title, block.level)
            found.append(current)
        elif block.kind is Kind.HEADING and not (current and block.level > current.level):
            if found or block.level > 1:
                unnumbered.append(block.text)
            if not found:
                preface.append(block)
            current = None
        elif current:
            current.lines += block.lines
        elif not found:
            preface.append(block)
    kept, twice = _once(_without_contents(found))
    remarks = [f"section {number} stands there twice, the first is kept" for number in twice]
    if unnumbered:
        names = ", ".join(f'"{name[:60]}"' for name in unnumbered[:NAMED])
        more = f" and {len(unnumbered) - NAMED} more" if len(unnumbered) > NAMED else ""
        remarks.append(f"headings without a number are no sections: {names}{more}")
    return Outline(sections=kept, preface=preface, remarks=remarks)


def _headings(blocks: Sequence[Block]) -> list[_Candidate]:
    candidates = [found for place, block in enumerate(blocks) if (found := _candidate(place, block))]
    marked = [each for each in candidates if each.kind is not Kind.TEXT]
    if any(not each.is_chapter for each in marked) or (marked and all(each.is_chapter for each in candidates)):
        candidates = marked
    accepted: list[_Candidate] = []
    for place, each in enumerate(candidates):
        last = accepted[-1].chapter if accepted else 0
        if not each.is_chapter or each.kind is Kind.HEADING or _continues(each, last, candidates[place + 1 :]):
            accepted.append(each)
    return accepted


def _candidate(place: int, block: Block) -> _Candidate | None:
    if block.kind is Kind.TEXT and len(block.lines) > LINES_OF_HEADING:
        return None
    numbered = _NUMBERED.fullmatch(block.text)
    if numbered is None:
        return None
    title = numbered["title"].strip()
    if block.kind is not Kind.HEADING and (len(title) > TITLE_LIMIT or not _TITLE.fullmatch(title)):
        return None
    return _Candidate(place, numbered["number"], title, block.kind)


def _continues(chapter: _Candidate, last: int, following: Sequence[_Candidate]) -> bool:
    """Whether a number without a point is a chapter's and not that of an item in a list."""
    for each in following:
        if not each.is_chapter:
            return last < chapter.chapter == each.chapter
        if each.chapter == chapter.chapter:
            return False
    return chapter.chapter == last + 1


def _without_contents(found: Sequence[Found]) -> list[Found]:
    kept: list[Found] = []
    listed = 0
    for place, each in enumerate(found):
        if not each.text:
            listed += 1
            continue
        if listed < LISTED or all(later.number != each.number for later in found[place + 1 :]):
            kept.append(each)
        listed = 0
    return kept


def _once(found: Sequence[Found]) -> tuple[list[Found], list[str]]:
    kept: dict[str, Found] = {}
    twice: dict[str, None] = {}
    for each in found:
        if each.number in kept:
            twice[each.number] = None
        else:
            kept[each.number] = each
    return list(kept.values()), list(twice)
