"""What left the box for the advisory model: a row before each payload, a chain by hash, and the proof of both.

1. A row holds ids, sizes and hashes; no word of a call or of a model. It outlives the call it names, for a year.
2. Rows are numbered without gaps. The hash of a row is the SHA-256 of its other columns, in the order of the schema,
   as one JSON array without spaces; the last of them is the hash of the row before.
3. For as long as the words of a row are kept its payload can be made again, and must have the hash that was written.
4. Rows go from the front only, and the last one stays: the chain goes on from it.
5. Every sweep enters its last row in the audit log, whose head is signed: a chain cut short or written anew shows.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import pysqlite3.dbapi2 as sqlite3

from tavs.errors import StoreError
from tavs.events import CallId
from tavs.host.clock import Clock
from tavs.store import audit
from tavs.store.audit import GENESIS, Fault, Flaw
from tavs.store.database import Connection, transaction
from tavs.store.kept import utc
from tavs.store.text_keys import TextKeys

KEPT = timedelta(days=365)
_TOLD = ("at", "call", "host", "model", "segments", "sections", "size_bytes", "sha256", "previous")

SentSection = tuple[str, str, str, str]
"""Document, version, number, and the digest of what the section said."""


class Proof(enum.StrEnum):
    """What can still be shown of a row."""

    PROVED = "proved"
    """The masked words and the terms give the very bytes that were sent."""
    WORDS_ERASED = "words erased"
    TERMS_CHANGED = "terms changed"
    DIFFERS = "differs"
    """Words and terms are there, and what they give is not what was sent."""


class Rebuild(Protocol):
    def __call__(
        self, model: str, said: Sequence[tuple[str, str]], sent: Sequence[SentSection]
    ) -> frozenset[str] | None:
        """Hashes the payload may have for channels and texts; None where a section is not what it was."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A row and what is proved of it."""

    id: int
    call: str
    proof: Proof


class EgressLog:
    """The desk's pen, on the connection it writes everything with."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    def write(
        self,
        *,
        call: CallId,
        host: str,
        model: str,
        segments: Sequence[int],
        sections: Sequence[SentSection],
        payload: bytes,
    ) -> None:
        """Commit the row of a payload that is to leave. Raises StoreError, and then nothing may be sent."""
        try:
            with transaction(self._connection):
                last = self._connection.execute("select id, hash from egress order by id desc limit 1").fetchone()
                number, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
                told = (
                    utc(self._clock.now()), call, host, model, _json(list(segments)), _json(sections), len(payload),
                    hashlib.sha256(payload).hexdigest(), previous,
                )  # fmt: skip
                digest = _hash(number, [str(each) for each in told])
                self._connection.execute("insert into egress values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                         (number, *told, digest))  # fmt: skip
        except sqlite3.Error as error:
            if self._connection.in_transaction:  # the commit itself failed
                self._connection.execute("rollback")
            raise StoreError(
                f"the log of what leaves cannot be written ({type(error).__name__})", "see to the disk of the database"
            ) from None


def trim(connection: Connection, now: datetime) -> int:
    """Delete the rows at the front that are older than a year; how many. The caller holds the transaction."""
    return connection.execute(
        "delete from egress where id < coalesce((select min(id) from egress where at >= ?),"
        " (select max(id) from egress))",
        (utc(now - KEPT),),
    ).rowcount


def witness(connection: Connection, *, actor: str, at: datetime) -> None:
    """Enter the last row in the audit log, unless it stands there. The caller holds the transaction."""
    last = connection.execute("select id, hash from egress order by id desc limit 1").fetchone()
    if last and (not (seen := _witnessed(connection)) or seen[-1] != last):
        audit.append(connection, at=at, kind=audit.Kind.EGRESS, actor=actor, sequence=last[0], hash=last[1])


def rows(connection: Connection, call: str = "", since: datetime | None = None) -> Iterator[dict[str, Any]]:
    """What left, the oldest first: all of it, of one call, or from a time on."""
    found = connection.execute(
        f"select id, {', '.join(_TOLD[:-1])} from egress where (?1 = '' or call = ?1) and at >= ?2 order by id",
        (call, utc(since) if since else ""),
    )
    for number, *told in found:
        row = dict(zip(_TOLD[:-1], told, strict=True))
        sections = [
            {"doc": doc, "version": version, "section": section}
            for doc, version, section, _ in json.loads(row["sections"])
        ]
        yield {"id": number, **row, "segments": json.loads(row["segments"]), "sections": sections}


def verify(connection: Connection, keys: TextKeys, rebuild: Rebuild) -> tuple[list[Checked], list[Fault]]:
    """What is proved of each row, and where the chain is broken. Raises StoreError for a damaged database."""
    checked: list[Checked] = []
    faults: list[Fault] = []
    last, head = 0, GENESIS
    cells = ", ".join(f"cast({column} as blob)" for column in (*_TOLD, "hash"))
    try:
        for number, *raw in connection.execute(f"select id, {cells} from egress order by id"):
            # Read as bytes: a changed row need not hold valid text.
            *told, digest = (cell.decode(errors="surrogateescape") for cell in raw)
            row = dict(zip(_TOLD, told, strict=True))
            is_as_written = _hash(number, told) == digest
            if not is_as_written:
                faults.append(Fault(number, Flaw.CHANGED))
            if last and number > last + 1:
                faults.append(Fault(last + 1, Flaw.MISSING, number - last - 1))
            elif (last or number == 1) and row["previous"] != head:
                faults.append(Fault(number, Flaw.UNBOUND))
            last, head = number, digest
            proof = _proof(connection, keys, rebuild, row) if is_as_written else Proof.DIFFERS
            checked.append(Checked(number, row["call"], proof))
        faults += _unlike_witnessed(connection, last)
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"the log of what leaves cannot be read ({type(error).__name__})", "restore the database from a backup"
        ) from None
    return checked, faults


def _witnessed(connection: Connection) -> list[tuple[int, str]]:
    """Rows that the audit log knows, the oldest first."""
    told = connection.execute("select detail from audit where kind = ? order by sequence", (audit.Kind.EGRESS.value,))
    details = (json.loads(detail) for (detail,) in told)
    return [(detail["sequence"], detail["hash"]) for detail in details]


def _unlike_witnessed(connection: Connection, last: int) -> Iterator[Fault]:
    for number, digest in _witnessed(connection):
        found = connection.execute("select hash from egress where id = ?", (number,)).fetchone()
        if number > last:
            yield Fault(number, Flaw.CUT)
        elif found and found[0] != digest:
            yield Fault(number, Flaw.REWRITTEN)


def _proof(connection: Connection, keys: TextKeys, rebuild: Rebuild, row: dict[str, str]) -> Proof:
    call, said = CallId(row["call"]), []
    try:
        segments = [int(each) for each in json.loads(row["segments"])]
        sections = [(a, b, c, d) for a, b, c, d in json.loads(row["sections"])]
    except (ValueError, TypeError):
        return Proof.DIFFERS
    for segment in segments:
        found = connection.execute(
            "select channel, sealed from segments where id = ? and call = ?", (segment, call)
        ).fetchone()
        if found is None:
            return Proof.WORDS_ERASED
        try:
            said.append((str(found[0]), keys.open(call, segment, found[1])))
        except StoreError:
            return Proof.WORDS_ERASED
    hashes = rebuild(row["model"], said, sections)
    if hashes is None:
        return Proof.TERMS_CHANGED
    return Proof.PROVED if row["sha256"] in hashes else Proof.DIFFERS


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _hash(number: int, told: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps([number, *told], separators=(",", ":")).encode("ascii")).hexdigest()
