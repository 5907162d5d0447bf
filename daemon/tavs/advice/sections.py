"""A numbered section of the product terms, and the document it stands in: one version of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Named by document, version and number."""

    doc: str
    """File name without its ending."""
    number: str
    title: str
    text: str
    product: str
    version: str = ""
    valid_from: date | None = None
    """Its first day; None for terms that say nothing of it, which count always."""
    valid_to: date | None = None
    """Its last day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Named by document and version."""

    doc: str
    title: str
    product: str
    version: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    sections: tuple[Section, ...]
    source: str = ""
    """The file it was imported from."""
    is_from_folder: bool = False
    """Whether it came with a folder, and goes when the folder has it no more."""

    def is_in_force(self, day: date) -> bool:
        return (self.valid_from or date.min) <= day <= (self.valid_to or date.max)
