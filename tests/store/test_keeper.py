"""What the desk writes: once, sealed, with its grants, and never the words themselves."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from tavs.errors import StoreError, UsageError
from tavs.events import (
    ArtifactClosed,
    ArtifactKind,
    CallDescribed,
    CallEnded,
    CallId,
    CallStarted,
    Channel,
    Event,
    Gap,
    GapKind,
    MaskedSegment,
    MaskedText,
    Purpose,
    Sidecar,
    SidecarState,
    SoundGap,
)
from tavs.host.clock import SimulatedClock
from tavs.host.home import Home
from tavs.relay import Received
from tavs.retention.policy import DEFAULT
from tavs.run import prepare
from tavs.store import view
from tavs.store.database import Connection, open_reader, open_writer, refuse_unsafe, transaction
from tavs.store.grants import enter_policy
from tavs.store.keeper import Keeper
from tavs.store.reconcile import reconcile
from tavs.store.text_keys import TextKeys

CALL = CallId("0192f0c1-0000-7000-8000-000000000001")
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
PHRASE = "vandet løb ud over hele gulvet"
SIDECAR = Sidecar(
    call=CALL,
    kind=ArtifactKind.RECORDING,
    part=0,
    file=f"{CALL}.0.tavs",
    state=SidecarState.CLOSED,
    source="siprec",
    call_started_at=AT,
    opened_at=AT,
    closed_at=AT,
    call_ended_at=AT,
    sha256="ab" * 32,
)


class Desk:
    def __init__(self, home: Home) -> None:
        self.home = home
        self.connection: Connection = open_writer(home.database)
        self.clock = SimulatedClock(AT)
        keys = TextKeys(home.text_keys, (home.keys / "desk.key").read_bytes())
        with transaction(self.connection):
            enter_policy(self.connection, DEFAULT, actor="test", now=AT)
        self.keeper = Keeper(self.connection, keys, self.clock, ZoneInfo("Europe/Copenhagen"))
        self.sequence = 0

    def hear(self, *events: Event, boot: str = "one") -> None:
        for event in events:
            self.keeper.apply(Received(boot, self.sequence, event))
            self.sequence += 1

    def whole_call(self) -> None:
        self.hear(STARTED, segment(1), CallEnded(call=CALL, at=AT, reason="bye"), ArtifactClosed(sidecar=SIDECAR))


STARTED = CallStarted(call=CALL, at=AT, source="siprec", trunk="192.0.2.1", extension="4512")


def segment(sequence: int) -> MaskedSegment:
    return MaskedSegment(
        call=CALL,
        channel=Channel.CUSTOMER,
        sequence=sequence,
        t0_ms=0,
        t1_ms=900,
        text=MaskedText(PHRASE),
        delay_ms=500,
    )


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    home = Home(tmp_path / "home")
    prepare(home)
    one = Desk(home)
    yield one
    one.connection.close()


def test_a_call_is_kept_with_its_grants_and_can_be_read_for_their_purpose(desk: Desk) -> None:
    desk.whole_call()
    [kept] = view.calls(desk.home)
    assert {("recording", "documentation"), ("masked_transcript", "training")} == {
        (each["kind"], each["purpose"]) for each in kept["artifacts"]
    }
    shown = view.call(desk.home, CALL, desk.clock)
    assert [PHRASE] == [each["text"] for each in shown["segments"]]
    assert "bye" == shown["end_reason"]
    assert {"2027-03-01T12:00:00+00:00", "2026-03-31T11:00:00+00:00"} == {
        each["expires_at"] for each in shown["artifacts"]
    }


def test_text_whose_grant_has_ended_or_whose_purpose_is_another_is_not_found(desk: Desk) -> None:
    desk.whole_call()
    desk.clock.advance(31 * 86400)
    assert [] == view.call(desk.home, CALL, desk.clock)["segments"]
    reader = open_reader(desk.home.database)
    assert [] == view.segments(reader, desk.home, CALL, purpose=Purpose.QUALITY, now=AT)
    reader.close()


def test_an_event_that_comes_twice_is_written_once(desk: Desk) -> None:
    desk.whole_call()
    desk.sequence = 0
    desk.whole_call()
    assert 1 == len(view.call(desk.home, CALL, desk.clock)["segments"])
    assert 2 == len(view.calls(desk.home)[0]["artifacts"])


def test_a_jump_in_the_relay_is_a_gap_with_its_count(desk: Desk) -> None:
    desk.hear(STARTED)
    desk.sequence += 4
    desk.hear(segment(9))
    [gap] = view.call(desk.home, CALL, desk.clock)["gaps"]
    assert ("relay", 4) == (gap["kind"], gap["count"])


def test_a_connection_that_opens_after_a_loss_shows_it_at_once_and_only_once(desk: Desk) -> None:
    desk.hear(STARTED)
    desk.keeper.apply(Received("one", 3, None))
    desk.keeper.apply(Received("one", 3, segment(1)))
    assert [2] == [gap["count"] for gap in view.call(desk.home, CALL, desk.clock)["gaps"]]


def test_nothing_that_was_said_lies_open_in_any_file(desk: Desk) -> None:
    desk.whole_call()
    for path in desk.home.root.rglob("*"):
        if path.is_file():
            assert PHRASE.encode() not in path.read_bytes(), path.name


def test_destroying_the_key_of_a_call_is_the_erasure_of_its_text(desk: Desk) -> None:
    desk.whole_call()
    (desk.home.text_keys / f"{CALL}.key").unlink()
    with pytest.raises(StoreError, match="is gone"):
        view.call(desk.home, CALL, desk.clock)


def test_a_sealed_text_moved_to_another_row_does_not_open(desk: Desk) -> None:
    desk.hear(STARTED, segment(1), segment(2))
    desk.connection.execute("update segments set sealed = (select sealed from segments where id = 1) where id = 2")
    with pytest.raises(StoreError, match="does not open"):
        view.call(desk.home, CALL, desk.clock)


def test_files_are_the_truth_for_what_the_relay_never_said(desk: Desk) -> None:
    desk.home.incoming.joinpath("a.json").write_bytes(msgspec.json.encode(SIDECAR))
    desk.home.incoming.joinpath("b.json").write_bytes(b"{")
    still_open = msgspec.structs.replace(SIDECAR, call=CallId(CALL[:-1] + "2"), state=SidecarState.OPEN)
    desk.home.incoming.joinpath("c.json").write_bytes(msgspec.json.encode(still_open))
    first = reconcile([desk.home.incoming, desk.home.archive], desk.keeper)
    assert (1, 1) == (first.entered, first.unreadable)
    assert 0 == reconcile([desk.home.incoming], desk.keeper).entered
    assert ["recording"] == [each["kind"] for each in view.calls(desk.home)[0]["artifacts"]]


def test_gaps_of_the_sound_become_gaps_of_the_call(desk: Desk) -> None:
    desk.hear(STARTED, Gap(kind=GapKind.OVERLOAD, call=CALL, channel=Channel.AGENT, t0_ms=5, t1_ms=9))
    assert [("overload", "agent")] == [
        (g["kind"], g["channel"]) for g in view.call(desk.home, CALL, desk.clock)["gaps"]
    ]


def test_a_library_that_loses_rows_is_refused() -> None:
    for version in ((3, 7, 0), (3, 40, 1), (3, 46, 1), (3, 51, 2)):
        with pytest.raises(StoreError, match="lose"):
            refuse_unsafe(version)
    for version in ((3, 44, 6), (3, 50, 7), (3, 51, 3), (3, 53, 4)):
        refuse_unsafe(version)


def test_a_damaged_database_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "tavs.db"
    path.write_bytes(b"this is no database, but somebody's evidence" * 100)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="cannot be used"):
        open_writer(path)
    assert before == path.read_bytes()


def test_unknown_calls_and_missing_databases_are_sentences(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such call"):
        view.call(desk.home, "nonsense")
    with pytest.raises(StoreError, match="no database"):
        view.calls(Home(tmp_path / "nowhere"))


def test_what_was_acknowledged_survives_a_kill(desk: Desk) -> None:
    code = f"""
import os, sys
sys.path[:0] = {[*sys.path, str(Path(__file__).parent)]!r}
from pathlib import Path
from test_keeper import Desk, STARTED, segment
from tavs.host.home import Home
desk = Desk(Home(Path({str(desk.home.root)!r})))
desk.hear(STARTED, *(segment(n) for n in range(1, 51)))
os._exit(9)
"""
    assert 9 == subprocess.run([sys.executable, "-c", code], check=False, env={**os.environ}).returncode
    assert 50 == len(view.call(desk.home, CALL, desk.clock)["segments"])
    assert "ok" == desk.connection.execute("pragma integrity_check").fetchone()[0]


def test_a_part_of_a_call_that_goes_on_ends_nothing_and_gets_its_grants_with_the_others(desk: Desk) -> None:
    ended_at = AT + timedelta(hours=1)
    first = msgspec.structs.replace(SIDECAR, state=SidecarState.INTERRUPTED, call_ended_at=None)
    lost = SoundGap(channel=Channel.UNKNOWN, kind=GapKind.INTERRUPTED, t0_ms=4_000, t1_ms=4_800)
    second = msgspec.structs.replace(
        SIDECAR, part=1, file=f"{CALL}.1.tavs", call_ended_at=ended_at, closed_at=ended_at, gaps=(lost,)
    )
    desk.hear(STARTED, segment(1), ArtifactClosed(sidecar=first))
    assert not desk.keeper.enter(first)
    [running] = view.calls(desk.home)
    assert (None, []) == (running["ended_at"], running["artifacts"])
    desk.sequence = 0
    desk.hear(STARTED, CallDescribed(call=CALL, extension="4512"), segment(4_800), boot="two")
    assert 1 == len(view.calls(desk.home))
    desk.clock.advance(3600)
    desk.hear(
        CallEnded(call=CALL, at=ended_at, reason="bye"),
        ArtifactClosed(sidecar=msgspec.structs.replace(first, call_ended_at=ended_at)),
        ArtifactClosed(sidecar=second),
        boot="two",
    )
    shown = view.call(desk.home, CALL, desk.clock)
    assert "bye" == shown["end_reason"]
    recordings = [each for each in shown["artifacts"] if each["kind"] == "recording"]
    assert [(0, "interrupted"), (1, "closed")] == [(each["part"], each["state"]) for each in recordings]
    assert {ended_at.isoformat()} == {each["granted_at"] for each in recordings}
    assert 1 == len({each["expires_at"] for each in recordings})
    assert [1, 4_800] == [each["seq"] for each in shown["segments"]]
    assert [(4.0, 4.8)] == [(each["t0"], each["t1"]) for each in shown["gaps"] if each["kind"] == "interrupted"]


def test_a_call_without_an_end_on_disk_is_not_ended_by_the_files_however_old(desk: Desk) -> None:
    desk.hear(STARTED)
    waiting = msgspec.structs.replace(SIDECAR, state=SidecarState.INTERRUPTED, call_ended_at=None)
    (desk.home.incoming / f"{CALL}.0.json").write_bytes(msgspec.json.encode(waiting))
    desk.clock.advance(3 * 86400)
    assert 0 == reconcile([desk.home.incoming], desk.keeper).entered
    assert view.calls(desk.home)[0]["ended_at"] is None
