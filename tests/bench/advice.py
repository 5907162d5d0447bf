"""Quality of the local ranker on queries with graded sections: `python tests/bench/advice.py QUERIES.jsonl`."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

from tavs.advice import terms
from tavs.advice.ranking import Ranker, Turn


def main(path: str) -> None:
    ranker = Ranker(terms.read(terms.CHECKOUT))
    queries = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    gains, recalls, quiet, silent, durations = [], [], [], [], []
    for query in queries:
        grades = {(each["doc"], each["section"]): each["grade"] for each in query["relevant"]}
        began = time.perf_counter()
        ranked = ranker.rank([Turn(**turn) for turn in query["call_turns"]])
        durations.append(time.perf_counter() - began)
        keys = [(each.section.doc, each.section.number) for each in ranked]
        if not grades:
            quiet.append(not keys)
            continue
        silent.append(not keys)
        ideal = sum(
            (2**grade - 1) / math.log2(rank + 2) for rank, grade in enumerate(sorted(grades.values(), reverse=True)[:5])
        )
        gain = sum((2 ** grades.get(key, 0) - 1) / math.log2(rank + 2) for rank, key in enumerate(keys[:5]))
        gains.append(gain / ideal)
        recalls.append(sum(key in grades for key in keys[:3]) / min(3, len(grades)))
    durations.sort()
    report = {
        "sections": len(ranker),
        "ndcg_at_5": [round(sum(gains) / len(gains), 3), 0.60],
        "recall_at_3": [round(sum(recalls) / len(recalls), 3), 0.65],
        "nothing_relevant_nothing_shown": [round(sum(quiet) / max(1, len(quiet)), 3), 0.8],
        "silent_where_relevant": [round(sum(silent) / len(silent), 3), 0.1],
        "p99_ms": [round(durations[int(len(durations) * 0.99)] * 1000, 1), 20],
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(sys.argv[1])
