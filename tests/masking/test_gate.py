"""The gate: nothing personal comes out, the story does, and no cut of the conversation changes that."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tavs.catalogue import CHECKOUT
from tavs.config import Masking
from tavs.events import CallId, Channel
from tavs.masking.detect import Masker, masker
from tavs.masking.gate import Gate, Released
from tavs.masking.span import Span, Window
from tavs.masking.spoken import digits, value
from tavs.speech.utterance import Utterance

CALL = CallId("call")
MASKER = masker(Masking(), [CHECKOUT])
C, A = Channel.CUSTOMER, Channel.AGENT
WORD_MS = 300

Turn = tuple[Channel, str]


def heard(turns: list[Turn], masker: Masker = MASKER) -> list[Released]:
    gate, at_ms, out = Gate(call=CALL, masker=masker), 0, []
    for number, (channel, text) in enumerate(turns, start=1):
        end_ms = at_ms + WORD_MS * len(text.split())
        out += gate.feed(Utterance(call=CALL, channel=channel, sequence=number, t0_ms=at_ms, t1_ms=end_ms, text=text))
        at_ms = end_ms
    return out + gate.flush()


def lines(turns: list[Turn]) -> list[str]:
    """The masked text of each turn."""
    found: dict[int, list[str]] = {}
    for part in heard(turns):
        found.setdefault(part.sequence, []).append(part.text.text)
    return [" ".join(" ".join(found.get(number, [])).split()) for number in range(1, len(turns) + 1)]


def masked(text: str, channel: Channel = C) -> str:
    return lines([(channel, text)])[0]


@pytest.mark.parametrize(
    ("text", "gone", "label"),
    [
        (
            "mit cpr-nummer er femten nul ni enogfirs toogtredive tooghalvfjerds",
            "femten enogfirs tooghalvfjerds",
            "CPR",
        ),
        ("mit seperr nummer er nul syv elve ni og firs og så tolv tres", "syv elve firs tolv tres", "CPR"),
        ("Det er 120461-2286.", "120461 2286", "CPR"),
        ("det er et to nul fire seks et to to otte seks", "fire seks otte", "CPR"),
        ("du kan ringe til mig på otteoghalvfjerds niogtyve treogtredive firs", "niogtyve firs", "PHONE"),
        ("mit nummer er 22 33 44 55", "22 33 44 55", "PHONE"),
        ("min mail er karsten snabel-a outlook punktum dk", "karsten outlook", "EMAIL"),
        ("skriv til mette.kjaer@example.dk", "mette", "EMAIL"),
        ("jeg bor på Højdestræde enogfyrre, anden til højre", "Højdestræde enogfyrre højre", "ADDRESS"),
        ("adressen er lærkevej 12 b", "lærkevej 12", "ADDRESS"),
        ("jeg hedder Nguyen Thi Lan", "Nguyen Thi Lan", "PERSON"),
        ("ja hej det er mette kjær jeg ringer om en skade", "mette kjær", "PERSON"),
        ("mit navn er wojciech kaczmarek", "wojciech kaczmarek", "PERSON"),
        ("min police har nummer tre seks nul nul seks fire syv syv", "seks fire syv", "POLICY"),
        ("skadenummeret er ti toogfyrre tooghalvfems to", "toogfyrre tooghalvfems", "CLAIM"),
        ("registreringsnummeret er b c seksogtres seksogtres nul", "seksogtres", "PLATE"),
        ("bilen er AB 12 345", "AB 12 345", "PLATE"),
        ("reg nummer 1234 og konto 0000123456", "1234 0000123456", "ACCOUNT"),
        ("jeg er født den første maj nitten hundrede og tres", "maj nitten tres", "DATE_OF_BIRTH"),
        ("det er 3. april 1957", "april 1957", "DATE_OF_BIRTH"),
        ("kortet er 4571 1234 5678 9012", "4571 1234 5678 9012", "CARD"),
        ("DK50 0040 0440 1162 43", "0040 0440 1162", "IBAN"),
        ("vi bor i 8000 Aarhus", "8000 Aarhus", "LOCATION"),
        ("hun har knogleskørhed og brækkede hoften", "knogleskørhed brækkede hoften", "HEALTH"),
        ("koden er ４５７１ ٢٢٣٣", "４５７１ ٢٢٣٣", "PHONE"),
        ("koden er 45\u200b71\u200b22", "4571", "NUMBER"),
    ],
)
def test_what_names_a_person_does_not_come_out(text: str, gone: str, label: str) -> None:
    out = masked(text)
    assert not set(gone.casefold().split()) & set(re.findall(r"\w+", out.casefold()))
    assert f"<{label}_1>" in out


@pytest.mark.parametrize(
    "text",
    [
        "regningen er på niogfirs tusind fire hundrede og enogtredive kroner",
        "selvrisikoen er 4.200 kroner og huset er fra 1962",
        "hvor stor er min selvrisiko på min indboforsikring?",
        "jeg har haft en rørskade i badeværelset, dækker min husforsikring det?",
        "det skete i går aftes mellem klokken ti og midnat",
        "kælderen er på 42 kvadratmeter og der står ti centimeter vand",
        "det står i paragraf 12 at der er 14 dages frist",
        "jeg skal til Thailand om ni dage med min Toyota",
        "tusind tak for hjælpen og hav en god dag",
    ],
)
def test_the_story_survives_word_for_word(text: str) -> None:
    assert text == masked(text)


def test_the_normal_case_a_number_in_pieces_over_turns_with_a_read_back() -> None:
    out = lines(
        [
            (A, "hvad er dit cpr-nummer?"),
            (C, "ja det er nul syv"),
            (C, "elleve"),
            (A, "ja?"),
            (C, "niogfirs"),
            (A, "og de fire sidste?"),
            (C, "tolv tres"),
            (A, "nul syv elleve niogfirs tolv tres, tak."),
        ]
    )
    for text in out:
        assert not re.search(r"syv|elleve|niogfirs|tolv|tres", text.replace("sidste", ""))
    assert "<CPR_1>" in out[1] and "<CPR_1>" in out[4] and "<CPR_1>" in out[6]


def test_a_street_its_number_and_its_floor_in_turns_of_their_own() -> None:
    out = lines(
        [(C, "jeg bor på Nørregade"), (A, "nummer?"), (C, "syvogtyve"), (A, "og etagen?"), (C, "anden til venstre")]
    )
    assert "Nørregade" not in out[0]
    assert "syvogtyve" not in out[2]


def test_the_same_person_and_number_keep_their_n_within_a_call() -> None:
    out = lines(
        [
            (C, "mit navn er Mette Kjær."),
            (A, "hej Mette, dit nummer er 22334455."),
            (C, "ja 22 33 44 55."),
            (C, "jeg hedder Bo Lund."),
        ]
    )
    assert "<PERSON_1>" in out[0] and "<PERSON_1>" in out[1] and "<PERSON_2>" in out[3]
    assert "<PHONE_1>" in out[1] and "<PHONE_1>" in out[2]


def test_nothing_is_held_longer_than_four_seconds_of_the_call() -> None:
    gate = Gate(call=CALL, masker=MASKER)
    said = Utterance(call=CALL, channel=C, sequence=1, t0_ms=0, t1_ms=1000, text="ja mit nummer er toogtyve")
    assert "toogtyve" not in "".join(part.text.text for part in gate.feed(said))
    assert [] == gate.tick(3000)
    late = gate.tick(5000)
    assert [True] == [part.held for part in late]
    assert "toogtyve" not in late[0].text.text
    assert [] == gate.flush()


def test_when_a_detector_fails_the_utterance_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Masker):
        def find(self, window: Window) -> list[Span]:
            raise RuntimeError("mit navn er hemmelig")

    for part in heard([(C, "mit navn er Mette Kjær og jeg bor på Lærkevej 4")], Broken()):
        assert part.withheld or part.text.text in ("", "mit")
        assert "Mette" not in part.text.text


def test_health_can_be_switched_off() -> None:
    assert "astma" in heard([(C, "jeg har astma")], masker(Masking(health=False), [CHECKOUT]))[-1].text.text
    assert "astma" not in masked("jeg har astma")


def test_released_and_heard_print_as_sizes() -> None:
    said = Utterance(call=CALL, channel=C, sequence=1, t0_ms=0, t1_ms=1, text="hemmelig")
    assert "hemmelig" not in repr(said)
    assert "Kirsten" not in repr(heard([(C, "jeg hedder Kirsten")]))


STORY = st.lists(
    st.sampled_from(
        """ja nej og så det er mit cpr-nummer er nul syv elleve niogfirs toogtyve femoghalvtreds dobbelt fem jeg hedder Mette Kjær
        bor på Lærkevej 12 b anden til højre i Aarhus 8000 min mail er karsten snabel-a outlook punktum dk vandskade i kælderen
        kroner 4.200 tusind hundrede øh undskyld, nummer. tak. hvad telefonnummer police streg 22 33 født maj 1960 astma""".split()
    ),
    min_size=1,
    max_size=40,
)


def collapsed(parts: list[Released]) -> list[str]:
    """Words and placeholders in order; a placeholder that goes on is one."""
    out: list[str] = []
    ordered = sorted(enumerate(parts), key=lambda each: (each[1].sequence, each[0]))
    for _, part in ordered:
        for piece in re.findall(r"<\w+>|[^\s<>]+", part.text.text):
            core = piece.strip(".,?")
            if core and not (out and out[-1] == core and core.startswith("<")):
                out.append(core)
    return out


@settings(max_examples=300, deadline=None)
@given(STORY, st.data())
def test_every_way_to_cut_a_conversation_gives_the_text_of_word_by_word(story: list[str], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(story) - 1)), max_size=6)))
    pieces = [story[a:b] for a, b in zip([0, *cuts], [*cuts, len(story)], strict=True) if story[a:b]]
    whole = collapsed(heard([(C, word) for word in story]))
    assert whole == collapsed(heard([(C, " ".join(piece)) for piece in pieces]))


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=80),
    st.text(max_size=80),
    st.sampled_from(["0711801260", "22 33 44 55", "4571123456789012", "07-11-80 1260"]),
)
def test_a_planted_number_never_comes_out_whatever_stands_around_it(before: str, after: str, number: str) -> None:
    out = masked(f"{before} {number} kode {after}")
    everything_else = masked(f"{before} {after}")
    assert number not in out or number in everything_else


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_no_text_makes_the_gate_raise(text: str) -> None:
    masked(text)


def test_a_very_long_utterance_is_masked_in_reasonable_time() -> None:
    text = "mit nummer er 22 33 44 55 og Mette bor der " * 2500
    out = masked(text)
    assert "22" not in out and "Mette" not in out


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 99))
def test_every_number_word_below_a_hundred_is_read(number: int) -> None:
    ones = ["nul", "en", "to", "tre", "fire", "fem", "seks", "syv", "otte", "ni", "ti", "elleve", "tolv", "tretten", "fjorten",
            "femten", "seksten", "sytten", "atten", "nitten"]  # fmt: skip
    tens = {
        20: "tyve",
        30: "tredive",
        40: "fyrre",
        50: "halvtreds",
        60: "tres",
        70: "halvfjerds",
        80: "firs",
        90: "halvfems",
    }
    if number < 20:
        assert number == value(ones[number])
        return
    ten = tens[number - number % 10]
    words = [ten] if number % 10 == 0 else [ones[number % 10], "og", ten]
    assert number == value("".join(words))
    assert str(number) == digits(words)


def test_after_a_restart_no_label_gets_a_number_that_somebody_else_may_have_had() -> None:
    gate = Gate(call=CALL, masker=MASKER, numbered=100)
    said = Utterance(
        call=CALL,
        channel=C,
        sequence=1,
        t0_ms=0,
        t1_ms=4000,
        text="mit nummer er tolv fireogtredive seksoghalvtreds otteoghalvfjerds",
    )
    text = " ".join(part.text.text for part in [*gate.feed(said), *gate.flush()])
    numbers = re.findall(r"<[A-Z]+_(\d+)>", text)
    assert numbers
    assert all(int(number) > 100 for number in numbers)


def test_rules_that_change_in_the_middle_of_a_call_hold_for_what_still_waits() -> None:
    gate = Gate(call=CALL, masker=MASKER)
    gate.follow(masker(Masking(always={"ORG": ("tagrende",)}), [CHECKOUT]), 4000)
    said = Utterance(call=CALL, channel=C, sequence=1, t0_ms=0, t1_ms=2000, text="der er hul i min tagrende igen")
    assert "tagrende" not in " ".join(part.text.text for part in [*gate.feed(said), *gate.flush()])
