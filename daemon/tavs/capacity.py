"""`tavs check --capacity`: how many live calls this box carries, measured with its own model on the synthetic call.

1. Speech workers are started and given the phrases of the synthetic call, as many at once as there are workers: so the
   time a phrase takes is that of a box under full load.
2. How many calls that is follows by playing the call many times over, begun at different moments, through a queue
   before the workers (`carried`): the most calls of which 95 in 100 phrases are text within a second of their end. What
   masking holds back on purpose comes on top.
3. It says nothing of the disk, the network and the sound of real callers. Run it when no call is under way.
"""

from __future__ import annotations

import asyncio
import heapq
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import as_file, files

from tavs.audio import wav
from tavs.catalogue import find, folders, verify
from tavs.config import Config
from tavs.errors import ModelError
from tavs.events import CallId, Channel
from tavs.host.clock import Clock
from tavs.host.home import Home
from tavs.speech.live import LiveSpeech
from tavs.speech.transcribe import VOICE_MODEL
from tavs.speech.utterance import Segment, Utterance
from tavs.speech.vad import VoiceActivity
from tavs.speech.workers import SpeechWorkers, most_useful_threads

TARGET_S = 1.0
SHARE = 0.95
MEASURED_S = 4.0
"""For each number of workers."""
MOST_WORKERS = 16
MOST_CALLS = 200
ROUNDS = 5
"""Times the call is played after itself."""
CALL = CallId("capacity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    workers: int
    phrase_s: float
    """What a phrase takes on the average."""
    calls: int
    delay_s: float
    """Of 95 in 100 phrases, with that many calls; of one call where it carries none."""

    def line(self) -> str:
        name = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        takes = f"a phrase takes {self.phrase_s * 1000:.0f} ms"
        if not self.calls:
            return f"{name}: {takes}; not even one call keeps within {TARGET_S:.0f} s ({self.delay_s:.1f} s)"
        calls = f"{self.calls}{' or more' if self.calls == MOST_CALLS else ''}"
        return f"{name}: {takes}; carries {calls} live calls, 95 % of phrases within {self.delay_s:.2f} s"


@dataclass(frozen=True, slots=True)
class Phrase:
    ends_s: float
    takes_s: float


def carried(phrases: Sequence[Phrase], workers: int, length_s: float) -> tuple[int, float]:
    """The most calls within the target, and their delay by rule 2; (0, the delay of one call) where one is too many."""
    calls, delay_s = 0, delay(phrases, workers, 1, length_s)
    low, high = 0, MOST_CALLS + 1
    while high - low > 1:
        tried = (low + high) // 2
        found_s = delay(phrases, workers, tried, length_s)
        if found_s <= TARGET_S:
            low = calls = tried
            delay_s = found_s
        else:
            high = tried
    return calls, delay_s


def delay(phrases: Sequence[Phrase], workers: int, calls: int, length_s: float) -> float:
    """Seconds from the end of a phrase to its text, of 95 in 100, with `calls` under way at different places."""
    arrivals = sorted(
        (phrase.ends_s + round_ * length_s + number * length_s / calls, phrase.takes_s)
        for phrase in phrases
        for round_ in range(ROUNDS)
        for number in range(calls)
    )
    free_s = [0.0] * workers
    delays = []
    for arrival_s, takes_s in arrivals:
        done_s = max(arrival_s, heapq.heappop(free_s)) + takes_s
        heapq.heappush(free_s, done_s)
        delays.append(done_s - arrival_s)
    delays.sort()
    return delays[min(len(delays) - 1, int(len(delays) * SHARE))] if delays else 0.0


def measure(home: Home, config: Config, clock: Clock) -> Iterator[Measured]:
    """For 1 worker up to one a core. Raises ModelError where the model is missing or does not start."""
    verify(find(config.speech.model, folders(home)))
    segments, length_s = _segments(home, with_agent=config.speech.agent_channel != "off")
    if not segments:
        raise ModelError("no voice was found in the synthetic call", "`tavs check` verifies the models")
    for workers in range(1, min(os.cpu_count() or 1, MOST_WORKERS) + 1):
        took = asyncio.run(_measured(config.speech.model, workers, segments, clock))
        per_s = sum(took.values()) / sum(_length_s(segment) for segment in segments if segment.sequence in took)
        phrases = [
            Phrase(segment.t1_ms / 1000, took.get(segment.sequence, per_s * _length_s(segment))) for segment in segments
        ]
        calls, delay_s = carried(phrases, workers, length_s)
        mean_s = sum(phrase.takes_s for phrase in phrases) / len(phrases)
        yield Measured(workers=workers, phrase_s=mean_s, calls=calls, delay_s=delay_s)


async def _measured(model: str, count: int, segments: Sequence[Segment], clock: Clock) -> dict[int, float]:
    """Seconds by the number of the phrase, for as many as there was time for; with all workers busy."""
    workers = SpeechWorkers(model, count, clock, most_useful_threads(count))
    took: dict[int, float] = {}
    waiting = list(reversed(segments))
    async with asyncio.TaskGroup() as group:
        tasks = await workers.start(group)
        ends_s = clock.monotonic() + MEASURED_S

        async def keep_busy(number: int) -> None:
            while waiting and (clock.monotonic() < ends_s or not took):
                segment = waiting.pop()
                began_s = clock.monotonic()
                answer = await workers.transcribe(replace(segment, call=CallId(f"{CALL}-{number}")))
                if isinstance(answer, Utterance):
                    took[segment.sequence] = clock.monotonic() - began_s

        await asyncio.gather(*(keep_busy(number) for number in range(count)))
        for task in tasks:
            task.cancel()
    await workers.close()
    if not took:
        raise ModelError(f"model {model} answers no phrase", "`tavs check` verifies the model's file")
    return took


def _segments(home: Home, *, with_agent: bool) -> tuple[list[Segment], float]:
    """What the listener would give its workers of the synthetic call, and how long that lasts."""
    live = LiveSpeech(VoiceActivity(find(VOICE_MODEL, folders(home)).path))
    found: list[Segment] = []
    position_ms = 0.0
    with as_file(files("tavs.demo").joinpath("call.wav")) as sound:
        for block in wav.blocks(sound):
            for channel, samples in block.items():
                if with_agent or channel is Channel.CUSTOMER:
                    live.feed(CALL, channel, samples, round(position_ms))
            position_ms += len(next(iter(block.values()))) * 1000 / wav.RATE_HZ
            found += live.step()
    return [*found, *live.finish(CALL)], position_ms / 1000


def _length_s(segment: Segment) -> float:
    return (segment.t1_ms - segment.t0_ms) / 1000
