"""Consent that comes after the call, and what contradicts it: grants follow from all the evidence there is."""

from datetime import timedelta

import pytest
from office import FIRST, NO, PROMPTED, UNCLEAR, YES, Office
from tavs.call.consent import HeardAnswer
from tavs.errors import UsageError
from tavs.events import CallEnded, CallStarted, Purpose
from tavs.retention.consent import Answer, Evidence, Source
from tavs.retention.policy import EndedBy
from tavs.retention.sweep import plan
from tavs.rights import subject
from tavs.rights.consenting import enter
from tavs.store.kept import artifacts

QUALITY = {("recording", "quality"): "2031-09-01", ("transcript", "quality"): "2034-03-01"}


def given(
    office: Office,
    answer: Answer,
    source: Source = Source.PBX,
    *,
    after: float = 0,
    prompt: str = "",
    pressed: str = "",
) -> bool:
    office.clock.advance(after)
    evidence = Evidence(
        purpose=Purpose.QUALITY, answer=answer, source=source, pressed=pressed, prompt=prompt, prompt_version="",
        language="da", at=office.now,
    )  # fmt: skip
    return enter(office.connection, FIRST, evidence, zone="Europe/Copenhagen", actor="pbx", now=office.now)


def quality(office: Office) -> dict[tuple[str, str], str]:
    return {key: until for key, until in office.grants(FIRST).items() if key[1] == "quality"}


def test_a_consent_after_the_call_gives_what_it_would_have_given_at_its_end(office: Office) -> None:
    office.call(FIRST)
    assert {} == quality(office)
    assert given(office, Answer.YES, after=20 * 86400)
    assert {("recording", "quality"): QUALITY["recording", "quality"]} == quality(office)
    assert ["quality"] == [each["purpose"] for each in office.audited("grant")[2:]]


def test_a_consent_that_comes_when_its_period_is_over_gives_nothing(office: Office) -> None:
    office.call(FIRST)
    assert given(office, Answer.YES, after=200 * 86400)
    assert {} == quality(office)


def test_a_second_yes_gives_nothing_twice(office: Office) -> None:
    office.call(FIRST, answers=[PROMPTED])
    grants = len(office.audited("grant"))
    assert given(office, Answer.YES, after=60)
    assert QUALITY == quality(office)
    assert grants == len(office.audited("grant"))


@pytest.mark.parametrize("answer", [Answer.NO, Answer.UNCLEAR])
def test_an_answer_that_contradicts_ends_what_rested_on_the_first(office: Office, answer: Answer) -> None:
    office.call(FIRST, answers=[YES])
    assert QUALITY == quality(office)
    assert not given(office, answer, after=60)
    assert {("recording", "documentation"), ("masked_transcript", "training")} == set(office.grants(FIRST))
    ended = {grant.ended_by for each in artifacts(office.connection, "calls.id = ?", (FIRST,)) for grant in each.grants}
    assert {None, EndedBy.WITHDRAWAL} == ended


@pytest.mark.parametrize("answers", [[YES, NO], [UNCLEAR]])
def test_contradictory_answers_of_the_call_give_nothing_and_its_transcript_is_due_at_once(
    office: Office, answers: list[HeardAnswer]
) -> None:
    office.call(FIRST, answers=answers)
    assert {} == quality(office)
    [item] = plan(office.connection, office.now)[0]
    assert ("transcript", "no_grant") == (item.kind.value, item.reason.value)


def test_two_keys_pressed_are_no_consent(office: Office) -> None:
    office.call(FIRST)
    assert given(office, Answer.YES, Source.DTMF, pressed="1")
    assert not given(office, Answer.YES, Source.DTMF, pressed="2", after=1)
    assert {} == quality(office)


def test_another_asking_replaces_the_answer_before_it(office: Office) -> None:
    office.call(FIRST)
    assert not given(office, Answer.NO, prompt="menu")
    assert given(office, Answer.YES, prompt="transfer", after=60)
    assert {("recording", "quality")} == set(quality(office))


def test_consent_that_was_taken_back_comes_back_by_an_officer_only(office: Office) -> None:
    office.call(FIRST, answers=[PROMPTED])
    office.clock.advance(60)
    subject.ask(office.connection, FIRST, EndedBy.WITHDRAWAL, actor="officer", now=office.now)
    assert not given(office, Answer.YES, Source.PBX, after=60)
    assert {} == quality(office)
    assert given(office, Answer.YES, Source.OFFICER, after=60)
    assert QUALITY == quality(office)
    assert ("masked_transcript", "training") not in office.grants(FIRST)


def test_an_answer_during_the_call_counts_when_it_ends(office: Office) -> None:
    office.hear(CallStarted(call=FIRST, at=office.now, source="siprec"))
    assert given(office, Answer.YES)
    assert {} == quality(office)
    office.clock.advance(60)
    office.call(FIRST)
    assert {("recording", "quality")} == set(quality(office))


def test_the_evidence_is_kept_as_it_came_and_audited_without_it(office: Office) -> None:
    office.call(FIRST)
    given(office, Answer.YES, Source.DTMF, pressed="1", prompt="menu")
    row = office.connection.execute("select answer, source, pressed, prompt, language, recorded_by from consents")
    assert [("yes", "dtmf", "1", "menu", "da", "pbx")] == row.fetchall()
    assert [{"actor": "pbx", "call": FIRST, "answer": "yes", "purpose": "quality", "source": "dtmf"}] == (
        office.audited("consent")
    )


@pytest.mark.parametrize("field", ["pressed", "prompt"])
def test_evidence_is_words_of_a_menu_and_no_prose(office: Office, field: str) -> None:
    office.call(FIRST)
    with pytest.raises(UsageError, match="menu"):
        given(office, Answer.YES, **{field: "Rigmor sagde ja"})  # type: ignore[arg-type]
    assert [] == office.audited("consent")


def test_a_call_that_is_not_there_is_refused_and_leaves_nothing(office: Office) -> None:
    office.hear(CallEnded(call=FIRST, at=office.now - timedelta(days=1), reason="bye"))
    office.connection.execute("delete from calls")
    with pytest.raises(UsageError, match="no such call"):
        given(office, Answer.YES)
    assert [] == office.audited("consent")
