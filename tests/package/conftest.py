"""The packages that `make deb` made, unpacked once; those older than their sources say nothing of them.

TAVS_DEBS names another folder than build/.
"""

from __future__ import annotations

import os
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_BUILT = "the packages are not built (make deb)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    deb: Path
    tree: Path
    """What it puts on the disk."""
    control: Path
    """The folder of maintainer scripts and lists."""
    fields: dict[str, str]

    @property
    def files(self) -> list[Path]:
        return sorted(path for path in self.tree.rglob("*") if path.is_file() and not path.is_symlink())


@pytest.fixture(scope="session")
def version() -> str:
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


@pytest.fixture(scope="session")
def tavs(tmp_path_factory: pytest.TempPathFactory, version: str) -> Package:
    return unpacked(f"tavs_{version}_amd64.deb", tmp_path_factory.mktemp("tavs"))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, version: str) -> Package:
    return unpacked(f"tavs-models_{version}_all.deb", tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def venv(tavs: Package, version: str) -> Path:
    return tavs.tree / f"usr/lib/tavs/{version}"


@pytest.fixture(scope="session")
def site(venv: Path) -> Path:
    return venv / "lib/python3.11/site-packages"


def newest_source() -> float:
    places = ("config", "daemon/tavs", "models", "packaging")
    found = (path for place in places for path in (ROOT / place).rglob("*") if "__pycache__" not in path.parts)
    return max(path.stat().st_mtime for path in found if path.is_file())


def unpacked(name: str, folder: Path) -> Package:
    deb = Path(os.environ.get("TAVS_DEBS", ROOT / "build")) / name
    if not deb.exists() or deb.stat().st_mtime < newest_source():
        pytest.skip(NOT_BUILT)
    subprocess.run(["dpkg-deb", "-R", deb, folder / "tree"], check=True)
    control = folder / "control"
    (folder / "tree/DEBIAN").rename(control)
    lines = subprocess.run(["dpkg-deb", "-f", deb], check=True, capture_output=True, text=True).stdout.splitlines()
    fields = dict(line.split(": ", 1) for line in lines if not line.startswith(" "))
    return Package(deb=deb, tree=folder / "tree", control=control, fields=fields)
