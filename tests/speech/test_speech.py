"""Sound to words: phrases end where speakers pause, silence gives nothing, native code may die."""

import asyncio
import itertools
import json
import os
import re
import signal
from pathlib import Path

import jiwer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tavs.audio import wav
from tavs.catalogue import CHECKOUT, find, folders, verify
from tavs.demo.show import HERE as DEMO
from tavs.errors import ModelError, UsageError
from tavs.events import CallId, Channel, GapKind
from tavs.host.clock import RealClock
from tavs.host.home import Home
from tavs.speech import guard
from tavs.speech.live import LiveSpeech
from tavs.speech.resample import Upsampler
from tavs.speech.segments import Segmenter
from tavs.speech.transcribe import VOICE_MODEL, transcribe
from tavs.speech.utterance import Segment, Utterance
from tavs.speech.vad import WINDOW_MS, WINDOW_SAMPLES, VoiceActivity
from tavs.speech.workers import Dropped, SpeechWorkers

SAMPLES = Path(__file__).parent / "samples"
TEXTS = json.loads((SAMPLES / "texts.json").read_text(encoding="utf-8"))
CALL = CallId("0192f0c1-0000-7000-8000-000000000001")
HOME = Home(Path("/nonexistent"))
ACTIVITY = VoiceActivity(find(VOICE_MODEL, [CHECKOUT]).path)
RNG = np.random.default_rng(3)


def norm(text: str) -> str:
    return " ".join(re.sub(r"[^a-zæøåéüö ]", " ", text.lower().replace("-", " ")).split())


def segments(sound: np.ndarray, block: int = 800) -> list[Segment]:
    live = LiveSpeech(ACTIVITY)
    found: list[Segment] = []
    for start in range(0, len(sound), block):
        live.feed(CALL, Channel.CUSTOMER, sound[start : start + block], start // 8)
        found += live.step()
    return found + live.finish(CALL)


def sample(name: str) -> np.ndarray:
    return np.concatenate([next(iter(block.values())) for block in wav.blocks(SAMPLES / name)])


def tone(hz: float, seconds: float) -> np.ndarray:
    return (np.sin(2 * np.pi * hz * np.arange(int(seconds * 8000)) / 8000) * 6000).astype(np.int16)


def test_the_embedded_model_understands_the_voice_it_was_made_from() -> None:
    heard = [" ".join(each.text for each in transcribe(SAMPLES / name, "tavs-nano-da", HOME)) for name in TEXTS]
    assert jiwer.wer([norm(text) for text in TEXTS.values()], [norm(text) for text in heard]) <= 0.25


def test_the_demo_call_is_understood_before_masking() -> None:
    script = json.loads((DEMO / "call.json").read_text(encoding="utf-8"))["turns"]
    heard = list(transcribe(DEMO / "call.wav", "tavs-nano-da", HOME))
    for channel in ("customer", "agent"):
        said = norm(" ".join(turn["text"] for turn in script if turn["channel"] == channel))
        assert jiwer.wer(said, norm(" ".join(each.text for each in heard if each.channel == channel))) <= 0.25


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(80_000, dtype=np.int16),
        RNG.normal(0, 20, 80_000).astype(np.int16),
        RNG.normal(0, 1500, 80_000).astype(np.int16),
        tone(425, 10),
        np.concatenate([tone(425, 1), np.zeros(32_000, dtype=np.int16)] * 3),
        (tone(697, 5) // 2 + tone(1209, 5) // 2),
        (tone(262, 6) // 3 + tone(330, 6) // 3 + tone(392, 6) // 3),
    ],
    ids=["silence", "line noise", "loud noise", "dial tone", "ringing", "dtmf", "chord"],
)
def test_what_nobody_said_gives_no_segment(sound: np.ndarray) -> None:
    assert [] == segments(sound)


def test_two_phrases_with_a_pause_are_two_segments_at_their_times() -> None:
    one, other = sample("c05.wav"), sample("c07.wav")
    pause = np.zeros(8000, dtype=np.int16)
    found = segments(np.concatenate([pause, one, pause, other, pause]))
    assert 2 == len(found)
    assert [1, 2] == [each.sequence for each in found]
    assert 900 <= found[0].t0_ms <= 1400
    assert found[0].t1_ms <= found[1].t0_ms


def test_long_speech_is_cut_at_about_six_seconds_and_nothing_is_lost() -> None:
    speech = np.concatenate([sample("c13.wav")] * 4)
    found = segments(speech)
    assert all(each.t1_ms - each.t0_ms <= 6100 for each in found)
    assert all(len(each.samples) <= 16_000 * 7 for each in found)


@settings(max_examples=15, deadline=None)
@given(st.integers(100, 5000))
def test_segments_do_not_depend_on_the_size_of_blocks(block: int) -> None:
    sound = np.concatenate([sample("c05.wav"), np.zeros(8000, dtype=np.int16), sample("c07.wav")])
    times = lambda found: [(each.t0_ms, each.t1_ms, len(each.samples)) for each in found]  # noqa: E731
    assert times(segments(sound)) == times(segments(sound, block))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.2, 0.4, 0.6, 0.9]), max_size=600))
def test_whatever_the_detector_says_stretches_are_short_ordered_and_apart(probabilities: list[float]) -> None:
    segmenter, found = Segmenter(0), []
    loud = np.full(WINDOW_SAMPLES, 0.1, dtype=np.float32)
    for probability in probabilities:
        if stretch := segmenter.feed(loud, probability):
            found.append(stretch)
    if stretch := segmenter.finish():
        found.append(stretch)
    for stretch in found:
        assert 0 <= stretch.t0_ms < stretch.t1_ms <= len(probabilities) * WINDOW_MS
        assert stretch.t1_ms - stretch.t0_ms <= 6000
    for one, other in itertools.pairwise(found):
        assert one.t1_ms <= other.t0_ms


@given(st.lists(st.integers(0, 400), min_size=1, max_size=8))
def test_upsampling_doubles_exactly_and_has_no_seams(sizes: list[int]) -> None:
    sound = tone(700, sum(sizes) / 8000 + 0.1)[: sum(sizes)]
    whole = Upsampler().feed(sound)
    pieces = Upsampler()
    cuts = np.cumsum([0, *sizes])
    joined = np.concatenate([pieces.feed(sound[a:b]) for a, b in itertools.pairwise(cuts)])
    assert 2 * len(sound) == len(whole)
    assert np.allclose(whole, joined, atol=1e-6)


def test_loops_and_impossible_speed_are_doubtful() -> None:
    assert guard.is_loop("det er fint " * 6)
    assert guard.is_doubtful("hvornår får jeg pengene, kan jeg få talt med Asta", 0.9, 0.95)
    assert guard.is_doubtful("mit navn er Marie", 2.0, 0.4)
    assert not guard.is_doubtful("mit navn er Marie Berg", 2.0, 0.9)


def ask(segment: Segment, disturb: str = "") -> tuple[object, SpeechWorkers]:
    async def run() -> tuple[object, SpeechWorkers]:
        workers = SpeechWorkers("tavs-nano-da", 1, RealClock(), deadline_s=4.0)
        async with asyncio.TaskGroup() as group:
            tasks = await workers.start(group)
            if disturb:
                os.kill(workers.pids[0], getattr(signal, disturb))
            answer = await workers.transcribe(segment)
            for task in tasks:
                task.cancel()
            await workers.close()
        return answer, workers

    return asyncio.run(run())


@pytest.mark.parametrize("disturb", ["", "SIGKILL", "SIGSTOP"])
def test_a_segment_is_answered_though_its_worker_dies_or_hangs(disturb: str) -> None:
    [segment] = segments(sample("c05.wav"))
    answer, workers = ask(segment, disturb)
    assert isinstance(answer, Utterance)
    assert "husforsikring" in answer.text
    assert (1 if disturb else 0) == workers.counters.workers_lost


def test_a_call_that_is_behind_loses_the_agent_first_and_then_the_oldest() -> None:
    def segment(number: int, channel: Channel) -> Segment:
        return Segment(
            call=CALL, channel=channel, sequence=number, t0_ms=0, t1_ms=1, samples=np.zeros(1, dtype=np.float32)
        )

    async def run() -> list[int]:
        workers = SpeechWorkers("none", 1, RealClock())
        tasks = {
            number: asyncio.create_task(
                workers.transcribe(segment(number, Channel.AGENT if number == 3 else Channel.CUSTOMER))
            )
            for number in range(1, 9)
        }
        await asyncio.sleep(0.05)
        dropped = [number for number, task in tasks.items() if task.done()]
        assert all(Dropped(GapKind.OVERLOAD) == tasks[number].result() for number in dropped)
        for task in tasks.values():
            task.cancel()
        return dropped

    assert [1, 3] == sorted(asyncio.run(run()))


def test_models_are_found_by_name_and_known_by_their_hash(tmp_path: Path) -> None:
    verify(find("tavs-nano-da", folders(HOME)))
    with pytest.raises(ModelError, match="no catalogue"):
        find("large", folders(HOME))
    (tmp_path / "catalogue.toml").write_text(
        '[m]\nkind="speech"\nengine="whisper"\nfile="m.bin"\nsize_bytes=3\nsha256="00"\nproduction=false\n'
    )
    with pytest.raises(ModelError, match="missing"):
        find("m", [tmp_path])
    (tmp_path / "m.bin").write_bytes(b"abcd")
    with pytest.raises(ModelError, match="wrong size"):
        find("m", [tmp_path])
    (tmp_path / "m.bin").write_bytes(b"abc")
    with pytest.raises(ModelError, match="not the one"):
        verify(find("m", [tmp_path]))


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\xff\xff\xff\xffWAVEfmt ", b"\0" * 500, b"<html>", None])
def test_what_is_no_sound_file_is_a_sentence(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError):
        list(transcribe(path, "tavs-nano-da", HOME))


def test_a_file_cut_in_the_middle_gives_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    data = (SAMPLES / "c05.wav").read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4])
    assert list(transcribe(path, "tavs-nano-da", HOME))
