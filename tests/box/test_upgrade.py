"""Packages come and go, and what is kept stays: upgrade in mid-call, interrupted, downgrade, remove, purge, the end of a box."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from box import DATABASE, DESK, GOES_ON_S, KEEP, LISTEN, PROGRAMS, UNITS, Box
from caller import AFTER_SOUND_S, Sound
from machine import Ground, machine, wait_for
from packages import older, version

OLD, OLDER_SCHEMA = "0.0.9", "0.0.8"
UPGRADE_GAP_MS = 2000
NEW_AT, OLD_AT = "/root/new", "/root/old"
STORE = Path(__file__).parents[1] / "store"
UPGRADES = Path(__file__).parents[2] / "daemon/tavs/store/upgrades"
SCHEMA_2 = """
import json, os, sys
import pysqlite3.dbapi2 as sqlite3
path = sys.argv[1]
os.umask(0o007)
connection = sqlite3.connect(path)
connection.executescript(sys.stdin.read())
connection.executescript(
    "insert into calls (id, started_at, ended_at, end_reason, source, trunk, extension, party_ref, flags) values"
    " ('0192f0c1-0000-7000-8000-000000000001', '2026-01-01T08:00:00+00:00', '2026-01-01T08:01:00+00:00', 'bye', 'siprec',"
    " '192.0.2.1', '4512', null, '[]');"
    "insert into gaps (call, channel, kind, t0_ms, t1_ms, count, noticed_at) values"
    " ('0192f0c1-0000-7000-8000-000000000001', 'customer', 'relay', 1000, 2500, 1, '2026-01-01T08:01:00+00:00');"
    "pragma user_version = 2; pragma journal_mode = wal;"
)
connection.close()
print(json.dumps(True))
"""
SCHEMA_OF = "import json, sys, pysqlite3.dbapi2 as s; print(json.dumps(s.connect(sys.argv[1]).execute('pragma user_version').fetchone()[0]))"
OLD_CALL = "0192f0c1-0000-7000-8000-000000000001"


@pytest.fixture(scope="session")
def packages() -> Path:
    return Path(os.environ["TAVS_BOX_PACKAGES"]).resolve()


@pytest.fixture(scope="session")
def old_packages(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return older(packages, tmp_path_factory.mktemp("old"), OLD)


@pytest.fixture(scope="module")
def old_ground(old_packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A configured machine with the older package."""
    with machine() as new:
        new.boot()
        box = Box(new, tmp_path_factory.mktemp("old-box"))
        box.put(old_packages, OLD_AT)
        box.install(OLD_AT)
        new.wait_active(*PROGRAMS)
        box.configure()
        new.shell(f"rm -r {OLD_AT}")
        new.power_off()
        yield new.as_ground()


@pytest.fixture
def old_box(old_ground: Ground, tmp_path: Path) -> Iterator[Box]:
    with machine(old_ground) as new:
        new.boot()
        new.wait_active(*PROGRAMS)
        yield Box(new, tmp_path)


def installed_version(box: Box) -> str:
    return box.machine.run("dpkg-query", "-W", "-f", "${Status} ${Version}", "tavs").stdout


def make_schema_2(box: Box) -> None:
    """In the place of the database, one that a version with schema 2 has left."""
    script = "".join(path.read_text(encoding="utf-8") for path in (STORE / "schema_1.sql", UPGRADES / "1_to_2.sql"))
    box.machine.shell(f"systemctl stop tavs-relay.socket {DESK} tavs-keep.timer; rm -f {DATABASE}*")
    python = ("/usr/lib/tavs/current/bin/python", "-I", "-c", SCHEMA_2, DATABASE)
    box.machine.run(*python, given=script)
    box.machine.shell(f"chown tavs-desk:tavs-desk {DATABASE}*; chmod 660 {DATABASE}*")


def test_an_upgrade_in_mid_call_loses_two_seconds_and_brings_the_database_up(
    old_box: Box, packages: Path, sound: Sound
) -> None:
    old_box.put(packages, NEW_AT)
    make_schema_2(old_box)
    placed, call = old_box.place(sound, wait_s=40.0)
    before = old_box.machine.main_pid(LISTEN)
    old_box.install(NEW_AT)
    assert "install ok installed" in installed_version(old_box)
    wait_for(lambda: old_box.machine.main_pid(LISTEN) not in (0, before), GOES_ON_S, "the listener is the old one")
    old_box.machine.wait_active(*PROGRAMS, "tavs-relay.socket", "tavs-keep.timer")
    placed.wait()
    shown = old_box.wait_kept(call)
    assert "bye" == shown["end_reason"]
    parts = old_box.recordings(call)
    assert [0, 1] == [each["part"] for each in parts]
    assert old_box.lost_ms(call) <= UPGRADE_GAP_MS
    whole_s = sum(each["seconds"] for each in parts) + old_box.lost_ms(call) / 1000
    assert abs(whole_s - 40.0 - AFTER_SOUND_S) <= 1.0
    assert old_box.machine.path(f"{DATABASE}.schema-2").exists()
    assert 2 == old_box.python(SCHEMA_OF, f"{DATABASE}.schema-2")
    assert 2 < old_box.python(SCHEMA_OF, DATABASE)
    assert [2.5] == [each["t1"] for each in old_box.show(OLD_CALL)["gaps"]]
    assert not old_box.machine.path(f"/usr/lib/tavs/{OLD}").exists()
    assert [] == [line for line in old_box.tavs("check", check=False).splitlines() if line.startswith("trouble")]


def test_an_upgrade_that_is_interrupted_is_done_again(old_box: Box, packages: Path, sound: Sound) -> None:
    old_box.put(packages, NEW_AT)
    [deb] = packages.glob("tavs_*.deb")
    placed, call = old_box.place(sound, wait_s=30.0)
    upgrade = subprocess.Popen(
        old_box.machine.entered("dpkg", "--install", f"{NEW_AT}/{deb.name}"),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    half = old_box.machine.path(f"/usr/lib/tavs/{version(deb)}/lib")
    wait_for(half.exists, 60, "dpkg does not unpack")
    old_box.machine.run("pkill", "-KILL", "dpkg")
    upgrade.wait(30)
    assert "install ok installed" not in installed_version(old_box)
    old_box.wait_recording_grows()
    old_box.machine.shell("dpkg --configure -a || true", limit_s=120)
    old_box.install(NEW_AT)
    assert installed_version(old_box) == f"install ok installed {version(deb)}"
    old_box.machine.wait_active(*PROGRAMS)
    placed.wait()
    old_box.wait_kept(call)
    assert old_box.lost_ms(call) <= UPGRADE_GAP_MS


def test_a_downgrade_refuses_with_a_sentence_and_recording_goes_on(
    own_box: Box, packages: Path, sound: Sound, tmp_path: Path
) -> None:
    own_box.wait_kept(own_box.record(sound))
    own_box.put(older(packages, tmp_path, OLDER_SCHEMA, schema=2), OLD_AT)
    cursor = own_box.machine.cursor()
    own_box.machine.shell(f"apt-get -y --allow-downgrades install {OLD_AT}/*.deb </dev/null", check=False, limit_s=180)
    time.sleep(3)
    said = own_box.machine.said(DESK, since=cursor)
    assert "this program knows 2" in said
    assert "install the newer package" in said
    own_box.machine.wait_active(LISTEN)
    call = own_box.record(sound)
    own_box.put(packages, NEW_AT)
    own_box.install(NEW_AT)
    own_box.machine.wait_active(*PROGRAMS)
    assert own_box.wait_kept(call)


@pytest.fixture
def kept(own_box: Box, sound: Sound) -> str:
    """A call that is kept."""
    call = own_box.record(sound)
    own_box.wait_kept(call)
    own_box.machine.run("systemctl", "start", KEEP)
    return call


def data(box: Box) -> set[str]:
    found = box.machine.shell("find /var/lib/tavs /etc/credstore /etc/credstore.encrypted -type f").stdout.split()
    return {name for name in found if not name.endswith(("-wal", "-shm"))}


def test_remove_and_purge_keep_what_is_kept_and_say_so(own_box: Box, kept: str, packages: Path) -> None:
    before = data(own_box)
    assert any(kept in name for name in before)
    own_box.apt("remove", "tavs")
    for unit in UNITS:
        assert "active" != own_box.machine.property(unit, "ActiveState"), unit
    assert before <= data(own_box)
    told = own_box.apt("purge", "tavs")
    assert "/var/lib/tavs" in told
    assert "tavs destroy --confirm" in told
    assert before <= data(own_box)
    assert "" == own_box.machine.shell("nft list tables | grep tavs || true").stdout
    own_box.put(packages, NEW_AT)
    own_box.install(NEW_AT)
    own_box.machine.wait_active(*PROGRAMS)
    assert kept in {each["call"] for each in own_box.calls()}
    assert own_box.recordings(kept)[0]["is_complete"]


def test_destroy_refuses_while_it_runs_or_a_hold_stands_and_ends_everything_else(own_box: Box, kept: str) -> None:
    run = own_box.machine.run
    running = run("tavs", "destroy", "--confirm", check=False)
    assert 0 != running.returncode
    assert "systemctl stop tavs.target" in running.stderr
    hold = ("--kind", "complaint", "--reason", "an invented one", "--owner", "dpo", "--review", "2099-01-01")
    own_box.tavs("hold", "add", kept, *hold)
    run("systemctl", "stop", "tavs.target", "tavs-relay.socket")
    held = run("tavs", "destroy", "--confirm", check=False)
    assert 0 != held.returncode
    assert "1 holds stand" in held.stderr
    assert any(kept in name for name in data(own_box))
    [standing] = json.loads(own_box.tavs("hold", "list", "--json"))["holds"]
    own_box.tavs("hold", "release", str(standing["id"]))
    assert 0 != run("tavs", "destroy", check=False).returncode
    receipt = json.loads(own_box.tavs("destroy", "--confirm", "--json"))
    assert 1 == receipt["calls"]
    assert receipt["signature"]
    left = data(own_box)
    assert set() == {name for name in left if kept in name or "tavs.db" in name or "/credstore" in name}


def test_an_install_on_a_full_disk_is_told_and_done_again(packages: Path, tmp_path: Path) -> None:
    with machine(disk_bytes=24 << 20) as new:
        new.boot()
        box = Box(new, tmp_path)
        box.put(packages, NEW_AT)
        new.shell(
            "for size in 1M 1k; do dd if=/dev/zero bs=$size >>/var/lib/tavs/filling 2>/dev/null || true; done; sync"
        )
        new.shell(f"apt-get -y install {NEW_AT}/*.deb </dev/null", check=False, limit_s=180)
        time.sleep(1)
        said = new.said(*PROGRAMS, "tavs-keys.service")
        assert "error" in said
        new.shell("rm /var/lib/tavs/filling; sync; dpkg --configure -a", limit_s=120)
        new.shell("systemctl reset-failed; systemctl restart tavs.target", check=False)
        new.shell("systemctl start tavs-keys.service tavs-desk tavs-listen", check=False)
        new.wait_active(*PROGRAMS)
        assert "install ok installed" in installed_version(box)
