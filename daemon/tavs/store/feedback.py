"""What agents think of suggestions, and what a panel has to know of a call. Rows go with the segments they are about.

Every question names the extensions of whoever asks: of another agent's call there is no answer, as of one that never
was.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from tavs.events import CallId
from tavs.store.database import Connection, transaction
from tavs.store.kept import utc

Verdict = Literal["opened", "useful", "not_useful", "said"]
OPPOSITE: dict[Verdict, Verdict] = {"useful": "not_useful", "not_useful": "useful"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A suggestion as it is judged now."""

    call: CallId
    verdicts: tuple[Verdict, ...]
    """In the order in which they were given."""


def judge(
    connection: Connection, suggestion: int, verdict: Verdict, *, extensions: Collection[str], now: datetime
) -> Judged | None:
    """Write a verdict; the opposite one is taken back by it. None where there is no such suggestion for them."""
    with transaction(connection):
        row = connection.execute(
            "select calls.id, calls.extension from suggestions join calls on calls.id = suggestions.call"
            " where suggestions.id = ?",
            (suggestion,),
        ).fetchone()
        if row is None or not row[1] or row[1] not in extensions:
            return None
        if verdict in OPPOSITE:
            connection.execute(
                "delete from feedback where suggestion = ? and verdict = ?", (suggestion, OPPOSITE[verdict])
            )
        connection.execute(
            "insert into feedback (suggestion, verdict, at) values (?, ?, ?) on conflict do nothing",
            (suggestion, verdict, utc(now)),
        )
        return Judged(call=CallId(row[0]), verdicts=verdicts(connection, suggestion))


def verdicts(connection: Connection, suggestion: int) -> tuple[Verdict, ...]:
    rows = connection.execute("select verdict from feedback where suggestion = ? order by at, rowid", (suggestion,))
    return tuple(cast(Verdict, row[0]) for row in rows)


def started_at(connection: Connection, call: str, *, extensions: Collection[str]) -> datetime | None:
    """When a call began; None where there is no such call for them."""
    row = connection.execute("select started_at, extension from calls where id = ?", (call,)).fetchone()
    if row is None or not row[1] or row[1] not in extensions:
        return None
    return datetime.fromisoformat(row[0])
