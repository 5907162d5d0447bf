"""`tavs run`: all programs under one small supervisor, for a demo, for development, for tests.

1. It does what systemd does on an installed box, by the same protocol: it owns the relay socket, hands it to the desk
   (LISTEN_FDS), waits for READY=1 (NOTIFY_SOCKET), starts again what dies, and kills what stops pinging.
2. A program that leaves with 78 (configuration) is not started again: everything stops with 78.
3. A program that ends by itself with 0 has done its work (Restart=on-failure).
4. It never sees a call: what it can know is what a service manager knows.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from tavs.errors import ConfigError, TavsError, innermost
from tavs.host import certificate, credentials
from tavs.host.clock import RealClock
from tavs.host.home import TEST_HOME_MARK, Home
from tavs.host.journal import Message, say
from tavs.relay import short_path

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
RESTART_PAUSE_S = 0.5
FIRST_SWEEP_S, SWEEP_S = 120.0, 3600.0
"""When what became due is deleted, from the start on."""
WATCHDOG_S = 60
NO_RESTART = 78
"""EX_CONFIG of sysexits.h."""
LOG_LIMIT_BYTES = 4 * 1024 * 1024
"""What is kept of the programs' own lines for a demo to search."""

SHIPPED = (Path("/usr/share/tavs/config/retention.toml"), Path(__file__).parents[2] / "config/retention.toml")
"""The retention policy that a home begins with; without one nothing may be kept or deleted."""

HAND_OVER = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""
"""LISTEN_PID has to be the pid of the program itself, so a first program sets it and becomes the second."""


def prepare(home: Home) -> None:
    """Folders and keys of a development home; what is there stays. An empty home is marked as a test home."""
    fresh = not home.root.exists() or not any(home.root.iterdir())
    for folder in (home.etc / "conf.d", home.database.parent, home.text_keys, home.incoming, home.archive, home.models):
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    home.relay_socket.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    if fresh and not home.root.resolve().is_relative_to("/var/lib"):
        (home.root / TEST_HOME_MARK).touch()
    if not home.retention.exists():
        shutil.copyfile(next(path for path in SHIPPED if path.exists()), home.retention)
    credentials.create(home)
    certificate.create(home, RealClock().now())


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
    log: bytearray = field(default_factory=bytearray)


class Appliance:
    """The programs of one home, started and watched."""

    def __init__(
        self, home: Home, *, listen_arguments: tuple[str, ...] = (), relay_path: Path | None = None, quiet: bool = False
    ) -> None:
        self.home = home
        self._quiet = quiet
        self._relay = _bound(relay_path or home.relay_socket)
        self.desk = Program("desk", ("desk",), hand_over=self._relay)
        self.listen = Program("listen", ("listen", *listen_arguments))

    @property
    def programs(self) -> tuple[Program, Program]:
        return self.desk, self.listen

    def logs(self) -> bytes:
        return b"".join(bytes(program.log) for program in self.programs)

    @property
    def sip_addresses(self) -> tuple[str, ...]:
        """What the listener is bound to, as `tcp:ADDRESS:PORT`."""
        return tuple(self.listen.said.get("X_LISTENING", "").split())

    async def run(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Start everything and keep it running until cancelled. Raises TavsError when a program cannot be started."""
        try:
            async with asyncio.TaskGroup() as group:
                for program in self.programs:
                    group.create_task(self._keep(program), name=program.name)
                for program in self.programs:
                    await program.ready.wait()
                group.create_task(self._sweep(), name="sweep")
                on_ready()
        except BaseExceptionGroup as failures:
            raise innermost(failures) from None
        finally:
            self._relay.close()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Appliance]:
        """The same as a context: ready inside, stopped after it."""
        ready = asyncio.Event()
        task = asyncio.create_task(self.run(ready.set), name="appliance")
        waiting = asyncio.create_task(ready.wait(), name="ready")
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        try:
            if task.done():
                task.result()
            yield self
        finally:
            waiting.cancel()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep(self, program: Program) -> None:
        while True:
            code = await self._once(program)
            if code == 0:
                return
            if code == NO_RESTART:
                raise ConfigError(f"{program.name} cannot use its configuration", "its own message stands above")
            if program.starts == 1 and not program.ready.is_set():
                raise TavsError(
                    f"{program.name} ended before it was ready (exit {code})", "its own message stands above"
                )
            say(Message.PROGRAM_LOST, starts=program.starts, exit_code=code)
            await asyncio.sleep(RESTART_PAUSE_S)

    async def _sweep(self) -> None:
        """What a timer does on an installed box: the third program, once an hour."""
        pause_s = FIRST_SWEEP_S
        while True:
            await asyncio.sleep(pause_s)
            program = Program("sweep", ("sweep",))
            process = await self._start(program, "")
            reader = asyncio.create_task(self._read_log(program, process), name="log sweep")
            try:
                await process.wait()
            finally:
                await _stop(process)
                await reader
            pause_s = SWEEP_S

    async def _once(self, program: Program) -> int:
        program.starts += 1
        address = f"@tavs-{os.getpid()}-{program.name}-{program.starts}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notices:
            notices.bind("\0" + address[1:])
            notices.setblocking(False)
            process = await self._start(program, address)
            program.process = process
            watcher = asyncio.create_task(_watch(program, process, notices), name=f"watch {program.name}")
            reader = asyncio.create_task(self._read_log(program, process), name=f"log {program.name}")
            try:
                return await process.wait()
            finally:
                watcher.cancel()
                await _stop(process)
                await reader

    async def _start(self, program: Program, address: str) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "tavs", *program.arguments]
        environment = {
            **os.environ,
            "TAVS_HOME": str(self.home.root),
            "NOTIFY_SOCKET": address,
            "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000),
        }
        handed: tuple[int, ...] = ()
        if program.hand_over is not None:
            handed = (program.hand_over.fileno(),)
            command = [sys.executable, "-ISc", HAND_OVER, str(handed[0]), *command]
            environment["LISTEN_FDS"] = "1"
        return await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=handed,
        )

    async def _read_log(self, program: Program, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while line := await process.stderr.read(4096):
            program.log += line
            del program.log[:-LOG_LIMIT_BYTES]
            if not self._quiet:
                sys.stderr.buffer.write(line)
                sys.stderr.flush()


async def _watch(program: Program, process: asyncio.subprocess.Process, notices: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    try:
        while True:
            patience_s = WATCHDOG_S if program.ready.is_set() else READY_TIMEOUT_S
            async with asyncio.timeout(patience_s):
                text = (await loop.sock_recv(notices, 4096)).decode()
            for name, _, value in (line.partition("=") for line in text.splitlines()):
                program.said[name] = value
                if name == "READY":
                    program.ready.set()
    except TimeoutError:
        process.kill()


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _bound(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    with short_path(path) as reachable:
        listener.bind(reachable)
    path.chmod(0o660)
    listener.listen(4)
    return listener
