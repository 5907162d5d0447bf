"""What was learnt from invented calls: how much a caller's word counts, which line and which topic a query is about,
whether it asks for anything at all, and how the features of a section add up. Made by `models/advice/train.py`.

1. Numbers only, and the sections that the topics are named by; a topic speaks for every section as far as it is alike.
2. What the file does not know counts as nothing: another insurer's terms are ranked by the rest.
"""

from __future__ import annotations

import importlib.resources
import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tavs.advice.index import Floats
from tavs.advice.query import Query
from tavs.advice.sections import Section

FILE = "learnt.npz"
MEANT_SHARE = 0.5
"""Of meanings and marks in what lines and topics are told by."""


def signs(query: Query) -> dict[str, float]:
    """What lines and topics are told by; of length 1."""
    found = {f"own:{term}": weight for term, weight in query.own.items()}
    found |= {f"meant:{term}": MEANT_SHARE * weight for term, weight in query.meant.items()}
    found |= {mark: MEANT_SHARE * weight for mark, weight in query.marks.items()}
    length = math.sqrt(sum(weight * weight for weight in found.values())) or 1.0
    return {sign: weight / length for sign, weight in found.items()}


def occasion_signs(query: Query, strongest: float, best: float) -> Floats:
    """What tells a story from small talk, beside the words: how strongly the terms answer, and how much was said."""
    mass = sum(query.own.values()) + sum(query.meant.values())
    return np.array([best, math.sqrt(strongest), math.sqrt(mass), math.log1p(len(query.own))], np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Classes:
    """A linear classifier over named signs."""

    rows: dict[str, int]
    matrix: Floats
    bias: Floats

    def logits(self, signs: dict[str, float]) -> Floats:
        known = [(self.rows[sign], weight) for sign, weight in signs.items() if sign in self.rows]
        if not known:
            return self.bias
        numbers, weights = zip(*known, strict=True)
        return np.array(weights, np.float32) @ self.matrix[list(numbers)] + self.bias


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    weights: dict[str, float]
    """Stem of a caller's word → how much it counts, where that is less than 1."""
    lines: tuple[str, ...]
    line_classes: Classes
    topics: tuple[Section, ...]
    topic_classes: Classes
    talk: Classes
    """One class: whether the words themselves tell of something that terms are about."""
    occasion: Floats
    """Of the talk's logit, of `occasion_signs`, and the constant."""
    combination: Floats
    """Of `features.NAMES`."""
    relevance: Floats
    """Of a section's score against the best one's, of the best one's against the fifth's, and the constant."""

    def line_shares(self, found: dict[str, float]) -> dict[str, float]:
        return dict(zip(self.lines, map(float, softmax(self.line_classes.logits(found))), strict=True))

    def topic_scores(self, found: dict[str, float]) -> Floats:
        """What speaks for each topic beside the words of its section."""
        return self.topic_classes.logits(found)

    def occasion_for(self, query: Query, strongest: float, best: float) -> float:
        """Probability that anything in the terms helps."""
        share = 1 / math.sqrt(max(1, len(query.said)))
        logit = self.talk.logits(dict.fromkeys(sorted(query.said), share))
        return sigmoid(float(np.concatenate([logit, occasion_signs(query, strongest, best), [1.0]]) @ self.occasion))


@cache
def learnt() -> Learnt:
    """Read once in a process."""
    with importlib.resources.files("tavs.advice").joinpath(FILE).open("rb") as file, np.load(file) as stored:
        return unpacked(dict(stored))


def unpacked(stored: dict[str, Any]) -> Learnt:
    return Learnt(
        weights=dict(zip(map(str, stored["weight_words"]), map(float, stored["weights"]), strict=True)),
        lines=tuple(map(str, stored["lines"])),
        line_classes=_classes(stored, "line"),
        topics=tuple(
            Section(doc=str(doc), number=str(number), title=str(title), text=str(text), product="")
            for doc, number, title, text in stored["topics"]
        ),
        topic_classes=_classes(stored, "topic"),
        talk=_classes(stored, "talk"),
        occasion=stored["occasion"].astype(np.float32),
        combination=stored["combination"].astype(np.float32),
        relevance=stored["relevance"].astype(np.float32),
    )


def softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(initial=-np.inf))
    shares: Floats = powers / max(float(powers.sum()), 1e-9)
    return shares


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


def _classes(stored: dict[str, Any], name: str) -> Classes:
    rows = {str(sign): number for number, sign in enumerate(stored[f"{name}_signs"])}
    matrix = stored[f"{name}_matrix"].astype(np.float32) * stored[f"{name}_scale"].astype(np.float32)
    return Classes(rows=rows, matrix=matrix, bias=stored[f"{name}_bias"].astype(np.float32))
