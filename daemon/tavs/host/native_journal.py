"""journald's own protocol: an entry is one datagram of `KEY=value` lines (systemd, docs/JOURNAL_NATIVE_PROTOCOL.md).

1. Only where stderr is the journal, as `$JOURNAL_STREAM` says (systemd.exec(5)): else somebody reads stderr.
2. A journal that does not keep up costs the entry, never the time of who wrote it.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping

ADDRESS = "/run/systemd/journal/socket"
IDENTIFIER = "tavs"
PREFIX = "TAVS_"


def is_stderr() -> bool:
    """Whether what is written to stderr ends in the journal."""
    stream = os.environ.get("JOURNAL_STREAM", "")
    if not stream:
        return False
    status = os.fstat(2)
    return stream == f"{status.st_dev}:{status.st_ino}"


def entry(text: str, message_id: str, priority: int, fields: Mapping[str, str]) -> bytes:
    """
    >>> print(entry("call-ended", "00" * 16, 6, {"reason": "bye"}).decode(), end="")
    MESSAGE=call ended: reason=bye
    MESSAGE_ID=00000000000000000000000000000000
    PRIORITY=6
    SYSLOG_IDENTIFIER=tavs
    TAVS_MESSAGE=call-ended
    TAVS_REASON=bye
    """
    told = ", ".join(f"{name}={value}" for name, value in fields.items())
    words = text.replace("-", " ")
    lines = {
        "MESSAGE": f"{words}: {told}" if told else words,
        "MESSAGE_ID": message_id,
        "PRIORITY": str(priority),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
        f"{PREFIX}MESSAGE": text,
        **{PREFIX + name.upper(): value for name, value in fields.items()},
    }
    return "".join(f"{key}={value}\n" for key, value in lines.items()).encode()


def send(text: str, message_id: str, priority: int, fields: Mapping[str, str]) -> None:
    """By rule 2; where there is no socket of the journal, a line on stderr as sd-daemon(3) has it."""
    datagram = entry(text, message_id, priority, fields)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as sender:
        try:
            sender.sendto(datagram, ADDRESS)
        except BlockingIOError:
            return
        except OSError:
            print(f"<{priority}>{datagram.decode().partition(chr(10))[0].removeprefix('MESSAGE=')}", file=sys.stderr)
