"""A small life: calls, consent, a hold, an erasure, a backup, more of each, a disaster, and a box that comes back."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import nacl.public
import pysqlite3.dbapi2 as sqlite3
import pytest
from office import FIRST, SECOND, THIRD, YES, Office, call_id
from office import MASKED as SAID
from small_life import MASKED, RECORDING, TRANSCRIPT, Life, faults, kept, opens, rows
from tavs import keep
from tavs.backup import copying, note, receipts
from tavs.backup.manifest import parse, serialize
from tavs.backup.recipient import Identity, new_identity
from tavs.backup.restoring import accept, alone
from tavs.backup.target import Target
from tavs.errors import ConfigError, StoreError, UsageError
from tavs.events import Purpose
from tavs.host import credentials
from tavs.host.home import Home
from tavs.recording.rotation import rotate_desk, rotate_index, rotate_site
from tavs.retention import clock_guard
from tavs.retention.applying import apply
from tavs.retention.holds import Outcome
from tavs.rights import holding, subject
from tavs.rights.keys import _reasons
from tavs.store import audit
from tavs.store.clock_mark import write_mark
from tavs.store.database import SCHEMA_VERSION, open_reader, open_writer, transaction
from tavs.store.view import segments

FOURTH = call_id(4)


def last_receipts(life: Life) -> Path:
    """What the old box says when it goes out of service."""
    path = life.disk.parent / "last.jsonl"
    seed = credentials.load("audit", life.home)
    with closing(open_reader(life.home.database)) as connection:
        receipts.append(path, connection, seed, life.office.now, begin=0, is_last=True)
    return path


def test_a_restored_box_has_every_call_and_key_and_a_whole_audit_log(life: Life) -> None:
    before = kept(life.home)
    life.backup()
    done = life.restore(told=last_receipts(life))
    assert before == kept(life.new)
    assert all(opens(life.new, call) for call in (FIRST, SECOND, THIRD))
    with closing(open_reader(life.new.database)) as connection:
        said = segments(connection, life.new, FIRST, purpose=Purpose.TRAINING, now=life.office.now)
    assert [SAID] == [each["text"] for each in said]
    assert [] == faults(life.new)
    assert credentials.status(life.home) == credentials.status(life.new)
    assert (True, (), 0) == (done.is_complete, done.missing_keys, done.unreadable)
    assert note.restore(life.new) is None


def test_what_was_decided_after_the_backup_holds_after_a_restore_with_receipts(life: Life) -> None:
    first_hold = life.hold(THIRD)
    life.backup()
    life.later(days=1)
    life.erase(FIRST)
    second_hold = life.hold(SECOND)
    holding.release(
        life.office.connection, first_hold, outcome=Outcome.CLOSED, legal_basis="6(1)(f)", until=None,
        actor="officer", now=life.office.now,
    )  # fmt: skip
    life.sweep()
    before = kept(life.home)
    assert (FIRST, TRANSCRIPT) not in before
    life.restore(told=last_receipts(life))
    assert before == kept(life.new)
    assert [(second_hold, SECOND)] == rows(life.new, "select id, call from holds where released_at is null")
    assert not list(life.new.var.rglob(f"{FIRST}.transcript*"))
    assert opens(life.new, FIRST), "documentation stays"
    assert [] == faults(life.new)
    assert [("no",)] == rows(life.new, "select answer from consents where source = 'officer'")


def test_the_hourly_receipts_in_the_backup_folder_do_as_well_and_what_is_missing_is_told(life: Life) -> None:
    life.backup()
    life.later(hours=3)
    life.erase(FIRST)
    life.sweep()
    life.backup(has_content=False)
    told_at = life.office.now
    before = kept(life.home)
    life.later(hours=2)
    done = life.restore()
    assert before == kept(life.new)
    assert (False, told_at) == (done.is_complete, done.receipts_at)
    marker = note.restore(life.new)
    assert marker and ("receipts-missing", told_at) == (marker.state, marker.receipts_at)
    note.refuse_unfinished(life.new)
    assert told_at == accept(life.new, by="leader", now=life.office.now)
    assert note.restore(life.new) is None
    assert [("officer",), ("leader",)] == rows(
        life.new, "select actor from audit where kind = 'restored' order by 1 desc"
    )
    assert [] == faults(life.new)
    with pytest.raises(UsageError, match="no restore waits"):
        accept(life.new, by="leader", now=life.office.now)


def test_without_receipts_the_box_comes_back_as_it_was_and_says_so(life: Life) -> None:
    life.backup()
    made_at = life.office.now
    life.later(days=2)
    life.erase(FIRST)
    life.sweep()
    Target(life.disk).receipts.unlink()
    done = life.restore()
    assert (False, made_at) == (done.is_complete, done.receipts_at)
    assert (FIRST, TRANSCRIPT) in kept(life.new)
    assert [] == faults(life.new)


def test_an_erased_transcript_stays_unreadable_from_an_older_copy_of_the_content(life: Life) -> None:
    """Receipts lost, content put back from an old disk: the newest key backup has no key for it."""
    life.backup()
    old = life.disk.with_name("old")
    shutil.copytree(life.disk, old)
    life.erase(FIRST)
    life.sweep()
    life.backup(prune=True)
    keys = life.keys
    (old / "receipts.jsonl").unlink()
    life.disk, disk = old, life.disk
    shutil.rmtree(old / "keys")
    shutil.copytree(disk / "keys", old / "keys")
    assert keys.name == life.keys.name
    assert 1 == life.restore().unreadable
    assert (life.new.archive / f"{FIRST}.transcript.0.tavs").exists()
    assert not list(life.new.var.rglob(f"{FIRST}.transcript.0.key"))
    assert opens(life.new, SECOND)


def test_what_became_due_meanwhile_is_swept_before_anything_is_served(life: Life) -> None:
    life.backup()
    life.hold(SECOND)
    told = last_receipts(life)
    life.later(days=1200)
    done = life.restore(told=told)
    assert {(SECOND, RECORDING)} == set(kept(life.new)), "a hold from the receipts keeps what is overdue"
    assert 7 == done.swept
    assert opens(life.new, SECOND)
    assert [] == faults(life.new)


def test_a_call_after_the_last_backup_is_lost_and_its_number_is_not_given_again(life: Life) -> None:
    life.backup()
    life.office.call(FOURTH, answers=[YES])
    life.sweep()
    life.restore(told=last_receipts(life))
    assert FOURTH not in {call for call, _ in kept(life.new)}
    assert [(3, "lost")] == rows(life.new, f"select count(*), reason from receipts where call = '{FOURTH}'")
    newest = rows(life.home, "select max(id) from artifacts")
    assert newest == rows(life.new, "select max(artifact) from receipts")
    assert [] == faults(life.new)


def test_a_call_that_was_copied_after_the_database_comes_back_with_its_grants(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copying._database

    def and_a_call(work: copying.Work, now: object) -> object:
        done = copy(work, life.office.now)
        life.office.call(FOURTH, answers=[YES])
        life.hold(FOURTH)
        return done

    monkeypatch.setattr(copying, "_database", and_a_call)
    life.backup()
    before = {key: until for key, until in kept(life.home).items() if key != (FOURTH, MASKED)}
    life.restore(told=last_receipts(life))
    assert before == kept(life.new)
    assert opens(life.new, FOURTH)
    assert [] == faults(life.new)


def test_rotated_keys_and_earlier_index_keys_come_back(life: Life) -> None:
    life.hold(SECOND)
    rotate_index(life.home)
    rotate_desk(life.home)
    rotate_site(life.home, lambda rewrap: _reasons(life.office.connection, rewrap))
    life.office.call(FOURTH, number="+4530987654")
    life.backup()
    life.restore(told=last_receipts(life))
    assert credentials.status(life.home) == credentials.status(life.new)
    assert opens(life.new, FIRST) and opens(life.new, FOURTH)
    with closing(open_reader(life.new.database)) as connection:
        found = subject.calls_of(connection, subject.references(life.new, "+4520123456"))
    assert {FIRST, SECOND, THIRD} == {call for call, _ in found}


def test_reasons_of_holds_follow_a_rotation_that_came_after_the_content(life: Life) -> None:
    number = life.hold(SECOND)
    life.backup()
    rotate_site(life.home, lambda rewrap: _reasons(life.office.connection, rewrap))
    with transaction(life.office.connection):
        audit.append(life.office.connection, at=life.office.now, kind=audit.Kind.KEY, actor="officer")
    life.backup(has_content=False)
    life.restore()
    private = nacl.public.PrivateKey(credentials.load("site-private", life.new))
    ((sealed,),) = rows(life.new, f"select reason_sealed from holds where id = {number}")
    assert b"en sag" == nacl.public.SealedBox(private).decrypt(sealed)
    assert opens(life.new, SECOND)


def test_a_confirmed_policy_is_in_force_after_the_restore(life: Life) -> None:
    life.backup()
    shorter = life.home.retention.read_text().replace('period = "1 year"', 'period = "2 months"')
    life.home.retention.write_text(shorter)
    apply(life.home, "Europe/Copenhagen", life.office.now, "officer", is_confirmed=True)
    before = kept(life.home)
    life.restore(told=last_receipts(life))
    assert before == kept(life.new)
    query = "select version, document, confirmed_at from policies order by version"
    assert rows(life.home, query) == rows(life.new, query)


def test_nothing_starts_while_a_restore_is_unfinished(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.backup()

    def died(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(keep, "run", died)
        with pytest.raises(KeyboardInterrupt):
            life.restore()
    with pytest.raises(ConfigError, match="restore of this box is not finished"):
        note.refuse_unfinished(life.new)
    life.restore()
    note.refuse_unfinished(life.new)
    assert 1 == len(rows(life.new, "select 1 from audit where kind = 'restored'"))


def test_receipts_that_come_after_the_database_was_entered_are_not_taken_for_known(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    life.backup()
    made_at = life.office.now
    with monkeypatch.context() as patched:
        patched.setattr(keep, "run", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            life.restore()
    life.later(hours=1)
    life.hold(SECOND)
    done = life.restore(told=last_receipts(life))
    assert (False, made_at) == (done.is_complete, done.receipts_at)


def test_a_clock_that_cannot_be_trusted_stops_before_the_end(life: Life) -> None:
    life.sweep()
    life.backup()
    life.office.clock.restart(timedelta(days=30).total_seconds())
    with pytest.raises(StoreError, match="clock cannot be trusted"):
        life.restore()
    with pytest.raises(ConfigError):
        note.refuse_unfinished(life.new)
    with closing(open_writer(life.new.database)) as connection:
        write_mark(connection, clock_guard.confirm(clock_guard.read(life.office.clock)), "officer")
    life.restore()
    note.refuse_unfinished(life.new)


def test_only_an_empty_home_is_restored_into(life: Life) -> None:
    life.backup()
    before = kept(life.home)
    with pytest.raises(UsageError, match="not empty"):
        life.restore(life.home)
    assert before == kept(life.home)
    with credentials.in_use(life.home), pytest.raises(UsageError, match="in use"):
        life.restore(life.home)


def test_a_newly_installed_box_with_keys_of_its_own_is_empty(life: Life, tmp_path: Path) -> None:
    fresh = Office(tmp_path / "fresh", life.office.now)
    fresh.close()
    life.backup()
    life.restore(fresh.home)
    assert credentials.status(life.home) == credentials.status(fresh.home)
    assert kept(life.home) == kept(fresh.home)
    assert [] == faults(fresh.home)


def test_another_restore_cannot_take_over_one_that_is_unfinished(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.backup()
    monkeypatch.setattr(keep, "run", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        life.restore()
    life.backup()
    with pytest.raises(UsageError, match="another restore"):
        life.restore()


def test_the_wrong_stick_is_told_from_the_right_one(life: Life) -> None:
    life.backup()
    right, life.identity = life.identity, new_identity(life.identity.box)
    with pytest.raises(StoreError, match="does not open with the identity") as caught:
        life.restore()
    assert right.recipient.fingerprint in caught.value.hint
    assert not life.new.var.exists()


def test_a_backup_of_another_box_is_refused_before_anything_is_written(life: Life) -> None:
    life.backup()
    life.identity = Identity(life.identity.private, "0123456789abcdef")
    with pytest.raises(StoreError, match="made by the box"):
        life.restore()
    assert not life.new.var.exists()
    life.restore(box_is=credentials.fingerprint(credentials.load("audit-public", life.home)))


def test_a_backup_of_a_newer_schema_is_refused(life: Life) -> None:
    life.backup()
    target = Target(life.disk)
    manifest = parse(target.manifests()[-1].read_bytes()).manifest
    assert manifest.database
    newer = msgspec.structs.replace(
        manifest, database=msgspec.structs.replace(manifest.database, schema=SCHEMA_VERSION + 1)
    )
    target.manifests()[-1].write_bytes(serialize(newer, credentials.load("audit", life.home))[0])
    with pytest.raises(StoreError, match=f"schema {SCHEMA_VERSION + 1}"):
        life.restore()


@pytest.mark.parametrize("kind", ["recordings", "database", "settings"])
def test_a_file_that_was_changed_in_the_backup_stops_the_restore_which_goes_on_when_it_is_mended(
    life: Life, kind: str
) -> None:
    life.backup()
    path = next(iter(sorted((life.disk / kind).iterdir())))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(StoreError, match="changed or cut off"):
        life.restore()
    with pytest.raises(ConfigError):
        note.refuse_unfinished(life.new)
    path.unlink()
    with pytest.raises(StoreError, match="missing in the backup"):
        life.restore()
    path.write_bytes(whole)
    life.restore()
    assert kept(life.home) == kept(life.new)


def test_receipts_that_do_not_fit_are_refused(life: Life, tmp_path: Path) -> None:
    life.backup()
    life.hold(SECOND)
    path = tmp_path / "late.jsonl"
    seed = credentials.load("audit", life.home)
    with closing(open_reader(life.home.database)) as connection:
        head = receipts.append(tmp_path / "all", connection, seed, life.office.now, begin=0).sequence
        receipts.append(path, connection, seed, life.office.now, begin=head)
    with pytest.raises(UsageError, match="receipts begin after row"):
        life.restore(told=path)
    whole = (tmp_path / "all").read_bytes()
    (tmp_path / "all").write_bytes(whole.replace(b'"call":', b'"cal1":', 1))
    with pytest.raises(StoreError):
        life.restore(told=tmp_path / "all")
    assert not life.new.var.exists()


def test_a_program_that_runs_is_not_restored_under(life: Life) -> None:
    life.new.var.mkdir(parents=True)
    with alone(life.new), pytest.raises(UsageError, match="in use"), alone(life.new):
        pass


def test_the_restored_box_goes_on_with_its_backups(life: Life) -> None:
    life.backup()
    life.restore()
    old, life.home = life.home, life.new
    made = life.backup()
    assert 2 == made.sequence
    assert 0 == made.copied
    assert Home(old.root) != life.home


def test_a_backup_of_an_older_schema_is_brought_up_before_it_is_served(life: Life) -> None:
    life.backup()
    target = Target(life.disk)
    manifest = parse(target.manifests()[-1].read_bytes()).manifest
    assert manifest.database
    path = target.path("database", manifest.database.name)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "drop table feedback; drop table egress; alter table suggestions drop column engine; pragma user_version = 2"
        )
    older = msgspec.structs.replace(
        manifest.database, schema=2, size=path.stat().st_size, sha256=hashlib.sha256(path.read_bytes()).hexdigest()
    )
    changed = msgspec.structs.replace(manifest, database=older)
    target.manifests()[-1].write_bytes(serialize(changed, credentials.load("audit", life.home))[0])
    life.hold(SECOND)
    life.restore(told=last_receipts(life))
    assert kept(life.home) == kept(life.new)
    assert [(SCHEMA_VERSION,)] == rows(life.new, "pragma user_version")
    assert [] == faults(life.new)
    assert not list(life.new.database.parent.glob("*restored*")), "no copy without the receipts stays"


def test_a_full_disk_in_the_new_box_is_said_and_the_restore_goes_on(life: Life) -> None:
    life.backup()
    life.new.var.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(life.new.var)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not let us mount a file system")
    try:
        with pytest.raises(StoreError, match="no space left"):
            life.restore()
        with pytest.raises(ConfigError):
            note.refuse_unfinished(life.new)
        subprocess.run(["mount", "-o", "remount,size=256m", str(life.new.var)], check=True)
        life.restore()
        assert kept(life.home) == kept(life.new)
    finally:
        subprocess.run(["umount", str(life.new.var)], check=True)
