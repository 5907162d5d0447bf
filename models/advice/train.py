"""Trains what the ranker has learnt: `PYTHONPATH=../../daemon python train.py OUT.npz`. A minute with numpy alone.

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
from tavs.advice.learnt import occasion_signs, signs, softmax
from tavs.advice.library import Library, lying_in, samples
from tavs.advice.query import Listener, Query, Turn
from tavs.advice.sections import Section
from tavs.advice.thesaurus import Thesaurus

HERE = Path(__file__).parent
READ = frozenset("a1 a2 a3 a4 b1 b2 s1 s2".split())
"""Files whose queries were read or written beside the thesaurus."""
FOLDS = 8
COMMON_COUNT = 4
"""A caller's word counts full where at most so many queries have it."""
LEAST_SIGN, LEAST_TALK = 2, 3
"""Queries that must have a sign to learn from it."""
GRADE_SHARE = {2: 1.0, 1: 0.5}
STEPS, RATE = 90, 0.08
TOPIC_STEPS, TOPIC_RATE = 40, 0.05
LINE_PENALTY, TOPIC_PENALTY, TALK_PENALTY = 2e-4, 1e-4, 3e-5
TOPIC = NAMES.index("topic")


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
    return {
        word: float(np.log(len(found) / count) / rare) for word, count in sorted(counts.items()) if count > COMMON_COUNT
    }


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


def topic_matrix(inputs: Floats, targets: Sequence[Floats], base: Sequence[Floats], kin: Sequence[Floats]) -> Floats:
    """What the signs say for each topic beyond `base`, the scores of the sections without topics; the last row is 0."""
    rows = [row for row, target in enumerate(targets) if target.any()]

    def gradient(matrix: Floats) -> Floats:
        logits = inputs @ matrix
        wrong = np.zeros_like(logits)
        for row in rows:
            wrong[row] = (softmax(base[row] + kin[row] @ logits[row]) - targets[row]) @ kin[row]
        return inputs.T @ wrong / len(rows) + 2 * TOPIC_PENALTY * matrix

    start = np.zeros((inputs.shape[1], kin[0].shape[1]), np.float32)
    return np.vstack([descend(gradient, start, TOPIC_STEPS, TOPIC_RATE), np.zeros((1, start.shape[1]), np.float32)])


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
        files = {
            e.file: next((n for n, known in enumerate(places) if set(e.grades) & set(known)), 0)
            for e in found
            if e.grades
        }
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

    def features(self, row: int, lines: Floats) -> Floats:
        """Without topics."""
        collection = self.collections[self.library[row]]
        shares = dict(zip(self.lines, map(float, softmax(lines)), strict=True))
        return collection.features(self.queries[row], shares, np.zeros(len(collection.sections), np.float32))


def _shares(grades: np.ndarray) -> Floats:
    found = np.array([GRADE_SHARE.get(int(grade), 0.0) for grade in grades], np.float32)
    return found / max(float(found.sum()), 1e-9)


def crossed(fold: np.ndarray, inputs: Floats, targets: Floats, penalty: float) -> Floats:
    """Logits for every query by a model that has not seen it."""
    found = np.zeros(targets.shape, np.float32)
    for number in range(FOLDS):
        matrix = classifier(inputs[fold != number], targets[fold != number], penalty)
        found[fold == number] = with_bias(inputs[fold == number]) @ matrix
    return found


def train(training: Training) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is stored, and a report. The rows of known terms and those of unknown ones, without topics, count alike."""
    every = range(len(training.examples))
    fold = folds(len(every))
    rows = np.flatnonzero(training.is_unread)
    asking = [int(row) for row in rows if training.asks[row]]
    lines = crossed(fold, training.inputs, training.line_targets, LINE_PENALTY)
    plain = [training.features(row, lines[row]) for row in every]
    base, _ = combined(training, fold, asking, [plain])
    kin = [training.kinships[training.library[row]] for row in every]
    topical = [features.copy() for features in plain]
    for number in range(FOLDS):
        known = np.flatnonzero(fold != number)
        matrix = topic_matrix(
            training.inputs[known], *([each[row] for row in known] for each in (training.targets, base, kin))
        )
        for row in np.flatnonzero(fold == number):
            topical[row][:, TOPIC] = kin[row] @ (training.inputs[row] @ matrix[:-1])
    topics = topic_matrix(training.inputs, training.targets, base, kin)
    scores, combination = combined(training, fold, asking, [topical, plain])
    stranger = [features @ combination for features in plain]

    talk_logits = np.zeros((len(every), 1), np.float32)
    for number in range(FOLDS):
        weights = logistic(training.talk_inputs[fold != number], training.asks[fold != number], TALK_PENALTY)
        talk_logits[fold == number, 0] = with_bias(training.talk_inputs[fold == number]) @ weights
    talk = logistic(training.talk_inputs, training.asks, TALK_PENALTY)[:, None]
    at_home = np.array([occasion_row(training, row, talk_logits[row], scores[row]) for row in rows], np.float32)
    abroad = np.array([occasion_row(training, row, talk_logits[row], stranger[row]) for row in rows], np.float32)
    asks = training.asks[rows]
    occasion = logistic(np.vstack([at_home, abroad]), np.tile(asks, 2), 1e-3, steps=3000)
    chances = [np.zeros(len(rows)), np.zeros(len(rows))]
    for number in range(FOLDS):
        known = fold[rows] != number
        weights = logistic(np.vstack([at_home[known], abroad[known]]), np.tile(asks[known], 2), 1e-3, steps=3000)
        for chance, inputs in zip(chances, (at_home, abroad), strict=True):
            chance[~known] = 1 / (1 + np.exp(-with_bias(inputs[~known]) @ weights))
    relevance = logistic(*_relevance(scores, training.grades, asking), 1e-4, steps=1500)
    packed: dict[str, Any] = {
        "weight_words": np.array(list(training.weights)),
        "weights": np.array(list(training.weights.values()), np.float32),
        "lines": np.array(training.lines),
        "topics": np.array([(each.doc, each.number, each.title, each.text) for each in training.topics]),
        **stored("line", training.names, classifier(training.inputs, training.line_targets, LINE_PENALTY)),
        **stored("topic", training.names, topics),
        **stored("talk", training.talk_names, talk),
        "occasion": occasion,
        "combination": combination,
        "relevance": relevance,
    }
    report = {
        "queries": len(every),
        "measured_on": len(rows),
        "known_terms": {**quality(training, asking, scores), **restraint(chances[0], asks)},
        "unknown_terms": {**quality(training, asking, stranger), **restraint(chances[1], asks)},
        "combination": dict(zip(NAMES, map(float, combination.round(2)), strict=True)),
        "occasion": occasion.round(2).tolist(),
        "relevance": relevance.round(2).tolist(),
    }
    return packed, report


def combined(
    training: Training, fold: np.ndarray, rows: Sequence[int], views: Sequence[Sequence[Floats]]
) -> tuple[list[Floats], Floats]:
    """Scores of the sections in the first view, by weights that have not seen the query; and the weights of all."""
    found: list[Floats] = [np.zeros(0, np.float32)] * len(fold)
    for number in range(FOLDS):
        known = [row for row in rows if fold[row] != number]
        weights = listwise(
            [view[row] for view in views for row in known], [training.targets[row] for _ in views for row in known]
        )
        for row in np.flatnonzero(fold == number):
            found[row] = views[0][row] @ weights
    return found, listwise(
        [view[row] for view in views for row in rows], [training.targets[row] for _ in views for row in rows]
    )


def occasion_row(training: Training, row: int, talk: Floats, scores: Floats) -> Floats:
    query = training.queries[row]
    strongest = float(training.collections[training.library[row]].strength(query).max())
    return np.append(talk, occasion_signs(query, strongest, float(scores.max())))


def _relevance(scores: Sequence[Floats], grades: Sequence[np.ndarray], rows: Sequence[int]) -> tuple[Floats, Floats]:
    pairs, truths = [], []
    for row in rows:
        order = np.argsort(-scores[row])[:10]
        best = scores[row][order]
        for place, number in enumerate(order):
            pairs.append((best[place] - best[0], best[0] - best[4]))
            truths.append(grades[row][number] > 0)
    return np.array(pairs, np.float32), np.array(truths, np.float32)


def quality(training: Training, rows: Sequence[int], scores: Sequence[Floats]) -> dict[str, float]:
    gains, recalls = [], []
    discount = 1 / np.log2(np.arange(2, 7))
    for row in rows:
        grades = training.grades[row]
        order = np.argsort(-scores[row], kind="stable")[:5]
        ideal = ((2.0 ** np.sort(grades)[::-1][:5] - 1) * discount).sum()
        gains.append(((2.0 ** grades[order] - 1) * discount).sum() / ideal)
        recalls.append((grades[order[:3]] > 0).sum() / min(3, (grades > 0).sum()))
    return {"ndcg_at_5": round(float(np.mean(gains)), 3), "recall_at_3": round(float(np.mean(recalls)), 3)}


def restraint(chances: np.ndarray, asks: Floats) -> dict[str, dict[float, tuple[float, float]]]:
    """Threshold → nothing shown where nothing is relevant, silence where something is."""
    shares = {
        threshold: (
            round(float((chances[asks == 0] < threshold).mean()), 3),
            round(float((chances[asks > 0] < threshold).mean()), 3),
        )
        for threshold in (0.6, 0.65, 0.7, 0.75, 0.8, 0.85)
    }
    return {"restraint": shares}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    libraries = [[section for document in samples() for section in document.sections]]
    if (HERE / "terms").is_dir():
        libraries.append(list(Library(tuple(lying_in(HERE / "terms"))).sections))
    packed, report = train(Training(examples(HERE / "queries"), libraries, Thesaurus.shipped()))
    np.savez_compressed(arguments.out, **packed)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
