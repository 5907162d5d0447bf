"""Evidence that comes after the call, and the grants that follow from all the evidence there is then."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from tavs.errors import UsageError
from tavs.events import CallId
from tavs.retention.consent import Evidence
from tavs.store.database import Connection, transaction
from tavs.store.grants import enter_evidence, follow_evidence

_WORD = re.compile(r"[A-Za-z0-9_.*#-]{0,32}", re.ASCII)
"""As the PBX writes it (call/consent.py): rows hold no prose."""
_NUMBER = re.compile(r"[0-9]{4}")
"""Nor a number that the caller typed."""


def enter(connection: Connection, call: CallId, given: Evidence, *, zone: str, actor: str, now: datetime) -> bool:
    """Whether the call has consent now. Raises UsageError for a call that is not there and for prose.

    The grants follow from all the evidence there is (store/grants.py).
    """
    words = (given.pressed, given.prompt, given.prompt_version, given.language)
    if not all(map(_WORD.fullmatch, words)) or _NUMBER.search(given.pressed):
        raise UsageError("evidence is in the words of a phone menu", "keys, ids and versions of up to 32 characters")
    with transaction(connection):
        if connection.execute("select 1 from calls where id = ?", (call,)).fetchone() is None:
            raise UsageError("there is no such call", "`tavs calls` lists them")
        enter_evidence(connection, call, given, by=actor, now=now)
        return follow_evidence(connection, call, zone=ZoneInfo(zone), actor=actor, now=now)
