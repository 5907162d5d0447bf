"""One program under `tavs run`, and the service manager's end of what it says (sd_notify(3)) and is handed.

1. It gets its descriptors from 3 on, with their names, as sd_listen_fds(3) says: a socket that is always handed over,
   and what it has had kept (FDSTORE=1).
2. What is kept survives a kill and a restart of the program, and is closed when it has ended for good.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
WATCHDOG_S = 60
NOTICE_BYTES = 4096
FDS_A_NOTICE = 253
"""SCM_MAX_FD of the kernel."""
KEPT_LIMIT = 512
"""Descriptors kept for a program: a demo's and a test's calls, with the usual limit of 1024 open files in mind."""

HAND_OVER = """\
import fcntl, os, sys
given = [int(each) for each in sys.argv[1].split(",")]
end = 3 + len(given)
for place, copy in enumerate([fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, end) for each in given], 3):
    os.dup2(copy, place)
for each in given:
    if each >= end:
        os.set_inheritable(each, False)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""
"""LISTEN_PID has to be the pid of the program itself, so a first program sets it and becomes the second."""


@dataclass(slots=True)
class Program:
    """One child and what it has told its service manager."""

    name: str
    arguments: tuple[str, ...]
    hand_over: socket.socket | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    said: dict[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None
    starts: int = 0
    is_restarting: bool = False
    log: bytearray = field(default_factory=bytearray)
    kept: list[tuple[str, int]] = field(default_factory=list)
    """Names and descriptors, in the order they came."""

    async def start(self, root: Path, address: str) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "tavs", *self.arguments]
        environment = {
            **os.environ,
            "TAVS_HOME": str(root),
            "NOTIFY_SOCKET": address,
            "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000),
        }
        always = [(self.name, self.hand_over.fileno())] if self.hand_over else []
        handed = [*always, *self.kept]
        if handed:
            descriptors = ",".join(str(descriptor) for _, descriptor in handed)
            command = [sys.executable, "-ISc", HAND_OVER, descriptors, *command]
            environment |= {"LISTEN_FDS": str(len(handed)), "LISTEN_FDNAMES": ":".join(name for name, _ in handed)}
        return await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=tuple(descriptor for _, descriptor in handed),
        )

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to the program that runs; none to one that does not."""
        if self.process and self.process.returncode is None:
            self.process.send_signal(number)

    def take(self, notice: str, descriptors: Iterable[int] = ()) -> None:
        """Follow one message of the program."""
        said = dict(line.partition("=")[::2] for line in notice.splitlines())
        name = said.get("FDNAME", "stored")
        if said.get("FDSTORE") == "1" and len(self.kept) < KEPT_LIMIT:
            self.kept += [(name, each) for each in descriptors]
        else:
            _close(descriptors)
        if said.get("FDSTOREREMOVE") == "1":
            _close(descriptor for each, descriptor in self.kept if each == name)
            self.kept = [each for each in self.kept if each[0] != name]
        self.said |= said
        if "READY" in said:
            self.ready.set()

    def take_all(self, notices: socket.socket) -> bool:
        """Follow every message that waits; says whether there was one."""
        found = False
        while True:
            try:
                notice, descriptors, _, _ = socket.recv_fds(
                    notices, NOTICE_BYTES, FDS_A_NOTICE, socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                return found
            found = True
            self.take(notice.decode(errors="replace"), descriptors)

    def forget(self) -> None:
        """The program has ended for good."""
        _close(descriptor for _, descriptor in self.kept)
        self.kept = []

    async def watch(self, process: asyncio.subprocess.Process, notices: socket.socket) -> None:
        """Follow what it says, and kill it when it says nothing for too long."""
        try:
            while True:
                async with asyncio.timeout(WATCHDOG_S if self.ready.is_set() else READY_TIMEOUT_S):
                    await _readable(notices)
                self.take_all(notices)
        except TimeoutError:
            process.kill()


async def stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _readable(source: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(source, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(source)


def _close(descriptors: Iterable[int]) -> None:
    for each in descriptors:
        os.close(each)
