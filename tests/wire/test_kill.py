"""Programs that are killed in the middle of a call: what must go on goes on, and what was missed shows."""

import os
import signal
import time
from pathlib import Path

import msgspec
from appliance import Box, Sipp, Sound
from tavs.events import Sidecar, SidecarState
from tavs.recording.ogg import decode
from tavs.recording.opened import open_recording


def kill(pids: list[int]) -> None:
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def growing(box: Box) -> Path:
    """The sealed file of the call under way."""
    box.wait_for(lambda: list(box.incoming.glob("*.tavs")))
    return next(box.incoming.glob("*.tavs"))


def test_a_speech_worker_that_is_killed_costs_neither_call_nor_words(box: Box, sipp: Sipp, sound: Sound) -> None:
    client = sipp.call(box, "tcp", sound)
    growing(box)
    time.sleep(3.5)
    kill(box.pids("tavs.speech.worker"))
    assert 0 == client.wait(60)
    kept = box.wait_for_recording()
    shown = box.show(kept["call"])
    assert shown["segments"][-1]["t1"] > 8.0
    assert "speech" not in {gap["kind"] for gap in shown["gaps"]}


def test_a_desk_that_is_killed_comes_back_and_shows_what_it_missed(box: Box, sipp: Sipp, sound: Sound) -> None:
    client = sipp.call(box, "udp", sound)
    sealed = growing(box)
    box.wait_for(box.calls)
    desk = box.pids("desk")
    for pid in desk:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(5)
    size = sealed.stat().st_size
    kill(desk)
    time.sleep(2)
    assert sealed.stat().st_size > size
    assert 0 == client.wait(60)
    kept = box.wait_for_recording()
    assert box.pids("desk") and not set(box.pids("desk")) & set(desk)
    assert "relay" in {gap["kind"] for gap in box.show(kept["call"])["gaps"]}


def test_a_listener_that_is_killed_leaves_the_recording_up_to_the_last_second_and_goes_on_with_the_call(
    box: Box, sipp: Sipp, sound: Sound
) -> None:
    client = sipp.call(box, "udp", sound)
    sealed = growing(box)
    listener = box.pids("listen")
    time.sleep(6)
    before_s = sealed.stat().st_mtime
    kill(listener)
    killed_s = time.time()
    client.kill()
    client.wait()
    assert killed_s - before_s < 1.5
    box.wait_for(lambda: box.pids("listen") and not set(box.pids("listen")) & set(listener))
    box.wait_for(lambda: list(box.incoming.glob("*.1.tavs")))
    opened = open_recording(sealed, box.private_key)
    assert not opened.is_complete
    heard_s = len(decode(opened.ogg)) / 8000
    assert heard_s >= 6 - 1.0
    sidecar = msgspec.json.decode(sealed.with_suffix(".json").read_bytes(), type=Sidecar)
    assert (SidecarState.INTERRUPTED, None) == (sidecar.state, sidecar.call_ended_at)
    assert abs(sidecar.duration_ms / 1000 - heard_s) <= 0.1
    [call] = box.calls()
    assert (sidecar.call, None, []) == (call["call"], call["ended_at"], call["artifacts"])
    box.wait_for(lambda: len(box.pids("tavs.speech.worker")) <= 1)


def test_sidecars_name_no_number(box: Box, sipp: Sipp, sound: Sound) -> None:
    assert 0 == sipp.call(box, "tcp", sound, wait_s=1.0).wait(60)
    box.wait_for_recording()
    [path] = box.incoming.glob("*.json")
    assert b"36766050" not in path.read_bytes()
    assert {"number", "name"} & set(Sidecar.__struct_fields__) == set()


def test_a_stop_in_the_middle_of_a_call_closes_the_recording_and_says_goodbye(
    box: Box, sipp: Sipp, sound: Sound
) -> None:
    client = sipp.call(box, "tcp", sound)
    sealed = growing(box)
    time.sleep(4)
    for pid in box.pids("listen"):
        os.kill(pid, signal.SIGTERM)
    kept = box.wait_for_recording()
    client.kill()
    client.wait()
    opened = open_recording(sealed, box.private_key)
    assert opened.is_complete
    assert len(decode(opened.ogg)) / 8000 >= 3.5
    assert "shutdown" == box.show(kept["call"])["end_reason"]
