"""Restraint: what is worth asking, what may be shown, and when there is silence."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import CALL, CANDIDATES, THEFT, WATER, heard
from tavs.advice.engine import LocalEngine, Picked
from tavs.advice.local import CHARACTERS, MINUTE_MS, SEGMENTS, WINDOW_MS, Adviser, Query, Silence
from tavs.advice.ranking import Ranked
from tavs.advice.sections import Section
from tavs.events import Channel, MaskedSegment, MaskedText

A_MINUTE = 3
STORY = "der er kommet vand ind i kælderen"


def said(text: str, t0_ms: int = 1000, *, channel: Channel = Channel.CUSTOMER, held: bool = False) -> MaskedSegment:
    return MaskedSegment(
        call=CALL, channel=channel, sequence=t0_ms, t0_ms=t0_ms, t1_ms=t0_ms + 1500, text=MaskedText(text), held=held
    )


def sections(count: int) -> list[Ranked]:
    return [
        Ranked(Section(doc="d", number=f"1.{number}", title="t", text="x.", product="p"), 0.9)
        for number in range(count)
    ]


def adviser() -> Adviser:
    return Adviser(a_minute=A_MINUTE)


def asked(query: Query | None) -> list[tuple[str, str]]:
    assert query is not None
    return [(turn.channel, turn.text) for turn in query.turns]


def test_a_story_of_the_customer_is_worth_asking_and_small_talk_is_not() -> None:
    one = adviser()
    for text in ("hej", "ja tak", "<PERSON_1>", "<CPR_12> <PHONE_3>"):
        assert one.hear(1, said(text)) is None
        one = adviser()
    assert adviser().hear(1, said("vandskade"))
    assert [("customer", STORY)] == asked(one.hear(1, said(STORY)))


def test_many_small_words_become_worth_asking_together() -> None:
    one = adviser()
    assert one.hear(1, said("det er", 1000)) is None
    assert [("customer", "det er min bil")] == asked(one.hear(2, said("min bil", 3000)))
    assert one.hear(3, said("ja", 5000)) is None


def test_an_agents_words_are_context_only() -> None:
    one = adviser()
    assert one.hear(1, said("hvad er der sket med kælderen", 1000, channel=Channel.AGENT)) is None
    query = one.hear(2, said("vandskade", 3000))
    assert [("agent", "hvad er der sket med kælderen"), ("customer", "vandskade")] == asked(query)
    assert query is not None
    assert [1, 2] == [each.segment for each in query.heard]


def test_phrases_without_a_pause_are_one_turn() -> None:
    one = adviser()
    one.hear(1, said("vi havde skybrud", 1000))
    one.hear(2, said("og så kom vandet", 3000, held=True))
    query = one.hear(3, said("op i kælderen bagefter", 20_000))
    assert [("customer", "vi havde skybrud og så kom vandet"), ("customer", "op i kælderen bagefter")] == asked(query)


def test_only_the_last_turns_are_asked_about() -> None:
    one = adviser()
    for number in range(SEGMENTS + 5):
        query = one.hear(number, said(f"sætning nummer {number}", number * 2000))
    assert query is not None
    assert list(range(5, SEGMENTS + 5)) == [each.segment for each in query.heard]
    query = one.hear(99, said("noget helt andet", (SEGMENTS + 5) * 2000 + WINDOW_MS))
    assert query is not None
    assert [99] == [each.segment for each in query.heard]


def test_a_query_has_a_size() -> None:
    one = adviser()
    one.hear(1, said("vand " * 300, 1000))
    query = one.hear(2, said("kælder " * (CHARACTERS // 8), 3000))
    assert query is not None
    assert [2] == [each.segment for each in query.heard]
    assert one.hear(3, said("x" * (CHARACTERS + 1), 5000)) is None


@pytest.mark.parametrize("channel", [Channel.AGENT, Channel.UNKNOWN])
def test_a_voice_that_is_not_surely_the_customers_asks_nothing(channel: Channel) -> None:
    assert adviser().hear(1, said(STORY, channel=channel)) is None


def test_there_is_silence_while_it_is_unsure_who_the_customer_is() -> None:
    one = adviser()
    one.pause(Silence.ATTRIBUTION)
    assert Silence.ATTRIBUTION is one.silence
    assert one.hear(1, said(STORY)) is None
    assert [] == one.candidates(CANDIDATES)
    assert [] == one.show(CANDIDATES, 3000)
    one.resume(Silence.ATTRIBUTION)
    assert one.silence is None
    assert [("customer", f"{STORY} og i garagen")] == asked(one.hear(2, said("og i garagen", 3000)))


@pytest.mark.parametrize("silence", [Silence.BEHIND, Silence.LANGUAGE])
def test_there_is_silence_while_advice_is_paused(silence: Silence) -> None:
    one = adviser()
    one.hear(1, said(STORY))
    one.pause(silence)
    assert silence is one.silence
    assert [] == one.show(CANDIDATES, 3000)  # what was asked for before the pause is not shown in it
    one.resume(silence)
    assert list(CANDIDATES) == one.show(CANDIDATES, 3000)


def test_words_in_the_language_of_the_site_end_the_pause_for_the_language_alone() -> None:
    one = adviser()
    one.pause(Silence.LANGUAGE)
    assert one.hear(1, said(STORY))
    one.pause(Silence.BEHIND)
    assert one.hear(2, said(STORY, 3000)) is None
    assert Silence.BEHIND is one.silence


def test_no_section_is_shown_twice_in_a_call() -> None:
    one = adviser()
    assert list(CANDIDATES) == one.candidates(CANDIDATES)
    assert [CANDIDATES[0]] == one.show(CANDIDATES[:1], 1000)
    assert [CANDIDATES[1]] == one.candidates(CANDIDATES)
    assert [CANDIDATES[1]] == one.show(CANDIDATES, 100_000)
    assert [] == one.show(CANDIDATES, 200_000)


def test_an_agent_is_shown_no_more_than_can_be_read_in_a_minute() -> None:
    one, many = adviser(), sections(9)
    assert many[:2] == one.show(many, 0)
    assert many[2:3] == one.show(many, 1000)
    assert [] == one.show(many, MINUTE_MS - 1)
    assert one.hear(1, said(STORY, MINUTE_MS - 2000)) is None  # nothing is asked that could not be shown
    assert many[3:5] == one.show(many, MINUTE_MS)


@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 8)), max_size=60))
def test_no_minute_of_a_call_has_more_than_its_share(steps: list[tuple[int, int]]) -> None:
    one, many, now_ms, shown = adviser(), sections(40), 0, []
    for pause_ms, offset in steps:
        now_ms += pause_ms
        shown += [(now_ms, each.section.number) for each in one.show(many[offset:], now_ms)]
    for at_ms, _ in shown:
        assert sum(at_ms <= other < at_ms + MINUTE_MS for other, _ in shown) <= A_MINUTE
    assert len({number for _, number in shown}) == len(shown)


def test_the_local_engine_is_the_ranker_alone() -> None:
    picked = asyncio.run(LocalEngine().pick(CALL, heard(STORY), CANDIDATES))
    assert Picked(CANDIDATES, {}, "local") == picked
    assert (WATER, THEFT) == tuple(each.section for each in picked.ranked)
