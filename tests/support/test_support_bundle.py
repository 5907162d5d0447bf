"""A support bundle holds what support needs, and not one of the canaries that lie everywhere around it."""

import ast
import json
import os
import stat
import subprocess
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.call.session import EndReason
from tavs.errors import UsageError
from tavs.host.clock import SimulatedClock
from tavs.host.home import Home
from tavs.host.journal import Message
from tavs.run import prepare
from tavs.store.database import open_writer
from tavs.support import bundle, telling
from tavs.support.telling import HIDDEN, Journal, foreign, sentence

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
CALL = "0192f0c1-0000-7000-8000-000000000001"
NAME, NUMBER, CPR, EXTENSION = "Rigmor", "20123456", "0711801260", "4512"
PARTY, SECRET = "k1:deadbeefcafe", "hunter2hemmelig"
CANARIES = (NAME, NUMBER, CPR, f'"{EXTENSION}"', f"={EXTENSION}", PARTY, "deadbeef", SECRET, CALL, "Vestergaard")

CONFIG = f"""
[site]
name = "{NAME}s kontor"
[intake.siprec]
allow = ["{NAME}", "192.0.2.0/24"]
listen = ["udp:127.0.0.1:5060"]
media_address = "{NUMBER}"
[masking]
always = {{ PERSON = ["{NAME} Vestergaard"] }}
never = ["{SECRET}"]
[advice]
endpoint = "https://{NAME}:{SECRET}@model.example/v1"
model = "{SECRET}"
[notice]
contact = "{NAME}, tlf. {NUMBER}"
[consent]
sip_header = "X-{NAME}"
[panel]
proxy_header = "X-{SECRET}"
"""
ENTRIES = [
    {"MESSAGE_ID": Message.CALL_ENDED.id, "TAVS_CALL": CALL, "TAVS_DURATION_MS": "5000", "TAVS_REASON": "bye"},
    {"MESSAGE_ID": Message.CALL_ENDED.id, "TAVS_CALL": CALL, "TAVS_REASON": NAME.lower(), "TAVS_X": NAME},
    {"MESSAGE_ID": Message.READY.id, "MESSAGE": NAME, f"TAVS_{NAME.upper()}": NUMBER, "TAVS_SECTIONS": SECRET},
    {"MESSAGE_ID": Message.FAILED.id, "TAVS_ERROR": f"ValueError at tape.py:7 {CPR}"},
    {"MESSAGE": f"ValueError: invalid literal for int() with base 10: '{CPR}'"},
    {"MESSAGE": '  File "/usr/lib/tavs/1/lib/python3.11/site-packages/tavs/tape.py", line 7, in write'},
    {"MESSAGE": f'  File "/home/{NAME}/x.py", line 7, in {NAME}'},
    {"MESSAGE": f"{NAME}Error: {NUMBER}"},
    {"_PID": "1", "UNIT": "tavs-desk.service", "UNIT_RESULT": "exit-code", "EXIT_STATUS": "78", "MESSAGE": NAME},
    {"MESSAGE": [1, 2], "TAVS_CALL": None, "_SYSTEMD_UNIT": f"tavs-listen@{NAME}.service"},
]


def programs(command: list[str]) -> str:
    """systemctl, journalctl and nft, with canaries wherever they could have any."""
    if command[0] == "journalctl":
        stamp = {"__REALTIME_TIMESTAMP": "1773964800000000", "_SYSTEMD_UNIT": "tavs-listen.service", "_HOSTNAME": NAME}
        return "\n".join([json.dumps(stamp | entry) for entry in ENTRIES] + [f"no json {NAME}", '"text"'])
    if command[0] == "systemctl":
        return f"Id=tavs-listen.service\nActiveState=active\nStatusText={NAME} {NUMBER}\nDescription={NAME}\n\n"
    if command[0] == "nft":
        return f'table inet tavs {{\n\tcomment "{NAME}"\n\tmeta skuid != "tavs-desk" accept\n}}\n'
    raise OSError(f"{NAME} {command}")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    found = Home(tmp_path / "home")
    prepare(found)
    (found.etc / f"conf.d/50-{NAME}.toml").write_text(CONFIG)
    connection = open_writer(found.database)
    connection.execute(
        "insert into calls (id, started_at, source, trunk, extension, party_ref, flags) values (?, ?, ?, ?, ?, ?, '[]')",
        (CALL, NOW.isoformat(), "siprec", NAME, EXTENSION, PARTY),
    )
    connection.execute(
        "insert into holds (kind, call, case_ref, reason_sealed, reason_sha256, owner, placed_at, placed_by, review_on)"
        " values ('case', ?, ?, x'00', '', ?, ?, ?, '2020-01-01')",
        (CALL, SECRET, f"{NAME} Vestergaard", NOW.isoformat(), NAME),
    )
    connection.commit()
    connection.close()
    for folder in (
        found.incoming,
        found.archive,
        found.exports,
        found.terms,
        found.reviews,
        found.models,
        found.metrics,
    ):
        folder.mkdir(exist_ok=True, parents=True)
        (folder / f"{NAME}-{NUMBER}.{SECRET}").write_text(f"{NAME} {CPR} {SECRET}")
        (folder / f"{CALL}.0.tavs").write_text(f"{NAME} {CPR} {SECRET}")
    (found.metrics / "keep.prom").write_text(f'tavs_artifacts 3\ntavs_x{{name="{NAME}"}} 1\n# HELP {NAME}\n{NUMBER}\n')
    monkeypatch.setenv("TAVS_SECRET", f"{NAME} {SECRET}")
    return found


def read(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        assert all(entry.uname == entry.gname == "" and entry.uid == 0 for entry in archive)
        return {
            entry.name.removeprefix("tavs-support/"): file.read().decode()
            for entry in archive
            if (file := archive.extractfile(entry))
        }


def made(home: Home, tmp_path: Path) -> dict[str, str]:
    out = tmp_path / "bundle.tar.gz"
    bundle.write(out, home, SimulatedClock(NOW), programs)
    assert 0o600 == stat.S_IMODE(out.stat().st_mode)
    return read(out)


def test_no_canary_is_in_a_bundle(home: Home, tmp_path: Path) -> None:
    found = made(home, tmp_path)
    whole = "\n".join([*found, *found.values()])
    assert [] == [canary for canary in CANARIES if canary.lower() in whole.lower()]
    assert str(home.root) not in whole and "pytest" not in whole


def test_a_bundle_holds_what_support_needs(home: Home, tmp_path: Path) -> None:
    found = {name: json.loads(text) for name, text in made(home, tmp_path).items() if name.endswith(".json")}
    assert {"tavs", "python", "sqlite", "numpy"} <= found["versions.json"].keys()
    assert ["hidden", "192.0.2.0/24"] == found["config.json"]["intake.siprec.allow"]
    assert {"PERSON": "1 words"} == found["config.json"]["masking.always"]
    assert ("tavs-nano-da", "hidden") == (found["config.json"]["speech.model"], found["config.json"]["advice.endpoint"])
    assert 2 == found["folders.json"]["recordings/archive"]["entries"]
    assert {".tavs": 1, "other": 1} == found["folders.json"]["recordings/archive"]["endings"]
    assert (1, 1) == (found["rows.json"]["calls"], found["rows.json"]["holds"])
    assert ["tavs_artifacts 3"] == found["figures.json"]
    assert "the listener does not answer" in found["status.json"]["alarms"][0]
    assert {"trouble", "note", "fine"} >= {each["level"] for each in found["check.json"]}
    assert any("no text can be masked" in each["what"] for each in found["check.json"])
    assert [{"Id": "tavs-listen.service", "ActiveState": "active"}] == found["units.json"]
    assert '\tmeta skuid != "tavs-desk" accept' in found["firewall.json"]
    assert found["machine.json"]["cores"] and found["machine.json"]["memory_bytes"]["MemTotal"]


def test_the_journal_is_told_by_messages_types_and_places(home: Home, tmp_path: Path) -> None:
    found = json.loads(made(home, tmp_path)["journal.json"])
    first = {
        "at": "2026-03-20T00:00:00.000+00:00",
        "unit": "tavs-listen.service",
        "message": "call-ended",
        "call": "call-1",
        "duration_ms": "5000",
        "reason": "bye",
    }
    assert first == found[0]
    assert ("call-1", HIDDEN, HIDDEN) == (found[1]["call"], found[1]["reason"], found[2]["sections"])
    assert "ValueError at tape.py:7" == found[3]["error"]
    assert ["ValueError", "tavs/tape.py:7", "45 characters", "21 characters"] == [each["line"] for each in found[4:8]]


def test_of_the_service_manager_is_told_how_a_unit_ended(home: Home, tmp_path: Path) -> None:
    found = json.loads(made(home, tmp_path)["journal.json"])[8]
    assert ("tavs-desk.service", "exit-code", "78") == (found["unit"], found["UNIT_RESULT"], found["EXIT_STATUS"])


def test_the_fields_that_are_told_are_those_of_our_messages() -> None:
    package = Path(telling.__file__).parents[1]
    calls = [
        node
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say"
    ]
    assert {keyword.arg for call in calls for keyword in call.keywords} | {"error"} == telling.FIELDS
    assert {reason.value for reason in EndReason} <= telling.REASONS


def test_a_part_that_cannot_be_made_costs_no_other(tmp_path: Path) -> None:
    def nothing(command: list[str]) -> str:
        raise FileNotFoundError(2, NAME, command[0])

    home = Home(tmp_path / "nowhere")
    parts = {name: text.decode() for name, text in bundle.parts(home, SimulatedClock(NOW), nothing)}
    assert json.loads(parts["units.json"])["failed"].startswith("FileNotFoundError")
    assert {"failed": "StoreError", "why": f"there is no database at {sentence(str(home.database))}"} == json.loads(
        parts["rows.json"]
    )
    assert "tavs" in json.loads(parts["versions.json"])
    assert NAME not in "".join(parts.values())


def test_a_bundle_takes_no_other_files_place(home: Home, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(UsageError):
        bundle.write(tmp_path / "there", home, SimulatedClock(NOW), programs)
    assert "mine" == (tmp_path / "there").read_text()


def test_the_command_writes_one_and_says_where(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "out.tar.gz"
    done = subprocess.run(
        [sys.executable, "-m", "tavs", "support-bundle", "--out", str(out)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TAVS_HOME": str(home.root)},
    )
    assert f"{out}\n" == done.stdout
    whole = "\n".join(read(out).values())
    assert [] == [canary for canary in CANARIES if canary.lower() in whole.lower()]


@given(st.text(alphabet=st.characters(categories=["Lu", "Ll", "Nd", "Po", "Zs"]), max_size=60))
def test_of_a_line_of_others_nothing_but_its_length_is_told(text: str) -> None:
    assert foreign(f"x {text}") == {"line": f"{len(text) + 2} characters"} or ".py:" in text


@given(st.dictionaries(st.text(max_size=20), st.one_of(st.text(max_size=40), st.integers(), st.none()), max_size=6))
def test_no_entry_of_a_journal_breaks_the_bundle(entry: dict[str, object]) -> None:
    [told] = Journal().tell([json.dumps(entry)])
    assert {"at", "unit"} <= told.keys()


def test_a_sentence_keeps_our_words_and_short_numbers_alone() -> None:
    assert "the last backup is 32 days old" == sentence("the last backup is 32 days old")
    assert "hold 1 was to be reviewed by … … (…)" == sentence(
        f"hold 1 was to be reviewed by {NAME} {NUMBER} (Vestergaard)"
    )
