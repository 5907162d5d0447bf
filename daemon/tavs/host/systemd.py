"""The service manager's protocol: readiness, status, watchdog (sd_notify(3)), handed-over sockets (sd_listen_fds(3)).

`tavs run` speaks the other end of the same protocol, so a program never knows which of the two started it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

FIRST_FD = 3
"""SD_LISTEN_FDS_START."""
SEND_TIMEOUT_S = 0.5
"""A service manager that does not read must not hold up calls for longer."""


def notify(*assignments: str, descriptors: Sequence[int] = ()) -> bool:
    """Send `READY=1`, `STATUS=…` and the like; whether it was said: False where no service manager listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.settimeout(SEND_TIMEOUT_S)
        message = "\n".join(assignments).encode()
        try:
            sender.connect("\0" + address[1:] if address.startswith("@") else address)
            if descriptors:
                socket.send_fds(sender, [message], list(descriptors))
            else:
                sender.sendall(message)
        except OSError:
            return False
    return True


def status(line: str) -> None:
    """One line for people (`systemctl status`)."""
    notify(f"STATUS={' '.join(line.split())}")


def handed() -> list[tuple[str, int]]:
    """The descriptors handed over at start, with their names (`LISTEN_FDNAMES`); empty when there are none."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    found = []
    for place in range(count):
        os.set_inheritable(FIRST_FD + place, False)
        found.append((names[place] if place < len(names) else "", FIRST_FD + place))
    return found


def listen_sockets() -> list[socket.socket]:
    """The sockets handed over at start, in the order of the socket unit; empty when there are none."""
    return [socket.socket(fileno=descriptor) for _, descriptor in handed()]


def watchdog_interval_s() -> float | None:
    """Half of what the service manager waits; None where it does not watch this process."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    interval_us = int(os.environ.get("WATCHDOG_USEC", "0"))
    return interval_us / 2_000_000 if interval_us else None


class Watchdog:
    """Pings only while every stage has made progress since the last ping: a stuck stage is a stuck program."""

    def __init__(self, stages: tuple[str, ...]) -> None:
        self._silent = set(stages)
        self._stages = stages

    def progress(self, stage: str) -> None:
        self._silent.discard(stage)

    def ping(self) -> bool:
        """Send the ping if it is deserved and begin a new round; says whether it was."""
        if self._silent:
            return False
        notify("WATCHDOG=1")
        self._silent = set(self._stages)
        return True
