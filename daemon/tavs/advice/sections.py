"""Product terms as numbered sections, from Markdown, HTML and plain text."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from html.parser import HTMLParser

_NUMBERED = re.compile(r"(\d+(?:\.\d+)+)\s+(\S.*)")
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    doc: str
    """File name without its ending."""
    number: str
    title: str
    text: str
    product: str


def parse(doc: str, ending: str, content: str) -> list[Section]:
    """The sections of a document; `ending` is md, html or txt. A document without any gives none."""
    readers = {"md": _markdown, "html": _html, "txt": _plain}
    product, found = readers[ending](content.replace("\r\n", "\n"))
    return [
        Section(doc=doc, number=number, title=title, text=" ".join(text.split()), product=product or doc)
        for number, title, text in found
    ]


Found = tuple[str, list[tuple[str, str, str]]]


def _markdown(content: str) -> Found:
    matter = _FRONT_MATTER.match(content)
    fields = dict(line.split(":", 1) for line in matter[1].splitlines() if ":" in line) if matter else {}
    found: list[tuple[str, str, str]] = []
    for block in re.split(r"^## ", content[matter.end() if matter else 0 :], flags=re.MULTILINE)[1:]:
        heading, _, text = block.partition("\n")
        if numbered := _NUMBERED.match(heading):
            found.append((numbered[1], numbered[2].strip(), text))
    return fields.get("product", "").strip(), found


def _plain(content: str) -> Found:
    """A heading stands alone between empty lines; a wrapped line may begin with a number too, but not alone."""
    product = re.search(r"^Produkt:\s*(.+)$", content, re.MULTILINE)
    blocks = [block.strip() for block in re.split(r"\n\s*\n", content)]
    found: list[tuple[str, str, str]] = []
    for block, following in zip(blocks, [*blocks[1:], ""], strict=True):
        numbered = _NUMBERED.fullmatch(block)
        if numbered:
            found.append((numbered[1], numbered[2], following))
    return product[1].strip() if product else "", found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.product = ""
        self.found: list[list[str]] = []
        self._heading: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "meta" and values.get("name") == "product":
            self.product = values.get("content") or ""
        if tag == "h2":
            self._heading = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "h2" and self._heading is not None:
            if numbered := _NUMBERED.match(self._heading.strip()):
                self.found.append([numbered[1], numbered[2].strip(), ""])
            self._heading = None

    def handle_data(self, data: str) -> None:
        if self._heading is not None:
            self._heading += data
        elif self.found:
            self.found[-1][2] += data


def _html(content: str) -> Found:
    reader = _Reader()
    reader.feed(html.unescape(content).replace("\xa0", " "))
    return reader.product, [(number, title, text) for number, title, text in reader.found]
