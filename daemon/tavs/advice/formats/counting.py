"""The numbers that Word counts itself in front of headings: they stand nowhere in a DOCX (ECMA-376-1, 17.9)."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from docx.document import Document
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.ns import qn
from docx.text.paragraph import Paragraph

LEVELS = 9


class Counting:
    def __init__(self, document: Document) -> None:
        self._patterns: dict[tuple[str, int], str] = {}
        """List and level → "%1.%2"."""
        self._starts: dict[tuple[str, int], int] = {}
        self._abstract: dict[str, str] = {}
        """Lists that share a definition are counted on."""
        self._counters: dict[str, list[int]] = defaultdict(lambda: [0] * LEVELS)
        for relation in document.part.rels.values():
            if relation.reltype == RELATIONSHIP_TYPE.NUMBERING and not relation.is_external:
                self._learn(relation.target_part.element)

    def number(self, paragraph: Paragraph) -> str:
        """What stands in front of the paragraph; nothing for one that is not counted in figures."""
        list_id, level = _list(paragraph)
        name = self._abstract.get(list_id, "")
        if not 0 <= level < LEVELS or (name, level) not in self._patterns:
            return ""
        counters = self._counters[name]
        counters[level] = max(counters[level] + 1, self._starts[name, level])
        counters[level + 1 :] = [0] * (LEVELS - level - 1)

        def count(place: re.Match[str]) -> str:
            above = int(place[1]) - 1
            return str(counters[above] or self._starts.get((name, above), 1))

        return re.sub(r"%([1-9])", count, self._patterns[name, level]).strip()

    def _learn(self, numbering: Any) -> None:
        for each in numbering.findall(qn("w:num")):
            self._abstract[each.get(qn("w:numId"), "")] = _value(each, "w:abstractNumId")
        for definition in numbering.findall(qn("w:abstractNum")):
            name = definition.get(qn("w:abstractNumId"), "")
            for level in definition.findall(qn("w:lvl")):
                pattern = _value(level, "w:lvlText")
                if _value(level, "w:numFmt") == "decimal" and "%" in pattern:
                    key = (name, _figure(level.get(qn("w:ilvl"), "")))
                    self._patterns[key] = pattern
                    self._starts[key] = _figure(_value(level, "w:start") or "1")


def _list(paragraph: Paragraph) -> tuple[str, int]:
    """List and level of a paragraph, its own or its style's."""
    found, level = "", -1
    properties = [paragraph._p.pPr]
    style = paragraph.style
    for _ in range(LEVELS):
        if style is None:
            break
        properties.append(style.element.find(qn("w:pPr")))
        style = style.base_style
    for each in properties:
        numbered = each.find(qn("w:numPr")) if each is not None else None
        if numbered is not None:
            found = found or _value(numbered, "w:numId")
            level = level if level >= 0 else _figure(_value(numbered, "w:ilvl") or "-1")
    return found, max(level, 0)


def _value(element: Any, name: str) -> str:
    child = element.find(qn(name))
    return str(child.get(qn("w:val"), "")) if child is not None else ""


def _figure(text: str) -> int:
    return int(text) if re.fullmatch(r"-?\d{1,6}", text) else -1
