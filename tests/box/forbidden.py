"""Twelve acts that no program of Tavs may do, tried from where this runs; one JSON object says which were refused.

    forbidden.py --data FOLDER --foreign FILE --host ADDRESS:PORT

Standard library only: it runs under the system's Python in a copy of each unit. An act counts as refused by an error
that means a refusal, and by no other: a file that is not there refuses nothing. The host has to be one that answers. As root
and outside of any unit nothing is refused: that is the positive control. What succeeds is undone.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import json
import os
import platform
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

REFUSALS = {
    errno.EPERM, errno.EACCES, errno.EROFS, errno.EAFNOSUPPORT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT,
}  # fmt: skip
PTRACE_ATTACH, PTRACE_DETACH = 16, 17
CLONE_NEWUSER = 0x10000000
INIT_MODULE = {"x86_64": 175, "aarch64": 105}[platform.machine()]
SEND_TIMEOUT_S = 3.0

LIBC = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """Raises OSError where the system refuses."""
    if getattr(LIBC, name)(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def write_to_the_system() -> None:
    path = Path("/etc/tavs/forbidden")
    path.write_text("")
    path.unlink()


def trace_a_process() -> None:
    child = subprocess.Popen(["/usr/bin/python3.11", "-c", "import time; time.sleep(20)"])
    try:
        call("ptrace", PTRACE_ATTACH, child.pid, 0, 0)
        os.waitpid(child.pid, os.WUNTRACED)
        call("ptrace", PTRACE_DETACH, child.pid, 0, 0)
    finally:
        child.kill()
        child.wait()


def open_a_foreign_socket() -> None:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE).close()


def open_a_raw_socket() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()


def execute_from(data: Path) -> None:
    program = data / "forbidden"
    program.write_text("#!/bin/sh\nexit 0\n")
    try:
        program.chmod(stat.S_IRWXU)
        subprocess.run([str(program)], check=False)
    finally:
        program.unlink()


def read(foreign: Path) -> None:
    with foreign.open("rb") as file:
        file.read(1)


def set_the_clock() -> None:
    time.clock_settime_ns(time.CLOCK_REALTIME, time.time_ns())


def mount_over(data: Path) -> None:
    call("mount", b"none", bytes(data), b"tmpfs", 0, None)
    call("umount2", bytes(data), 0)


def make_a_namespace() -> None:
    """In a child: it could not be left again."""
    pid = os.fork()
    if pid == 0:
        os._exit(0 if LIBC.unshare(CLONE_NEWUSER) == 0 else min(ctypes.get_errno(), 255))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise OSError(code, os.strerror(code))


def load_a_module() -> None:
    """An empty one: whoever may load modules is told that it is none."""
    try:
        call("syscall", INIT_MODULE, b"", 0, b"")
    except OSError as error:
        if error.errno not in (errno.ENOEXEC, errno.EFAULT, errno.EINVAL):
            raise


def bind_a_low_port() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        server.bind(("0.0.0.0", 81))


def send_to(host: str, port: int) -> None:
    """By UDP and by TCP; the first that goes out is enough. A host that answers with a refusal was reached; one that does
    not answer here, and does elsewhere, was not.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        try:
            sender.connect((host, port))
            sender.send(b"forbidden")
            time.sleep(0.2)
            sender.send(b"forbidden")
            return
        except ConnectionRefusedError:
            return
        except OSError as error:
            if error.errno not in REFUSALS:
                raise
    try:
        socket.create_connection((host, port), timeout=SEND_TIMEOUT_S).close()
    except TimeoutError:
        raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from None


def told(act: Callable[[], None]) -> dict[str, object]:
    try:
        act()
    except OSError as error:
        number = error.errno or 0
        return {"refused": number in REFUSALS, "how": errno.errorcode.get(number, type(error).__name__)}
    return {"refused": False, "how": "done"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True, help="a folder that the unit may write")
    parser.add_argument("--foreign", type=Path, required=True, help="a file of another unit, which is there")
    parser.add_argument("--host", required=True, help="ADDRESS:PORT that the configuration does not name")
    given = parser.parse_args()
    address, _, port = given.host.rpartition(":")
    acts: dict[str, Callable[[], None]] = {
        "write to the system": write_to_the_system,
        "trace a process": trace_a_process,
        "open a foreign socket": open_a_foreign_socket,
        "open a raw socket": open_a_raw_socket,
        "execute from the data folder": lambda: execute_from(given.data),
        "read another unit's file": lambda: read(given.foreign),
        "set the clock": set_the_clock,
        "mount": lambda: mount_over(given.data),
        "make a namespace": make_a_namespace,
        "load a module": load_a_module,
        "bind a low port": bind_a_low_port,
        "send to an unlisted host": lambda: send_to(address, int(port)),
    }
    json.dump({name: told(act) for name, act in acts.items()}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
