"""What officers type, through the real command line: what goes where, the exit codes, and nobody's name in between."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from office import (
    AGENT_SAID,
    FIRST,
    LOCALLY,
    MASKED,
    NUMBER,
    OTHER_NUMBER,
    PERSONAL,
    PROMPTED,
    SECOND,
    THIRD,
    Office,
)
from tavs.host.clock import RealClock
from tavs.recording.ogg import decode
from tavs.retention.sweep import alone
from tavs.rights.archive import verify_zip

UNKNOWN = "0192f0c1-0000-7000-8000-00000000dead"
HELD = ("--reason", "klage over Torben", "--owner", "Klageafdelingen")


def kinds(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["kind"], each["reason"]) for each in found["items"]]


def calls(found: dict[str, Any]) -> list[str]:
    return [each["call"] for each in found["calls"]]


# --- what is kept --------------------------------------------------------------------------------------------------------


def test_calls_are_listed_as_the_design_names_them(today: Office) -> None:
    today.call(FIRST, answers=[PROMPTED])
    number = today.tavs("hold", "add", FIRST, *HELD).stdout.strip()
    [found] = today.json("calls")["calls"]
    assert {"call", "started_at", "ended_at", "artifacts", "holds"} == set(found)
    assert {
        ("recording", "documentation"), ("recording", "quality"), ("transcript", "quality"), ("masked_transcript", "training"),
    } == {(each["kind"], each["purpose"]) for each in found["artifacts"]}  # fmt: skip
    assert all(each["expires_at"] > today.now.isoformat() for each in found["artifacts"])
    assert [(int(number), "case")] == [(each["id"], each["kind"]) for each in found["holds"]]


def test_a_call_is_shown_with_grants_holds_consent_and_what_will_become_of_it(today: Office) -> None:
    today.call(FIRST, answers=[PROMPTED])
    today.tavs("hold", "add", FIRST, *HELD)
    found = today.json("show", FIRST)
    assert [("yes", "header", "menu")] == [(e["answer"], e["source"], e["prompt"]) for e in found["consents"]]
    assert {("recording", "hold"), ("transcript", "time"), ("masked_transcript", "time")} == {
        (each["kind"], each["what"]) for each in found["fates"]
    }
    assert [MASKED] == [each["text"] for each in found["segments"]]
    assert {"6(1)(f)", "6(1)(a)"} == {each["legal_basis"] for each in found["artifacts"]}
    told = today.tavs("show", FIRST).stdout
    for line in ("held: case, hold 1", "consent: yes by header", "recording 0: held, else due from", MASKED):
        assert line in told
    assert not [each for each in PERSONAL if each in told]


def test_a_sweep_is_rehearsed_for_a_day_to_come_and_touches_nothing(today: Office) -> None:
    today.call(FIRST, answers=[PROMPTED])
    day = (RealClock().now() + timedelta(days=40)).isoformat()
    before = today.files("")
    assert [("masked_transcript", "expired")] == kinds(today.json("sweep", "--dry-run", "--now", day))
    assert [] == kinds(today.json("sweep", "--dry-run"))
    assert before == today.files("")
    done = today.tavs("sweep", "--dry-run", "--now", day)
    assert f"{FIRST} masked_transcript 0: expired\n" == done.stdout
    assert "1 would go, 0 overdue but held" in done.stderr


def test_a_sweep_at_another_time_is_for_test_homes_only(today: Office) -> None:
    today.call(FIRST)
    day = (RealClock().now() + timedelta(days=40)).isoformat()
    (today.home.root / "TEST-HOME").unlink()
    assert "only a test home" in today.refused("sweep", "--now", day)
    (today.home.root / "TEST-HOME").touch()
    assert [("masked_transcript", "expired")] == kinds(today.json("sweep", "--now", day))
    assert [] == today.files(f"{FIRST}.key")


def test_the_policy_in_force_is_shown_and_a_shorter_one_waits_for_its_confirmation(today: Office) -> None:
    today.call(FIRST, answers=[PROMPTED])
    assert (1, True) == tuple(today.json("retention", "show")[key] for key in ("in_force", "is_applied"))
    text = today.home.retention.read_text().replace('period = "3 years"', 'period = "1 month"')
    today.home.retention.write_text(text)
    assert {"version": 2, "shortened": 1, "due_at_once": 0, "applied": False} == today.json("retention", "apply")
    until = today.grants(FIRST)["transcript", "quality"]
    assert today.json("retention", "apply", "--confirm")["applied"]
    assert until > today.grants(FIRST)["transcript", "quality"]
    assert 0 == today.json("retention", "apply")["shortened"]


@pytest.mark.parametrize(("language", "words"), [("da", "1 år"), ("en", "1 year")])
def test_the_notice_says_the_periods_that_are_in_force(today: Office, language: str, words: str) -> None:
    done = today.tavs("notice", "--lang", language)
    assert 0 == done.returncode, done.stderr
    assert words in done.stdout


def test_the_audit_chain_is_verified_and_a_changed_row_is_named(today: Office) -> None:
    today.call(FIRST)
    today.tavs("sweep")
    found = today.json("audit", "verify")
    assert [] == found["faults"]
    assert 64 == len(found["head"])
    with sqlite3.connect(today.home.database) as raw:
        raw.execute("drop trigger audit_is_not_changed")
        raw.execute("update audit set actor = 'nobody' where sequence = 2")
    raw.close()
    done = today.tavs("audit", "verify", "--json")
    assert 1 == done.returncode
    assert ["row 2: changed"] == json.loads(done.stdout)["faults"]


def test_the_clock_is_confirmed_by_somebody(today: Office) -> None:
    done = today.tavs("clock", "confirm")
    assert (0, "deletions go by ") == (done.returncode, done.stdout[:16])
    assert 1 == len(today.audited("clock"))


# --- holds ---------------------------------------------------------------------------------------------------------------


def test_a_hold_is_placed_listed_and_released(today: Office) -> None:
    today.call(FIRST)
    done = today.tavs(
        "hold", "add", FIRST, "--kind", "complaint", "--case", "K-2031/118", "--review", "2199-01-31", *HELD
    )
    assert (0, "1\n", "") == (done.returncode, done.stdout, done.stderr)
    [found] = today.json("hold", "list")["holds"]
    assert (1, FIRST, "complaint", "K-2031/118", "Klageafdelingen", "2199-01-31", None) == tuple(
        found[key] for key in ("id", "call", "kind", "case", "owner", "review_on", "released_at")
    )
    assert "1  complaint over" in today.tavs("hold", "list").stdout
    assert "hold 1 released, 0 artifacts" in today.tavs("hold", "release", "1").stdout
    assert [] == today.json("hold", "list")["holds"]
    assert ["closed"] == [each["outcome"] for each in today.json("hold", "list", "--all")["holds"]]


def test_a_hold_over_a_number_names_it_nowhere(today: Office) -> None:
    today.call(FIRST)
    assert "1\n" == today.tavs("hold", "add", "--number", LOCALLY, *HELD).stdout
    [found] = today.json("hold", "list")["holds"]
    assert found["call"] is None
    assert ":" in found["party_ref"]
    told = json.dumps(found) + today.tavs("hold", "list").stdout + today.tavs("show", FIRST).stdout
    assert not [each for each in PERSONAL if each in told]


def test_claims_leave_a_limitation_when_a_hold_is_released(today: Office) -> None:
    today.call(FIRST)
    today.tavs("hold", "add", FIRST, *HELD)
    day = (RealClock().now() + timedelta(days=1000)).date().isoformat()
    done = today.tavs("hold", "release", "1", "--outcome", "limitation", "--until", day)
    assert "1 artifacts kept for limitation" in done.stdout
    assert day == today.grants(FIRST)["recording", "limitation"]


def test_an_overdue_review_is_an_alarm(today: Office) -> None:
    today.call(FIRST)
    today.tavs("hold", "add", FIRST, *HELD)
    today.connection.execute("update holds set review_on = '2020-01-01'")
    done = today.tavs("status", "--json")
    assert (1, [1]) == (done.returncode, json.loads(done.stdout)["reviews_due"])
    assert "REVIEW OVERDUE" in today.tavs("hold", "list").stdout
    assert "hold 1 was to be reviewed by 2020-01-01" in today.tavs("status").stdout


# --- the person's rights -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [NUMBER, LOCALLY, "20123456"])
def test_the_calls_of_a_number_are_found(today: Office, number: str) -> None:
    for call, whose in ((FIRST, NUMBER), (SECOND, NUMBER), (THIRD, OTHER_NUMBER)):
        today.call(call, number=whose)
    assert [SECOND, FIRST] == calls(today.json("subject", "find", "--number", number))
    assert [THIRD] == calls(today.json("subject", "find", "--call", THIRD))
    done = today.tavs("subject", "find", "--number", number)
    assert 2 == len(done.stdout.splitlines())
    assert "recording/documentation until" in done.stdout


def test_a_number_nobody_called_from_has_no_calls(today: Office) -> None:
    today.call(FIRST)
    assert [] == calls(today.json("subject", "find", "--number", OTHER_NUMBER))


def test_nothing_is_done_to_calls_that_nobody_confirmed(today: Office) -> None:
    today.call(FIRST)
    before = today.grants(FIRST)
    for verb in ("export", "withdraw", "object", "erase"):
        assert "one by one" in today.refused("subject", verb, "--number", NUMBER)
    assert before == today.grants(FIRST)
    assert [] == today.audited("export")


def test_the_persons_copy_is_one_file_that_proves_itself(today: Office) -> None:
    today.call(FIRST, answers=[PROMPTED])
    found = today.json("subject", "export", "--number", LOCALLY, "--yes")
    assert 1 == found["calls"]
    path = Path(found["file"])
    assert today.home.exports == path.parent
    assert (0o700, 0o600) == tuple(each.stat().st_mode & 0o777 for each in (path.parent, path))
    assert [] == verify_zip(path)
    assert [found["sha256"]] == [each["sha256"] for each in today.audited("export")]
    assert AGENT_SAID.encode() not in path.read_bytes()


def test_an_export_goes_where_it_is_wanted(today: Office, tmp_path: Path) -> None:
    today.call(FIRST)
    target = tmp_path / "copy.zip"
    done = today.tavs("subject", "export", "--call", FIRST, "--out", str(target))
    assert f"{target}\n" == done.stdout
    assert "there already" in today.refused("subject", "export", "--call", FIRST, "--out", str(target))


def test_consent_is_taken_back_and_the_next_sweep_says_why_it_goes(today: Office) -> None:
    today.call(FIRST, answers=[PROMPTED])
    [done] = today.json("subject", "withdraw", "--call", FIRST)["calls"]
    assert (FIRST, 3) == (done["call"], done["ended"])
    assert ["recording"] == [each["kind"] for each in done["stays"]]
    expected = [("masked_transcript", "withdrawn"), ("transcript", "withdrawn")]
    assert expected == sorted(kinds(today.json("sweep", "--dry-run")))
    assert expected == sorted(kinds(today.json("sweep")))
    assert [] == kinds(today.json("sweep"))
    assert [] == today.json("show", FIRST)["segments"]


def test_an_objection_ends_training(today: Office) -> None:
    today.call(FIRST, answers=[PROMPTED])
    [done] = today.json("subject", "object", "--number", NUMBER, "--yes")["calls"]
    assert 1 == done["ended"]
    assert [] == today.json("show", FIRST)["segments"]


def test_an_erasure_says_to_people_what_stays_why_and_until_when(today: Office) -> None:
    today.call(FIRST, answers=[PROMPTED])
    today.tavs("hold", "add", FIRST, "--transcript", "6(1)(f)", *HELD)
    told = today.tavs("subject", "erase", "--call", FIRST).stdout
    assert f"{FIRST}: 3 grants ended" in told
    assert "recording stays until 2" in told and "article 17(3)(e)" in told
    assert "transcript stays until it is released: a hold" in told


def test_a_restriction_stops_every_use_and_keeps_everything_recorded(today: Office) -> None:
    today.call(FIRST, answers=[PROMPTED])
    assert [MASKED] == [each["text"] for each in today.json("show", FIRST)["segments"]]
    assert 0 == today.tavs("subject", "restrict", "--number", NUMBER, "--reason", "uenig").returncode
    for purpose in ("documentation", "quality", "training", "limitation"):
        refused = today.refused("recording", "export", FIRST, "--purpose", purpose, "--case", "K-1")
        assert f"nothing of this call may be used for {purpose}" in refused
    assert [] == today.json("show", FIRST)["segments"]
    assert 0 == today.tavs("subject", "export", "--call", FIRST).returncode
    far = (RealClock().now() + timedelta(days=366 * 5)).isoformat()
    assert "recording" not in dict(kinds(today.json("sweep", "--now", far)))


def test_consent_is_entered_after_the_call_and_taken_away_by_what_contradicts_it(today: Office) -> None:
    today.call(FIRST)
    done = today.tavs(
        "consent", "add", FIRST, "--answer", "yes", "--pressed", "1", "--prompt", "menu", "--prompt-version", "3"
    )
    assert (0, "consent for quality\n", "") == (done.returncode, done.stdout, done.stderr)
    assert ("recording", "quality") in today.grants(FIRST)
    assert (
        "no consent for quality\n" == today.tavs("consent", "add", FIRST, "--answer", "no", "--source", "dtmf").stdout
    )
    assert ["yes", "no"] == [each["answer"] for each in today.json("show", FIRST)["consents"]]
    today.clock.set(RealClock().now())
    assert ("recording", "quality") not in today.grants(FIRST)


def test_an_officer_hears_a_call_and_is_named_in_the_audit_log(today: Office, tmp_path: Path) -> None:
    today.call(FIRST)
    found = today.json(
        "recording", "export", FIRST, "--purpose", "documentation", "--case", "K-2031/118", "--out", str(tmp_path)
    )
    [file] = found["files"]
    assert 8000 == len(decode(Path(file["file"]).read_bytes()))
    [row] = today.audited("export")
    assert ("K-2031/118", "documentation", file["sha256"]) == tuple(row[key] for key in ("case", "purpose", "sha256"))
    assert row["actor"] not in ("", "unknown")


def test_a_purpose_without_a_grant_hears_nothing(today: Office) -> None:
    today.call(FIRST)
    refused = today.refused("recording", "export", FIRST, "--purpose", "quality", "--case", "K-1")
    assert "nothing of this call may be used for quality" in refused
    assert [] == today.audited("export")


def test_a_hold_lets_documentation_hear_what_is_overdue(today: Office) -> None:
    today.call(FIRST, ended_at=today.now - timedelta(days=500))
    today.refused("recording", "export", FIRST, "--purpose", "documentation", "--case", "K-1")
    today.tavs("hold", "add", FIRST, *HELD)
    assert 1 == len(today.json("recording", "export", FIRST, "--purpose", "documentation", "--case", "K-1")["files"])


# --- bad input -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office in which nothing may change."""
    one = Office(tmp_path_factory.mktemp("quiet") / "home", RealClock().now() - timedelta(hours=1))
    one.call(FIRST, answers=[PROMPTED])
    before = (one.connection.execute("select count(*) from audit").fetchone(), one.files(""))
    yield one
    assert before == (one.connection.execute("select count(*) from audit").fetchone(), one.files(""))
    one.close()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show", UNKNOWN], "there is no such call"),
        (["show", NUMBER], "there is no such call"),
        (["hold", "add", UNKNOWN, *HELD], "there is no such call"),
        (["hold", "add", "Rigmor", *HELD], "there is no such call"),
        (["subject", "find", "--call", UNKNOWN], "there is no such call"),
        (["subject", "export", "--call", UNKNOWN], "there is no such call"),
        (["subject", "erase", "--call", NUMBER], "there is no such call"),
        (["subject", "withdraw", "--call", UNKNOWN], "there is no such call"),
        (["subject", "object", "--call", UNKNOWN], "there is no such call"),
        (["subject", "restrict", "--call", UNKNOWN], "there is no such call"),
        (["consent", "add", UNKNOWN, "--answer", "yes"], "there is no such call"),
        (["recording", "export", UNKNOWN, "--purpose", "documentation", "--case", "K-1"], "there is no such call"),
        (["subject", "find", "--number", "Rigmor"], "that is no telephone number"),
        (["subject", "erase", "--number", "2012345", "--yes"], "that is no telephone number"),
        (["hold", "add", "--number", "112", *HELD], "that is no telephone number"),
        (["subject", "find"], "one call or the calls of one number"),
        (["subject", "find", "--number", NUMBER, "--call", FIRST], "one call or the calls of one number"),
        (["hold", "add", FIRST, "--number", NUMBER, *HELD], "one call or over the calls of one number"),
        (["hold", "add", FIRST], "a hold needs a reason and an owner"),
        (["hold", "add", FIRST, "--review", "32 May", *HELD], "that is no date"),
        (["hold", "add", FIRST, "--review", "+4520123456", *HELD], "that is no date"),
        (["hold", "add", FIRST, "--review", "2020-01-01", *HELD], "the review date has passed"),
        (["hold", "add", FIRST, "--case", "Rigmor Vestergaard", *HELD], "the case reference"),
        (["hold", "add", FIRST, "--transcript", "Rigmor", *HELD], "that is no legal basis"),
        (["hold", "add", FIRST, "--kind", "grudge", *HELD], "Invalid value for '--kind'"),
        (["hold", "release", "99"], "there is no hold 99"),
        (["hold", "release", "one"], "Invalid value"),
        (["hold", "release", "1", "--outcome", "won"], "Invalid value for '--outcome'"),
        (["consent", "add", FIRST, "--answer", "perhaps"], "Invalid value for '--answer'"),
        (["consent", "add", FIRST, "--answer", "yes", "--source", "rumour"], "Invalid value for '--source'"),
        (["consent", "add", FIRST], "Missing option '--answer'"),
        (["consent", "add", FIRST, "--answer", "yes", "--at", "20123456"], "that is no time"),
        (["consent", "add", FIRST, "--answer", "yes", "--pressed", "Rigmor sagde ja"], "the words of a phone menu"),
        (["recording", "export", FIRST, "--purpose", "fun", "--case", "K-1"], "Invalid value for '--purpose'"),
        (["recording", "export", FIRST, "--purpose", "documentation"], "Missing option '--case'"),
        (["recording", "export", FIRST, "--purpose", "documentation", "--case", "20123456"], "the case reference"),
        (["sweep", "--dry-run", "--now", "tomorrow"], "that is no time"),
        (["notice", "--lang", "tlh"], "Invalid value for '--lang'"),
        (["keys", "rotate", "everything"], "Invalid value"),
    ],
    ids=lambda value: " ".join(value[:4]) if isinstance(value, list) else "",
)
def test_wrong_use_is_a_sentence_and_changes_nothing(quiet: Office, arguments: list[str], sentence: str) -> None:
    told = quiet.refused(*arguments)
    assert sentence in " ".join(told.replace("│", " ").split())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "recording.documentation"),
        ('[recording.documentation]\nperiod = "1 moon"\nlegal_basis = "6(1)(f)"\n', "recording.documentation.period"),
        ('[recording.fun]\nperiod = "1 year"\nlegal_basis = "6(1)(f)"\n', "recording.fun"),
        ('[dreams.quality]\nperiod = "1 year"\nlegal_basis = "6(1)(f)"\n', "dreams"),
        ("[recording", "not TOML"),
        (None, "cannot be read"),
    ],
    ids=["empty", "1 moon", "wrong purpose", "wrong kind", "no TOML", "missing"],
)
def test_a_policy_that_is_none_ends_with_78_and_deletes_nothing(today: Office, text: str | None, named: str) -> None:
    today.call(FIRST, ended_at=today.now - timedelta(days=5000))
    before = today.files(".key")
    if text is None:
        today.home.retention.unlink()
    else:
        today.home.retention.write_text(text)
    for command in (["sweep"], ["sweep", "--dry-run"], ["retention", "show"], ["retention", "apply"], ["notice"]):
        told = today.refused(*command, code=78)
        assert "retention.toml" in told and named in told
        assert "the policy in force stays in force" in told
    assert before == today.files(".key")
    assert 1 == today.connection.execute("select count(*) from policies").fetchone()[0]


def test_a_damaged_database_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    office = Office(tmp_path / "home", RealClock().now())
    office.close()
    for path in office.home.database.parent.iterdir():
        path.unlink()
    office.home.database.write_bytes(b"no database, but somebody's evidence" * 200)
    before = office.home.database.read_bytes()
    for command in (
        ["calls"],
        ["hold", "list"],
        ["subject", "find", "--number", NUMBER],
        ["sweep"],
        ["audit", "verify"],
    ):
        assert "tavs.db cannot be" in office.refused(*command, code=1)
    assert before == office.home.database.read_bytes()


def test_what_is_not_there_yet_is_a_sentence(tmp_path: Path) -> None:
    office = Office(tmp_path / "home", RealClock().now())
    office.close()
    for path in office.home.database.parent.iterdir():
        path.unlink()
    for command in (["hold", "list"], ["hold", "add", FIRST, *HELD], ["subject", "erase", "--call", FIRST], ["sweep"]):
        assert "there is no database" in office.refused(*command, code=1)


def test_a_second_sweep_leaves_while_the_first_is_under_way(today: Office) -> None:
    today.call(FIRST)
    with alone(today.home):
        assert "another sweep is under way" in today.refused("sweep", code=1)
        assert "another sweep is under way" in today.refused("keys", "rotate", "site", code=1)
