"""A desk's page over real TLS sockets: `house` is a home with two agents, its page is served inside a test's loop."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from house import House
from tavs.panel import passwords, serve


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(serve, "TICK_S", 0.05)
    monkeypatch.setattr(passwords, "PASSES", 1)
    monkeypatch.setattr(passwords, "MEMORY_BYTES", 1 << 20)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    made = House(tmp_path / "home")
    yield made
    made.connection.close()
