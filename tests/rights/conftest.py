"""An office of its own per test: at a fixed day, or at today's for what is typed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from office import Office
from tavs.host.clock import RealClock

AT = datetime(2031, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    one = Office(tmp_path / "home", AT)
    yield one
    one.close()


@pytest.fixture
def today(tmp_path: Path) -> Iterator[Office]:
    """An office whose calls ended an hour ago, by the real clock that the commands go by."""
    one = Office(tmp_path / "home", RealClock().now() - timedelta(hours=1))
    yield one
    one.close()
