"""What somebody has to do again and again: backups, certificates, exports to hand over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tavs.backup import note
from tavs.errors import StoreError
from tavs.finding import Finding, Level
from tavs.host.clock import Clock
from tavs.host.expiry import ends_at
from tavs.host.home import Home
from tavs.overview import CERTIFICATE_SOON

EXPORT_LASTS = timedelta(days=7)
"""What an officer has for fetching an export."""
BACKUP_LASTS = timedelta(days=31)


def findings(home: Home, clock: Clock) -> Iterator[Finding]:
    now = clock.now()
    yield from _exports(home, now)
    yield from _backup(home, now)
    yield from _certificate(home, now)
    if home.is_test:
        yield Finding(
            Level.TROUBLE if home.is_installed else Level.NOTE,
            "this is a test home: `tavs sweep --now` may really delete",
            "for calls of real people use another; never remove the mark by hand",
        )


def _exports(home: Home, now: datetime) -> Iterator[Finding]:
    """Copies in clear, of which retention knows nothing: whoever made one takes it away."""
    try:
        old = [path for path in home.exports.glob("*") if now - _changed(path.stat().st_mtime) > EXPORT_LASTS]
    except PermissionError:
        yield Finding(Level.NOTE, f"{home.exports} cannot be read", "run this as root")
        return
    if old:
        yield Finding(
            Level.TROUBLE, f"{len(old)} exports in {home.exports} are a week old", "hand them over and remove them"
        )


def _backup(home: Home, now: datetime) -> Iterator[Finding]:
    try:
        known, restored = note.read(home), note.restore(home)
    except StoreError as error:
        yield Finding(Level.TROUBLE, error.message, error.hint)
        return
    if restored:
        yield Finding(Level.TROUBLE, "a restore is not finished", "`tavs restore` again goes on where it stopped")
    if known.content_at is None:
        yield Finding(Level.NOTE, "no backup was ever made", "`tavs backup DIR`, best by a timer")
        return
    if known.keys_at is None:
        yield Finding(
            Level.TROUBLE,
            "the keys were never backed up, and no copy opens without them",
            "`tavs backup DIR --keys-only`",
        )
    age = now - known.content_at
    if age > BACKUP_LASTS:
        yield Finding(Level.TROUBLE, f"the last backup is {age.days} days old", "`tavs backup DIR`")
    else:
        yield Finding(Level.FINE, f"the last backup is {age.days} days old")


def _certificate(home: Home, now: datetime) -> Iterator[Finding]:
    if not home.certificate.exists():
        return
    ends = ends_at(home.certificate)
    if ends is None:
        yield Finding(Level.TROUBLE, f"{home.certificate} is no certificate", "put one in PEM there, with its chain")
    elif ends - now < CERTIFICATE_SOON:
        yield Finding(
            Level.TROUBLE, f"the certificate of the agents' page ends on {ends.date()}", "put a new pair there"
        )
    else:
        yield Finding(Level.FINE, f"the certificate of the agents' page ends on {ends.date()}")


def _changed(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
