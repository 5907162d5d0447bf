"""The clock guard's memory: one row."""

from __future__ import annotations

from datetime import datetime

from tavs.host.clock import Clock
from tavs.retention.clock_guard import Mark, judge, read
from tavs.store.database import Connection
from tavs.store.kept import utc


def read_mark(connection: Connection) -> Mark | None:
    row = connection.execute(
        "select wall, boottime_s, boot_id, suspended_since, confirmed_at from clock where id = 1"
    ).fetchone()
    if row is None:
        return None
    return Mark(
        wall=datetime.fromisoformat(row[0]),
        boottime_s=row[1],
        boot_id=row[2],
        suspended_since=datetime.fromisoformat(row[3]) if row[3] else None,
        confirmed_at=datetime.fromisoformat(row[4]) if row[4] else None,
    )


def write_mark(connection: Connection, mark: Mark, confirmed_by: str | None = None) -> None:
    connection.execute(
        "insert into clock values (1, ?, ?, ?, ?, ?, ?) on conflict (id) do update set wall = excluded.wall,"
        " boottime_s = excluded.boottime_s, boot_id = excluded.boot_id, suspended_since = excluded.suspended_since,"
        " confirmed_at = excluded.confirmed_at, confirmed_by = coalesce(excluded.confirmed_by, confirmed_by)",
        (
            utc(mark.wall),
            mark.boottime_s,
            mark.boot_id,
            utc(mark.suspended_since) if mark.suspended_since else None,
            utc(mark.confirmed_at) if mark.confirmed_at else None,
            confirmed_by,
        ),
    )


def trusted_now(connection: Connection, clock: Clock) -> datetime:
    """The time by which grants end (retention/clock_guard.py), whatever the wall clock shows."""
    return judge(read_mark(connection), read(clock)).trusted_now
