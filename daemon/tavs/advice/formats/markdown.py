"""Markdown: front matter, headings of every level, text."""

from __future__ import annotations

import re
from typing import BinaryIO

from tavs.advice.formats.blocks import Block, Content, Kind
from tavs.advice.formats.characters import decoded

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)")
_EMPHASIS = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")


def read(file: BinaryIO) -> Content:
    content = decoded(file.read())
    matter = _FRONT_MATTER.match(content)
    fields = dict(line.split(":", 1) for line in matter[1].splitlines() if ":" in line) if matter else {}
    blocks: list[Block] = []
    for line in _COMMENT.sub("", content[matter.end() if matter else 0 :]).splitlines():
        text = _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", line))
        if heading := _HEADING.fullmatch(text):
            blocks.append(Block((heading[2],), Kind.HEADING, len(heading[1])))
        elif text.strip():
            blocks.append(Block((text,)))
    return Content(blocks=blocks, fields=fields)
