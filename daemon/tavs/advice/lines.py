"""`tavs advise` and `tavs terms search`: the local ranker at the command line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tavs.advice import terms
from tavs.advice.ranking import Ranked, Ranker, Turn
from tavs.errors import UsageError
from tavs.host.home import Home


def advise(lines: Iterable[str], home: Home) -> Iterator[str]:
    """`{"id","call_turns":[{"channel","text"}]}` in, `{"id","ranked":[{"doc","section","score","title"}]}` out.

    Raises UsageError naming the line, never its content.
    """
    ranker = Ranker(terms.read(terms.folder(home)))
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            query = json.loads(line)
            turns = [Turn(channel=str(turn["channel"]), text=str(turn["text"])) for turn in query["call_turns"]]
            name = query["id"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise UsageError(f"line {number} is no query", "id and call_turns with channel and text are read") from None
        yield json.dumps({"id": name, "ranked": [_document(each) for each in ranker.rank(turns)]}, ensure_ascii=False)


def search(text: str, home: Home) -> list[dict[str, Any]]:
    ranker = Ranker(terms.read(terms.folder(home)))
    return [_document(each) for each in ranker.rank([Turn(channel="customer", text=text)], most=10, least_score=0.0)]


def _document(ranked: Ranked) -> dict[str, Any]:
    section = ranked.section
    return {"doc": section.doc, "section": section.number, "score": round(ranked.score, 3), "title": section.title}
