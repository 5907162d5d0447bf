"""`tavs advise` and `tavs terms search`: the local ranker at the command line, on the terms that count today."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tavs.advice.library import Library
from tavs.advice.query import Turn
from tavs.advice.ranking import Ranked, Ranker
from tavs.advice.thesaurus import Thesaurus
from tavs.errors import UsageError
from tavs.host.clock import RealClock
from tavs.host.home import Home

FOUND = 10
"""Sections that a search shows."""


def advise(lines: Iterable[str], home: Home) -> Iterator[str]:
    """`{"id","call_turns":[{"channel","text"}]}` in, `{"id","ranked":[{"doc","section","score","title"}]}` out.

    Raises UsageError naming the line, never its content; StoreError where the terms cannot be read.
    """
    ranker = _ranker(home)
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
    """The sections nearest to a text, also where the ranker would keep quiet. Raises StoreError as `advise` does."""
    found = _ranker(home).rank([Turn(channel="customer", text=text)], most=FOUND, least_score=0.0)
    return [_document(each) for each in found]


def _ranker(home: Home) -> Ranker:
    today = RealClock().now().astimezone().date()
    return Ranker(Library.read(home).in_force(today), thesaurus=Thesaurus.read(home))


def _document(ranked: Ranked) -> dict[str, Any]:
    section = ranked.section
    return {"doc": section.doc, "section": section.number, "score": round(ranked.score, 3), "title": section.title}
