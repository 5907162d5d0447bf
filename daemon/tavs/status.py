"""What is kept and what waits, as `tavs status` and the sweep tell it. Read from the database, never from a program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from tavs.host.home import Home
from tavs.host.metrics import Figure
from tavs.retention import reserve
from tavs.retention.holds import Hold, overdue_reviews
from tavs.retention.sweep import Item, plan
from tavs.store.clock_mark import read_mark
from tavs.store.database import Connection, blamed, open_reader
from tavs.store.kept import holds

SOON_DAYS = 14.0
"""Time to order a disk."""
SAMPLES = 24 * 14
LATE = timedelta(hours=25)
"""A sweep runs every hour; when none has completed for a day, retention does not work (RELIABILITY R-27)."""


@dataclass(frozen=True, slots=True)
class Status:
    calls: int
    artifacts: int
    oldest_overdue: datetime | None
    """End of the last grant of the artifact that should have gone first; None where nothing waits."""
    overdue: int
    held: int
    """Overdue but for a hold."""
    last_sweep: datetime | None
    begun: datetime | None
    """When the first policy came in force: before that there was nothing to sweep."""
    suspended_since: datetime | None
    """The clock has jumped: nothing is deleted until somebody confirms it."""
    holds: int
    reviews: tuple[Hold, ...]
    """Holds that somebody should have looked at again."""
    has_reserve: bool
    days_to_full: float | None
    """Until the disk is full, from what sweeps noted; None where it does not fill or nobody can tell."""
    now: datetime

    def alarms(self) -> Iterator[str]:
        if self.suspended_since:
            yield f"deletions stand still since {_short(self.suspended_since)}: the clock jumped (`tavs clock confirm`)"
        swept = self.last_sweep or self.begun
        if self.artifacts and (swept is None or self.now - swept > LATE):
            yield f"no sweep has completed for {LATE.total_seconds() / 3600:.0f} hours (`tavs sweep`)"
        if self.oldest_overdue and self.now - self.oldest_overdue > LATE:
            yield f"something has been overdue since {_short(self.oldest_overdue)}"
        if self.days_to_full is not None and self.days_to_full < SOON_DAYS:
            yield f"the recordings' disk is full in {self.days_to_full:.0f} days: give it room, nothing goes early"
        for hold in self.reviews:
            yield f"hold {hold.id} was to be reviewed by {hold.review_on} ({hold.owner})"

    def details(self) -> Iterator[str]:
        yield f"{self.calls} calls, {self.artifacts} artifacts kept"
        yield f"{self.overdue} due, {self.held} held beyond their time"
        yield f"last sweep {_short(self.last_sweep) if self.last_sweep else 'never'}"
        yield f"{self.holds} holds stand"
        if not self.has_reserve:
            yield "no reserve for deletions on a full disk yet: the sweep makes it"

    def document(self) -> dict[str, object]:
        return {
            "alarms": list(self.alarms()),
            "calls": self.calls,
            "artifacts": self.artifacts,
            "overdue": self.overdue,
            "oldest_overdue": _iso(self.oldest_overdue),
            "held": self.held,
            "last_sweep": _iso(self.last_sweep),
            "suspended_since": _iso(self.suspended_since),
            "holds": self.holds,
            "reviews_due": [hold.id for hold in self.reviews],
            "has_reserve": self.has_reserve,
            "days_to_full": self.days_to_full,
        }


def read(home: Home, now: datetime) -> Status:
    """Raises StoreError where there is no database that can be read."""
    with blamed(home.database), closing(open_reader(home.database)) as connection:
        items, held = plan(connection, now)
        standing = holds(connection, "released_at is null")
        mark = read_mark(connection)

        def one(query: str) -> object:
            return connection.execute(query).fetchone()[0]

        return Status(
            calls=int(str(one("select count(*) from calls"))),
            artifacts=int(str(one("select count(*) from artifacts"))),
            oldest_overdue=min(filter(None, (_end(connection, item) for item in items)), default=None),
            overdue=len(items),
            held=held,
            last_sweep=_moment(one("select max(completed_at) from sweeps")),
            begun=_moment(one("select min(in_force_from) from policies")),
            suspended_since=mark.suspended_since if mark else None,
            holds=len(standing),
            reviews=tuple(overdue_reviews(standing, now.date())),
            has_reserve=reserve.is_whole(home),
            days_to_full=reserve.forecast(_samples(connection), now),
            now=now,
        )


def figures(status: Status) -> Iterator[Figure]:
    """What a collector of metrics is told, after every sweep."""
    waited = status.now - status.oldest_overdue if status.oldest_overdue else timedelta()
    yield Figure("artifacts", status.artifacts, "Artifacts kept.")
    yield Figure("overdue_artifacts", status.overdue, "Due and not deleted yet.")
    yield Figure("oldest_overdue_seconds", waited.total_seconds(), "How long the oldest of them has been due.")
    yield Figure("held_artifacts", status.held, "Overdue but for a hold.")
    yield Figure("reviews_due", len(status.reviews), "Holds that somebody should have looked at again.")
    yield Figure("deletions_suspended", bool(status.suspended_since), "1 while the clock is not trusted.")
    if status.last_sweep:
        yield Figure("last_sweep_timestamp_seconds", status.last_sweep.timestamp(), "When a sweep last completed.")
    if status.days_to_full is not None:
        yield Figure("disk_full_seconds", status.days_to_full * 86400, "Until the recordings' disk is full.")


def _samples(connection: Connection) -> list[tuple[datetime, int]]:
    """What the last sweeps noted of the disk."""
    rows = connection.execute(
        "select completed_at, free_bytes from sweeps where free_bytes is not null order by id desc limit ?", (SAMPLES,)
    )
    return [(datetime.fromisoformat(at), free_bytes) for at, free_bytes in rows]


def _end(connection: Connection, item: Item) -> datetime | None:
    """The end of its last grant; None where it has none."""
    row = connection.execute("select keep_until from artifacts where id = ?", (item.artifact,)).fetchone()
    return _moment(row[0]) if row else None


def _moment(found: object) -> datetime | None:
    return datetime.fromisoformat(str(found)) if found else None


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _short(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")
