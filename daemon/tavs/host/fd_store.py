"""Descriptors that outlive this process: the service manager keeps them and hands them to the next start.

That is `FileDescriptorStoreMax=` of systemd (sd_pid_notify_with_fds(3)), and `tavs run`. What is kept survives a
restart and a kill alike, and is closed when the unit is stopped for good. Several descriptors may have one name.
"""

from __future__ import annotations

from collections.abc import Sequence

from tavs.host import systemd

HANDED_AT_ONCE = 253
"""SCM_MAX_FD of the kernel."""


def store(name: str, descriptors: Sequence[int]) -> bool:
    """Have duplicates of descriptors kept under a name (no colon in it); False where nobody keeps them.

    Without FDPOLL=0 the manager would drop a stream whose peer has hung up before we have seen it.
    """
    kept = True
    for first in range(0, len(descriptors), HANDED_AT_ONCE):
        some = descriptors[first : first + HANDED_AT_ONCE]
        kept &= systemd.notify("FDSTORE=1", f"FDNAME={name}", "FDPOLL=0", descriptors=some)
    return kept


def forget(name: str) -> None:
    """Have everything of this name closed."""
    systemd.notify("FDSTOREREMOVE=1", f"FDNAME={name}")
