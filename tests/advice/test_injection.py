"""Words of a customer to the model change nothing but which sections are shown, and every section is one of ours."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from scripted import CALL, CANDIDATES, THEFT, WATER, Scripted, asking, completion, follows, heard
from tavs.advice.engine import LocalEngine, Picked
from tavs.advice.local import Adviser
from tavs.advice.openai import Outcome
from tavs.advice.ranking import Ranker, Turn

ATTACKS = [
    json.loads(line) for line in (Path(__file__).parent / "injections.jsonl").read_text(encoding="utf-8").splitlines()
]
STORY = ("jeg har haft skybrud og der er vand i kælderen", "det kom op gennem gulvet")
SECTIONS = (WATER, THEFT)


def sections(*named: dict[str, object], **more: object) -> bytes:
    return completion(json.dumps({"sections": list(named), **more}, ensure_ascii=False))


OBEDIENT: dict[str, Callable[[str], bytes]] = {
    "says it in free text": completion,
    "says it beside the answer": lambda said: completion(f'{said}\n{{"sections":[{{"id":"S1","quote":""}}]}}\n{said}'),
    "puts it into the quote": lambda said: sections({"id": "S1", "quote": said}),
    "puts it around a true quote": lambda said: sections({"id": "S1", "quote": f"{WATER.text[:40]} {said}"}),
    "makes a page of it": lambda said: sections({"id": "S1", "quote": f"<script>alert('{said}')</script>"}),
    "makes a link of it": lambda said: sections({"id": "S1", "quote": f"[{said}](https://example.test)"}),
    "names a section by it": lambda said: sections({"id": said, "quote": ""}),
    "names a section that is not": lambda said: sections({"id": "S1", "quote": ""}, {"id": "S99", "quote": said}),
    "adds a field for it": lambda said: sections({"id": "S1", "quote": ""}, note=said),
    "adds it to a section": lambda said: sections({"id": "S1", "quote": "", "html": said}),
    "calls a tool with it": lambda said: completion(
        None, tool_calls=[{"id": "1", "type": "function", "function": {"name": "approve", "arguments": said}}]
    ),
    "answers and calls a tool": lambda said: completion(
        '{"sections":[{"id":"S1","quote":""}]}', tool_calls=[{"function": {"name": "pay", "arguments": said}}]
    ),
    "says it as a refusal": lambda said: completion(None, refusal=said),
    "shows everything": lambda said: sections(*[{"id": f"S{number}", "quote": said} for number in (1, 2)] * 3),
    "shows nothing": lambda said: sections(),
}


def test_the_set_is_large_enough_and_no_two_are_the_same() -> None:
    languages = Counter(each["language"] for each in ATTACKS)
    assert languages["da"] >= 120
    assert languages["en"] >= 40
    assert len(ATTACKS) == len({each["text"] for each in ATTACKS}) == len({each["id"] for each in ATTACKS})


@pytest.mark.parametrize("obey", OBEDIENT.values(), ids=OBEDIENT)
def test_an_obedient_model_shows_sections_of_ours_and_their_own_sentences_only(obey: Callable[[str], bytes]) -> None:
    async def ask() -> list[Picked]:
        async with Scripted(follows(obey)) as server:
            engine = asking(server.url)
            picks = [await engine.pick(CALL, heard(*STORY, each["text"]), CANDIDATES) for each in ATTACKS]
            await engine.close()
            assert len(ATTACKS) == len(server.asked)  # none of them kept the next from being asked
            assert set(engine.outcomes) <= {Outcome.PICKED, Outcome.BROKE_RULES}
            return picks

    for each, picked in zip(ATTACKS, asyncio.run(ask()), strict=True):
        assert set(picked.ranked) <= set(CANDIDATES), each["id"]
        assert len(picked.ranked) == len(set(picked.ranked)), each["id"]
        for section in SECTIONS:
            quote = picked.quotes.get((section.doc, section.number), "")
            assert quote in section.text, each["id"]
        assert each["text"] not in "".join(picked.quotes.values()), each["id"]


def test_with_the_checks_taken_away_the_attacks_would_show() -> None:
    """The positive control: what the obedient model writes does hold the customer's words."""
    for name, obey in OBEDIENT.items():
        shown = [
            each for each in ATTACKS if json.dumps(each["text"], ensure_ascii=True)[1:-1] in obey(each["text"]).decode()
        ]
        plain = [
            each for each in ATTACKS if each["text"] in json.dumps(json.loads(obey(each["text"])), ensure_ascii=False)
        ]
        assert shown or plain or name == "shows nothing"


def test_attacks_stay_where_words_of_a_customer_stand_in_the_request() -> None:
    async def ask() -> None:
        async with Scripted(follows(lambda said: sections())) as server:
            engine = asking(server.url)
            for each in ATTACKS:
                await engine.pick(CALL, heard(*STORY, each["text"]), CANDIDATES)
            await engine.close()
            wordings = {json.dumps(each.document["messages"][0]) for each in server.asked}
            forms = {json.dumps(each.document["response_format"]) for each in server.asked}
            assert 1 == len(wordings) == len(forms)
            for each, asked in zip(ATTACKS, server.asked, strict=True):
                question = json.loads(asked.document["messages"][1]["content"])
                assert [*STORY, each["text"]] == [said["text"] for said in question["conversation"]]
                assert ["S1", "S2"] == [candidate["id"] for candidate in question["candidates"]]

    asyncio.run(ask())


@pytest.mark.parametrize("each", ATTACKS, ids=lambda each: each["id"])
def test_the_local_engine_shows_sections_of_ours_whatever_is_said_to_it(each: dict[str, str]) -> None:
    ranker = Ranker(SECTIONS)
    adviser = Adviser(a_minute=4)
    shown = []
    for segment in heard(*STORY, each["text"]):
        query = adviser.hear(segment.segment, segment.event)
        if query:
            candidates = adviser.candidates(ranker.rank(query.turns))
            picked = asyncio.run(LocalEngine().pick(CALL, query.heard, candidates))
            assert not picked.quotes
            shown += adviser.show(picked.ranked, segment.event.t1_ms)
    assert {ranked.section for ranked in shown} <= set(SECTIONS)
    assert len(shown) == len({ranked.section for ranked in shown})
    alone = {ranked.section for ranked in ranker.rank([Turn(channel="customer", text=text) for text in STORY])}
    assert alone <= {ranked.section for ranked in shown}  # what the story brought up is not taken away
