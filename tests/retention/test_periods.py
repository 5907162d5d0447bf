"""Calendar periods in the site's time zone, and the grants that follow from them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.errors import ConfigError
from tavs.events import ArtifactKind, Purpose
from tavs.retention.periods import Period
from tavs.retention.policy import DEFAULT

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=COPENHAGEN).astimezone(UTC)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("1 year", local(2024, 2, 29, 12), local(2025, 2, 28, 12)),
        ("6 months", local(2025, 8, 31, 12), local(2026, 2, 28, 12)),
        ("30 days", local(2026, 3, 1, 12), local(2026, 3, 31, 12)),
        ("1 day", local(2026, 3, 28, 2, 30), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("3 years", local(2026, 12, 31, 23, 59), local(2029, 12, 31, 23, 59)),
    ],
)
def test_a_period_ends_on_the_calendar(text: str, start: datetime, end: datetime) -> None:
    assert end == Period.parse(text).after(start, COPENHAGEN)


@pytest.mark.parametrize(
    "text", ["", "1 moon", "0 days", "-1 year", "1.5 years", "1year", "one year", "99999 days", "1 year "]
)
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no period"):
        Period.parse(text)


@given(MOMENTS, st.integers(1, 4000))
def test_days_are_days_give_or_take_an_hour_of_daylight_saving(moment: datetime, days: int) -> None:
    length = Period(days=days).after(moment, COPENHAGEN) - moment
    assert abs(length - timedelta(days=days)) <= timedelta(hours=2)


@given(MOMENTS, MOMENTS, st.sampled_from(["1 year", "6 months", "30 days"]))
def test_who_begins_later_never_ends_much_earlier(one: datetime, other: datetime, text: str) -> None:
    first, second = sorted((one, other))
    period = Period.parse(text)
    assert period.after(first, COPENHAGEN) <= period.after(second, COPENHAGEN) + timedelta(hours=2)


def test_no_evidence_of_consent_no_grant_for_quality() -> None:
    def purposes(kind: ArtifactKind, has_consent: bool) -> list[Purpose]:
        grants = DEFAULT.grants_for(kind, call_ended_at=local(2026, 1, 1), zone=COPENHAGEN, has_consent=has_consent)
        return [grant.purpose for grant in grants]

    assert [Purpose.DOCUMENTATION] == purposes(ArtifactKind.RECORDING, False)
    assert [Purpose.DOCUMENTATION, Purpose.QUALITY] == purposes(ArtifactKind.RECORDING, True)
    assert [] == purposes(ArtifactKind.TRANSCRIPT, False)
    assert [Purpose.TRAINING] == purposes(ArtifactKind.MASKED_TRANSCRIPT, False)
