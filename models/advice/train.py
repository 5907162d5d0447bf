"""Trains what the ranker has learnt: `PYTHONPATH=../../daemon python train.py OUT.npz`. A few minutes on one core; numpy alone.

1. Everything that a later step is fitted on comes from models that have not seen the query (cross-fitting).
2. The words of the queries in `READ` are in the thesaurus, so the combination is fitted on the others.
3. The same files give the same numbers.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tavs.advice.danish import telling, words
from tavs.advice.features import NAMES, Collection
from tavs.advice.index import Floats
from tavs.advice.learnt import Learnt, occasion_signs, signs, softmax, unpacked
from tavs.advice.library import samples
from tavs.advice.query import Listener, Query, Turn
from tavs.advice.sections import Section
from tavs.advice.terms import read
from tavs.advice.thesaurus import Thesaurus

HERE = Path(__file__).parent
READ = frozenset("a1 a2 a3 a4 b1 b2".split())
"""Files whose queries were read while the thesaurus was written."""
FOLDS = 8
COMMON_COUNT = 4
"""A caller's word counts full where at most so many queries have it."""
LEAST_SIGN, LEAST_TALK = 2, 3
"""Queries that must have a sign to learn from it."""
GRADE_SHARE = {2: 1.0, 1: 0.3}
STEPS, RATE = 90, 0.08
LINE_PENALTY, TOPIC_PENALTY, TALK_PENALTY = 2e-4, 1e-4, 1e-3


@dataclass(frozen=True, kw_only=True)
class Example:
    turns: tuple[Turn, ...]
    grades: dict[tuple[str, str], int]
    file: str


def examples(folder: Path) -> list[Example]:
    return [
        Example(
            turns=tuple(Turn(channel=turn["channel"], text=turn["text"]) for turn in query["call_turns"]),
            grades={(each["doc"], str(each["section"])): int(each["grade"]) for each in query["relevant"]},
            file=path.stem,
        )
        for path in sorted(folder.glob("*.jsonl"))
        for query in map(json.loads, filter(str.strip, path.read_text(encoding="utf-8").splitlines()))
    ]


def word_weights(found: Sequence[Example], listener: Listener) -> dict[str, float]:
    """Words of many queries say little of any: log(queries / count), 1 for the rare."""
    counts: Counter[str] = Counter()
    for example in found:
        spoken = {word for turn in example.turns for word in words(turn.text) if telling(word)}
        counts.update({form for word in spoken for form in listener.forms(word)})
    rare = np.log(len(found) / COMMON_COUNT)
    return {word: float(np.log(len(found) / count) / rare) for word, count in counts.items() if count > COMMON_COUNT}


def descend(loss_gradient: Callable[[Floats], Floats], start: Floats, steps: int, rate: float) -> Floats:
    """Adam (Kingma and Ba 2015)."""
    value, mean, square = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for step in range(1, steps + 1):
        gradient = loss_gradient(value)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        value -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return value


def classifier(inputs: Floats, targets: Floats, penalty: float) -> Floats:
    """Softmax regression; the last row is the bias. Rows without a target are left out."""
    has_target = targets.sum(axis=1) > 0
    inputs, targets = with_bias(inputs[has_target]), targets[has_target]

    def gradient(matrix: Floats) -> Floats:
        logits = inputs @ matrix
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        found = inputs.T @ (shares - targets) / len(inputs)
        found[:-1] += 2 * penalty * matrix[:-1]
        return found

    return descend(gradient, np.zeros((inputs.shape[1], targets.shape[1]), np.float32), STEPS, RATE)


def logistic(inputs: Floats, truth: Floats, penalty: float, steps: int = 400, rate: float = 0.05) -> Floats:
    """Weights of the inputs and, last, the constant."""
    inputs = with_bias(inputs)

    def gradient(weights: Floats) -> Floats:
        found = inputs.T @ (1 / (1 + np.exp(-inputs @ weights)) - truth) / len(inputs)
        found[:-1] += 2 * penalty * weights[:-1]
        return found

    return descend(gradient, np.zeros(inputs.shape[1], np.float32), steps, rate)


def listwise(features: Sequence[Floats], targets: Sequence[Floats], penalty: float = 1e-3) -> Floats:
    """Weights of the features by which the softmax over a query's sections comes nearest to the grades."""

    def gradient(weights: Floats) -> Floats:
        found = 2 * penalty * weights
        for rows, target in zip(features, targets, strict=True):
            found = found + rows.T @ (softmax(rows @ weights) - target) / len(features)
        return found

    return descend(gradient, np.zeros(len(NAMES), np.float32), 250, 0.1)


def with_bias(inputs: Floats) -> Floats:
    return np.hstack([inputs, np.ones((len(inputs), 1), np.float32)]).astype(np.float32)


def dense(found: Sequence[dict[str, float]], names: Sequence[str]) -> Floats:
    rows = {name: number for number, name in enumerate(names)}
    matrix = np.zeros((len(found), len(names)), np.float32)
    for number, each in enumerate(found):
        for name, weight in each.items():
            if name in rows:
                matrix[number, rows[name]] = weight
    return matrix


def frequent(found: Sequence[dict[str, float]], least: int) -> list[str]:
    counts = Counter(name for each in found for name in each)
    return sorted(name for name, count in counts.items() if count >= least)


def folds(size: int) -> np.ndarray:
    return np.random.default_rng(1).permutation(size) % FOLDS


def stored(name: str, names: Sequence[str], matrix: Floats) -> dict[str, Any]:
    """Eight bits a weight."""
    scale = np.maximum(np.abs(matrix[:-1]).max(axis=0), 1e-6) / 127
    return {
        f"{name}_signs": np.array(names),
        f"{name}_matrix": np.round(matrix[:-1] / scale).astype(np.int8),
        f"{name}_scale": scale.astype(np.float32),
        f"{name}_bias": matrix[-1].astype(np.float32),
    }


class Training:
    """Queries, the terms they are about, and what each is told by."""

    def __init__(self, found: Sequence[Example], libraries: Sequence[Sequence[Section]], thesaurus: Thesaurus) -> None:
        self.examples = found
        everything = [section for sections in libraries for section in sections]
        plain = Collection(everything, thesaurus, {})
        self.weights = word_weights(found, plain.listener)
        self.collections = [Collection(sections, thesaurus, self.weights) for sections in libraries]
        self.topics = everything
        self.kinships = [collection.kinship(everything) for collection in self.collections]
        places = [{(each.doc, each.number): number for number, each in enumerate(sections)} for sections in libraries]
        files = {e.file: next((n for n, known in enumerate(places) if set(e.grades) & set(known)), 0) for e in found if e.grades}
        self.library = [files.get(example.file, 0) for example in found]
        self.queries: list[Query] = [
            self.collections[n].listener.hear(example.turns) for n, example in zip(self.library, found, strict=True)
        ]
        self.grades = [
            np.array([example.grades.get((s.doc, s.number), 0) for s in libraries[n]])
            for n, example in zip(self.library, found, strict=True)
        ]
        self.targets = [_shares(grades) for grades in self.grades]
        starts = np.cumsum([0, *map(len, libraries)])
        self.topic_targets = np.zeros((len(found), len(everything)), np.float32)
        for row, (n, target) in enumerate(zip(self.library, self.targets, strict=True)):
            self.topic_targets[row, starts[n] : starts[n + 1]] = target
        line_names = [line for collection in self.collections for line in collection.lines]
        self.lines = sorted(set(line_names))
        of_line = np.array([[name == line for line in self.lines] for name in line_names], np.float32)
        self.line_targets = self.topic_targets @ of_line
        self.signs = [signs(query) for query in self.queries]
        self.names = frequent(self.signs, LEAST_SIGN)
        self.inputs = dense(self.signs, self.names)
        said = [dict.fromkeys(query.said, 1 / max(1, len(query.said)) ** 0.5) for query in self.queries]
        self.talk_names = frequent(said, LEAST_TALK)
        self.talk_inputs = dense(said, self.talk_names)
        self.asks = np.array([bool(example.grades) for example in found], np.float32)
        self.is_unread = np.array([example.file not in READ for example in found])

    def features(self, row: int, lines: Floats, topics: Floats) -> Floats:
        n = self.library[row]
        shares = dict(zip(self.lines, map(float, softmax(lines)), strict=True))
        return self.collections[n].features(self.queries[row], shares, self.kinships[n] @ softmax(topics))


def _shares(grades: np.ndarray) -> Floats:
    found = np.array([GRADE_SHARE.get(int(grade), 0.0) for grade in grades], np.float32)
    return found / max(float(found.sum()), 1e-9)


def crossed(training: Training, fold: np.ndarray, inputs: Floats, targets: Floats, penalty: float) -> Floats:
    """Logits for every query by a model that has not seen it."""
    found = np.zeros(targets.shape, np.float32)
    for number in range(FOLDS):
        matrix = classifier(inputs[fold != number], targets[fold != number], penalty)
        found[fold == number] = with_bias(inputs[fold == number]) @ matrix
    return found


def train(training: Training) -> tuple[Learnt, dict[str, Any]]:
    fold = folds(len(training.examples))
    lines = crossed(training, fold, training.inputs, training.line_targets, LINE_PENALTY)
    topics = crossed(training, fold, training.inputs, training.topic_targets, TOPIC_PENALTY)
    features = [training.features(row, lines[row], topics[row]) for row in range(len(training.examples))]
    rows = [row for row in np.flatnonzero(training.is_unread)]
    asking = [row for row in rows if training.asks[row]]
    scores = [features[row] for row in range(len(features))]
    combined = np.zeros((len(features), len(NAMES)), np.float32)
    for number in range(FOLDS):
        known = [row for row in asking if fold[row] != number]
        combined[fold == number] = listwise([features[row] for row in known], [training.targets[row] for row in known])
    scores = [features[row] @ combined[row] for row in range(len(features))]
    combination = listwise([features[row] for row in asking], [training.targets[row] for row in asking])
    talk_logits = np.zeros((len(features), 1), np.float32)
    for number in range(FOLDS):
        weights = logistic(training.talk_inputs[fold != number], training.asks[fold != number], TALK_PENALTY)
        talk_logits[fold == number, 0] = with_bias(training.talk_inputs[fold == number]) @ weights
    talk = logistic(training.talk_inputs, training.asks, TALK_PENALTY)[:, None]
    strongest = [float(training.collections[training.library[r]].strength(training.queries[r]).max()) for r in range(len(features))]
    occasion_inputs = np.array(
        [np.append(talk_logits[r], occasion_signs(training.queries[r], strongest[r], float(scores[r].max()))) for r in rows]
    )
    occasion = logistic(occasion_inputs.astype(np.float32), training.asks[rows], 1e-3, steps=3000)
    pairs, truths = _relevance(scores, training.grades, asking)
    relevance = logistic(pairs, truths, 1e-4, steps=1500)
    packed: dict[str, Any] = {
        "weight_words": np.array(list(training.weights)),
        "weights": np.array(list(training.weights.values()), np.float32),
        "lines": np.array(training.lines),
        "topics": np.array([(s.doc, s.number, s.title, s.text) for s in training.topics]),
        **stored("line", training.names, classifier(training.inputs, training.line_targets, LINE_PENALTY)),
        **stored("topic", training.names, classifier(training.inputs, training.topic_targets, TOPIC_PENALTY)),
        **stored("talk", training.talk_names, talk),
        "occasion": occasion,
        "combination": combination,
        "relevance": relevance,
    }
    report = _report(training, rows, scores, occasion_inputs, fold, pairs, truths, relevance)
    return unpacked(packed), {"packed": packed, "report": report, "combination": dict(zip(NAMES, map(float, combination.round(2)), strict=True)),
                              "occasion": occasion.round(2).tolist(), "relevance": relevance.round(2).tolist()}


def _relevance(scores: Sequence[Floats], grades: Sequence[np.ndarray], rows: Sequence[int]) -> tuple[Floats, Floats]:
    pairs, truths = [], []
    for row in rows:
        order = np.argsort(-scores[row])[:10]
        best = scores[row][order]
        for place, number in enumerate(order):
            pairs.append((best[place] - best[0], best[0] - best[4]))
            truths.append(grades[row][number] > 0)
    return np.array(pairs, np.float32), np.array(truths, np.float32)


def _report(training, rows, scores, occasion_inputs, fold, pairs, truths, relevance):  # type: ignore[no-untyped-def]
    """Cross-validated figures of the queries whose words nobody read."""
    gains, recalls = [], []
    discount = 1 / np.log2(np.arange(2, 7))
    for row in rows:
        grades = training.grades[row]
        if not grades.any():
            continue
        order = np.argsort(-scores[row], kind="stable")[:5]
        ideal = ((2.0 ** np.sort(grades)[::-1][:5] - 1) * discount).sum()
        gains.append(((2.0 ** grades[order] - 1) * discount).sum() / ideal)
        recalls.append((grades[order[:3]] > 0).sum() / min(3, (grades > 0).sum()))
    probabilities = np.zeros(len(rows))
    own = fold[rows]
    for number in range(FOLDS):
        weights = logistic(occasion_inputs[own != number].astype(np.float32), training.asks[rows][own != number], 1e-3, steps=3000)
        probabilities[own == number] = 1 / (1 + np.exp(-with_bias(occasion_inputs[own == number].astype(np.float32)) @ weights))
    asks = training.asks[rows] > 0
    return {
        "queries": len(rows),
        "ndcg_at_5": round(float(np.mean(gains)), 3),
        "recall_at_3": round(float(np.mean(recalls)), 3),
        "occasion": {
            threshold: {
                "nothing_relevant_nothing_shown": round(float((probabilities[~asks] < threshold).mean()), 3),
                "silent_where_relevant": round(float((probabilities[asks] < threshold).mean()), 3),
            }
            for threshold in (0.5, 0.6, 0.65, 0.7, 0.75, 0.8)
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    libraries = [[section for document in samples() for section in document.sections]]
    if (HERE / "terms").is_dir():
        libraries.append(list(read(HERE / "terms")))
    _, made = train(Training(examples(HERE / "queries"), libraries, Thesaurus.shipped()))
    np.savez_compressed(arguments.out, **made.pop("packed"))
    print(json.dumps(made, indent=1))


if __name__ == "__main__":
    main()
