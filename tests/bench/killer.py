"""Kills a process at its n-th change of a folder: before the kernel has made it, or in the middle of a write.

The child is a fork that lets every system call which changes files wait for its parent (seccomp's user notification):
no sleeping, no tracer, and what SQLite does by itself is seen as well. x86-64 and Linux 5.5 or later.

1. A change is one of CHANGES; a write or a sync counts where its file lies below the folder. All else goes on.
2. The child dies before change n. With `torn`, that part of the bytes of a write is in the file then.
3. What the child told of before it died is known: that is what it had promised.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

OPENING = {2: ("open", 1), 257: ("openat", 2)}
"""Number of the system call: its name, and which argument holds the flags."""
WRITING = {1: "write", 18: "pwrite64"}
BY_DESCRIPTOR = {
    **WRITING, 20: "writev", 296: "pwritev", 40: "sendfile", 326: "copy_file_range", 74: "fsync", 75: "fdatasync",
    77: "ftruncate", 285: "fallocate", 306: "syncfs", 91: "fchmod",
}  # fmt: skip
BY_NAME = {
    82: "rename", 264: "renameat", 316: "renameat2", 87: "unlink", 263: "unlinkat", 86: "link", 265: "linkat",
    76: "truncate", 83: "mkdir", 84: "rmdir", 90: "chmod",
}  # fmt: skip
CHANGES = sorted((*OPENING, *BY_DESCRIPTOR, *BY_NAME))
CHANGING_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

_LIBC = ctypes.CDLL(None, use_errno=True)
_AUDIT_ARCH_X86_64 = 0xC000003E
_PR_SET_NO_NEW_PRIVS, _SYS_SECCOMP = 38, 317
_SET_MODE_FILTER, _NEW_LISTENER = 1, 1 << 3
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
"""SECCOMP_IOCTL_NOTIF_RECV and _SEND."""
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
"""id, pid, flags; number, architecture, instruction, arguments."""
_GO_ON = 1

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ended:
    changes: tuple[str, ...]
    """Names of the system calls that changed something, the one it died of among them."""
    is_killed: bool
    told: tuple[str, ...]
    failure: str
    """What the child raised; empty where it did not."""


@dataclass(frozen=True, slots=True)
class _Call:
    identity: int
    number: int
    arguments: tuple[int, ...]


def is_able() -> bool:
    """Whether this machine lets a parent hold up the system calls of its child."""
    return platform.system() == "Linux" and platform.machine() == "x86_64" and not run(_nothing, Path("/")).failure


def run(work: Callable[[Tell], None], folder: Path, kill_at: int = 0, torn: float | None = None) -> Ended:
    """Do `work` in a process of its own, and kill it at its change number `kill_at`, counted from 1; 0 for never."""
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _live(work, theirs, writing)
    theirs.close()
    os.close(writing)
    _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
    ours.close()
    changes: list[str] = []
    for listener in descriptors:
        changes = _watch(child, listener, str(folder.resolve()), kill_at, torn)
        os.close(listener)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        said = [line.decode() for line in pipe.read().split(b"\0") if line]
    return Ended(
        changes=tuple(changes),
        is_killed=os.WIFSIGNALED(status),
        told=tuple(line for line in said if not line.startswith("!")),
        failure="".join(line[1:] for line in said if line.startswith("!")),
    )


def _nothing(_: Tell) -> None:
    pass


def _live(work: Callable[[Tell], None], parent: socket.socket, pipe: int) -> NoReturn:
    try:
        listener = _held_up()
        socket.send_fds(parent, [b"."], [listener])
        os.close(listener)
        parent.close()
        work(lambda line: _say(pipe, line))
    except BaseException:  # noqa: BLE001 - whatever it was, the parent has to hear of it
        _say(pipe, f"!{traceback.format_exc()}")
        os._exit(1)
    os._exit(0)


def _say(pipe: int, line: str) -> None:
    os.write(pipe, line.encode() + b"\0")


def _held_up() -> int:
    """From here on the changes of this process wait for whoever holds the descriptor."""
    code = [(0x20, 0, 0, 4), (0x15, 0, len(CHANGES) + 1, _AUDIT_ARCH_X86_64), (0x20, 0, 0, 0)]
    code += [(0x15, len(CHANGES) - place, 0, number) for place, number in enumerate(CHANGES)]
    code += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x7FC00000)]  # allow; ask
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in code))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(code), ctypes.addressof(instructions)))
    if _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        listener = int(_LIBC.syscall(_SYS_SECCOMP, _SET_MODE_FILTER, _NEW_LISTENER, program))
        if listener >= 0:
            return listener
    raise OSError(ctypes.get_errno(), "the kernel does not hold up system calls")


def _watch(child: int, listener: int, folder: str, kill_at: int, torn: float | None) -> list[str]:
    changes: list[str] = []
    ready = select.poll()
    ready.register(listener, select.POLLIN)
    while True:
        if any(event & select.POLLHUP for _, event in ready.poll()):
            return changes
        notification = bytearray(_NOTIFICATION.size)
        fcntl.ioctl(listener, _RECEIVE, notification)
        identity, _, _, number, _, _, *arguments = _NOTIFICATION.unpack(notification)
        call = _Call(identity, number, tuple(arguments))
        if name := _change(child, call, folder):
            changes.append(name)
            if len(changes) == kill_at:
                if torn is not None and call.number in WRITING:
                    _tear(child, call, torn)
                os.kill(child, signal.SIGKILL)
                return changes
        fcntl.ioctl(listener, _SEND, bytearray(struct.pack("=QqiI", identity, 0, 0, _GO_ON)))


def _change(child: int, call: _Call, folder: str) -> str | None:
    """The name of a change; None for what changes nothing of ours."""
    if call.number in OPENING:
        name, flags = OPENING[call.number]
        return name if call.arguments[flags] & CHANGING_FLAGS else None
    if call.number in BY_NAME:
        return BY_NAME[call.number]
    target = Path(f"/proc/{child}/fd/{call.arguments[0] & 0xFFFFFFFF}").readlink()
    return BY_DESCRIPTOR[call.number] if target.is_relative_to(folder) else None


def _tear(child: int, call: _Call, part: float) -> None:
    """Write the first part of what the child wanted to write."""
    descriptor, address, count = call.arguments[:3]
    with open(f"/proc/{child}/mem", "rb", buffering=0) as memory:  # noqa: PTH123 - Path.open does not seek this far
        memory.seek(address)
        content = memory.read(int(count * part))
    if WRITING[call.number] == "pwrite64":
        place = call.arguments[3]
    else:
        lines = Path(f"/proc/{child}/fdinfo/{descriptor}").read_text(encoding="ascii").splitlines()
        place = int(lines[0].removeprefix("pos:"))
    file = os.open(f"/proc/{child}/fd/{descriptor}", os.O_WRONLY)
    try:
        os.pwrite(file, content, place)
    finally:
        os.close(file)
