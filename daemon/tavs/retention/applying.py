"""A changed policy and what is kept already: longer holds for new calls only, shorter once it is confirmed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from tavs.events import CallId
from tavs.host.home import Home
from tavs.retention.policy import EndedBy, Grant, load
from tavs.store.database import open_writer, transaction
from tavs.store.grants import end, enter_policy
from tavs.store.kept import artifacts, utc


@dataclass(frozen=True, slots=True)
class Change:
    version: int
    """Of the policy, which holds for new calls either way."""
    shortened: int
    """Grants that end sooner under it."""
    due: int
    """Artifacts whose last grant has ended then."""


def apply(home: Home, timezone: str, now: datetime, actor: str, *, is_confirmed: bool) -> Change:
    """What the policy of retention.toml makes of the grants that stand. Raises ConfigError, StoreError."""
    policy, zone = load(home.retention), ZoneInfo(timezone)
    connection = open_writer(home.database)
    try:
        with transaction(connection):
            version = enter_policy(connection, policy, actor=actor, now=now)
            shorter: list[tuple[int, CallId, Grant, Grant]] = []
            due = 0
            for artifact in artifacts(connection, "keep_until > ?", (utc(now),)):
                changed = {g: policy.shorten(artifact.kind, g, zone=zone, confirmed_at=now) for g in artifact.grants}
                shorter += [(artifact.id, artifact.call, g, new) for g, new in changed.items() if new != g]
                due += bool(changed) and max(new.until for new in changed.values()) <= now
            for number, call, grant, new in shorter if is_confirmed else ():
                end(connection, number, call, grant, at=new.until, by=EndedBy.POLICY, actor=actor, now=now)
    finally:
        connection.close()
    return Change(version, len(shorter), due)
