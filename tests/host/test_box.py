"""What `tavs check` finds of an installed box: a folder, a file, a key or a rule that is not as it should be."""

import grp
import os
import pwd
from pathlib import Path

import pytest
from tavs.finding import Finding, Level
from tavs.host import box, firewall, reach
from tavs.host.credstore import Credstore
from tavs.host.home import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A box below a folder, whose programs all run as whoever runs this."""
    found = Home(tmp_path)
    for folder in (
        found.database.parent,
        found.text_keys,
        found.incoming,
        found.archive,
        found.etc,
        found.offered_keys,
    ):
        folder.mkdir(parents=True)
    table = tmp_path / "tmpfiles.conf"
    table.write_text(f"# a table\nd {found.text_keys} 0770 {me()} {my_group()} -\n")
    found.text_keys.chmod(0o770)
    monkeypatch.setattr(Home, "is_installed", True)
    monkeypatch.setattr(box, "USERS", (me(),))
    monkeypatch.setattr(box, "TABLE", table)
    monkeypatch.setattr(box, "store", Credstore)
    monkeypatch.setattr(firewall, "loaded", lambda: reach.mark(reach.nftables(firewall.wanted(found))))
    monkeypatch.setattr(firewall, "GENERATED", tmp_path / "generated")
    firewall.write_drop_ins(found, tmp_path / "generated")
    return found


def me() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def my_group() -> str:
    return grp.getgrgid(os.getgid()).gr_name


def troubles(home: Home) -> list[Finding]:
    return [each for each in box.findings(home) if each.level is Level.TROUBLE]


def test_a_box_as_it_should_be_gives_no_trouble(home: Home) -> None:
    assert [] == troubles(home)


def test_a_home_of_somebodys_is_not_looked_at(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Home, "is_installed", False)
    assert [] == list(box.findings(home))


def test_users_that_are_missing_are_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "USERS", ("tavs-nobody-has-this",))
    [found] = troubles(home)
    assert "there is no user tavs-nobody-has-this" == found.what


def test_a_folder_with_another_mode_or_none_at_all_is_named(home: Home) -> None:
    home.text_keys.chmod(0o777)
    [found] = troubles(home)
    assert str(home.text_keys) in found.what
    assert "systemd-tmpfiles" in found.remedy
    home.text_keys.rmdir()
    assert any("is not a folder of" in each.what for each in troubles(home))


def test_a_file_that_the_programs_cannot_write_is_named(home: Home) -> None:
    (home.archive / "copied.key").touch(0o600)
    (home.archive / "copied.key").chmod(0o600)
    [found] = troubles(home)
    assert "1 files" in found.what and "copied.key" in found.what


def test_a_key_that_is_not_offered_is_named(home: Home) -> None:
    key = Credstore(home).path("index")
    key.parent.mkdir(parents=True)
    key.touch()
    [found] = troubles(home)
    assert "the programs run without the key index" == found.what


def test_rules_of_another_configuration_are_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firewall, "loaded", lambda: "")
    (home.etc / "tavs.toml").write_text('[intake.siprec]\nallow = ["192.0.2.1/32"]\n')
    first, second = troubles(home)
    assert "firewall" in first.what
    assert "tavs-listen.service" in second.what and "tavs-desk.service" not in second.what


def test_a_port_that_no_program_can_open_is_named(home: Home, tmp_path: Path) -> None:
    (home.etc / "tavs.toml").write_text('[panel]\nlisten = "0.0.0.0:443"\n')
    firewall.write_drop_ins(home, tmp_path / "generated")
    [found] = troubles(home)
    assert "port 443" in found.what
