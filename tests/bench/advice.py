"""Quality and speed of the local ranker, each figure beside its target: `python tests/bench/advice.py QUERIES[=TERMS_DIR] …`.

Without a folder the queries are about the sample terms. In the same run, on the same queries: FTS5 as it comes, with no
Danish handling, and rank-bm25 (Okapi). Neither of them can say that nothing is relevant.
"""

from __future__ import annotations

import json
import math
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite3
from rank_bm25 import BM25Okapi
from tavs.advice.library import Library, lying_in, samples
from tavs.advice.query import Turn
from tavs.advice.ranking import Ranker
from tavs.advice.sections import Section

MOST = 5
NDCG, RECALL, QUIET, SILENT, APART, P99_MS = 0.60, 0.65, 0.8, 0.1, 0.02, 20
SECTIONS = 5000
Place = tuple[str, str]
Rank = Callable[[Sequence[Turn]], list[Place]]
_PLACEHOLDER = re.compile(r"<([A-Z_]+)_(\d+)>")
INVENTED = {
    "PERSON": "Mette Sørensen|Jens Olesen|Aisha Rahman|Karl Bang|Birthe Kjær",
    "LOCATION": "Vejle|Ringsted|Skagen|Alicante|Rom",
    "ADDRESS": "Rosenvænget 12|Skolegade 4 2 tv|Møllevej 31",
    "HEALTH": "brud på håndleddet|piskesmæld|forhøjet blodtryk|slidgigt|hjernerystelse",
    "ORG": "Bygma|Dansk Metal|Nordisk Murerfirma",
    "PHONE": "20 45 67 12|31 22 11 98",
    "CPR": "120380 1234|010190 4321",
    "EMAIL": "mette@example.com|post@example.org",
    "DATE": "den tredje maj|nittende juni",
    "PLATE": "AB 12 345|CD 67 890",
}
ANY = "48213|HX 771 204|90 17 33"
"""For numbers of any other kind."""


def main(arguments: Sequence[str]) -> None:
    report: dict[str, Any] = {}
    sample_sections = Library(samples()).sections
    queries: list[dict[str, Any]] = []
    for argument in arguments:
        path, _, folder = argument.partition("=")
        queries = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
        report[path] = quality(queries, Library(tuple(lying_in(Path(folder)))).sections if folder else sample_sections)
    report["speed"] = speed(queries, sample_sections)
    print(json.dumps(report, indent=1, ensure_ascii=False))


def quality(queries: Sequence[dict[str, Any]], sections: Sequence[Section]) -> dict[str, Any]:
    ours = Ranker(sections)
    engines: dict[str, Rank] = {
        "ours": lambda turns: [(each.section.doc, each.section.number) for each in ours.rank(turns, MOST)],
        "fts5": fts5(sections),
        "rank_bm25": okapi(sections),
    }
    found: dict[str, Any] = {"queries": len(queries), "sections": len(sections)}
    found |= {name: figures(queries, rank) for name, rank in engines.items()}
    masked, unmasked = ndcg(queries, engines["ours"]), ndcg([unmask(each) for each in queries], engines["ours"])
    found["masked_and_unmasked_ndcg"] = [round(masked, 3), round(unmasked, 3)]
    found["masked_and_unmasked_apart"] = [round(abs(masked - unmasked), 3), APART]
    return found


def figures(queries: Sequence[dict[str, Any]], rank: Rank) -> dict[str, list[float]]:
    recalls, quiet, silent = [], [], []
    for query in queries:
        grades, ranked = graded(query), rank(turns_of(query))
        if grades:
            recalls.append(sum(place in grades for place in ranked[:3]) / min(3, len(grades)))
            silent.append(not ranked)
        else:
            quiet.append(not ranked)
    return {
        "ndcg_at_5": [round(ndcg(queries, rank), 3), NDCG],
        "recall_at_3": [round(mean(recalls), 3), RECALL],
        "nothing_relevant_nothing_shown": [round(mean(quiet), 3) if quiet else None, QUIET],
        "silent_where_relevant": [round(mean(silent), 3), SILENT],
    }


def ndcg(queries: Sequence[dict[str, Any]], rank: Rank) -> float:
    """Gain 2^grade - 1, discount 1 / log2(rank + 1), five places; of the queries where something is relevant."""
    found = []
    for query in queries:
        if grades := graded(query):
            gains = [grades.get(place, 0) for place in rank(turns_of(query))[:MOST]]
            ideal = sorted(grades.values(), reverse=True)[:MOST]
            found.append(discounted(gains) / discounted(ideal))
    return mean(found)


def discounted(gains: Sequence[int]) -> float:
    return sum((2**gain - 1) / math.log2(place + 2) for place, gain in enumerate(gains))


def speed(queries: Sequence[dict[str, Any]], sections: Sequence[Section]) -> dict[str, Any]:
    """On 5,000 sections: the samples with sentences left out and in another order, under other names."""
    chance = random.Random(1)
    many = [varied(sections[number % len(sections)], number, chance) for number in range(SECTIONS)]
    began = time.perf_counter()
    ranker = Ranker(many)
    built = time.perf_counter() - began
    for query in queries[:20]:
        ranker.rank(turns_of(query))
    durations = []
    for _ in range(max(1, 600 // max(1, len(queries)))):
        for query in queries:
            began = time.perf_counter()
            ranker.rank(turns_of(query))
            durations.append((time.perf_counter() - began) * 1000)
    durations.sort()
    return {
        "sections": SECTIONS,
        "built_s": round(built, 1),
        "p50_ms": round(durations[len(durations) // 2], 1),
        "p99_ms": [round(durations[int(len(durations) * 0.99)], 1), P99_MS],
    }


def varied(section: Section, number: int, chance: random.Random) -> Section:
    sentences = section.text.split(". ")
    chance.shuffle(sentences)
    text = ". ".join(sentences[: max(1, len(sentences) - chance.randrange(3))])
    doc = f"{section.doc}-{number // 117}"
    return Section(doc=doc, number=section.number, title=section.title, text=text, product=section.product)


def fts5(sections: Sequence[Section]) -> Rank:
    index = sqlite3.connect(":memory:")
    index.execute("create virtual table sections using fts5 (title, text)")
    index.executemany(
        "insert into sections (title, text) values (?, ?)", [(each.title, each.text) for each in sections]
    )

    def rank(turns: Sequence[Turn]) -> list[Place]:
        asked = " OR ".join(f'"{word}"' for word in dict.fromkeys(plain_words(turns)))
        chosen = "select rowid from sections where sections match ? order by rank limit ?"
        rows = index.execute(chosen, (asked, MOST)).fetchall() if asked else []
        return [(sections[row - 1].doc, sections[row - 1].number) for (row,) in rows]

    return rank


def okapi(sections: Sequence[Section]) -> Rank:
    index = BM25Okapi([re.findall(r"\w+", f"{each.title} {each.text}".lower()) for each in sections])

    def rank(turns: Sequence[Turn]) -> list[Place]:
        scores = index.get_scores(plain_words(turns))
        best = sorted(range(len(sections)), key=lambda number: -scores[number])[:MOST]
        return [(sections[number].doc, sections[number].number) for number in best if scores[number] > 0]

    return rank


def plain_words(turns: Sequence[Turn]) -> list[str]:
    return [word for turn in turns for word in re.findall(r"\w+", _PLACEHOLDER.sub(" ", turn.text).lower())]


def unmask(query: dict[str, Any]) -> dict[str, Any]:
    """The query with invented names and numbers where the placeholders are."""

    def invented(found: re.Match[str]) -> str:
        choices = INVENTED.get(found[1], ANY).split("|")
        return choices[int(found[2]) % len(choices)]

    turns = [{**turn, "text": _PLACEHOLDER.sub(invented, turn["text"])} for turn in query["call_turns"]]
    return {**query, "call_turns": turns}


def graded(query: dict[str, Any]) -> dict[Place, int]:
    return {(each["doc"], str(each["section"])): each["grade"] for each in query["relevant"]}


def turns_of(query: dict[str, Any]) -> list[Turn]:
    return [Turn(channel=turn["channel"], text=turn["text"]) for turn in query["call_turns"]]


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


if __name__ == "__main__":
    main(sys.argv[1:])
