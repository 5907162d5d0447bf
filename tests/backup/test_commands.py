"""`tavs backup`, `tavs restore`, `tavs receipts` as they are typed."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from office import FIRST, SECOND, YES, Office
from small_life import faults, kept
from tavs.host.clock import RealClock
from tavs.host.home import Home


@pytest.fixture
def today(tmp_path: Path) -> Iterator[Office]:
    one = Office(tmp_path / "home", RealClock().now() - timedelta(hours=1))
    one.call(FIRST, answers=[YES])
    one.call(SECOND)
    yield one
    one.close()


@pytest.fixture
def disk(tmp_path: Path) -> str:
    (tmp_path / "disk").mkdir()
    return str(tmp_path / "disk")


def new_box(tmp_path: Path, office: Office) -> Office:
    """The same command line, for an empty home."""
    other = object.__new__(Office)
    other.home = Home(tmp_path / "new")
    return other


def test_a_box_goes_to_a_disk_and_comes_back_from_it(today: Office, disk: str, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    assert "recipient" in today.tavs("backup", "recipient", str(stick)).stdout
    assert 0o600 == stat.S_IMODE(stick.stat().st_mode)
    assert stick.read_text().splitlines()[2].split(" ", 1)[1] not in (today.home.etc / "backup.pub").read_text()
    assert 0 == today.tavs("sweep").returncode
    made = today.json("backup", disk)
    assert (1, 3, 3) == (made["sequence"], made["recordings"], made["copied"])
    assert "backup 2: 3 recordings, 0 copied now" in today.tavs("backup", "--prune", disk).stdout
    found = today.json("backup", "verify", disk)
    assert [] == found["faults"]
    assert 0 == today.tavs("subject", "erase", "--call", FIRST).returncode
    assert 0 == today.tavs("sweep").returncode
    assert 1 < today.json("backup", disk, "--receipts-only")["receipts_until"]
    last = tmp_path / "last.jsonl"
    assert "receipts up to row" in today.tavs("receipts", "export", str(last), "--last").stdout
    new = new_box(tmp_path, today)
    keys = f"{disk}/keys/{found['keys'][-1]['name']}"
    done = new.json("restore", disk, "--keys", keys, "--identity", str(stick), "--receipts", str(last))
    assert done["is_complete"]
    assert kept(today.home) == kept(new.home)
    assert 0 == new.tavs("audit", "verify").returncode
    assert [] == faults(new.home)


def test_missing_receipts_are_said_in_one_line_until_somebody_accepts(today: Office, disk: str, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    today.tavs("backup", "recipient", str(stick))
    today.tavs("sweep")
    today.json("backup", disk)
    new = new_box(tmp_path, today)
    done = new.tavs("restore", disk, "--keys", f"{disk}/keys/00000001.keys", "--identity", str(stick))
    assert 1 == done.returncode
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("tavs: error:")]
    assert f"{RealClock().now():%Y-%m-%d}" in line
    assert "restored" in done.stdout
    assert 2 == new.tavs("restore", "accept", "--by", "Rigmor Vestergaard").returncode
    assert "accepted" in new.tavs("restore", "accept", "--by", "rve").stdout
    assert 2 == new.tavs("restore", "accept", "--by", "rve").returncode


def test_wrong_use_is_said_in_a_sentence(today: Office, disk: str, tmp_path: Path) -> None:
    stick = str(tmp_path / "stick")
    assert "no recipient" in today.refused("backup", disk)
    today.tavs("backup", "recipient", stick)
    assert "is there already" in today.refused("backup", "recipient", stick)
    assert "there is a recipient already" in today.refused("backup", "recipient", f"{stick}2")
    assert "not a folder" in today.refused("backup", f"{disk}/nowhere")
    assert "one of the three" in today.refused("backup", disk, "--keys-only", "--content-only")
    assert "not a recipient" in today.refused("backup", disk, "--recipient", stick)
    assert "no backup in" in today.refused("backup", "verify", disk, code=1)
    assert [] == list(Path(disk).iterdir())
    assert "no backup of content" in today.refused("restore", disk, "--keys", stick, "--identity", stick, code=1)
    today.tavs("sweep")
    today.json("backup", disk)
    keys = f"{disk}/keys/00000001.keys"
    assert "not empty" in today.refused("restore", disk, "--keys", keys, "--identity", stick)
    new = new_box(tmp_path, today)
    assert "not an identity" in new.refused(
        "restore", disk, "--keys", keys, "--identity", str(today.home.etc / "backup.pub")
    )
    assert "not a key backup" in new.refused("restore", disk, "--keys", stick, "--identity", stick, code=1)
    assert not new.home.var.exists()
