"""Where everything lies. `TAVS_HOME=DIR` moves every path below DIR, as DESTDIR does."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TEST_HOME_MARK = "TEST-HOME"
"""A file at the top of a home in which rehearsals may really delete."""


@dataclass(frozen=True, slots=True)
class Home:
    root: Path

    @classmethod
    def current(cls) -> Home:
        return cls(Path(os.environ.get("TAVS_HOME", "/")))

    @property
    def etc(self) -> Path:
        return self.root / "etc/tavs"

    @property
    def keys(self) -> Path:
        """Key files of a development home; an installed box has systemd credentials instead."""
        return self.etc / "keys"

    @property
    def retention(self) -> Path:
        """What is kept for what, and how long."""
        return self.etc / "retention.toml"

    @property
    def var(self) -> Path:
        return self.root / "var/lib/tavs"

    @property
    def database(self) -> Path:
        return self.var / "db/tavs.db"

    @property
    def text_keys(self) -> Path:
        return self.var / "text-keys"

    @property
    def incoming(self) -> Path:
        return self.var / "recordings/incoming"

    @property
    def archive(self) -> Path:
        return self.var / "recordings/archive"

    @property
    def models(self) -> Path:
        return self.var / "models"

    @property
    def terms(self) -> Path:
        return self.var / "terms"

    @property
    def reviews(self) -> Path:
        """What people found who read masked text through."""
        return self.var / "reviews"

    @property
    def exports(self) -> Path:
        """What was handed out to persons and officers, until they fetch it."""
        return self.var / "exports"

    @property
    def metrics(self) -> Path:
        """Text files for a collector of metrics, one a program."""
        return self.var / "metrics"

    @property
    def relay_socket(self) -> Path:
        return self.root / "run/tavs/relay.sock"

    @property
    def control_socket(self) -> Path:
        """Where administrators ask the listener (control.py)."""
        return self.root / "run/tavs/listen/control.sock"

    @property
    def state_socket(self) -> Path:
        """Where anybody may ask how the listener is, and nothing else."""
        return self.root / "run/tavs/listen/state.sock"

    @property
    def certificate(self) -> Path:
        """Of the agents' page."""
        return self.etc / "panel/certificate.pem"

    @property
    def offered_keys(self) -> Path:
        """Links to the credentials that a unit can do without (host/credstore.py)."""
        return self.root / "run/tavs/keys"

    @property
    def is_installed(self) -> bool:
        """Whether this is the box itself and not a folder of somebody's."""
        return self.root == Path("/")

    @property
    def is_test(self) -> bool:
        return (self.root / TEST_HOME_MARK).exists()
