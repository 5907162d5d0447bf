"""What is granted, when it ends, what is due, what may be used, and which files are refused."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.errors import ConfigError, StoreError, UsageError
from tavs.events import ArtifactKind, CallId, PartyRef, Purpose
from tavs.retention.holds import Hold, HoldKind
from tavs.retention.periods import Period
from tavs.retention.policy import (
    DEFAULT,
    Artifact,
    EndedBy,
    Ending,
    Fate,
    Grant,
    Policy,
    Reason,
    due,
    limitation,
    load,
    may_use,
    next_event,
    shortened,
)

SHIPPED = Path(__file__).parents[2] / "config/retention.toml"
UTC_ZONE = ZoneInfo("UTC")
COPENHAGEN = ZoneInfo("Europe/Copenhagen")
CALL, PARTY = CallId("019f0000-0000-7000-8000-000000000001"), PartyRef("0a1b2c3d:aa")
ENDED_AT = datetime(2031, 3, 4, 9, tzinfo=UTC)
DAY = timedelta(days=1)
DOCUMENTATION = '[recording.documentation]\nperiod = "1 year"\nlegal_basis = "6(1)(f)"\n'

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))
PERIODS = st.one_of(
    st.integers(1, 10).map(lambda count: f"{count} year{'s'[: count > 1]}"),
    st.integers(1, 120).map(lambda count: f"{count} month{'s'[: count > 1]}"),
    st.integers(1, 4000).map(lambda count: f"{count} day{'s'[: count > 1]}"),
)


def grant(days: int, purpose: Purpose = Purpose.DOCUMENTATION) -> Grant:
    return Grant(purpose=purpose, legal_basis="6(1)(f)", granted_at=ENDED_AT, expires_at=ENDED_AT + days * DAY)


def any_grant(purpose: Purpose, begin: datetime, days: int, ended: tuple[int, EndedBy] | None) -> Grant:
    whole = Grant(purpose=purpose, legal_basis="6(1)(f)", granted_at=begin, expires_at=begin + days * DAY)
    return whole.ended(begin + ended[0] * DAY, ended[1]) if ended else whole


GRANTS = st.builds(
    any_grant,
    st.sampled_from(Purpose),
    MOMENTS,
    st.integers(0, 2000),
    st.none() | st.tuples(st.integers(0, 2000), st.sampled_from(EndedBy)),
)


def artifact(*grants: Grant, kind: ArtifactKind = ArtifactKind.RECORDING) -> Artifact:
    return Artifact(id=7, call=CALL, kind=kind, party_ref=PARTY, grants=grants)


def hold(kind: HoldKind = HoldKind.COMPLAINT) -> Hold:
    return Hold(id=1, kind=kind, call=CALL, owner="marianne", placed_at=ENDED_AT, review_on=date(2032, 1, 1))


def policy(documentation: str) -> Policy:
    first, *others = DEFAULT.rules
    return Policy((replace(first, period=Period.parse(documentation)), *others))


def written(folder: Path, text: str) -> Path:
    path = folder / "retention.toml"
    path.write_text(text, encoding="utf-8")
    return path


# --- what is due


def test_an_artifact_is_due_at_the_very_moment_its_last_grant_ends() -> None:
    kept = artifact(grant(10), grant(30, Purpose.QUALITY))
    assert {} == due([kept], [], ENDED_AT + 30 * DAY - timedelta(microseconds=1))
    assert {7: Reason.EXPIRED} == due([kept], [], ENDED_AT + 30 * DAY)


def test_an_artifact_without_a_grant_is_due_at_once() -> None:
    assert {7: Reason.NO_GRANT} == due([artifact()], [], ENDED_AT)


@pytest.mark.parametrize(
    ("by", "reason"),
    [
        (EndedBy.WITHDRAWAL, Reason.WITHDRAWN),
        (EndedBy.OBJECTION, Reason.OBJECTED),
        (EndedBy.ERASURE, Reason.ERASED),
        (EndedBy.POLICY, Reason.POLICY_SHORTENED),
    ],
)
def test_the_reason_is_that_of_the_grant_that_ended_last(by: EndedBy, reason: Reason) -> None:
    early, late = grant(10), grant(30, Purpose.QUALITY)
    now = ENDED_AT + 40 * DAY
    assert {7: reason} == due([artifact(early, late.ended(ENDED_AT + 20 * DAY, by))], [], now)
    assert {7: Reason.EXPIRED} == due([artifact(early, late.ended(ENDED_AT + 5 * DAY, by))], [], now)


def test_what_is_held_is_not_due_until_the_hold_is_released() -> None:
    kept, now = artifact(grant(10)), ENDED_AT + 50 * DAY
    assert {} == due([kept], [hold()], now)
    assert {7: Reason.EXPIRED} == due([kept], [replace(hold(), released_at=now)], now)


@given(st.lists(GRANTS, max_size=4), MOMENTS)
def test_what_has_a_living_grant_is_not_due_and_what_has_none_is(grants: Sequence[Grant], now: datetime) -> None:
    lives = any(each.until > now for each in grants)
    assert lives is ({} == due([artifact(*grants)], [], now))


@given(st.lists(GRANTS, max_size=4), MOMENTS, st.integers(0, 4000))
def test_what_was_due_stays_due(grants: Sequence[Grant], now: datetime, days: int) -> None:
    kept = artifact(*grants)
    assert due([kept], [], now).items() <= due([kept], [], now + days * DAY).items()


@given(st.lists(GRANTS, max_size=4), MOMENTS, st.randoms())
def test_the_order_of_the_grants_changes_nothing(grants: list[Grant], now: datetime, chance: Random) -> None:
    one = list({each.purpose: each for each in grants}.values())
    other = chance.sample(one, len(one))
    assert due([artifact(*one)], [], now) == due([artifact(*other)], [], now)


# --- grants only ever get shorter


@given(GRANTS, MOMENTS, st.sampled_from(EndedBy))
def test_ending_a_grant_never_makes_it_longer(whole: Grant, at: datetime, by: EndedBy) -> None:
    ended = whole.ended(at, by)
    assert min(at, whole.until) == ended.until
    assert whole.expires_at == ended.expires_at


@given(MOMENTS, PERIODS, PERIODS, st.integers(0, 2000))
def test_another_policy_never_makes_a_grant_longer_and_ends_none_before_it_was_confirmed(
    ended_at: datetime, before: str, after: str, days: int
) -> None:
    confirmed_at = ended_at + days * DAY
    (old,) = policy(before).grants_for(
        ArtifactKind.RECORDING, call_ended_at=ended_at, zone=COPENHAGEN, has_consent=False
    )
    new = policy(after).shorten(ArtifactKind.RECORDING, old, zone=COPENHAGEN, confirmed_at=confirmed_at)
    fresh = Period.parse(after).after(ended_at, COPENHAGEN)
    assert min(old.until, max(fresh, confirmed_at)) == new.until
    assert (new is old) or (EndedBy.POLICY is new.ended_by and policy(before) != policy(after))


@given(MOMENTS, PERIODS, PERIODS)
def test_whatever_a_policy_would_end_sooner_is_named_before_it_does(
    ended_at: datetime, before: str, after: str
) -> None:
    old, new = policy(before), policy(after)
    ends_sooner = Period.parse(after).after(ended_at, UTC_ZONE) < Period.parse(before).after(ended_at, UTC_ZONE)
    assert not ends_sooner or [new.rules[0]] == shortened(old, new)


@pytest.mark.parametrize(
    ("before", "after", "is_shorter"),
    [
        ("1 year", "1 year", False),
        ("1 year", "12 months", False),
        ("1 year", "365 days", True),
        ("365 days", "1 year", False),
        ("366 days", "1 year", True),
        ("1 month", "31 days", False),
        ("1 month", "30 days", True),
        ("28 days", "1 month", False),
        ("29 days", "1 month", True),
        ("6 months", "1 year", False),
        ("1 year", "11 months", True),
    ],
)
def test_a_period_is_shorter_if_any_call_would_go_sooner(before: str, after: str, is_shorter: bool) -> None:
    assert is_shorter is bool(shortened(policy(before), policy(after)))


def test_a_rule_that_is_left_out_grants_nothing_new_and_ends_nothing() -> None:
    fewer = Policy(DEFAULT.rules[:1])
    assert [] == shortened(DEFAULT, fewer)
    text = DEFAULT.grants_for(ArtifactKind.TRANSCRIPT, call_ended_at=ENDED_AT, zone=COPENHAGEN, has_consent=True)[0]
    assert text == fewer.shorten(ArtifactKind.TRANSCRIPT, text, zone=COPENHAGEN, confirmed_at=ENDED_AT)
    assert () == fewer.grants_for(ArtifactKind.TRANSCRIPT, call_ended_at=ENDED_AT, zone=COPENHAGEN, has_consent=True)


def test_a_limitation_has_a_basis_and_an_end() -> None:
    left = limitation("6(1)(f)", released_at=ENDED_AT, expires_at=ENDED_AT + 1000 * DAY)
    assert (Purpose.LIMITATION, ENDED_AT + 1000 * DAY) == (left.purpose, left.until)
    for basis, days in (("because", 10), ("6(1)(f)", 0), ("6(1)(f)", 12_000)):
        with pytest.raises(UsageError):
            limitation(basis, released_at=ENDED_AT, expires_at=ENDED_AT + days * DAY)


# --- use


def test_a_purpose_that_has_ended_is_used_no_more_whatever_keeps_the_artifact() -> None:
    kept, now = artifact(grant(10, Purpose.QUALITY), grant(30)), ENDED_AT + 20 * DAY
    assert may_use(kept, Purpose.DOCUMENTATION, [], now)
    assert not may_use(kept, Purpose.QUALITY, [], now)
    assert not may_use(kept, Purpose.QUALITY, [hold()], now)
    assert not may_use(kept, Purpose.TRAINING, [], now)


def test_a_hold_keeps_a_recording_usable_for_the_case_it_is_kept_for() -> None:
    kept, now = artifact(grant(10)), ENDED_AT + 20 * DAY
    assert not may_use(kept, Purpose.DOCUMENTATION, [], now)
    assert may_use(kept, Purpose.DOCUMENTATION, [hold()], now)


@given(st.lists(GRANTS, max_size=4), MOMENTS, st.sampled_from(ArtifactKind), st.sampled_from(Purpose))
def test_a_restriction_stops_every_use(
    grants: Sequence[Grant], now: datetime, kind: ArtifactKind, purpose: Purpose
) -> None:
    assert not may_use(artifact(*grants, kind=kind), purpose, [hold(), hold(HoldKind.RESTRICTION)], now)


# --- what will become of it


def test_the_fate_of_an_artifact_is_a_time_a_hold_or_the_next_sweep() -> None:
    end = ENDED_AT + 10 * DAY
    assert Fate(at=end, what=Ending.TIME) == next_event(artifact(grant(10)), [], ENDED_AT)
    assert Fate(at=end, what=Ending.HOLD) == next_event(artifact(grant(10)), [hold()], ENDED_AT)
    assert Fate(at=end, what=Ending.DUE) == next_event(artifact(grant(10)), [], end)
    assert Fate(at=end, what=Ending.HOLD) == next_event(artifact(grant(10)), [hold()], end + DAY)
    assert Fate(at=ENDED_AT, what=Ending.DUE) == next_event(artifact(), [], ENDED_AT)


@given(st.lists(GRANTS, max_size=4), MOMENTS, st.booleans())
def test_the_fate_and_the_sweep_agree(grants: Sequence[Grant], now: datetime, is_held: bool) -> None:
    kept, holds = artifact(*grants), [hold()] * is_held
    fate = next_event(kept, holds, now)
    assert (fate.what is Ending.DUE) is bool(due([kept], holds, now))
    assert fate.what is not Ending.TIME or {7} == set(due([kept], holds, fate.at))


# --- the file


def test_the_shipped_file_is_the_default_policy() -> None:
    assert DEFAULT == load(SHIPPED)


def test_a_rule_may_be_left_out_and_the_order_of_the_tables_is_nothing(tmp_path: Path) -> None:
    quality = '[recording.quality]\nperiod = "3 months"\nlegal_basis = "6(1)(a), 9(2)(a)"\nconsent = true\n'
    loaded = load(written(tmp_path, quality + DOCUMENTATION))
    assert [Purpose.DOCUMENTATION, Purpose.QUALITY] == [rule.purpose for rule in loaded.rules]
    assert (Period(months=3), "6(1)(a), 9(2)(a)", True) == (
        loaded.rules[1].period,
        loaded.rules[1].legal_basis,
        loaded.rules[1].needs_consent,
    )


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "[recording.documentation] is missing", "write the table"),
        ("# nothing\n", "[recording.documentation] is missing", "write the table"),
        (
            '[masked_transcript.training]\nperiod = "30 days"\nlegal_basis = "6(1)(f)"',
            "[recording.documentation] is missing",
            "write the table",
        ),
        ("[recording.documentation", "not TOML", "quotes"),
        ("recording = 1", "recording is a table", "[recording]"),
        ("[recording]\ndocumentation = 1", "recording.documentation is a table", "[recording.documentation]"),
        ("[recordings.documentation]", "unknown key recordings", "recording"),
        ("[recording.dokumentation]", "unknown key recording.dokumentation", "recording.documentation"),
        ("[recording.training]", "unknown key recording.training", "recording."),
        ("[recording.limitation]", "unknown key recording.limitation", "recording."),
        ("[masked_transcript.quality]", "unknown key masked_transcript.quality", "masked_transcript.training"),
        (
            DOCUMENTATION + "periode = 1",
            "unknown key recording.documentation.periode",
            "recording.documentation.period",
        ),
        (DOCUMENTATION.replace("1 year", "1 moon"), "recording.documentation.period: '1 moon' is no period", "1 year"),
        (
            DOCUMENTATION.replace("1 year", "9999 years"),
            "recording.documentation.period: longer than 30 years",
            "no claim",
        ),
        (DOCUMENTATION.replace('"1 year"', "1"), "recording.documentation.period: expected `str`, got `int`", "rule"),
        ('[recording.documentation]\nperiod = "1 year"', "missing required field `legal_basis`", "rule"),
        (
            DOCUMENTATION.replace("6(1)(f)", "§ 7"),
            "recording.documentation.legal_basis: '§ 7' is no article",
            "6(1)(f)",
        ),
        (DOCUMENTATION.replace("6(1)(f)", "6(1)(a)"), "recording.documentation.consent: missing", "consent = true"),
        (DOCUMENTATION + "consent = true", "recording.documentation.consent: customers are asked", "legal basis"),
        (
            '[masked_transcript.training]\nperiod = "31 days"\nlegal_basis = "6(1)(f)"',
            "masked_transcript.training.period: longer than 30 days",
            "promised",
        ),
        (
            '[masked_transcript.training]\nperiod = "1 month"\nlegal_basis = "6(1)(f)"',
            "masked_transcript.training.period: longer than 30 days",
            "promised",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_file_key_and_hint(
    tmp_path: Path, text: str, message: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, text))
    assert "retention.toml" in refused.value.message
    assert message in refused.value.message
    assert hint in refused.value.hint
    assert "the policy in force stays" in refused.value.hint
    assert 78 == refused.value.exit_code


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(FileNotFoundError\)"):
        load(tmp_path / "retention.toml")
    (tmp_path / "retention.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"cannot be read \(UnicodeDecodeError\)"):
        load(tmp_path / "retention.toml")


# --- the document


@given(st.lists(PERIODS, min_size=3, max_size=3), st.sets(st.integers(1, 3)))
def test_a_document_reads_back_as_the_policy_it_was_written_from(periods: Sequence[str], left_out: set[int]) -> None:
    rules = [
        replace(rule, period=Period.parse(period))
        for rule, period in zip(DEFAULT.rules, [*periods, "14 days"], strict=True)
    ]
    kept = Policy(tuple(rule for place, rule in enumerate(rules) if place not in left_out))
    again = Policy.from_document(kept.document())
    assert (kept, kept.document(), kept.sha256) == (again, again.document(), again.sha256)


def test_policies_that_differ_have_different_hashes() -> None:
    assert DEFAULT.sha256 != policy("2 years").sha256


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "{", '{"recording":1}', DEFAULT.document().replace("1 year", "1 moon")]
)
def test_a_damaged_document_is_found(text: str) -> None:
    with pytest.raises(StoreError, match="kept policy"):
        Policy.from_document(text)
