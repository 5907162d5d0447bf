"""The service manager's protocol, over a real socket."""

import os
import socket
from pathlib import Path

import pytest
from tavs.errors import ConfigError
from tavs.host import credentials, systemd
from tavs.host.home import Home


def test_notices_reach_an_abstract_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0tavs-test-{os.getpid()}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@tavs-test-{os.getpid()}")
        systemd.notify("READY=1", "STATUS=fine")
        assert b"READY=1\nSTATUS=fine" == manager.recv(100)


def test_without_a_service_manager_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setenv("LISTEN_PID", "1")
    systemd.notify("READY=1")
    assert [] == systemd.listen_sockets()


def test_the_watchdog_is_pinged_only_when_every_stage_moved() -> None:
    watchdog = systemd.Watchdog(("media", "voices"))
    watchdog.progress("media")
    assert not watchdog.ping()
    watchdog.progress("voices")
    assert watchdog.ping()
    assert not watchdog.ping()


def test_keys_are_made_once_for_their_owner_only(tmp_path: Path) -> None:
    home = Home(tmp_path)
    credentials.create(home)
    before = {path.name: path.read_bytes() for path in home.keys.iterdir()}
    credentials.create(home)
    assert before == {path.name: path.read_bytes() for path in home.keys.iterdir()}
    pairs = {"site-private.key", "site-public.key", "audit.key", "audit-public.key"}
    assert {"desk.key", "index.key", *pairs} == set(before)
    assert all(path.stat().st_mode & 0o077 == 0 for path in home.keys.iterdir())


def test_a_missing_or_short_key_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="desk cannot be read"):
        credentials.load("desk", Home(tmp_path))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "desk").write_bytes(b"short")
    with pytest.raises(ConfigError, match="5 bytes"):
        credentials.load("desk", Home(tmp_path))
