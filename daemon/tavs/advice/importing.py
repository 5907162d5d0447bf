"""`tavs terms import`: files and folders → the library.

1. Every document is read in a child process with limits (`confined.py`); one that is damaged or made to harm is
   a line in the report and leaves what was imported of it before.
2. A document is named by its file and its version: the same version is replaced, another stands beside it, unless both
   come from one file and begin on one day: then the version itself was corrected. The same files again change nothing.
3. What came with a folder goes when the folder, or one around it, is imported and has the file no more. A folder in
   which nothing could be read takes nothing away: it may be a share that is not there.
4. Where nothing could be read at all, nothing changes.
"""

from __future__ import annotations

import enum
import fcntl
import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from tavs.advice import library
from tavs.advice.confined import Limits, read
from tavs.advice.formats.document import FORMATS
from tavs.advice.library import Library
from tavs.advice.sections import Document
from tavs.errors import PeerError, StoreError, UsageError
from tavs.host.home import Home

FILE_LIMIT_BYTES = 250 << 20
FILES_LIMIT = 5000
"""In one import; more is a wrong folder."""

Progress = Callable[[int, int], None]
"""Documents done, of how many."""


class Change(enum.StrEnum):
    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    file: str
    what: str
    hint: str = ""
    is_fault: bool = False
    """The file could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    imported: Sequence[tuple[Document, Change]]
    removed: Sequence[Document]
    remarks: Sequence[Remark]

    @property
    def has_faults(self) -> bool:
        return any(remark.is_fault for remark in self.remarks)


@dataclass(frozen=True, slots=True)
class _Found:
    """A file to be read; of a folder that was named, or by its own name."""

    path: Path
    folder: Path | None


@dataclass(slots=True)
class _Import:
    read: dict[tuple[str, str], Document] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    present: set[str] = field(default_factory=set)
    """Sources that are there, whether they could be read or not."""
    folders: set[Path] = field(default_factory=set)
    """In which something could be read."""

    def fault(self, path: Path, what: str, hint: str = "") -> None:
        self.remarks.append(Remark(file=shown(path), what=what, hint=hint, is_fault=True))


def import_terms(paths: Sequence[Path], home: Home, progress: Progress, limits: Limits | None = None) -> Report:
    """Raises UsageError for too many files, OSError where the library cannot be written."""
    run = _Import()
    files = list(islice(_files(paths, run), FILES_LIMIT + 1))
    if len(files) > FILES_LIMIT:
        raise UsageError(f"there are more than {FILES_LIMIT} files", "name the folders that hold terms")
    for done, found in enumerate(files):
        progress(done, len(files))
        _take(found, run, limits or Limits())
    progress(len(files), len(files))
    if not run.read:
        return Report(imported=(), removed=(), remarks=run.remarks)
    with _locked(home.terms):
        return _enter(run, home)


def shown(path: Path) -> str:
    """A file name as it can be printed, whatever bytes it is made of."""
    text = os.fsencode(path).decode("utf-8", errors="backslashreplace")
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


def _files(paths: Sequence[Path], run: _Import) -> Iterator[_Found]:
    for named in paths:
        path = Path(os.path.abspath(named))  # noqa: PTH100 - links stay as they are named
        if not path.is_dir():
            yield _Found(path, None)
            continue
        found = [_Found(each, path) for each in _below(path, run)]
        if not found:
            run.fault(path, "holds no terms", f"a folder with {', '.join(FORMATS)} is read")
        yield from found


def _below(folder: Path, run: _Import) -> Iterator[Path]:
    """Files of a folder and of those in it, in order; hidden ones and the locks of word processors are none."""

    def fail(error: OSError) -> None:
        run.fault(Path(error.filename or folder), f"cannot be opened: {os.strerror(error.errno or 0)}")

    for place, folders, names in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            if not name.startswith((".", "~$")) and path.stem != library.NO_TERMS and name != library.FILE:
                yield path


def _take(found: _Found, run: _Import, limits: Limits) -> None:
    path = found.path
    run.present.add(shown(path))
    if library.ending(path) not in FORMATS:
        run.fault(path, "is of a kind that is not read", f"terms are {', '.join(FORMATS)}")
        return
    doc = unicodedata.normalize("NFC", path.stem)
    if not doc.isprintable():
        run.fault(path, "has a name that cannot be shown", "name it after the product")
        return
    try:
        with _opened(path) as file:
            reading = read(doc, library.ending(path), file, limits)
    except OSError as error:
        run.fault(path, f"cannot be opened: {os.strerror(error.errno or 0)}")
        return
    except PeerError as error:
        run.fault(path, error.message, error.hint)
        return
    document = replace(reading.document, source=shown(path), is_from_folder=found.folder is not None)
    known = run.read.setdefault((doc, document.version), document)
    if known.source != document.source:
        run.fault(path, f"is the same document and version as {known.source}", "give it a version or another name")
        return
    if found.folder:
        run.folders.add(found.folder)
    run.remarks += [Remark(file=shown(path), what=each) for each in reading.remarks]


def remove(doc: str, version: str | None, home: Home) -> list[Document]:
    """Take a document out of the library, all its versions or one; what was taken. Raises UsageError for none."""
    with _locked(home.terms):
        known = Library.read(home)
        gone = [
            each
            for each in ([] if known.is_sample else known.documents)
            if each.doc == doc and version in {None, each.version}
        ]
        if not gone:
            raise UsageError("the library holds no such document", "`tavs terms list` shows what it holds")
        library.write(home, (each for each in known.documents if each not in gone))
    return gone


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Raises OSError, and PeerError for what is no file or too large."""
    if not path.is_file():
        path.stat()
        raise PeerError("is no file")
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > FILE_LIMIT_BYTES:
            raise PeerError(
                f"is {size >> 20} MiB, and more than {FILE_LIMIT_BYTES >> 20} are not read", "save it without pictures"
            )
        yield file


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One import at a time; another waits."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _enter(run: _Import, home: Home) -> Report:
    before = {(each.doc, each.version): each for each in _known(run, home)}
    gone = [key for key, document in before.items() if key not in run.read and _is_gone(document, run)]
    after = {key: document for key, document in before.items() if key not in gone}
    imported: list[tuple[Document, Change]] = []
    for key, document in run.read.items():
        known = before.get(key)
        kept = known is not None and known.source == document.source and known.is_from_folder
        entered = replace(document, is_from_folder=document.is_from_folder or kept)
        change = (
            Change.NEW if known is None else Change.SAME if _contents(known) == _contents(entered) else Change.CHANGED
        )
        after[key] = entered
        imported.append((entered, change))
    if after != before:
        library.write(home, sorted(after.values(), key=_order))
    return Report(imported=imported, removed=[before[key] for key in gone], remarks=run.remarks)


def _known(run: _Import, home: Home) -> tuple[Document, ...]:
    try:
        known = Library.read(home)
    except StoreError as error:
        run.remarks.append(Remark(file="", what=f"{error.message}, and is written anew", is_fault=True))
        return ()
    return () if known.is_sample else known.documents


def _order(document: Document) -> tuple[str, date, str]:
    return document.doc, document.valid_from or date.min, document.version


def _is_gone(document: Document, run: _Import) -> bool:
    if any(_corrects(new, document) for new in run.read.values()):
        return True
    if not document.is_from_folder or document.source in run.present:
        return False
    return any(document.source.startswith(f"{shown(folder)}{os.sep}") for folder in run.folders)


def _corrects(new: Document, old: Document) -> bool:
    return (new.doc, new.source, new.valid_from) == (old.doc, old.source, old.valid_from)


def _contents(document: Document) -> Document:
    return replace(document, source="", is_from_folder=False)
