"""The transcript of a call on its way to the disk: nothing without consent, everything with it, nothing after a no."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import nacl.public
import pytest
from tavs.call.consent import HeardAnswer, parse
from tavs.call.session import CallStart, Description
from tavs.events import CallId, Channel, Sidecar, SidecarState
from tavs.host.clock import SimulatedClock
from tavs.recording.opened import open_sealed
from tavs.recording.recover import recover
from tavs.recording.seal import TEXT
from tavs.recording.transcript import Line, beginner
from tavs.script import REMEMBERED, Script
from tavs.speech.utterance import Utterance

CALL = CallId("0192f0c1-0000-7000-8000-000000000001")
AT = datetime(2031, 3, 1, 12, tzinfo=UTC)
PRIVATE = nacl.public.PrivateKey.generate()
YES, NO = parse("yes;prompt=menu;version=3"), parse("no")
START = CallStart(
    call=CALL,
    at=AT,
    started_s=0.0,
    source="siprec",
    trunk="192.0.2.1",
    streams=(),
    description=Description(extension="1"),
)


class Stage:
    """A script, the folder it writes to and the thread that does it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writer = ThreadPoolExecutor(1)
        self.clock = SimulatedClock(AT)
        begin = beginner(folder, bytes(PRIVATE.public_key), self.clock, START, None)
        self.script = Script(CALL, begin, self.writer)
        self._sequence = 0

    def say(self, *texts: str, channel: Channel = Channel.CUSTOMER) -> None:
        for text in texts:
            t0_ms = self._sequence * 2000
            self.script.hear(
                Utterance(
                    call=CALL, channel=channel, sequence=self._sequence, t0_ms=t0_ms, t1_ms=t0_ms + 1500, text=text
                )
            )
            self._sequence += 1

    def answer(self, *answers: HeardAnswer) -> None:
        self.script.answered(answers, self.clock.now())

    def close(self) -> Sidecar | None:
        found = asyncio.run(self.script.close(AT + timedelta(minutes=5)))
        self.settle()
        return found

    def settle(self) -> None:
        """Until the thread has done what it was given."""
        self.writer.submit(lambda: None).result(10)

    def files(self) -> list[str]:
        self.settle()
        return sorted(path.name for path in self.folder.iterdir())

    def written(self) -> list[Line]:
        self.settle()
        data = open_sealed(self.folder / f"{CALL}.transcript.0.tavs", bytes(PRIVATE)).of(TEXT)
        return [msgspec.json.decode(line, type=Line) for line in data.splitlines()]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.mark.parametrize("answers", [[], [NO], [parse("")], [parse("maybe")], [YES, NO], [NO, YES]], ids=str)
def test_without_a_clear_consent_nothing_is_ever_written(stage: Stage, answers: list[HeardAnswer]) -> None:
    stage.answer(*answers)
    stage.say("hej", "goddag")
    stage.answer()
    assert [] == stage.files()
    assert stage.close() is None
    assert [] == stage.files()


def test_with_consent_both_channels_are_written_as_they_are_heard(stage: Stage) -> None:
    stage.answer(YES)
    stage.say("hej")
    stage.say("goddag", channel=Channel.AGENT)
    assert ["hej", "goddag"] == [line.text for line in stage.written()]
    assert [Channel.CUSTOMER, Channel.AGENT] == [line.channel for line in stage.written()]
    assert [(0, 1500), (2000, 3500)] == [(line.t0_ms, line.t1_ms) for line in stage.written()]


def test_a_consent_that_comes_late_has_everything_from_the_start(stage: Stage) -> None:
    stage.say("hej", "jeg vil gerne anmelde en skade")
    assert [] == stage.files()
    stage.answer(YES)
    stage.say("ja")
    assert ["hej", "jeg vil gerne anmelde en skade", "ja"] == [line.text for line in stage.written()]


def test_after_a_contradiction_nothing_more_is_written_even_if_a_yes_follows(stage: Stage) -> None:
    stage.answer(YES)
    stage.say("hej")
    stage.answer(YES, NO)
    stage.say("hemmeligt")
    stage.answer(parse("yes;prompt=again"))
    stage.say("også hemmeligt")
    assert ["hej"] == [line.text for line in stage.written()]
    assert stage.close()
    assert ["hej"] == [line.text for line in stage.written()]


def test_an_answer_keeps_the_time_at_which_it_was_heard_first(stage: Stage) -> None:
    stage.answer(YES)
    stage.clock.advance(60)
    stage.answer(YES, NO)
    assert [("yes", "menu", "3", AT), ("no", "", "", AT + timedelta(seconds=60))] == [
        (each.answer, each.prompt, each.prompt_version, each.at) for each in stage.script.consents
    ]


def test_a_closed_transcript_says_how_long_it_is_and_opens_whole(stage: Stage) -> None:
    stage.answer(YES)
    stage.say("hej", "goddag")
    sidecar = stage.close()
    assert sidecar
    assert (SidecarState.CLOSED, "transcript", 3500, ("yes",)) == (
        sidecar.state, sidecar.kind.value, sidecar.duration_ms, tuple(each.answer for each in sidecar.consents)
    )  # fmt: skip
    assert sidecar == msgspec.json.decode((stage.folder / f"{CALL}.transcript.0.json").read_bytes(), type=Sidecar)
    assert open_sealed(stage.folder / sidecar.file, bytes(PRIVATE)).is_complete
    for path in stage.folder.iterdir():
        assert b"goddag" not in path.read_bytes(), path.name


def test_a_contradiction_stands_on_the_disk_before_the_call_ends(stage: Stage) -> None:
    stage.answer(YES)
    stage.say("hej")
    stage.answer(NO)
    stage.settle()
    [recovered] = recover(stage.folder, stage.clock)
    assert SidecarState.INTERRUPTED is recovered.state
    assert ["yes", "no"] == [each.answer for each in recovered.consents]


def test_consent_to_a_call_in_which_no_word_is_heard_makes_no_transcript(stage: Stage) -> None:
    stage.answer(YES)
    stage.say("")
    assert stage.close() is None
    assert [] == stage.files()


def test_a_disk_that_refuses_ends_the_transcript_once_and_the_call_goes_on(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.folder = stage.folder / "missing"
    stage.script = Script(
        CALL, beginner(stage.folder, bytes(PRIVATE.public_key), stage.clock, START, None), stage.writer
    )
    stage.answer(YES)
    stage.say("hej", "goddag", "farvel")
    stage.settle()
    assert not stage.script.is_wanted
    assert stage.close() is None
    assert 1 == capsys.readouterr().err.count("recording-failed")


def test_what_is_kept_for_a_late_consent_is_bounded(stage: Stage) -> None:
    stage.say(*["hej"] * (REMEMBERED + 10))
    stage.answer(YES)
    assert REMEMBERED == len(stage.written())


def test_a_consent_heard_before_a_restart_stands_and_the_next_part_rests_on_it(stage: Stage) -> None:
    stage.answer(YES)
    before = stage.script.consents
    stage.clock.advance(60)
    begin = beginner(stage.folder, bytes(PRIVATE.public_key), stage.clock, START, None, part=1)
    stage.script = Script(CALL, begin, stage.writer, before)
    assert stage.script.has_consent
    stage.answer(YES)
    stage.say("goddag")
    assert before == stage.script.consents
    sidecar = stage.close()
    assert sidecar is not None
    assert (1, f"{CALL}.transcript.1.tavs", before) == (sidecar.part, sidecar.file, sidecar.consents)


def test_a_no_heard_before_a_restart_is_not_forgotten(stage: Stage) -> None:
    stage.answer(YES, NO)
    begin = beginner(stage.folder, bytes(PRIVATE.public_key), stage.clock, START, None, part=1)
    stage.script = Script(CALL, begin, stage.writer, stage.script.consents)
    stage.say("goddag")
    assert stage.close() is None
    assert [] == stage.files()
