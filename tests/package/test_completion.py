"""Completion in a real bash: what it offers, and that it starts nothing and knows no call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PACKAGING = Path(__file__).parents[2] / "packaging"
sys.path.insert(0, str(PACKAGING))

import completion  # noqa: E402 - it lies beside what it writes, in no package

SCRIPT = PACKAGING / "completion/tavs.bash"
ASK = """
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_tavs
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(*words: str, folder: Path | None = None) -> list[str]:
    """What Tab would offer after these words; no program can be found while it is asked."""
    done = subprocess.run(
        ["/bin/bash", "--norc", "-uc", ASK, "bash", SCRIPT, "tavs", *words],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={"PATH": "/nonexistent"},
    )
    assert "" == done.stderr
    return sorted(filter(None, done.stdout.splitlines()))


def test_the_file_is_what_the_code_says() -> None:
    assert SCRIPT.read_text() == completion.text(), "write it anew: python packaging/completion.py"


def test_commands_and_the_commands_below_them_are_offered() -> None:
    assert {"check", "hold", "status", "sweep"} <= set(offered(""))
    assert ["hold"] == offered("ho")
    assert ["add", "list", "release"] == offered("hold", "")
    assert ["release"] == offered("hold", "re")


def test_what_is_hidden_is_not_offered() -> None:
    assert "units" not in offered("firewall", "")
    assert "--replay" not in offered("listen", "-")


def test_the_options_of_a_command_are_offered_and_no_others() -> None:
    assert ["--dry-run", "--help", "--json", "--now"] == offered("sweep", "-")
    assert ["--help"] == offered("hold", "-")


@pytest.mark.parametrize("words", [("hold", "add", "--kind", "c"), ("hold", "add", "--kind", "=", "c")])
def test_the_choices_of_an_option_are_offered(words: tuple[str, ...]) -> None:
    assert ["case", "complaint"] == offered(*words)


def test_the_choices_of_an_argument_are_offered() -> None:
    assert ["desk", "index", "site"] == offered("keys", "rotate", "")


def test_a_value_is_not_taken_for_a_command_or_an_argument(tmp_path: Path) -> None:
    (tmp_path / "call.wav").touch()
    assert ["call.wav"] == offered("transcribe", "--model", "show", "ca", folder=tmp_path)


def test_files_are_offered_where_a_file_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "a call.wav").touch()
    (tmp_path / "home").mkdir()
    assert ["a call.wav"] == offered("replay", "a", folder=tmp_path)
    assert ["home"] == offered("run", "--home", "h", folder=tmp_path)


def test_no_call_number_or_text_is_offered(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert [] == offered("show", "", folder=tmp_path)
    assert [] == offered("hold", "add", "--number", "", folder=tmp_path)
    assert [] == offered("hold", "add", "--reason", "", folder=tmp_path)
    assert [] == offered("subject", "find", "--call", "", folder=tmp_path)


def test_a_word_that_is_no_command_offers_nothing(tmp_path: Path) -> None:
    assert [] == offered("nonsense", "$(touch started)", folder=tmp_path)
    assert [] == list(tmp_path.iterdir())
