"""What a machine cannot do is skipped with a reason that is on the committed list; a new skip fails the run."""

from __future__ import annotations

from pathlib import Path

import pytest

ALLOWED = Path(__file__).parent / "skips.txt"


class Skips:
    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and isinstance(report.longrepr, tuple):
            self.reasons[report.nodeid] = report.longrepr[2].removeprefix("Skipped: ")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        allowed = {
            line for line in ALLOWED.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
        }
        new = {reason for reason in self.reasons.values() if reason not in allowed}
        if new and session.exitstatus == 0:
            print(f"\nskips that are not in tests/skips.txt: {'; '.join(sorted(new))}")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Skips(), "skips")
