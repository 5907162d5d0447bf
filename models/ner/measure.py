"""Entity F1 of an exported model, as it ships, on dev splits: `python measure.py MODEL.onnx SPLIT…` (IOB2, tab separated).

An entity counts when label, first and last word agree (CoNLL). Every split is read as written and in lower case. Streets
(ADR), which no split knows, count as no entity.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime
from corpus import read
from tokenizers import Tokenizer
from train import TAGS

SCORED = ("PER", "LOC", "ORG")
Entity = tuple[int, int, str]


def entities(tags: list[str]) -> set[Entity]:
    found, start, label = set(), 0, "O"
    for index, tag in enumerate([*tags, "O"]):
        if tag == "O" or tag.startswith("B-") or tag[2:] != label:
            if label in SCORED:
                found.add((start, index, label))
            start, label = index, tag[2:] if tag != "O" else "O"
    return found


def predicted(session: onnxruntime.InferenceSession, made: Tokenizer, words: list[str]) -> list[str]:
    encoding = made.encode(words, is_pretokenized=True)
    ids = np.array([encoding.ids], dtype=np.int64)
    best = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0].argmax(-1)
    tags = ["O"] * len(words)
    for index in reversed(range(len(encoding.ids))):
        word = encoding.word_ids[index]
        if word is not None:
            tags[word] = TAGS[best[index]]
    return tags


def f1(right: int, guessed: int, real: int) -> float:
    return 2 * right / max(1, guessed + real)


def main(model: Path, splits: list[Path]) -> None:
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    made = Tokenizer.from_file(str(model.with_name("tokenizer.json")))
    print(f"{'split':24} {'case':6}" + "".join(f"{label:>8}" for label in (*SCORED, "all")))
    for path in splits:
        for case in ("cased", "lower"):
            right, guessed, real = Counter(), Counter(), Counter()
            for sentence in read(path):
                words = [word.lower() if case == "lower" else word for word, _ in sentence]
                wanted, got = entities([tag for _, tag in sentence]), entities(predicted(session, made, words))
                for counter, found in ((right, wanted & got), (guessed, got), (real, wanted)):
                    counter.update(label for _, _, label in found)
            scores = [f1(right[label], guessed[label], real[label]) for label in SCORED]
            total = f1(right.total(), guessed.total(), real.total())
            print(f"{path.stem:24} {case:6}" + "".join(f"{score:8.3f}" for score in (*scores, total)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(each) for each in sys.argv[2:]])
