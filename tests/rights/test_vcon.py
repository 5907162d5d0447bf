"""A call as a vCon: the fields of draft-ietf-vcon-vcon-core-04, and nothing of the other party."""

import base64
import hashlib
import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.events import ArtifactKind, CallId, Channel, Purpose
from tavs.retention.consent import Answer, Evidence, Source
from tavs.retention.policy import EndedBy, Grant
from tavs.rights.vcon import ArtifactFacts, CallFacts, FileFacts, content_hash, document

START = datetime(2031, 5, 2, 9, 0, tzinfo=UTC)
END = START + timedelta(minutes=5)
NOW = datetime(2031, 6, 1, 12, 0, tzinfo=UTC)
NUMBER = "+4500000000"


def grant(purpose: Purpose, basis: str, days: int, ended_by: EndedBy | None = None) -> Grant:
    return Grant(
        purpose=purpose,
        legal_basis=basis,
        granted_at=END,
        expires_at=END + timedelta(days=days),
        ended_at=END + timedelta(days=1) if ended_by else None,
        ended_by=ended_by,
    )


def recording(part: int) -> ArtifactFacts:
    return ArtifactFacts(
        kind=ArtifactKind.RECORDING,
        part=part,
        started_at=START + timedelta(minutes=part),
        duration_ms=60_250,
        grants=(
            grant(Purpose.DOCUMENTATION, "6(1)(f), 9(2)(f)", 365),
            grant(Purpose.QUALITY, "6(1)(a)", 180, EndedBy.WITHDRAWAL),
        ),
        files=(FileFacts(name=f"recording-{part}.ogg", mediatype="audio/ogg", content_hash=content_hash(b"sound")),),
    )


TRANSCRIPT = ArtifactFacts(
    kind=ArtifactKind.TRANSCRIPT,
    part=0,
    started_at=START,
    duration_ms=300_000,
    grants=(grant(Purpose.QUALITY, "6(1)(a)", 1000),),
    files=tuple(
        FileFacts(name=f"transcript.{end}", mediatype=mediatype, content_hash=content_hash(b"words"))
        for end, mediatype in (("json", "application/json"), ("txt", "text/plain"))
    ),
)
EVIDENCE = Evidence(
    purpose=Purpose.QUALITY,
    answer=Answer.YES,
    source=Source.DTMF,
    pressed="1",
    prompt="quality",
    prompt_version="3",
    language="da",
    at=START - timedelta(seconds=20),
)
CALL = CallFacts(
    call=CallId("0192f0c1-0000-7000-8000-000000000001"),
    started_at=START,
    ended_at=END,
    created_at=NOW,
    site_name="Eksempel Forsikring",
    subject=Channel.CUSTOMER,
    subject_number=NUMBER,
    artifacts=(TRANSCRIPT, recording(0)),
    evidence=(EVIDENCE,),
)


def made(call: CallFacts = CALL) -> Any:
    return json.loads(json.dumps(document(call)))


def attachments(call: CallFacts, purpose: str) -> list[Any]:
    return [each["body"] for each in made(call)["attachments"] if each["purpose"] == purpose]


def test_the_document_has_the_mandatory_fields_of_the_draft() -> None:
    vcon = made()
    assert "0.4.0" == vcon["vcon"]
    assert "2031-06-01T12:00:00.000Z" == vcon["created_at"]
    assert {"lawful_basis", "CC"} == set(vcon["extensions"])
    for each in vcon["attachments"]:
        assert {"purpose", "start", "party", "dialog", "mediatype", "encoding", "body"} == set(each)
        assert "json" == each["encoding"]
        assert isinstance(each["body"], dict)
    for each in vcon["analysis"]:
        assert {"type", "dialog", "vendor", "schema", "mediatype", "filename", "content_hash"} == set(each)


def test_a_recording_is_named_by_its_file_with_one_party_a_channel() -> None:
    assert [
        {
            "type": "recording",
            "start": "2031-05-02T09:00:00.000Z",
            "duration": 60.25,
            "parties": [0, 1],
            "mediatype": "audio/ogg",
            "filename": "recording-0.ogg",
            "content_hash": content_hash(b"sound"),
        }
    ] == made()["dialog"]


def test_parts_of_a_call_are_a_set_in_their_order_whatever_order_they_are_given_in() -> None:
    vcon = made(replace(CALL, artifacts=(recording(1), TRANSCRIPT, recording(0))))
    *parts, whole = vcon["dialog"]
    assert ["recording-0.ogg", "recording-1.ogg"] == [part["filename"] for part in parts]
    assert [2, 2] == [part["recording_set"] for part in parts]
    assert ("recording-set", [0, 1], 300.0) == (whole["type"], whole["recordings"], whole["duration"])
    assert "content_hash" not in whole
    assert {2} == {each["dialog"] for each in vcon["attachments"]}
    assert [[0, 1], [0, 1]] == [each["dialog"] for each in vcon["analysis"]]


def test_a_call_without_its_recording_keeps_a_placeholder_and_says_so() -> None:
    for artifacts in ((TRANSCRIPT,), (replace(recording(0), files=()), TRANSCRIPT)):
        vcon = made(replace(CALL, artifacts=artifacts))
        (dialog,) = vcon["dialog"]
        assert "recording" == dialog["type"]
        assert "filename" not in dialog
        assert {"type": "recording_not_given"} == vcon["redacted"]
    assert "redacted" not in made()
    assert {"type": "other_party_masked"} == made(replace(CALL, is_masked=True))["redacted"]


def test_each_grant_is_a_lawful_basis_of_its_own_with_its_own_end() -> None:
    found = {each["purpose_grants"][0]["purpose"]: each for each in attachments(CALL, "lawful_basis")}
    assert ["recording.documentation", "recording.quality", "transcript.quality"] == sorted(found)
    kept = found["recording.documentation"]
    assert ("legitimate_interests", "6(1)(f), 9(2)(f)") == (kept["lawful_basis"], kept["gdpr_article"])
    assert "2032-05-01T09:05:00.000Z" == kept["expiration"]
    assert kept["purpose_grants"][0]["granted"]
    ended = found["recording.quality"]
    assert ("2031-05-03T09:05:00.000Z", "withdrawal") == (ended["expiration"], ended["ended_by"])
    assert not ended["purpose_grants"][0]["granted"]


def test_consent_is_proved_by_its_evidence_and_nothing_else_is() -> None:
    assert ["1"] == [each["pressed"] for each in attachments(CALL, "consent")]
    for body in attachments(CALL, "lawful_basis"):
        proofs = [proof["proof_data"]["prompt"] for proof in body.get("proof_mechanisms", ())]
        assert (["quality"] if body["lawful_basis"] == "consent" else []) == proofs


def test_a_basis_outside_article_6_is_a_grant_and_no_lawful_basis_of_the_extension() -> None:
    artifact = replace(recording(0), grants=(grant(Purpose.LIMITATION, "9(2)(f)", 900),))
    call = replace(CALL, artifacts=(artifact,))
    assert [] == attachments(call, "lawful_basis")
    assert ["9(2)(f)"] == [each["gdpr_article"] for each in attachments(call, "grant")]


def test_only_the_person_who_asks_has_a_number_and_only_the_customer_has_answers() -> None:
    customer, agent = made()["parties"]
    assert NUMBER == customer["tel"]
    assert {"type": "person", "role": "agent", "org": "Eksempel Forsikring"} == agent
    copy = made(replace(CALL, subject=Channel.AGENT, subject_number="2104"))
    assert {"type": "person", "role": "customer"} == copy["parties"][0]
    assert "2104" == copy["parties"][1]["tel"]
    assert "pressed" not in json.dumps(copy)


def test_the_number_is_in_no_repr() -> None:
    assert NUMBER not in repr(CALL)


@given(st.binary(max_size=200))
def test_a_content_hash_is_the_sha512_of_the_file_in_unpadded_base64url(data: bytes) -> None:
    algorithm, _, digest = content_hash(data).partition("-")
    assert ("sha512", 86) == (algorithm, len(digest))
    assert hashlib.sha512(data).digest() == base64.urlsafe_b64decode(digest + "==")


@given(st.datetimes(datetime(2026, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_every_document_has_an_identity_of_its_own_in_the_order_of_time(moment: datetime) -> None:
    one, later = (
        uuid.UUID(made(replace(CALL, created_at=at))["uuid"]) for at in (moment, moment + timedelta(milliseconds=1))
    )
    assert 8 == one.version
    assert uuid.RFC_4122 == one.variant
    assert one < later
    assert str(one) == made(replace(CALL, created_at=moment))["uuid"]
    assert CALL.call != str(one)


@pytest.mark.parametrize("artifacts", [(), (TRANSCRIPT,), (recording(0),), (recording(0), recording(1))])
def test_every_index_points_at_something(artifacts: tuple[ArtifactFacts, ...]) -> None:
    vcon = made(replace(CALL, artifacts=artifacts))
    for each in vcon["attachments"]:
        assert each["dialog"] < len(vcon["dialog"])
        assert each["party"] < len(vcon["parties"])
    for each in vcon["analysis"]:
        assert each["dialog"]
        assert max(each["dialog"]) < len(vcon["dialog"])
