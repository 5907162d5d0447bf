"""`tavs status` while calls come in: what it says of recording is true, whatever happens (RELIABILITY R-35)."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

from appliance import Box, Sipp, Sound


def status(box: Box) -> dict[str, Any]:
    done = box.command("status", "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == bool(found["alarms"])
    return found


def test_a_call_under_way_is_told_and_its_recording_is_no_alarm(box: Box, sipp: Sipp, sound: Sound) -> None:
    client = sipp.call(box, "udp", sound)
    box.wait_for(lambda: status(box)["listener"]["calls"] == 1)
    found = status(box)
    assert found["listener"]["is_recording"] and found["listener"]["is_masking_usable"]
    assert 2 == found["listener"]["ports_used"]
    assert [] == [alarm for alarm in found["alarms"] if "record" in alarm]
    assert client.wait(60) == 0
    box.wait_for(lambda: status(box)["listener"]["calls"] == 0)


def test_a_call_that_cannot_be_recorded_is_the_first_alarm_and_stays_one(box: Box, sipp: Sipp, sound: Sound) -> None:
    shutil.rmtree(box.incoming)
    Path(box.incoming).touch()
    client = sipp.call(box, "udp", sound)
    box.wait_for(lambda: status(box)["listener"]["recordings_failing"] == 1)
    assert "1 of 1 calls under way are not recorded" in status(box)["alarms"][0]
    assert client.wait(60) == 0
    box.wait_for(lambda: status(box)["listener"]["calls"] == 0)
    assert "1 recordings have failed" in status(box)["alarms"][0]


def test_a_listener_that_hangs_is_the_first_alarm(box: Box) -> None:
    [listener] = box.pids("tavs", "listen")
    os.kill(listener, signal.SIGSTOP)
    try:
        assert "the listener does not answer" in status(box)["alarms"][0]
    finally:
        os.kill(listener, signal.SIGCONT)
    assert status(box)["listener"]
