"""An inverted index in arrays: which sections have a term, and how much it says of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

SATURATION = 1.2
LENGTH_SHARE_TEXT, LENGTH_SHARE_TITLE = 0.5, 0.3
TITLE_SHARE = 1.6
"""BM25: how soon a repeated word says no more, how much a long text is held against a section, and a word of the title
against one of the text."""


class Index:
    """Terms and the weight that each has in sections."""

    def __init__(self, weights: Sequence[Mapping[str, float]]) -> None:
        """`weights`: one mapping for each section."""
        self._size = len(weights)
        lists: dict[str, tuple[list[int], list[float]]] = {}
        for number, each in enumerate(weights):
            for term, weight in each.items():
                numbers, values = lists.setdefault(term, ([], []))
                numbers.append(number)
                values.append(weight)
        self._postings = {
            term: (np.array(numbers, np.int32), np.array(values, np.float32))
            for term, (numbers, values) in lists.items()
        }

    def scores(self, query: Mapping[str, float]) -> Floats:
        """For every section the sum of its weights of the query's terms."""
        found = [(self._postings[term], weight) for term, weight in query.items() if term in self._postings]
        if not found:
            return np.zeros(self._size, np.float32)
        numbers = np.concatenate([numbers for (numbers, _), _ in found])
        values = np.concatenate([values * np.float32(weight) for (_, values), weight in found])
        return np.bincount(numbers, values, self._size).astype(np.float32)


def word_weights(titles: Sequence[Counter[str]], texts: Sequence[Counter[str]]) -> list[dict[str, float]]:
    """BM25 weights of the words of sections; a word of title and text has the greater."""
    rarity = _rarity([{*title, *text} for title, text in zip(titles, texts, strict=True)])
    by_title = _bm25(titles, rarity, LENGTH_SHARE_TITLE)
    return [
        {term: max(TITLE_SHARE * head.get(term, 0.0), body.get(term, 0.0)) for term in {*head, *body}}
        for head, body in zip(by_title, _bm25(texts, rarity, LENGTH_SHARE_TEXT), strict=True)
    ]


def _rarity(kinds: Sequence[Iterable[str]]) -> dict[str, float]:
    frequency = Counter(term for each in kinds for term in each)
    return {term: math.log(1 + (len(kinds) - count + 0.5) / (count + 0.5)) for term, count in frequency.items()}


def _bm25(counts: Sequence[Counter[str]], rarity: Mapping[str, float], length_share: float) -> list[dict[str, float]]:
    mean = sum(each.total() for each in counts) / max(1, len(counts)) or 1.0
    return [
        {
            term: rarity[term]
            * count
            * (SATURATION + 1)
            / (count + SATURATION * (1 - length_share + length_share * each.total() / mean))
            for term, count in each.items()
        }
        for each in counts
    ]


def vector_weights(counts: Sequence[Counter[str]]) -> tuple[list[dict[str, float]], dict[str, float]]:
    """Unit vectors of sections by tf-idf, and the idf by which a query's counts are weighed."""
    frequency = Counter(term for each in counts for term in each)
    rarity = {term: math.log(len(counts) / count) + 0.1 for term, count in frequency.items()}
    found = []
    for each in counts:
        vector = {term: (1 + math.log(count)) * rarity[term] for term, count in each.items()}
        length = math.sqrt(sum(weight * weight for weight in vector.values())) or 1.0
        found.append({term: weight / length for term, weight in vector.items()})
    return found, rarity
