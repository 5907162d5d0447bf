"""The privacy notice says what the box does, in both languages the same, and nothing else."""

import datetime
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tavs.errors import ConfigError, UsageError
from tavs.events import ArtifactKind, Purpose
from tavs.retention.notice import LANGUAGES, Features, Texts, _texts, facts, render
from tavs.retention.periods import Period
from tavs.retention.policy import DEFAULT, Policy, Rule

ALL = Features(
    recording=True,
    transcripts=True,
    live_speech=True,
    agent_channel="live",
    health_masking=True,
    remote_advice=True,
    remote_recipient="Modelhuset ApS",
    off_box_speech=True,
)
NONE = Features(
    recording=False,
    transcripts=False,
    live_speech=False,
    agent_channel="off",
    health_masking=False,
    remote_advice=False,
)
SITE, CONTACT, DAY = "Eksempel Forsikring", "privatliv@eksempel.dk", datetime.date(2031, 2, 1)
SWITCHES = ("recording", "transcripts", "live_speech", "health_masking", "remote_advice", "off_box_speech")

FEATURES = st.builds(
    Features,
    **{name: st.booleans() for name in SWITCHES},
    agent_channel=st.sampled_from(["off", "context", "live"]),
    remote_recipient=st.sampled_from(["", "Modelhuset ApS"]),
    advice_basis=st.sampled_from(["6(1)(b)", "6(1)(f)"]),
)
PERIODS = st.one_of(
    st.builds(Period, years=st.integers(1, 30)),
    st.builds(Period, months=st.integers(1, 99)),
    st.builds(Period, days=st.integers(1, 999)),
)
RULES = st.builds(
    Rule,
    kind=st.sampled_from(ArtifactKind),
    purpose=st.sampled_from(Purpose),
    legal_basis=st.sampled_from([f"6(1)({letter})" for letter in "abcdef"] + ["6(1)(f), 9(2)(f)", "6(1)(a), 9(2)(a)"]),
    period=PERIODS,
    needs_consent=st.booleans(),
)
POLICIES = st.builds(Policy, st.lists(RULES, max_size=6, unique_by=lambda rule: (rule.kind, rule.purpose)).map(tuple))


def notice(lang: str, features: Features = ALL, policy: Policy = DEFAULT) -> str:
    return render(policy, features, site_name=SITE, contact=CONTACT, lang=lang, version=7, date=DAY)


def keys(features: Features, policy: Policy = DEFAULT) -> set[str]:
    return {fact.key for fact in facts(policy, features, site_name=SITE, contact=CONTACT, version=7, date=DAY)}


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_hold_the_same_facts_with_the_same_values_in_them() -> None:
    danish, english = map(_texts, LANGUAGES)
    for table in Texts.__struct_fields__:
        assert list(getattr(danish, table)) == list(getattr(english, table))
    for key in danish.facts:
        assert places(danish.facts[key]) == places(english.facts[key]), key


@given(POLICIES, FEATURES)
def test_whatever_the_box_does_can_be_said_in_both_languages(policy: Policy, features: Features) -> None:
    shapes = []
    for lang in LANGUAGES:
        text = notice(lang, features, policy)
        assert "{" not in text
        assert "\n\n\n" not in text
        shapes.append([line[:2] for line in text.splitlines()].count("- "))
    assert shapes[0] == shapes[1]


@given(POLICIES)
def test_every_rule_stands_in_the_notice_with_its_period_its_purpose_and_its_basis(policy: Policy) -> None:
    units = {
        "da": {"years": ("år", "år"), "months": ("måned", "måneder"), "days": ("dag", "dage")},
        "en": {"years": ("year", "years"), "months": ("month", "months"), "days": ("day", "days")},
    }
    for lang in LANGUAGES:
        lines = notice(lang, policy=policy).splitlines()
        for rule in policy.rules:
            words = _texts(lang).words
            (unit,) = (unit for unit in units[lang] if getattr(rule.period, unit))
            count = getattr(rule.period, unit)
            letter = rule.legal_basis[5]
            said = [
                words[rule.kind],
                f" {count} {units[lang][unit][count != 1]} ",
                words[rule.purpose],
                f"artikel 6, stk. 1, litra {letter}" if lang == "da" else f"Article 6(1)({letter})",
            ]
            assert any(all(each.lower() in line.lower() for each in said) for line in lines), rule


def test_the_shipped_policy_reads_as_the_customer_was_promised() -> None:
    danish, english = (notice(lang) for lang in LANGUAGES)
    assert "Optagelsen af samtalen gemmes i 1 år fra samtalens slutning. Formål: dokumentation." in danish
    assert "Kun hvis du har givet samtykke: optagelsen af samtalen gemmes i 6 måneder" in danish
    assert "Kun hvis du har givet samtykke: udskriften af samtalen gemmes i 3 år" in danish
    assert "Den maskerede tekst gemmes i 30 dage" in danish
    assert "The recording of the call is kept for 1 year from the end of the call. Purpose: documentation." in english
    assert "Only if you have given your consent: the transcript of the call is kept for 3 years" in english
    assert "The masked text is kept for 30 days" in english
    for text, day in ((danish, "1. februar 2031"), (english, "1 February 2031")):
        for part in (SITE, CONTACT, "ersion 7", day, "Datatilsynet"):
            assert part in text


@given(st.sampled_from(range(len(DEFAULT.rules))), PERIODS)
def test_another_period_is_another_notice(index: int, period: Period) -> None:
    rules = list(DEFAULT.rules)
    if period != rules[index].period:
        rules[index] = replace(rules[index], period=period)
        for lang in LANGUAGES:
            assert notice(lang) != notice(lang, policy=Policy(tuple(rules)))


@pytest.mark.parametrize(
    ("off", "gone"),
    [
        ({"recording": False}, {"recorded"}),
        (
            {"live_speech": False},
            {"live", "live_basis", "agent_live", "masked", "masked_health", "no_decisions", "remote_named",
             "unmasked_in_transcript", "why_training", "masked_never_longer"},
        ),
        ({"agent_channel": "off"}, {"agent_live"}),
        ({"health_masking": False}, {"masked_health"}),
        ({"remote_advice": False}, {"remote_named"}),
        ({"off_box_speech": False}, {"off_box_speech"}),
        ({"transcripts": False}, {"transcript_unmasked", "hold_transcript", "unmasked_in_transcript"}),
    ],
)  # fmt: skip
def test_what_is_switched_off_is_not_said(off: dict[str, object], gone: set[str]) -> None:
    features = replace(ALL, **off)  # type: ignore[arg-type]
    assert gone <= keys(ALL)
    assert not gone & keys(features)
    for lang in LANGUAGES:
        sentences = [_texts(lang).facts[key] for key in gone]
        assert not [each for each in sentences if each in notice(lang, features)]


@given(POLICIES)
def test_a_box_that_does_nothing_promises_and_admits_nothing(policy: Policy) -> None:
    rights = {"access_right", "rectification", "erasure", "restriction"}
    assert {"edition", "controller", "complaint"} | rights == keys(NONE, policy)


@given(POLICIES, FEATURES)
def test_consent_and_its_withdrawal_are_said_exactly_where_something_rests_on_it(
    policy: Policy, features: Features
) -> None:
    asks = any(rule.needs_consent and features.keeps(rule.kind) for rule in policy.rules)
    for key in ("consent", "withdrawal", "rule_consent"):
        assert asks == (key in keys(features, policy))


def test_the_right_to_object_names_what_rests_on_a_legitimate_interest_and_stands_alone() -> None:
    danish = notice("da", replace(ALL, advice_basis="6(1)(f)"))
    assert (
        "Det gælder: optagelsen af samtalen (dokumentation), den maskerede tekst (træning af vores AI-model) og "
        "hjælpen til medarbejderen under samtalen." in danish
    )
    assert "\n## Din ret til at gøre indsigelse\n" in danish
    by_contract = Policy(tuple(replace(rule, legal_basis="6(1)(b)") for rule in DEFAULT.rules))
    assert "objection" not in keys(ALL, by_contract)


def test_two_articles_are_both_spelled_out() -> None:
    policy = Policy((replace(DEFAULT.rules[0], legal_basis="6(1)(f), 9(2)(f)"),))
    assert "artikel 6, stk. 1, litra f" in notice("da", policy=policy)
    assert "artikel 9, stk. 2, litra f (nødvendigt for, at retskrav" in notice("da", policy=policy)
    assert "objection" in keys(ALL, policy)


def test_a_site_name_with_braces_is_only_a_name() -> None:
    assert "{contact}" in render(DEFAULT, ALL, site_name="{contact}", contact=CONTACT, lang="en", version=1, date=DAY)


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UsageError, match="no notice in 'de'"):
        notice("de")


def test_advice_cannot_rest_on_a_consent_that_nobody_asks_for() -> None:
    with pytest.raises(ConfigError, match="consent"):
        replace(ALL, advice_basis="6(1)(a)")
