"""What a hold keeps, what it does not, and what a restriction stops."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.errors import UsageError
from tavs.events import ArtifactKind, CallId, PartyRef
from tavs.retention.holds import Hold, HoldKind, Outcome, case_ref, covers, overdue_reviews, restricts

PLACED_AT = datetime(2031, 3, 4, 9, tzinfo=UTC)
CALL, OTHER = CallId("019f0000-0000-7000-8000-000000000001"), CallId("019f0000-0000-7000-8000-000000000002")
PARTY = PartyRef("0a1b2c3d:aa")


@dataclass(frozen=True)
class Artifact:
    kind: ArtifactKind
    call: CallId = CALL
    party_ref: PartyRef | None = PARTY


RECORDING, TRANSCRIPT, MASKED = map(Artifact, ArtifactKind)


def hold(
    kind: HoldKind = HoldKind.COMPLAINT,
    *,
    number: int = 1,
    call: CallId | None = CALL,
    party_ref: PartyRef | None = None,
    transcript_basis: str | None = None,
    review_on: date = date(2031, 6, 1),
    released_at: datetime | None = None,
) -> Hold:
    return Hold(
        id=number,
        kind=kind,
        call=None if party_ref else call,
        party_ref=party_ref,
        transcript_basis=transcript_basis,
        owner="marianne",
        placed_at=PLACED_AT,
        review_on=review_on,
        released_at=released_at,
        outcome=Outcome.CLOSED if released_at else None,
    )


@pytest.mark.parametrize("kind", HoldKind)
def test_a_hold_of_any_kind_keeps_the_recording_and_nothing_else(kind: HoldKind) -> None:
    assert [True, False, False] == [covers(hold(kind), each) for each in (RECORDING, TRANSCRIPT, MASKED)]


@pytest.mark.parametrize("kind", HoldKind)
def test_the_transcript_is_kept_where_its_basis_was_given_and_masked_text_never(kind: HoldKind) -> None:
    named = hold(kind, transcript_basis="6(1)(f)")
    assert [True, True, False] == [covers(named, each) for each in (RECORDING, TRANSCRIPT, MASKED)]


def test_a_hold_over_a_call_is_over_no_other_call_of_the_number() -> None:
    assert not covers(hold(), Artifact(ArtifactKind.RECORDING, call=OTHER))


def test_a_hold_over_a_number_is_over_calls_that_come_in_later_too() -> None:
    over_number = hold(party_ref=PARTY)
    assert covers(over_number, RECORDING)
    assert covers(over_number, Artifact(ArtifactKind.RECORDING, call=OTHER))


def test_a_call_without_a_number_is_under_no_hold_over_a_number() -> None:
    assert not covers(hold(party_ref=PARTY), Artifact(ArtifactKind.RECORDING, party_ref=None))


def test_a_released_hold_keeps_and_stops_nothing() -> None:
    released = hold(HoldKind.RESTRICTION, released_at=PLACED_AT + timedelta(days=1))
    assert not covers(released, RECORDING)
    assert not restricts([released], CALL, PARTY)


@pytest.mark.parametrize("kind", HoldKind)
def test_only_a_restriction_stops_use(kind: HoldKind) -> None:
    assert (kind is HoldKind.RESTRICTION) is restricts([hold(kind)], CALL, PARTY)
    assert (kind is HoldKind.RESTRICTION) is restricts([hold(kind, party_ref=PARTY)], OTHER, PARTY)
    assert restricts([hold(kind)], OTHER, PARTY) is False


def test_reviews_are_overdue_after_their_day_and_the_oldest_comes_first() -> None:
    today = date(2031, 6, 2)
    holds = [
        hold(number=1, review_on=today),
        hold(number=2, review_on=today - timedelta(days=1)),
        hold(number=3, review_on=today - timedelta(days=30)),
        hold(number=4, review_on=today - timedelta(days=90), released_at=PLACED_AT),
    ]
    assert [3, 2] == [each.id for each in overdue_reviews(holds, today)]


@pytest.mark.parametrize("both", [True, False])
def test_a_hold_is_over_a_call_or_over_a_number_never_both_and_never_none(both: bool) -> None:
    with pytest.raises(UsageError, match="one call or over the calls of one number"):
        Hold(
            id=1,
            kind=HoldKind.CASE,
            call=CALL if both else None,
            party_ref=PARTY if both else None,
            owner="marianne",
            placed_at=PLACED_AT,
            review_on=date(2031, 6, 1),
        )


@pytest.mark.parametrize("text", ["K-2031/118", "K-2031-118", "KL2031/118", "SAG-31/4711", "K-118", "DISP-1234567"])
def test_a_case_reference_is_letters_a_year_and_a_number(text: str) -> None:
    assert text == case_ref(text)


@pytest.mark.parametrize(
    "text", ["", "118", "k-118", "K-", "KUNDE-1", "Marianne Berg", "K-118 Marianne", "K-118\n", "K-١٢", "K-12345678"]
)
def test_another_form_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        case_ref(text)
    assert "Marianne" not in refused.value.message + refused.value.hint
    assert 2 == refused.value.exit_code


@given(st.integers(0, 99_999_999), st.integers(0, 9_999), st.sampled_from(["K", "K-", "TLF-", "CPR-"]))
def test_no_telephone_number_and_no_cpr_number_is_a_case_reference(number: int, tail: int, letters: str) -> None:
    digits = f"{number:08d}"
    for text in (digits, f"+45{digits}", f"{digits[:6]}-{tail:04d}", f"{digits[:6]}{tail:04d}"):
        with pytest.raises(UsageError):
            case_ref(letters + text)


def test_the_owner_is_not_printed() -> None:
    assert "marianne" not in repr(hold())
