"""A file of any format → one document with its sections, and what is to be told of it. Pure."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from tavs.advice.formats.blocks import Block, Content, Kind
from tavs.advice.formats.characters import seen
from tavs.advice.formats.fields import find
from tavs.advice.formats.outline import outline
from tavs.advice.sections import Document, Section
from tavs.errors import PeerError

FORMATS = {
    "md": "markdown",
    "markdown": "markdown",
    "html": "html",
    "htm": "html",
    "txt": "plain",
    "pdf": "pdf",
    "docx": "docx",
}
"""Ending → module of this package. A format is imported when a file of it is read."""
SECTIONS_LIMIT = 5000
TEXT_LIMIT = 100_000
"""Characters of one section; a longer one is no section but a document whose headings were not found."""
PREFACE_LINES = 60
"""Product and version are looked for in as many lines in front of the first section."""


@dataclass(frozen=True, slots=True)
class Reading:
    document: Document
    remarks: tuple[str, ...] = ()


def read(doc: str, ending: str, file: BinaryIO) -> Reading:
    """Raises PeerError for what cannot be read or has no numbered section; whatever else for what is damaged."""
    content = _seen(importlib.import_module(f"tavs.advice.formats.{FORMATS[ending]}").read(file))
    found = outline(content.blocks)
    if not found.sections:
        raise PeerError("has no numbered sections", 'give them headings like "4.2 Udstrømning af vand"')
    if len(found.sections) > SECTIONS_LIMIT or any(len(each.text) > TEXT_LIMIT for each in found.sections):
        raise PeerError("has more sections or longer ones than terms have", "give it numbered headings, or cut it")
    preface = [line for block in found.preface for line in block.lines][:PREFACE_LINES]
    fields = find(content.fields, [*preface, *content.running])
    product = fields.product or doc
    version = fields.version or (fields.valid_from.isoformat() if fields.valid_from else "")
    sections = tuple(
        Section(
            doc=doc,
            number=each.number,
            title=each.title,
            text=each.text,
            product=product,
            version=version,
            valid_from=fields.valid_from,
            valid_to=fields.valid_to,
        )
        for each in found.sections
    )
    document = Document(
        doc=doc,
        title=fields.title or _title(found.preface) or doc,
        product=product,
        version=version,
        valid_from=fields.valid_from,
        valid_to=fields.valid_to,
        sections=sections,
    )
    return Reading(document, (*content.remarks, *fields.remarks, *found.remarks))


def _seen(content: Content) -> Content:
    return replace(
        content,
        blocks=[replace(block, lines=tuple(map(seen, block.lines))) for block in content.blocks],
        fields={name: seen(value) for name, value in content.fields.items()},
        running=[seen(line) for line in content.running],
    )


def _title(preface: Sequence[Block]) -> str:
    """The first heading, or what looks most like one, or the first line."""
    best = sorted(preface, key=lambda block: [Kind.HEADING, Kind.STRONG, Kind.TEXT].index(block.kind))
    return (best[0].text if best[0].kind is not Kind.TEXT else best[0].lines[0])[:200] if best else ""
