"""After a sweep and after an erasure a whole home and the raw image of its disk are searched: what went is in neither.

What may be left in free blocks, where the database's log was cut short, is text sealed with a key that is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from office import FIRST, MASKED, PERSONAL, PROMPTED, SECOND, Office
from tavs.events import CallId
from tavs.retention.policy import EndedBy
from tavs.retention.sweep import sweep
from tavs.rights.subject import ask
from tavs.store.database import Connection
from test_forensics import Stick, found, mounted

AT = datetime(2031, 3, 1, 12, tzinfo=UTC)
IMAGE_BYTES = 48 << 20
SPOKEN = [each.encode() for each in (*PERSONAL, MASKED, "hvad kan jeg gøre?")]


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Stick]:
    yield from mounted(tmp_path, IMAGE_BYTES)


@contextmanager
def office_on(stick: Stick) -> Iterator[Office]:
    """Two calls with consent, each with a recording, a transcript and masked text."""
    office = Office(stick.folder / "home", AT)
    for call in (FIRST, SECOND):
        office.call(call, answers=[PROMPTED])
    try:
        yield office
    finally:
        office.close()


def keys(office: Office, call: CallId, *, of: str = "") -> list[bytes]:
    """The wrapped keys of a call as they lie in their files."""
    return [path.read_bytes() for path in sorted(office.home.var.rglob(f"{call}{of}*.key"))]


def sealed_texts(connection: Connection, call: CallId) -> list[bytes]:
    return [row[0] for row in connection.execute("select sealed from segments where call = ?", (call,))]


def files(office: Office) -> bytes:
    return b"".join(path.read_bytes() for path in office.home.root.rglob("*") if path.is_file())


def test_after_a_sweep_the_disk_holds_no_key_of_what_went_and_the_files_no_sealed_text_either(stick: Stick) -> None:
    with office_on(stick) as office:
        gone = [key for call in (FIRST, SECOND) for key in keys(office, call)]
        texts = [text for call in (FIRST, SECOND) for text in sealed_texts(office.connection, call)]
        assert 6 == len(gone)
        assert 2 == len(texts)
        assert 6 == found(stick.raw(), gone), "the search finds what is there"
        later = AT + timedelta(days=4 * 366)
        assert 6 == len(sweep(office.connection, office.home, now=later, at=later).deleted)
        assert 0 == found(files(office), gone + texts)
    stick.unmount()
    assert 0 == found(stick.image.read_bytes(), gone)


def test_after_an_erasure_what_went_is_nowhere_and_what_had_to_stay_is_there(stick: Stick) -> None:
    with office_on(stick) as office:
        recording = keys(office, FIRST, of=".0")
        gone = [key for key in keys(office, FIRST) if key not in recording]
        neighbour = keys(office, SECOND)
        texts = sealed_texts(office.connection, FIRST)
        ask(office.connection, FIRST, EndedBy.ERASURE, actor="officer", now=office.now)
        swept = sweep(office.connection, office.home, now=office.now, at=office.now)
        assert {"transcript", "masked_transcript"} == {item.kind.value for item in swept.deleted}
        assert 0 == found(files(office), gone + texts)
    stick.unmount()
    raw = stick.image.read_bytes()
    assert 0 == found(raw, gone)
    assert len(neighbour) + len(recording) == found(raw, neighbour + recording)


def test_nothing_that_was_said_and_no_number_ever_lay_open_on_the_disk(stick: Stick) -> None:
    with office_on(stick) as office:
        assert not [each for each in SPOKEN if each in files(office)]
    stick.unmount()
    raw = stick.image.read_bytes()
    assert not [each for each in SPOKEN if each in raw]
