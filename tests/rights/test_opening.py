"""Purposes gate every use: what has no living grant for it is not opened, and a restriction stops them all."""

from datetime import timedelta

import pytest
from office import CUSTOMER_SAID, FIRST, NUMBER, PROMPTED, SECOND, Office
from tavs.errors import StoreError, UsageError
from tavs.events import ArtifactKind, CallId, PartyRef, Purpose
from tavs.host import credentials
from tavs.retention.holds import CaseRef, HoldKind, Outcome
from tavs.rights import holding, subject
from tavs.rights.opening import Content, lines, opened

DAY_S = 86400


def opens(office: Office, purpose: Purpose, *, is_subject: bool = False) -> list[Content]:
    try:
        return list(opened(office.connection, office.home, FIRST, purpose, office.now, is_subject=is_subject))
    except UsageError as refused:
        assert purpose.value in refused.message
        return []


def kinds(office: Office, purpose: Purpose) -> list[ArtifactKind]:
    return [content.kind for content in opens(office, purpose)]


def hold(office: Office, kind: HoldKind, *, party_ref: PartyRef | None = None, basis: str | None = None) -> int:
    return holding.place(
        office.connection, kind=kind, call=None if party_ref else FIRST, party_ref=party_ref, reason="sag", owner="o",
        review_on=None, case=CaseRef(""), transcript_basis=basis, actor="officer", now=office.now,
        site_public=credentials.load("site-public", office.home),
    )  # fmt: skip


def test_each_purpose_opens_what_has_a_grant_for_it(office: Office) -> None:
    office.call(FIRST, answers=[PROMPTED], parts=2)
    both = [ArtifactKind.RECORDING, ArtifactKind.RECORDING]
    assert both == kinds(office, Purpose.DOCUMENTATION)
    assert [*both, ArtifactKind.TRANSCRIPT] == kinds(office, Purpose.QUALITY)
    assert [] == kinds(office, Purpose.TRAINING)
    assert [] == kinds(office, Purpose.LIMITATION)


def test_what_was_sealed_comes_back_as_it_was_said(office: Office) -> None:
    office.call(FIRST, answers=[PROMPTED])
    recording, transcript = opens(office, Purpose.QUALITY)
    assert b"OggS" == recording.data[:4]
    assert 1000 == recording.duration_ms
    assert ["agent", "customer", "agent"] == [each["channel"] for each in lines(transcript.data)]
    assert CUSTOMER_SAID == lines(transcript.data)[1]["text"]
    assert "Rigmor" not in repr(transcript)


def test_a_purpose_that_has_ended_finds_nothing_though_another_keeps_the_bytes(office: Office) -> None:
    office.call(FIRST, answers=[PROMPTED])
    office.clock.advance(200 * DAY_S)
    assert [ArtifactKind.TRANSCRIPT] == kinds(office, Purpose.QUALITY)
    assert [ArtifactKind.RECORDING] == kinds(office, Purpose.DOCUMENTATION)
    office.clock.advance(200 * DAY_S)
    assert [] == kinds(office, Purpose.DOCUMENTATION)
    assert [f"{FIRST}.0.tavs", f"{FIRST}.transcript.0.tavs"] == office.files(".tavs")


def test_without_consent_quality_finds_nothing(office: Office) -> None:
    office.call(FIRST)
    assert [] == kinds(office, Purpose.QUALITY)


@pytest.mark.parametrize("over_number", [False, True])
def test_a_restriction_stops_every_use_and_its_release_gives_it_back(office: Office, over_number: bool) -> None:
    office.call(FIRST, answers=[PROMPTED])
    party = subject.references(office.home, NUMBER)[0] if over_number else None
    hold(office, HoldKind.CASE, basis="6(1)(f)")
    number = hold(office, HoldKind.RESTRICTION, party_ref=party)
    assert [[], [], [], []] == [kinds(office, purpose) for purpose in Purpose]
    holding.release(
        office.connection, number, outcome=Outcome.CLOSED, legal_basis="", until=None, actor="officer", now=office.now
    )
    assert [ArtifactKind.RECORDING, ArtifactKind.TRANSCRIPT] == kinds(office, Purpose.QUALITY)


def test_a_restriction_is_over_its_own_call_only(office: Office) -> None:
    office.call(FIRST)
    office.call(SECOND)
    hold(office, HoldKind.RESTRICTION)
    assert 1 == len(list(opened(office.connection, office.home, SECOND, Purpose.DOCUMENTATION, office.now)))


def test_the_persons_own_copy_is_opened_under_a_restriction_and_past_every_purpose(office: Office) -> None:
    office.call(FIRST, answers=[PROMPTED])
    hold(office, HoldKind.RESTRICTION)
    office.clock.advance(4 * 366 * DAY_S)
    assert 2 == len(opens(office, Purpose.QUALITY, is_subject=True))


def test_what_a_hold_keeps_may_document_its_case_and_nothing_else(office: Office) -> None:
    office.call(FIRST, answers=[PROMPTED])
    hold(office, HoldKind.COMPLAINT)
    office.clock.advance(4 * 366 * DAY_S)
    assert [ArtifactKind.RECORDING] == kinds(office, Purpose.DOCUMENTATION)
    assert [] == kinds(office, Purpose.QUALITY)
    hold(office, HoldKind.DISPUTE, basis="6(1)(f)")
    assert [ArtifactKind.RECORDING, ArtifactKind.TRANSCRIPT] == kinds(office, Purpose.DOCUMENTATION)


def test_limitation_is_a_purpose_of_its_own(office: Office) -> None:
    office.call(FIRST)
    number = hold(office, HoldKind.CASE)
    office.clock.advance(400 * DAY_S)
    holding.release(
        office.connection, number, outcome=Outcome.LIMITATION, legal_basis="6(1)(f)",
        until=office.now + timedelta(days=900), actor="officer", now=office.now,
    )  # fmt: skip
    assert [ArtifactKind.RECORDING] == kinds(office, Purpose.LIMITATION)
    assert [] == kinds(office, Purpose.DOCUMENTATION)


def test_a_call_that_is_not_there_is_a_sentence(office: Office) -> None:
    with pytest.raises(UsageError, match="no such call"):
        list(opened(office.connection, office.home, CallId("nonsense"), Purpose.QUALITY, office.now))


def test_what_was_erased_does_not_open(office: Office) -> None:
    office.call(FIRST)
    (office.home.incoming / f"{FIRST}.0.key").unlink()
    with pytest.raises(StoreError, match="not there"):
        list(opened(office.connection, office.home, FIRST, Purpose.DOCUMENTATION, office.now))
