"""Sections ranked for a stretch of conversation.

1. Nothing relevant is an answer: where the words tell of nothing that terms are about, the list is empty.
2. A score is the confidence that the section helps now, between 0 and 1, whatever the terms.
3. An embedder, where a site has one, is a second opinion: the two orders are fused by rank, the confidence stays ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tavs.advice.embedding import Embedder
from tavs.advice.features import Collection
from tavs.advice.index import Floats
from tavs.advice.learnt import Learnt, learnt, sigmoid, signs
from tavs.advice.query import Query, Turn
from tavs.advice.sections import Section
from tavs.advice.thesaurus import Thesaurus

__all__ = ["CONFIDENCE", "Ranked", "Ranker", "Turn"]

OCCASION = 0.70
"""Probability that anything helps, below which nothing is shown. By cross-validation, see models/advice/README.md."""
CONFIDENCE = 0.05
"""Of a section that is shown beside better ones."""
NAMED = 1.5
"""On the scale of the combined features, for the sections of an insurance that is named ("min indboforsikring"). Not
learnt: callers of the training queries hardly ever name one."""
FUSED_DEPTH = 100
"""Places of each order that are fused."""
FUSED_RANK = 60
"""Cormack, Clarke and Büttcher 2009: a rank counts 1 / (60 + rank)."""


@dataclass(frozen=True, slots=True)
class Ranked:
    section: Section
    score: float


class Ranker:
    """For one caller at a time. Without a thesaurus of the site the shipped one counts."""

    def __init__(
        self,
        sections: Iterable[Section],
        *,
        thesaurus: Thesaurus | None = None,
        embedder: Embedder | None = None,
        trained: Learnt | None = None,
    ) -> None:
        self._learnt = trained or learnt()
        self._collection = Collection(tuple(sections), thesaurus or Thesaurus.shipped(), self._learnt.weights)
        self._kinship = self._collection.kinship(self._learnt.topics)
        self._embedder = embedder
        texts = [f"{each.title}. {each.text}" for each in self._collection.sections]
        self._vectors = embedder.embed(texts) if embedder and texts else None

    def __len__(self) -> int:
        return len(self._collection.sections)

    def rank(self, turns: Sequence[Turn], most: int = 5, least_score: float = CONFIDENCE) -> list[Ranked]:
        """The best sections for the last turns, best first; none where nothing helps, unless `least_score` is 0."""
        query = self._collection.listener.hear(turns)
        if not query.own or not len(self):
            return []
        scores = self._scores(query)
        order = np.argsort(-scores, kind="stable")
        best = scores[order]
        strongest = float(self._collection.strength(query).max())
        occasion = self._learnt.occasion_for(query, strongest, float(best[0]))
        if least_score > 0 and occasion < OCCASION:
            return []
        lead = float(best[0] - best[min(4, len(best) - 1)])
        chosen = self._fused(order, turns)[:most] if self._embedder else order[:most]
        found = []
        for place, number in enumerate(chosen):
            behind = float(best[place] - best[0])
            score = occasion * sigmoid(float(np.array([behind, lead, 1.0]) @ self._learnt.relevance))
            if score >= least_score:
                found.append(Ranked(self._collection.sections[int(number)], score))
        return found

    def _scores(self, query: Query) -> Floats:
        found = signs(query)
        topics = self._kinship @ self._learnt.topic_scores(found)
        features = self._collection.features(query, self._learnt.line_shares(found), topics)
        scores: Floats = features @ self._learnt.combination + NAMED * self._collection.named(query)
        return scores

    def _fused(self, order: np.ndarray, turns: Sequence[Turn]) -> list[int]:
        assert self._embedder is not None and self._vectors is not None
        spoken = " ".join(turn.text for turn in turns)
        likeness = self._vectors @ self._embedder.embed([spoken])[0]
        points: dict[int, float] = {}
        for ranking in (order, np.argsort(-likeness, kind="stable")):
            for rank, number in enumerate(ranking[:FUSED_DEPTH], start=1):
                points[int(number)] = points.get(int(number), 0.0) + 1 / (FUSED_RANK + rank)
        return sorted(points, key=lambda number: -points[number])
