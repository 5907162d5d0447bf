"""A backup: complete, copied once, bound to the one before; what was erased is readable nowhere in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import nacl.exceptions
import nacl.public
import nacl.secret
import pytest
from office import FIRST, SECOND, THIRD, YES, Office, call_id
from small_life import Life, kept, rows, snapshot
from tavs.backup import making, note
from tavs.backup.checking import Trouble, verify
from tavs.backup.envelope import Entry, entries
from tavs.backup.making import make
from tavs.backup.manifest import KEYS_LIVE
from tavs.backup.recipient import new_identity
from tavs.call.session import CallStart, Description
from tavs.errors import StoreError, UsageError
from tavs.events import CallEnded, CallStarted
from tavs.host import credentials
from tavs.recording.recorder import Recorder
from tavs.recording.rotation import rotate_desk
from tavs.store.database import open_writer, transaction

FOURTH = call_id(4)


def faults(life: Life) -> list[str]:
    return [str(each) for each in verify(life.disk, life.office.now).faults]


def opened(life: Life) -> list[Entry]:
    return [entry for path in life.disk.glob("keys/*.keys") for entry in entries(path, life.identity)]


def test_a_backup_is_whole_and_the_box_notes_it(life: Life) -> None:
    made = life.backup()
    assert (1, 5, 5, 0, []) == (made.sequence, made.recordings, made.copied, made.gone, made.damaged)
    assert [] == faults(life)
    place = note.read(life.home).places[str(life.disk)]
    assert 1 == place.sequence
    assert (life.office.now, life.office.now) == (place.content_at, place.keys_at)
    assert life.identity.recipient.fingerprint == place.recipient


def test_what_was_copied_is_not_copied_again_and_what_the_box_deleted_goes(life: Life) -> None:
    life.backup()
    life.office.call(FOURTH)
    life.erase(FIRST)
    life.sweep()
    before = snapshot(life.disk / "recordings")
    made = life.backup()
    assert (1, 1) == (made.copied, made.gone)
    after = snapshot(life.disk / "recordings")
    assert {f"{FOURTH}.0.tavs", f"{FOURTH}.0.json"} == set(after) - set(before)
    assert {f"{FIRST}.transcript.0.tavs", f"{FIRST}.transcript.0.json"} == set(before) - set(after)
    assert [] == faults(life)


def test_a_file_that_moves_to_the_archive_is_not_copied_again(life: Life) -> None:
    life.office.call(FOURTH)
    assert 6 == life.backup().copied
    life.sweep()
    assert 0 == life.backup().copied
    life.restore()
    assert kept(life.home) == kept(life.new)


def test_a_call_under_way_is_left_for_the_next_time(life: Life) -> None:
    start = CallStart(
        call=FOURTH, at=life.office.now, started_s=0.0, source="siprec", trunk="192.0.2.1", streams=(),
        description=Description(extension="4512"),
    )  # fmt: skip
    public = credentials.load("site-public", life.home)
    recording = Recorder(folder=life.home.incoming, public_key=public, clock=life.office.clock).begin(start, None)
    life.office.hear(CallStarted(call=FOURTH, at=life.office.now, source="siprec"))
    assert 5 == life.backup().recordings
    recording.close(call_ended_at=life.office.now, gaps=())
    life.office.hear(CallEnded(call=FOURTH, at=life.office.now, reason="bye"))
    assert 6 == life.backup().recordings


def test_the_copy_of_the_database_is_of_one_moment_while_the_desk_writes(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that is open during the copy is not in it, and does not hold it up."""
    with closing(open_writer(life.home.database)) as connection, transaction(connection):
        connection.execute("insert into gaps (kind, t0_ms, t1_ms, count, noticed_at) values ('relay', 0, 0, 1, '')")
        life.backup()
    life.restore()
    assert [(0,)] == rows(life.new, "select count(*) from gaps")
    assert not list(life.disk.glob("database/*-*")), "no log beside it"


def test_no_key_of_what_was_erased_is_anywhere_in_the_backup_after_a_prune(life: Life) -> None:
    """Every file below the folder is read, and every key backup opened with the stick."""
    life.backup()
    names = [life.home.archive / f"{FIRST}.transcript.0.key", life.home.text_keys / f"{FIRST}.key"]
    private = nacl.public.SealedBox(nacl.public.PrivateKey(credentials.load("site-private", life.home)))
    desk = nacl.secret.SecretBox(credentials.load("desk", life.home))
    secrets = [box.decrypt(path.read_bytes())[:32] for box, path in zip((private, desk), names, strict=True)]
    wrapped = [path.read_bytes() for path in names]
    assert {path.name for path in names} <= {each.name for each in opened(life)}, "the search can find them"
    life.erase(FIRST)
    life.later(days=31)
    life.sweep()
    assert not any(path.exists() for path in names)
    made = life.backup(prune=True)
    assert 1 == made.pruned
    assert [life.keys] == sorted(life.disk.rglob("*.keys"))
    everything = [path.read_bytes() for path in life.disk.rglob("*") if path.is_file()]
    plain = [each.data for each in opened(life)]
    for secret in (*secrets, *wrapped):
        assert not any(secret in each for each in (*everything, *plain))
    for data in plain:
        for box in (private, desk):
            try:
                assert box.decrypt(data)[:32] not in secrets
            except (nacl.exceptions.CryptoError, nacl.exceptions.ValueError):
                continue
    assert [] == faults(life)


def test_a_key_backup_that_is_needed_no_more_is_named_until_it_is_pruned(life: Life) -> None:
    life.backup()
    made = life.backup()
    assert (["00000001.keys"], []) == (made.outlived, made.too_old)
    life.later(days=KEYS_LIVE.days)
    made = life.backup(has_content=False)
    assert ["00000001.keys", "00000002.keys"] == made.outlived == made.too_old
    assert 2 == len([each for each in faults(life) if Trouble.TOO_OLD in each])
    made = life.backup(has_content=False, prune=True)
    assert (3, [], []) == (made.pruned, made.outlived, made.too_old)
    assert ["00000004.keys"] == [path.name for path in life.disk.glob("keys/*")]
    assert [] == faults(life)


def test_a_prune_keeps_what_another_recipient_alone_can_open(life: Life) -> None:
    life.backup()
    life.identity = new_identity("")
    made = life.backup(prune=True)
    assert (0, True) == (made.pruned, made.is_new_recipient)
    life.later(days=KEYS_LIVE.days)
    assert 2 == life.backup(prune=True).pruned


def test_content_and_keys_can_lie_apart(life: Life, tmp_path: Path) -> None:
    safe = tmp_path / "safe"
    safe.mkdir()
    make(life.home, life.disk, life.office.clock, None)
    make(life.home, safe, life.office.clock, life.identity.recipient, has_content=False)
    assert not list(life.disk.glob("keys/*"))
    assert not list(safe.glob("recordings/*")) + list(safe.glob("database/*"))
    assert [] == faults(life) == [str(each) for each in verify(safe, life.office.now).faults]
    shutil.copytree(safe / "keys", life.disk / "keys", dirs_exist_ok=True)
    life.restore()
    assert kept(life.home) == kept(life.new)


def test_receipts_alone_are_cheap_and_leave_the_manifest_as_it_is(life: Life) -> None:
    life.backup()
    before = snapshot(life.disk)
    life.hold(SECOND)
    made = make(life.home, life.disk, life.office.clock, None, has_content=False)
    assert 1 == made.sequence
    after = snapshot(life.disk)
    assert {"receipts.jsonl"} == {name for name in after if before.get(name) != after[name]}
    assert [] == faults(life)


@pytest.mark.parametrize("kind", ["recordings", "database", "settings", "keys", "manifests"])
def test_what_was_changed_cut_or_taken_away_is_found(life: Life, kind: str) -> None:
    life.backup()
    path = sorted((life.disk / kind).iterdir())[0]
    whole = path.read_bytes()
    for changed in (whole[:-1], whole[:50] + bytes([whole[50] ^ 1]) + whole[51:], b"", None):
        path.unlink()
        if changed is not None:
            path.write_bytes(changed)
        try:
            found = faults(life)
        except StoreError as error:
            assert "manifests" == kind, error
        else:
            assert 1 <= len(found)
        path.write_bytes(whole)
    assert [] == faults(life)


def test_an_older_manifest_in_the_place_of_a_newer_one_is_noticed(life: Life, tmp_path: Path) -> None:
    life.backup()
    shutil.copytree(life.disk, tmp_path / "old")
    life.erase(FIRST)
    life.sweep()
    life.backup()
    shutil.rmtree(life.disk)
    shutil.copytree(tmp_path / "old", life.disk)
    before = snapshot(life.disk)
    with pytest.raises(StoreError, match="an older or another one was put in its place"):
        life.backup()
    assert before == snapshot(life.disk)
    assert 2 == life.backup(is_anew=True).sequence
    assert [] == faults(life)


def test_a_disk_that_is_not_mounted_is_not_taken_for_an_empty_one(life: Life) -> None:
    life.backup()
    shutil.rmtree(life.disk)
    life.disk.mkdir()
    with pytest.raises(StoreError, match="is not there"):
        life.backup()
    assert [] == list(life.disk.iterdir())
    life.disk.rmdir()
    with pytest.raises(UsageError, match="not a folder"):
        life.backup()


def test_the_backup_of_another_box_is_left_alone(life: Life, tmp_path: Path) -> None:
    other = Office(tmp_path / "other", life.office.now)
    other.close()
    life.backup()
    before = snapshot(life.disk)
    for is_anew in (False, True):
        with pytest.raises(UsageError, match="another box"):
            make(other.home, life.disk, life.office.clock, life.identity.recipient, is_anew=is_anew)
    assert before == snapshot(life.disk)


def test_what_else_lies_in_the_folder_is_left_alone(life: Life) -> None:
    (life.disk / "recordings").mkdir()
    holiday = life.disk / "recordings" / "ferie.wav"
    holiday.write_bytes(b"mine")
    life.backup()
    life.backup()
    assert b"mine" == holiday.read_bytes()


def test_one_backup_at_a_time(life: Life) -> None:
    with making.alone(life.home), pytest.raises(UsageError, match="another backup"):
        life.backup()
    life.backup()


def test_no_key_is_rotated_while_a_backup_runs(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    def rotate(*_: object) -> object:
        with pytest.raises(UsageError, match="keys are in use"):
            rotate_desk(life.home)
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "_keys", rotate)
    with pytest.raises(KeyboardInterrupt):
        life.backup()


def test_a_damaged_recording_is_named_and_a_good_copy_stays(life: Life) -> None:
    life.backup()
    path = life.home.archive / f"{SECOND}.0.tavs"
    good = (life.disk / "recordings" / path.name).read_bytes()
    path.write_bytes(good[:-5])
    fresh = life.home.archive / f"{THIRD}.0.tavs"
    assert [f"{SECOND}.0"] == life.backup().damaged
    assert good == (life.disk / "recordings" / path.name).read_bytes()
    assert [] == faults(life)
    shutil.rmtree(life.disk)
    life.disk.mkdir()
    fresh.write_bytes(b"nothing")
    made = life.backup(is_anew=True)
    assert [f"{SECOND}.0", f"{THIRD}.0"] == made.damaged
    assert 3 == made.recordings
    assert [] == faults(life)


@pytest.fixture
def small_disk(life: Life) -> Iterator[Path]:
    """A file system with next to no room."""
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(life.disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not let us mount a file system")
    try:
        yield life.disk
    finally:
        subprocess.run(["umount", str(life.disk)], check=True)


def test_a_full_disk_is_said_and_the_next_run_goes_on(life: Life, small_disk: Path) -> None:
    for _ in range(2):
        with pytest.raises(StoreError, match=r"the backup cannot be written|copy of the database cannot be written"):
            life.backup()
        assert not list(small_disk.glob("manifests/*")), "there is no backup without a manifest"
    subprocess.run(["mount", "-o", "remount,size=32m", str(small_disk)], check=True)
    life.backup()
    assert [] == faults(life)


def test_a_disk_that_vanishes_in_the_middle_leaves_the_last_backup(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.backup()
    life.office.call(FOURTH, answers=[YES])
    gone = life.disk.with_name("gone")

    def vanish(done: int, of: int) -> None:
        if done == 1:
            life.disk.rename(gone)

    with pytest.raises(StoreError, match="no such file"):
        life.backup(progress=vanish)
    gone.rename(life.disk)
    assert [] == faults(life)
    assert 2 == life.backup().copied
    assert timedelta() == life.office.now - note.read(life.home).places[str(life.disk)].content_at  # type: ignore[operator]
