"""The journal gets fields and message ids, and every message has its cause, effect and remedy in the catalog."""

import ast
import os
import re
import shutil
import socket
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from tavs.host import native_journal
from tavs.host.journal import Message

ROOT = Path(__file__).parents[2]
CATALOG = ROOT / "packaging/tavs.catalog"
CALL = "0192f0c1-0000-7000-8000-000000000001"
PROGRAM = """
import os, sys
from tavs.events import CallId
from tavs.host import native_journal
from tavs.host.journal import Message, report, say
native_journal.ADDRESS = sys.argv[1]
if sys.argv[2] == "journal":
    status = os.fstat(2)
    os.environ["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
elif sys.argv[2] == "other":
    os.environ["JOURNAL_STREAM"] = "1:2"
say(Message.CALL_ENDED, call=CallId(sys.argv[3]), duration_ms=5)
try:
    int("mit-cpr-er-0711801260")
except ValueError as error:
    report(error)
"""


def said(address: str, stream: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, address, stream, CALL],
        capture_output=True,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if name != "JOURNAL_STREAM"},
    )
    return done.stderr


def entries() -> dict[str, str]:
    """The text of each entry by its id; an id that stands twice is an error."""
    found: dict[str, str] = {}
    for part in re.split(r"^-- ", CATALOG.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        message_id, _, text = part.partition("\n")
        assert message_id not in found
        found[message_id] = text
    return found


def test_the_journal_gets_an_entry_with_its_fields_and_stderr_stays_silent(tmp_path: Path) -> None:
    address = str(tmp_path / "journal")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(address)
        journal.settimeout(5)
        assert "" == said(address, "journal")
        entry = dict(line.split("=", 1) for line in journal.recv(65536).decode().splitlines())
        failed = dict(line.split("=", 1) for line in journal.recv(65536).decode().splitlines())
    assert {
        "MESSAGE": f"call ended: call={CALL}, duration_ms=5",
        "MESSAGE_ID": Message.CALL_ENDED.id,
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": "tavs",
        "TAVS_MESSAGE": "call-ended",
        "TAVS_CALL": CALL,
        "TAVS_DURATION_MS": "5",
    } == entry
    assert (Message.FAILED.id, "3") == (failed["MESSAGE_ID"], failed["PRIORITY"])
    assert failed["TAVS_ERROR"].startswith("ValueError at ") and "0711801260" not in str(failed)


@pytest.mark.parametrize("stream", ["none", "other"])
def test_where_stderr_is_not_the_journal_somebody_reads_stderr(tmp_path: Path, stream: str) -> None:
    lines = said(str(tmp_path / "nobody"), stream).splitlines()
    assert f"<6>call-ended call={CALL} duration_ms=5" == lines[0]
    assert lines[1].startswith("<3>failed error=ValueError at ")


def test_without_a_socket_of_the_journal_the_entry_is_a_line(tmp_path: Path) -> None:
    assert f"<6>call ended: call={CALL}, duration_ms=5" == said(str(tmp_path / "nobody"), "journal").splitlines()[0]


def test_a_journal_that_does_not_read_costs_the_entry_and_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = str(tmp_path / "journal")
    monkeypatch.setattr(native_journal, "ADDRESS", address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(address)
        for _ in range(2000):
            native_journal.send("ready", "0" * 32, 6, {})


def test_every_message_has_an_entry_and_no_entry_is_without_a_message() -> None:
    units = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "packaging/systemd").glob("*.service"))
    assert {message.id for message in Message} | set(re.findall(r"MESSAGE_ID=([0-9a-f]{32})", units)) == set(entries())


def test_every_entry_tells_cause_effect_and_remedy() -> None:
    for text in entries().values():
        header, what, *rest = text.strip().split("\n\n")
        assert header.startswith("Subject: ") and "\nDefined-By: Tavs\n" in header
        assert len(what) > 20
        assert ["Cause", "Effect", "Remedy"] == [part.partition(":")[0] for part in rest]


def test_an_entry_shows_only_fields_that_its_message_has() -> None:
    """As `say` is called: nothing is shown as `n/a`."""
    fields: dict[str, set[str]] = defaultdict(set)
    for path in (ROOT / "daemon/tavs").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say" and node.args:
                name = node.args[0].attr if isinstance(node.args[0], ast.Attribute) else ""
                fields[name] |= {keyword.arg.upper() for keyword in node.keywords if keyword.arg}
    for message in Message:
        shown = set(re.findall(r"@TAVS_([A-Z_]+)@", entries()[message.id]))
        if message.name in fields:
            assert shown <= fields[message.name], message


def test_an_id_is_the_same_in_every_version() -> None:
    assert "43c1a927b22856c9ba1aba5e020bc608" == Message.CALL_ENDED.id
    assert len(Message) == len({message.id for message in Message})


@pytest.mark.skipif(not shutil.which("journalctl"), reason="journalctl (systemd) is not installed")
def test_systemd_reads_the_catalog(tmp_path: Path) -> None:
    for folder in ("usr/lib/systemd/catalog", "var/lib/systemd/catalog"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(CATALOG, tmp_path / "usr/lib/systemd/catalog")
    read = ["journalctl", f"--root={tmp_path}"]
    done = subprocess.run([*read, "--update-catalog"], capture_output=True, text=True, check=True)
    assert "" == done.stderr
    listed = subprocess.run([*read, "--list-catalog"], capture_output=True, text=True, check=True).stdout
    assert set(entries()) == {line.split()[0] for line in listed.splitlines()}
