"""What is given to the service manager to keep, over a real socket and with `tavs run`'s own end of it."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tavs.host import fd_store, systemd
from tavs.program import HAND_OVER, KEPT_LIMIT, Program


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(f"\0tavs-store-{os.getpid()}")
        notices.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@tavs-store-{os.getpid()}")
        yield notices


def same(one: int, other: int) -> bool:
    return os.path.sameopenfile(one, other)


def test_what_is_stored_is_kept_under_its_name_until_it_is_forgotten(manager: socket.socket) -> None:
    program = Program("listen", ("listen",))
    with socket.socket() as one, socket.socket() as other:
        assert fd_store.store("call-1", [one.fileno(), other.fileno()])
        assert fd_store.store("sip", [one.fileno()])
        assert program.take_all(manager)
        assert ["call-1", "call-1", "sip"] == [name for name, _ in program.kept]
        assert [True, True, True] == [
            same(kept, its.fileno()) for (_, kept), its in zip(program.kept, (one, other, one), strict=True)
        ]
        fd_store.forget("call-1")
        program.take_all(manager)
        assert ["sip"] == [name for name, _ in program.kept]
    program.forget()
    assert [] == program.kept


def test_a_message_asks_systemd_to_keep_and_not_to_watch(manager: socket.socket) -> None:
    with socket.socket() as one:
        fd_store.store("sip", [one.fileno()])
        data, descriptors, _, _ = socket.recv_fds(manager, 4096, 8)
    assert b"FDSTORE=1\nFDNAME=sip\nFDPOLL=0" == data
    assert 1 == len(descriptors)
    os.close(descriptors[0])


def test_where_nobody_keeps_anything_the_program_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not fd_store.store("sip", [0])
    monkeypatch.setenv("NOTIFY_SOCKET", "@tavs-nobody-is-here")
    assert not fd_store.store("sip", [0])
    fd_store.forget("sip")


def test_more_than_is_kept_is_closed_and_not_leaked(manager: socket.socket) -> None:
    program = Program("listen", ("listen",))
    before = len(list(Path("/proc/self/fd").iterdir()))
    program.kept = [("old", -1)] * KEPT_LIMIT
    fd_store.store("one too many", [0])
    program.take_all(manager)
    assert KEPT_LIMIT == len(program.kept)
    assert before == len(list(Path("/proc/self/fd").iterdir()))


def test_a_program_finds_what_it_is_handed_in_order_and_by_name() -> None:
    script = (
        "import os; from tavs.host import systemd;"
        "print([(name, os.readlink(f'/proc/self/fd/{fd}')) for name, fd in systemd.handed()], len(os.listdir('/proc/self/fd')))"
    )
    kept = [os.memfd_create(name) for name in ("a", "b", "c", "d")]
    environment = {**os.environ, "LISTEN_FDS": "4", "LISTEN_FDNAMES": "relay:sip:call-1:call-1"}
    done = subprocess.run(
        [sys.executable, "-ISc", HAND_OVER, ",".join(map(str, kept)), sys.executable, "-c", script],
        pass_fds=kept, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = [("relay", "a"), ("sip", "b"), ("call-1", "c"), ("call-1", "d")]
    assert f"{[(name, f'/memfd:{file} (deleted)') for name, file in names]} 8\n" == done.stdout
    for each in kept:
        os.close(each)


def test_without_names_and_for_another_process_nothing_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "2")
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() + 1))
    assert [] == systemd.handed()


def test_a_program_that_says_nothing_is_killed_and_its_last_words_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tavs.program.READY_TIMEOUT_S", 0.2)
    program = Program("listen", ())

    async def watched() -> int:
        process = await asyncio.create_subprocess_exec("sleep", "60")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as notices:
            notices.bind(str(tmp_path / "notices"))
            await program.watch(process, notices)
        return await process.wait()

    assert -9 == asyncio.run(watched())
