"""After a start of the desk: what agents had on their screens, from the rows it wrote.

1. Calls under way only. What is over, and what a person had restricted, has no basis any more for being shown again.
2. Text whose key is gone stays gone.
3. No advice is given until the listener has said again whose voice is whose; it does when it connects.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from tavs.advice.sections import Section
from tavs.errors import StoreError
from tavs.events import CallEnded, CallId, CallState
from tavs.panel.board import KEPT_SEGMENTS, MOST_CALLS, Board
from tavs.panel.wire import SegmentView, SuggestionView
from tavs.retention.holds import restricts
from tavs.store.database import Connection
from tavs.store.feedback import verdicts
from tavs.store.kept import holds_over, utc
from tavs.store.text_keys import TextKeys

LONGEST_CALL = timedelta(hours=8)
"""One that began before is not looked for."""


def recall(
    board: Board,
    connection: Connection,
    keys: TextKeys,
    incoming: Path,
    section: Callable[[str, str], Section | None],
    *,
    now: datetime,
    now_s: float,
) -> int:
    """Fill a new board; `section` finds one by document and number. How many calls there were."""
    rows = connection.execute(
        "select id, extension, started_at, party_ref from calls"
        " where extension <> '' and ended_at is null and started_at > ? order by started_at desc limit ?",
        (utc(now - LONGEST_CALL), MOST_CALLS),
    ).fetchall()
    shown = [row for row in rows if not restricts(holds_over(connection, row[0], row[3]), row[0], row[3])]
    for call, extension, started_at, _ in reversed(shown):
        started = datetime.fromisoformat(started_at)
        board.restore(
            CallId(call),
            extension,
            CallState(is_recorded=any(incoming.glob(f"{call}.*.tavs")), is_attributed=False),
            started_at=started,
            started_s=now_s - max(0.0, (now - started).total_seconds()),
            segments=_segments(connection, keys, CallId(call)),
            suggestions=_suggestions(connection, call, section),
        )
    return len(shown)


def withdrawn(connection: Connection, calls: Iterable[CallId]) -> list[CallId]:
    """Those that were erased, or that nobody may use any more, since they came onto a screen."""
    return [call for call in calls if not _may_be_shown(connection, call)]


def over(connection: Connection, calls: Iterable[CallId]) -> list[CallEnded]:
    """Those that ended without the listener's word: it died, and their files told it."""
    found = []
    for call in calls:
        row = connection.execute("select ended_at, end_reason from calls where id = ?", (call,)).fetchone()
        if row and row[0]:
            found.append(CallEnded(call=call, at=datetime.fromisoformat(row[0]), reason=row[1]))
    return found


def shown(connection: Connection, call: CallId) -> list[tuple[tuple[str, str], int]]:
    """Document and number of every section that was suggested on a call, with its time in the call, in ms."""
    rows = connection.execute("select doc, section, t_ms from suggestions where call = ? order by id", (call,))
    return [((doc, section), t_ms) for doc, section, t_ms in rows]


def _may_be_shown(connection: Connection, call: CallId) -> bool:
    row = connection.execute("select party_ref from calls where id = ?", (call,)).fetchone()
    return row is not None and not restricts(holds_over(connection, call, row[0]), call, row[0])


def _segments(connection: Connection, keys: TextKeys, call: CallId) -> list[SegmentView]:
    rows = connection.execute(
        "select id, channel, t0_ms, t1_ms, held, labels, sealed from segments where call = ? order by id desc limit ?",
        (call, KEPT_SEGMENTS),
    ).fetchall()
    try:
        return [
            SegmentView(
                call=call,
                id=place,
                channel=channel,
                t0_ms=t0_ms,
                t1_ms=t1_ms,
                text=keys.open(call, place, sealed),
                held=bool(held),
                labels=tuple(json.loads(labels)),
            )
            for place, channel, t0_ms, t1_ms, held, labels, sealed in reversed(rows)
        ]
    except StoreError:
        return []


def _suggestions(
    connection: Connection, call: str, section: Callable[[str, str], Section | None]
) -> Iterator[SuggestionView]:
    rows = connection.execute(
        "select id, doc, section, title, engine, t_ms from suggestions where call = ? order by id", (call,)
    ).fetchall()
    for number, doc, place, title, engine, t_ms in rows:
        found = section(doc, place)
        yield SuggestionView(
            call=call,
            id=number,
            doc=doc,
            section=place,
            title=title,
            product=found.product if found else "",
            quote="",
            engine=engine,
            t_ms=t_ms,
            verdicts=verdicts(connection, number),
        )
