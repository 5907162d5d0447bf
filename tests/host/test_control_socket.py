"""The listener is asked how it is: by a closed list of verbs, by those who may, and never at a call's cost."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.control import Answer, State, parse_answer, parse_request, serialize
from tavs.errors import PeerError
from tavs.host import control_socket
from tavs.host.clock import SimulatedClock
from tavs.host.control_socket import CLIENTS, OVERFLOW_UID, Control, ask, may_administer
from tavs.host.home import Home
from tavs.relay import short_path

STATE = State(calls=3, oldest_call_s=61.5, is_recording=True, version="0.1.0")


@asynccontextmanager
async def listener(home: Home, states: list[State]) -> AsyncIterator[SimulatedClock]:
    clock = SimulatedClock(datetime(2026, 3, 20, tzinfo=UTC))
    control = asyncio.create_task(Control(home, lambda: states.pop(0), clock).run())
    while not home.state_socket.exists() and not control.done():
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.02)
    yield clock
    control.cancel()
    with pytest.raises(asyncio.CancelledError):
        await control


async def sent(path: Path, request: bytes) -> bytes:
    with short_path(path) as reachable:
        reader, writer = await asyncio.open_unix_connection(reachable)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


def test_both_sockets_tell_how_the_listener_is(tmp_path: Path) -> None:
    home = Home(tmp_path)

    async def run() -> None:
        async with listener(home, [STATE]):
            assert STATE == await asyncio.to_thread(ask, home.control_socket)
            assert STATE == await asyncio.to_thread(ask, home.state_socket)
            assert 0o660 == stat.S_IMODE(home.control_socket.stat().st_mode)

    asyncio.run(run())
    assert ask(home.control_socket) is None


def test_what_was_counted_just_now_is_told_again_and_later_counted_anew(tmp_path: Path) -> None:
    home = Home(tmp_path)

    async def run() -> None:
        async with listener(home, [State(calls=1), State(calls=2)]) as clock:
            told = [await asyncio.to_thread(ask, home.state_socket) for _ in range(2)]
            clock.advance(1)
            told.append(await asyncio.to_thread(ask, home.state_socket))
            assert [1, 1, 2] == [each.calls for each in told if each]

    asyncio.run(run())


@pytest.mark.parametrize(
    "request_line",
    [
        b"",
        b"\n",
        b"status\n",
        b'{"verb": "stop"}\n',
        b'{"verb": "status", "call": "x"}\n',
        b"[" * 4000 + b"\n",
        b"\xff\n",
    ],
)
def test_what_is_not_on_the_list_is_refused_in_a_sentence(tmp_path: Path, request_line: bytes) -> None:
    home = Home(tmp_path)

    async def run() -> None:
        async with listener(home, [STATE]):
            if answer := await sent(home.control_socket, request_line or b"\n"):
                assert {"error"} == set(json.loads(answer))
            assert STATE == await asyncio.to_thread(ask, home.control_socket)

    asyncio.run(run())


def test_a_line_without_an_end_is_not_read_for_ever(tmp_path: Path) -> None:
    home = Home(tmp_path)

    async def run() -> None:
        async with listener(home, [STATE]):
            with pytest.raises((ConnectionError, BrokenPipeError)):
                for _ in range(100):
                    assert b"" == await sent(home.control_socket, b"x" * 100_000)
                raise ConnectionError
            assert STATE == await asyncio.to_thread(ask, home.control_socket)

    asyncio.run(run())


def test_clients_that_ask_nothing_are_bounded_and_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    monkeypatch.setattr(control_socket, "PATIENCE_S", 0.3)

    async def run() -> None:
        async with listener(home, [STATE]):
            idle = []
            with short_path(home.control_socket) as reachable:
                for _ in range(CLIENTS):
                    each = socket.socket(socket.AF_UNIX)
                    each.connect(reachable)
                    idle.append(each)
            await asyncio.sleep(0.05)
            assert await asyncio.to_thread(ask, home.control_socket) is None
            await asyncio.sleep(0.5)
            assert STATE == await asyncio.to_thread(ask, home.control_socket)
            for each in idle:
                each.close()

    asyncio.run(run())


def test_a_socket_that_cannot_be_made_is_said_and_costs_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run/tavs").mkdir(parents=True)
    (tmp_path / "run/tavs/listen").touch()

    async def run() -> None:
        control = Control(Home(tmp_path), lambda: STATE, SimulatedClock(datetime(2026, 3, 20, tzinfo=UTC)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(control.run(), 0.1)

    asyncio.run(run())
    assert "control-unusable" in capsys.readouterr().err


@pytest.mark.parametrize(("uid", "may"), [(0, True), (990, True), (1001, True), (1002, False), (OVERFLOW_UID, True)])
def test_root_itself_and_administrators_may_ask_and_nobody_else(uid: int, may: bool) -> None:
    assert may is may_administer(uid, 990, lambda uid: uid == 1001)


def test_a_stranger_is_told_to_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    monkeypatch.setattr(control_socket, "_peer_uid", lambda _: 54321)

    async def run() -> None:
        async with listener(home, [STATE]):
            assert b"tavs-admin" in await sent(home.control_socket, b'{"verb":"status"}\n')
            assert STATE == await asyncio.to_thread(ask, home.state_socket)

    asyncio.run(run())


def test_the_kernel_says_who_has_connected() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert os.geteuid() == control_socket._peer_uid(ours)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_parsers(data: bytes) -> None:
    for parse in (parse_request, parse_answer):
        try:
            parse(data)
        except PeerError as error:
            assert data.decode(errors="replace") not in error.message or len(data) < 30


def test_an_answer_comes_back_as_it_was(  # and an older listener's answer is still understood
) -> None:
    assert Answer(state=STATE) == parse_answer(serialize(Answer(state=STATE)))
    assert State(calls=1) == parse_answer(b'{"state":{"calls":1,"new":2}}').state
