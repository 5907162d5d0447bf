"""Which terms count on a day, and the file they lie in."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.advice import library
from tavs.advice.library import Library
from tavs.advice.sections import Document, Section
from tavs.errors import StoreError
from tavs.host.home import Home

DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))


def document(doc: str, version: str = "", valid_from: date | None = None, valid_to: date | None = None) -> Document:
    section = Section(
        doc=doc,
        number="1.1",
        title="Brand",
        text="Forsikringen dækker brand.",
        product=doc,
        version=version,
        valid_from=valid_from,
        valid_to=valid_to,
    )
    return Document(
        doc=doc,
        title=doc,
        product=doc,
        version=version,
        valid_from=valid_from,
        valid_to=valid_to,
        sections=(section,),
    )


def versions(known: Library, day: date) -> list[str]:
    return [each.version for each in known.in_force(day)]


def test_the_version_that_began_last_counts_from_its_first_day_on() -> None:
    known = Library((document("indbo", "2", date(2026, 1, 1)), document("indbo", "1", date(2025, 1, 1))))
    assert [] == versions(known, date(2024, 12, 31))
    assert ["1"] == versions(known, date(2025, 12, 31))
    assert ["2"] == versions(known, date(2026, 1, 1))


def test_a_version_that_has_ended_gives_way_to_one_that_has_not() -> None:
    known = Library((document("indbo", "1"), document("indbo", "2", date(2026, 1, 1), date(2026, 6, 30))))
    assert ["1"] == versions(known, date(2025, 1, 1))
    assert ["2"] == versions(known, date(2026, 6, 30))
    assert ["1"] == versions(known, date(2026, 7, 1))


def test_terms_without_validity_count_always() -> None:
    assert ["", "1"] == versions(Library((document("bil"), document("indbo", "1"))), date.min)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.none() | DAYS, st.none() | DAYS), max_size=6),
    DAYS,
)
def test_a_document_counts_once_a_day_or_not_at_all(
    spans: list[tuple[str, date | None, date | None]], day: date
) -> None:
    known = Library(tuple(document(doc, str(place), *span) for place, (doc, *span) in enumerate(spans)))
    counting = known.in_force(day)
    assert sorted({doc for doc, first, last in spans if (first or day) <= day <= (last or day)}) == sorted(
        each.doc for each in counting
    )
    assert set(counting) <= set(known.sections)


def test_the_samples_are_read_where_nothing_was_imported_and_say_so(tmp_path: Path) -> None:
    known = Library.read(Home(tmp_path))
    assert known.is_sample and 117 == len(known.sections)
    assert library.stamp(Home(tmp_path)) is None


def test_what_is_written_is_read_again_and_changes_the_stamp(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.terms.mkdir(parents=True)
    first = (document("indbo", "1", date(2025, 1, 1), date(2026, 1, 1)),)
    library.write(home, first)
    before = library.stamp(home)
    assert Library(first) == Library.read(home)
    assert before == library.stamp(home)
    library.write(home, (*first, document("bil")))
    assert before != library.stamp(home)
    assert 2 == len(Library.read(home).documents)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"form": 2, "documents": []}', b'{"form": 1, "documents": 5}'])
def test_a_library_that_does_not_read_as_one_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    home = Home(tmp_path)
    home.terms.mkdir(parents=True)
    (home.terms / library.FILE).write_bytes(content)
    with pytest.raises(StoreError, match=r"library\.json"):
        Library.read(home)
