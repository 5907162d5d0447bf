"""The person's copy of a call and the officer's copy of a recording, made from what was really sealed."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from office import (
    AGENT_SAID,
    CUSTOMER_SAID,
    FIRST,
    LOCALLY,
    MASKED,
    NUMBER,
    PROMPTED,
    SECOND,
    Office,
    tone,
)
from tavs import config as configuration
from tavs.catalogue import folders
from tavs.errors import StoreError, UsageError
from tavs.events import CallId, Purpose
from tavs.host import credentials
from tavs.masking.detect import masker
from tavs.recording.ogg import decode
from tavs.retention.holds import HoldKind, case_ref
from tavs.rights import export, holding
from tavs.rights.archive import MANIFEST, verify_zip
from tavs.rights.vcon import content_hash

CASE = case_ref("K-2031/118")


def copy(office: Office, target: Path, *calls: CallId, number: str = LOCALLY) -> dict[str, bytes]:
    """What is in the person's copy, by name."""
    config = configuration.load(office.home).config
    done = export.subject(
        office.connection,
        office.home,
        config,
        list(calls),
        number=number,
        target=target,
        actor="officer",
        now=office.now,
    )
    assert [] == verify_zip(done.path)
    with zipfile.ZipFile(done.path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def recording(office: Office, folder: Path, purpose: Purpose = Purpose.DOCUMENTATION) -> tuple[export.Exported, ...]:
    return export.recording(
        office.connection,
        office.home,
        FIRST,
        purpose=purpose,
        case=CASE,
        folder=folder,
        actor="officer",
        now=office.now,
    )


def restrict(office: Office) -> None:
    holding.place(
        office.connection, kind=HoldKind.RESTRICTION, call=FIRST, party_ref=None, reason="r", owner="o", review_on=None,
        case=CASE, transcript_basis=None, site_public=credentials.load("site-public", office.home), actor="officer",
        now=office.now,
    )  # fmt: skip


def test_one_file_holds_everything_that_is_kept_of_a_call(office: Office, tmp_path: Path) -> None:
    office.call(FIRST, answers=[PROMPTED], parts=2)
    found = copy(office, tmp_path / "copy.zip", FIRST)
    names = [
        "recording.0.ogg",
        "recording.1.ogg",
        "transcript.0.json",
        "transcript.0.txt",
        "masked.txt",
        "call.vcon.json",
    ]
    assert [*(f"{FIRST}/{name}" for name in names), MANIFEST] == list(found)
    assert 0o600 == (tmp_path / "copy.zip").stat().st_mode & 0o777
    assert ["copy.zip"] == [path.name for path in tmp_path.iterdir() if path.is_file()]


def test_the_sound_is_ordinary_ogg_of_both_sides(office: Office, tmp_path: Path) -> None:
    office.call(FIRST)
    sound = copy(office, tmp_path / "copy.zip", FIRST)[f"{FIRST}/recording.0.ogg"]
    assert b"OggS" == sound[:4]
    assert tone().shape == decode(sound).shape


def test_the_others_details_are_masked_and_the_persons_own_are_kept(office: Office, tmp_path: Path) -> None:
    office.call(FIRST, answers=[PROMPTED])
    found = copy(office, tmp_path / "copy.zip", FIRST)
    said = json.loads(found[f"{FIRST}/transcript.0.json"])
    assert ["agent", "customer", "agent"] == [each["channel"] for each in said]
    assert CUSTOMER_SAID == said[1]["text"]
    assert "<PERSON_" in said[0]["text"] and "du taler med" in said[0]["text"]
    assert "hvad kan jeg gøre" in said[2]["text"]
    text = found[f"{FIRST}/transcript.0.txt"].decode()
    assert f"customer: {CUSTOMER_SAID}" in text.splitlines()
    assert f"customer: {MASKED}" == found[f"{FIRST}/masked.txt"].decode()
    for name, data in found.items():
        assert b"Torben" not in data and b"Mikkelsen" not in data, name


def test_who_nobody_knows_is_masked_too(office: Office) -> None:
    config = configuration.load(office.home).config
    said: list[export.Said] = [{"channel": "unknown", "t0_ms": 0, "t1_ms": 900, "text": AGENT_SAID}]
    [found] = export.others_masked(said, FIRST, masker(config.masking, folders(office.home)))
    assert "Torben" not in str(found)


def test_the_vcon_names_the_files_that_lie_beside_it(office: Office, tmp_path: Path) -> None:
    office.call(FIRST, answers=[PROMPTED], parts=2)
    found = copy(office, tmp_path / "copy.zip", FIRST)
    document: dict[str, Any] = json.loads(found[f"{FIRST}/call.vcon.json"])
    named = {
        each["filename"]: each["content_hash"]
        for each in (*document["dialog"], *document["analysis"])
        if "filename" in each
    }
    assert {name for name in found if name not in (MANIFEST, f"{FIRST}/call.vcon.json")} == set(named)
    assert named == {name: content_hash(found[name]) for name in named}
    assert NUMBER == document["parties"][0]["tel"]
    assert {"type", "role", "org"} == set(document["parties"][1])
    assert "other_party_masked" == document["redacted"]["type"]


def test_the_vcon_tells_of_consent_and_of_every_lawful_basis(office: Office, tmp_path: Path) -> None:
    office.call(FIRST, answers=[PROMPTED])
    document = json.loads(copy(office, tmp_path / "copy.zip", FIRST)[f"{FIRST}/call.vcon.json"])
    [consent] = [each["body"] for each in document["attachments"] if each["purpose"] == "consent"]
    assert ("yes", "header", "1", "menu", "3") == tuple(
        consent[key] for key in ("answer", "source", "pressed", "prompt", "prompt_version")
    )
    bases = {
        each["body"]["purpose_grants"][0]["purpose"]: each["body"]["gdpr_article"]
        for each in document["attachments"]
        if each["purpose"] == "lawful_basis"
    }
    assert {
        "recording.documentation": "6(1)(f)", "recording.quality": "6(1)(a)", "transcript.quality": "6(1)(a)",
        "masked_transcript.training": "6(1)(f)",
    } == bases  # fmt: skip


def test_several_calls_go_into_one_file(office: Office, tmp_path: Path) -> None:
    office.call(FIRST)
    office.call(SECOND)
    found = copy(office, tmp_path / "copy.zip", FIRST, SECOND)
    assert {FIRST, SECOND} == {name.partition("/")[0] for name in found} - {MANIFEST}
    assert 2 == json.loads(found[MANIFEST])["about"]["calls"]


def test_a_copy_found_by_call_names_no_number(office: Office, tmp_path: Path) -> None:
    office.call(FIRST)
    found = copy(office, tmp_path / "copy.zip", FIRST, number="")
    assert not [name for name, data in found.items() if b"20123456" in data]


def test_a_restriction_does_not_keep_a_person_from_their_own_copy(office: Office, tmp_path: Path) -> None:
    office.call(FIRST, answers=[PROMPTED])
    restrict(office)
    assert 6 == len(copy(office, tmp_path / "copy.zip", FIRST))
    with pytest.raises(UsageError, match="may be used for documentation"):
        recording(office, tmp_path)


def test_a_call_of_which_nothing_is_kept_has_its_facts(office: Office, tmp_path: Path) -> None:
    office.call(FIRST)
    office.connection.execute("delete from artifacts")
    assert [f"{FIRST}/call.vcon.json", MANIFEST] == list(copy(office, tmp_path / "copy.zip", FIRST))


def test_every_copy_is_audited_with_the_hash_of_the_file(office: Office, tmp_path: Path) -> None:
    office.call(FIRST)
    office.call(SECOND)
    copy(office, tmp_path / "copy.zip", FIRST, SECOND)
    digest = hashlib.sha256((tmp_path / "copy.zip").read_bytes()).hexdigest()
    assert [(call, "officer", "subject", digest) for call in (FIRST, SECOND)] == [
        (each["call"], each["actor"], each["what"], each["sha256"]) for each in office.audited("export")
    ]


def test_an_officer_hears_the_parts_of_a_recording_and_each_is_audited(office: Office, tmp_path: Path) -> None:
    office.call(FIRST, parts=2)
    done = recording(office, tmp_path)
    assert [f"{FIRST}.0.ogg", f"{FIRST}.1.ogg"] == [each.path.name for each in done]
    assert {0o600} == {each.path.stat().st_mode & 0o777 for each in done}
    assert len(tone()) == len(decode(done[1].path.read_bytes()))
    assert [(0, "documentation", CASE, done[0].sha256), (1, "documentation", CASE, done[1].sha256)] == [
        (each["part"], each["purpose"], each["case"], each["sha256"]) for each in office.audited("export")
    ]


def test_a_transcript_is_no_recording(office: Office, tmp_path: Path) -> None:
    office.call(FIRST, answers=[PROMPTED])
    office.clock.advance(200 * 86400)
    with pytest.raises(UsageError, match="no recording"):
        recording(office, tmp_path, Purpose.QUALITY)


def test_what_lies_under_the_name_already_is_left_and_nothing_is_written_or_audited(
    office: Office, tmp_path: Path
) -> None:
    office.call(FIRST, parts=2)
    for name in (f"{FIRST}.1.ogg", "copy.zip"):
        (tmp_path / name).write_bytes(b"another")
    with pytest.raises(UsageError, match="there already"):
        recording(office, tmp_path)
    with pytest.raises(UsageError, match="there already"):
        copy(office, tmp_path / "copy.zip", FIRST)
    assert ["another", "another"] == [path.read_text() for path in tmp_path.iterdir() if path.is_file()]
    assert [] == office.audited("export")


def test_a_folder_that_is_not_there_is_a_sentence(office: Office, tmp_path: Path) -> None:
    office.call(FIRST)
    with pytest.raises(StoreError, match="cannot be written"):
        recording(office, tmp_path / "nowhere")
    with pytest.raises(StoreError, match="cannot be written"):
        copy(office, tmp_path / "nowhere/copy.zip", FIRST)


def test_no_call_confirmed_is_no_copy(office: Office, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no call was confirmed"):
        copy(office, tmp_path / "copy.zip")
    with pytest.raises(UsageError, match="no such call"):
        copy(office, tmp_path / "copy.zip", SECOND)
    assert [] == [path.name for path in tmp_path.iterdir() if path.is_file()]
