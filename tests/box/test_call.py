"""One whole call over the cable: recorded, masked, answered with advice, and nowhere a trace of what named a person."""

import io
import json
import re
import subprocess
import tarfile
from collections.abc import Iterator

import pytest
from box import DESK, KEEP, LISTEN, Box, Row
from caller import AFTER_SOUND_S, Sound
from tavs.demo.canary import Canaries
from tavs.demo.show import HERE
from tavs.host.journal import Message

SCRIPT = json.loads((HERE / "call.json").read_text(encoding="utf-8"))
CANARIES = Canaries(SCRIPT["identifiers"])
WRITTEN = "etc home opt root run srv tmp usr var"
"""All of the machine but the kernel's own."""
NOTHING = re.compile(rb"\0{16,}")
"""Room that files have and do not use: most of a journal, and slow to search."""
BEFORE = "/run/before-the-call"
SITE_PACKAGES = "/usr/lib/tavs/current/lib/python3.11/site-packages/tavs"
UNIT_FAILED = "56922c4b1cf7439e88592e61b800d691"
"""Said by tavs-failure@.service."""


@pytest.fixture(scope="module")
def call(box: Box, long_sound: Sound) -> Row:
    box.machine.shell(f"touch {BEFORE}")
    placed, call = box.place(long_sound, consent="yes;prompt=menu;version=3;language=da;pressed=1")
    placed.wait()
    return box.wait_kept(call)


def traces(box: Box) -> Iterator[tuple[str, str]]:
    """(file, kind) for every identifier of the call in every file that was written in the machine since it began."""
    script = f"find {WRITTEN} -type f -newer {BEFORE} -print0 | tar --null -T - --warning=none -cf -"
    done = subprocess.run(box.machine.entered("sh", "-c", script), capture_output=True, check=False, timeout=120)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as everything:
        for entry in everything:
            file = everything.extractfile(entry) if entry.isfile() else None
            for kind in CANARIES.search(NOTHING.sub(b"\0" * 8, file.read())) if file else ():
                yield entry.name, kind


def test_a_call_is_recorded_whole(box: Box, call: Row, long_sound: Sound) -> None:
    [recording] = box.recordings(call["call"])
    assert recording["is_complete"]
    assert abs(recording["seconds"] - long_sound.duration_s - AFTER_SOUND_S) <= 1.5
    assert "bye" == call["end_reason"]
    assert "4512" == call["extension"]
    assert [] == [gap for gap in call["gaps"] if gap["kind"] in ("interrupted", "relay")]


def test_its_text_is_masked_and_shown(call: Row) -> None:
    text = " ".join(each["text"] for each in call["segments"])
    assert {"customer", "agent"} == {each["channel"] for each in call["segments"]}
    assert "<PERSON_1>" in text
    assert {"CPR"} <= {label for each in call["segments"] for label in each["labels"]}
    assert [] == CANARIES.search(text.encode())


def test_an_agent_is_shown_a_section_that_fits(call: Row) -> None:
    assert "indboforsikring" in {each["doc"] for each in call["suggestions"]}


def test_a_transcript_is_kept_where_quality_is_consented_to(call: Row) -> None:
    assert {"recording", "transcript", "masked_transcript"} == {each["kind"] for each in call["artifacts"]}
    assert ["yes"] == [each["answer"] for each in call["consents"]]


def test_the_archive_is_filled_by_the_sweep_alone(box: Box, call: Row) -> None:
    box.machine.run("systemctl", "start", KEEP)
    assert "success" == box.machine.property(KEEP, "Result")
    archived = list(box.machine.path("/var/lib/tavs/recordings/archive").glob(f"{call['call']}.*.tavs"))
    assert 2 == len(archived)
    assert set() == {name for name in box.sealed_files() if call["call"] in name}
    [recording] = box.recordings(call["call"])
    assert recording["is_complete"]


def test_nothing_that_was_written_names_anybody(box: Box, call: Row) -> None:
    """With its controls: a file that does hold the call is found, and the box did hear what it must not write."""
    box.machine.run("journalctl", "--sync")
    assert [] == list(traces(box))
    heard = box.machine.run("tavs", "transcribe", f"{SITE_PACKAGES}/demo/call.wav", "--jsonl", limit_s=120).stdout
    assert CANARIES.search(heard.encode())
    spoken = " ".join(turn["text"] for turn in SCRIPT["turns"])
    box.machine.write("/var/tmp/control", spoken)
    found = {kind for name, kind in traces(box) if name == "var/tmp/control"}
    box.machine.path("/var/tmp/control").unlink()
    assert set(SCRIPT["identifiers"]) == found


def test_the_journal_holds_known_messages_only(box: Box, call: Row) -> None:
    known = {message.id for message in Message} | {UNIT_FAILED}
    ours = [
        entry
        for entry in box.machine.journal("tavs*")
        if str(entry.get("_SYSTEMD_UNIT", "")).startswith("tavs-") and entry.get("_COMM") != "systemd"
    ]
    assert {LISTEN, DESK} <= {str(entry["_SYSTEMD_UNIT"]) for entry in ours}
    unknown = {
        f"{entry['_SYSTEMD_UNIT']}: {entry['MESSAGE']}" for entry in ours if entry.get("MESSAGE_ID") not in known
    }
    assert set() == unknown
    everything = box.machine.run("journalctl", "--no-pager", "--output=export").stdout
    assert [] == CANARIES.search(everything.encode())


def test_every_message_that_was_said_is_explained(box: Box, call: Row) -> None:
    told = {str(entry["MESSAGE_ID"]) for entry in box.machine.journal("tavs*") if entry.get("TAVS_MESSAGE")}
    assert told
    for message_id in told:
        entry = box.machine.run("journalctl", "--dump-catalog", message_id).stdout
        for part in ("Cause:", "Effect:", "Remedy:"):
            assert part in entry


def test_the_status_line_of_the_listener_is_useful(box: Box, call: Row) -> None:
    assert "calls" in box.machine.property(LISTEN, "StatusText")
