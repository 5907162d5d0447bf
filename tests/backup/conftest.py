"""A box with three calls: two with consent, one without."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from office import FIRST, SECOND, THIRD, YES, Office
from small_life import Life

AT = datetime(2031, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    office = Office(tmp_path / "home", AT)
    one = Life(tmp_path, office)
    office.call(FIRST, answers=[YES])
    office.call(SECOND, answers=[YES])
    office.call(THIRD)
    one.sweep()
    yield one
    office.close()
