"""The audit log: every decision about what is kept, append-only, each row bound to the one before by its hash.

1. A row says what was done, when, by whom and to which call, in numbers, enums, dates and references. There is no way
   to hand over free text; the only person it can name is the one who acted, by login.
2. Rows are numbered from 1 without gaps. The hash of a row is the SHA-256 of its other columns, in the order of the
   schema, as one JSON array without spaces ('' for null); the last of them is the hash of the row before.
3. Who can write the database can write the chain anew, so its head is signed from time to time: what stands before a
   signed head can be neither changed nor cut. What came later is witnessed by the receipts of deletions, and by the
   heads that went to the journal and the metrics.
4. Verifying changes nothing and names every row that is not as it was written.
"""

from __future__ import annotations

import enum
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NewType

import nacl.exceptions
import nacl.signing
import pysqlite3.dbapi2 as sqlite3

from tavs.errors import StoreError
from tavs.events import CallId
from tavs.retention.holds import CASE_REF, CaseRef
from tavs.store.database import Connection

Sha256 = NewType("Sha256", str)
"""64 hexadecimal digits, lower case: of a file, of a key, of sealed prose."""

Detail = int | enum.Enum | datetime | date | CaseRef | Sha256
GENESIS = "0" * 64
UNKNOWN_ACTOR = "unknown"

_ACTOR = re.compile(r"[a-z][a-z0-9_.-]{0,31}\$?")
"""A program or a login, as useradd(8) lets it be named, and with a domain's dots."""
_CALL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TOLD = ("at", "kind", "actor", "call", "detail", "previous")


class Kind(enum.StrEnum):
    """What was done."""

    GRANT = "grant"
    GRANT_ENDED = "grant-ended"
    HOLD_PLACED = "hold-placed"
    HOLD_RELEASED = "hold-released"
    EXPORT = "export"
    DELETION = "deletion"
    POLICY = "policy"
    KEY = "key"
    CONSENT = "consent"
    RESTRICTION = "restriction"
    ERASURE = "erasure"
    OBJECTION = "objection"
    WITHDRAWAL = "withdrawal"
    CLOCK = "clock"
    ARCHIVED = "archived"
    """A closed file went to the archive; its hash is part of the row."""
    ORPHAN = "orphan"
    """A file without a row or a row without a file was found."""
    RESTORED = "restored"
    """The box was restored from a backup, or somebody answers for what is not known since."""
    EGRESS = "egress"
    """The last row of what left the box, and its hash, at some moment."""
    HEAD_FAULT = "head-fault"
    """The log itself was found changed."""


class Flaw(enum.StrEnum):
    """What is wrong with a row."""

    CHANGED = "changed"
    """It does not say what its hash was made of."""
    UNBOUND = "not bound to the row before"
    MISSING = "missing"
    CUT = "cut off the end"
    """It was signed as a head, or came before one that was, and is gone with all that followed."""
    REWRITTEN = "not the row that was signed"
    FORGED = "signed with another key"
    UNTOLD = "named by a receipt and not there"
    """Its number is not known: the fault has the sequence 0."""


@dataclass(frozen=True, slots=True)
class Fault:
    sequence: int
    what: Flaw
    count: int = 1
    """Rows it is true of, from `sequence` on."""

    def __str__(self) -> str:
        if self.what is Flaw.UNTOLD:
            return f"{self.count} of the rows: {self.what}"
        if self.count == 1:
            return f"row {self.sequence}: {self.what}"
        return f"rows {self.sequence} to {self.sequence + self.count - 1}: {self.what}"


@dataclass(frozen=True, slots=True)
class Head:
    """The last row of the chain at some moment."""

    sequence: int
    hash: str


def append(
    connection: Connection, *, at: datetime, kind: Kind, actor: str, call: CallId | None = None, **detail: Detail
) -> str:
    """The hash of the new row. The caller holds the transaction, and what it tells of is part of it.

    Raises TypeError for a detail or a call that could carry free text.
    """
    if call is not None and not _CALL.fullmatch(call):
        raise TypeError("an audited call is named by its id")
    last = head(connection) or Head(0, GENESIS)
    sequence = last.sequence + 1
    told = (
        at.astimezone(UTC).isoformat(),
        kind.value,
        actor if _ACTOR.fullmatch(actor) else UNKNOWN_ACTOR,
        call,
        json.dumps({name: _value(name, value) for name, value in detail.items()}, sort_keys=True),
        last.hash,
    )
    digest = _hash(sequence, [cell or "" for cell in told])
    connection.execute("insert into audit values (?, ?, ?, ?, ?, ?, ?, ?)", (sequence, *told, digest))
    return digest


def head(connection: Connection) -> Head | None:
    """None for a log in which nothing was written yet."""
    row = connection.execute("select sequence, hash from audit order by sequence desc limit 1").fetchone()
    return None if row is None else Head(int(row[0]), str(row[1]))


def sign_head(connection: Connection, signing_key: bytes, at: datetime) -> Head | None:
    """Sign the last row, once. None where there is none; StoreError where that row was signed as another."""
    last = head(connection)
    if last is None:
        return None
    signature = nacl.signing.SigningKey(signing_key).sign(_signed(last)).signature.hex()
    connection.execute(
        "insert into heads values (?, ?, ?, ?) on conflict (sequence) do nothing",
        (last.sequence, last.hash, at.astimezone(UTC).isoformat(), signature),
    )
    kept = connection.execute("select hash from heads where sequence = ?", (last.sequence,)).fetchone()[0]
    if kept != last.hash:
        raise StoreError(
            f"row {last.sequence} of the audit log is not the one that was signed", "run tavs audit verify"
        )
    return last


def verify(connection: Connection, verify_key: bytes | None) -> list[Fault]:
    """Every fault, by row; without a key the signatures are believed. Raises StoreError for a damaged database."""
    try:
        return sorted(_faults(connection, verify_key), key=lambda fault: fault.sequence)
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"the audit log cannot be read ({type(error).__name__})", "restore the database from a backup"
        ) from None


def _faults(connection: Connection, verify_key: bytes | None) -> Iterator[Fault]:
    # Heads are read before rows: a row that is appended meanwhile is no fault, a head without its row would be one.
    heads: dict[int, str] = {}
    for sequence, (digest, signature) in _rows(connection, "heads", ("hash", "signature")):
        if verify_key is None or _is_signed(Head(sequence, digest), signature, verify_key):
            heads[sequence] = digest
        else:
            yield Fault(sequence, Flaw.FORGED)
    last = Head(0, GENESIS)
    for sequence, (*told, digest) in _rows(connection, "audit", (*_TOLD, "hash")):
        if _hash(sequence, told) != digest:
            yield Fault(sequence, Flaw.CHANGED)
        if sequence > last.sequence + 1:
            yield Fault(last.sequence + 1, Flaw.MISSING, sequence - last.sequence - 1)
        elif sequence < 1 or told[-1] != last.hash:
            yield Fault(sequence, Flaw.UNBOUND)
        if heads.pop(sequence, digest) != digest:
            yield Fault(sequence, Flaw.REWRITTEN)
        if sequence > 0:
            last = Head(sequence, digest)
    if (signed := max(heads, default=0)) > last.sequence:
        yield Fault(last.sequence + 1, Flaw.CUT, signed - last.sequence)
    untold = "select count(*) from receipts where head not in (select hash from audit where kind = 'deletion')"
    if count := connection.execute(untold).fetchone()[0]:
        yield Fault(0, Flaw.UNTOLD, count)


def _rows(connection: Connection, table: str, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Sequence and columns in order, read as bytes: a changed row need not hold valid text. Null reads as ''."""
    cells = ", ".join(f"coalesce(cast({column} as blob), x'')" for column in columns)
    for sequence, *row in connection.execute(f"select sequence, {cells} from {table} order by sequence"):
        yield sequence, [cell.decode(errors="surrogateescape") for cell in row]


def _hash(sequence: int, told: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps([sequence, *told], separators=(",", ":")).encode("ascii")).hexdigest()


def _signed(head: Head) -> bytes:
    return f"tavs audit {head.sequence} {head.hash}".encode(errors="surrogateescape")


def _is_signed(head: Head, signature: str, verify_key: bytes) -> bool:
    try:
        nacl.signing.VerifyKey(verify_key).verify(_signed(head), bytes.fromhex(signature))
    except (ValueError, nacl.exceptions.BadSignatureError):
        return False
    return True


def _value(name: str, value: object) -> int | str:
    match value:
        case enum.Enum(value=int() | str() as member):
            return member
        case int():
            return int(value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case "":
            return ""
        case str() if CASE_REF.fullmatch(value) or _SHA256.fullmatch(value):
            return value
    raise TypeError(f"detail {name} is neither a number, an enum, a date nor a reference")
