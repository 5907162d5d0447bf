"""Sections ranked for a stretch of conversation: FTS5 and BM25 over Danish stems, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pysqlite3.dbapi2 as sqlite3

from tavs.advice.danish import Vocabulary, words
from tavs.advice.sections import Section

TITLE_WEIGHT, TEXT_WEIGHT, PRODUCT_WEIGHT = 3.0, 1.0, 2.0
TERMS_LIMIT = 48
LEAST_SCORE = 6.0
"""Below it nothing is shown: a greeting shares a word or two with the terms, a story shares more."""
LEAST_WORDS = 2
"""One word alone is no story."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    channel: str
    text: str
    """Masked."""


@dataclass(frozen=True, slots=True)
class Ranked:
    section: Section
    score: float


class Ranker:
    def __init__(self, sections: Iterable[Section]) -> None:
        self._sections = list(sections)
        self._vocabulary = Vocabulary(f"{each.title} {each.text} {each.product} {each.doc}" for each in self._sections)
        self._index = sqlite3.connect(":memory:", check_same_thread=False)
        self._index.execute('create virtual table sections using fts5 (title, text, product, tokenize = "unicode61")')
        for number, each in enumerate(self._sections):
            fields = [self._stemmed(field) for field in (each.title, each.text, f"{each.product} {each.doc}")]
            self._index.execute(
                "insert into sections (rowid, title, text, product) values (?, ?, ?, ?)", (number, *fields)
            )

    def __len__(self) -> int:
        return len(self._sections)

    def rank(self, turns: Sequence[Turn], most: int = 5, least_score: float = LEAST_SCORE) -> list[Ranked]:
        """The best sections for the last turns, best first; none where nothing is relevant."""
        counts: Counter[str] = Counter()
        for turn in turns:
            counts.update(set(self._vocabulary.terms(turn.text, with_synonyms=turn.channel != "agent")))
        query = " OR ".join(f'"{term}"' for term, _ in counts.most_common(TERMS_LIMIT))
        said = {word for turn in turns for word in words(turn.text)}
        if not query or (least_score > 0 and len(said) < LEAST_WORDS):
            return []
        rows = self._index.execute(
            "select rowid, bm25(sections, ?, ?, ?) as score from sections where sections match ?"
            " order by score limit ?",
            (TITLE_WEIGHT, TEXT_WEIGHT, PRODUCT_WEIGHT, query, most),
        ).fetchall()
        return [Ranked(self._sections[number], -score) for number, score in rows if -score >= least_score]

    def _stemmed(self, text: str) -> str:
        return " ".join(self._vocabulary.terms(text, with_synonyms=False))
