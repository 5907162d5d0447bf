"""Sections for what customers say, and nothing for small talk."""

import json
from pathlib import Path

import pytest
from tavs.advice import terms
from tavs.advice.danish import Vocabulary, stem
from tavs.advice.lines import advise, search
from tavs.advice.local import Adviser
from tavs.advice.ranking import Ranker, Turn
from tavs.advice.sections import parse
from tavs.errors import UsageError
from tavs.host.home import Home

QUERIES = [
    json.loads(line) for line in (Path(__file__).parent / "queries.jsonl").read_text(encoding="utf-8").splitlines()
]
RANKER = Ranker(terms.read(terms.CHECKOUT))


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query["id"])
def test_a_section_that_answers_is_among_the_first_or_nothing_is_shown(query: dict) -> None:  # type: ignore[type-arg]
    ranked = [
        (each.section.doc, each.section.number) for each in RANKER.rank([Turn(**turn) for turn in query["call_turns"]])
    ]
    answers = {(each["doc"], each["section"]) for each in query["relevant"] if each["grade"] == 2}
    assert answers & set(ranked) if answers else not ranked


def test_all_three_forms_of_terms_give_numbered_sections() -> None:
    assert 117 == len(RANKER)
    markdown = parse("a", "md", "---\nproduct: indbo\n---\n# T\n\n## 4.2 Vand\n\nTekst.\n\n## Uden nummer\n\nx\n")
    assert [("4.2", "Vand", "Tekst.", "indbo")] == [(s.number, s.title, s.text, s.product) for s in markdown]
    page = parse("b", "html", "<meta name=product content=bil><h2>1.1 A</h2><p>5.000&nbsp;kr.</p><h2>x</h2>")
    assert [("1.1", "A", "5.000 kr. x")] == [(s.number, s.title, s.text) for s in page] or "5.000 kr." == page[0].text
    plain = parse("c", "txt", "T\nProdukt: mc\nVersion: 1\n\n2.1 B\n\nmindst\n5.000 kr. og mere\n")
    assert [("2.1", "mindst 5.000 kr. og mere", "mc")] == [(s.number, s.text, s.product) for s in plain]


def test_compounds_and_synonyms_meet() -> None:
    vocabulary = Vocabulary(["vand i kælderen", "skade"])
    assert {stem("vand"), stem("skade")} <= set(vocabulary.terms("vandskade", with_synonyms=False))
    assert stem("tyveri") in vocabulary.terms("hugget", with_synonyms=True)


def test_placeholders_are_no_search_terms() -> None:
    assert [] == Vocabulary([]).terms("<PERSON_1> <CPR_22> 1234", with_synonyms=True)


def test_no_section_is_shown_twice_in_a_call_and_never_for_the_agent() -> None:
    adviser = Adviser(RANKER)
    text = QUERIES[0]["call_turns"][0]["text"]
    first = adviser.hear("customer", text, 1000)
    assert first
    again = adviser.hear("customer", text, 2000)
    assert not {each.section for each in first} & {each.section for each in again}
    assert [] == adviser.hear("agent", text, 3000)


def test_the_commands_print_documents_and_refuse_nonsense_by_line(tmp_path: Path) -> None:
    home = Home(tmp_path)
    [answer] = advise([json.dumps({"id": "x", "call_turns": QUERIES[1]["call_turns"]})], home)
    assert {"doc", "section", "score", "title"} == set(json.loads(answer)["ranked"][0])
    assert search("indbrud", home)
    for line in ("{", '{"id": 1}', '{"id":1,"call_turns":[5]}', "[]"):
        with pytest.raises(UsageError, match="line 1"):
            list(advise([line], home))


@pytest.mark.parametrize("text", ['"', "a OR b", "NEAR(", "* ^ : ( )", "øæå" * 2000, "\x00"])
def test_no_text_breaks_the_search(text: str) -> None:
    RANKER.rank([Turn(channel="customer", text=text)])
