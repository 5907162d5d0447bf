"""Masking measured: `make bench-masking`. Every figure stands beside its target; `--short` takes a tenth of everything.

1. Recall, utility, precision and speed on our own calls, on invented ones of three seeds, and on the sample calls where
   they are at hand: with the name model, without it, and Presidio's pattern recognisers on `spacy.blank("da")`.
2. Names of minorities against names of the majority, in the same sentences.
3. Random cuts of a conversation into segments, against the same words one by one.
4. Planted identifiers in hostile text: how many come out.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from pathlib import Path

import hostile
import invented
from score import Line, Mask, Masked, Score, ours, read, score, utterance
from tavs.catalogue import CHECKOUT
from tavs.config import Masking
from tavs.events import CallId, Channel
from tavs.masking.detect import Masker, masker
from tavs.masking.gate import Gate
from tavs.speech.utterance import Utterance

HERE = Path(__file__).parent
NUMBERS = (
    "CPR",
    "PHONE",
    "ACCOUNT",
    "CARD",
    "IBAN",
    "POLICY",
    "CLAIM",
    "PLATE",
    "VIN",
    "PASSPORT",
    "DATE_OF_BIRTH",
    "NUMBER",
)
GROUPS = {
    "number-like": (NUMBERS, 0.99), "EMAIL": (("EMAIL",), 0.96), "PERSON": (("PERSON",), 0.96), "ADDRESS": (("ADDRESS",), 0.96),
    "LOCATION": (("LOCATION",), 0.90), "ORG": (("ORG",), 0.90), "HEALTH": (("HEALTH",), 0.90), "URL_USER": (("URL_USER",), 0.90),
}  # fmt: skip
OWN = HERE.parent / "masking" / "calls"
HANDS = HERE.parent / "masking" / "hands"
OTHERS = {"other hands, looked at": "[a-h]?.jsonl", "another hand, unseen": "[!a-h]?.jsonl"}
"""Calls by people who knew the labels and not the code, a letter each."""
SAMPLE = HERE.parents[2] / "shared" / "masking-dev"
SEEDS = (2001, 2002, 2003)
LINES = 4000
CUTS = 10_000
PLANTED = 50_000
FRAMES = (
    "hej mit navn er {} og jeg ringer om min bil",
    "det var {} der kørte",
    "ja det er {}",
    "min nabo {} så det hele",
    "jeg talte med {} i går om skaden",
    "kan du bede {} ringe tilbage",
    "{} står også på policen",
    "Tak {}, det har jeg noteret.",
)
MINORITIES = {"Turkish": "tr_TR", "Polish": "pl_PL", "Pakistani": "en_PK", "Indonesian": "id_ID", "Vietnamese": "vi_VN",
              "Bosnian and Croatian": "hr_HR"}  # fmt: skip


def presidio() -> Mask:
    """Presidio's pattern recognisers, which know no Danish names: what a team without Danish data would begin with."""
    import logging

    import spacy

    logging.getLogger("tldextract").setLevel(logging.CRITICAL)  # it asks the net for a list, and has one of its own
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    class Blank(SpacyNlpEngine):
        def __init__(self) -> None:
            super().__init__(models=[{"lang_code": "da", "model_name": "blank"}])
            self.nlp = {"da": spacy.blank("da")}

        def load(self) -> None:
            """There is no model to load."""

    registry = RecognizerRegistry(supported_languages=["da"])
    registry.load_predefined_recognizers(languages=["da"])
    engine = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["da"])

    def mask(lines: list[Line], seconds: list[float]) -> Masked:
        out: Masked = {}
        for line in lines:
            text = line["text"]
            began = time.perf_counter()
            results = sorted(engine.analyze(text=text, language="da"), key=lambda each: each.start, reverse=True)
            seconds.append(time.perf_counter() - began)
            for each in results:
                text = f"{text[: each.start]} <{each.entity_type}> {text[each.end :]}"
            out[line["call"], line["seq"]] = text
        return out

    return mask


def row(name: str, result: Score) -> str:
    cells = "".join(f"{result.recall(labels):>9.3f}" for labels, _ in GROUPS.values())
    return f"{name:22}{cells}{result.utility:>9.3f}{result.precision:>9.3f}{result.rate:>9.0f}{result.p99_ms:>9.1f}"


def recall(share: float) -> None:
    names = "".join(f"{name:>9.8}" for name in (*GROUPS, "utility", "precision", "seg/s", "p99 ms"))
    targets = "".join(f"{least:>9.2f}" for _, least in GROUPS.values()) + f"{0.97:>9.2f}{0.85:>9.2f}{300:>9}{10:>9}"
    sets = {"own calls": read(sorted(OWN.glob("*.jsonl")))}
    sets |= {name: read(sorted(HANDS.glob(pattern))) for name, pattern in OTHERS.items()}
    sets |= {f"invented {seed}": invented.lines(seed, round(LINES * share)) for seed in SEEDS}
    if SAMPLE.exists():
        sets["sample calls"] = read(sorted(SAMPLE.glob("*.jsonl")))
    maskers = {
        "with model": ours(masker(Masking(), [CHECKOUT])),
        "lists alone": ours(masker(Masking(names=""), [CHECKOUT])),
        "presidio": presidio(),
    }
    print(f"{'recall of entities':22}{names}\n{'target':22}{targets}")
    for name, lines in sets.items():
        total = sum(len(line["text"].split("[[")) - 1 for line in lines)
        print(f"{name}: {len(lines)} segments, {total} entities")
        for who, mask in maskers.items():
            print(row(f"  {who}", score(lines, mask)))


def minorities(share: float) -> None:
    from faker import Faker

    mask = ours(masker(Masking(), [CHECKOUT]))
    found = {}
    for group, locale in {"Danish": "da_DK", **MINORITIES}.items():
        faker = Faker(locale)
        faker.seed_instance(77)
        names = [f"{faker.first_name().split()[0]} {faker.last_name().split()[-1]}" for _ in range(round(600 * share))]
        lines = [
            {"call": f"m{number}", "seq": 1, "channel": "customer", "t0": 0.0, "t1": 3.0,
             "text": FRAMES[number % len(FRAMES)].format(f"[[PERSON:{name if number % 2 else name.lower()}]]")}
            for number, name in enumerate(names)
        ]  # fmt: skip
        found[group] = score(lines, mask).recall()
    print("\nfull names without a mark of their own, by origin: recall; the gap to Danish names may be 0.03")
    for group, value in found.items():
        print(f"  {group:22} {value:.3f}   gap {found['Danish'] - value:+.3f}")


def cuts(share: float) -> None:
    """The same words at the same times, cut at random."""
    draw = random.Random(5)
    detectors = masker(Masking(), [CHECKOUT])
    calls: dict[str, list[Line]] = {}
    for line in invented.lines(31, 400):
        calls.setdefault(str(line["call"]), []).append(line)
    timed = [list(timed_words(lines)) for lines in calls.values()]
    wholes = [text_of(one_by_one(words), detectors) for words in timed]
    count, wrong = round(CUTS * share), 0
    for _ in range(count):
        number = draw.randrange(len(timed))
        wrong += text_of(cut(timed[number], draw), detectors) != wholes[number]
    print(f"\nrandom cuts that changed the text: {wrong} of {count}; target 0")


AGAIN = re.compile(r"(<\w+>)(?: \1)+")
"""A placeholder that goes on in the next segment is one."""
BARE = re.compile(r"(?<=>)[.,?!]+")
Timed = tuple[Channel, int, str, int]
"""Voice, milliseconds, word, and the line it was said in."""


def timed_words(lines: list[Line]) -> list[Timed]:
    out = []
    for number, line in enumerate(lines):
        text = invented.MARK.sub(lambda mark: mark[2], line["text"])
        t0, t1 = line["t0"] * 1000, line["t1"] * 1000
        pieces = text.split()
        out += [
            (Channel(line["channel"]), round(t0 + (t1 - t0) * index / len(pieces)), word, number)
            for index, word in enumerate(pieces)
        ]
    return out


def one_by_one(words: list[Timed]) -> list[list[Timed]]:
    return [[word] for word in words]


def cut(words: list[Timed], draw: random.Random) -> list[list[Timed]]:
    """Segments of one to eight words of one line, so that the words' times stay what they are."""
    out: list[list[Timed]] = []
    for word in words:
        if out and out[-1][0][3] == word[3] and draw.random() < 0.8 and len(out[-1]) < 8:
            out[-1].append(word)
        else:
            out.append([word])
    return out


def text_of(segments: list[list[Timed]], detectors: Masker) -> str:
    gate = Gate(call=CallId("cut"), masker=detectors)
    parts = []
    for number, segment in enumerate(segments):
        channel, t0_ms, _, _ = segment[0]
        step = (segment[-1][1] - t0_ms) / max(1, len(segment) - 1)
        said = Utterance(
            call=CallId("cut"), channel=channel, sequence=number, t0_ms=t0_ms,
            t1_ms=round(t0_ms + step * len(segment)), text=" ".join(word for _, _, word, _ in segment),
        )  # fmt: skip
        parts += gate.feed(said)
    ordered = sorted([*parts, *gate.flush()], key=lambda part: part.sequence)
    whole = " ".join(" ".join(part.text.text for part in ordered).split())
    return AGAIN.sub(r"\1", BARE.sub("", whole))


def planted(share: float) -> None:
    draw = random.Random(9)
    detectors = masker(Masking(), [CHECKOUT])
    count, out = round(PLANTED * share), 0
    for number in range(count):
        text, secret = hostile.example(draw)
        gate = Gate(call=CallId(str(number)), masker=detectors)
        said = utterance({"call": str(number), "channel": "customer", "seq": 1, "t0": 0, "t1": 4, "text": text})
        released = " ".join(part.text.text for part in [*gate.feed(said), *gate.flush()])
        out += hostile.is_in(secret, released)
    print(f"\nplanted identifiers that came out: {out} of {count}; target 0")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", choices=["recall", "minorities", "cuts", "planted"])
    given = parser.parse_args()
    parts = {"recall": recall, "minorities": minorities, "cuts": cuts, "planted": planted}
    for name, part in parts.items():
        if given.only in (None, name):
            part(0.1 if given.short else 1.0)


if __name__ == "__main__":
    main()
