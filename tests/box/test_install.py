"""The packages on a machine without any network: what is there afterwards, and that it works with its own defaults."""

import pytest
from box import DATABASE, INCOMING, PROGRAMS, UNITS, Box, Installed

FOLDERS = {
    "/etc/tavs": "root:root 755",
    "/etc/tavs/panel": "root:tavs-desk 750",
    "/etc/credstore.encrypted": "root:root 700",
    "/var/lib/tavs": "root:root 755",
    "/var/lib/tavs/recordings": "root:tavs 750",
    INCOMING: "tavs-listen:tavs-listen 2775",
    "/var/lib/tavs/recordings/archive": "tavs-keep:tavs-desk 750",
    "/var/lib/tavs/db": "tavs-desk:tavs-desk 2770",
    "/var/lib/tavs/text-keys": "tavs-desk:tavs-desk 2770",
    "/var/lib/tavs/exports": "root:root 700",
    "/var/lib/tavs/reviews": "root:root 700",
    "/var/lib/tavs/models": "root:root 755",
    "/var/lib/tavs/terms": "root:root 755",
    "/run/tavs/relay.sock": "root:tavs-listen 660",
    DATABASE: "tavs-desk:tavs-desk 660",
}


def test_nothing_is_asked(box: Box) -> None:
    for package in ("tavs", "tavs-models"):
        parts = box.machine.run("dpkg-query", "--control-list", package).stdout.split()
        assert not {"config", "templates"} & set(parts)


def test_every_unit_is_active_when_apt_comes_back(installed: Installed) -> None:
    assert dict.fromkeys(UNITS, "active") == installed.states


def test_a_check_of_the_embedded_defaults_finds_no_trouble(installed: Installed) -> None:
    assert [] == [line for line in installed.check.splitlines() if line.startswith("trouble")]
    assert "fine" in installed.check


def test_a_check_of_the_configured_box_is_green_after_a_reboot(box: Box) -> None:
    done = box.machine.run("tavs", "check", check=False)
    assert [] == [line for line in done.stdout.splitlines() if line.startswith("trouble")]
    assert 0 == done.returncode


def test_each_program_has_a_user_of_its_own_that_nobody_can_log_in_as(box: Box) -> None:
    for user in ("tavs-listen", "tavs-desk", "tavs-keep"):
        name, _, uid, _, _, _, shell = box.machine.run("getent", "passwd", user).stdout.strip().split(":")
        assert user == name
        assert int(uid) < 1000
        assert shell.endswith("nologin")
    assert box.machine.run("getent", "group", "tavs-admin").stdout.strip().endswith(":")


@pytest.mark.parametrize("path", FOLDERS)
def test_a_folder_belongs_to_whom_the_design_says(box: Box, path: str) -> None:
    assert FOLDERS[path] == box.machine.run("stat", "-c", "%U:%G %a", path).stdout.strip()


def test_programs_run_as_their_users_and_nobody_as_root(box: Box) -> None:
    for unit in PROGRAMS:
        pid = str(box.machine.main_pid(unit))
        user = unit.removesuffix(".service")
        assert user == box.machine.run("ps", "-o", "user:32=", "-p", pid).stdout.strip()


def test_keys_are_there_and_readable_for_root_alone(box: Box) -> None:
    names = box.machine.run("tavs", "keys", "status").stdout
    for name in ("site-public", "site-private", "desk", "index", "audit"):
        assert name in names
    assert "missing" not in names
    modes = box.machine.shell("stat -c '%U %a' /etc/credstore.encrypted/tavs.*").stdout.split("\n")
    assert {"root 600"} == {mode for mode in modes if mode}


def test_settings_of_the_site_are_not_the_packages(box: Box) -> None:
    conffiles = box.machine.run("dpkg-query", "-W", "-f", "${Conffiles}", "tavs").stdout
    for name in ("tavs.toml", "masking.toml", "retention.toml"):
        assert f"/etc/tavs/{name}" in conffiles
    assert "conf.d/" not in conffiles


def test_nothing_is_made_outside_of_the_places_of_the_package(box: Box) -> None:
    """Neither a home, nor a temporary file, nor a dump of memory is left behind."""
    found = box.machine.shell(
        "find / -xdev \\( -user tavs-listen -o -user tavs-desk -o -user tavs-keep \\)"
        " -not -path '/var/lib/tavs/*' -not -path '/run/tavs/*' -not -path '/proc/*' 2>/dev/null || true"
    ).stdout.split()
    assert [] == found
    assert [] == list(box.machine.path("/var/lib/systemd/coredump").glob("*"))
