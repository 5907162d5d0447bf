"""Receipts entered into a restored database: what was erased stays erased, what was held stays held.

1. The chain of the database continues row by row; a gap between the two, or another history, is refused.
2. Holds, consents, grants and policies get their last known state; what was deleted goes, with its receipt.
3. What came in after the copy of the database was made is entered where its file was restored. Where it was not it is
   lost, and says so: its number gets a receipt, for it is never given twice.
4. All of it or nothing: the caller holds the transaction, and the chain is verified before it ends.
"""

from __future__ import annotations

import base64
import enum
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tavs.backup.receipts import COLUMNS, SEALED, Audited, Row, Table, Tail, Value
from tavs.errors import StoreError
from tavs.events import ArtifactKind, CallId
from tavs.store import audit
from tavs.store.database import Connection
from tavs.store.files import stem

KEY_COLUMNS: dict[Table, int] = {
    "calls": 1,
    "artifacts": 1,
    "grants": 2,
    "holds": 1,
    "policies": 1,
    "consents": 1,
    "heads": 1,
}
"""How many of the first columns name a row."""

CHANGES = {
    "confirmed_at": "confirmed_at = nullif(max(coalesce(confirmed_at, ''), coalesce(excluded.confirmed_at, '')), '')"
}
"""No audit row tells when a policy was confirmed again: the later one counts."""


class Why(enum.StrEnum):
    LOST = "lost"
    """It came in after the last backup of content, and the box died."""


@dataclass(frozen=True, slots=True)
class Replayed:
    rows: int
    """Audit rows entered."""
    deleted: int
    lost: int


def deleted(tail: Tail | None, after: int) -> set[str]:
    """Stems of sealed files, and calls of masked text, that were deleted after an audit row."""
    return {_name(row) for row in tail.lines if _is_deletion(row, after)} if tail else set()


def is_connected(tail: Tail, sequence: int) -> bool:
    """Whether the receipts go on where an audit log ends, or earlier, and no row is missing between."""
    return tail.begin.sequence <= sequence


def replay(
    connection: Connection, tail: Tail, restored: Collection[str], *, actor: str, now: datetime, verify_key: bytes
) -> Replayed:
    """Enter what is newer than the database; `restored` are the stems of the sealed files that there are.

    Raises StoreError for another history, with nothing entered.
    """
    head = audit.head(connection) or audit.Head(0, audit.GENESIS)
    _check_history(tail, head)
    known = set(audit.verify(connection, verify_key))
    new = [row for row in tail.lines if isinstance(row, Audited) and row.sequence > head.sequence]
    for row in new:
        values = [getattr(row, name) for name in Audited.__struct_fields__]
        connection.execute("insert into audit values (?, ?, ?, ?, ?, ?, ?, ?)", values)
    rows = _last_words(tail.lines)
    for table in ("policies", "holds", "heads"):
        _upsert(connection, table, rows.get(table, {}).values())
    going = [row for row in new if _is_deletion(row, head.sequence)]
    gone = {row.number("artifact") for row in going}
    _enter_files(connection, rows, gone, restored)
    told = rows.get("consents", {}).values()
    _upsert(connection, "consents", (each for each in told if _is_there(connection, "calls", each.values[1])))
    told = rows.get("grants", {}).values()
    _upsert(connection, "grants", (each for each in told if _is_there(connection, "artifacts", each.values[0])))
    for row in going:
        _delete(connection, row)
    lost = _lose(connection, rows.get("artifacts", {}).values(), actor, now)
    faults = [each for each in audit.verify(connection, verify_key) if each not in known]
    if faults:
        raise StoreError(f"the audit log does not go on from the backup ({faults[0]})", "use other receipts, or none")
    return Replayed(len(new), len(going), lost)


def _check_history(tail: Tail, head: audit.Head) -> None:
    if not is_connected(tail, head.sequence):
        raise StoreError(
            f"receipts begin after row {tail.begin.sequence} of the audit log, backup ends with {head.sequence}",
            "use receipts that go further back, or an older backup's own",
        )
    told = {row.sequence: row.hash for row in tail.lines if isinstance(row, Audited)}
    told[tail.begin.sequence] = tail.begin.hash
    if tail.last.sequence >= head.sequence and told.get(head.sequence) != head.hash:
        raise StoreError("the receipts tell of another history than the backup", "use those of the same box")


def _last_words(lines: Iterable[Audited | Row]) -> dict[Table, dict[tuple[Value, ...], Row]]:
    found: dict[Table, dict[tuple[Value, ...], Row]] = {}
    for line in lines:
        if isinstance(line, Row):
            found.setdefault(line.table, {})[line.values[: KEY_COLUMNS[line.table]]] = line
    return found


def _enter_files(
    connection: Connection,
    rows: dict[Table, dict[tuple[Value, ...], Row]],
    gone: Collection[int],
    restored: Collection[str],
) -> None:
    """Artifacts that the database does not know, where their file is there."""
    for row in rows.get("artifacts", {}).values():
        number, call, kind, part = row.values[:4]
        name = stem(CallId(str(call)), ArtifactKind(str(kind)), int(part or 0))
        if number in gone or name not in restored or _is_there(connection, "artifacts", number):
            continue
        _upsert(connection, "calls", [each for each in (rows.get("calls", {}).get((call,)),) if each])
        _upsert(connection, "artifacts", [row])


def _delete(connection: Connection, row: Audited) -> None:
    """As the sweep did it; the key and the files were not restored."""
    number, kind = row.number("artifact"), row.word("what")
    known = connection.execute("select call from artifacts where id = ?", (number,)).fetchone()
    if known and kind == ArtifactKind.MASKED_TRANSCRIPT:
        connection.execute("delete from suggestions where call = ?", (row.call,))
        connection.execute("delete from segments where call = ?", (row.call,))
    connection.execute("delete from artifacts where id = ? and call = ?", (number, row.call))
    connection.execute("delete from deletions where artifact = ?", (number,))
    connection.execute(
        "insert or ignore into receipts values (?, ?, ?, ?, ?, ?, ?)",
        (number, row.call, kind, row.number("part"), row.word("reason"), row.at, row.hash),
    )


def _lose(connection: Connection, artifacts: Iterable[Row], actor: str, now: datetime) -> int:
    count = 0
    for row in artifacts:
        number, call, kind, part = row.values[:4]
        if _is_there(connection, "artifacts", number) or _is_there(connection, "receipts", number, "artifact"):
            continue
        head = audit.append(
            connection, at=now, kind=audit.Kind.DELETION, actor=actor, call=CallId(str(call)),
            artifact=int(number or 0), what=ArtifactKind(str(kind)), part=int(part or 0), reason=Why.LOST,
        )  # fmt: skip
        values = (number, call, kind, part, Why.LOST.value, now.isoformat(), head)
        connection.execute("insert into receipts values (?, ?, ?, ?, ?, ?, ?)", values)
        count += 1
    return count


def _upsert(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    columns = COLUMNS[table].split(", ")
    keys = columns[: KEY_COLUMNS[table]]
    changes = ", ".join(CHANGES.get(each, f"{each} = excluded.{each}") for each in columns[len(keys) :])
    places = ", ".join("?" * len(columns))
    statement = (
        f"insert into {table} ({', '.join(columns)}) values ({places})"
        f" on conflict ({', '.join(keys)}) do update set {changes}"
    )
    for row in rows:
        connection.execute(statement, _values(columns, row.values))


def _values(columns: Sequence[str], values: Sequence[Value]) -> list[object]:
    return [
        base64.b64decode(str(value)) if column == SEALED else value
        for column, value in zip(columns, values, strict=True)
    ]


def _is_there(connection: Connection, table: str, number: Value, column: str = "id") -> bool:
    return connection.execute(f"select 1 from {table} where {column} = ?", (number,)).fetchone() is not None


def _is_deletion(row: Audited | Row, after: int) -> bool:
    return isinstance(row, Audited) and row.kind == audit.Kind.DELETION and row.sequence > after


def _name(row: Audited | Row) -> str:
    assert isinstance(row, Audited)
    kind, call = ArtifactKind(row.word("what")), CallId(row.call or "")
    return call if kind is ArtifactKind.MASKED_TRANSCRIPT else stem(call, kind, row.number("part"))
