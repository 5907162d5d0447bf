"""HTML: <title>, <meta> and the headings of every level; scripts, styles, navigation and page footers are no text."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import BinaryIO

from tavs.advice.formats.blocks import Block, Content, Kind
from tavs.advice.formats.characters import decoded

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SILENT = frozenset({"script", "style", "nav", "footer", "template", "noscript"})
_INLINE = frozenset({"a", "abbr", "b", "bdi", "cite", "code", "em", "i", "mark", "s", "small", "span", "strong", "sub"})
_INLINE |= {"sup", "u", "wbr"}


def read(file: BinaryIO) -> Content:
    reader = _Reader()
    reader.feed(decoded(file.read()))
    reader.close()
    reader.end_block()
    return Content(blocks=reader.blocks, fields=reader.fields)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.fields: dict[str, str] = {}
        self.blocks: list[Block] = []
        self._level = 0
        self._silent = 0
        self._is_title = False
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "meta" and (name := values.get("name")):
            self.fields[name] = values.get("content") or ""
        self._silent += tag in _SILENT
        if tag not in _INLINE:
            self.end_block()
        self._is_title = tag == "title"
        self._level = _HEADINGS.get(tag, self._level)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        if tag not in _INLINE:
            self.end_block()
        self._is_title = False
        if tag in _HEADINGS:
            self._level = 0

    def handle_data(self, data: str) -> None:
        if self._is_title:
            self.fields["title"] = self.fields.get("title", "") + data
        elif not self._silent:
            self._text.append(data)

    def end_block(self) -> None:
        text = "".join(self._text)
        self._text.clear()
        if text.strip():
            lines = tuple(line for line in text.split("\n") if line.strip())
            self.blocks.append(Block(lines, Kind.HEADING if self._level else Kind.TEXT, self._level))
