"""What speaks for each section of a collection of terms, in numbers, when a query is heard.

1. Every feature is about a section and a query, and means the same on terms of another insurer.
2. Terms that apply to all products belong to no line.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from tavs.advice.danish import stem, stems, telling, words
from tavs.advice.index import Floats, Index, vector_weights, word_weights
from tavs.advice.query import Listener, Query, grams
from tavs.advice.sections import Section
from tavs.advice.thesaurus import Thesaurus

NAMES = ("share", "strength", "line_said", "common", "pieces", "line", "topic")
"""Columns of the features: words against the best section and by themselves, the line the words name, terms for all
products, pieces of words, the line and the topic that the trained part expects."""
MEANT_SHARE = 0.5
"""What the thesaurus makes of a word against the word itself."""
COMMON = "common"
COMMON_LINE_SAID = 0.3
_COMMON_WORDS = ("fælles", "faelles", "almindelig", "generel")
NAME = "forsikring"
"""Part of the name of an insurance."""
UNSURE = 0.5
"""Weight of lines that are not in the thesaurus, where a query names some."""


class Collection:
    """Sections, indexed."""

    def __init__(self, sections: Sequence[Section], thesaurus: Thesaurus, weights: Mapping[str, float]) -> None:
        """`weights`: how much a caller's word counts."""
        known = stems(f"{each.title} {each.text} {each.product}" for each in sections) | thesaurus.vocabulary
        self.listener = Listener(thesaurus, frozenset(known), weights)
        self.sections = tuple(sections)
        titles, texts = ([self._count(part) for part in parts] for parts in self._parts())
        self._words = Index(word_weights(titles, texts))
        pieces, self._rarity = vector_weights([_pieces(each) for each in sections])
        self._pieces = Index(pieces)
        marks = {mark for meaning in thesaurus.meanings.values() for mark in meaning.marks if mark.endswith("*")}
        self.lines = tuple(line_of(each, marks) for each in sections)
        self._is_common = np.array([line == COMMON for line in self.lines], np.float32)
        self._by_name: defaultdict[str, list[int]] = defaultdict(list)
        for number, each in enumerate(sections):
            for name in {stem(each.doc), stem(f"{each.product.lower()}forsikring")}:
                self._by_name[name].append(number)
        self._present = sorted(set(self.lines))
        self._line_numbers = np.array([self._present.index(line) for line in self.lines], np.int64)

    def features(self, query: Query, lines: Mapping[str, float], topics: Floats) -> Floats:
        """One row for each section. `lines`: probability of each line that is known; `topics`: what the learnt topics
        say for each section."""
        strength = self.strength(query)
        return np.stack(
            [
                strength / max(float(strength.max(initial=0.0)), 1e-6),
                np.sqrt(strength),
                self._line_said(query),
                self._is_common,
                3 * self._piece_scores(query),
                np.log(self._line_shares(lines, query))[self._line_numbers],
                topics,
            ],
            axis=1,
        ).astype(np.float32)

    def named(self, query: Query) -> Floats:
        """1 for each section of a document or product that was called by its name, in one word or in two."""
        found = np.zeros(len(self.sections), np.float32)
        for said in query.said:
            if NAME in said and (numbers := self._by_name.get(said.replace(" ", ""))):
                found[numbers] = 1.0
        return found

    def strength(self, query: Query) -> Floats:
        """BM25 of what was said and of what it stands for."""
        terms = dict(query.own)
        for term, weight in query.meant.items():
            terms[term] = terms.get(term, 0.0) + MEANT_SHARE * weight
        return self._words.scores(terms)

    def kinship(self, others: Sequence[Section]) -> Floats:
        """Cosine of the words of each section with those of each of others. Sections × others."""
        vectors, rarity = vector_weights([self._count(f"{each.title} {each.text}") for each in others])
        index = Index(vectors)
        rows = [self._kin(index, rarity, each) for each in self.sections]
        return np.array(rows, np.float32).reshape(len(self.sections), len(others))

    def _kin(self, index: Index, rarity: Mapping[str, float], section: Section) -> Floats:
        counts = self._count(f"{section.title} {section.text}")
        vector = {term: (1 + math.log(count)) * rarity.get(term, 1.0) for term, count in counts.items()}
        length = math.sqrt(sum(weight * weight for weight in vector.values())) or 1.0
        return index.scores({term: weight / length for term, weight in vector.items()})

    def _parts(self) -> tuple[list[str], list[str]]:
        return [each.title for each in self.sections], [each.text for each in self.sections]

    def _count(self, text: str) -> Counter[str]:
        return Counter(form for word in words(text) if telling(word) for form in self.listener.forms(word))

    def _line_said(self, query: Query) -> Floats:
        named = {line: query.marks.get(line, 0.0) for line in self._present}
        of_all = sum(named.values()) + UNSURE
        shares = [COMMON_LINE_SAID if line == COMMON else weight / of_all for line, weight in named.items()]
        return np.array(shares, np.float32)[self._line_numbers]

    def _line_shares(self, lines: Mapping[str, float], query: Query) -> Floats:
        """A line that nothing was learnt of is as likely as the words name it, and never less likely than any."""
        neutral = 1 / max(1, len(lines))
        of_all = sum(weight for mark, weight in query.marks.items() if mark.endswith("*")) + UNSURE
        said = (max(neutral, query.marks.get(line, 0.0) / of_all) for line in self._present)
        shares = np.array([lines.get(*each) for each in zip(self._present, said, strict=True)], np.float32)
        found: Floats = np.maximum(shares / max(float(shares.sum()), 1e-6), 1e-6)
        return found

    def _piece_scores(self, query: Query) -> Floats:
        vector = {gram: count * self._rarity[gram] for gram, count in query.grams.items() if gram in self._rarity}
        length = math.sqrt(sum(weight * weight for weight in vector.values())) or 1.0
        return self._pieces.scores({gram: weight / length for gram, weight in vector.items()})


def line_of(section: Section, marks: set[str]) -> str:
    """The line of a section by its product and document: a mark of the thesaurus, `common`, or the product itself."""
    named = words(f"{section.product} {section.doc}")
    if any(word.startswith(_COMMON_WORDS) for word in named):
        return COMMON
    found = [mark for mark in marks for word in named if word.startswith(mark[:-1]) or stem(word) == stem(mark[:-1])]
    return max(found, key=lambda mark: (len(mark), mark), default=section.product)


def _pieces(section: Section) -> Counter[str]:
    text = f"{section.title} {section.title} {section.text}"
    return Counter(gram for word in words(text) if telling(word) for gram in grams(word))
