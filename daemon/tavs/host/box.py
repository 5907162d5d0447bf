"""What `tavs check` looks at on an installed box: users, folders and whose files they hold, keys, the firewall.

The table of folders is the package's own (tmpfiles.d(5)): what is checked is what would be made.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tavs.errors import TavsError
from tavs.finding import Finding, Level
from tavs.host import firewall, reach
from tavs.host.credentials import store
from tavs.host.credstore import OFFERED
from tavs.host.home import Home

USERS = ("tavs-listen", "tavs-desk", "tavs-keep")
TABLE = Path("/usr/lib/tmpfiles.d/tavs.conf")
TPMS = Path("/sys/class/tpmrm")
GROUP_WRITES = stat.S_IRGRP | stat.S_IWGRP


@dataclass(frozen=True, slots=True)
class Folder:
    """A line of the table."""

    path: Path
    mode: int
    user: str
    group: str


def findings(home: Home) -> Iterator[Finding]:
    """Nothing for a home of somebody's."""
    if not home.is_installed:
        return
    missing = [user for user in USERS if not _has_user(user)]
    if missing:
        yield Finding(Level.TROUBLE, f"there is no user {', '.join(missing)}", "systemd-sysusers tavs.conf makes them")
        return
    yield from _folders()
    yield from _files(home)
    yield from _offered(home)
    yield from _tpm()
    yield from _firewall(home)


def folders(table: str) -> list[Folder]:
    """The folders of a tmpfiles.d table.

    >>> folders("# type path mode user group\\nd /var/lib/tavs/db 2770 tavs-desk tavs-desk -")[0].mode == 0o2770
    True
    """
    lines = [line.split() for line in table.splitlines()]
    return [
        Folder(Path(words[1]), int(words[2], 8), words[3], words[4])
        for words in lines
        if len(words) >= 5 and words[0] == "d"
    ]


def _has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _folders() -> Iterator[Finding]:
    try:
        table = folders(TABLE.read_text(encoding="utf-8"))
    except OSError:
        yield Finding(Level.TROUBLE, f"{TABLE} cannot be read", "install the package again")
        return
    wrong = [each for each in table if not _is_as_told(each)]
    for each in wrong:
        yield Finding(
            Level.TROUBLE,
            f"{each.path} is not a folder of {each.user}:{each.group} with mode {each.mode:o}",
            "systemd-tmpfiles --create tavs.conf",
        )
    if not wrong:
        yield Finding(Level.FINE, "every folder has its owner and mode")


def _is_as_told(each: Folder) -> bool:
    try:
        status = each.path.stat()
        return stat.S_ISDIR(status.st_mode) and (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (
            each.mode,
            pwd.getpwnam(each.user).pw_uid,
            grp.getgrnam(each.group).gr_gid,
        )
    except (OSError, KeyError):
        return False


def _files(home: Home) -> Iterator[Finding]:
    """A file that was copied back by hand belongs to root as a rule, and no program can use it."""
    ours = {pwd.getpwnam(user).pw_uid for user in USERS}
    for folder, owner in {
        home.database.parent: "tavs-desk:tavs-desk",
        home.text_keys: "tavs-desk:tavs-desk",
        home.incoming: "tavs-listen:tavs-listen",
        home.archive: "tavs-listen:tavs-listen",
    }.items():
        try:
            foreign = [path for path in folder.iterdir() if not _is_usable(path.lstat(), ours)]
        except OSError:
            yield Finding(Level.NOTE, f"{folder} cannot be read", "run this as root")
            continue
        if foreign:
            yield Finding(
                Level.TROUBLE,
                f"{len(foreign)} files in {folder} cannot be used by the programs, {foreign[0].name} is one",
                f"chown {owner} and chmod ug+rw them",
            )


def _is_usable(status: os.stat_result, ours: set[int]) -> bool:
    return status.st_uid in ours and status.st_mode & GROUP_WRITES == GROUP_WRITES


def _offered(home: Home) -> Iterator[Finding]:
    for name in OFFERED:
        if store(home).path(name).exists() and not (home.offered_keys / name).exists():
            yield Finding(
                Level.TROUBLE,
                f"the programs run without the key {name}",
                "see whether it opens (`tavs keys status`), then restart tavs-keys.service and tavs.target",
            )


def _tpm() -> Iterator[Finding]:
    if not any(TPMS.glob("*")):
        yield Finding(
            Level.NOTE,
            "this machine has no TPM 2.0: its disk alone opens its keys",
            "encrypt the disk, or give the machine a TPM, encrypt the keys anew and destroy the old files",
        )


def _firewall(home: Home) -> Iterator[Finding]:
    try:
        wanted = firewall.wanted(home)
        is_in_force = firewall.loaded() == reach.mark(reach.nftables(wanted))
        outdated = firewall.outdated_drop_ins(home)
    except TavsError as error:
        yield Finding(Level.TROUBLE, error.message, error.hint)
        return
    if is_in_force:
        yield Finding(Level.FINE, "the rules of the firewall are those of the configuration")
    else:
        yield Finding(
            Level.TROUBLE,
            "the rules of the firewall are not those of the configuration",
            "systemctl reload-or-restart tavs-firewall",
        )
    if outdated:
        yield Finding(
            Level.TROUBLE,
            f"systemd holds {', '.join(outdated)} to another configuration",
            "systemctl daemon-reload, then restart tavs.target",
        )
    for port in reach.privileged(wanted):
        yield Finding(
            Level.TROUBLE, f"port {port} is for root, whom no program runs as", "choose one above 1023, or redirect it"
        )
