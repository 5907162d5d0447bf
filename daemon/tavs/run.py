"""`tavs run`: all programs under one small supervisor, for a demo, for development, for tests.

1. It does what systemd does on an installed box, by the same protocol: it owns the relay socket, hands it to the desk
   (LISTEN_FDS), waits for READY=1 (NOTIFY_SOCKET), starts again what dies, and kills what stops pinging.
2. A program that leaves with 78 (configuration) is not started again: everything stops with 78.
3. A program that ends by itself with 0 has done its work (Restart=on-failure).
4. It never sees a call: what it can know is what a service manager knows.
5. SIGUSR1 starts the listener anew, as `systemctl restart` does: its calls go on. SIGUSR2 has both programs read their
   configuration again. SIGHUP stays what it is to a program in a terminal.
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
from pathlib import Path

from tavs.errors import ConfigError, TavsError, innermost
from tavs.host import certificate, credentials
from tavs.host.clock import RealClock
from tavs.host.home import TEST_HOME_MARK, Home
from tavs.host.journal import Message, say
from tavs.program import Program, stop
from tavs.relay import short_path

RESTART_PAUSE_S = 0.5
FIRST_SWEEP_S, SWEEP_S = 120.0, 3600.0
"""When what became due is deleted, from the start on."""
NO_RESTART = 78
"""EX_CONFIG of sysexits.h."""
LOG_LIMIT_BYTES = 4 * 1024 * 1024
"""What is kept of the programs' own lines for a demo to search."""

SHIPPED = (Path("/usr/share/tavs/config/retention.toml"), Path(__file__).parents[2] / "config/retention.toml")
"""The retention policy that a home begins with; without one nothing may be kept or deleted."""


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
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self.restart)
        loop.add_signal_handler(signal.SIGUSR2, self.reload)
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
            for program in self.programs:
                program.forget()
            self._relay.close()

    def restart(self) -> None:
        """Start the listener anew; its calls go on."""
        self.listen.is_restarting = True
        self.listen.tell(signal.SIGUSR1)

    def reload(self) -> None:
        """Have the programs read their configuration again."""
        for program in self.programs:
            program.tell(signal.SIGHUP)

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
            if program.is_restarting:
                program.is_restarting = False
                continue
            if code == 0:
                program.forget()
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
            process = await program.start(self.home.root, "")
            reader = asyncio.create_task(self._read_log(program, process), name="log sweep")
            try:
                await process.wait()
            finally:
                await stop(process)
                await reader
            pause_s = SWEEP_S

    async def _once(self, program: Program) -> int:
        program.starts += 1
        address = f"@tavs-{os.getpid()}-{program.name}-{program.starts}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notices:
            notices.bind("\0" + address[1:])
            notices.setblocking(False)
            process = await program.start(self.home.root, address)
            program.process = process
            watcher = asyncio.create_task(program.watch(process, notices), name=f"watch {program.name}")
            reader = asyncio.create_task(self._read_log(program, process), name=f"log {program.name}")
            try:
                return await process.wait()
            finally:
                watcher.cancel()
                await stop(process)
                program.take_all(notices)  # what it said last
                await reader

    async def _read_log(self, program: Program, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while line := await process.stderr.read(4096):
            program.log += line
            del program.log[:-LOG_LIMIT_BYTES]
            if not self._quiet:
                sys.stderr.buffer.write(line)
                sys.stderr.flush()


def _bound(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    with short_path(path) as reachable:
        listener.bind(reachable)
    path.chmod(0o660)
    listener.listen(4)
    return listener
