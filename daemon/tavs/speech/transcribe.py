"""`tavs transcribe`: the segments of a file and their text, in this process and on this box."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tavs.audio import wav
from tavs.catalogue import find, folders, verify
from tavs.events import CallId
from tavs.host.home import Home
from tavs.speech.live import LiveSpeech
from tavs.speech.utterance import Utterance
from tavs.speech.vad import VoiceActivity
from tavs.speech.whisper import Engine, Whisper

VOICE_MODEL = "silero-vad-16k"
FILE = CallId("file")


def transcribe(path: Path, model: str, home: Home) -> Iterator[Utterance]:
    """Utterances in the order their segments end; unmasked. Raises UsageError and ModelError."""
    wav.channels(path)
    places = folders(home)
    speech = find(model, places)
    verify(speech)
    engine = Whisper(speech, threads=os.cpu_count() or 1)
    live = LiveSpeech(VoiceActivity(find(VOICE_MODEL, places).path))
    return _utterances(path, live, engine)


def _utterances(path: Path, live: LiveSpeech, engine: Engine) -> Iterator[Utterance]:
    position_ms = 0.0
    for block in wav.blocks(path):
        for channel, samples in block.items():
            live.feed(FILE, channel, samples, round(position_ms))
        position_ms += len(next(iter(block.values()))) * 1000 / wav.RATE_HZ
        yield from _heard(live, engine, is_end=False)
    yield from _heard(live, engine, is_end=True)


def _heard(live: LiveSpeech, engine: Engine, *, is_end: bool) -> Iterator[Utterance]:
    for segment in live.finish(FILE) if is_end else live.step():
        if text := engine.transcribe(segment.samples):
            yield Utterance(
                call=segment.call,
                channel=segment.channel,
                sequence=segment.sequence,
                t0_ms=segment.t0_ms,
                t1_ms=segment.t1_ms,
                text=text,
            )
