"""What an operator forgets is found, each with a remedy; a machine as it should be gives no trouble."""

import os
import socket
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from tavs.backup import note
from tavs.checks import machine, running, upkeep
from tavs.config import Config, Intake, Siprec, Site
from tavs.control import State
from tavs.finding import Finding, Level
from tavs.host.clock import SimulatedClock
from tavs.host.home import Home
from tavs.host.version import version

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
CLOCK = SimulatedClock(NOW)
STATE = State(calls=1, is_recording=True, version=version(), configured_s=60, uptime_s=60)
FINE = "37 1 8:1 / / rw,noatime - ext4 /dev/sda1 rw\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path / "home")
    found.incoming.mkdir(parents=True)
    found.database.parent.mkdir(parents=True)
    (found.etc / "conf.d").mkdir(parents=True)
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine as it should be."""
    found = tmp_path / "machine"
    for path, text in {
        "proc/self/mountinfo": FINE,
        "proc/swaps": "Filename Type Size Used Priority\n",
        "proc/sys/kernel/core_pattern": "core\n",
    }.items():
        (found / path).parent.mkdir(parents=True, exist_ok=True)
        (found / path).write_text(text)
    return found


def told(found: Iterable[Finding]) -> str:
    """Every finding that is not fine; each has a remedy."""
    wrong = [each for each in found if each.level is not Level.FINE]
    assert all(each.remedy for each in wrong)
    return "\n".join(each.line() for each in wrong)


def of_machine(home: Home, root: Path, config: Config = Config()) -> str:  # noqa: B008
    clock = SimulatedClock(NOW)
    clock.set(NOW, is_synchronised=True)
    return told(machine.findings(home, config, clock, root))


def test_a_machine_as_it_should_be_gives_no_trouble(home: Home, root: Path) -> None:
    assert "" == of_machine(home, root)


@pytest.mark.parametrize(
    ("file", "text", "finding"),
    [
        ("proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 8 0 -2\n", "swap (/dev/sda2)"),
        ("proc/sys/kernel/core_pattern", "|/usr/share/apport/apport %p\n", "handed to another program"),
        ("proc/self/mountinfo", "37 1 8:1 / / rw - tmpfs tmpfs rw\n", "recordings lie on tmpfs"),
        ("proc/self/mountinfo", "37 1 8:1 / / rw - nfs4 box:/x rw\n", "across a network"),
        ("proc/self/mountinfo", "37 1 8:1 / / ro,noatime - ext4 /dev/sda1 ro\n", "read-only"),
        ("var/lib/systemd/coredump/core.tavs.1.zst", "x", "1 dumps of our programs"),
    ],
)
def test_what_may_write_memory_away_or_lose_recordings_is_found(
    home: Home, root: Path, file: str, text: str, finding: str
) -> None:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(text)
    assert finding in of_machine(home, root)


def test_swap_in_memory_and_the_dumps_of_systemd_are_no_finding(home: Home, root: Path) -> None:
    (root / "proc/swaps").write_text("Filename Type\n/dev/zram0 partition\n")
    (root / "proc/sys/kernel/core_pattern").write_text("|/usr/lib/systemd/systemd-coredump %P\n")
    assert "" == of_machine(home, root)


def test_a_machine_that_tells_nothing_of_itself_is_no_error(home: Home, tmp_path: Path) -> None:
    assert "" == of_machine(home, tmp_path / "nothing")


def test_a_clock_that_nobody_keeps_right_is_a_note(home: Home, root: Path) -> None:
    assert "no time server" in told(machine.findings(home, Config(), CLOCK, root))


def test_a_time_zone_that_is_none_is_trouble_and_another_one_a_note(home: Home, root: Path) -> None:
    assert "trouble there is no time zone Mars/Olympus" in of_machine(
        home, root, Config(site=Site(timezone="Mars/Olympus"))
    )
    (root / "etc").mkdir()
    (root / "etc/localtime").symlink_to("/usr/share/zoneinfo/Asia/Tokyo")
    assert "note    the machine shows times of Asia/Tokyo" in of_machine(home, root)


def of_running(home: Home, state: State | None, siprec: Siprec = Siprec(media_ports="20000-20999")) -> str:  # noqa: B008
    return told(running.findings(home, Config(intake=Intake(siprec=siprec)), CLOCK, state))


def test_a_listener_of_this_version_that_read_its_files_is_no_finding(home: Home) -> None:
    (home.etc / "tavs.toml").touch()
    os.utime(home.etc / "tavs.toml", (0, NOW.timestamp() - 61))
    assert "" == of_running(home, STATE)


def test_a_file_that_changed_after_it_was_read_is_found(home: Home) -> None:
    (home.etc / "conf.d/50-site.toml").touch()
    os.utime(home.etc / "conf.d/50-site.toml", (0, NOW.timestamp() - 59))
    assert "50-site.toml changed after" in of_running(home, STATE)


def test_a_listener_of_another_version_is_trouble(home: Home) -> None:
    assert "trouble the listener is of version 0.0.9" in of_running(
        home, msgspec.structs.replace(STATE, version="0.0.9")
    )


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_port_that_another_program_holds_is_found_where_ours_does_not_run(home: Home, kind: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == "tcp":
            taken.listen()
        place = f"{kind}:127.0.0.1:{taken.getsockname()[1]}"
        siprec = Siprec(listen=(place,))
        assert f"{place} is held, by another program or for a listener that is to start again" in of_running(
            home, None, siprec
        )
        assert "held" not in of_running(home, STATE, siprec)
    assert "held" not in of_running(home, None, siprec)


def test_ports_that_the_kernel_gives_to_anybody_are_found(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "range").write_text("20500\t60999\n")
    monkeypatch.setattr(running, "LOCAL_PORTS", tmp_path / "range")
    assert "overlap the ports" in of_running(home, STATE)


def test_a_network_that_is_none_is_trouble(home: Home) -> None:
    assert "'everywhere' is no network" in of_running(home, STATE, Siprec(allow=("everywhere",)))


def upkept(home: Home) -> str:
    return told(upkeep.findings(home, CLOCK))


def backed_up(home: Home, content: timedelta | None, keys: timedelta | None) -> None:
    place = note.Place(
        backup="x",
        sequence=1,
        sha256="",
        content_at=NOW - content if content is not None else None,
        keys_at=NOW - keys if keys is not None else None,
    )
    note.write(home, note.Note(places={"/mnt": place}))


def test_a_box_without_a_backup_is_told_so_and_an_old_one_is_trouble(home: Home) -> None:
    assert "note    no backup was ever made" in upkept(home)
    backed_up(home, timedelta(days=30), timedelta(days=30))
    assert "" == upkept(home)
    backed_up(home, timedelta(days=32), timedelta(days=30))
    assert "trouble the last backup is 32 days old" in upkept(home)
    backed_up(home, timedelta(days=1), None)
    assert "trouble the keys were never backed up" in upkept(home)


def test_a_damaged_note_is_a_finding_and_no_error(home: Home) -> None:
    note.path(home).write_text("{")
    assert "trouble backup.json" in upkept(home)


def test_an_export_that_nobody_fetched_is_trouble(home: Home) -> None:
    home.exports.mkdir()
    (home.exports / "export-1").mkdir()
    os.utime(home.exports / "export-1", (0, (NOW - timedelta(days=8)).timestamp()))
    assert "trouble 1 exports" in upkept(home)


def test_a_certificate_that_is_none_is_trouble(home: Home) -> None:
    home.certificate.parent.mkdir()
    home.certificate.write_text("nothing")
    assert "is no certificate" in upkept(home)


def test_a_test_home_says_so(home: Home) -> None:
    (home.root / "TEST-HOME").touch()
    assert "this is a test home" in upkept(home)
