"""The end of a box: everything goes, keys first, and only when nothing and nobody stands against it."""

from __future__ import annotations

import json
from pathlib import Path

import nacl.signing
import pytest
from office import FIRST, PROMPTED, SECOND, Office
from tavs.errors import StoreError, UsageError
from tavs.host.clock import RealClock
from tavs.retention.sweep import alone
from tavs.rights.ending import Blocks, Receipt, end, survey

HELD = ("--reason", "klage over Torben", "--owner", "Klageafdelingen")


@pytest.fixture
def closed(today: Office) -> Office:
    """An office with two calls, one of them archived, whose programs have stopped."""
    today.call(FIRST, answers=[PROMPTED])
    assert 0 == today.tavs("sweep").returncode
    today.call(SECOND)
    today.home.exports.mkdir(exist_ok=True)
    (today.home.exports / "copy.zip").write_bytes(b"in clear")
    (today.home.etc / "conf.d/50-site.toml").write_text('[site]\nname = "Nord"\n')
    today.close()
    return today


def everything(office: Office) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in office.home.root.rglob("*") if path.is_file()}


def personal(office: Office) -> list[str]:
    kept = survey(office.home)
    return sorted(path.name for path in (*kept.masters, *kept.clear, *kept.sealed, *kept.database))


def test_nothing_personal_is_left_and_the_settings_stay(closed: Office) -> None:
    found = closed.json("destroy", "--confirm")
    assert (2, 3) == (found["calls"], sum(found[name] for name in ("sealed_files",)))
    assert [] == personal(closed)
    left = {path.relative_to(closed.home.root).as_posix() for path in everything(closed)}
    assert {"etc/tavs/conf.d/50-site.toml", "etc/tavs/retention.toml", "TEST-HOME"} == left


def test_the_receipt_names_the_head_of_the_audit_log_and_is_signed(closed: Office) -> None:
    found = closed.json("destroy", "--confirm")
    public, signature = found.pop("signature").split(":")
    told = json.dumps(found, sort_keys=True, separators=(",", ":")).encode()
    assert told == nacl.signing.VerifyKey(bytes.fromhex(public)).verify(told, bytes.fromhex(signature))
    assert found["audit_rows"] > 0 and 64 == len(found["audit_head"])


def test_a_receipt_for_people_says_what_was_not_reached(closed: Office) -> None:
    done = closed.tavs("destroy", "--confirm")
    assert (0, True) == (done.returncode, "copies elsewhere are not reached" in done.stderr)
    assert "sealed files  3" in done.stdout


def test_without_confirm_it_says_what_would_go_and_destroys_nothing(closed: Office) -> None:
    before = everything(closed)
    assert "3 sealed recordings and texts" in closed.refused("destroy")
    assert before == everything(closed)


def test_it_refuses_while_a_hold_stands(closed: Office) -> None:
    assert 0 == closed.tavs("hold", "add", FIRST, *HELD).returncode
    before = everything(closed)
    assert "1 holds stand" in closed.refused("destroy", "--confirm")
    assert before == everything(closed)
    assert 0 == closed.tavs("hold", "release", "1").returncode
    assert 0 == closed.tavs("destroy", "--confirm").returncode


def test_it_refuses_while_a_program_runs(today: Office) -> None:
    today.call(FIRST)
    kept = personal(today)
    assert "the database is in use" in today.refused("destroy", "--confirm")
    with alone(today.home):
        assert "another sweep is under way" in today.refused("destroy", "--confirm", code=1)
    today.close()
    assert set(kept) - {"tavs.db-wal", "tavs.db-shm"} <= set(personal(today))


def test_it_refuses_where_no_database_can_tell_of_holds(closed: Office) -> None:
    for path in closed.home.database.parent.glob("tavs.db*"):
        path.unlink()
    assert "nobody knows which holds stand" in closed.refused("destroy", "--confirm", code=1)
    assert [] != list(closed.home.keys.iterdir())


class Dying(Blocks):
    """The power goes after so many steps."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.order: list[str] = []

    def unlink(self, folder: int, name: str) -> None:
        if self.steps == 0:
            raise OSError(5, "Input/output error")
        self.steps -= 1
        self.order.append(name)
        super().unlink(folder, name)


def destroyed(office: Office, disk: Blocks) -> tuple[Receipt, str | None]:
    return end(office.home, actor="rigmor", now=RealClock().now(), disk=disk)


def test_the_keys_of_the_box_go_first_and_the_database_last(closed: Office) -> None:
    kept, disk = survey(closed.home), Dying(1000)
    destroyed(closed, disk)
    masters = len(kept.masters)
    assert {path.name for path in kept.masters} == set(disk.order[:masters])
    assert disk.order[-1] in {path.name for path in kept.database}


@pytest.mark.parametrize("steps", range(26))
def test_an_end_that_was_cut_off_is_ended_by_the_next(closed: Office, steps: int) -> None:
    try:
        destroyed(closed, Dying(steps))
    except StoreError:
        destroyed(closed, Blocks())
    assert [] == personal(closed)


def test_what_a_link_points_at_stays(closed: Office, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.write_bytes(b"somebody else's")
    (closed.home.exports / "link").symlink_to(other)
    assert 0 == closed.tavs("destroy", "--confirm").returncode
    assert b"somebody else's" == other.read_bytes()


def test_an_empty_home_has_an_end_too(tmp_path: Path) -> None:
    office = Office(tmp_path / "home", RealClock().now())
    office.close()
    assert 0 == office.tavs("destroy", "--confirm").returncode
    assert 0 == office.json("destroy", "--confirm")["calls"]


def test_a_program_that_keeps_the_keys_stops_it(closed: Office) -> None:
    from tavs.host import credentials

    with credentials.in_use(closed.home), pytest.raises(UsageError, match="the keys are in use"):
        destroyed(closed, Blocks())
