"""Programs that die, are started anew or read their settings again in the middle of a call, by the service manager."""

import time

import pytest
from box import DESK, GOES_ON_S, KEEP, LISTEN, PROGRAMS, SITE, SITE_FILE, Box
from caller import AFTER_SOUND_S, Sound
from machine import wait_for
from tavs.host.journal import Message

UPGRADE_GAP_MS = 2000
"""DESIGN 11, Upgrade, restart."""
INTO_THE_CALL_S = 4.0
ROUNDING_S = 0.6


def comes_back(box: Box, unit: str, before: int) -> None:
    wait_for(
        lambda: box.machine.main_pid(unit) not in (0, before) and box.machine.property(unit, "ActiveState") == "active",
        GOES_ON_S,
        f"{unit} does not come back",
    )


def goes_on(box: Box, sound: Sound, how: list[str], transport: str) -> tuple[str, int]:
    """A call in which the listener is replaced; the call and what is missing, in ms. Checks what holds however it was done."""
    calls = {each["call"] for each in box.calls()}
    placed, call = box.place(sound, transport=transport)
    time.sleep(INTO_THE_CALL_S)
    before = box.machine.main_pid(LISTEN)
    box.machine.run(*[str(before) if word == "PID" else word for word in how])
    comes_back(box, LISTEN, before)
    box.wait_recording_grows()
    placed.wait()
    shown = box.wait_kept(call)
    assert {call} == {each["call"] for each in box.calls()} - calls
    assert "bye" == shown["end_reason"]
    parts = box.recordings(call)
    assert [0, 1] == [each["part"] for each in parts]
    assert parts[1]["is_complete"]
    lost_ms = box.lost_ms(call)
    assert abs(sum(each["seconds"] for each in parts) + lost_ms / 1000 - sound.duration_s - AFTER_SOUND_S) <= ROUNDING_S
    assert max(each["t1"] for each in shown["segments"]) > INTO_THE_CALL_S + lost_ms / 1000
    return call, lost_ms


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_listener_that_is_killed_goes_on_with_the_call(box: Box, sound: Sound, transport: str) -> None:
    cursor = box.machine.cursor()
    _, lost_ms = goes_on(box, sound, ["kill", "-KILL", "PID"], transport)
    assert 0 < lost_ms
    assert Message.CALL_RESUMED.id in {entry.get("MESSAGE_ID") for entry in box.machine.journal(LISTEN, since=cursor)}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_listener_that_is_restarted_loses_two_seconds_at_most(box: Box, sound: Sound, transport: str) -> None:
    _, lost_ms = goes_on(box, sound, ["systemctl", "restart", LISTEN], transport)
    assert lost_ms <= UPGRADE_GAP_MS


def test_a_desk_that_is_killed_costs_the_recording_nothing(box: Box, sound: Sound) -> None:
    placed, call = box.place(sound)
    time.sleep(INTO_THE_CALL_S)
    before = box.machine.main_pid(DESK)
    box.machine.run("kill", "-KILL", str(before))
    comes_back(box, DESK, before)
    placed.wait()
    shown = box.wait_kept(call)
    [recording] = box.recordings(call)
    assert recording["is_complete"]
    assert max(each["t1"] for each in shown["segments"]) > INTO_THE_CALL_S


def test_a_speech_worker_that_is_killed_costs_neither_call_nor_words(box: Box, sound: Sound) -> None:
    placed, call = box.place(sound)
    time.sleep(INTO_THE_CALL_S)
    box.machine.run("pkill", "-KILL", "-f", "tavs.speech.worker")
    placed.wait()
    shown = box.wait_kept(call)
    assert max(each["t1"] for each in shown["segments"]) > INTO_THE_CALL_S + 2
    assert 1 == len(box.recordings(call))


def test_a_sweep_that_is_killed_is_told_and_the_next_one_does_its_work(box: Box) -> None:
    box.machine.shell(f"systemctl start --no-block {KEEP}; sleep 0.2; systemctl kill -s KILL {KEEP}")
    wait_for(lambda: box.machine.property(KEEP, "ActiveState") in ("failed", "inactive"), 20, "the sweep hangs")
    box.machine.run("systemctl", "start", KEEP)
    assert "success" == box.machine.property(KEEP, "Result")
    assert [] == list(box.machine.path("/var/lib/tavs/recordings/incoming").glob("*.tavs"))


def test_a_reload_applies_what_can_be_applied_and_names_what_cannot(box: Box, sound: Sound) -> None:
    placed, call = box.place(sound)
    pids = {unit: box.machine.main_pid(unit) for unit in PROGRAMS}
    cursor = box.machine.cursor()
    box.machine.write(
        SITE_FILE, SITE.replace("[speech]\n", '[masking]\nalways = { ORG = ["Fjordkilde"] }\n[speech]\nworkers = 2\n')
    )
    box.machine.run("systemctl", "reload", *PROGRAMS)
    wait_for(lambda: "speech.workers" in box.machine.property(LISTEN, "StatusText"), 15, "the reload is not told")
    said = {entry.get("MESSAGE_ID") for entry in box.machine.journal(LISTEN, since=cursor)}
    box.machine.write(SITE_FILE, SITE)
    box.machine.run("systemctl", "reload", *PROGRAMS)
    placed.wait()
    assert Message.RELOADED.id in said
    assert pids == {unit: box.machine.main_pid(unit) for unit in PROGRAMS}
    box.wait_kept(call)
    assert 1 == len(box.recordings(call))


def test_a_half_written_configuration_is_refused_and_the_old_one_stays(box: Box, sound: Sound) -> None:
    placed, call = box.place(sound)
    pids = {unit: box.machine.main_pid(unit) for unit in PROGRAMS}
    cursor = box.machine.cursor()
    box.machine.write(SITE_FILE, SITE[: len(SITE) // 2])
    try:
        box.machine.run("systemctl", "reload", *PROGRAMS, check=False)
        wait_for(
            lambda: (
                Message.RELOAD_REFUSED.id
                in {entry.get("MESSAGE_ID") for entry in box.machine.journal(LISTEN, since=cursor)}
            ),
            15,
            "the refusal is not told",
        )
        placed.wait()
    finally:
        box.machine.write(SITE_FILE, SITE)
        box.machine.run("systemctl", "reload", *PROGRAMS, check=False)
    assert pids == {unit: box.machine.main_pid(unit) for unit in PROGRAMS}
    box.wait_kept(call)
    assert 1 == len(box.recordings(call))


@pytest.mark.parametrize("unit", PROGRAMS)
def test_a_start_with_a_half_written_configuration_ends_with_78_and_is_not_tried_again(box: Box, unit: str) -> None:
    cursor = box.machine.cursor()
    box.machine.write(SITE_FILE, SITE[: len(SITE) // 2])
    try:
        box.machine.run("systemctl", "restart", unit, check=False)
        time.sleep(2)
        assert "failed" == box.machine.property(unit, "ActiveState")
        assert "78" == box.machine.property(unit, "ExecMainStatus")
        assert "0" == box.machine.property(unit, "NRestarts")
        said = box.machine.said(unit, since=cursor)
        assert SITE_FILE in said
        assert "hint" in said
    finally:
        box.machine.write(SITE_FILE, SITE)
        box.machine.run("systemctl", "reset-failed", unit, check=False)
        box.machine.run("systemctl", "restart", *PROGRAMS)
    box.machine.wait_active(*PROGRAMS)
