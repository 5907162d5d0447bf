"""The terms of the site: every version of every document, and which of them counts on a day.

1. Imported terms lie in one file, written whole, so a reader sees the old ones or the new ones and nothing between.
2. Of the versions of a document the one counts that began last and has not ended. Terms without validity count always.
3. Where nothing was imported yet, the sample terms are read instead, and say that they are samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from tavs.advice.formats.document import FORMATS
from tavs.advice.formats.document import read as read_document
from tavs.advice.sections import Document, Section
from tavs.errors import StoreError
from tavs.host.files import write_whole
from tavs.host.home import Home

FILE = "library.json"
FORM = 1
"""Of the file; a reader of another form asks for a new import."""
SAMPLES = (Path(__file__).parents[3] / "config/terms", Path("/usr/share/tavs/terms"))
"""Of a checkout and of an installed box."""
NO_TERMS = "README"
"""A file that is about the folder, as `config/terms` has one."""


Stamp = tuple[int, ...] | None


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    form: int
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Library:
    documents: tuple[Document, ...] = ()
    is_sample: bool = False

    @classmethod
    def read(cls, home: Home) -> Library:
        """What was imported, or the samples. Raises StoreError for a file that does not read as one."""
        path = home.terms / FILE
        try:
            stored = msgspec.json.decode(path.read_bytes(), type=_Stored)
        except FileNotFoundError:
            return cls(samples(), is_sample=True)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise StoreError(f"{path} cannot be read ({type(error).__name__})", "import the terms again") from None
        if stored.form != FORM:
            raise StoreError(f"{path} is of form {stored.form}, not {FORM}", "import the terms again")
        return cls(stored.documents)

    @property
    def sections(self) -> tuple[Section, ...]:
        """Of all documents and versions."""
        return tuple(section for document in self.documents for section in document.sections)

    def in_force(self, day: date) -> tuple[Section, ...]:
        """What counts on that day, where the site is."""
        latest: dict[str, Document] = {}
        for document in self.documents:
            known = latest.get(document.doc)
            if document.is_in_force(day) and (known is None or _begin(known) <= _begin(document)):
                latest[document.doc] = document
        return tuple(section for document in latest.values() for section in document.sections)


def stamp(home: Home) -> Stamp:
    """Equal to an earlier one as long as the imported terms are the same."""
    return stamp_of(home.terms / FILE)


def stamp_of(path: Path) -> Stamp:
    """Equal to an earlier one as long as the file is the same; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def write(home: Home, documents: Iterable[Document]) -> None:
    """Raises OSError."""
    stored = _Stored(form=FORM, documents=tuple(documents))
    write_whole(home.terms / FILE, msgspec.json.format(msgspec.json.encode(stored), indent=1) + b"\n", 0o644)


def samples() -> tuple[Document, ...]:
    """The sample terms of a fictional insurer."""
    place = next((place for place in SAMPLES if place.is_dir()), None)
    return tuple(lying_in(place)) if place else ()


def lying_in(folder: Path) -> Iterator[Document]:
    """The documents of a folder, read here and now: for terms that nobody has to be protected from."""
    for path in sorted(folder.iterdir()):
        if is_document(path):
            with path.open("rb") as file:
                yield read_document(path.stem, ending(path), file).document


def not_imported(home: Home, library: Library) -> list[Path]:
    """Documents that were put where imported terms lie: nothing reads them there until they are imported."""
    sources = {document.source for document in library.documents}
    lying = home.terms.iterdir() if home.terms.is_dir() else ()
    return sorted(path for path in lying if is_document(path) and str(path) not in sources)


def is_document(path: Path) -> bool:
    return ending(path) in FORMATS and path.stem != NO_TERMS


def ending(path: Path) -> str:
    return path.suffix.removeprefix(".").lower()


def _begin(document: Document) -> date:
    return document.valid_from or date.min
