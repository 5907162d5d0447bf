"""The sweep is killed at every step, and the next one ends what it began: nothing due is left, nothing undue is lost.

A step is a statement handed to the database, or a call to the disk; a key may also be half overwritten. The process that
sweeps is a child that ends as by a kill -9: no transaction is rolled back, no connection is closed.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from office import YES, Office, call_id
from tavs.events import ArtifactKind, CallId
from tavs.host import credentials
from tavs.host.clock import SimulatedClock
from tavs.host.home import Home
from tavs.retention import sweep as sweeping
from tavs.retention.archive import archive
from tavs.retention.destroy import Disk
from tavs.retention.holds import CaseRef, HoldKind
from tavs.retention.sweep import emptied, sweep
from tavs.rights import holding
from tavs.store import audit
from tavs.store.database import Connection, open_writer, transaction
from tavs.store.files import keys_of, rest_of
from tavs.store.keeper import Keeper
from tavs.store.reconcile import reconcile
from tavs.store.text_keys import TextKeys

AT = datetime(2031, 3, 1, 12, tzinfo=UTC)
NOW = datetime(2032, 3, 2, 12, tzinfo=UTC)
CONSENTED, PLAIN, LATER, HELD = (call_id(number) for number in range(1, 5))
RECORDING, TRANSCRIPT, MASKED = ArtifactKind.RECORDING, ArtifactKind.TRANSCRIPT, ArtifactKind.MASKED_TRANSCRIPT
DUE = {
    (CONSENTED, RECORDING), (PLAIN, RECORDING), (CONSENTED, MASKED), (PLAIN, MASKED), (LATER, MASKED), (HELD, MASKED),
}  # fmt: skip
UNDUE = {(CONSENTED, TRANSCRIPT), (LATER, RECORDING), (HELD, RECORDING)}
KILLED, DONE, FAILED = 9, 0, 70

Artifact = tuple[CallId, ArtifactKind]


class Steps:
    """Counts what the sweep does; the process is gone when none are left."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.taken = 0
        self._one_at_a_time = threading.Lock()

    def __call__(self) -> None:
        with self._one_at_a_time:
            if self.taken == self.left:
                os._exit(KILLED)
            self.taken += 1


class MortalConnection:
    """As much of a connection as the sweep uses."""

    def __init__(self, connection: Connection, step: Steps) -> None:
        self._connection = connection
        self._step = step

    def execute(self, statement: str, values: Iterable[object] = ()) -> object:
        self._step()
        return self._connection.execute(statement, tuple(values))


class UnsyncedDisk(Disk):
    """A kill cuts no power: nothing waits for the medium here."""

    def sync(self, folders: Iterable[int]) -> None:
        """What was written is seen by the next process."""


class MortalDisk(UnsyncedDisk):
    def __init__(self, step: Steps) -> None:
        self._step = step

    def open(self, folder: Path) -> int:
        self._step()
        return super().open(folder)

    def overwrite(self, folder: int, name: str) -> None:
        self._step()
        descriptor = os.open(name, os.O_RDWR, dir_fd=folder)
        os.write(descriptor, os.urandom(os.fstat(descriptor).st_size // 2))
        self._step()
        os.close(descriptor)
        super().overwrite(folder, name)

    def sync(self, folders: Iterable[int]) -> None:
        self._step()
        super().sync(folders)

    def unlink(self, folder: int, name: str) -> None:
        self._step()
        super().unlink(folder, name)

    def sync_folder(self, folder: int) -> None:
        self._step()
        super().sync_folder(folder)


def work(connection: Connection, home: Home, disk: Disk) -> None:
    """What process 3 does in one run, in its order."""
    archive(connection, home, NOW)
    sweep(connection, home, now=NOW, at=NOW, disk=disk)
    with transaction(connection):
        audit.sign_head(connection, credentials.load("audit", home), NOW)


def killed_at(home: Home, left: int) -> bool:
    """Whether a run in a process of its own was killed by its steps coming to an end."""
    child = os.fork()
    if child == 0:
        ended = FAILED
        try:
            step = Steps(left)
            connection = cast(Connection, MortalConnection(open_writer(home.database), step))
            work(connection, home, MortalDisk(step))
            ended = DONE
        finally:
            os._exit(ended)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (KILLED, DONE), "the child failed by itself"
    return code == KILLED


def steps_of(home: Home) -> int:
    step = Steps(-1)
    with closing(open_writer(home.database)) as connection:
        work(cast(Connection, MortalConnection(connection, step)), home, MortalDisk(step))
    return step.taken


@dataclass
class Template:
    """A home as it lies on the disk before the sweep, and what of it has to be there afterwards."""

    home: Home
    ids: dict[Artifact, int] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)

    def copy(self, root: Path) -> Home:
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.home.root, root, ignore=shutil.ignore_patterns("*.sock"))
        return Home(root)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    office = Office(tmp_path_factory.mktemp("template") / "home", AT)
    office.call(CONSENTED, answers=(YES,))
    office.call(PLAIN)
    office.call(LATER, ended_at=AT + timedelta(days=100))
    office.call(HELD)
    _hold(office.connection, office.home, HELD)
    made = Template(office.home)
    rows = office.connection.execute("select call, kind, id from artifacts").fetchall()
    made.ids = {(CallId(call), ArtifactKind(kind)): number for call, kind, number in rows}
    office.close()
    assert DUE | UNDUE == set(made.ids)
    made.contents = {path.name: path.read_bytes() for path in _paths(made.home, UNDUE)}
    assert 9 == len(made.contents)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where that can be: two hundred homes are made and thrown away."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as name:
        yield Path(name)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that one run has several."""
    monkeypatch.setattr(sweeping, "BATCH", 2)


def _hold(connection: Connection, home: Home, call: CallId) -> None:
    holding.place(
        connection, kind=HoldKind.COMPLAINT, call=call, party_ref=None, reason="an invented reason",
        owner="an invented owner", review_on=None, case=CaseRef("K-1"), transcript_basis=None,
        site_public=credentials.load("site-public", home), actor="officer", now=AT,
    )  # fmt: skip


def _paths(home: Home, artifacts: Iterable[Artifact]) -> list[Path]:
    paths = [
        path for call, kind in artifacts for path in (*keys_of(home, call, kind, 0), *rest_of(home, call, kind, 0))
    ]
    return [path for path in paths if path.exists()]


def _known(connection: Connection, table: str) -> set[Artifact]:
    rows = connection.execute(f"select call, kind from {table}").fetchall()
    assert len(rows) == len(set(rows))
    return {(CallId(call), ArtifactKind(kind)) for call, kind in rows}


def holds_at_any_moment(home: Home, template: Template) -> None:
    """What is true after a kill, before anybody has mended anything."""
    with closing(open_writer(home.database)) as connection:
        rows, marks, receipts = (_known(connection, table) for table in ("artifacts", "deletions", "receipts"))
        assert not rows & receipts
        assert DUE | UNDUE == rows | receipts, "everything_is_accounted_for"
        assert marks <= DUE & rows, "nothing_goes_before_its_time"
        assert [] == _paths(home, receipts), "no_receipt_before_the_key_is_gone"
        touched = {path.name for path in _paths(home, DUE - marks)}
        whole = {path.name for path in _paths(template.home, DUE - marks - receipts)}
        assert whole <= touched, "nothing is destroyed that is not marked"
        assert template.contents == {path.name: path.read_bytes() for path in _paths(home, UNDUE)}
        assert [] == audit.verify(connection, credentials.load("audit-public", home))
        assert "ok" == connection.execute("pragma integrity_check").fetchone()[0]


def holds_at_the_end(home: Home, template: Template, due: set[Artifact] = DUE) -> None:
    holds_at_any_moment(home, template)
    with closing(open_writer(home.database)) as connection:
        assert set() == _known(connection, "deletions"), "a_sweep_that_died_is_finished"
        assert due == _known(connection, "receipts")
        assert (DUE | UNDUE) - due == _known(connection, "artifacts")
        assert [] == _paths(home, due)
        assert {(template.ids[each],) for each in due} == set(
            connection.execute(
                "select artifact from receipts join audit on hash = head and json_extract(detail, '$.artifact') = artifact"
            ).fetchall()
        )
        assert (len(due),) == connection.execute("select count(*) from audit where kind = 'deletion'").fetchone()
        assert [] == connection.execute("select call from segments").fetchall()
        gone = {call for call, _ in due} - {call for call, _ in (DUE | UNDUE) - due}
        assert {call for call, _ in DUE} - gone == {
            CallId(row[0]) for row in connection.execute("select id from calls").fetchall()
        }
        keys = TextKeys(home.text_keys, credentials.load("desk", home))
        keeper = Keeper(connection, keys, SimulatedClock(NOW), ZoneInfo("Europe/Copenhagen"))
        assert 0 == reconcile((home.incoming, home.archive), keeper).entered, "nothing_comes_back"
        assert emptied(connection)
    assert [] == [path.name for path in home.incoming.iterdir()], "what is kept was archived"


def finish(home: Home) -> None:
    with closing(open_writer(home.database)) as connection:
        work(connection, home, UnsyncedDisk())


def test_a_kill_at_any_step_loses_nothing_and_the_next_sweep_ends_it(template: Template, folder: Path) -> None:
    steps = steps_of(template.copy(folder / "counted"))
    holds_at_the_end(Home(folder / "counted"), template)
    assert steps > 150, "the sweep's steps are seen"
    for left in range(steps + 1):
        home = template.copy(folder / "home")
        try:
            assert (left < steps) == killed_at(home, left)
            holds_at_any_moment(home, template)
            finish(home)
            holds_at_the_end(home, template)
        except AssertionError as error:
            raise AssertionError(f"killed before step {left} of {steps}") from error


@pytest.mark.parametrize("seed", range(8))
def test_one_kill_after_the_other_changes_nothing_of_it(template: Template, folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    home = template.copy(folder / "home")
    kills = 0
    while kills < 6 and killed_at(home, chance.randrange(120)):
        kills += 1
        holds_at_any_moment(home, template)
    finish(home)
    holds_at_the_end(home, template)


def test_a_hold_placed_after_a_kill_keeps_what_was_not_marked(template: Template, folder: Path) -> None:
    steps = steps_of(template.copy(folder / "counted"))
    outcomes = set()
    for left in range(0, steps, 9):
        home = template.copy(folder / "home")
        killed_at(home, left)
        with closing(open_writer(home.database)) as connection:
            lost = (PLAIN, RECORDING) in _known(connection, "deletions") | _known(connection, "receipts")
            if not lost:
                _hold(connection, home, PLAIN)
        finish(home)
        holds_at_the_end(home, template, DUE if lost else DUE - {(PLAIN, RECORDING)})
        outcomes.add(lost)
    assert {True, False} == outcomes


def test_two_sweeps_after_another_are_one(template: Template, folder: Path) -> None:
    home = template.copy(folder / "home")
    for _ in range(2):
        finish(home)
        holds_at_the_end(home, template)
