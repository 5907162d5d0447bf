"""What an operator sees of what is kept: alarms first, and in time."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tavs import keep
from tavs.host.clock import RealClock
from tavs.host.home import Home
from tavs.retention.policy import DEFAULT
from tavs.run import prepare
from tavs.status import SOON_DAYS, read
from tavs.store.database import open_writer, transaction
from tavs.store.grants import enter_policy
from tavs.store.kept import utc

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path / "home")
    prepare(found)
    with closing(open_writer(found.database)) as connection, transaction(connection):
        connection.execute(
            "insert into calls (id, started_at, ended_at, source, trunk, extension, flags)"
            " values ('0192f0c1-0000-7000-8000-000000000001', ?, ?, 'siprec', '', '', '[]')",
            (utc(NOW), utc(NOW)),
        )
        connection.execute(
            "insert into artifacts (call, kind, part, state, keep_until) select id, 'recording', 0, 'closed', ? from calls",
            (utc(NOW + timedelta(days=300)),),
        )
        enter_policy(connection, DEFAULT, actor="desk", now=NOW - timedelta(days=20))
    return found


def swept(home: Home, free_gb: list[float]) -> None:
    """A completed sweep a day until today, with the free room it noted."""
    with closing(open_writer(home.database)) as connection, transaction(connection):
        for days, free in enumerate(reversed(free_gb)):
            at = utc(NOW - timedelta(days=days))
            connection.execute(
                "insert into sweeps (started_at, completed_at, free_bytes) values (?, ?, ?)", (at, at, int(free * 1e9))
            )


def test_a_disk_that_fills_within_two_weeks_is_an_alarm(home: Home) -> None:
    swept(home, [40, 36, 32, 28, 24, 20])
    status = read(home, NOW)
    assert 5 == pytest.approx(status.days_to_full, abs=0.1)
    assert any("full in 5 days" in alarm for alarm in status.alarms())


def test_a_disk_that_fills_later_or_not_at_all_is_none(home: Home) -> None:
    swept(home, [400, 399, 398, 397])
    status = read(home, NOW)
    assert status.days_to_full is not None and status.days_to_full > SOON_DAYS
    assert [] == list(status.alarms())


def test_without_a_sweep_for_a_day_retention_does_not_work_and_says_so(home: Home) -> None:
    swept(home, [40])
    assert [] == list(read(home, NOW + timedelta(hours=24)).alarms())
    assert any("no sweep" in alarm for alarm in read(home, NOW + timedelta(hours=26)).alarms())


def test_a_sweep_tells_a_collector_what_waits_and_where_the_audit_log_stands(home: Home) -> None:
    kept = keep.run(home, RealClock())
    told = (home.metrics / "keep.prom").read_text(encoding="ascii")
    assert kept.head is not None
    assert f'tavs_audit_head{{hash="{kept.head.hash}"}} {kept.head.sequence}\n' in told
    assert "tavs_overdue_artifacts 0\n" in told
    assert "tavs_last_sweep_timestamp_seconds" in told
