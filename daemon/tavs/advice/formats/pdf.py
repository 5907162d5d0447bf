"""PDF: lines in the order in which they were written, with their fonts, without page headers, footers and page numbers.

1. The font of most letters is the text's; a line that is bolder or larger may be a heading.
2. Lines that stand in one place at the top or bottom of half of the pages, numbers aside, are no text.
3. Pages without a text layer are scans: nothing is guessed, it is told.
"""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO

from pypdf import PageObject, PdfReader
from pypdf.errors import PyPdfError

from tavs.advice.formats.blocks import Block, Content, Kind, paragraph
from tavs.errors import PeerError

EDGE_LINES = 3
"""As many lines at the top and at the bottom of a page may be its header and footer."""
LARGER = 1.1
GAP = 1.3
"""Of the usual distance of lines: more sets a paragraph apart."""
LEAST_LETTERS = 20
"""A document with fewer on all its pages has no text layer worth the name: scanners stamp a word or two."""

_BOLD = re.compile(r"bold|black|heavy|semi|demi", re.IGNORECASE)
_PAGE_NUMBER = re.compile(r"\W*(?:side|page|s\.)?\W*\d{1,4}(?:\s*(?:af|of|/)\s*\d{1,4})?\W*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Font:
    size: float
    is_bold: bool


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    font: _Font
    y: float
    """Height on its page, in the same unit as the size of the font."""


def read(file: BinaryIO) -> Content:
    """Raises PeerError for what is no PDF, is locked or has no text."""
    try:
        reader = PdfReader(file)
        if reader.is_encrypted and not reader.decrypt(""):
            raise PeerError("is locked with a password", "save a copy without one")
        pages = [_lines(page) for page in reader.pages]
        scans = sum(not lines and _has_images(page) for lines, page in zip(pages, reader.pages, strict=True))
    except PyPdfError:
        raise PeerError("is damaged, or no PDF", "open it and save it anew") from None
    if sum(str.isalpha(letter) for lines in pages for line in lines for letter in line.text) < LEAST_LETTERS:
        raise PeerError("has no text, only pictures of pages", "run it through text recognition, or take the original")
    running = _running(pages)
    told = {shape: line.text for lines in pages for line in _edges(lines) if (shape := _shape(line)) in running}
    kept = [[line for line in lines if _shape(line) not in running] for lines in map(_without_number, pages)]
    return Content(
        blocks=list(_blocks(kept)),
        running=list(told.values()),
        remarks=[f"{scans} of {len(pages)} pages are pictures and were not read"] if scans else [],
    )


def _lines(page: PageObject) -> list[_Line]:
    lines: list[_Line] = []
    pieces: list[tuple[str, _Font, float]] = []

    def end_line() -> None:
        text = unicodedata.normalize("NFC", "".join(piece for piece, _, _ in pieces)).strip()
        if text:
            lines.append(_Line(text, *_most(pieces)))
        pieces.clear()

    def take(
        text: str, space: Sequence[float], matrix: Sequence[float], font: Mapping[str, Any] | None, size: float
    ) -> None:
        if not text:
            return
        height = matrix[4] * space[1] + matrix[5] * space[3] + space[5]
        scale = abs(matrix[2] * space[1] + matrix[3] * space[3])
        known = _Font(round(abs(size) * scale, 1), bool(_BOLD.search(str((font or {}).get("/BaseFont", "")))))
        first, *rest = text.split("\n")
        pieces.append((first, known, height))
        for more in rest:
            end_line()
            pieces.append((more, known, height))

    page.extract_text(visitor_text=take)
    end_line()
    return lines


def _most(pieces: Sequence[tuple[str, _Font, float]]) -> tuple[_Font, float]:
    """Font of most letters of a line, and where they stand."""
    letters: Counter[tuple[_Font, float]] = Counter()
    for text, font, height in pieces:
        letters[font, height] += len(text.strip())
    return letters.most_common(1)[0][0]


def _has_images(page: PageObject) -> bool:
    resources = page.get("/Resources")
    return bool(resources and "/XObject" in resources.get_object())


def _shape(line: _Line) -> tuple[str, int]:
    """The same for a line of a header on every page: its text but for the number, and where it stands."""
    return re.sub(r"\d+", "#", " ".join(line.text.split())), round(line.y)


def _running(pages: Sequence[Sequence[_Line]]) -> set[tuple[str, int]]:
    """The shapes of page headers and footers."""
    seen: Counter[tuple[str, int]] = Counter()
    for lines in pages:
        seen.update({_shape(line) for line in _edges(lines)})
    return {shape for shape, count in seen.items() if count > 1 and count * 2 >= len(pages)}


def _edges(lines: Sequence[_Line]) -> Sequence[_Line]:
    return lines if len(lines) <= 2 * EDGE_LINES else [*lines[:EDGE_LINES], *lines[-EDGE_LINES:]]


def _without_number(lines: list[_Line]) -> list[_Line]:
    edges = {id(line) for line in (*lines[:2], *lines[-2:])}
    return [line for line in lines if id(line) not in edges or not _PAGE_NUMBER.fullmatch(line.text)]


def _blocks(pages: Sequence[Sequence[_Line]]) -> Iterator[Block]:
    lines = [line for page in pages for line in page]
    letters: Counter[_Font] = Counter()
    for line in lines:
        letters[line.font] += len(line.text)
    body = letters.most_common(1)[0][0] if letters else _Font(0, False)
    steps = [above.y - below.y for above, below in pairwise(lines) if 0 < above.y - below.y]
    usual = statistics.median(steps) if steps else 0.0
    waiting: list[_Line] = []
    for line in lines:
        if waiting and _is_apart(waiting, line, body, usual):
            yield from _group(waiting, body)
            waiting = []
        waiting.append(line)
    if waiting:
        yield from _group(waiting, body)


def _is_apart(waiting: Sequence[_Line], line: _Line, body: _Font, usual: float) -> bool:
    last = waiting[-1]
    step = last.y - line.y
    gap = GAP * max(usual, last.font.size * usual / body.size if body.size else usual)
    starts_heading = _is_strong(line.font, body) and re.match(r"(?:§\s*)?[1-9]\d?(?:\.\d{1,2})*\.?\s", line.text)
    return last.font != line.font or not 0 <= step <= gap or bool(starts_heading)


def _is_strong(font: _Font, body: _Font) -> bool:
    return font.size >= LARGER * body.size or (font.is_bold and not body.is_bold and font.size >= body.size / LARGER)


def _group(lines: Sequence[_Line], body: _Font) -> Iterator[Block]:
    kind = Kind.STRONG if _is_strong(lines[0].font, body) else Kind.TEXT
    yield from paragraph([line.text for line in lines], kind)
