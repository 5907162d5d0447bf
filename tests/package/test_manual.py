"""The manual says what the code says: pages and completion are written anew and compared."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tavs import config as configuration
from tavs.host.home import Home
from tavs.reloading import KEYS, How
from tavs.retention.policy import DEFAULT

PACKAGING = Path(__file__).parents[2] / "packaging"
sys.path.insert(0, str(PACKAGING))

import man  # noqa: E402 - it lies beside the pages, in no package
from command_tree import commands  # noqa: E402

PAGES = sorted((PACKAGING / "man").iterdir())
NAMES = [page.name for page in PAGES]
AGAIN = "write it anew: python packaging/man.py"


def rendered(page: Path) -> str:
    """As a terminal of 100 columns shows it, hyphenation and adjustment off."""
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-rLL=100n", "-rHY=0", "-P-c", page], capture_output=True, text=True, check=True
    )
    return re.sub(r"\s+", " ", re.sub(r".\x08", "", done.stdout))


needs_groff = pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")


def test_every_page_is_what_the_code_says() -> None:
    assert {page.name: page.read_text() for page in PAGES} == man.pages(), AGAIN


def test_a_page_is_there_for_the_command_and_for_each_file_of_etc() -> None:
    files = [path.name for path in (PACKAGING.parent / "config").glob("*.toml")]
    assert sorted(["tavs.8", "tavs.toml.5", *(f"tavs-{name}.5" for name in files if name != "tavs.toml")]) == NAMES


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_a_page_is_ascii_with_its_name_and_what_it_is_on_one_line(page: Path) -> None:
    lines = page.read_bytes().decode("ascii").splitlines()
    assert re.fullmatch(r"[\w.\\-]+ \\- .{20,90}", lines[lines.index(".SH NAME") + 1])


@needs_groff
@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_a_page_is_shown_without_a_warning(page: Path) -> None:
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", page], capture_output=True, text=True, check=True)
    assert "" == done.stderr
    assert done.stdout


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_mandoc_finds_nothing_wrong_with_a_page(page: Path) -> None:
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stdout)


@needs_groff
def test_every_command_and_option_is_told_and_none_that_is_hidden() -> None:
    shown = rendered(PACKAGING / "man/tavs.8")
    told = [" ".join(("tavs", *each.path)) for each in commands() if each.is_callable]
    assert [] == [each for each in told if each not in shown]
    assert [] == [each.name for command in commands() for each in command.options if each.name not in shown]
    assert "tavs firewall units" not in shown
    assert "--replay" not in shown


@needs_groff
def test_every_key_is_told_with_its_default_and_how_a_change_is_followed() -> None:
    shown = rendered(PACKAGING / "man/tavs.toml.5") + rendered(PACKAGING / "man/tavs-masking.toml.5")
    for key, field in configuration.keys().items():
        assert f" {key.rpartition('.')[2]} = " in shown
        words = re.sub(r"[`'’\"…]", "", configuration.description(field))[:40]
        assert words in re.sub(r"[`'\"]", "", shown), key
    listed = shown[shown.index("These keys always want a restart") : shown.index(" KEYS [site]")]
    for key, programs in KEYS.items():
        assert (How.RESTART in programs.values()) == (f" {key}," in listed or f" {key}." in listed), key


@needs_groff
def test_every_place_where_something_lies_is_told() -> None:
    shown, home = rendered(PACKAGING / "man/tavs.8"), Home(Path("/"))
    places = (
        home.retention,
        home.incoming,
        home.archive,
        home.models,
        home.terms,
        home.exports,
        home.reviews,
        home.metrics,
        home.text_keys,
        home.database.parent,
    )
    assert [] == [str(each) for each in places if str(each) not in shown]


@needs_groff
def test_every_exit_status_and_unit_is_told() -> None:
    shown = rendered(PACKAGING / "man/tavs.8")
    units = [
        path.name
        for path in (PACKAGING / "systemd").iterdir()
        if path.suffix in (".service", ".socket", ".timer", ".target")
    ]
    assert [] == [each for each in [*units, " 0 ", " 1 ", " 2 ", " 78 ", "SIGHUP", "SIGTERM"] if each not in shown]


@needs_groff
def test_the_policy_that_ships_is_told_period_by_period() -> None:
    shown = rendered(PACKAGING / "man/tavs-retention.toml.5")
    for rule in DEFAULT.rules:
        table = f"[{rule.kind.value}.{rule.purpose.value}] As it ships: period = {rule.period.words()},"
        assert table in shown
    assert "longer than 30 years" in shown
