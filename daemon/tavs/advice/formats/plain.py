"""Plain text: headings stand between empty lines, or begin a paragraph and are shorter than its lines."""

from __future__ import annotations

import re
from typing import BinaryIO

from tavs.advice.formats.blocks import Content, paragraph
from tavs.advice.formats.characters import decoded

_EMPTY = re.compile(r"\n\s*\n|\f")


def read(file: BinaryIO) -> Content:
    paragraphs = (part.strip("\n").splitlines() for part in _EMPTY.split(decoded(file.read())) if part.strip())
    return Content(blocks=[block for lines in paragraphs for block in paragraph([line.strip() for line in lines])])
