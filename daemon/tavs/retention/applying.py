"""A changed policy and what is kept already: longer holds for new calls only, shorter once it is confirmed.

1. Without the confirmation nothing is written: the policy in force stays in force, for new calls too.
2. With it the policy is in force first, so that what comes in meanwhile comes under it; then what is kept is shortened
   in batches, and no call that is being written waits long. One that was stopped is made again.
"""

from __future__ import annotations

import time
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from tavs.host.home import Home
from tavs.retention.policy import EndedBy, Policy, load
from tavs.store.database import Connection, blamed, open_known, transaction
from tavs.store.grants import end, enter_policy
from tavs.store.kept import artifacts, policy_in_force, utc

BATCH = 50
"""Artifacts between two commits."""
PAUSE_S = 0.01
"""Between two batches, about as long as one takes: whoever waits gets his turn."""
BATCH_QUERY = f"artifacts.id > ? and +keep_until > ? order by artifacts.id limit {BATCH}"
"""The plus sign keeps SQLite to the order of the ids; by the index of ends it would sort everything for each batch."""


@dataclass(frozen=True, slots=True)
class Change:
    version: int
    """Of the policy: what it is in force as, or would be."""
    shortened: int
    """Grants that end sooner under it."""
    due: int
    """Artifacts whose last grant has ended then."""


def apply(home: Home, timezone: str, now: datetime, actor: str, *, is_confirmed: bool) -> Change:
    """What the policy of retention.toml makes of the grants that stand. Raises ConfigError, StoreError."""
    policy, zone = load(home.retention), ZoneInfo(timezone)
    with blamed(home.database), closing(open_known(home.database)) as connection:
        if is_confirmed:
            with transaction(connection):
                version = enter_policy(connection, policy, actor=actor, now=now)
                connection.execute("update policies set confirmed_at = ? where version = ?", (utc(now), version))
        else:
            version = _next_version(connection, policy)
        shortened = due = last = 0
        while True:
            with transaction(connection) if is_confirmed else nullcontext():
                batch = list(artifacts(connection, BATCH_QUERY, (last, utc(now))))
                for each in batch:
                    pairs = [(g, policy.shorten(each.kind, g, zone=zone, confirmed_at=now)) for g in each.grants]
                    for grant, shorter in pairs:
                        if shorter != grant and is_confirmed:
                            end(
                                connection, each.id, each.call, grant, at=shorter.until, by=EndedBy.POLICY,
                                actor=actor, now=now,
                            )  # fmt: skip
                    shortened += sum(shorter != grant for grant, shorter in pairs)
                    due += bool(pairs) and max(shorter.until for _, shorter in pairs) <= now
            if not batch:
                return Change(version, shortened, due)
            last = batch[-1].id
            if is_confirmed:
                time.sleep(PAUSE_S)


def _next_version(connection: Connection, policy: Policy) -> int:
    known = policy_in_force(connection)
    if known is None:
        return 1
    return known[0] + (known[1] != policy)
