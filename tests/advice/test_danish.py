"""Words of callers and words of terms meet: stems, compounds, spellings, and what the thesaurus makes of them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.advice.danish import forms, stem, stems, telling, words
from tavs.advice.query import Listener, Query, Turn
from tavs.advice.thesaurus import FILE_LIMIT_BYTES, Thesaurus
from tavs.host.home import Home

KNOWN = frozenset(stems(["vand skade kælder forsikring hund cykel lås vandskade"]))


def heard(text: str, *, thesaurus: str = "", channel: str = "customer", known: frozenset[str] = KNOWN) -> Query:
    return Listener(Thesaurus.parse(thesaurus), known, {}).hear([Turn(channel=channel, text=text)])


# --- words ---------------------------------------------------------------------------------------------------------


def test_placeholders_and_punctuation_are_no_words() -> None:
    assert ["min", "cpr", "er", "ikke", "1234"] == words("Min cpr <CPR_1> er <PERSON_22> ikke 1234!")


@pytest.mark.parametrize(("one", "other"), [("Aalborg", "Ålborg"), ("HÄVÆRK", "hæværk"), ("Köln", "køln")])
def test_two_spellings_are_one_word(one: str, other: str) -> None:
    assert words(one) == words(other)


@pytest.mark.parametrize(
    ("one", "other"), [("stjålet", "stjæler"), ("tænderne", "tand"), ("faldt", "falde"), ("cyklerne", "cykler")]
)
def test_forms_of_a_word_have_one_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_words_without_a_topic_of_their_own_are_no_terms() -> None:
    assert [] == [word for word in words("ja det er jo bare fordi jeg gerne vil høre 12") if telling(word)]


def test_a_compound_is_found_whole_and_by_its_parts_and_theirs() -> None:
    assert (stem("kældervandskade"), *map(stem, ("kælder", "vandskade", "vand", "skade"))) == forms(
        "kældervandskade", KNOWN
    )


def test_the_letters_between_parts_belong_to_neither() -> None:
    assert (stem("hundeskade"), stem("hund"), stem("skade")) == forms("hundeskade", KNOWN)


def test_a_word_that_only_looks_like_a_compound_stays_whole() -> None:
    assert (stem("vandaler"),) == forms("vandaler", KNOWN)


@given(st.text(max_size=300))
def test_any_text_gives_words_and_forms(text: str) -> None:
    for word in words(text):
        assert stem(word) == forms(word, KNOWN)[0]


# --- what a query holds ----------------------------------------------------------------------------------------------


def test_a_compound_that_was_heard_as_two_words_is_one_again() -> None:
    assert stem("vandskade") in heard("der er en vand skade i stuen").own


def test_an_agents_words_count_less_and_so_do_earlier_ones() -> None:
    listener = Listener(Thesaurus(), KNOWN, {})
    turns = [
        Turn(channel="customer", text="kælder"),
        Turn(channel="agent", text="hund"),
        Turn(channel="customer", text="cykel"),
    ]
    weights = listener.hear(turns).own
    assert weights[stem("cykel")] > weights[stem("kælder")] > weights[stem("hund")] > 0


def test_a_word_that_callers_use_for_everything_counts_less() -> None:
    weights = Listener(Thesaurus(), KNOWN, {stem("skade"): 0.2}).hear([Turn(channel="customer", text="skade hund")]).own
    assert weights[stem("skade")] < weights[stem("hund")]


def test_a_query_keeps_the_end_of_what_was_said_when_it_is_very_long() -> None:
    query = heard("hund " + "cykel " * 5000)
    assert {stem("cykel")} == set(query.own)


# --- the thesaurus ---------------------------------------------------------------------------------------------------


def test_words_of_callers_stand_for_words_of_terms_and_not_the_other_way_round() -> None:
    group = "hugget nuppet: tyveri"
    assert {stem("tyveri")} == set(heard("den blev nuppet", thesaurus=group).meant)
    assert {} == heard("et tyveri", thesaurus=group).meant


def test_a_phrase_counts_where_its_words_follow_each_other() -> None:
    group = "gået_i_stykker: beskadigelse"
    assert heard("den er gået i stykker", thesaurus=group).meant
    assert not heard("der er gået stykker af", thesaurus=group).meant


def test_marks_name_lines_and_kinds_and_search_for_nothing() -> None:
    query = heard("mit knæ og min kuffert", thesaurus="knæ: krop+\nkuffert: rejse* bagage")
    assert {"krop+", "rejse*"} == set(query.marks)
    assert {stem("bagage")} == set(query.meant)


@given(st.text(max_size=400))
def test_any_text_is_a_thesaurus(text: str) -> None:
    Thesaurus.parse(text)
    heard("vand i kælderen", thesaurus=text)


def test_a_site_adds_lines_of_its_own(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert Thesaurus.read(home).word(stem("hugget"))
    assert not Thesaurus.read(home).word(stem("snolderbasse"))
    home.etc.mkdir(parents=True)
    (home.etc / "synonyms.txt").write_text("# vores egne\nsnolderbasse: tyveri\n", encoding="utf-8")
    meaning = Thesaurus.read(home).word(stem("snolderbasse"))
    assert meaning and ("tyveri",) == meaning.words
    assert Thesaurus.read(home).word(stem("hugget"))


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00 : \x80\n", b":" * 100, b"a" * (FILE_LIMIT_BYTES + 1)], ids=["bytes", "colons", "huge"]
)
def test_a_broken_file_of_the_site_leaves_the_shipped_lines(tmp_path: Path, content: bytes) -> None:
    home = Home(tmp_path)
    home.etc.mkdir(parents=True)
    (home.etc / "synonyms.txt").write_bytes(content)
    assert Thesaurus.read(home).word(stem("hugget"))


def test_no_shipped_line_is_wasted() -> None:
    thesaurus = Thesaurus.shipped()
    assert len(thesaurus.meanings) > 3000
    assert all(meaning.words or meaning.marks for meaning in thesaurus.meanings.values())
