"""DOCX: paragraphs in order, tables in place, headings by their styles, numbers that Word counts itself.

1. What was deleted under tracked changes is no text, what was inserted is; page headers and footers are not read.
2. A table of contents is no text, whether it is a field, a block or paragraphs of its styles.
3. A file that unpacks to more than a limit is refused before anything is unpacked.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO

import docx
from docx.oxml.ns import qn
from docx.text.paragraph import Paragraph

from tavs.advice.formats.blocks import Block, Content, Kind
from tavs.advice.formats.counting import Counting
from tavs.errors import PeerError

UNPACKED_LIMIT_BYTES = 512 << 20
PARTS_LIMIT = 10_000
OLE = b"\xd0\xcf\x11\xe0"
"""[MS-CFB] 2.2: an old .doc, or a .docx that is locked with a password."""

_HEADING = re.compile(r"(?:heading|overskrift) (\d)", re.IGNORECASE)
_CONTENTS = re.compile(r"(?:toc|indholdsfortegnelse)\b", re.IGNORECASE)
_WITHIN = frozenset(map(qn, ("w:tbl", "w:tr", "w:tc", "w:sdt", "w:sdtContent", "w:customXml", "w:ins", "w:moveTo")))
_GONE = frozenset(map(qn, ("w:del", "w:moveFrom", "w:txbxContent", "w:pPr", "w:rPr")))
_CHARACTERS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "\u2011"}


def read(file: BinaryIO) -> Content:
    """Raises PeerError for what is no DOCX, is locked or unpacks to too much."""
    _check(file)
    document = docx.Document(file)
    counting = Counting(document)
    known = document.core_properties
    blocks = [
        block
        for element in _paragraphs(document.element.body)
        if (block := _block(Paragraph(element, document._body), counting))
    ]
    return Content(blocks=blocks, fields={"version": known.version} if known.version else {})


def _check(file: BinaryIO) -> None:
    if file.read(len(OLE)) == OLE:
        raise PeerError("is locked with a password, or an old .doc", "save it as .docx without a password")
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile:
        raise PeerError("is damaged, or no DOCX", "open it and save it anew") from None
    if len(parts) > PARTS_LIMIT or sum(part.file_size for part in parts) > UNPACKED_LIMIT_BYTES:
        raise PeerError("unpacks to more than a document does", "open it and save it anew, without its pictures")
    file.seek(0)


def _paragraphs(parent: Any) -> Iterator[Any]:
    for element in parent:
        if element.tag == qn("w:p"):
            yield element
        elif element.tag in _WITHIN and not _is_contents(element):
            yield from _paragraphs(element)


def _is_contents(element: Any) -> bool:
    gallery = element.find(f"{qn('w:sdtPr')}/{qn('w:docPartObj')}/{qn('w:docPartGallery')}")
    return gallery is not None and gallery.get(qn("w:val")) == "Table of Contents"


def _block(paragraph: Paragraph, counting: Counting) -> Block | None:
    number = counting.number(paragraph)
    text = "".join(_text(paragraph._p)).strip()
    name = (paragraph.style.name if paragraph.style else "") or ""
    if not text or _CONTENTS.match(name):
        return None
    lines = tuple(line for line in (f"{number} {text}" if number else text).split("\n") if line.strip())
    if level := _level(paragraph):
        return Block(lines, Kind.HEADING, level)
    runs = [run for run in paragraph.runs if run.text.strip()]
    return Block(lines, Kind.STRONG if runs and all(run.bold for run in runs) else Kind.TEXT)


def _level(paragraph: Paragraph) -> int:
    """Of a heading; 0 for text. Styles that are made from those of headings are headings."""
    style = paragraph.style
    for _ in range(9):
        if style is None:
            return 0
        if found := _HEADING.match(style.name or ""):
            return int(found[1])
        style = style.base_style
    return 0


def _text(parent: Any) -> Iterator[str]:
    for element in parent:
        if element.tag == qn("w:t"):
            yield element.text or ""
        elif element.tag in _CHARACTERS:
            yield _CHARACTERS[element.tag]
        elif element.tag not in _GONE:
            yield from _text(element)
