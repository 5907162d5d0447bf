"""What was decided after a backup was made, so that a restored box knows it: the tail of the audit chain, and the rows
that it speaks of.

    begin · (audit row …, rows it speaks of …, batch) · (…, batch) · …        one JSON line each

1. Audit rows travel as they are: entered into a restored database they continue its chain, hash by hash.
2. A batch ends with a signed line over all lines since the batch before. What was half written when the power went has
   none, counts for nothing, and is written over.
3. The rows beside it are as they were when the batch was written: the last word on a row counts.
4. Nothing is in it that is not in the database's copy: ids, times, references, sealed reasons; no content, no key.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec
import nacl.exceptions
import nacl.signing

from tavs.errors import StoreError
from tavs.host.credentials import audit_public
from tavs.store import audit
from tavs.store.database import Connection

SIGNED = b"tavs receipts 1\n"
LINE_LIMIT_BYTES = 16 << 20
"""A reason of a hold is the longest there is."""
TAIL_BYTES = 4096
"""A batch line is some 400 bytes."""

Table = Literal["calls", "artifacts", "grants", "holds", "policies", "consents", "heads"]
COLUMNS: dict[Table, str] = {
    "calls": "id, started_at, ended_at, end_reason, source, trunk, extension, party_ref, flags, policy",
    "artifacts": "id, call, kind, part, file, sha256, size_bytes, duration_ms, state",
    "grants": "artifact, purpose, legal_basis, granted_at, expires_at, origin, ended_at, ended_by",
    "holds": "id, kind, call, party_ref, transcript_basis, case_ref, reason_sealed, reason_sha256, owner, placed_at,"
    " placed_by, review_on, released_at, released_by, outcome",
    "policies": "version, document, sha256, in_force_from, applied_by, confirmed_at",
    "consents": "id, call, purpose, answer, source, pressed, prompt, prompt_version, language, at, recorded_at,"
    " recorded_by",
    "heads": "sequence, hash, signed_at, signature",
}
SEALED = "reason_sealed"
Value = str | int | None


class Begin(msgspec.Struct, frozen=True, kw_only=True, tag="begin", tag_field="line"):
    box: str
    """Public half of the audit key, in hexadecimal."""
    sequence: int
    """The audit row after which it begins; 0 for the whole log."""
    hash: str


class Audited(msgspec.Struct, frozen=True, kw_only=True, tag="audit", tag_field="line"):
    """A row of the audit log."""

    sequence: int
    at: str
    kind: str
    actor: str
    call: str | None
    detail: str
    previous: str
    hash: str

    def number(self, name: str) -> int:
        """A number in its detail; 0 where there is none."""
        found = json.loads(self.detail).get(name, 0)
        return found if isinstance(found, int) else 0

    def word(self, name: str) -> str:
        return str(json.loads(self.detail).get(name, ""))


class Row(msgspec.Struct, frozen=True, kw_only=True, tag="row", tag_field="line"):
    """A row that an audit row speaks of, in the order of COLUMNS; what is binary is in base64."""

    table: Table
    values: tuple[Value, ...]

    def __repr__(self) -> str:
        return f"Row({self.table})"


class Batch(msgspec.Struct, frozen=True, kw_only=True, tag="batch", tag_field="line"):
    at: datetime
    sequence: int
    """The last audit row there was."""
    hash: str
    policies: str
    """SHA-256 of all policies, by which a change is noticed that no audit row tells."""
    digest: str
    """SHA-256 of the digest before and of the lines since."""
    is_last: bool
    """The box was taken out of service: nothing was decided after this."""
    signature: str = ""

    def signed(self) -> bytes:
        return SIGNED + msgspec.json.encode(msgspec.structs.replace(self, signature=""))


Line = Begin | Audited | Row | Batch
_DECODER: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


@dataclass(frozen=True, slots=True)
class Tail:
    """What a receipts file holds, up to its last whole batch."""

    begin: Begin
    lines: tuple[Audited | Row, ...]
    """Those of the batches that were asked for."""
    last: Batch
    length: int
    """Bytes up to there."""


def append(
    path: Path, connection: Connection, seed: bytes, at: datetime, *, begin: int, is_last: bool = False
) -> Batch:
    """Bring a receipts file up to date; one that is not there begins after the audit row `begin`.

    Raises StoreError where the file is another box's or tells another history, OSError where the disk refuses.
    """
    connection.execute("begin")
    try:
        last, length = _end(path, audit_public(seed).hex())
        if last is None:
            lines = [_encoded(_begin(connection, seed, begin))]
            digest, since, policies = _digest("", lines), begin, ""
        else:
            lines, digest, since, policies = [], last.digest, last.sequence, last.policies
            if last.sequence and _hash_of(connection, last.sequence) != last.hash:
                raise StoreError(
                    "the receipts tell of another history than the audit log of this box",
                    "`tavs audit verify` tells whether the log is whole; begin a new backup folder",
                )
        body = [_encoded(line) for line in _since(connection, since, policies)]
        head = audit.head(connection) or audit.Head(0, audit.GENESIS)
        batch = Batch(
            at=at,
            sequence=head.sequence,
            hash=head.hash,
            policies=_policies(connection),
            digest=_digest(digest, body),
            is_last=is_last,
        )
    finally:
        connection.execute("rollback")
    signature = nacl.signing.SigningKey(seed).sign(batch.signed()).signature.hex()
    batch = msgspec.structs.replace(batch, signature=signature)
    _write(path, length, [*lines, *body, _encoded(batch)])
    return batch


def read(path: Path, box: str | None = None, after: int = 0) -> Tail:
    """Verified up to the last whole batch; the lines of batches that end before the audit row `after` are left out.

    Raises StoreError for another box's file and for a changed one.
    """
    try:
        with path.open("rb") as file:
            return _read(file, box, after)
    except OSError as error:
        raise StoreError(
            f"the receipts cannot be read ({type(error).__name__})", "check the name of the file; is its disk mounted?"
        ) from None


def _read(file: BinaryIO, box: str | None, after: int) -> Tail:
    begin, last, length, digest = None, None, 0, ""
    lines: list[Audited | Row] = []
    waiting: list[Audited | Row] = []
    raw: list[bytes] = []
    at = 0
    for encoded in iter(lambda: file.readline(LINE_LIMIT_BYTES), b""):
        at += len(encoded)
        try:
            line = _DECODER.decode(encoded)
        except msgspec.MsgspecError:
            break
        if not encoded.endswith(b"\n"):
            break
        match line:
            case Begin() if begin is None and box in (None, line.box):
                begin, digest = line, _digest("", [encoded])
            case Begin():
                raise StoreError("the receipts are those of another box", "name those of the box that is restored")
            case Batch():
                digest = _digest(digest, raw)
                if begin is None or line.digest != digest or not _is_signed(line, begin.box):
                    raise _changed()
                lines += waiting if line.sequence >= after else []
                last, length, waiting, raw = line, at, [], []
            case _:
                waiting.append(line)
                raw.append(encoded)
    if begin is None or last is None:
        raise StoreError("there is no whole batch in the receipts", "use another copy of them")
    if at != length and file.read(1):
        raise _changed()  # what cannot be read is followed by more: nothing that a crash leaves
    return Tail(begin, tuple(lines), last, length)


def _end(path: Path, box: str) -> tuple[Batch | None, int]:
    """The last whole batch and where it ends; without reading all of it where the file ends well."""
    if not path.exists():
        return None, 0
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL_BYTES))
        ending = file.read()
    if ending.endswith(b"\n"):
        try:
            line = _DECODER.decode(ending.splitlines()[-1])
        except msgspec.MsgspecError:
            line = None
        if isinstance(line, Batch) and _is_signed(line, box):
            return line, size
    whole = read(path, box, after=sys.maxsize)
    return whole.last, whole.length


def _write(path: Path, length: int, lines: Iterable[bytes]) -> None:
    """After `length` bytes of what is there; a new file appears whole."""
    target = path if length else path.with_name(f"{path.name}.part")
    with target.open("r+b" if length else "wb") as file:
        file.truncate(length)
        file.seek(length)
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    if not length:
        target.rename(path)


def _begin(connection: Connection, seed: bytes, sequence: int) -> Begin:
    digest = _hash_of(connection, sequence) if sequence else audit.GENESIS
    return Begin(box=audit_public(seed).hex(), sequence=sequence, hash=digest)


def _since(connection: Connection, sequence: int, policies: str) -> Iterator[Audited | Row]:
    touched: dict[Table, set[object]] = {"artifacts": set(), "calls": set(), "holds": set()}
    rows = connection.execute(
        f"select {', '.join(Audited.__struct_fields__)} from audit where sequence > ? order by sequence",
        (sequence,),
    )
    is_told_anew = False
    for values in rows:
        row = Audited(**dict(zip(Audited.__struct_fields__, values, strict=True)))
        yield row
        if row.kind in (audit.Kind.GRANT, audit.Kind.GRANT_ENDED):
            touched["artifacts"].add(row.number("artifact"))
        if row.kind in (audit.Kind.HOLD_PLACED, audit.Kind.HOLD_RELEASED, audit.Kind.RESTRICTION):
            touched["holds"].add(row.number("hold"))
        if row.kind == audit.Kind.CONSENT:
            touched["calls"].add(row.call)
        is_told_anew = is_told_anew or row.kind == audit.Kind.KEY
    if _policies(connection) != policies:
        yield from _rows(connection, "policies", "true")
    if is_told_anew:  # the reasons of holds are sealed to another key
        yield from _rows(connection, "holds", "true")
    for number in sorted(touched["artifacts"], key=str):
        yield from _rows(connection, "calls", "id = (select call from artifacts where artifacts.id = ?)", number)
        yield from _rows(connection, "artifacts", "id = ?", number)
        yield from _rows(connection, "grants", "artifact = ?", number)
    for number in sorted(touched["holds"], key=str):
        yield from _rows(connection, "holds", "id = ?", number)
    for call in sorted(touched["calls"], key=str):
        yield from _rows(connection, "calls", "id = ?", call)
        yield from _rows(connection, "consents", "call = ?", call)
    yield from _rows(connection, "heads", "sequence > ?", sequence)


def _rows(connection: Connection, table: Table, where: str, *values: object) -> Iterator[Row]:
    for row in connection.execute(f"select {COLUMNS[table]} from {table} where {where}", values):
        plain = (base64.b64encode(cell).decode("ascii") if isinstance(cell, bytes) else cell for cell in row)
        yield Row(table=table, values=tuple(plain))


def _policies(connection: Connection) -> str:
    rows = connection.execute("select version, sha256, confirmed_at from policies order by version").fetchall()
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _hash_of(connection: Connection, sequence: int) -> str:
    row = connection.execute("select hash from audit where sequence = ?", (sequence,)).fetchone()
    return str(row[0]) if row else ""


def _encoded(line: Line) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def _digest(before: str, lines: Iterable[bytes]) -> str:
    digest = hashlib.sha256(before.encode("ascii"))
    for line in lines:
        digest.update(line)
    return digest.hexdigest()


def _is_signed(batch: Batch, box: str) -> bool:
    try:
        nacl.signing.VerifyKey(bytes.fromhex(box)).verify(batch.signed(), bytes.fromhex(batch.signature))
    except (ValueError, nacl.exceptions.CryptoError):
        return False
    return True


def _changed() -> StoreError:
    return StoreError("the receipts were changed", "use another copy of them; what they tell cannot be believed")
