"""What the packages hold: all of it, nothing else, and nothing that tells where it was built."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Package

ROOT = Path(__file__).parents[2]
PLACES = (
    "etc/tavs/",
    "lib/systemd/system/tavs",
    "lib/systemd/system-generators/tavs",
    "usr/bin/tavs",
    "usr/lib/systemd/catalog/tavs.catalog",
    "usr/lib/sysusers.d/tavs.conf",
    "usr/lib/tavs/",
    "usr/lib/tmpfiles.d/tavs.conf",
    "usr/share/bash-completion/completions/tavs",
    "usr/share/doc/tavs/",
    "usr/share/lintian/overrides/tavs",
    "usr/share/man/man",
    "usr/share/tavs/",
)
SYSTEM_LIBRARIES = {
    "ld-linux-x86-64.so.2": "libc6",
    "libc.so.6": "libc6",
    "libdl.so.2": "libc6",
    "libm.so.6": "libc6",
    "libmvec.so.1": "libc6",
    "libpthread.so.0": "libc6",
    "librt.so.1": "libc6",
    "libgcc_s.so.1": "libgcc-s1",
    "libstdc++.so.6": "libstdc++6",
    "libz.so.1": "zlib1g",
}
"""Libraries that Debian gives, with the package they are in."""


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def normal(name: str) -> str:
    """As PyPI compares names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_conffile_is_the_one_of_the_sources(tavs: Package) -> None:
    names = sorted(path.name for path in (ROOT / "config").glob("*.toml"))
    assert [f"/etc/tavs/{name}" for name in names] == (tavs.control / "conffiles").read_text().split()
    for name in names:
        shipped = {(tavs.tree / place / name).read_text() for place in ("etc/tavs", "usr/share/tavs/config")}
        assert {(ROOT / "config" / name).read_text()} == shipped


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("packaging/systemd", "lib/systemd/system"),
        ("packaging/prometheus", "usr/share/tavs/prometheus"),
        ("packaging/grafana", "usr/share/tavs/grafana"),
        ("config/terms", "usr/share/tavs/terms"),
    ],
)
def test_a_folder_is_there_whole(tavs: Package, source: str, place: str) -> None:
    expected = {path.name: digest(path) for path in (ROOT / source).glob("*") if path.is_file()}
    assert expected and expected == {path.name: digest(path) for path in (tavs.tree / place).glob("*")}


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("packaging/generator", "lib/systemd/system-generators/tavs"),
        ("packaging/sysusers.conf", "usr/lib/sysusers.d/tavs.conf"),
        ("packaging/tmpfiles.conf", "usr/lib/tmpfiles.d/tavs.conf"),
        ("packaging/tavs.catalog", "usr/lib/systemd/catalog/tavs.catalog"),
        ("packaging/completion/tavs.bash", "usr/share/bash-completion/completions/tavs"),
    ],
)
def test_a_file_of_the_system_is_the_one_of_the_sources(tavs: Package, source: str, place: str) -> None:
    assert digest(ROOT / source) == digest(tavs.tree / place)


def test_every_manual_page_is_there(tavs: Package) -> None:
    pages = {path.name for path in (ROOT / "packaging/man").glob("*.[158]")}
    assert pages and pages == {path.name.removesuffix(".gz") for path in tavs.files if "/share/man/" in str(path)}


def test_nothing_lies_where_it_does_not_belong(tavs: Package, models: Package) -> None:
    found = [path.relative_to(tavs.tree).as_posix() for path in tavs.tree.rglob("*") if not path.is_dir()]
    assert [] == [name for name in found if not name.startswith(PLACES)]
    known = ("usr/share/tavs/models/", "usr/share/doc/tavs-models/", "usr/share/lintian/overrides/tavs-models")
    found = [path.relative_to(models.tree).as_posix() for path in models.files]
    assert [] == [name for name in found if not name.startswith(known)]


def test_no_file_holds_the_path_of_the_build(tavs: Package, models: Package) -> None:
    traces = (b"/debian/tavs/usr", str(ROOT).encode(), b"/source/tavs-")
    for path in (*tavs.files, *models.files):
        content = path.read_bytes()
        assert [] == [trace for trace in traces if trace in content], path


def test_everything_is_as_old_as_the_last_commit(tavs: Package, models: Package) -> None:
    assert 1 == len({int(path.stat().st_mtime) for path in (*tavs.files, *models.files)})


def test_what_made_the_environment_is_not_in_it(venv: Path, site: Path) -> None:
    assert ["python", "python3", "python3.11", "tavs"] == sorted(path.name for path in (venv / "bin").iterdir())
    assert [] == [
        path.name for path in site.iterdir() if re.match(r"(pip|setuptools|wheel|pkg_resources)\b", path.name)
    ]
    assert [] == [path for path in site.rglob("*") if path.name in ("RECORD", "direct_url.json", "INSTALLER", "tests")]
    assert "home = /usr/bin\ninclude-system-site-packages = false\n" == (venv / "pyvenv.cfg").read_text()


def test_every_locked_wheel_is_there_in_its_version_and_no_other(site: Path) -> None:
    locked = set()
    for lock in ("requirements.lock", "requirements-alone.lock"):
        lines = (ROOT / "packaging" / lock).read_text()
        locked |= {(normal(name), number) for name, number in re.findall(r"^([\w.-]+)==([\w.]+)", lines, re.MULTILINE)}
    found = {path.name.removesuffix(".dist-info") for path in site.glob("*.dist-info")}
    assert locked == {(normal(name.rpartition("-")[0]), name.rpartition("-")[2]) for name in found}


def test_byte_code_is_there_for_every_module_and_asks_for_no_times(site: Path) -> None:
    for path in site.rglob("*.py"):
        compiled = Path(importlib.util.cache_from_source(str(path)))
        assert importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") == compiled.read_bytes()[:8], path


def test_the_code_is_the_one_of_the_sources(site: Path) -> None:
    sources = {path.relative_to(ROOT / "daemon/tavs") for path in (ROOT / "daemon/tavs").rglob("*.py")}
    assert sources == {path.relative_to(site / "tavs") for path in (site / "tavs").rglob("*.py")}
    for name in sources:
        assert digest(ROOT / "daemon/tavs" / name) == digest(site / "tavs" / name), name


def test_the_command_is_the_one_of_the_current_version(tavs: Package, venv: Path, version: str) -> None:
    assert "../lib/tavs/current/bin/tavs" == (tavs.tree / "usr/bin/tavs").readlink().as_posix()
    assert version == (tavs.tree / "usr/lib/tavs/current").readlink().as_posix()
    assert f"#!/usr/lib/tavs/{version}/bin/python -I" == (venv / "bin/tavs").read_text().splitlines()[0]
    interpreter = Path(os.path.normpath(venv / "bin" / (venv / "bin/python3").readlink()))
    assert "usr/bin/python3" == interpreter.relative_to(tavs.tree).as_posix()


def test_the_command_works_with_nothing_but_the_package(site: Path, tmp_path: Path) -> None:
    program = f"import sys; sys.path.insert(0, {str(site)!r}); from tavs.cli import main; main()"
    done = subprocess.run(
        ["/usr/bin/python3", "-ISBc", program, "config", "--effective"],
        env={"TAVS_HOME": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (0, "") == (done.returncode, done.stderr)
    assert 'site.timezone = "Europe/Copenhagen"  # default' in done.stdout


def test_native_code_takes_from_the_system_what_the_package_depends_on(tavs: Package, site: Path) -> None:
    libraries = [path for path in site.rglob("*") if ".so" in path.name and path.is_file()]
    own = {path.name for path in libraries}
    read = subprocess.run(["readelf", "-d", *libraries], capture_output=True, text=True, check=True).stdout
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", read)) - own
    assert set() == needed - SYSTEM_LIBRARIES.keys()
    depends = set(re.split(r"[ ,]+", re.sub(r"\(.*?\)", "", tavs.fields["Depends"])))
    assert {SYSTEM_LIBRARIES[name] for name in needed} <= depends


def test_an_upgrade_of_python_cannot_take_the_environment_away_unseen(tavs: Package) -> None:
    assert {"python3 (>= 3.11~)", "python3 (<< 3.12)"} <= set(tavs.fields["Depends"].split(", "))


def test_the_models_of_the_catalogue_are_there_and_no_recipe(models: Package) -> None:
    folder = models.tree / "usr/share/tavs/models"
    catalogue = tomllib.loads((folder / "catalogue.toml").read_text())
    expected = {"catalogue.toml": digest(ROOT / "models/catalogue.toml")}
    for entry in catalogue.values():
        expected[entry["file"]] = entry["sha256"]
        if "tokenizer" in entry:
            expected[entry["tokenizer"]] = entry["tokenizer_sha256"]
    found = [path for path in models.files if path.is_relative_to(folder)]
    assert expected == {path.relative_to(folder).as_posix(): digest(path) for path in found}


def test_what_is_installed_is_looked_for_where_it_is_installed(tavs: Package, models: Package) -> None:
    from tavs import catalogue, run
    from tavs.advice import terms

    assert (models.tree / catalogue.INSTALLED.relative_to("/")).is_dir()
    assert (tavs.tree / terms.INSTALLED.relative_to("/")).is_dir()
    assert (tavs.tree / run.SHIPPED[0].relative_to("/")).is_file()
