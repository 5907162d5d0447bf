"""What the packages do when they are installed, upgraded, removed; what Debian thinks of them; that they are the same
bytes wherever they are built."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Package

ROOT = Path(__file__).parents[2]
AUTOMATIC = re.compile(r"# Automatically added by .*?# End automatically added section\n", re.DOTALL)


def script(package: Package, name: str) -> str:
    return (package.control / name).read_text()


def test_users_and_folders_are_there_before_anything_starts(tavs: Package) -> None:
    lines = script(tavs, "postinst")
    assert lines.index("systemd-sysusers") < lines.index("systemd-tmpfiles") < lines.index("deb-systemd-invoke start")


def test_an_upgrade_starts_the_desk_anew_and_then_the_listener_and_nothing_else(tavs: Package) -> None:
    invoked = re.findall(r"deb-systemd-invoke \$_dh_action (.*?) >", script(tavs, "postinst"))
    assert ["'tavs-desk.service'", "'tavs-listen.service'"] == invoked


def test_programs_stop_when_the_package_goes_and_not_when_it_is_replaced(tavs: Package) -> None:
    lines = script(tavs, "prerm")
    stops = re.findall(r"if (.*?) ; then\n\tdeb-systemd-invoke stop (.*?) >", lines)
    assert all('"$1" = remove' in condition for condition, _ in stops)
    stopped = " ".join(units for _, units in stops).replace("'", "").split()
    known = {path.name for path in (ROOT / "packaging/systemd").iterdir() if "@" not in path.name}
    assert known == set(stopped)


def test_scripts_do_little_of_their_own(tavs: Package, models: Package) -> None:
    for package in (tavs, models):
        for path in package.control.glob("p*"):
            own = [line for line in AUTOMATIC.sub("", path.read_text()).splitlines() if line and line[0] != "#"]
            assert len(own) <= 5, path.name
            assert "rm " not in " ".join(own)


def test_a_purge_says_how_what_was_kept_is_ended(tavs: Package) -> None:
    assert "tavs destroy --confirm" in script(tavs, "postrm")


def test_debian_finds_nothing_that_is_not_given_a_reason(tavs: Package, models: Package) -> None:
    if not shutil.which("lintian"):
        pytest.skip("lintian is not installed")
    done = subprocess.run(
        ["lintian", "--allow-root", "--no-cfg", "--fail-on", "error,warning", tavs.deb, models.deb],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (0, "") == (done.returncode, done.stdout)


def test_two_builds_in_different_folders_are_the_same_bytes(tavs: Package, models: Package, tmp_path: Path) -> None:
    if not os.environ.get("TAVS_TEST_REBUILD"):
        pytest.skip("a second build takes minutes (TAVS_TEST_REBUILD=1)")
    subprocess.run([ROOT / "packaging/build.sh", tmp_path / "another place"], cwd=ROOT, check=True)
    for package in (tavs, models):
        assert package.deb.read_bytes() == (tmp_path / "another place" / package.deb.name).read_bytes()
