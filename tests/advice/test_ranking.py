"""Sections for what customers say, and nothing for small talk."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from tavs.advice.embedding import SentenceModel
from tavs.advice.features import COMMON, line_of
from tavs.advice.library import samples
from tavs.advice.lines import advise, search
from tavs.advice.ranking import CONFIDENCE, Ranked, Ranker, Turn
from tavs.advice.sections import Section
from tavs.catalogue import find
from tavs.errors import ModelError, UsageError
from tavs.host.home import Home
from tokenizers import Tokenizer, models, pre_tokenizers

QUERIES = [
    json.loads(line) for line in (Path(__file__).parent / "queries.jsonl").read_text(encoding="utf-8").splitlines()
]
SAMPLES = [section for document in samples() for section in document.sections]
RANKER = Ranker(SAMPLES)


def section(number: str, title: str, text: str, doc: str = "bådforsikring", product: str = "båd") -> Section:
    return Section(doc=doc, number=number, title=title, text=text, product=product)


def said(*texts: str) -> list[Turn]:
    return [Turn(channel="customer", text=text) for text in texts]


def turns_of(query: dict[str, Any]) -> list[Turn]:
    return [Turn(**turn) for turn in query["call_turns"]]


# --- what is found ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query["id"])
def test_a_section_that_answers_is_among_the_first_or_nothing_is_shown(query: dict[str, Any]) -> None:
    ranked = [(each.section.doc, each.section.number) for each in RANKER.rank(turns_of(query))]
    answers = {(each["doc"], each["section"]) for each in query["relevant"] if each["grade"] == 2}
    assert answers & set(ranked[:3]) if answers else not ranked


def test_terms_that_nobody_trained_on_are_searched_too() -> None:
    ranker = Ranker(
        [
            section("1", "Kollision og grundstødning", "Skade på fartøjet ved kollision og grundstødning erstattes."),
            section("2", "Tyveri af påhængsmotor", "Motoren skal være låst fast med godkendt lås."),
            section("3", "Opsigelse", "Forsikringen kan opsiges med en måneds varsel."),
        ]
    )
    assert "1" == ranker.rank(said("vi er stødt på grund med sejlbåden ud for havnen"))[0].section.number
    assert "2" == ranker.rank(said("der er nogen der har hugget motoren på vores båd i nat"))[0].section.number


def test_a_site_teaches_the_ranker_a_word() -> None:
    from tavs.advice.danish import stem
    from tavs.advice.thesaurus import Thesaurus

    shipped = Thesaurus.shipped()
    taught = Thesaurus.parse("snolderbasse: grundstødning")
    assert taught.word(stem("snolderbasse")) and not shipped.word(stem("snolderbasse"))
    terms = [section("1", "Tyveri", "Tyveri af fartøjet."), section("2", "Grundstødning", "Skade ved grundstødning.")]
    ranked = Ranker(terms, thesaurus=taught).rank(said("det var en snolderbasse"), least_score=0.0)
    assert "2" == ranked[0].section.number


def test_a_score_is_a_confidence_and_the_best_comes_first() -> None:
    scores = [each.score for each in RANKER.rank(turns_of(QUERIES[1]))]
    assert sorted(scores, reverse=True) == scores
    assert all(CONFIDENCE <= score <= 1 for score in scores)


def test_names_and_numbers_change_nothing() -> None:
    masked = RANKER.rank(said("det er <PERSON_1> min cykel er stjålet i <LOCATION_1> <CPR_1>"))
    assert [each.section for each in masked] == [
        each.section for each in RANKER.rank(said("det er <PERSON_7> min cykel er stjålet i <LOCATION_3> <CPR_9>"))
    ]


@pytest.mark.parametrize(
    "text",
    [
        "hej med dig",
        "ja tak hav en god dag",
        "kan du stille mig om til <PERSON_1>",
        "mit nummer er <PHONE_1>",
        "<CPR_1>",
        "",
    ],
)
def test_small_talk_and_identification_give_nothing(text: str) -> None:
    assert [] == RANKER.rank(said(text))


def test_as_many_as_are_asked_for() -> None:
    assert 2 == len(RANKER.rank(said("min cykel er stjålet"), most=2, least_score=0.0))
    assert 117 == len(RANKER)


def test_no_terms_no_advice() -> None:
    assert [] == Ranker([]).rank(said("min cykel er stjålet"))


def test_the_same_turns_give_the_same_sections() -> None:
    assert RANKER.rank(turns_of(QUERIES[0])) == Ranker(SAMPLES).rank(turns_of(QUERIES[0]))


@pytest.mark.parametrize("text", ['"', "a OR b", "NEAR(", "* ^ : ( )", "øæå" * 2000, "\x00", "vand " * 20_000])
def test_no_text_breaks_the_search(text: str) -> None:
    RANKER.rank(said(text))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["customer", "agent", "?"]), st.text(max_size=200)), max_size=6))
def test_any_turns_are_ranked(turns: list[tuple[str, str]]) -> None:
    RANKER.rank([Turn(channel=channel, text=text) for channel, text in turns], least_score=0.0)


@pytest.mark.parametrize(
    ("product", "doc", "line"),
    [
        ("motorcykel", "motorcykelforsikring", "motorcykel*"),
        ("", "katteforsikring", "kat*"),
        ("Indbo Basis", "indbo-2", "indbo*"),
        ("faelles", "faelles-betingelser", COMMON),
        ("", "almindelige-betingelser", COMMON),
        ("Løn", "loen", "Løn"),
    ],
)
def test_the_line_of_a_section_is_read_from_its_product_or_document(product: str, doc: str, line: str) -> None:
    marks = {"motorcykel*", "cykel*", "kat*", "indbo*"}
    assert line == line_of(section("1", "", "", doc, product), marks)


# --- the command line ------------------------------------------------------------------------------------------------


def test_the_commands_print_documents_and_refuse_nonsense_by_line(tmp_path: Path) -> None:
    home = Home(tmp_path)
    [answer] = advise([json.dumps({"id": "x", "call_turns": QUERIES[1]["call_turns"]})], home)
    assert {"doc", "section", "score", "title"} == set(json.loads(answer)["ranked"][0])
    assert search("indbrud", home)
    for line in ("{", '{"id": 1}', '{"id":1,"call_turns":[5]}', "[]"):
        with pytest.raises(UsageError, match="line 1"):
            list(advise([line], home))


# --- another opinion: any sentence-embedding model ---------------------------------------------------------------------

WORDS = {"[UNK]": 0, "blinkefyr": 1, "stjerneskud": 2}


def sentence_model(folder: Path) -> Home:
    """Knows two words only, and that they mean the same."""
    home = Home(folder)
    home.models.mkdir(parents=True)
    vectors = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0.1]], np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["vectors", "input_ids"], ["hidden"])],
        "sentences",
        [helper.make_tensor_value_info(name, TensorProto.INT64, [1, None]) for name in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("hidden", TensorProto.FLOAT, [1, None, 3])],
        [numpy_helper.from_array(vectors, "vectors")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(home.models / "tiny.onnx"))
    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(home.models / "tiny.json"))
    enter(home)
    return home


def enter(home: Home) -> None:
    model, tokenizer = ((home.models / name).read_bytes() for name in ("tiny.onnx", "tiny.json"))
    (home.models / "catalogue.toml").write_text(
        f'[tiny]\nkind = "sentences"\nengine = "onnx"\nfile = "tiny.onnx"\ntokenizer = "tiny.json"\n'
        f'size_bytes = {len(model)}\nsha256 = "{hashlib.sha256(model).hexdigest()}"\n'
        f'tokenizer_sha256 = "{hashlib.sha256(tokenizer).hexdigest()}"\nproduction = true\n',
        encoding="utf-8",
    )


TERMS = [
    section("1", "Tyveri", "Tyveri af fartøjet er dækket."),
    section("2", "Opsigelse", "Varsel på en måned."),
    section("3", "Lys", "stjerneskud"),
]


def test_a_sentence_model_from_the_catalogue_finds_what_words_do_not(tmp_path: Path) -> None:
    embedder = SentenceModel(find("tiny", [sentence_model(tmp_path).models]))
    asked = said("blinkefyr")
    without = [each.section.number for each in Ranker(TERMS).rank(asked, least_score=0.0)]
    fused = [each.section.number for each in Ranker(TERMS, embedder=embedder).rank(asked, least_score=0.0)]
    assert ["1", "2", "3"] == without
    assert ["1", "3", "2"] == fused


def test_vectors_have_length_one_whatever_the_text(tmp_path: Path) -> None:
    embedder = SentenceModel(find("tiny", [sentence_model(tmp_path).models]))
    vectors = embedder.embed(["blinkefyr " * 2000, "", "ukendt"])
    assert np.allclose(1, np.linalg.norm(vectors, axis=1))


def test_a_sentence_model_leaves_silence_and_confidence_alone(tmp_path: Path) -> None:
    ranker = Ranker(SAMPLES, embedder=SentenceModel(find("tiny", [sentence_model(tmp_path).models])))
    assert [] == ranker.rank(said("ja tak hav en god dag"))
    assert all(0 <= each.score <= 1 for each in ranker.rank(said("min cykel er stjålet")))


@pytest.mark.parametrize("damage", ["model", "tokenizer"])
def test_a_sentence_model_that_cannot_be_used_is_refused(tmp_path: Path, damage: str) -> None:
    home = sentence_model(tmp_path)
    (home.models / ("tiny.onnx" if damage == "model" else "tiny.json")).write_bytes(b"{}")
    enter(home)
    with pytest.raises(ModelError, match="cannot be used"):
        SentenceModel(find("tiny", [home.models]))


def test_an_insurance_that_the_caller_names_comes_before_its_neighbours() -> None:
    spoken = "jeg har haft en rørskade i badeværelset, dækker min indboforsikring det?"
    found = RANKER.rank([Turn(channel="customer", text=spoken)], least_score=0)
    without = RANKER.rank([Turn(channel="customer", text=spoken.replace("min indboforsikring", "I"))], least_score=0)

    def place(ranked: list[Ranked]) -> int:
        return [each.section.doc for each in ranked].index("indboforsikring")

    assert place(found) < 2
    assert place(found) <= place(without)
    split = RANKER.rank([Turn(channel="customer", text=spoken.replace("indboforsikring", "indbo forsikring"))])
    assert "indboforsikring" in [each.section.doc for each in split[:2]]
