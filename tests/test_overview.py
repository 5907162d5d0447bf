"""`tavs status`: green means that calls are recorded, and every trouble is an alarm."""

import asyncio
import json
import os
import pty
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from tavs import overview
from tavs.control import State
from tavs.host.clock import RealClock
from tavs.host.control_socket import Control
from tavs.host.home import Home
from tavs.host.units import Unit, parse
from tavs.overview import Overview
from tavs.run import prepare
from tavs.store.database import open_writer
from tavs.watch import draw

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
WELL = State(
    calls=2,
    oldest_call_s=61,
    is_recording=True,
    is_text_live=True,
    is_masking_usable=True,
    speech_workers=1,
    ports_used=4,
    uptime_s=90_000,
    version="0.1.0",
)
UNIT = Unit(
    name="tavs-desk.service", load="loaded", active="active", sub="running", result="success", restarts=0, text=""
)
GREEN = Overview(
    now=NOW,
    listener=WELL,
    kept=None,
    store_trouble="",
    units=(UNIT,),
    certificate_ends=NOW + timedelta(days=400),
    free_bytes=100 << 30,
    is_synchronised=True,
)


def listener(**changed: object) -> Overview:
    return replace(GREEN, listener=msgspec.structs.replace(WELL, **changed))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path / "home")
    prepare(found)
    open_writer(found.database).close()
    return found


def test_a_box_that_works_has_no_alarm() -> None:
    assert [] == list(GREEN.alarms())


@pytest.mark.parametrize(
    ("shown", "alarm"),
    [
        (replace(GREEN, listener=None), "no call is recorded"),
        (listener(is_recording=False), "calls are not recorded"),
        (listener(recordings_failing=1, recordings_failed=1), "1 of 2 calls under way are not recorded"),
        (listener(recordings_failed=3), "3 recordings have failed"),
        (listener(is_masking_usable=False), "no text can be masked"),
        (listener(speech_workers=0), "no speech worker runs"),
        (listener(lag_s=2.5), "2.5 s behind"),
        (listener(relay_waiting=1000), "1000 events wait for the desk"),
        (listener(kernel_drops=7), "dropped 7 packets"),
        (replace(GREEN, units=(replace(UNIT, active="failed"),)), "tavs-desk.service is failed"),
        (replace(GREEN, units=(replace(UNIT, active="inactive", load="not-found"),)), "not installed"),
        (replace(GREEN, units=(replace(UNIT, name="tavs-keep.service", result="exit-code"),)), "last sweep failed"),
        (replace(GREEN, free_bytes=200 << 20), "200 MiB are left"),
        (replace(GREEN, free_bytes=None), "cannot be looked at"),
        (replace(GREEN, store_trouble="there is no database"), "there is no database"),
        (replace(GREEN, certificate_ends=NOW + timedelta(days=29, hours=1)), "ends in 29 days"),
        (replace(GREEN, certificate_ends=NOW - timedelta(days=1)), "has ended"),
    ],
)
def test_every_trouble_is_one_alarm(shown: Overview, alarm: str) -> None:
    [found] = shown.alarms()
    assert alarm in found
    assert f"ALARM  {found}" == next(iter(shown.lines()))
    assert [found] == shown.document()["alarms"]


@pytest.mark.parametrize("state", [None, msgspec.structs.replace(WELL, is_recording=False)])
def test_that_nothing_is_recorded_comes_first(state: State | None) -> None:
    shown = replace(GREEN, listener=state, free_bytes=0, store_trouble="x", units=(replace(UNIT, active="failed"),))
    assert "record" in next(iter(shown.alarms()))


def test_without_a_listener_status_is_never_green(home: Home) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tavs", "status", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TAVS_HOME": str(home.root)},
    )
    document = json.loads(done.stdout)
    assert 1 == done.returncode
    assert document["listener"] is None
    assert "the listener does not answer" in document["alarms"][0]
    assert {"calls", "artifacts", "overdue", "last_sweep", "holds", "reviews_due"} <= document.keys()


def test_a_listener_that_answers_is_shown(home: Home) -> None:
    async def run() -> Overview:
        control = asyncio.create_task(Control(home, lambda: WELL, RealClock()).run())
        while not home.state_socket.exists():
            await asyncio.sleep(0.01)
        shown = await asyncio.to_thread(overview.read, home, RealClock())
        control.cancel()
        return shown

    shown = asyncio.run(run())
    assert WELL == shown.listener
    told = "\n".join(shown.lines())
    assert "2 calls under way, the oldest for 1 min; 4 streams" in told
    assert "clock trusted" in told and "GB free for recordings" in told


def test_without_a_database_the_rest_is_told(tmp_path: Path) -> None:
    shown = overview.read(Home(tmp_path), RealClock())
    assert ["listener", "database"] == [
        next(word for word in ("listener", "database") if word in alarm) for alarm in shown.alarms()
    ]


def test_units_are_read_as_systemd_shows_them() -> None:
    shown = (
        "Id=tavs-listen.service\nLoadState=loaded\nActiveState=active\nSubState=running\nResult=success\nNRestarts=2\n"
        "StatusText=3 calls, 0.0 s behind\n\n"
        "Id=tavs-keep.timer\nLoadState=loaded\nActiveState=active\nSubState=waiting\nResult=success\n"
    )
    listen, timer = parse(shown)
    assert "tavs-listen.service: active (running), started again 2 times: 3 calls, 0.0 s behind" == listen.line()
    assert [None, None] == [listen.trouble(), timer.trouble()]
    assert [] == list(parse("")) == list(parse("nonsense\n\n=\n"))


def test_the_live_view_shows_alarms_above_all_else() -> None:
    console = Console(width=100, height=30, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(draw(listener(is_recording=False)))
    shown = console.export_text()
    assert 0 < shown.index("calls are not recorded") < shown.index("calls under way")


def test_watched_on_a_terminal_it_goes_on_until_q(home: Home) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tavs", "status", "--watch"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TAVS_HOME": str(home.root), "TERM": "xterm", "COLUMNS": "100", "LINES": "30"},
    )
    os.close(theirs)
    shown = b""
    while b"listener does not answer" not in shown:
        shown += os.read(ours, 65536)
    assert process.poll() is None
    time.sleep(0.2)
    os.write(ours, b"q")
    assert 1 == process.wait(10)
    os.close(ours)


def test_watched_without_a_terminal_it_is_told_once(home: Home) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tavs", "status", "--watch"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TAVS_HOME": str(home.root)},
        timeout=30,
    )
    assert 1 == done.returncode
    assert done.stdout.startswith("ALARM  the listener does not answer") and "\x1b" not in done.stdout
