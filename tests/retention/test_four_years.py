"""Years of a site against a naive model of the policy that shares no code with the box: no difference on any day.

`scenario` tells what happens, in plain words and times, to whoever wants to play it: the box's pure rules here. `Naive`
is the policy written down a second time, as simply as can be, with a calendar of its own.
"""

from __future__ import annotations

import calendar
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from tavs.events import ArtifactKind, CallId, PartyRef, Purpose
from tavs.retention.consent import Answer, Evidence, Source, decide
from tavs.retention.holds import Hold, HoldKind, Outcome, covers
from tavs.retention.policy import (
    Artifact,
    EndedBy,
    Grant,
    Policy,
    Reason,
    due,
    limitation,
    may_use,
    next_event,
)

FIRST_DAY = datetime(2027, 1, 4, tzinfo=UTC)
KINDS = ("recording", "transcript", "masked_transcript")
PURPOSES = ("documentation", "quality", "training", "limitation")
BASES = {"documentation": "6(1)(f)", "quality": "6(1)(a)", "training": "6(1)(f)"}
PERIODS: dict[str, tuple[str, ...]] = {
    "recording.documentation": ("1 year", "6 months", "2 years", "400 days", "90 days"),
    "recording.quality": ("6 months", "3 months", "45 days", "1 year", ""),
    "transcript.quality": ("3 years", "1 year", "100 days", "18 months", ""),
    "masked_transcript.training": ("30 days", "14 days", "7 days", "29 days", ""),
}
"""What a site may choose, the default first; '' leaves the rule out."""


# --- what happens


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    at: datetime
    answer: str
    source: str
    pressed: str
    prompt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    at: datetime
    """End of the call."""
    call: int
    party: str | None
    kinds: tuple[str, ...]
    answers: tuple[Answered, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredLater:
    at: datetime
    call: int
    answer: Answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Demanded:
    """An objection or an erasure: grants of a call end."""

    at: datetime
    call: int
    by: str
    purposes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    at: datetime
    hold: int
    kind: str
    call: int | None
    party: str | None
    with_transcript: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    at: datetime
    hold: int
    limitation_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """Another policy, confirmed."""

    at: datetime
    periods: dict[str, str]


Action = Called | AnsweredLater | Demanded | Held | Released | Applied


def scenario(days: int, calls_a_day: int, seed: int) -> Iterator[tuple[datetime, list[Action]]]:
    """For each day the time of its sweep, and what happened before it, in order."""
    chance = random.Random(seed)
    parties = [f"0a1b2c3d:{number:04x}" for number in range(max(20, calls_a_day * 10))]
    periods = {key: choices[0] for key, choices in PERIODS.items()}
    releases: dict[int, list[int]] = {}
    calls = holds = 0
    for day in range(days):
        midnight = FIRST_DAY + timedelta(days=day)

        def some_time(midnight: datetime = midnight) -> datetime:
            return midnight + timedelta(milliseconds=chance.randrange(23 * 3_600_000))

        def some_call(until: int = calls) -> int:
            return max(0, until - 1 - int(chance.expovariate(1 / (20 * calls_a_day))))

        actions: list[Action] = []
        for _ in range(calls_a_day):
            actions.append(_call(calls, some_time(), _party(chance, parties), chance))
            calls += 1
        for hold in releases.pop(day, []):
            at = some_time()
            claims_lapse_at = at + timedelta(days=chance.randrange(20, 1500)) if chance.random() < 0.3 else None
            actions.append(Released(at=at, hold=hold, limitation_until=claims_lapse_at))
        for _ in range(calls_a_day if day else 0):
            at, dice = some_time(), chance.random()
            if dice < 0.02:
                answer = _answer(at, chance, chance.choice(("officer", "pbx")), "", chance.choice(("yes", "no", "no")))
                actions.append(AnsweredLater(at=at, call=some_call(), answer=answer))
            elif dice < 0.025:
                actions.append(Demanded(at=at, call=some_call(), by="objection", purposes=("training",)))
            elif dice < 0.03:
                actions.append(Demanded(at=at, call=some_call(), by="erasure", purposes=PURPOSES))
            elif dice < 0.04:
                over_party = chance.random() < 0.3
                actions.append(
                    Held(
                        at=at,
                        hold=holds,
                        kind=chance.choice(("complaint", "dispute", "case", "access", "restriction")),
                        call=None if over_party else some_call(),
                        party=chance.choice(parties) if over_party else None,
                        with_transcript=chance.random() < 0.4,
                    )
                )
                if chance.random() < 0.95:
                    releases.setdefault(day + 1 + int(chance.expovariate(1 / 120)), []).append(holds)
                holds += 1
        if chance.random() < 0.025:
            key = chance.choice(list(PERIODS))
            choices = [each for each in PERIODS[key] if each or key != "recording.documentation"]
            periods = {**periods, key: chance.choice(choices)}
            actions.append(Applied(at=some_time(), periods=periods))
        yield midnight + timedelta(hours=23), sorted(actions, key=lambda action: action.at)


def _party(chance: random.Random, parties: list[str]) -> str | None:
    return None if chance.random() < 0.1 else chance.choice(parties)


def _call(call: int, at: datetime, party: str | None, chance: random.Random) -> Called:
    answers = [
        _answer(at - timedelta(seconds=600 - 20 * place), chance, chance.choice(("dtmf", "dtmf", "header", "pbx")))
        for place in range(chance.choices((0, 1, 2, 3), (30, 50, 15, 5))[0])
    ]
    made = {
        "recording": chance.random() < 0.98,
        "transcript": any(each.answer == "yes" for each in answers),
        "masked_transcript": chance.random() < 0.95,
    }
    return Called(
        at=at, call=call, party=party, kinds=tuple(kind for kind in KINDS if made[kind]), answers=tuple(answers)
    )


def _answer(
    at: datetime, chance: random.Random, source: str, prompt: str | None = None, answer: str | None = None
) -> Answered:
    return Answered(
        at=at,
        answer=answer or chance.choices(("yes", "no", "unclear"), (70, 20, 10))[0],
        source=source,
        pressed=chance.choices(("1", "11"), (95, 5))[0] if source == "dtmf" else "",
        prompt=prompt if prompt is not None else chance.choice(("menu", "menu", "transfer", "")),
    )


# --- the naive model: no code of the box below this line, up to the next


def end_of(start: datetime, period: str) -> datetime:
    """The end of a period on Danish clocks: last Sundays of March and October, 01:00 UTC."""
    number, unit = period.rstrip("s").split()
    count = int(number)
    local = start.replace(tzinfo=None) + _offset(start.replace(tzinfo=None))
    if unit == "day":
        local += timedelta(days=count)
    else:
        months = local.year * 12 + local.month - 1 + (count if unit == "month" else 12 * count)
        year, month = months // 12, months % 12 + 1
        local = local.replace(year=year, month=month, day=min(local.day, calendar.monthrange(year, month)[1]))
    winter, summer = local - timedelta(hours=1), local - timedelta(hours=2)
    is_summer = _offset(summer) == timedelta(hours=2) and _offset(winter) == timedelta(hours=2)
    return (summer if is_summer else winter).replace(tzinfo=UTC)


def _offset(utc: datetime) -> timedelta:
    def last_sunday(month: int) -> datetime:
        last = datetime(utc.year, month, 31, 1)
        return last - timedelta(days=(last.weekday() + 1) % 7)

    return timedelta(hours=2 if last_sunday(3) <= utc < last_sunday(10) else 1)


@dataclass(slots=True)
class Paper:
    """An artifact of the model: per purpose since when, until when, and what cut it short."""

    call: int
    kind: str
    party: str | None
    ends: dict[str, tuple[datetime, datetime, str]] = field(default_factory=dict)

    def cut(self, purpose: str, at: datetime, why: str) -> None:
        if purpose in self.ends and at < self.ends[purpose][1]:
            self.ends[purpose] = (self.ends[purpose][0], at, why)


REASONS = {
    "": "expired",
    "withdrawal": "withdrawn",
    "objection": "objected",
    "erasure": "erased",
    "policy": "policy_shortened",
}


class Naive:
    def __init__(self) -> None:
        self.papers: dict[int, Paper] = {}
        self.calls: dict[int, Called] = {}
        self.answers: dict[int, list[Answered]] = {}
        self.policies: list[tuple[datetime, dict[str, str]]] = [
            (FIRST_DAY, {key: choices[0] for key, choices in PERIODS.items()})
        ]
        self.holds: dict[int, Held] = {}

    def play(self, action: Action) -> None:
        match action:
            case Called():
                self.called(action)
            case AnsweredLater():
                self.answered(action)
            case Demanded():
                for paper in self.of(action.call):
                    for purpose in action.purposes:
                        paper.cut(purpose, action.at, action.by)
            case Held():
                self.holds[action.hold] = action
            case Released():
                self.released(action)
            case Applied():
                self.policies.append((action.at, action.periods))
                for paper in self.papers.values():
                    for purpose in list(paper.ends):
                        self.shorten(paper, purpose, action.at, action.periods)

    def called(self, called: Called) -> None:
        self.calls[called.call] = called
        self.answers[called.call] = list(called.answers)
        for kind in called.kinds:
            paper = Paper(called.call, kind, called.party)
            self.papers[called.call * 3 + KINDS.index(kind)] = paper
            for purpose in PURPOSES:
                if purpose != "quality" or said_yes(called.answers):
                    self.grant(paper, purpose)

    def answered(self, answered: AnsweredLater) -> None:
        before = said_yes(self.answers[answered.call])
        self.answers[answered.call].append(answered.answer)
        after = said_yes(self.answers[answered.call])
        for paper in self.of(answered.call):
            if after and not before and "quality" not in paper.ends:
                self.grant(paper, "quality")
            if before and not after:
                paper.cut("quality", answered.at, "withdrawal")
                paper.cut("training", answered.at, "withdrawal")

    def released(self, released: Released) -> None:
        hold = self.holds.pop(released.hold)
        if until := released.limitation_until:
            for paper in self.papers.values():
                known = paper.ends.get("limitation")
                if is_kept(hold, paper) and (known is None or known[1] < until):
                    paper.ends["limitation"] = (released.at, until, "")

    def grant(self, paper: Paper, purpose: str) -> None:
        """As at the end of the call, and then through every policy since."""
        start = self.calls[paper.call].at
        known = [each for each in self.policies if each[0] <= start]
        if period := known[-1][1].get(f"{paper.kind}.{purpose}"):
            paper.ends[purpose] = (start, end_of(start, period), "")
            for at, periods in self.policies[len(known) :]:
                self.shorten(paper, purpose, at, periods)

    def shorten(self, paper: Paper, purpose: str, at: datetime, periods: dict[str, str]) -> None:
        if period := periods.get(f"{paper.kind}.{purpose}"):
            paper.cut(purpose, max(at, end_of(paper.ends[purpose][0], period)), "policy")

    def of(self, call: int) -> Iterable[Paper]:
        return [self.papers[call * 3 + place] for place in range(3) if call * 3 + place in self.papers]

    def sweep(self, now: datetime) -> dict[int, str]:
        gone = {}
        for number, paper in self.papers.items():
            ends = [(until, purpose, why) for purpose, (_, until, why) in paper.ends.items()]
            if all(until <= now for until, _, _ in ends) and not self.is_held(paper):
                gone[number] = REASONS[max(ends)[2]] if ends else "no_grant"
        for number in gone:
            del self.papers[number]
        return gone

    def is_held(self, paper: Paper) -> bool:
        return any(is_kept(hold, paper) for hold in self.holds.values())

    def outlook(self, number: int, now: datetime) -> tuple[set[str], datetime, str]:
        """For what it may be used, when its last grant ends, and what stands before its deletion."""
        paper = self.papers[number]
        usable = {purpose for purpose, (_, until, _) in paper.ends.items() if now < until}
        if self.is_held(paper):
            usable.add("documentation")
        if any(hold.kind == "restriction" and is_about(hold, paper) for hold in self.holds.values()):
            usable = set()
        end = max((until for _, until, _ in paper.ends.values()), default=now)
        return usable, end, "hold" if self.is_held(paper) else "time" if now < end else "due"


def is_about(hold: Held, paper: Paper) -> bool:
    if hold.call is not None:
        return hold.call == paper.call
    return paper.party is not None and hold.party == paper.party


def is_kept(hold: Held, paper: Paper) -> bool:
    kinds = {"recording", "transcript"} if hold.with_transcript else {"recording"}
    return paper.kind in kinds and is_about(hold, paper)


def said_yes(answers: Iterable[Answered]) -> bool:
    """Walk through the answers as they came; `open_` are those nothing has replaced."""
    open_: list[Answered] = []
    for answer in sorted(answers, key=lambda each: each.at):
        if answer.source == "officer":
            open_ = []
        elif answer.prompt:
            open_ = [each for each in open_ if each.source == "officer" or each.prompt in ("", answer.prompt)]
        open_.append(answer)
    keys = [each.pressed for each in open_ if each.source == "dtmf"]
    return {"yes"} == {each.answer for each in open_} and len("".join(keys)) <= 1


# --- the box: the same, by the rules of daemon/tavs


class Box:
    ZONE = ZoneInfo("Europe/Copenhagen")

    def __init__(self) -> None:
        self.artifacts: dict[int, Artifact] = {}
        self.ended_at: dict[int, datetime] = {}
        self.evidence: dict[int, list[Evidence]] = {}
        self.holds: dict[int, Hold] = {}
        self.policies = [(FIRST_DAY, policy({key: choices[0] for key, choices in PERIODS.items()}))]

    def play(self, action: Action) -> None:
        match action:
            case Called():
                self._call(action)
            case AnsweredLater():
                self._answer(action)
            case Demanded():
                self._end(action.call, action.at, EndedBy(action.by), map(Purpose, action.purposes))
            case Held():
                self.holds[action.hold] = Hold(
                    id=action.hold,
                    kind=HoldKind(action.kind),
                    call=None if action.call is None else CallId(str(action.call)),
                    party_ref=None if action.party is None else PartyRef(action.party),
                    transcript_basis="6(1)(f)" if action.with_transcript else None,
                    owner="marianne",
                    placed_at=action.at,
                    review_on=date(2030, 1, 1),
                )
            case Released():
                self._release(action)
            case Applied():
                self.policies.append((action.at, policy(action.periods)))
                for artifact in self.artifacts.values():
                    self._shorten(artifact, self.policies[-1:])

    def sweep(self, now: datetime) -> dict[int, Reason]:
        gone = due(self.artifacts.values(), self.holds.values(), now)
        for number in gone:
            del self.artifacts[number]
        return gone

    def outlook(self, number: int, now: datetime) -> tuple[set[str], datetime, str]:
        artifact, holds = self.artifacts[number], self.holds.values()
        fate = next_event(artifact, holds, now)
        return {each for each in Purpose if may_use(artifact, each, holds, now)}, fate.at, fate.what

    def _call(self, called: Called) -> None:
        self.ended_at[called.call] = called.at
        self.evidence[called.call] = [evidence(each) for each in called.answers]
        for kind in map(ArtifactKind, called.kinds):
            number = called.call * 3 + list(ArtifactKind).index(kind)
            self.artifacts[number] = Artifact(
                id=number,
                call=CallId(str(called.call)),
                kind=kind,
                party_ref=None if called.party is None else PartyRef(called.party),
                grants=self.policies[-1][1].grants_for(
                    kind,
                    call_ended_at=called.at,
                    zone=self.ZONE,
                    has_consent=decide(self.evidence[called.call]),
                ),
            )

    def _answer(self, answered: AnsweredLater) -> None:
        known = self.evidence[answered.call]
        had_consent = decide(known)
        known.append(evidence(answered.answer))
        has_consent = decide(known)
        if had_consent and not has_consent:
            self._end(answered.call, answered.at, EndedBy.WITHDRAWAL, (Purpose.QUALITY, Purpose.TRAINING))
        for artifact in self._of(answered.call) if has_consent and not had_consent else ():
            ended_at = self.ended_at[answered.call]
            place = max(place for place, (since, _) in enumerate(self.policies) if since <= ended_at)
            grants = self.policies[place][1].grants_for(
                artifact.kind, call_ended_at=ended_at, zone=self.ZONE, has_consent=True
            )
            known_purposes = {grant.purpose for grant in artifact.grants}
            new = [each for each in grants if each.purpose is Purpose.QUALITY and each.purpose not in known_purposes]
            self._shorten(replace(artifact, grants=(*artifact.grants, *new)), self.policies[place + 1 :])

    def _release(self, released: Released) -> None:
        hold = self.holds[released.hold]
        if released.limitation_until:
            left = limitation("6(1)(f)", released_at=released.at, expires_at=released.limitation_until)
            for artifact in [each for each in self.artifacts.values() if covers(hold, each)]:
                before = [each for each in artifact.grants if each.purpose is Purpose.LIMITATION]
                others = [each for each in artifact.grants if each.purpose is not Purpose.LIMITATION]
                longest = max([*before, left], key=lambda grant: grant.until)
                self.artifacts[artifact.id] = replace(artifact, grants=(*others, longest))
        outcome = Outcome.LIMITATION if released.limitation_until else Outcome.CLOSED
        self.holds[hold.id] = replace(hold, released_at=released.at, outcome=outcome)

    def _end(self, call: int, at: datetime, by: EndedBy, purposes: Iterable[Purpose]) -> None:
        ended = frozenset(purposes)
        for artifact in self._of(call):
            self.artifacts[artifact.id] = replace(
                artifact,
                grants=tuple(each.ended(at, by) if each.purpose in ended else each for each in artifact.grants),
            )

    def _shorten(self, artifact: Artifact, policies: Iterable[tuple[datetime, Policy]]) -> None:
        def shortest(grant: Grant) -> Grant:
            for confirmed_at, new in policies:
                grant = new.shorten(artifact.kind, grant, zone=self.ZONE, confirmed_at=confirmed_at)
            return grant

        self.artifacts[artifact.id] = replace(artifact, grants=tuple(map(shortest, artifact.grants)))

    def _of(self, call: int) -> list[Artifact]:
        return [self.artifacts[call * 3 + place] for place in range(3) if call * 3 + place in self.artifacts]


def policy(periods: dict[str, str]) -> Policy:
    tables: dict[str, dict[str, object]] = {}
    for key, period in periods.items():
        kind, purpose = key.split(".")
        if period:
            table = {"period": period, "legal_basis": BASES[purpose], "consent": purpose == "quality"}
            tables.setdefault(kind, {})[purpose] = table
    return Policy.from_document(json.dumps(tables))


def evidence(answered: Answered) -> Evidence:
    return Evidence(
        purpose=Purpose.QUALITY,
        answer=Answer(answered.answer),
        source=Source(answered.source),
        pressed=answered.pressed,
        prompt=answered.prompt,
        prompt_version="1",
        language="da",
        at=answered.at,
    )


@dataclass(slots=True, kw_only=True)
class Compared:
    deleted: Counter[str] = field(default_factory=Counter)
    """By reason."""
    looked_at: int = 0
    """Artifacts whose use and fate were compared."""
    kept: int = 0
    differences: list[str] = field(default_factory=list)


def compare(days: int, calls_a_day: int, seed: int) -> Compared:
    box, naive, found = Box(), Naive(), Compared()
    chance = random.Random(seed)
    for now, actions in scenario(days, calls_a_day, seed):
        for action in actions:
            box.play(action)
            naive.play(action)
        expected, swept = naive.sweep(now), box.sweep(now)
        found.deleted.update(map(str, swept.values()))
        for number in sorted(expected.keys() | swept.keys()):
            if expected.get(number) != swept.get(number):
                found.differences.append(f"{now}: {number}: {expected.get(number)} {swept.get(number)}")
        living = list(naive.papers)
        for number in chance.sample(living, min(len(living), 25)):
            found.looked_at += 1
            if naive.outlook(number, now) != (seen := box.outlook(number, now)):
                found.differences.append(f"{now}: {number}: {naive.outlook(number, now)} {seen}")
        if found.differences:
            break
    found.kept = len(box.artifacts)
    return found


def test_on_no_day_of_a_simulated_site_does_the_box_differ_from_a_naive_model() -> None:
    deleted: Counter[str] = Counter()
    for seed in range(3):
        found = compare(days=500, calls_a_day=12, seed=seed)
        assert [] == found.differences
        deleted += found.deleted
    assert set(Reason) == set(deleted), "a reason that never occurred was not compared"


def test_a_scenario_is_the_same_every_time_it_is_told() -> None:
    assert list(scenario(40, 5, seed=1)) == list(scenario(40, 5, seed=1))
    assert list(scenario(40, 5, seed=1)) != list(scenario(40, 5, seed=2))
