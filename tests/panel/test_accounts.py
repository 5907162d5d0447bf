"""Accounts: what is kept, what is refused, and the commands that change them."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tavs.errors import ConfigError, UsageError
from tavs.host.home import Home
from tavs.panel import accounts, passwords
from tavs.panel.commands import accounts_app
from typer.testing import CliRunner

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD = "fire ganske almindelige ord"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("TAVS_HOME", str(tmp_path))
    made = Home(tmp_path)
    made.etc.mkdir(parents=True)
    return made


def add(home: Home, name: str = "anna", password: str = GOOD, extensions: tuple[str, ...] = ("4512",)) -> None:
    accounts.add(home, name, password, extensions=extensions, language="", now=AT)


def test_an_account_is_kept_with_a_hash_and_never_the_password(home: Home) -> None:
    add(home, "Anna", extensions=("4512", "4513", "4512"))
    written = accounts.path(home).read_text()
    assert GOOD not in written
    assert "$argon2id$v=19$m=32768,t=3,p=1$" in written
    assert 0o640 == stat.S_IMODE(accounts.path(home).stat().st_mode)
    known = accounts.read(home)["anna"]
    assert (("4512", "4513"), AT) == (known.extensions, known.created_at)
    assert "argon2" not in repr(known)
    roster = accounts.Roster(home)
    roster.reload()
    assert roster.check("ANNA ", GOOD)
    assert None is roster.check("anna", GOOD + "e")


def test_a_password_is_the_same_however_its_letters_are_composed(home: Home) -> None:
    add(home, password="blåbær på en grøn bålplads")
    roster = accounts.Roster(home)
    roster.reload()
    assert roster.check("anna", "bla\u030abær pa\u030a en grøn ba\u030alplads")


@pytest.mark.parametrize(
    "password",
    ["kort", "elleve tegn", "x" * 257, "aaaaaaaaaaaaaa", "abababababab", "123456789012", "qwertyuiopåæ", "Adgangskode1234",
     "velkommen2026!", "Sommer!!!2026", "passwordpassword", "min-anna-ordet", "87654321 abc", "asdfghjklæøa"],
)  # fmt: skip
def test_a_password_that_is_tried_first_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(UsageError) as refused:
        passwords.refuse_weak(password, "anna")
    assert password not in refused.value.message + refused.value.hint


@pytest.mark.parametrize("password", [GOOD, "k3mW!pz2vQ9x", "ørnen flyver lavt i nat", "correct horse battery staple"])
def test_a_good_password_is_taken(password: str) -> None:
    passwords.refuse_weak(password, "anna")


@given(st.text(max_size=400))
def test_every_text_is_taken_or_refused(password: str) -> None:
    try:
        passwords.refuse_weak(password, "anna")
    except UsageError:
        return
    assert passwords.SHORTEST <= len(password) * 4


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", "a/b", "../x", "a\n", "x" * 65, "<b>", "é"])
def test_a_name_of_another_form_is_refused(home: Home, name: str) -> None:
    with pytest.raises(UsageError):
        add(home, name)


@pytest.mark.parametrize("extensions", [(), ("",), ("45 12",), ("4512",) * 17, ("x" * 33,)])
def test_extensions_of_another_form_are_refused(home: Home, extensions: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        add(home, extensions=extensions)


def test_the_roster_follows_the_file_and_keeps_what_it_knew_when_that_is_broken(home: Home) -> None:
    roster = accounts.Roster(home)
    assert not roster.reload()
    add(home)
    assert roster.reload()
    assert roster.find("anna")
    assert not roster.reload()
    for broken in (b"", b"{", b'{"accounts": [{}]}', b'{"accounts": [], "x": 1}', b"\xff", b"[" * 100_000):
        accounts.path(home).write_bytes(broken)
        with pytest.raises(ConfigError):
            roster.reload()
        assert roster.find("anna")
        assert not roster.reload()
    accounts.path(home).unlink()
    assert roster.reload()
    assert None is roster.find("anna")


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_a_file_of_any_bytes_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    place = Home(tmp_path_factory.mktemp("home"))
    accounts.path(place).parent.mkdir(parents=True)
    accounts.path(place).write_bytes(content)
    with pytest.raises(ConfigError):
        accounts.read(place)


def test_the_commands_add_list_change_and_remove(home: Home) -> None:
    run = CliRunner().invoke
    added = run(
        accounts_app, ["add", "anna", "--extension", "4512", "--extension", "4513", "--stdin"], input=f"{GOOD}\n"
    )
    assert (0, "") == (added.exit_code, added.output)
    assert "anna  4512 4513\n" == run(accounts_app, ["list"]).output
    listed = json.loads(run(accounts_app, ["list", "--json"]).output)["accounts"]
    assert [("anna", ["4512", "4513"], True)] == [(a["name"], a["extensions"], a["has_password"]) for a in listed]
    assert "argon2" not in json.dumps(listed)
    before = accounts.read(home)["anna"]
    assert 0 == run(accounts_app, ["passwd", "anna", "--stdin"], input="fem andre ganske almindelige\n").exit_code
    assert before.password != accounts.read(home)["anna"].password
    assert 0 == run(accounts_app, ["sessions", "end", "anna"]).exit_code
    assert None is not accounts.read(home)["anna"].signed_out_at
    assert 0 == run(accounts_app, ["remove", "anna"]).exit_code
    assert {} == accounts.read(home)


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (["passwd", "nobody", "--stdin"], GOOD),
        (["remove", "nobody"], ""),
        (["sessions", "end", "nobody"], ""),
        (["add", "anna", "--extension", "4512", "--stdin"], ""),
        (["add", "anna", "--extension", "4512", "--stdin"], "kort"),
        (["add", "anna", "--extension", "4512"], ""),
        (["add", "a b", "--extension", "4512", "--stdin"], GOOD),
    ],
)
def test_wrong_use_is_refused_and_changes_nothing(home: Home, arguments: list[str], given: str) -> None:
    refused = CliRunner().invoke(accounts_app, arguments, input=f"{given}\n" if given else "")
    assert isinstance(refused.exception, UsageError)
    assert {} == accounts.read(home)


def test_an_account_without_a_password_opens_with_none(home: Home) -> None:
    CliRunner().invoke(accounts_app, ["add", "anna", "--extension", "4512", "--no-password"])
    roster = accounts.Roster(home)
    roster.reload()
    assert roster.find("anna")
    assert None is roster.check("anna", "")
