"""One machine is installed and set up once; every module gets machines of its own that begin where it ended.

They run where `make test-box` has built the packages, and nowhere else: TAVS_BOX_PACKAGES names their folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from box import PROGRAMS, UNITS, Box, Installed
from caller import Sound, cut
from machine import impossible, machine

HERE = Path(__file__).parent
PACKAGES = os.environ.get("TAVS_BOX_PACKAGES", "")


def _missing() -> str | None:
    if not PACKAGES:
        return "`make test-box` builds the packages and runs these"
    return impossible() or (None if shutil.which("sipp") else "sipp (Debian sip-tester) is not installed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if why := _missing():
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    with machine() as new:
        box = Box(new, tmp_path_factory.mktemp("installed"))
        new.boot()
        box.put(Path(PACKAGES).resolve())
        install_s, printed = box.install()
        states = {unit: new.property(unit, "ActiveState") for unit in UNITS}
        new.wait_active(*PROGRAMS)
        check = box.tavs("check", check=False)
        box.configure()
        new.shell("rm -r /root/packages")
        new.power_off()
        yield Installed(new.as_ground(), printed, states, check, install_s)


@pytest.fixture(scope="session")
def boxes(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Iterator[Box]]:
    def boxes(disk_bytes: int = 0) -> Iterator[Box]:
        with machine(installed.ground, disk_bytes) as new:
            new.boot()
            new.wait_active(*PROGRAMS)
            yield Box(new, tmp_path_factory.mktemp("box"))

    return boxes


@pytest.fixture(scope="module")
def box(boxes: Callable[..., Iterator[Box]]) -> Iterator[Box]:
    """A machine for all tests of a module: each leaves it as it was."""
    yield from boxes()


@pytest.fixture
def own_box(boxes: Callable[..., Iterator[Box]]) -> Iterator[Box]:
    """A machine for one test that does not leave it as it was."""
    yield from boxes()


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """Twelve seconds of the synthetic call."""
    return cut(tmp_path_factory.mktemp("sound"), 4, 16)


@pytest.fixture(scope="session")
def long_sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """The whole call, with every identifier that is said in it."""
    return cut(tmp_path_factory.mktemp("sound"), 0, 0)
