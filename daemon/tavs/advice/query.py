"""What the last turns of a call ask for: words, what they stand for, their pieces, and the lines of insurance.

1. A later turn counts more than an earlier one, a customer's more than an agent's: the agent's question gives context.
2. A word that callers use for everything counts less than one they rarely use.
3. Two words that the terms write as one are also one ("vand skade").
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tavs.advice.danish import forms, stem, telling, words
from tavs.advice.thesaurus import Meaning, Thesaurus

AGENT_SHARE = 0.5
TURN_DECAY = 0.8
"""Of a turn's weight with every turn after it."""
PART_SHARE, MEANT_PART_SHARE, PART_MEANS_SHARE = 0.7, 0.5, 0.6
"""A part of a compound against the whole: said, meant by the thesaurus, and as what the thesaurus is asked for."""
PHRASE_SHARE = 1.3
"""A phrase says more than a word."""
GRAM = 4
LONGEST_WORDS = 200
"""Of a turn, its last; nobody says more in the half minute that makes a query."""

_PLACEHOLDER = re.compile(r"<([A-Z_]+)_\d+>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    channel: str
    text: str
    """Masked."""


@dataclass(slots=True)
class Query:
    own: dict[str, float] = field(default_factory=dict)
    """Stems of what was said, and how much they count."""
    meant: dict[str, float] = field(default_factory=dict)
    """Stems of what the thesaurus makes of it."""
    marks: dict[str, float] = field(default_factory=dict)
    """Lines (`bil*`) and kinds (`krop+`) of it."""
    grams: dict[str, float] = field(default_factory=dict)
    """Pieces of four letters: what still fits when a word was misheard or is inflected otherwise."""
    said: set[str] = field(default_factory=set)
    """Stems of words and pairs of words, fillers too, and kinds of placeholders: they tell small talk from a story."""


def grams(word: str) -> Iterator[str]:
    padded = f" {word} "
    for start in range(max(1, len(padded) - GRAM + 1)):
        yield padded[start : start + GRAM]


class Listener:
    """Makes queries. One vocabulary, so that compounds are cut as those of the terms are."""

    def __init__(self, thesaurus: Thesaurus, known: frozenset[str], weights: Mapping[str, float]) -> None:
        self._thesaurus = thesaurus
        self._known = known
        self._weights = weights
        self._forms: dict[str, tuple[str, ...]] = {}

    def hear(self, turns: Sequence[Turn]) -> Query:
        query = Query()
        for age, turn in enumerate(reversed(turns)):
            weight = (AGENT_SHARE if turn.channel == "agent" else 1.0) * TURN_DECAY**age
            spoken = words(turn.text)[-LONGEST_WORDS:]
            self._add_words(query, spoken, weight)
            for meaning, share in self._meanings(spoken):
                self._add_meaning(query, meaning, weight * share)
            self._add_grams(query, spoken, AGENT_SHARE if turn.channel == "agent" else 1.0)
            stemmed = [stem(word) for word in spoken]
            query.said.update(stemmed)
            query.said.update(f"{one} {other}" for one, other in pairwise(stemmed))
            query.said.update(f"<{kind}>" for kind in _PLACEHOLDER.findall(turn.text))
        return query

    def forms(self, word: str) -> tuple[str, ...]:
        found = self._forms.get(word)
        if found is None:
            if len(self._forms) > 65_536:
                self._forms.clear()
            found = self._forms[word] = forms(word, self._known)
        return found

    def weight(self, stemmed: str) -> float:
        return self._weights.get(stemmed, 1.0)

    def _joined(self, spoken: Sequence[str]) -> Iterator[str]:
        for one, other in pairwise(spoken):
            if len(one) > 2 and stem(one + other) in self._known:
                yield one + other

    def _add_words(self, query: Query, spoken: Sequence[str], weight: float) -> None:
        for word in filter(telling, spoken):
            for part, form in enumerate(self.forms(word)):
                _raise(query.own, form, weight * self.weight(form) * (PART_SHARE if part else 1.0))
        for word in self._joined(spoken):
            _raise(query.own, stem(word), weight)

    def _meanings(self, spoken: Sequence[str]) -> Iterator[tuple[Meaning, float]]:
        for word in filter(telling, spoken):
            for part, form in enumerate(self.forms(word)):
                if meaning := self._thesaurus.word(form):
                    yield meaning, self.weight(form) * (PART_MEANS_SHARE if part else 1.0)
        for word in self._joined(spoken):
            if meaning := self._thesaurus.word(stem(word)):
                yield meaning, 1.0
        for meaning in self._thesaurus.phrases([stem(word) for word in spoken]):
            yield meaning, PHRASE_SHARE

    def _add_meaning(self, query: Query, meaning: Meaning, weight: float) -> None:
        for word in meaning.words:
            for part, form in enumerate(self.forms(word)):
                _raise(query.meant, form, weight * (MEANT_PART_SHARE if part else 1.0))
        for mark in meaning.marks:
            query.marks[mark] = query.marks.get(mark, 0.0) + weight

    def _add_grams(self, query: Query, spoken: Sequence[str], weight: float) -> None:
        counts: defaultdict[str, float] = defaultdict(float, query.grams)
        for word in filter(telling, spoken):
            for gram in grams(word):
                counts[gram] += weight * self.weight(stem(word))
        query.grams = dict(counts)


def _raise(weights: dict[str, float], key: str, weight: float) -> None:
    weights[key] = max(weights.get(key, 0.0), weight)
