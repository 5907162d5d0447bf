"""Puts the rules of reach.py in force, and reads which are.

1. Rules are replaced in one step: there is no moment without them.
2. With a configuration that cannot be used, rules that are loaded stay; where none are, nobody reaches anybody.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tavs import config as configuration
from tavs.errors import ConfigError, TavsError
from tavs.host import reach
from tavs.host.home import Home

HOSTS = Path("/etc/hosts")
TIMEOUT_S = 20
DROP_IN = "50-reach.conf"
GENERATED = Path("/run/systemd/generator")


def wanted(home: Home) -> tuple[reach.Reach, ...]:
    """What the configuration says. Raises ConfigError."""
    try:
        text = HOSTS.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    return reach.reach(configuration.load(home).config, reach.known_hosts(text))


def apply(home: Home) -> None:
    """Raises ConfigError, TavsError."""
    try:
        rules = reach.nftables(wanted(home))
    except ConfigError:
        if not loaded():
            _load(reach.nftables(reach.NOBODY))
        raise
    _load(rules)


def loaded() -> str:
    """The mark of the rules in force; empty where there are none. Raises TavsError where nobody can tell."""
    done = _nft("list", "table", *reach.TABLE.split())
    if done.returncode and "No such file" not in done.stderr:
        raise TavsError("the rules of the firewall cannot be read", "run it as root, where nftables is installed")
    return reach.mark(done.stdout)


def write_drop_ins(home: Home, folder: Path) -> None:
    """For systemd.generator(7). Raises ConfigError before anything is written."""
    for each in wanted(home):
        place = folder / f"tavs-{each.program}.service.d"
        place.mkdir(parents=True, exist_ok=True)
        (place / DROP_IN).write_text(reach.drop_in(each), encoding="ascii")


def outdated_drop_ins(home: Home) -> list[str]:
    """Units that systemd knows otherwise than the configuration says. Raises ConfigError."""
    units = {f"tavs-{each.program}.service": reach.drop_in(each) for each in wanted(home)}
    return [unit for unit, text in units.items() if text != _text(GENERATED / f"{unit}.d" / DROP_IN)]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:
        return ""


def _load(rules: str) -> None:
    done = _nft("-f", "-", given=rules)
    if done.returncode:
        raise TavsError(
            "the rules of the firewall are refused",
            "compare `tavs firewall show` with nft(8); the users tavs-listen, tavs-desk and tavs-keep must be there",
        )


def _nft(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    program = shutil.which("nft", path="/usr/sbin:/usr/bin:/sbin")
    if program is None:
        raise TavsError("nft is not installed", "install the package nftables")
    return subprocess.run(
        [program, *arguments], input=given, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
