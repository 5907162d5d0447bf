"""The words of a call on their way to the relay."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import numpy as np
from tavs.conversation import Conversation
from tavs.events import CallId, Channel, ConsentHeard, Event, Gap, GapKind, MaskedSegment
from tavs.host.clock import SimulatedClock
from tavs.masking.detect import Masker
from tavs.masking.gate import Gate
from tavs.recording.transcript import Transcript
from tavs.script import Script
from tavs.speech.utterance import Segment, Utterance
from tavs.speech.workers import Dropped

CALL = CallId("0192f0c1-0000-7000-8000-000000000001")
TEXTS = {
    1: "hej, mit navn er Mette Kjær.",
    2: "hvad er dit nummer?",
    3: "toogtyve treogtredive fireogfyrre femoghalvtreds.",
    4: "",
}


class Workers:
    """A pool that answers the first segment last, and never one that has no words."""

    def __init__(self, texts: dict[int, str]) -> None:
        self._texts = texts

    async def transcribe(self, segment: Segment) -> Utterance | Dropped:
        await asyncio.sleep(0.05 / segment.sequence)
        if not self._texts[segment.sequence]:
            return Dropped(GapKind.OVERLOAD)
        return Utterance(
            call=segment.call,
            channel=segment.channel,
            sequence=segment.sequence,
            t0_ms=segment.t0_ms,
            t1_ms=segment.t1_ms,
            text=self._texts[segment.sequence],
        )


class Relay:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def send(self, event: Event) -> None:
        self.events.append(event)


def never_begun(consents: tuple[ConsentHeard, ...]) -> Transcript:
    raise AssertionError("a transcript was begun without a consent")


def relayed(*, agent_is_shown: bool = False, texts: dict[int, str] = TEXTS) -> list[Event]:
    relay = Relay()
    clock = SimulatedClock(datetime(2026, 3, 1, tzinfo=UTC), monotonic=100.0)
    conversation = Conversation(
        call=CALL,
        started_s=90.0,
        gate=Gate(call=CALL, masker=Masker()),
        workers=Workers(texts),  # type: ignore[arg-type]
        relay=relay,  # type: ignore[arg-type]
        clock=clock,
        agent_is_shown=agent_is_shown,
        script=Script(CALL, never_begun, ThreadPoolExecutor(1)),
    )

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            for number in texts:
                channel = Channel.AGENT if number == 2 else Channel.CUSTOMER
                samples = np.zeros(1, dtype=np.float32)
                conversation.hear(
                    Segment(
                        call=CALL,
                        channel=channel,
                        sequence=number,
                        t0_ms=number * 2000,
                        t1_ms=number * 2000 + 1500,
                        samples=samples,
                    ),
                    group,
                )
            conversation.end()
            await conversation.run()

    asyncio.run(run())
    assert conversation.is_idle
    return relay.events


def test_words_come_in_the_order_they_were_said_and_masked() -> None:
    events = relayed(agent_is_shown=True)
    segments = [event for event in events if isinstance(event, MaskedSegment)]
    assert [1, 2, 3] == sorted({event.sequence for event in segments})
    assert segments[0].text.text == "hej, mit navn er <PERSON_1>."
    assert "<PHONE_1>" in " ".join(event.text.text for event in segments)
    assert 10_000 - 3_500 == segments[0].delay_ms
    assert [Gap(kind=GapKind.OVERLOAD, call=CALL, channel=Channel.CUSTOMER, t0_ms=8000, t1_ms=9500)] == [
        event for event in events if isinstance(event, Gap)
    ]


def test_the_agents_words_help_and_stay_here_unless_the_site_shows_them() -> None:
    segments = [event for event in relayed() if isinstance(event, MaskedSegment)]
    assert {Channel.CUSTOMER} == {event.channel for event in segments}
    assert any("<PHONE_1>" in event.text.text for event in segments)


def test_what_a_caller_says_in_another_language_is_withheld_until_they_are_understood_again() -> None:
    said = {
        1: "jeg ringer fordi der er sket en skade på min bil i går, ja det er det",
        3: "hello can you help me please, somebody hit my car in the parking lot outside the big store and then they just drove away",
        4: "and then the whole door is broken, what should we do now, is this something you pay for",
        5: "nå men så tager vi det på dansk, jeg vil gerne høre om det er noget I dækker, for det er jo ikke min skyld",
    }
    events = relayed(texts=said)
    assert [1, 5] == [event.sequence for event in events if isinstance(event, MaskedSegment)]
    assert [(GapKind.LANGUAGE, 6000), (GapKind.LANGUAGE, 8000)] == [
        (event.kind, event.t0_ms) for event in events if isinstance(event, Gap)
    ]
