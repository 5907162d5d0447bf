"""The unit files: systemd takes them, and they leave a program as little as they say."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tavs.host.box import folders

PACKAGING = Path(__file__).parents[2] / "packaging"
UNITS = PACKAGING / "systemd"
PROGRAMS = ("listen", "desk", "keep")
EXPOSURE = {"listen": 1.5, "desk": 1.5, "keep": 0.7}


def settings(unit: str) -> dict[str, str]:
    """Of each directive the last value; lists of paths are joined."""
    found: dict[str, str] = {}
    for line in (UNITS / unit).read_text(encoding="utf-8").splitlines():
        name, is_one, value = line.partition("=")
        if is_one and not line.startswith(("#", " ")):
            found[name] = f"{found[name]} {value}" if name.endswith("Paths") and name in found else value
    return found


@pytest.fixture
def analyze(tmp_path: Path) -> Iterator[Path]:
    """The units as a system of their own would have them, so that nothing of this machine is asked."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8").replace("Documentation=man:tavs(8)\n", "")
        (tmp_path / unit.name).write_text(text.replace("/usr/bin/tavs ", "/bin/true "), encoding="utf-8")
    yield tmp_path


def test_systemd_takes_every_unit_without_a_word(analyze: Path) -> None:
    units = [str(path) for path in sorted(analyze.iterdir()) if "@" not in path.name]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "tavs" in line]
    assert [] == ours


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_is_exposed_no_more_than_this(analyze: Path, program: str) -> None:
    threshold = f"--threshold={round(EXPOSURE[program] * 10)}"
    unit = str(analyze / f"tavs-{program}.service")
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", threshold, unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    shown = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert shown is not None, done.stderr
    assert (0, True) == (done.returncode, float(shown[1]) <= EXPOSURE[program])


@pytest.mark.parametrize("program", PROGRAMS)
def test_heard_speech_reaches_neither_swap_nor_a_core_file(program: str) -> None:
    unit = settings(f"tavs-{program}.service")
    assert ("0", "0", "elf-headers") == (unit["LimitCORE"], unit["MemorySwapMax"], unit["CoredumpFilter"])


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_unit_alone_reaches_and_binds_nothing(program: str) -> None:
    unit = settings(f"tavs-{program}.service")
    assert ("any", "any") == (unit["IPAddressDeny"], unit["SocketBindDeny"])
    assert not {"IPAddressAllow", "SocketBindAllow"} & set(unit)


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_can_be_written_cannot_be_executed(program: str) -> None:
    unit = settings(f"tavs-{program}.service")
    no_exec = [Path(each) for each in unit["NoExecPaths"].split()]
    user = f"tavs-{program}"
    table = folders((PACKAGING / "tmpfiles.conf").read_text(encoding="utf-8"))
    own = [each.path for each in table if each.user == user]
    assert own
    assert {Path("/tmp"), Path("/var/tmp"), Path("/dev/shm")} < set(no_exec)
    assert all(any(path.is_relative_to(each) and each != Path("/") for each in no_exec) for path in own)


@pytest.mark.parametrize("program", ["listen", "desk"])
def test_a_bad_configuration_is_not_tried_again_and_a_crash_is(program: str) -> None:
    unit = settings(f"tavs-{program}.service")
    assert ("on-failure", "78") == (unit["Restart"], unit["RestartPreventExitStatus"])
    assert ("notify", "main") == (unit["Type"], unit["NotifyAccess"])
    assert "tavs-failure@%n.service" == unit["OnFailure"]
    assert int(unit["StartLimitBurst"]) > 0


def test_no_two_units_share_a_folder_that_systemd_would_own_anew() -> None:
    for unit in UNITS.glob("*.service"):
        assert not {"StateDirectory", "RuntimeDirectory"} & set(settings(unit.name)), unit.name


def test_every_unit_points_at_the_manual() -> None:
    for unit in UNITS.iterdir():
        assert "man:tavs(8)" == settings(unit.name)["Documentation"], unit.name


def test_every_owner_of_a_folder_is_a_user_that_the_package_makes() -> None:
    made = {"root"} | {
        words[1]
        for line in (PACKAGING / "sysusers.conf").read_text(encoding="utf-8").splitlines()
        if (words := line.split()) and words[0] in "ug"
    }
    table = folders((PACKAGING / "tmpfiles.conf").read_text(encoding="utf-8"))
    assert {"/var/lib/tavs/db", "/run/tavs"} < {str(each.path) for each in table}
    assert {each.user for each in table} | {each.group for each in table} <= made
