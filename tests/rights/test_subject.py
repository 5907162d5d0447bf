"""What a person asks for, call by call: what ends, what stays, why, and until when."""

from datetime import timedelta

import pytest
from office import FIRST, LOCALLY, NUMBER, OTHER_NUMBER, PROMPTED, SECOND, THIRD, Office
from tavs.errors import UsageError
from tavs.events import CallId
from tavs.host import credentials
from tavs.recording.rotation import retire_index, rotate_index
from tavs.retention.holds import CaseRef, HoldKind, Outcome
from tavs.retention.policy import EndedBy
from tavs.retention.sweep import sweep
from tavs.rights import holding, subject
from tavs.rights.subject import Done, Stays
from tavs.store.kept import evidence


def ask(office: Office, by: EndedBy, call: CallId = FIRST) -> Done:
    return subject.ask(office.connection, call, by, actor="officer", now=office.now)


def stays(done: Done) -> dict[str, Stays]:
    return {kept.kind.value: kept.why for kept in done.stays}


def hold(office: Office, **basis: str) -> int:
    return holding.place(
        office.connection, kind=HoldKind.CASE, call=FIRST, party_ref=None, reason="sag", owner="o", review_on=None,
        case=CaseRef(""), transcript_basis=basis.get("transcript_basis"), actor="officer", now=office.now,
        site_public=credentials.load("site-public", office.home),
    )  # fmt: skip


@pytest.mark.parametrize("number", [NUMBER, LOCALLY, "20123456", "0045 20123456", "tel:+45-20-12-34-56"])
def test_all_calls_of_a_number_are_found_however_it_is_written(office: Office, number: str) -> None:
    office.call(FIRST)
    office.call(SECOND, number="20123456")
    office.call(THIRD, number=OTHER_NUMBER)
    found = subject.calls_of(office.connection, subject.references(office.home, number))
    assert {FIRST, SECOND} == {call for call, _ in found}


@pytest.mark.parametrize("number", ["", "anonymous", "112", "Rigmor", "+45 20 12"])
def test_what_is_no_number_finds_nothing_and_is_not_repeated(office: Office, number: str) -> None:
    with pytest.raises(UsageError, match="that is no telephone number") as refused:
        subject.references(office.home, number)
    assert not number or number not in refused.value.message


def test_the_newest_call_comes_first(office: Office) -> None:
    office.call(FIRST)
    office.clock.advance(86400)
    office.call(SECOND)
    found = subject.calls_of(office.connection, subject.references(office.home, NUMBER))
    assert [SECOND, FIRST] == [call for call, _ in found]


def test_calls_are_found_across_index_keys_until_the_last_of_an_old_key_is_gone(office: Office) -> None:
    office.call(FIRST)
    rotate_index(office.home)
    office.call(SECOND)
    references = subject.references(office.home, NUMBER)
    assert 2 == len(references)
    assert {FIRST, SECOND} == {call for call, _ in subject.calls_of(office.connection, references)}
    assert 0 == retire_index(office.home, {reference.partition(":")[0] for reference in references})
    assert 1 == retire_index(office.home, {references[0].partition(":")[0]})
    assert references[:1] == subject.references(office.home, NUMBER)


def test_consent_taken_back_ends_quality_and_training_and_leaves_documentation(office: Office) -> None:
    office.call(FIRST, answers=[PROMPTED])
    assert {
        ("recording", "documentation"), ("recording", "quality"), ("transcript", "quality"), ("masked_transcript", "training"),
    } == set(office.grants(FIRST))  # fmt: skip
    office.clock.advance(3600)
    done = ask(office, EndedBy.WITHDRAWAL)
    assert 3 == done.ended
    assert {("recording", "documentation"): "2032-03-01"} == office.grants(FIRST)
    assert {"recording": Stays.DOCUMENTATION} == stays(done)
    assert ["yes", "no"] == [each.answer.value for each in evidence(office.connection, FIRST)]


def test_what_a_withdrawal_ended_goes_with_the_next_sweep_and_says_so(office: Office) -> None:
    office.call(FIRST, answers=[PROMPTED])
    ask(office, EndedBy.WITHDRAWAL)
    gone = sweep(office.connection, office.home, now=office.now, at=office.now).deleted
    assert {("transcript", "withdrawn"), ("masked_transcript", "withdrawn")} == {
        (item.kind.value, item.reason.value) for item in gone
    }
    assert [] == office.files(f"{FIRST}.key")
    assert [f"{FIRST}.0.key"] == office.files(f"{FIRST}.0.key")
    assert [] == office.files("transcript.0.tavs")


def test_an_objection_ends_training_and_what_rests_on_consent_stays_for_that_reason(office: Office) -> None:
    office.call(FIRST, answers=[PROMPTED])
    done = ask(office, EndedBy.OBJECTION)
    assert 1 == done.ended
    assert {"recording": Stays.DOCUMENTATION, "transcript": Stays.CONSENT} == stays(done)


def test_an_erasure_says_what_stays_and_until_when(office: Office) -> None:
    office.call(FIRST, answers=[PROMPTED])
    done = ask(office, EndedBy.ERASURE)
    assert 3 == done.ended
    [kept] = done.stays
    assert kept.until
    assert ("recording", Stays.DOCUMENTATION, "2032-03-01") == (
        kept.kind.value,
        kept.why,
        kept.until.date().isoformat(),
    )


def test_a_hold_is_named_beside_the_grant_that_it_outlasts(office: Office) -> None:
    office.call(FIRST, answers=[PROMPTED])
    hold(office, transcript_basis="6(1)(f)")
    done = ask(office, EndedBy.ERASURE)
    assert [("recording", Stays.DOCUMENTATION), ("recording", Stays.HOLD), ("transcript", Stays.HOLD)] == [
        (kept.kind.value, kept.why) for kept in done.stays
    ]
    assert [None, None] == [kept.until for kept in done.stays if kept.why is Stays.HOLD]


def test_an_erasure_says_that_claims_have_not_lapsed(office: Office) -> None:
    office.call(FIRST)
    holding.release(
        office.connection, hold(office), outcome=Outcome.LIMITATION, legal_basis="6(1)(f)",
        until=office.now + timedelta(days=1000), actor="officer", now=office.now,
    )  # fmt: skip
    assert {"recording": Stays.LIMITATION} == stays(ask(office, EndedBy.ERASURE))


def test_a_request_leaves_the_calls_of_others_alone(office: Office) -> None:
    office.call(FIRST, answers=[PROMPTED])
    office.call(SECOND, answers=[PROMPTED])
    before = office.grants(SECOND)
    ask(office, EndedBy.ERASURE)
    assert before == office.grants(SECOND)


def test_a_request_made_twice_ends_nothing_more(office: Office) -> None:
    office.call(FIRST, answers=[PROMPTED])
    ask(office, EndedBy.ERASURE)
    assert 0 == ask(office, EndedBy.ERASURE).ended


@pytest.mark.parametrize(
    ("by", "kind", "ended"),
    [(EndedBy.WITHDRAWAL, "withdrawal", 3), (EndedBy.OBJECTION, "objection", 1), (EndedBy.ERASURE, "erasure", 3)],
)
def test_every_request_is_a_row_of_the_audit_chain(office: Office, by: EndedBy, kind: str, ended: int) -> None:
    office.call(FIRST, answers=[PROMPTED])
    ask(office, by)
    assert [{"actor": "officer", "call": FIRST, "ended": ended}] == office.audited(kind)
    assert ended == len(office.audited("grant-ended"))


def test_a_call_that_is_not_there_is_refused_and_leaves_no_row(office: Office) -> None:
    with pytest.raises(UsageError, match="no such call"):
        ask(office, EndedBy.WITHDRAWAL)
    assert [] == office.audited("withdrawal")
