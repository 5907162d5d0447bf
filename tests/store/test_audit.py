"""The audit log: nothing personal gets in, and nothing that was written can be changed or taken out unseen."""

import enum
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import nacl.signing
import pysqlite3.dbapi2 as sqlite3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tavs.errors import StoreError
from tavs.events import ArtifactKind, CallId, Purpose
from tavs.retention.holds import CaseRef
from tavs.store import audit
from tavs.store.audit import GENESIS, Detail, Fault, Flaw, Head, Kind, Sha256
from tavs.store.database import Connection, open_writer

CALL = CallId("0192f0c1-0000-7000-8000-000000000001")
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SEED = bytes(range(32))
PUBLIC = bytes(nacl.signing.SigningKey(SEED).verify_key)
ROWS = 12
SIGNED = 8
TEXT_COLUMNS = ("at", "kind", "actor", "call", "detail", "previous", "hash")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Connection]:
    """An empty log, in a database that an attacker may do anything to."""
    connection = open_writer(tmp_path / "tavs.db")
    connection.execute("drop trigger audit_is_not_changed")
    connection.execute("drop trigger audit_is_not_deleted")
    connection.execute("pragma synchronous = off")
    yield connection
    connection.close()


@pytest.fixture
def written(log: Connection) -> Connection:
    """Twelve rows, of which the eighth was signed as the head."""
    write(log, SIGNED)
    audit.sign_head(log, SEED, AT)
    write(log, ROWS - SIGNED)
    return log


def write(connection: Connection, count: int, actor: str = "sweep") -> list[str]:
    return [
        audit.append(connection, at=AT, kind=Kind.DELETION, actor=actor, call=CALL, artifact=number)
        for number in range(count)
    ]


def row(connection: Connection, sequence: int) -> dict[str, object]:
    cursor = connection.execute("select * from audit where sequence = ?", (sequence,))
    return dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))


def written_anew(connection: Connection, start: int) -> None:
    """What somebody does who knows how the hashes are made: change a row, and bind all later ones to it."""
    later = connection.execute("select count(*) from audit where sequence >= ?", (start,)).fetchone()[0]
    connection.execute("delete from audit where sequence >= ?", (start,))
    write(connection, later, actor="somebody")


def receipt(connection: Connection, artifact: int, head: str) -> None:
    connection.execute(
        "insert into receipts values (?, ?, 'recording', 0, 'expired', ?, ?)", (artifact, CALL, AT.isoformat(), head)
    )


def test_a_row_says_what_was_done_when_by_whom_and_to_which_call(log: Connection) -> None:
    digest = audit.append(
        log,
        at=AT.astimezone(timezone(timedelta(hours=1))),
        kind=Kind.HOLD_PLACED,
        actor="mette.k",
        call=CALL,
        review_on=date(2026, 6, 1),
        until=AT,
        artifact=7,
        purpose=Purpose.QUALITY,
        of=ArtifactKind.RECORDING,
        case=CaseRef("K-2031/118"),
        reason=Sha256("ab" * 32),
    )
    assert {
        "sequence": 1,
        "at": "2026-03-01T12:00:00+00:00",
        "kind": "hold-placed",
        "actor": "mette.k",
        "call": CALL,
        "detail": json.dumps(
            {
                "artifact": 7,
                "case": "K-2031/118",
                "of": "recording",
                "purpose": "quality",
                "reason": "ab" * 32,
                "review_on": "2026-06-01",
                "until": "2026-03-01T12:00:00+00:00",
            }
        ),
        "previous": GENESIS,
        "hash": digest,
    } == row(log, 1)
    assert Head(1, digest) == audit.head(log)


def test_an_untouched_log_has_no_fault_at_any_length(log: Connection) -> None:
    assert audit.head(log) is None
    assert audit.sign_head(log, SEED, AT) is None
    assert [] == audit.verify(log, PUBLIC)
    for length in range(1, 6):
        [digest] = write(log, 1)
        assert Head(length, digest) == audit.sign_head(log, SEED, AT)
        assert [] == audit.verify(log, PUBLIC)
        assert [] == audit.verify(log, None)


@pytest.mark.parametrize("actor", ["mette", "tavs-keep", "svc_tavs$", "m.k", "sweep", "a" * 32])
def test_programs_and_logins_are_named(log: Connection, actor: str) -> None:
    write(log, 1, actor)
    assert actor == row(log, 1)["actor"]


@pytest.mark.parametrize("actor", ["", "Mette Kristensen", "mette kristensen", "4512345678", "a" * 33, "m\n", "ærlig"])
def test_who_is_no_program_and_no_login_is_unknown(log: Connection, actor: str) -> None:
    write(log, 1, actor)
    assert "unknown" == row(log, 1)["actor"]


class Odd(enum.Enum):
    PAIR = ("a", "b")


@pytest.mark.parametrize(
    "text",
    [
        "kunden ringede igen", "Mette", "+4512345678", "12345678", "010203-1234", "4571123412341234", "AB" * 32, "ab" * 31,
        "K-2031/118 Mette", "K-2031/118\n", 1.5, None, b"bytes", Odd.PAIR, ["K-1"],
    ],
)  # fmt: skip
def test_free_text_is_refused_without_being_repeated(log: Connection, text: Detail) -> None:
    with pytest.raises(TypeError, match="detail note is neither") as refused:
        audit.append(log, at=AT, kind=Kind.EXPORT, actor="mette", note=text)
    assert str(text) not in str(refused.value)
    assert audit.head(log) is None


def test_a_call_is_named_by_its_id_only(log: Connection) -> None:
    with pytest.raises(TypeError, match="by its id"):
        audit.append(log, at=AT, kind=Kind.EXPORT, actor="mette", call=CallId("+4512345678"))
    assert audit.head(log) is None


def test_a_case_without_a_reference_may_be_told_as_such(log: Connection) -> None:
    audit.append(log, at=AT, kind=Kind.HOLD_PLACED, actor="mette", case=CaseRef(""))
    assert '{"case": ""}' == row(log, 1)["detail"]


def test_rows_are_neither_changed_nor_deleted_by_a_program_of_ours(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "tavs.db")
    write(connection, 2)
    for statement in ("update audit set actor = 'nobody'", "delete from audit", "delete from audit where sequence = 2"):
        with pytest.raises(sqlite3.IntegrityError, match="audit rows are not"):
            connection.execute(statement)
    assert [] == audit.verify(connection, None)
    connection.close()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, ROWS), st.sampled_from(TEXT_COLUMNS), st.binary(max_size=80))
def test_any_change_of_any_cell_is_found_at_its_row(
    written: Connection, sequence: int, column: str, cell: bytes
) -> None:
    before = str(row(written, sequence)[column]).encode()
    written.execute("savepoint untouched")
    written.execute(f"update audit set {column} = cast(? as text) where sequence = ?", (cell, sequence))
    faults = audit.verify(written, PUBLIC)
    written.execute("rollback to untouched")
    written.execute("release untouched")
    assert (cell != before) == (Fault(sequence, Flaw.CHANGED) in faults)
    assert {fault.sequence for fault in faults} <= {sequence, sequence + 1}
    assert [] == audit.verify(written, PUBLIC)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.integers(1, ROWS), min_size=1))
def test_rows_that_were_taken_out_are_named(written: Connection, gone: set[int]) -> None:
    written.execute("savepoint untouched")
    for sequence in gone:
        written.execute("delete from audit where sequence = ?", (sequence,))
    faults = audit.verify(written, PUBLIC)
    written.execute("rollback to untouched")
    written.execute("release untouched")
    last = max(set(range(1, ROWS + 1)) - gone, default=0)
    assert {sequence for sequence in gone if sequence < max(last, SIGNED + 1)} == {
        fault.sequence + place for fault in faults for place in range(fault.count)
    }
    assert {Flaw.MISSING if fault.sequence < last else Flaw.CUT for fault in faults} == {fault.what for fault in faults}


FORGERIES: list[tuple[str, Callable[[Connection], object], list[Fault]]] = [
    (
        "a cut tail that a signed head stood on",
        lambda log: log.execute("delete from audit where sequence > 5"),
        [Fault(6, Flaw.CUT, 3)],
    ),
    (
        "everything cut",
        lambda log: log.execute("delete from audit"),
        [Fault(1, Flaw.CUT, SIGNED)],
    ),
    (
        "rows from the middle",
        lambda log: log.execute("delete from audit where sequence in (3, 4, 6)"),
        [Fault(3, Flaw.MISSING, 2), Fault(6, Flaw.MISSING)],
    ),
    (
        "a chain written anew up to its end",
        lambda log: written_anew(log, 4),
        [Fault(SIGNED, Flaw.REWRITTEN)],
    ),
    (
        "a row exchanged with a hash of its own",
        lambda log: log.execute("update audit set hash = ? where sequence = 5", ("ab" * 32,)),
        [Fault(5, Flaw.CHANGED), Fault(6, Flaw.UNBOUND)],
    ),
    (
        "a row before the first",
        lambda log: log.execute("insert into audit select 0, at, kind, actor, call, detail, previous, hash from audit where sequence = 1"),
        [Fault(0, Flaw.CHANGED), Fault(0, Flaw.UNBOUND)],
    ),
    (
        "a row far away",
        lambda log: log.execute("update audit set sequence = 9000000000 where sequence = 12"),
        [Fault(12, Flaw.MISSING, 9000000000 - 12), Fault(9000000000, Flaw.CHANGED)],
    ),
    (
        "two rows in each other's place",
        lambda log: log.executescript(
            "update audit set sequence = -1 where sequence = 10; update audit set sequence = 10 where sequence = 11;"
            "update audit set sequence = 11 where sequence = -1"
        ),
        [
            Fault(10, Flaw.CHANGED), Fault(10, Flaw.UNBOUND), Fault(11, Flaw.CHANGED), Fault(11, Flaw.UNBOUND),
            Fault(12, Flaw.UNBOUND),
        ],
    ),
    (
        "a head signed with another key",
        lambda log: audit.sign_head(log, bytes(32), AT),
        [Fault(ROWS, Flaw.FORGED)],
    ),
    (
        "a head without a signature",
        lambda log: log.execute("update heads set signature = 'none'"),
        [Fault(SIGNED, Flaw.FORGED)],
    ),
    (
        "a head moved to another row",
        lambda log: log.execute("update heads set sequence = 9"),
        [Fault(9, Flaw.FORGED)],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("forge", "faults"), [each[1:] for each in FORGERIES], ids=[each[0] for each in FORGERIES])
def test_a_forgery_is_named(written: Connection, forge: Callable[[Connection], object], faults: list[Fault]) -> None:
    forge(written)
    assert faults == audit.verify(written, PUBLIC)


def test_without_the_key_a_head_still_binds_its_row(written: Connection) -> None:
    written_anew(written, 4)
    assert [Fault(SIGNED, Flaw.REWRITTEN)] == audit.verify(written, None)


def test_a_tail_cut_after_the_last_signed_head_is_betrayed_by_the_receipts(written: Connection) -> None:
    for sequence in (9, 11, 12):
        receipt(written, sequence, str(row(written, sequence)["hash"]))
    assert [] == audit.verify(written, PUBLIC)
    written.execute("delete from audit where sequence > 10")
    assert [Fault(0, Flaw.UNTOLD, 2)] == audit.verify(written, PUBLIC)


def test_a_row_is_signed_once_and_never_as_another(written: Connection) -> None:
    before = written.execute("select * from heads").fetchall()
    audit.sign_head(written, SEED, AT)
    audit.sign_head(written, SEED, AT + timedelta(days=1))
    after = written.execute("select * from heads order by sequence").fetchall()
    assert (before, 2) == (after[:1], len(after))
    assert AT.isoformat() == after[1][2]
    written_anew(written, ROWS)
    with pytest.raises(StoreError, match=f"row {ROWS} of the audit log is not the one that was signed"):
        audit.sign_head(written, SEED, AT)


def test_what_is_rolled_back_leaves_no_gap(log: Connection) -> None:
    write(log, 1)
    log.execute("begin immediate")
    write(log, 2)
    log.execute("rollback")
    write(log, 1)
    assert [] == audit.verify(log, None)
    assert 2 == (audit.head(log) or Head(0, "")).sequence


def test_rows_cannot_trade_text_with_their_neighbours(log: Connection) -> None:
    """The cells are told apart in what is hashed, not only strung together."""
    audit.append(log, at=AT, kind=Kind.KEY, actor="ab")
    log.execute("update audit set kind = 'keya', actor = 'b'")
    assert [Fault(1, Flaw.CHANGED)] == audit.verify(log, None)


def test_faults_are_sentences() -> None:
    assert "row 7: changed" == str(Fault(7, Flaw.CHANGED))
    assert "rows 9 to 11: cut off the end" == str(Fault(9, Flaw.CUT, 3))
    assert "2 of the rows: named by a receipt and not there" == str(Fault(0, Flaw.UNTOLD, 2))


def test_a_damaged_database_is_a_sentence(log: Connection) -> None:
    log.execute("drop table heads")
    with pytest.raises(StoreError, match="audit log cannot be read"):
        audit.verify(log, PUBLIC)
