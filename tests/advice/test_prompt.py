"""What leaves: masked words, sections and a fixed wording, and nothing else fits."""

import hashlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import CALL, THEFT, WATER, heard
from tavs.advice.prompt import PAYLOAD_LIMIT_BYTES, SECTION_CHARACTERS, Form, build, digest, fingerprints
from tavs.advice.sections import Section
from tavs.events import Channel, MaskedSegment, MaskedText

SECTIONS = (WATER, THEFT)
SAID = [each.event for each in heard("der er vand", "hos <PERSON_1>")]


class Sly(MaskedText):
    """Looks like masked text."""


def test_the_fields_are_a_closed_list() -> None:
    request = json.loads(build("tiny", SAID, SECTIONS))
    assert {"model", "messages", "temperature", "max_tokens", "stream", "response_format"} == set(request)
    assert ("tiny", 0.0, False) == (request["model"], request["temperature"], request["stream"])
    assert [{"role", "content"}, {"role", "content"}] == [set(message) for message in request["messages"]]
    question = json.loads(request["messages"][1]["content"])
    assert {"conversation", "candidates"} == set(question)
    assert [
        {"channel": "customer", "text": "der er vand"},
        {"channel": "customer", "text": "hos <PERSON_1>"},
    ] == question["conversation"]
    assert [
        {"id": "S1", "product": "Hus", "title": WATER.title, "text": WATER.text},
        {"id": "S2", "product": "Indbo", "title": THEFT.title, "text": THEFT.text},
    ] == question["candidates"]


@pytest.mark.parametrize("form", Form)
def test_the_schema_names_the_candidates_and_no_other(form: Form) -> None:
    asked = json.loads(build("tiny", SAID, SECTIONS, form))["response_format"]
    schema = asked["schema"] if form is Form.OBJECT else asked["json_schema"]["schema"]
    choice = schema["properties"]["sections"]["items"]
    assert ["S1", "S2"] == choice["properties"]["id"]["enum"]
    assert schema["additionalProperties"] is choice["additionalProperties"] is False


def test_nothing_of_the_call_but_channel_and_text_is_in_it() -> None:
    one = MaskedSegment(
        call=CALL, channel=Channel.AGENT, sequence=918273, t0_ms=645342, t1_ms=746251, text=MaskedText("hej"),
        labels=("CPR",), delay_ms=563412, held_ms=463521,
    )  # fmt: skip
    payload = build("tiny", [one], SECTIONS).decode()
    for private in (CALL, "918273", "645342", "746251", "563412", "463521", "CPR", "held"):
        assert private not in payload
    assert build("tiny", [msgspec.structs.replace(one, sequence=1, t0_ms=2, labels=())], SECTIONS).decode() == payload


@pytest.mark.parametrize(
    "words",
    [
        "rå tekst",
        b"bytes",
        {"text": "x"},
        MaskedText("uden segment"),
        Sly("x"),
        heard("x")[0],
        MaskedSegment(call=CALL, channel=Channel.CUSTOMER, sequence=1, t0_ms=0, t1_ms=1, text="rå"),  # type: ignore[arg-type]
        MaskedSegment(call=CALL, channel=Channel.CUSTOMER, sequence=1, t0_ms=0, t1_ms=1, text=Sly("x")),
    ],
    ids=repr,
)
def test_only_masked_text_fits(words: Any) -> None:
    with pytest.raises(TypeError, match="nothing but masked text"):
        build("tiny", [*SAID, words], SECTIONS)


@given(st.text(max_size=300), st.sampled_from(Form))
def test_no_words_end_the_place_where_they_stand(text: str, form: Form) -> None:
    words = [each.event for each in heard(text, "og så kom vandet")]
    plain = json.loads(build("tiny", [each.event for each in heard("x", "og så kom vandet")], SECTIONS, form))
    request = json.loads(build("tiny", words, SECTIONS, form))
    question = json.loads(request["messages"][1]["content"])
    assert [text, "og så kom vandet"] == [each["text"] for each in question["conversation"]]
    assert json.loads(plain["messages"][1]["content"])["candidates"] == question["candidates"]
    assert plain["messages"][0] == request["messages"][0]
    assert plain["response_format"] == request["response_format"]


@pytest.mark.parametrize("form", Form)
def test_the_same_values_give_the_same_bytes_and_their_hash_can_be_made_again(form: Form) -> None:
    payload = build("tiny", SAID, SECTIONS, form)
    assert payload == build("tiny", SAID, SECTIONS, form)
    told = [(each.channel.value, each.text.text) for each in SAID]
    assert hashlib.sha256(payload).hexdigest() in fingerprints("tiny", told, SECTIONS)
    assert hashlib.sha256(payload).hexdigest() not in fingerprints("tiny", told[:1], SECTIONS)
    assert hashlib.sha256(payload).hexdigest() not in fingerprints("tiny", told, SECTIONS[::-1])
    assert hashlib.sha256(payload).hexdigest() not in fingerprints("other", told, SECTIONS)


def test_a_digest_changes_with_what_a_section_says_and_not_with_where_it_stands() -> None:
    moved = Section(doc="x", number="9", title=WATER.title, text=WATER.text, product=WATER.product)
    assert digest(WATER) == digest(moved)
    for name in ("title", "text", "product"):
        changed = {"title": WATER.title, "text": WATER.text, "product": WATER.product, name: "andet"}
        assert digest(WATER) != digest(Section(doc=WATER.doc, number=WATER.number, **changed))


def test_a_long_section_is_cut_and_a_payload_has_a_limit() -> None:
    long = Section(doc="d", number="1.1", title="t", text="ord " * SECTION_CHARACTERS, product="p")
    assert len(build("tiny", SAID, [long] * 5)) < PAYLOAD_LIMIT_BYTES
    with pytest.raises(ValueError, match="bytes"):
        build("tiny", [each.event for each in heard("x" * PAYLOAD_LIMIT_BYTES)], SECTIONS)
