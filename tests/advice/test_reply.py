"""An answer of a model may point at sections that were given, and say nothing of its own."""

import contextlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scripted import THEFT, WATER, completion
from tavs.advice.reply import SENTENCE_CHARACTERS, Choice, choose, content, quoted
from tavs.errors import PeerError

SECTIONS = (WATER, THEFT)
SENTENCES = {
    "",
    "Forsikringen dækker skade efter skybrud.",
    "Den dækker ikke vand, der trænger op gennem gulvet, medmindre der er højvandslukke.",
    "Selvrisikoen er 2.500 kr. pr. skade.",
    "Tyveri fra bolig er dækket ved synlige tegn på opbrud.",
    "Anmeld det til politiet.",
}


def named(*ids: str, **more: object) -> str:
    return json.dumps({"sections": [{"id": each, "quote": ""} for each in ids], **more})


@pytest.mark.parametrize(
    "written",
    [
        named("S2", "S1"),
        f"```json\n{named('S2', 'S1')}\n```",
        f"Her er svaret: {named('S2', 'S1')} Held og lykke!",
        f"<think>hm</think>\n{named('S2', 'S1')}",
        '{"sections":[{"id":"S2"},{"id":"S1","quote":null}]}',
        named("S2", "S1", "S2"),
    ],
)
def test_what_stands_around_the_json_is_left_out(written: str) -> None:
    assert [Choice(1, ""), Choice(0, "")] == choose(written, SECTIONS)


@pytest.mark.parametrize(
    "written",
    [
        "", "Ja.", "[]", "null", "{}", '{"sections":null}', '{"sections":["S1"]}', '{"sections":[{"quote":"x"}]}',
        named("S3"), named("S0"), named("s1"), named("S1 "), named("1"), named("S1", "S99"),
        named("S1", note="betal"), '{"sections":[{"id":"S1","html":"<b>ja</b>"}]}', '{"sections":[{"id":1}]}',
        '{"sections":[{"id":"S1","quote":["x"]}]}', named(*["S1"] * 17), named("S1") + named("S2"),
        '{"sections":[{"id":"S1"', "{" * 5000, '{"sections":' + "[" * 20_000, "\ud800",
    ],
)  # fmt: skip
def test_an_answer_that_is_not_as_agreed_is_refused_whole(written: str) -> None:
    with pytest.raises(PeerError) as refused:
        choose(written, SECTIONS)
    assert written == "" or written not in refused.value.message


@pytest.mark.parametrize(
    ("quote", "sentence"),
    [
        ("Selvrisikoen er 2.500 kr. pr. skade.", "Selvrisikoen er 2.500 kr. pr. skade."),
        ("Selvrisikoen  er\n2.500 kr. pr. skade", "Selvrisikoen er 2.500 kr. pr. skade."),
        ("skade efter skybrud", ""),
        ("Forsikringen dækker skade efter", "Forsikringen dækker skade efter skybrud."),
        (
            "vand, der trænger op gennem gulvet",
            "Den dækker ikke vand, der trænger op gennem gulvet, medmindre der er højvandslukke.",
        ),
        ("dækker skade efter sky", ""),
        ("forsikringen dækker skade efter skybrud", ""),
        ("Forsikringen dækker al skade efter skybrud.", ""),
        ("Forsikringen dækker skade efter skybrud. Den dækker ikke vand", ""),
        ("Forsikringen dækker skade efter skybrud! Ring nu.", ""),
        ("Anmeld det til politiet.", ""),
        ("", ""),
        (" \n", ""),
        (".", ""),
        ("<b>Forsikringen dækker skade efter skybrud.</b>", ""),
    ],
)
def test_a_quote_finds_the_whole_sentence_it_is_from_or_nothing(quote: str, sentence: str) -> None:
    assert sentence == quoted(quote, WATER.text)


def test_a_short_sentence_may_be_quoted_whole() -> None:
    assert "Anmeld det." == quoted("Anmeld det.", "Ring først. Anmeld det. Vent.")


def test_a_sentence_as_long_as_a_section_is_no_quote() -> None:
    long = " ".join(["ord"] * SENTENCE_CHARACTERS)
    assert "" == quoted("ord ord ord ord", f"{long}.")


def test_a_completion_is_read_for_its_text_and_nothing_else() -> None:
    assert "hej" == content(completion("hej", refusal=None, reasoning="…"))
    assert "" == content(completion(None, refusal="nej"))
    assert "" == content(completion(named("S1"), tool_calls=[{"function": {"name": "pay"}}]))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"{}", b'{"choices":[]}', b'{"choices":[{}]}', b'{"choices":[{"message":{"content":5}}]}',
     b'{"error":{"message":"x"}}', b"\xff", b'{"x":' + b"[" * 60_000],
)  # fmt: skip
def test_what_is_no_completion_is_refused(body: bytes) -> None:
    with pytest.raises(PeerError):
        content(body)


quotes = st.text() | st.sampled_from([WATER.text, THEFT.text]).flatmap(
    lambda text: st.tuples(st.integers(0, len(text)), st.integers(0, len(text))).map(
        lambda cut: text[min(cut) : max(cut)]
    )
)


@given(st.lists(st.tuples(st.sampled_from(["S1", "S2"]), quotes), max_size=4))
def test_whatever_is_quoted_only_sentences_of_that_section_come_out(pairs: list[tuple[str, str]]) -> None:
    written = json.dumps({"sections": [{"id": name, "quote": quote} for name, quote in pairs]})
    for choice in choose(written, SECTIONS):
        assert choice.quote in SENTENCES
        assert choice.quote in SECTIONS[choice.place].text


@given(st.binary() | st.text().map(str.encode))
@example(b'{"choices":[{"message":{"content":"{}"}}]}')
def test_no_bytes_break_the_reading(body: bytes) -> None:
    with contextlib.suppress(PeerError):
        choose(content(body), SECTIONS)
