"""Other versions of the packages that were built: the same content under another number, not compressed.

An older one may know an older schema of the database than its successor: it refuses what it does not know.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

CODE = "lib/python3.11/site-packages/tavs/store"
LIMIT_S = 180.0


def version(package: Path) -> str:
    return _run("dpkg-deb", "--field", str(package), "Version").strip()


def older(packages: Path, folder: Path, number: str, *, schema: int | None = None) -> Path:
    """A folder with both packages of that number, made in `folder`; the code knows `schema` at most where one is named."""
    target = folder / number
    target.mkdir(parents=True)
    for package in packages.glob("tavs-models_*.deb"):
        shutil.copy(package, target)
    [package] = packages.glob("tavs_*.deb")
    now = version(package)
    root = folder / f"{number}-root"
    _run("dpkg-deb", "--raw-extract", str(package), str(root))
    (root / f"usr/lib/tavs/{now}").rename(root / f"usr/lib/tavs/{number}")
    current = root / "usr/lib/tavs/current"
    current.unlink()
    current.symlink_to(number)
    for text in (root / "DEBIAN/control", root / f"usr/lib/tavs/{number}/bin/tavs"):
        text.write_text(
            text.read_text().replace(f"Version: {now}\n", f"Version: {number}\n").replace(f"/{now}/", f"/{number}/")
        )
    if schema is not None:
        code = root / f"usr/lib/tavs/{number}/{CODE}"
        database = code / "database.py"
        lines = database.read_text().splitlines(keepends=True)
        database.write_text(
            "".join(f"SCHEMA_VERSION = {schema}\n" if x.startswith("SCHEMA_VERSION =") else x for x in lines)
        )
        shutil.rmtree(code / "__pycache__", ignore_errors=True)
    (root / "DEBIAN/md5sums").unlink()
    _run("dpkg-deb", "--root-owner-group", "-Znone", "--build", str(root), str(target / f"tavs_{number}_amd64.deb"))
    shutil.rmtree(root)
    return target


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert done.returncode == 0, f"{command[:3]} ended with {done.returncode}: {done.stderr[-1000:]}"
    return done.stdout
