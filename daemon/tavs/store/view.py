"""What is kept, for those who ask: `tavs calls`, `tavs show`, the demo. Content is read for a named purpose only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

from tavs.errors import UsageError
from tavs.events import CallId, PartyRef, Purpose
from tavs.host import credentials
from tavs.host.clock import Clock, RealClock
from tavs.host.home import Home
from tavs.retention.holds import restricts
from tavs.retention.policy import Ending, may_use, next_event
from tavs.store.clock_mark import read_mark, trusted_now
from tavs.store.database import Connection, blamed, open_reader
from tavs.store.kept import artifacts, evidence, holds_over
from tavs.store.text_keys import TextKeys

Row = dict[str, Any]
FATES = {Ending.DUE: "due since", Ending.TIME: "goes after", Ending.HOLD: "held, else due from"}


def calls(home: Home, only: Sequence[CallId] | None = None) -> list[Row]:
    """Every call with what is kept of it, or those of a list, the newest first.

    A grant that was ended before its time expires here when it ended.
    """
    with _reader(home) as connection:
        columns = "select id, started_at, ended_at, party_ref from calls"
        if only is None:
            rows = connection.execute(f"{columns} order by id desc").fetchall()
        else:
            found = (connection.execute(f"{columns} where id = ?", (each,)).fetchone() for each in only)
            rows = sorted((row for row in found if row), reverse=True)
        return [
            {
                "call": call,
                "started_at": started_at,
                "ended_at": ended_at,
                "artifacts": [
                    {**each, "expires_at": each["ended_at"] or each["expires_at"]}
                    for each in _artifacts(connection, CallId(call))
                ],
                "holds": _holds(connection, CallId(call), party_ref),
            }
            for call, started_at, ended_at, party_ref in rows
        ]


def briefly(artifact: Row) -> str:
    """A grant in a few words."""
    return f"{artifact['kind']}/{artifact['purpose']} until {artifact['expires_at']}"


def call(home: Home, call_id: str, clock: Clock | None = None) -> Row:
    """One call with its files, grants, gaps, suggestions and masked text. Raises UsageError for an unknown one."""
    with _reader(home) as connection:
        columns = "id, started_at, ended_at, end_reason, source, trunk, extension, flags, party_ref"
        row = connection.execute(f"select {columns} from calls where id = ?", (call_id,)).fetchone()
        if row is None:
            raise UsageError("there is no such call", "`tavs calls` lists them")
        found, now = CallId(call_id), trusted_now(connection, clock or RealClock())
        return {
            "call": row[0],
            "started_at": row[1],
            "ended_at": row[2],
            "end_reason": row[3],
            "source": row[4],
            "trunk": row[5],
            "extension": row[6],
            "flags": json.loads(row[7]),
            "artifacts": _artifacts(connection, found),
            "holds": _holds(connection, found, row[8]),
            "consents": _consents(connection, found),
            "fates": _fates(connection, found, row[8], now),
            "gaps": gaps(connection, found),
            "suggestions": suggestions(connection, found),
            "segments": segments(connection, home, found, purpose=Purpose.TRAINING, now=now),
        }


def lines(found: Row) -> Iterator[str]:
    """A call for people."""
    yield f"call {found['call']}  {found['started_at']} – {found['ended_at'] or 'running'}"
    for kept in found["artifacts"]:
        ended = f", ended {kept['ended_at']} by {kept['ended_by']}" if kept["ended_at"] else ""
        basis = f"on {kept['legal_basis']} by {kept['origin']}"
        yield f"  {kept['kind']} for {kept['purpose']} {basis} until {kept['expires_at']}{ended}"
    for hold in found["holds"]:
        yield f"  held: {hold['kind']}, hold {hold['id']}, {hold['owner']}, review {hold['review_on']}"
    for answer in found["consents"]:
        yield f"  consent: {answer['answer']} by {answer['source']} at {answer['at']}"
    for fate in found["fates"]:
        yield f"  {fate['kind']} {fate['part']}: {FATES[fate['what']]} {fate['at']}"
    for gap in found["gaps"]:
        yield f"  gap: {gap['kind']} {gap['t0']:.2f}–{gap['t1']:.2f} s"
    for segment in found["segments"]:
        yield f"  {segment['t0']:7.2f} {segment['channel']:8} {segment['text']}"
    for each in found["suggestions"]:
        yield f"  {each['t']:7.2f} → {each['doc']} {each['section']} {each['title']}"


def segments(
    connection: Connection, home: Home, call_id: CallId, *, purpose: Purpose, now: datetime, after: int = 0
) -> list[Row]:
    """Masked segments with a row id above `after`; none where no grant for the purpose lives.

    A running call has no grants yet: its text may be read until it ends (DESIGN 2, N5b).
    """
    return read_segments(connection, home, call_id, after) if _may_use(connection, call_id, purpose, now) else []


def read_segments(connection: Connection, home: Home, call_id: CallId, after: int = 0) -> list[Row]:
    """The same whatever the purpose: for the person's own copy only."""
    keys = TextKeys(home.text_keys, credentials.load("desk", home))
    rows = connection.execute(
        "select id, channel, sequence, t0_ms, t1_ms, labels, held, delay_ms, held_ms, sealed from segments"
        " where call = ? and id > ? order by id",
        (call_id, after),
    ).fetchall()
    return [
        {
            "id": row[0],
            "channel": row[1],
            "seq": row[2],
            "t0": row[3] / 1000,
            "t1": row[4] / 1000,
            "labels": json.loads(row[5]),
            "held": bool(row[6]),
            "delay_ms": row[7],
            "held_ms": row[8],
            "text": keys.open(call_id, row[0], row[9]),
        }
        for row in rows
    ]


def suggestions(connection: Connection, call_id: CallId, after: int = 0) -> list[Row]:
    rows = connection.execute(
        "select id, doc, section, title, score, t_ms, delay_ms from suggestions where call = ? and id > ? order by id",
        (call_id, after),
    ).fetchall()
    names = ("id", "doc", "section", "title", "score", "t", "delay_ms")
    return [dict(zip(names, (*row[:5], row[5] / 1000, row[6]), strict=True)) for row in rows]


def gaps(connection: Connection, call_id: CallId) -> list[Row]:
    """What is missing of a call, and what is missing of the whole box meanwhile."""
    rows = connection.execute(
        "select kind, channel, t0_ms, t1_ms, count from gaps where call = ? or (call is null and noticed_at between"
        " (select started_at from calls where id = ?) and coalesce((select ended_at from calls where id = ?), '9999'))"
        " order by id",
        (call_id, call_id, call_id),
    ).fetchall()
    return [
        {"kind": kind, "channel": channel, "t0": t0 / 1000, "t1": t1 / 1000, "count": count}
        for kind, channel, t0, t1, count in rows
    ]


def _artifacts(connection: Connection, call_id: CallId) -> list[Row]:
    rows = connection.execute(
        "select kind, purpose, legal_basis, granted_at, expires_at, ended_at, ended_by, origin, file, part, state"
        " from artifacts join grants on artifact = artifacts.id where call = ? order by artifacts.id, purpose",
        (call_id,),
    ).fetchall()
    names = ("kind", "purpose", "legal_basis", "granted_at", "expires_at", "ended_at", "ended_by", "origin", "file",
             "part", "state")  # fmt: skip
    return [dict(zip(names, row, strict=True)) for row in rows]


def _holds(connection: Connection, call_id: CallId, party_ref: str | None) -> list[Row]:
    standing = holds_over(connection, call_id, PartyRef(party_ref) if party_ref else None)
    return [
        {"id": each.id, "kind": each.kind.value, "owner": each.owner, "review_on": each.review_on.isoformat()}
        for each in standing
    ]


def _consents(connection: Connection, call_id: CallId) -> list[Row]:
    return [
        {"answer": each.answer.value, "source": each.source.value, "prompt": each.prompt, "at": each.at.isoformat()}
        for each in evidence(connection, call_id)
    ]


def _fates(connection: Connection, call_id: CallId, party_ref: str | None, now: datetime) -> list[Row]:
    """What will become of each artifact, and when."""
    standing = holds_over(connection, call_id, PartyRef(party_ref) if party_ref else None)
    parts = dict(connection.execute("select id, part from artifacts where call = ?", (call_id,)).fetchall())
    fates = [(each, next_event(each, standing, now)) for each in artifacts(connection, "calls.id = ?", (call_id,))]
    return [
        {"kind": each.kind.value, "part": parts[each.id], "what": fate.what.value, "at": fate.at.isoformat()}
        for each, fate in fates
    ]


def _may_use(connection: Connection, call_id: CallId, purpose: Purpose, now: datetime) -> bool:
    """A running call has no grants yet; after it the purpose decides, and a restriction stops every use.

    A wall clock that was set back makes nothing usable again that had ended for the last sweep.
    """
    if mark := read_mark(connection):
        now = max(now, mark.wall)
    row = connection.execute("select ended_at is null, party_ref from calls where id = ?", (call_id,)).fetchone()
    if row is None:
        return False
    standing = holds_over(connection, call_id, PartyRef(row[1]) if row[1] else None)
    if row[0]:
        return not restricts(standing, call_id, PartyRef(row[1]) if row[1] else None)
    masked = artifacts(connection, "calls.id = ? and kind = 'masked_transcript'", (call_id,))
    return any(may_use(each, purpose, standing, now) for each in masked)


@contextmanager
def _reader(home: Home) -> Iterator[Connection]:
    with blamed(home.database), closing(open_reader(home.database)) as connection:
        yield connection
