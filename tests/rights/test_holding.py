"""Holds: who may place them, what they keep, what a release leaves, and that their prose lies nowhere open."""

import hashlib
from datetime import date, datetime, timedelta
from typing import Any

import nacl.public
import pytest
from office import FIRST, NUMBER, PROMPTED, SECOND, Office, call_id
from tavs.errors import UsageError
from tavs.events import CallId, PartyRef
from tavs.host import credentials
from tavs.retention.holds import CaseRef, HoldKind, Outcome
from tavs.retention.sweep import Swept, sweep
from tavs.rights import holding, subject
from tavs.store.kept import holds

REASON = "klage over sagsbehandleren Torben Mikkelsen"
YEARS = timedelta(days=366 * 4)


def place(office: Office, **other: Any) -> int:
    given: dict[str, Any] = {
        "kind": HoldKind.COMPLAINT, "call": FIRST, "party_ref": None, "reason": REASON, "owner": "Klageafdelingen",
        "review_on": None, "case": CaseRef("K-2031/118"), "transcript_basis": None, "actor": "officer", "now": office.now,
        "site_public": credentials.load("site-public", office.home),
    }  # fmt: skip
    return holding.place(office.connection, **(given | other))


def release(office: Office, number: int, until: datetime | None = None, basis: str = "6(1)(f)") -> int:
    outcome = Outcome.LIMITATION if until else Outcome.CLOSED
    return holding.release(
        office.connection, number, outcome=outcome, legal_basis=basis, until=until, actor="officer", now=office.now
    )


def swept_after(office: Office, passed: timedelta) -> Swept:
    office.clock.advance(passed.total_seconds())
    return sweep(office.connection, office.home, now=office.now, at=office.now)


def kinds(found: Swept) -> list[str]:
    return sorted(item.kind.value for item in found.deleted)


def reference(office: Office) -> PartyRef:
    return subject.references(office.home, NUMBER)[0]


def test_a_hold_keeps_the_recording_and_neither_transcript_nor_masked_text(office: Office) -> None:
    office.call(FIRST, answers=[PROMPTED])
    place(office)
    found = swept_after(office, YEARS)
    assert ["masked_transcript", "transcript"] == kinds(found)
    assert 1 == found.held
    assert [f"{FIRST}.0.tavs"] == office.files(".tavs")


def test_a_transcript_stays_where_the_officer_gave_a_basis_for_it(office: Office) -> None:
    office.call(FIRST, answers=[PROMPTED])
    place(office, transcript_basis="6(1)(f)")
    assert ["masked_transcript"] == kinds(swept_after(office, YEARS))


@pytest.mark.parametrize("basis", ["fordi Torben siger det", "6(1)", "7(1)(f)"])
def test_a_basis_that_is_no_article_is_refused_and_not_repeated(office: Office, basis: str) -> None:
    office.call(FIRST)
    with pytest.raises(UsageError, match="that is no legal basis"):
        place(office, transcript_basis=basis)
    assert () == holds(office.connection)


def test_a_hold_over_a_number_is_over_calls_that_come_later(office: Office) -> None:
    office.call(FIRST)
    place(office, call=None, party_ref=reference(office))
    office.clock.advance(86400)
    office.call(SECOND)
    office.call(call_id(9), number="+4530987654")
    found = swept_after(office, YEARS)
    assert [call_id(9)] == [item.call for item in found.deleted if item.kind.value == "recording"]
    assert 2 == found.held


def test_what_is_overdue_goes_with_the_sweep_after_the_release(office: Office) -> None:
    office.call(FIRST)
    number = place(office)
    assert ["masked_transcript"] == kinds(swept_after(office, YEARS))
    assert 0 == release(office, number)
    assert ["recording"] == kinds(swept_after(office, timedelta(0)))
    assert [] == office.files(".tavs") + office.files(f"{FIRST}.0.key")


def test_claims_that_may_follow_leave_a_grant_for_limitation(office: Office) -> None:
    office.call(FIRST)
    number = place(office)
    office.clock.advance(400 * 86400)
    assert 1 == release(office, number, until=office.now + timedelta(days=1000))
    assert {("recording", "limitation"): "2034-12-"} == {k: v[:8] for k, v in office.grants(FIRST).items()}
    assert "recording" not in kinds(swept_after(office, timedelta(days=999)))
    assert ["recording"] == kinds(swept_after(office, timedelta(days=2)))


def test_the_release_of_one_case_does_not_shorten_what_another_left(office: Office) -> None:
    office.call(FIRST)
    one, other = place(office), place(office, kind=HoldKind.DISPUTE)
    release(office, one, until=office.now + timedelta(days=2000))
    before = office.grants(FIRST)
    assert 0 == release(office, other, until=office.now + timedelta(days=500))
    assert before == office.grants(FIRST)


def test_masked_text_gets_no_limitation(office: Office) -> None:
    office.call(FIRST, answers=[PROMPTED])
    assert 1 == release(office, place(office), until=office.now + timedelta(days=900))
    assert ("masked_transcript", "limitation") not in office.grants(FIRST)
    assert ("transcript", "limitation") not in office.grants(FIRST)


@pytest.mark.parametrize(
    "wrong",
    [{"reason": " "}, {"owner": ""}, {"call": CallId("nonsense")}, {"review_on": date(2031, 2, 28)}],
    ids=["no reason", "no owner", "no such call", "a day that has passed"],
)
def test_a_hold_that_says_too_little_is_refused_and_leaves_nothing(office: Office, wrong: dict[str, Any]) -> None:
    office.call(FIRST)
    with pytest.raises(UsageError):
        place(office, **wrong)
    assert () == holds(office.connection)
    assert [] == office.audited("hold-placed")


def test_a_release_that_contradicts_itself_is_refused(office: Office) -> None:
    office.call(FIRST)
    number = place(office)
    for until, outcome in ((None, Outcome.LIMITATION), (office.now + timedelta(days=9), Outcome.CLOSED)):
        with pytest.raises(UsageError, match="limitation"):
            holding.release(
                office.connection,
                number,
                outcome=outcome,
                legal_basis="6(1)(f)",
                until=until,
                actor="o",
                now=office.now,
            )
    for until in (office.now, office.now + timedelta(days=366 * 31)):
        with pytest.raises(UsageError, match="limitation ends"):
            release(office, number, until)
    with pytest.raises(UsageError, match="legal basis"):
        release(office, number, office.now + timedelta(days=9), basis="because")
    assert [None] == [each.released_at for each in holds(office.connection)]


def test_a_hold_is_released_once_and_one_that_never_was_is_not(office: Office) -> None:
    office.call(FIRST)
    number = place(office)
    release(office, number)
    with pytest.raises(UsageError, match="released already"):
        release(office, number)
    with pytest.raises(UsageError, match="there is no hold 99"):
        release(office, 99)


def test_somebody_looks_again_after_a_quarter_unless_a_day_is_named(office: Office) -> None:
    office.call(FIRST)
    place(office)
    place(office, review_on=date(2031, 3, 1))
    assert [date(2031, 5, 30), date(2031, 3, 1)] == [each.review_on for each in holds(office.connection)]


def test_the_reason_is_sealed_to_the_officers_and_bound_into_the_audit_chain(office: Office) -> None:
    office.call(FIRST)
    place(office)
    [(sealed,)] = office.connection.execute("select reason_sealed from holds").fetchall()
    private = nacl.public.PrivateKey(credentials.load("site-private", office.home))
    assert REASON == nacl.public.SealedBox(private).decrypt(sealed).decode()
    [placed] = office.audited("hold-placed")
    assert ("officer", FIRST, "complaint", "K-2031/118") == tuple(placed[k] for k in ("actor", "call", "what", "case"))
    assert hashlib.sha256(REASON.encode()).hexdigest() == placed["reason"]
    assert not [path.name for path in office.home.var.rglob("tavs.db*") if b"Torben" in path.read_bytes()]


def test_a_restriction_is_audited_as_one(office: Office) -> None:
    office.call(FIRST)
    place(office, kind=HoldKind.RESTRICTION, case=CaseRef(""))
    assert [] == office.audited("hold-placed")
    assert ["restriction"] == [each["what"] for each in office.audited("restriction")]
