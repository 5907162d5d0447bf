"""The search finds what it is for: a positive control in every spelling, and with the gate taken away."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest
from tavs.demo.canary import Canaries, spellings
from tavs.demo.show import HERE
from tavs.events import CallId, Channel, MaskedSegment
from tavs.masking.detect import Masker
from tavs.masking.gate import Gate
from tavs.masking.span import Span, Window
from tavs.relay import Received, serialize
from tavs.speech.utterance import Utterance

SCRIPT = json.loads((HERE / "call.json").read_text(encoding="utf-8"))
CANARIES = Canaries(SCRIPT["identifiers"])
CALL = CallId("0192f0c1-0000-7000-8000-000000000001")


class NoMasker(Masker):
    """The gate bypassed: nothing is ever found."""

    def find(self, window: Window) -> list[Span]:
        return []


def traffic(masker: Masker) -> bytes:
    """What would cross the relay if the script were heard perfectly."""
    gate = Gate(call=CALL, masker=masker)
    released = []
    for number, turn in enumerate(SCRIPT["turns"], start=1):
        released += gate.feed(
            Utterance(
                call=CALL,
                channel=Channel(turn["channel"]),
                sequence=number,
                t0_ms=number * 4000,
                t1_ms=number * 4000 + 3000,
                text=turn["text"],
            )
        )
    frames = [
        serialize(
            Received(
                "boot",
                number,
                MaskedSegment(
                    call=CALL, channel=part.channel, sequence=part.sequence, t0_ms=0, t1_ms=0, text=part.text
                ),
            )
        )
        for number, part in enumerate([*released, *gate.flush()])
    ]
    return b"".join(frames)


def test_with_the_gate_bypassed_every_identifier_is_found_in_the_traffic() -> None:
    assert sorted(SCRIPT["identifiers"]) == sorted(CANARIES.search(traffic(NoMasker())))


def test_with_the_gate_in_place_none_is() -> None:
    assert [] == CANARIES.search(traffic(Masker()))


@pytest.mark.parametrize("kind", SCRIPT["identifiers"])
def test_each_spelling_is_found_in_each_encoding_and_in_a_file(kind: str, tmp_path: Path) -> None:
    for number, spelling in enumerate(sorted(spellings(SCRIPT["identifiers"][kind]))):
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            data = b"\0\1noise" + spelling.upper().encode(encoding) + b"\xff"
            lower = b"\0\1noise" + spelling.encode(encoding) + b"\xff"
            assert kind in CANARIES.search(lower) or kind in CANARIES.search(data)
        (tmp_path / "deep").mkdir(exist_ok=True)
        (tmp_path / f"deep/{number}").write_bytes(msgspec.msgpack.encode({"x": spelling}))
    assert kind in {found for _, found in CANARIES.search_files([tmp_path])}


def test_what_is_written_about_the_call_otherwise_is_no_finding() -> None:
    assert [] == CANARIES.search(b"<PERSON_1> <CPR_1> recorded until 2027-11-24, 15 segments, 0.981 s, 3272")


def test_the_whole_demo_leaves_no_identifier_and_points_at_the_water_damage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tavs.demo.show import demo

    assert 0 == asyncio.run(demo(tmp_path / "home", as_json=True))
    document = json.loads(capsys.readouterr().out)
    assert {"segments", "suggestions", "artifacts", "gaps", "canaries_found"} == set(document)
    assert [] == document["canaries_found"]
    assert {"customer", "agent"} == {segment["channel"] for segment in document["segments"]}
    assert {"channel", "t0", "t1", "text", "delay_ms", "held_ms"} == set(document["segments"][0])
    assert ("indboforsikring", "4.2") in {(each["doc"], each["section"]) for each in document["suggestions"]}
    assert {("recording", "documentation"), ("masked_transcript", "training")} == {
        (each["kind"], each["purpose"]) for each in document["artifacts"]
    }
    assert any("<CPR_" in segment["text"] for segment in document["segments"])
