"""What is due goes, and nothing else. The invariants of sweep.py, each by its name, and process 3 around it."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pysqlite3.dbapi2 as sqlite3
import pytest
from office import FIRST, SECOND, THIRD, YES, Office
from tavs import keep
from tavs.errors import ConfigError, StoreError
from tavs.events import ArtifactClosed, ArtifactKind, CallId, CallStarted, Channel, MaskedSegment, MaskedText, Sidecar
from tavs.host import credentials
from tavs.host.clock import RealClock
from tavs.host.home import TEST_HOME_MARK, Home
from tavs.retention import clock_guard, reserve
from tavs.retention import sweep as sweeping
from tavs.retention.destroy import Disk
from tavs.retention.holds import CaseRef, HoldKind, Outcome
from tavs.retention.policy import limitation
from tavs.retention.sweep import Item, Swept, alone, plan, sweep
from tavs.rights import holding
from tavs.store import audit
from tavs.store.clock_mark import read_mark, write_mark
from tavs.store.database import open_reader, open_writer, transaction
from tavs.store.files import keys_of, rest_of
from tavs.store.grants import give
from tavs.store.keeper import Keeper
from tavs.store.reconcile import reconcile
from tavs.store.text_keys import TextKeys

AT = datetime(2031, 3, 1, 12, tzinfo=UTC)
TEXT_ENDS = datetime(2031, 3, 31, 11, tzinfo=UTC)
"""30 days on the calendar of the site; its clocks have gone forward."""
RECORDING_ENDS = datetime(2032, 3, 1, 12, tzinfo=UTC)
TRANSCRIPT_ENDS = datetime(2034, 3, 1, 12, tzinfo=UTC)
MOMENT = timedelta(seconds=1)
RECORDING, TRANSCRIPT, MASKED = ArtifactKind.RECORDING, ArtifactKind.TRANSCRIPT, ArtifactKind.MASKED_TRANSCRIPT
IMAGE_BYTES = 200 << 20


class Died(BaseException):
    """The process was killed."""


class Refusing(Disk):
    """A disk that does not take the new bytes of some keys."""

    def __init__(self, part_of_name: str) -> None:
        self._part = part_of_name

    def overwrite(self, folder: int, name: str) -> None:
        if self._part in name:
            raise OSError(errno.EIO, "the medium refuses")
        super().overwrite(folder, name)


class Watched(Disk):
    """A disk that lets somebody look before each thing it does."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look

    def overwrite(self, folder: int, name: str) -> None:
        self._look()
        super().overwrite(folder, name)

    def unlink(self, folder: int, name: str) -> None:
        self._look()
        super().unlink(folder, name)

    def sync_folder(self, folder: int) -> None:
        self._look()
        super().sync_folder(folder)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    one = Office(tmp_path / "home", AT)
    yield one
    one.close()
    reserve.path(one.home).unlink(missing_ok=True)


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Office]:
    """An office whose call ended two years before the clock that commands go by."""
    one = Office(tmp_path / "home", RealClock().now() - timedelta(days=730))
    one.call(FIRST)
    one.close()
    yield one
    reserve.path(one.home).unlink(missing_ok=True)


def swept(office: Office, now: datetime, disk: Disk = sweeping.REAL_DISK) -> Swept:
    """By a connection of its own, beside the desk's."""
    with closing(open_writer(office.home.database)) as connection:
        return sweep(connection, office.home, now=now, at=now, disk=disk)


def told(items: list[Item]) -> list[tuple[CallId, str, str]]:
    return sorted((item.call, item.kind.value, item.reason.value) for item in items)


def rows(office: Office, query: str, *values: object) -> list[tuple[object, ...]]:
    with closing(open_reader(office.home.database)) as connection:
        return [tuple(row) for row in connection.execute(query, values)]


def kept(office: Office) -> list[tuple[object, ...]]:
    return rows(office, "select call, kind from artifacts order by call, kind")


def files(home: Home, call: CallId, kind: ArtifactKind) -> list[str]:
    return sorted(path.name for path in (*keys_of(home, call, kind, 0), *rest_of(home, call, kind, 0)) if path.exists())


def hold(office: Office, call: CallId, transcript_basis: str | None = None) -> int:
    return holding.place(
        office.connection, kind=HoldKind.COMPLAINT, call=call, party_ref=None, reason="an invented reason",
        owner="an invented owner", review_on=None, case=CaseRef("K-1"), transcript_basis=transcript_basis,
        site_public=credentials.load("site-public", office.home), actor="officer", now=office.now,
    )  # fmt: skip


def faults(office: Office) -> list[audit.Fault]:
    with closing(open_reader(office.home.database)) as connection:
        return audit.verify(connection, credentials.load("audit-public", office.home))


def image(home: Home, *beside: str) -> dict[str, tuple[bytes, int, int]]:
    """Every file of a home with its bytes, mode and time of change, but for those whose names end so."""
    return {
        str(path.relative_to(home.root)): (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns)
        for path in sorted(home.root.rglob("*"))
        if path.is_file() and not path.name.endswith(beside or ("//",))
    }


# --- invariants ------------------------------------------------------------------------------------------------------


def test_nothing_goes_before_its_time(office: Office) -> None:
    office.call(FIRST, answers=(YES,))
    for ends, kind in ((TEXT_ENDS, MASKED), (RECORDING_ENDS, RECORDING), (TRANSCRIPT_ENDS, TRANSCRIPT)):
        assert [] == swept(office, ends - MOMENT).deleted
        assert [(FIRST, kind, "expired")] == told(swept(office, ends).deleted)
        assert [] == swept(office, ends).deleted


def test_a_hold_placed_between_plan_and_mark_keeps_the_artifact(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "BATCH", 1)
    for call in (FIRST, SECOND, THIRD):
        office.call(call)
    swept(office, TEXT_ENDS)

    def progress(done: int, of: int) -> None:
        assert 3 == of
        if done == 1:
            hold(office, THIRD)

    with closing(open_writer(office.home.database)) as connection:
        done = sweep(connection, office.home, now=RECORDING_ENDS, at=RECORDING_ENDS, progress=progress)
    assert [(FIRST, "recording", "expired"), (SECOND, "recording", "expired")] == told(done.deleted)
    assert [(THIRD, "recording")] == kept(office)
    assert 3 == len(files(office.home, THIRD, RECORDING))
    assert 1 == swept(office, RECORDING_ENDS).held


def test_a_grant_given_between_plan_and_mark_keeps_the_artifact(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "BATCH", 1)
    office.call(FIRST)
    office.call(SECOND)
    swept(office, TEXT_ENDS)
    [(artifact,)] = rows(office, "select id from artifacts where call = ?", SECOND)
    claims = limitation("6(1)(f)", released_at=AT, expires_at=TRANSCRIPT_ENDS)

    def progress(done: int, of: int) -> None:
        if done == 1:
            with transaction(office.connection):
                give(office.connection, int(str(artifact)), SECOND, claims, origin="hold 1", actor="officer", at=AT)

    with closing(open_writer(office.home.database)) as connection:
        done = sweep(connection, office.home, now=RECORDING_ENDS, at=RECORDING_ENDS, progress=progress)
    assert [FIRST] == [item.call for item in done.deleted]
    assert [(SECOND, "recording")] == kept(office)


def test_everything_is_accounted_for(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "BATCH", 2)
    for call in (FIRST, SECOND, THIRD):
        office.call(call, answers=(YES,))
    entered = rows(office, "select id from artifacts order by id")
    assert 9 == len(entered)
    for now, disk in (
        (TEXT_ENDS, Refusing(SECOND)),
        (RECORDING_ENDS, Refusing(FIRST)),
        (RECORDING_ENDS, Disk()),
        (TRANSCRIPT_ENDS, Refusing(THIRD)),
        (TRANSCRIPT_ENDS, Disk()),
    ):
        swept(office, now, disk)
        assert entered == rows(office, "select id from artifacts union all select artifact from receipts order by 1")
        assert [] == rows(office, "select artifact from deletions except select id from artifacts")
    assert [] == kept(office)
    assert [] == rows(office, "select * from deletions")


def test_no_receipt_before_the_key_is_gone(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "BATCH", 1)
    for call in (FIRST, SECOND):
        office.call(call, answers=(YES,))
    looks: list[int] = []

    def look() -> None:
        receipts = rows(office, "select call, kind, part from receipts")
        assert [] == [each for each in receipts if files(office.home, CallId(str(each[0])), ArtifactKind(str(each[1])))]
        looks.append(len(receipts))

    swept(office, TRANSCRIPT_ENDS, Watched(look))
    assert {0, 1, 2, 3, 4, 5} == set(looks)
    assert [(6,)] == rows(office, "select count(*) from receipts")


def test_a_key_that_is_refused_has_no_receipt_and_no_audit_row(office: Office) -> None:
    office.call(FIRST)
    done = swept(office, RECORDING_ENDS, Refusing(".key"))
    assert ([], 2) == (done.deleted, done.stuck)
    assert [] == rows(office, "select * from receipts")
    assert [] == office.audited("deletion")
    assert [(2,)] == rows(office, "select count(*) from deletions")


def test_a_sweep_that_died_is_finished(office: Office) -> None:
    office.call(FIRST)
    office.call(SECOND)

    def die() -> None:
        raise Died

    with pytest.raises(Died):
        swept(office, RECORDING_ENDS, Watched(die))
    assert [(4,)] == rows(office, "select count(*) from deletions")
    assert [(None, 0)] == rows(office, "select completed_at, deleted from sweeps")
    with closing(open_reader(office.home.database)) as connection:
        assert 4 == len(plan(connection, AT)[0]), "a rehearsal tells of what was begun"
    finished = swept(office, AT)
    assert 4 == len(finished.deleted), "what was marked goes, whatever the time"
    assert [] == [*kept(office), *rows(office, "select * from deletions")]
    assert [(4,)] == rows(office, "select deleted from sweeps where completed_at is not null")
    assert [] == faults(office)


def test_nothing_comes_back(office: Office, tmp_path: Path) -> None:
    office.call(FIRST, answers=(YES,))
    backup = tmp_path / "backup"
    shutil.copytree(office.home.incoming, backup)
    assert 3 == len(swept(office, TRANSCRIPT_ENDS).deleted)
    shutil.copytree(backup, office.home.archive, dirs_exist_ok=True)
    keys = TextKeys(office.home.text_keys, credentials.load("desk", office.home))
    keeper = Keeper(office.connection, keys, office.clock, ZoneInfo("Europe/Copenhagen"))
    assert 0 == reconcile((office.home.incoming, office.home.archive), keeper).entered
    sidecars = [msgspec.json.decode(path.read_bytes(), type=Sidecar) for path in sorted(backup.glob("*.json"))]
    assert 2 == len(sidecars)
    office.hear(*(ArtifactClosed(sidecar=each) for each in sidecars))
    assert [] == kept(office)
    assert [] == rows(office, "select id from calls")
    assert 3 == len(rows(office, "select artifact from receipts"))


# --- what goes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "ends", "names"),
    [
        (MASKED, TEXT_ENDS, [f"{FIRST}.key"]),
        (RECORDING, RECORDING_ENDS, [f"{FIRST}.0.json", f"{FIRST}.0.key", f"{FIRST}.0.tavs"]),
        (
            TRANSCRIPT,
            TRANSCRIPT_ENDS,
            [f"{FIRST}.transcript.0.json", f"{FIRST}.transcript.0.key", f"{FIRST}.transcript.0.tavs"],
        ),
    ],
)
def test_an_artifact_goes_with_its_key_and_its_files_and_its_neighbours_stay(
    office: Office, kind: ArtifactKind, ends: datetime, names: list[str]
) -> None:
    office.call(FIRST, answers=(YES,))
    office.clock.advance(86400)
    office.call(SECOND, answers=(YES,))
    swept(office, ends - MOMENT)
    before = set(image(office.home, ".db", "-wal", "-shm"))
    assert names == files(office.home, FIRST, kind)
    swept(office, ends)
    assert set(names) == {Path(path).name for path in before - set(image(office.home, ".db", "-wal", "-shm"))}
    assert [] == files(office.home, FIRST, kind)
    assert names == [name.replace(SECOND, FIRST) for name in files(office.home, SECOND, kind)]


def test_both_folders_are_cleared(office: Office) -> None:
    office.call(FIRST)
    for path in list(office.home.incoming.iterdir()):
        shutil.copy(path, office.home.archive / path.name)
    swept(office, RECORDING_ENDS)
    assert [] == [*office.home.incoming.iterdir(), *office.home.archive.iterdir()]


def test_every_part_of_a_recording_goes(office: Office) -> None:
    office.call(FIRST, parts=3)
    assert [0, 0, 1, 2] == sorted(item.part for item in swept(office, RECORDING_ENDS).deleted)
    assert [] == list(office.home.incoming.iterdir())


def test_masked_text_goes_with_its_rows_and_its_bytes(office: Office) -> None:
    office.call(FIRST)
    [(sealed,)] = rows(office, "select sealed from segments")
    assert isinstance(sealed, bytes)
    assert any(sealed in content for content, _, _ in image(office.home).values()), "the search finds what is there"
    assert swept(office, TEXT_ENDS).is_erased
    assert [] == rows(office, "select id from segments union all select id from suggestions")
    assert [] == [name for name, (content, _, _) in image(office.home).items() if sealed[:24] in content]


def test_the_call_goes_with_its_last_artifact_and_not_before(office: Office) -> None:
    office.call(FIRST, answers=(YES,))
    for ends, left in ((TEXT_ENDS, [(FIRST,)]), (RECORDING_ENDS, [(FIRST,)]), (TRANSCRIPT_ENDS, [])):
        swept(office, ends)
        assert left == rows(office, "select id from calls")
    assert [] == rows(office, "select call from consents union all select call from gaps")


def test_a_call_that_still_runs_stays(office: Office) -> None:
    segment = MaskedSegment(
        call=FIRST, channel=Channel.CUSTOMER, sequence=1, t0_ms=0, t1_ms=1, text=MaskedText("et øjeblik")
    )
    office.hear(CallStarted(call=FIRST, at=AT, source="siprec"), segment)
    assert [] == swept(office, TRANSCRIPT_ENDS).deleted
    assert [(FIRST,)] == rows(office, "select call from segments")


def test_every_deletion_leaves_a_receipt_and_an_audit_row_that_it_names(office: Office) -> None:
    office.call(FIRST)
    swept(office, TEXT_ENDS)
    swept(office, RECORDING_ENDS)
    assert [
        (FIRST, "masked_transcript", 0, "expired", TEXT_ENDS.isoformat()),
        (FIRST, "recording", 0, "expired", RECORDING_ENDS.isoformat()),
    ] == rows(office, "select call, kind, part, reason, deleted_at from receipts order by deleted_at")
    assert [] == rows(
        office,
        "select artifact from receipts left join audit on hash = head and audit.call = receipts.call"
        " and audit.kind = 'deletion' and json_extract(detail, '$.artifact') = artifact where sequence is null",
    )
    assert [("keep", "masked_transcript"), ("keep", "recording")] == [
        (each["actor"], each["what"]) for each in office.audited("deletion")
    ]
    assert [] == faults(office)


def test_the_number_of_an_artifact_that_is_gone_is_given_to_no_other(office: Office) -> None:
    for call in (FIRST, SECOND, THIRD):
        office.call(call)
        swept(office, TRANSCRIPT_ENDS)
    assert 6 == len(rows(office, "select artifact from receipts"))
    assert [] == kept(office)


# --- holds -----------------------------------------------------------------------------------------------------------


def test_a_hold_keeps_the_recording_and_never_the_masked_text(office: Office) -> None:
    office.call(FIRST, answers=(YES,))
    hold(office, FIRST)
    done = swept(office, TRANSCRIPT_ENDS)
    assert [MASKED, TRANSCRIPT] == sorted(item.kind for item in done.deleted)
    assert 1 == done.held
    assert [(FIRST, "recording")] == kept(office)


def test_a_hold_with_a_basis_for_it_keeps_the_transcript_too(office: Office) -> None:
    office.call(FIRST, answers=(YES,))
    hold(office, FIRST, transcript_basis="6(1)(f)")
    swept(office, TRANSCRIPT_ENDS)
    assert [(FIRST, "recording"), (FIRST, "transcript")] == kept(office)


def test_of_two_holds_the_last_lets_go(office: Office) -> None:
    office.call(FIRST)
    numbers = [hold(office, FIRST), hold(office, FIRST)]
    for number, left in zip(numbers, ([(FIRST, "recording")], []), strict=True):
        swept(office, RECORDING_ENDS)
        assert [(FIRST, "recording")] == kept(office)
        holding.release(
            office.connection, number, outcome=Outcome.CLOSED, legal_basis="", until=None, actor="officer", now=AT
        )
        swept(office, RECORDING_ENDS)
        assert left == kept(office)


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_stuck_key_does_not_block_the_others_and_goes_when_it_is_freed(office: Office) -> None:
    for call in (FIRST, SECOND, THIRD):
        office.call(call)
    key = office.home.incoming / f"{SECOND}.0.key"
    content = key.read_bytes()
    key.unlink()
    key.mkdir()
    done = swept(office, RECORDING_ENDS)
    assert (5, 1) == (len(done.deleted), done.stuck)
    assert [(SECOND, "recording")] == kept(office)
    assert [(SECOND,)] == rows(office, "select call from deletions")
    assert 1 == swept(office, RECORDING_ENDS).stuck
    key.rmdir()
    key.write_bytes(content)
    assert [(SECOND, "recording", "expired")] == told(swept(office, RECORDING_ENDS).deleted)
    assert [] == [*kept(office), *office.home.incoming.iterdir()]


def test_a_reader_that_blocks_the_checkpoint_is_told_and_the_next_sweep_tries_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "CHECKPOINT_TRIES", 2)
    office.call(FIRST)
    log = office.home.database.with_name("tavs.db-wal")
    with closing(open_reader(office.home.database)) as reader:
        reader.execute("begin")
        reader.execute("select count(*) from calls").fetchone()
        done = swept(office, RECORDING_ENDS)
        assert (2, False) == (len(done.deleted), done.is_erased)
        assert log.stat().st_size > 0
    done = swept(office, RECORDING_ENDS)
    assert ([], True) == (done.deleted, done.is_erased)


def test_what_an_earlier_sweep_could_not_erase_is_erased_where_nothing_is_due(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.call(FIRST)
    [(sealed,)] = rows(office, "select sealed from segments")
    assert isinstance(sealed, bytes)
    monkeypatch.setattr(sweeping, "emptied", lambda connection: False)
    assert not swept(office, RECORDING_ENDS).is_erased
    monkeypatch.undo()
    assert swept(office, RECORDING_ENDS).is_erased
    assert [] == [name for name, (content, _, _) in image(office.home).items() if sealed[:24] in content]


def test_the_second_of_two_sweeps_leaves(past: Office) -> None:
    before = image(past.home, "-shm", "-wal", "sweep.lock")
    with alone(past.home):
        with pytest.raises(StoreError, match="another sweep is under way"):
            keep.run(past.home, RealClock())
        done = past.tavs("sweep")
        assert (1, "") == (done.returncode, done.stdout)
        assert "tavs: error: another sweep is under way" in done.stderr
    assert before == image(past.home, "-shm", "-wal", "sweep.lock")
    assert 0 == past.tavs("sweep").returncode, "the lock is not left behind"
    assert [] == kept(past)


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_says_what_went_and_why(past: Office) -> None:
    done = past.tavs("sweep", "--json")
    assert 0 == done.returncode, done.stderr
    found = json.loads(done.stdout)
    assert 0 == found["held"]
    assert [("masked_transcript", "expired"), ("recording", "expired")] == sorted(
        (item["kind"], item["reason"]) for item in found["items"]
    )
    assert {FIRST} == {item["call"] for item in found["items"]}
    assert [] == faults(past)


def test_a_dry_run_says_the_same_and_touches_nothing(past: Office) -> None:
    before = image(past.home)
    rehearsed = past.tavs("sweep", "--dry-run", "--json")
    assert 0 == rehearsed.returncode, rehearsed.stderr
    after = image(past.home)
    assert before == {name: after[name] for name in after if not name.endswith(("-shm", "-wal"))}
    assert b"" == after.get("var/lib/tavs/db/tavs.db-wal", (b"", 0, 0))[0], "an empty log and its index at the most"
    assert json.loads(rehearsed.stdout) == json.loads(past.tavs("sweep", "--json").stdout)


def test_a_dry_run_beside_a_desk_touches_nothing_at_all(past: Office) -> None:
    with closing(open_writer(past.home.database)) as desk:
        with transaction(desk):
            desk.execute("update calls set extension = '4711'")
        before = image(past.home, "-shm")
        assert 0 == past.tavs("sweep", "--dry-run").returncode
        assert before == image(past.home, "-shm")


def test_another_time_is_for_test_homes_and_rehearsals(office: Office) -> None:
    office.call(FIRST)
    (office.home.root / TEST_HOME_MARK).unlink()
    before = image(office.home, "-shm")
    refused = office.tavs("sweep", "--now", "2034-03-01T12:00:00Z")
    assert (2, "") == (refused.returncode, refused.stdout)
    assert "only a test home sweeps at another time" in refused.stderr
    assert 2 == len(office.json("sweep", "--dry-run", "--now", "2034-03-01T12:00:00Z")["items"])
    assert before == image(office.home, "-shm")
    (office.home.root / TEST_HOME_MARK).touch()
    assert 1 == len(office.json("sweep", "--now", "2031-03-31T13:00:00+02:00")["items"])
    assert [(FIRST, "recording")] == kept(office)


def test_a_time_that_is_none_is_wrong_use(past: Office) -> None:
    before = image(past.home)
    assert 2 == past.tavs("sweep", "--now", "tomorrow").returncode
    assert before == image(past.home)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (None, "cannot be read"),
        ("", "[recording.documentation] is missing"),
        ("[recording", "not TOML"),
        ('[recording.documentation]\nperiod = "1 moon"\nlegal_basis = "6(1)(f)"\n', "'1 moon' is no period"),
        ("\x00\xff", "cannot be read"),
    ],
)
def test_a_policy_that_cannot_be_read_stops_everything(past: Office, text: str | None, named: str) -> None:
    past.home.retention.unlink()
    if text is not None:
        past.home.retention.write_text(text, encoding="latin-1")
    before = image(past.home)
    for run in (lambda: keep.run(past.home, RealClock()), lambda: keep.rehearse(past.home, RealClock().now())):
        with pytest.raises(ConfigError) as refused:
            run()
        assert 78 == refused.value.exit_code
        assert str(past.home.retention) in refused.value.message and named in refused.value.message
    assert before == image(past.home)


def test_the_command_leaves_with_78_where_the_policy_is_missing(past: Office) -> None:
    past.home.retention.unlink()
    before = image(past.home)
    for arguments in (["sweep"], ["sweep", "--dry-run"]):
        done = past.tavs(*arguments)
        assert (78, "") == (done.returncode, done.stdout)
        assert f"tavs: error: {past.home.retention}" in done.stderr
    assert before == image(past.home)


@pytest.mark.parametrize("start", [0, 4096, 20 * 4096])
def test_a_damaged_database_is_named_and_left(past: Office, start: int) -> None:
    with past.home.database.open("r+b") as file:
        size = file.seek(0, 2)
        assert size > 21 * 4096
        file.seek(start)
        file.write(b"\xa5" * (size - start))
    before = image(past.home, "-shm", "-wal", "sweep.lock", "reserve")
    for arguments in (["sweep"], ["sweep", "--dry-run"]):
        done = past.tavs(*arguments)
        assert (1, "") == (done.returncode, done.stdout)
        assert f"tavs: error: {past.home.database} cannot be" in done.stderr
        assert "tavs: hint: restore it from a backup" in done.stderr
        assert "Traceback" not in done.stderr
    after = image(past.home, "-shm", "-wal", "sweep.lock", "reserve")
    if start < 20 * 4096:
        assert before == after
    else:
        assert {"var/lib/tavs/db/tavs.db"} >= {name for name in before if before[name] != after[name]}


def test_a_bug_shows_its_place_and_never_what_it_worked_on(past: Office) -> None:
    with closing(open_writer(past.home.database)) as connection, transaction(connection):
        connection.execute("update grants set expires_at = '0 Rigmor Vestergaard'")
    done = past.tavs("sweep", "--dry-run", "--now", "9999-01-01T00:00:00Z")
    assert 1 == done.returncode
    assert "Rigmor" not in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.startswith("<3>failed error=ValueError at store/kept.py:")


def test_a_home_without_a_database_gets_none(past: Office) -> None:
    past.home.database.unlink()
    done = past.tavs("sweep")
    assert 1 == done.returncode
    assert "there is no database" in done.stderr
    assert not past.home.database.exists()


# --- the clock -------------------------------------------------------------------------------------------------------


def test_a_clock_that_jumps_suspends_and_its_confirmation_resumes(office: Office) -> None:
    office.call(FIRST)
    keep.run(office.home, office.clock)
    office.clock.set(AT + timedelta(days=3650))
    for _ in range(2):
        done = keep.run(office.home, office.clock)
        assert (True, []) == (done.is_suspended, done.swept.deleted)
        office.clock.restart(off_s=60)
    assert [(FIRST, "masked_transcript"), (FIRST, "recording")] == kept(office)
    assert [(1, 0), (2, 2)] == rows(
        office, "select count(*), count(suspended) from sweeps group by completed_at is null order by 2"
    )
    with transaction(office.connection):
        write_mark(office.connection, clock_guard.confirm(clock_guard.read(office.clock)), "officer")
    done = keep.run(office.home, office.clock)
    assert (False, 2) == (done.is_suspended, len(done.swept.deleted))


def test_a_clock_that_is_set_back_delays_nothing(office: Office) -> None:
    office.call(FIRST)
    keep.run(office.home, office.clock)
    office.clock.advance((TEXT_ENDS - AT).total_seconds())
    office.clock.set(AT - timedelta(days=3650))
    assert [(FIRST, "masked_transcript", "expired")] == told(keep.run(office.home, office.clock).swept.deleted)


def test_a_jump_is_told_by_the_command_and_taken_back_by_clock_confirm(past: Office) -> None:
    now = clock_guard.read(RealClock())
    mark = clock_guard.Mark(wall=now.wall - timedelta(days=729), boottime_s=now.boottime_s, boot_id=now.boot_id)
    with closing(open_writer(past.home.database)) as connection, transaction(connection):
        write_mark(connection, mark)
    done = past.tavs("sweep")
    if now.is_synchronised:
        assert 0 == done.returncode, "a time server is believed"
        return
    assert (1, "") == (done.returncode, done.stdout)
    assert "tavs: error: the clock has jumped, nothing was deleted" in done.stderr
    assert "`tavs clock confirm`" in done.stderr
    assert 1 == past.tavs("sweep").returncode
    assert 2 == len(kept(past))
    assert 0 == past.tavs("clock", "confirm").returncode
    assert 2 == len(past.json("sweep")["items"])
    with closing(open_reader(past.home.database)) as reader:
        found = read_mark(reader)
    assert found and found.confirmed_at and found.suspended_since is None


# --- a full disk -----------------------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Office]:
    """An office on an ext4 file system of its own, with room for the reserve and little more."""
    stick, folder = tmp_path / "image", tmp_path / "stick"
    folder.mkdir()
    with stick.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    commands = [["mkfs.ext4", "-q", "-F", str(stick)], ["mount", "-o", "loop", str(stick), str(folder)]]
    try:
        is_mounted = all(subprocess.run(each, capture_output=True, check=False).returncode == 0 for each in commands)
    except FileNotFoundError:
        is_mounted = False
    if not is_mounted:
        pytest.skip("this machine does not let us mount a file system")
    one = Office(folder / "home", AT)
    yield one
    one.close()
    subprocess.run(["umount", str(folder)], check=True)
    stick.unlink()


def filled(folder: Path) -> Path:
    """Another program's file, in the last free byte."""
    other = folder / "other"
    with other.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    os.write(file.fileno(), bytes(size))
            except OSError as error:
                assert errno.ENOSPC == error.errno
    return other


def test_a_full_disk_still_erases_and_has_its_reserve_again_afterwards(small: Office) -> None:
    small.call(FIRST, answers=(YES,))
    small.call(SECOND)
    keep.run(small.home, small.clock)
    assert reserve.is_whole(small.home)
    other = filled(small.home.root)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        small.hear(*(CallStarted(call=THIRD, at=AT, source="x" * (1 << 20)) for _ in range(4)))
    small.clock.advance((TRANSCRIPT_ENDS - AT).total_seconds())
    done = keep.run(small.home, small.clock)
    assert (5, True) == (len(done.swept.deleted), done.swept.is_erased)
    assert [] == [*kept(small), *rows(small, "select * from deletions")]
    assert [] == faults(small)
    assert not reserve.is_whole(small.home), "it is not what fills the disk"
    other.unlink()
    keep.run(small.home, small.clock)
    assert reserve.is_whole(small.home)
