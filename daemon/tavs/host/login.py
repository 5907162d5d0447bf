"""Who acts: the login that stands behind a command, also behind sudo. Rights are exercised by a named person."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

UNSET = 2**32 - 1
"""What the kernel shows for a process that no login began (audit(7))."""
LOGIN_UID = Path("/proc/self/loginuid")


def login() -> str:
    """The login name by the kernel's audit uid, else by sudo, else of the process's own user."""
    try:
        uid = int(LOGIN_UID.read_text(encoding="ascii"))
    except (OSError, ValueError):
        uid = UNSET
    if uid == UNSET:
        uid = int(os.environ.get("SUDO_UID", os.getuid()))
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid{uid}"
