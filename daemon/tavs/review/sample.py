"""A random sample of masked segments, of calls whose text may be used for training the masking and the advice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from random import SystemRandom

from tavs.events import CallId, Purpose
from tavs.host.home import Home
from tavs.store.database import open_reader
from tavs.store.view import segments


def texts(home: Home, count: int, now: datetime) -> Iterator[str]:
    """Up to `count` masked texts, each segment as likely as any other."""
    connection = open_reader(home.database)
    try:
        rows = connection.execute("select id, call from segments").fetchall()
        SystemRandom().shuffle(rows)
        found = 0
        for row, call in rows:
            if found == count:
                return
            known = segments(connection, home, CallId(call), purpose=Purpose.TRAINING, now=now, after=row - 1)
            if known and known[0]["id"] == row and known[0]["text"].strip():
                found += 1
                yield known[0]["text"]
    finally:
        connection.close()
